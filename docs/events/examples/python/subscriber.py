"""Prints how each job of a tenant has ended, each end once.

Events come at least once, so it keeps the ids of those that it has handled.

From the environment: TENANT and KEY, which HTTP takes too; NATS_URL, the
servers; CONSUMER, which begins with the tenant's name and "_"; RECORD, the
database that remembers; and API_PREFIX where somebody else makes the consumer.
"""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from contextlib import closing

import nats
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig

STREAM = "BATCHPORT_EVENTS"
TENANT = os.environ["TENANT"]
CONSUMER = os.environ.get("CONSUMER") or f"{TENANT}_billing"
API_PREFIX = os.environ.get("API_PREFIX")

ENDS = {"batchport.job.completed", "batchport.job.cancelled", "batchport.job.failed"}


def open_record(path: str) -> sqlite3.Connection:
    """Opens the work's own database, which also has what was handled."""
    record = sqlite3.connect(path)
    record.execute("CREATE TABLE IF NOT EXISTS handled (id TEXT PRIMARY KEY, at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)")
    record.execute("CREATE TABLE IF NOT EXISTS ended (job TEXT NOT NULL, said TEXT NOT NULL)")
    # An event may come again for seven days, as long as the stream and the
    # outbox have it.
    record.execute("DELETE FROM handled WHERE at < datetime('now', '-8 days')")
    record.commit()
    return record


def handle(record: sqlite3.Connection, event: dict) -> None:
    """Prints and stores how a job has ended, unless it has done so before."""
    if event["type"] not in ENDS:
        return  # submissions, and what is added later
    data = event["data"]
    said = f"{data['job']} {data['kind']} {data['state']}: {data['report']['total']} items, {data['report']['failed']} failed"
    with record:  # one transaction: both are stored, or neither
        added = record.execute("INSERT OR IGNORE INTO handled (id) VALUES (?)", (event["id"],))
        if added.rowcount == 0:
            said = f"again: {event['id']}"
        else:
            record.execute("INSERT INTO ended (job, said) VALUES (?, ?)", (data["job"], said))
    print(said, flush=True)


async def subscription(connection: nats.NATS) -> JetStreamContext.PullSubscription:
    """Makes the durable consumer, which remembers how far it came, or takes the
    one that was made for this tenant."""
    if API_PREFIX:
        return await connection.jetstream(prefix=API_PREFIX).pull_subscribe_bind(CONSUMER, STREAM)
    stream = connection.jetstream()
    await stream.add_consumer(
        STREAM,
        ConsumerConfig(
            name=CONSUMER,
            durable_name=CONSUMER,
            filter_subject=f"batchport.v1.{TENANT}.job.>",
            ack_policy=AckPolicy.EXPLICIT,
        ),
    )
    return await stream.pull_subscribe_bind(CONSUMER, STREAM)


async def subscribe(connection: nats.NATS, record: sqlite3.Connection) -> None:
    """Handles one event after the other, and acknowledges each when that is
    done. What is not acknowledged comes again."""
    messages = await subscription(connection)
    try:
        while True:
            try:
                (message,) = await messages.fetch(1, timeout=5)
            except nats.errors.TimeoutError:
                continue  # nothing happened for a while
            handle(record, json.loads(message.data))
            await message.ack()
    finally:
        await messages.unsubscribe()


async def complain(error: Exception) -> None:
    """Says what is wrong with the connection, which is tried again for ever: a
    key that was revoked is an Authorization Violation."""
    print(repr(error), file=sys.stderr, flush=True)


async def main() -> None:
    connection = await nats.connect(
        os.environ.get("NATS_URL") or "nats://127.0.0.1:4222",
        user=TENANT,
        password=os.environ["KEY"],
        max_reconnect_attempts=-1,
        error_cb=complain,
    )
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, asyncio.current_task().cancel)
    with closing(open_record(os.environ.get("RECORD") or "ended.db")) as record:
        try:
            while True:
                # The consumer is asked for again whenever reading ends: it is
                # gone when the servers have lost their files.
                try:
                    await subscribe(connection, record)
                except Exception as error:
                    await complain(error)
                    await asyncio.sleep(1)
        except asyncio.CancelledError:
            pass  # told to stop
        finally:
            await connection.close()


asyncio.run(main())
