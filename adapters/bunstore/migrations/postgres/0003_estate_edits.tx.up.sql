-- What the estate jobs leave behind, and the files that clients sent for them.
CREATE TABLE {p}reports (
    tenant    TEXT   COLLATE "C" NOT NULL,
    estate_id BIGINT NOT NULL,
    month     TEXT   COLLATE "C" NOT NULL, -- YYYYmm
    url       TEXT   COLLATE "C" NOT NULL, -- '' for an upload
    upload    TEXT   COLLATE "C" NOT NULL, -- '' for what is elsewhere
    PRIMARY KEY (tenant, estate_id, month)
);

CREATE INDEX {p}reports_upload ON {p}reports (tenant, upload) WHERE upload <> '';

CREATE TABLE {p}statement_lines (
    tenant    TEXT   COLLATE "C" NOT NULL,
    estate_id BIGINT NOT NULL,
    month     TEXT   COLLATE "C" NOT NULL, -- YYYYmm
    item      TEXT   COLLATE "C" NOT NULL,
    amount    BIGINT NOT NULL, -- hundredths of a TWD
    note      TEXT   COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, estate_id, month, item)
);

CREATE TABLE {p}uploads (
    tenant     TEXT   COLLATE "C" NOT NULL,
    id         TEXT   COLLATE "C" NOT NULL,
    name       TEXT   COLLATE "C" NOT NULL,
    size       BIGINT NOT NULL,
    sha256     BYTEA  NOT NULL,
    created_by TEXT   COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX {p}uploads_expiry ON {p}uploads (expires_at);
