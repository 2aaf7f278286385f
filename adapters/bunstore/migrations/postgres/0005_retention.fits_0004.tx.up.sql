-- What an ended job leaves behind is removed when it has been kept for long
-- enough: its items in their order, little by little, and the job itself last.
ALTER TABLE {p}jobs ADD COLUMN purged_to BIGINT NOT NULL DEFAULT 0; -- the first item that is still there
ALTER TABLE {p}jobs ADD COLUMN bare SMALLINT NOT NULL DEFAULT 0; -- no item is

CREATE INDEX {p}jobs_kept ON {p}jobs (ended_at, seq) WHERE ended = 1 AND bare = 0;
CREATE INDEX {p}jobs_bare ON {p}jobs (ended_at, seq) WHERE ended = 1 AND bare = 1;
CREATE INDEX {p}jobs_files ON {p}jobs (ended_at, seq) WHERE ended = 1 AND file IS NOT NULL;
-- Hashes, because a subject and an identifier may be longer than a B-tree takes.
CREATE INDEX {p}outbox_untold ON {p}outbox USING hash (subject) WHERE published = 0;
CREATE INDEX {p}idempotency_keys_job ON {p}idempotency_keys USING hash (job_id);
