-- What the estate jobs leave behind, and the files that clients sent for them.
CREATE TABLE {p}reports (
    tenant    TEXT    NOT NULL,
    estate_id INTEGER NOT NULL,
    month     TEXT    NOT NULL, -- YYYYmm
    url       TEXT    NOT NULL, -- '' for an upload
    upload    TEXT    NOT NULL, -- '' for what is elsewhere
    PRIMARY KEY (tenant, estate_id, month)
) STRICT, WITHOUT ROWID;

CREATE INDEX {p}reports_upload ON {p}reports (tenant, upload) WHERE upload <> '';

CREATE TABLE {p}statement_lines (
    tenant    TEXT    NOT NULL,
    estate_id INTEGER NOT NULL,
    month     TEXT    NOT NULL, -- YYYYmm
    item      TEXT    NOT NULL,
    amount    INTEGER NOT NULL, -- hundredths of a TWD
    note      TEXT    NOT NULL,
    PRIMARY KEY (tenant, estate_id, month, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE {p}uploads (
    tenant     TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    size       INTEGER NOT NULL,
    sha256     BLOB    NOT NULL,
    created_by TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX {p}uploads_expiry ON {p}uploads (expires_at);
