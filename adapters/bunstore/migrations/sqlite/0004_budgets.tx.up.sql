-- Which budget pays for which documents. A rule is never removed, only marked:
-- what is there stays there.
CREATE TABLE {p}budget_rules (
    tenant       TEXT    NOT NULL,
    code         TEXT    NOT NULL,
    priority     INTEGER NOT NULL,
    budget_code  TEXT    NOT NULL,
    condition    TEXT    NOT NULL, -- a JSON object, whose bytes are the same for the same condition
    branch_code  TEXT    NOT NULL, -- '' when not given
    budget_event TEXT    NOT NULL, -- '' when not given
    deleted      INTEGER NOT NULL, -- marked as deleted
    revision     INTEGER NOT NULL, -- how often it was stored: 1 for a new rule
    batch        TEXT    NOT NULL, -- the request that stored it last,
    position     INTEGER NOT NULL, -- and its place in there
    stored_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant, code)
) STRICT, WITHOUT ROWID;

-- With a rowid, because an answer fills pages.
CREATE TABLE {p}sync_answers (
    tenant TEXT    NOT NULL,
    id     TEXT    NOT NULL, -- of the sync
    answer TEXT    NOT NULL, -- JSON, which is given again byte for byte
    at     INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;

CREATE INDEX {p}sync_answers_age ON {p}sync_answers (at);

-- Who spends locks the row of the quota, so that uses are counted one after another.
CREATE TABLE {p}quotas (
    tenant TEXT    NOT NULL,
    name   TEXT    NOT NULL,
    clock  INTEGER NOT NULL, -- the time of the last counted use, 0 for none: for the quota it is never earlier
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE {p}quota_uses (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT, -- several uses may have one time
    tenant TEXT    NOT NULL,
    name   TEXT    NOT NULL,
    at     INTEGER NOT NULL
) STRICT;

CREATE INDEX {p}quota_uses_at ON {p}quota_uses (tenant, name, at);

-- What is doubtful about items that were done all the same; as {p}item_failures.
CREATE TABLE {p}item_warnings (
    tenant   TEXT    NOT NULL,
    job_id   TEXT    NOT NULL,
    position INTEGER NOT NULL,
    code     TEXT    NOT NULL,
    detail   TEXT    NOT NULL, -- JSON, which holds any text a client sends, the NUL character too
    PRIMARY KEY (tenant, job_id, position)
) STRICT, WITHOUT ROWID;
