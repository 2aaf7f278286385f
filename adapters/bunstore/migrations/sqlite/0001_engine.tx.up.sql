-- One submitted request and its life. The wide columns come last, because
-- SQLite reads a row from its beginning and most readers stop before them.
CREATE TABLE {p}jobs (
    seq              INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of submission
    tenant           TEXT    NOT NULL,
    id               TEXT    NOT NULL UNIQUE,
    user_id          TEXT    NOT NULL,
    kind             TEXT    NOT NULL,
    resource         TEXT    NOT NULL,
    whole            INTEGER NOT NULL,
    locale           TEXT    NOT NULL,
    select_all       INTEGER NOT NULL,
    expected         INTEGER,
    items            INTEGER NOT NULL,
    submitted_at     INTEGER NOT NULL,
    state            TEXT    NOT NULL,
    total            INTEGER NOT NULL,
    created          INTEGER NOT NULL,
    updated          INTEGER NOT NULL,
    unchanged        INTEGER NOT NULL,
    deleted          INTEGER NOT NULL,
    exported         INTEGER NOT NULL,
    failed           INTEGER NOT NULL,
    skipped          INTEGER NOT NULL,
    cancelled        INTEGER NOT NULL,
    processed        INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    epoch            INTEGER NOT NULL,
    suspect          INTEGER NOT NULL,
    strikes          INTEGER NOT NULL,
    sequence         INTEGER NOT NULL,
    started_at       INTEGER NOT NULL,
    ended_at         INTEGER NOT NULL,
    ended            INTEGER NOT NULL,            -- what the state says, for the indexes
    needs_worker     INTEGER NOT NULL,            -- what the state, whole and select_all say
    worker           TEXT    NOT NULL DEFAULT '', -- who held the job itself last
    lease_until      INTEGER NOT NULL DEFAULT 0,  -- 0: nobody holds the job itself
    ready_at         INTEGER NOT NULL DEFAULT 0,  -- not to be claimed before
    cause            TEXT,
    file             TEXT,
    payload          TEXT
) STRICT;

-- Claims look at open jobs alone, line by line: those of a tenant that write one
-- resource stand in a line. To choose among them this index is all that is read.
CREATE INDEX {p}jobs_open ON {p}jobs (tenant, resource, seq, kind, cancel_requested, needs_worker, lease_until, suspect, ready_at, id)
    WHERE ended = 0;
CREATE INDEX {p}jobs_stopping ON {p}jobs (seq) WHERE ended = 0 AND cancel_requested = 1;
CREATE INDEX {p}jobs_held ON {p}jobs (tenant, id, lease_until) WHERE lease_until > 0;

-- Where each run of items is in its life. The items have a table of their own,
-- because SQLite writes the whole row again for each claim.
CREATE TABLE {p}chunks (
    tenant      TEXT    NOT NULL,
    job_id      TEXT    NOT NULL,
    first       INTEGER NOT NULL,
    len         INTEGER NOT NULL,
    done        INTEGER NOT NULL DEFAULT 0,
    epoch       INTEGER NOT NULL DEFAULT 0,
    suspect     INTEGER NOT NULL DEFAULT 0,
    strikes     INTEGER NOT NULL DEFAULT 0,
    worker      TEXT    NOT NULL DEFAULT '',
    lease_until INTEGER NOT NULL DEFAULT 0,
    ready_at    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, job_id, first)
) STRICT, WITHOUT ROWID;

CREATE INDEX {p}chunks_ready ON {p}chunks (tenant, job_id, suspect, first, ready_at)
    WHERE done = 0 AND lease_until = 0;
CREATE INDEX {p}chunks_held ON {p}chunks (tenant, job_id, first, lease_until) WHERE lease_until > 0;

CREATE TABLE {p}chunk_items (
    tenant TEXT    NOT NULL,
    job_id TEXT    NOT NULL,
    first  INTEGER NOT NULL,
    items  TEXT    NOT NULL, -- a JSON array
    PRIMARY KEY (tenant, job_id, first)
) STRICT;

CREATE TABLE {p}item_failures (
    tenant   TEXT    NOT NULL,
    job_id   TEXT    NOT NULL,
    position INTEGER NOT NULL,
    code     TEXT    NOT NULL,
    detail   TEXT    NOT NULL, -- JSON, which holds any text a client sends, the NUL character too
    PRIMARY KEY (tenant, job_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE {p}outbox (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant    TEXT    NOT NULL,
    id        TEXT    NOT NULL UNIQUE,
    topic     TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    sequence  INTEGER NOT NULL,
    time      INTEGER NOT NULL,
    published INTEGER NOT NULL DEFAULT 0,
    stream    TEXT    NOT NULL DEFAULT '', -- where it was published
    position  INTEGER NOT NULL DEFAULT 0,
    data      TEXT
) STRICT;

CREATE INDEX {p}outbox_waiting ON {p}outbox (seq) WHERE published = 0;
CREATE INDEX {p}outbox_position ON {p}outbox (stream, position) WHERE published = 1;
CREATE INDEX {p}outbox_age ON {p}outbox (time) WHERE published = 1;

CREATE TABLE {p}idempotency_keys (
    tenant          TEXT    NOT NULL,
    idempotency_key TEXT    NOT NULL,
    fingerprint     TEXT    NOT NULL,
    job_id          TEXT    NOT NULL,
    at              INTEGER NOT NULL,
    PRIMARY KEY (tenant, idempotency_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX {p}idempotency_keys_age ON {p}idempotency_keys (at);

CREATE TABLE {p}api_keys (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant      TEXT    NOT NULL,
    id          TEXT    NOT NULL UNIQUE,
    hash        BLOB    NOT NULL,
    user_id     TEXT    NOT NULL,
    permissions TEXT    NOT NULL, -- a JSON array
    created_at  INTEGER NOT NULL,
    revoked_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX {p}api_keys_user ON {p}api_keys (tenant, user_id);

-- What belongs to the installation as a whole, and so to no tenant.
CREATE TABLE {p}settings (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
