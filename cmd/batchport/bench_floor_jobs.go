package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// job writes what a job of one estate writes, in as many transactions: one
// that stores the job, one that claims its chunk, and one that changes the
// estate and ends the job. id is one that no other job has.
func (f floor) job(ctx context.Context, tenant, id string, estate int64, listed bool) error {
	now := time.Now().UnixMicro()
	for _, statements := range [][]statement{
		{
			{
				`INSERT INTO batchport_outbox (tenant, id, topic, subject, sequence, time, data) VALUES (?, ?, 'submitted', ?, 1, ?, ?)`,
				[]any{tenant, id + "-1", id, now, floorEvent},
			},
			{
				`INSERT INTO batchport_jobs (tenant, id, user_id, kind, resource, whole, locale, select_all, items, submitted_at, payload,
				state, total, created, updated, unchanged, deleted, exported, failed, skipped, cancelled, processed, cancel_requested,
				epoch, suspect, strikes, sequence, started_at, ended_at, ended, needs_worker)
				VALUES (?, ?, '1', 'floor', 'estates', 0, '', 0, 1, ?, '{}', 'queued', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)`,
				[]any{tenant, id, now},
			},
			{`INSERT INTO batchport_chunks (tenant, job_id, first, len) VALUES (?, ?, 0, 1)`, []any{tenant, id}},
			{
				`INSERT INTO batchport_chunk_items (tenant, job_id, first, items) VALUES (?, ?, 0, ?)`,
				[]any{tenant, id, fmt.Sprintf("[%d]", estate)},
			},
		},
		{
			{
				`UPDATE batchport_chunks SET epoch = 1, worker = 'floor', lease_until = ? WHERE tenant = ? AND job_id = ? AND first = 0`,
				[]any{now, tenant, id},
			},
			{`UPDATE batchport_jobs SET state = 'running', started_at = ? WHERE tenant = ? AND id = ?`, []any{now, tenant, id}},
		},
		{
			{`UPDATE batchport_estates SET listed = ? WHERE tenant = ? AND id = ?`, []any{asNumber(listed), tenant, estate}},
			{`UPDATE batchport_chunks SET done = 1, lease_until = 0 WHERE tenant = ? AND job_id = ? AND first = 0`, []any{tenant, id}},
			{`UPDATE batchport_jobs SET state = 'completed', updated = 1, processed = 1, ended_at = ?, ended = 1, sequence = 2
				WHERE tenant = ? AND id = ?`, []any{now, tenant, id}},
			{
				`INSERT INTO batchport_outbox (tenant, id, topic, subject, sequence, time, data) VALUES (?, ?, 'completed', ?, 2, ?, ?)`,
				[]any{tenant, id + "-2", id, now, floorEvent},
			},
		},
	} {
		if err := f.transact(ctx, statements); err != nil {
			return err
		}
	}
	return nil
}

// floorEvent is about as long as the document of an event.
const floorEvent = `{"kind":"estate_batch_open_rent","state":"completed","report":{"total":1,"created":0,"updated":1,"unchanged":0,` +
	`"deleted":0,"exported":0,"failed":0,"skipped":0,"cancelled":0},"locale":"","submitted_at":"2026-11-26T00:00:00Z"}`

// statement is SQL with its arguments.
type statement struct {
	text string
	args []any
}

// transact runs statements that each touch one row, in one transaction.
func (f floor) transact(ctx context.Context, statements []statement) error {
	return f.Write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		for _, s := range statements {
			result, err := tx.ExecContext(ctx, s.text, s.args...)
			if err != nil {
				return err
			}
			if n, err := result.RowsAffected(); err != nil || n != 1 {
				return errors.Join(err, fmt.Errorf("%d rows instead of one: %s", n, s.text))
			}
		}
		return nil
	})
}
