-- The objects that the estate jobs work on. Searches scan a tenant's rows in
-- the order of their keys: an index for each option would cost every load more
-- than it saves a search.
CREATE TABLE {p}users (
    tenant TEXT    NOT NULL,
    id     INTEGER NOT NULL,
    role   TEXT    NOT NULL,
    name   TEXT    NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE {p}communities (
    tenant     TEXT    NOT NULL,
    id         INTEGER NOT NULL,
    country    INTEGER NOT NULL,
    district   INTEGER NOT NULL,
    households INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE {p}estates (
    tenant       TEXT    NOT NULL,
    id           INTEGER NOT NULL,
    listed       INTEGER NOT NULL,
    status       TEXT    NOT NULL,
    rent         INTEGER NOT NULL, -- whole TWD a month
    area         INTEGER NOT NULL, -- hundredths of a ping
    country      INTEGER NOT NULL,
    district     INTEGER NOT NULL,
    community_id INTEGER,
    agent_id     INTEGER,
    name         TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- The big landlord of an estate, and what that person may do with it.
CREATE TABLE {p}grants (
    tenant       TEXT    NOT NULL,
    estate_id    INTEGER NOT NULL,
    user_id      INTEGER NOT NULL,
    capabilities TEXT    NOT NULL, -- a JSON array of those that are 1, sorted
    PRIMARY KEY (tenant, estate_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE {p}contracts (
    tenant      TEXT    NOT NULL,
    id          INTEGER NOT NULL,
    estate_id   INTEGER NOT NULL,
    agent_id    INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    starts_on   TEXT    NOT NULL, -- YYYY-MM-DD
    ends_on     TEXT    NOT NULL,
    rent        INTEGER NOT NULL,
    deposit     INTEGER NOT NULL,
    tenant_name TEXT    NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- With a rowid, because a description may fill pages.
CREATE TABLE {p}repairs (
    tenant      TEXT    NOT NULL,
    id          INTEGER NOT NULL,
    estate_id   INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    reported_on TEXT    NOT NULL, -- YYYY-MM-DD
    cost        INTEGER NOT NULL,
    category    TEXT    NOT NULL,
    description TEXT    NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
