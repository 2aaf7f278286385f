// Prints how each job of a tenant has ended, each end once: events come at
// least once, so it keeps the ids of those that it has handled.
//
// From the environment: TENANT and KEY, which HTTP takes too; NATS_URL, the
// servers; CONSUMER, which begins with the tenant's name and "_"; RECORD, the
// file that remembers; and API_PREFIX where somebody else makes the consumer.

import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { Consumer } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { EndedEvents } from "./record.js";
import type { JobEvent } from "./record.js";

const stream = "BATCHPORT_EVENTS";
const tenant = process.env["TENANT"] ?? "";
const name = process.env["CONSUMER"] || `${tenant}_billing`;
const apiPrefix = process.env["API_PREFIX"];

const record = new EndedEvents(process.env["RECORD"] || "ended.log");
const connection = await connect({
  servers: process.env["NATS_URL"] || "nats://127.0.0.1:4222",
  user: tenant,
  pass: process.env["KEY"] ?? "",
  maxReconnectAttempts: -1,
  waitOnFirstConnect: true,
});
let stopped = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    stopped = true;
    void connection.close();
  });
}

while (!stopped && !connection.isClosed()) {
  // The consumer is asked for again whenever reading ends: it is gone when the
  // servers have lost their files.
  try {
    await subscribe(await consumer());
  } catch (error) {
    if (!stopped) {
      console.error(error instanceof Error ? error.message : error);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }
}
if (!stopped) {
  throw (await connection.closed()) ?? new Error("the connection was closed"); // such as a key that was revoked
}

// subscribe handles one event after the other, and acknowledges each when that
// is done. What is not acknowledged comes again.
async function subscribe(from: Consumer): Promise<void> {
  while (!stopped) {
    const message = await from.next({ expires: 5_000 });
    if (message === null) {
      continue; // nothing happened for a while
    }
    handle(message.json<JobEvent>());
    message.ack();
  }
}

// consumer makes the durable consumer, which remembers how far it came, or
// looks for the one that was made for this tenant.
async function consumer(): Promise<Consumer> {
  if (apiPrefix) {
    return jetstream(connection, { apiPrefix }).consumers.get(stream, name);
  }
  const manager = await jetstreamManager(connection, { checkAPI: false });
  await manager.consumers.add(stream, {
    durable_name: name,
    filter_subject: `batchport.v1.${tenant}.job.>`,
    ack_policy: AckPolicy.Explicit,
  });
  return manager.jetstream().consumers.get(stream, name);
}

// handle prints and records how a job has ended, unless it has done so before.
function handle(event: JobEvent): void {
  switch (event.type) {
    case "batchport.job.completed":
    case "batchport.job.cancelled":
    case "batchport.job.failed":
      break;
    default:
      return; // submissions, and what is added later
  }
  if (record.has(event.id)) {
    console.log(`again: ${event.id}`);
    return;
  }
  const { job, kind, state, report } = event.data;
  const said = `${job} ${kind} ${state}: ${report.total} items, ${report.failed} failed`;
  record.add(event.id, said);
  console.log(said);
}
