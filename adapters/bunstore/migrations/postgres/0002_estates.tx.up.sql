-- The objects that the estate jobs work on. Searches scan a tenant's rows in
-- the order of their keys: an index for each option would cost every load more
-- than it saves a search.
CREATE TABLE {p}users (
    tenant TEXT   COLLATE "C" NOT NULL,
    id     BIGINT NOT NULL,
    role   TEXT   COLLATE "C" NOT NULL,
    name   TEXT   COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE {p}communities (
    tenant     TEXT   COLLATE "C" NOT NULL,
    id         BIGINT NOT NULL,
    country    BIGINT NOT NULL,
    district   BIGINT NOT NULL,
    households BIGINT NOT NULL,
    name       TEXT   COLLATE "C" NOT NULL,
    address    TEXT   COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Pages keep room, so that an edit writes beside the row and not to the index.
CREATE TABLE {p}estates (
    tenant       TEXT     COLLATE "C" NOT NULL,
    id           BIGINT   NOT NULL,
    listed       SMALLINT NOT NULL,
    status       TEXT     COLLATE "C" NOT NULL,
    rent         BIGINT   NOT NULL, -- whole TWD a month
    area         BIGINT   NOT NULL, -- hundredths of a ping
    country      BIGINT   NOT NULL,
    district     BIGINT   NOT NULL,
    community_id BIGINT,
    agent_id     BIGINT,
    name         TEXT     COLLATE "C" NOT NULL,
    address      TEXT     COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 80);

-- The big landlord of an estate, and what that person may do with it.
CREATE TABLE {p}grants (
    tenant       TEXT   COLLATE "C" NOT NULL,
    estate_id    BIGINT NOT NULL,
    user_id      BIGINT NOT NULL,
    capabilities TEXT   COLLATE "C" NOT NULL, -- a JSON array of those that are 1, sorted
    PRIMARY KEY (tenant, estate_id)
) WITH (fillfactor = 80);

CREATE TABLE {p}contracts (
    tenant      TEXT   COLLATE "C" NOT NULL,
    id          BIGINT NOT NULL,
    estate_id   BIGINT NOT NULL,
    agent_id    BIGINT NOT NULL,
    state       TEXT   COLLATE "C" NOT NULL,
    starts_on   TEXT   COLLATE "C" NOT NULL, -- YYYY-MM-DD
    ends_on     TEXT   COLLATE "C" NOT NULL,
    rent        BIGINT NOT NULL,
    deposit     BIGINT NOT NULL,
    tenant_name TEXT   COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 80);

CREATE TABLE {p}repairs (
    tenant      TEXT   COLLATE "C" NOT NULL,
    id          BIGINT NOT NULL,
    estate_id   BIGINT NOT NULL,
    state       TEXT   COLLATE "C" NOT NULL,
    reported_on TEXT   COLLATE "C" NOT NULL, -- YYYY-MM-DD
    cost        BIGINT NOT NULL,
    category    TEXT   COLLATE "C" NOT NULL,
    description TEXT   COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
);
