package bunstore

import (
	"context"
	"database/sql"
	"math"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// heldJob is the condition under which a claim holds its job. Its arguments
// are those of heldJobArgs.
const heldJob = "tenant = ? AND id = ? AND epoch = ? AND lease_until > 0"

func heldJobArgs(c ports.Claim) []any {
	ref := c.Job.Ref()
	return []any{string(ref.Tenant), string(ref.ID), c.Epoch}
}

// What Suspect does to a chunk that is not split, and to a job itself, which is
// suspect from its second strike on.
const (
	chunkSuspect = "strikes = strikes + suspect, suspect = 1, lease_until = 0, ready_at = 0"
	jobSuspect   = "strikes = strikes + 1, suspect = CASE WHEN strikes >= 1 THEN 1 ELSE suspect END, lease_until = 0, ready_at = 0"
)

// Extend implements [github.com/batchport/batchport/ports.Leases].
func (s *Store) Extend(ctx context.Context, claim ports.Claim, lease time.Duration) error {
	held, err := s.updateHeld(ctx, claim, "lease_until = {now} + ?", lease.Microseconds())
	if err == nil && !held {
		return domain.CodeClaimLost
	}
	return err
}

// Release implements [github.com/batchport/batchport/ports.Leases].
func (s *Store) Release(ctx context.Context, claim ports.Claim, delay time.Duration) error {
	if delay <= 0 {
		// Not now: a clock that steps back would hide the piece.
		_, err := s.updateHeld(ctx, claim, "lease_until = 0, ready_at = 0")
		return err
	}
	_, err := s.updateHeld(ctx, claim, "lease_until = 0, ready_at = {now} + ?", delay.Microseconds())
	return err
}

// Suspect implements [github.com/batchport/batchport/ports.Leases].
func (s *Store) Suspect(ctx context.Context, claim ports.Claim) error {
	if claim.Chunk == nil {
		_, err := s.updateHeld(ctx, claim, jobSuspect)
		return err
	}
	return s.inTx(ctx, func(ctx context.Context) error {
		held, err := s.updateHeld(ctx, claim, "lease_until = 0")
		if err != nil || !held {
			return err
		}
		return s.suspectChunk(ctx, lostChunk{ref: claim.Job.Ref(), first: claim.Chunk.First, len: claim.Chunk.Len, epoch: claim.Epoch})
	})
}

// updateHeld changes the claimed piece, and reports whether the claim holds it.
func (s *Store) updateHeld(ctx context.Context, claim ports.Claim, sets string, args ...any) (bool, error) {
	statement := "UPDATE {p}jobs SET " + sets + " WHERE " + heldJob
	held := heldJobArgs(claim)
	if claim.Chunk != nil {
		statement = "UPDATE {p}chunks SET " + sets + " WHERE " + heldChunk
		held = heldChunkArgs(claim)
	}
	changed, err := s.exec(ctx, statement, append(args, held...)...)
	return changed > 0, err
}

// lostChunk is a chunk whose worker was lost.
type lostChunk struct {
	ref        domain.JobRef
	first, len int
	epoch      int64
}

// suspectChunk makes a chunk suspect: smaller ones in its place, or the chunk
// itself when it cannot be split.
func (s *Store) suspectChunk(ctx context.Context, lost lostChunk) error {
	parts, err := s.partsOf(ctx, lost)
	if err != nil {
		return err
	}
	key := []any{string(lost.ref.Tenant), string(lost.ref.ID), lost.first}
	if parts == nil {
		_, err := s.exec(ctx, "UPDATE {p}chunks SET "+chunkSuspect+" WHERE tenant = ? AND job_id = ? AND first = ?", key...)
		return err
	}
	for _, statement := range []string{
		"DELETE FROM {p}chunks WHERE tenant = ? AND job_id = ? AND first = ?",
		"DELETE FROM {p}chunk_items WHERE tenant = ? AND job_id = ? AND first = ?",
	} {
		if _, err := s.exec(ctx, statement, key...); err != nil {
			return err
		}
	}
	// They keep the epoch, so that a claim on the chunk is not taken for one on
	// its first part.
	return s.addChunks(ctx, lost.ref, parts, lost.epoch, true)
}

// partsOf splits a chunk. It returns none when the chunk cannot be divided so
// that every item is in a smaller one.
func (s *Store) partsOf(ctx context.Context, lost lostChunk) ([]domain.Chunk, error) {
	if lost.len == 1 {
		return nil, nil
	}
	if whole, err := s.holds(ctx, "SELECT all_or_nothing = 1 FROM {p}jobs WHERE tenant = ? AND id = ?",
		string(lost.ref.Tenant), string(lost.ref.ID)); whole || err != nil {
		return nil, err
	}
	items, err := s.items(ctx, lost.ref, lost.first)
	if err != nil {
		return nil, err
	}
	parts, err := domain.Chunk{First: lost.first, Len: lost.len, Items: items}.Split()
	n := 0
	for _, part := range parts {
		n += part.Len
	}
	if err != nil || len(parts) < 2 || n != lost.len {
		return nil, nil //nolint:nilerr // the items are at fault, and the chunk becomes suspect with them
	}
	return parts, nil
}

// lapsed is the condition under which a lease is lost. Its argument is the
// time up to which leases have run out, the same for all statements of one
// Expire: a lease must not run out between two of them.
const lapsed = "lease_until > 0 AND lease_until <= ?"

// Expire implements [github.com/batchport/batchport/ports.Leases].
func (s *Store) Expire(ctx context.Context, everything bool) (expired int, err error) {
	until := int64(math.MaxInt64)
	if !everything {
		if until, err = s.now(ctx); err != nil {
			return 0, err
		}
	}
	// The sweeper asks every few seconds and finds nothing: that needs no write lock.
	waiting, err := s.holds(ctx, "SELECT EXISTS (SELECT 1 FROM {p}jobs WHERE "+lapsed+") OR EXISTS (SELECT 1 FROM {p}chunks WHERE "+lapsed+")",
		until, until)
	if err != nil || !waiting {
		return 0, err
	}
	err = s.inTx(ctx, func(ctx context.Context) error {
		expired, err = s.expire(ctx, until)
		return err
	})
	if err != nil {
		return 0, err
	}
	return expired, nil
}

func (s *Store) expire(ctx context.Context, until int64) (expired int, err error) {
	// A worker that has its chunk locked is doing its last: what it holds is left
	// to the next sweep, so that this one does not wait for it. Only when no
	// other process can be alive, everything is waited for: the server may not
	// have noticed yet.
	lock, chunks, jobs := "{free}", "", ""
	if until == math.MaxInt64 {
		lock = "{lock}"
	}
	args := []any{until}
	if !s.dialect.oneWriter {
		chunks = " AND (tenant, job_id, first) IN (SELECT tenant, job_id, first FROM {p}chunks WHERE " + lapsed + " ORDER BY tenant, job_id, first " + lock + ")"
		jobs = " AND seq IN (SELECT seq FROM {p}jobs WHERE " + lapsed + " ORDER BY seq " + lock + ")"
		args = append(args, until)
	}
	// Nobody will run the chunks of an ended job again: no loss, but a lease
	// that is left over.
	if _, err := s.exec(ctx, "UPDATE {p}chunks SET lease_until = 0 WHERE "+lapsed+chunks+` AND EXISTS (
		SELECT 1 FROM {p}jobs AS j WHERE j.id = {p}chunks.job_id AND j.tenant = {p}chunks.tenant AND j.ended = 1)`, args...); err != nil {
		return 0, err
	}
	several, err := s.lapsedChunks(ctx, until, lock)
	if err != nil {
		return 0, err
	}
	for _, lost := range several {
		if err := s.suspectChunk(ctx, lost); err != nil {
			return 0, err
		}
	}
	expired = len(several)
	for _, statement := range []string{
		"UPDATE {p}chunks SET " + chunkSuspect + " WHERE " + lapsed + chunks, // those of one item
		"UPDATE {p}jobs SET " + jobSuspect + " WHERE " + lapsed + jobs,       // SaveJob takes the lease of one that ends
	} {
		n, err := s.exec(ctx, statement, args...)
		if err != nil {
			return 0, err
		}
		expired += n
	}
	return expired, nil
}

// now returns the database's time as it is stored.
func (s *Store) now(ctx context.Context) (now int64, err error) {
	err = s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error { return rows.Scan(&now) }, "SELECT {now}")
	return now, err
}

// lapsedChunks returns the lost chunks of several items.
func (s *Store) lapsedChunks(ctx context.Context, until int64, lock string) ([]lostChunk, error) {
	var several []lostChunk
	err := s.query(ctx, s.idb(ctx), func(rows *sql.Rows) error {
		var lost lostChunk
		if err := rows.Scan(&lost.ref.Tenant, &lost.ref.ID, &lost.first, &lost.len, &lost.epoch); err != nil {
			return err
		}
		several = append(several, lost)
		return nil
	}, "SELECT tenant, job_id, first, len, epoch FROM {p}chunks WHERE "+lapsed+" AND len > 1 ORDER BY tenant, job_id, first "+lock, until)
	return several, err
}
