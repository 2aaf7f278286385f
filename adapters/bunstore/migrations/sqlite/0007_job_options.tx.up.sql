-- How a job treats its items, and whose failed items it tries again.
ALTER TABLE {p}jobs ADD COLUMN validate_only  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE {p}jobs ADD COLUMN all_or_nothing INTEGER NOT NULL DEFAULT 0;
ALTER TABLE {p}jobs ADD COLUMN fail_items     INTEGER NOT NULL DEFAULT 0; -- 0: their number does not matter
ALTER TABLE {p}jobs ADD COLUMN fail_percent   INTEGER NOT NULL DEFAULT 0; -- 0: their share does not matter
ALTER TABLE {p}jobs ADD COLUMN retry_of       TEXT    NOT NULL DEFAULT ''; -- '': of none
ALTER TABLE {p}jobs ADD COLUMN select_failed  INTEGER NOT NULL DEFAULT 0; -- the items of retry_of that failed are what it is about

-- Lists of jobs are of one tenant, the newest first.
CREATE INDEX {p}jobs_listed ON {p}jobs (tenant, id);
