-- What a job was submitted under, and an event happened under, in a trace: a
-- traceparent of W3C Trace Context. NULL when nobody traces.
ALTER TABLE {p}jobs ADD COLUMN traceparent TEXT;
ALTER TABLE {p}outbox ADD COLUMN traceparent TEXT;
