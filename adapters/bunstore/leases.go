package bunstore

import (
	"context"
	"database/sql"
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

// becomesSuspect is what Suspect does to a piece that is not split.
const becomesSuspect = "strikes = strikes + suspect, suspect = 1, lease_until = 0, ready_at = 0"

// Extend implements [github.com/batchport/batchport/ports.Leases].
func (s *Store) Extend(ctx context.Context, claim ports.Claim, lease time.Duration) error {
	held, err := s.updateHeld(ctx, claim, "lease_until = {now} + ?", lease.Microseconds())
	if err == nil && !held {
		return domain.CodeSuperseded
	}
	return err
}

// Release implements [github.com/batchport/batchport/ports.Leases].
func (s *Store) Release(ctx context.Context, claim ports.Claim, delay time.Duration) error {
	_, err := s.updateHeld(ctx, claim, "lease_until = 0, ready_at = {now} + ?", delay.Microseconds())
	return err
}

// Suspect implements [github.com/batchport/batchport/ports.Leases].
func (s *Store) Suspect(ctx context.Context, claim ports.Claim) error {
	if claim.Chunk == nil || claim.Chunk.Len == 1 {
		_, err := s.updateHeld(ctx, claim, becomesSuspect)
		return err
	}
	return s.inTx(ctx, func(ctx context.Context) error {
		held, err := s.updateHeld(ctx, claim, "lease_until = 0")
		if err != nil || !held {
			return err
		}
		return s.split(ctx, heldPiece{ref: claim.Job.Ref(), first: claim.Chunk.First, epoch: claim.Epoch})
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

// heldPiece is a chunk of several items that somebody holds or held.
type heldPiece struct {
	ref   domain.JobRef
	first int
	epoch int64
}

// split replaces a chunk by smaller ones, which are suspect. They keep its
// epoch, so that a claim on the chunk is not taken for one on its first part.
func (s *Store) split(ctx context.Context, piece heldPiece) error {
	items, err := s.items(ctx, piece.ref, piece.first)
	if err != nil {
		return err
	}
	parts, err := domain.Chunk{First: piece.first, Items: items}.Split()
	if err != nil {
		return err
	}
	for _, statement := range []string{
		"DELETE FROM {p}chunks WHERE tenant = ? AND job_id = ? AND first = ?",
		"DELETE FROM {p}chunk_items WHERE tenant = ? AND job_id = ? AND first = ?",
	} {
		if _, err := s.exec(ctx, statement, string(piece.ref.Tenant), string(piece.ref.ID), piece.first); err != nil {
			return err
		}
	}
	return s.addChunks(ctx, piece.ref, parts, piece.epoch, true)
}

// Expire implements [github.com/batchport/batchport/ports.Leases].
func (s *Store) Expire(ctx context.Context, everything bool) (expired int, err error) {
	lapsed := "lease_until > 0 AND lease_until <= {now}"
	if everything {
		lapsed = "lease_until > 0"
	}
	// The sweeper asks every few seconds and finds nothing: that needs no write lock.
	waiting, err := s.count(ctx, "SELECT EXISTS (SELECT 1 FROM {p}jobs WHERE "+lapsed+") + EXISTS (SELECT 1 FROM {p}chunks WHERE "+lapsed+")")
	if err != nil || waiting == 0 {
		return 0, err
	}
	err = s.inTx(ctx, func(ctx context.Context) error {
		// First the several, which are gone after it; then what is left.
		pieces, err := s.lapsedChunks(ctx, lapsed)
		if err != nil {
			return err
		}
		for _, piece := range pieces {
			if err := s.split(ctx, piece); err != nil {
				return err
			}
		}
		expired = len(pieces)
		for _, table := range []string{"{p}chunks", "{p}jobs"} {
			n, err := s.exec(ctx, "UPDATE "+table+" SET "+becomesSuspect+" WHERE "+lapsed)
			if err != nil {
				return err
			}
			expired += n
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return expired, nil
}

// lapsedChunks returns the chunks of several items for which the condition
// holds.
func (s *Store) lapsedChunks(ctx context.Context, lapsed string) ([]heldPiece, error) {
	var pieces []heldPiece
	err := s.query(ctx, s.idb(ctx), func(rows *sql.Rows) error {
		var p heldPiece
		if err := rows.Scan(&p.ref.Tenant, &p.ref.ID, &p.first, &p.epoch); err != nil {
			return err
		}
		pieces = append(pieces, p)
		return nil
	}, "SELECT tenant, job_id, first, epoch FROM {p}chunks WHERE "+lapsed+" AND len > 1 ORDER BY tenant, job_id, first")
	return pieces, err
}
