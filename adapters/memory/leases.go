package memory

import (
	"context"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Extend implements [ports.Leases].
func (s *Store) Extend(ctx context.Context, claim ports.Claim, duration time.Duration) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		held := lease{held: true, until: s.clock().Add(duration)}
		if !s.release(t, claim, held) {
			return domain.CodeClaimLost
		}
		return nil
	})
}

// Release implements [ports.Leases].
func (s *Store) Release(ctx context.Context, claim ports.Claim, delay time.Duration) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		var l lease
		if delay > 0 {
			// Without a delay no time is kept: a clock that steps back would hide the piece.
			l.notUntil = s.clock().Add(delay)
		}
		s.release(t, claim, l)
		return nil
	})
}

// release puts another lease in the place of the claim's, if the claim still
// holds its piece.
func (s *Store) release(t *tx, claim ports.Claim, l lease) bool {
	if claim.Chunk == nil {
		row, err := s.heldJob(claim)
		if err != nil {
			return false
		}
		row.lease = l
		s.putJob(t, row)
		return true
	}
	row, err := s.heldChunk(claim)
	if err != nil {
		return false
	}
	row.lease = l
	put(t, s.chunks[claim.Job.ID()], row.chunk.First, row)
	return true
}

func (s *Store) heldJob(claim ports.Claim) (jobRow, error) {
	row, err := s.job(claim.Job.Ref())
	if err != nil || !row.lease.held || row.snapshot.Epoch != claim.Epoch {
		return jobRow{}, domain.CodeClaimLost
	}
	return row, nil
}

// Suspect implements [ports.Leases].
func (s *Store) Suspect(ctx context.Context, claim ports.Claim) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		if claim.Chunk == nil {
			if row, err := s.heldJob(claim); err == nil {
				s.suspectJob(t, row)
			}
			return nil
		}
		if row, err := s.heldChunk(claim); err == nil {
			s.suspectChunk(t, claim.Job.ID(), row)
		}
		return nil
	})
}

// Expire implements [ports.Leases].
func (s *Store) Expire(ctx context.Context, everything bool) (n int, err error) {
	err = s.do(ctx, func(s *Store, t *tx) error {
		clock := s.clock()
		lost := func(l lease) bool { return l.held && (everything || !l.until.After(clock)) }
		for _, id := range sortedKeys(s.jobs) { // with those that have ended
			job := s.jobs[id]
			_, open := s.open[id]
			if lost(job.lease) {
				s.suspectJob(t, job)
				n++
			}
			for _, first := range sortedKeys(s.chunks[id]) {
				switch row := s.chunks[id][first]; {
				case !lost(row.lease):
				case open:
					s.suspectChunk(t, id, row)
					n++
				default: // nobody will run it again: the lease is all that is left of it
					row.lease = lease{}
					put(t, s.chunks[id], first, row)
				}
			}
		}
		return nil
	})
	return n, err
}

// suspectAt is the strikes from which on a job itself is suspect.
const suspectAt = 2

func (s *Store) suspectJob(t *tx, row jobRow) {
	row.snapshot.Strikes++
	row.snapshot.Suspect = row.snapshot.Suspect || row.snapshot.Strikes >= suspectAt
	row.lease = lease{}
	s.putJob(t, row)
}

func (s *Store) suspectChunk(t *tx, id domain.JobID, row chunkRow) {
	if parts, ok := split(row.chunk); ok && !s.jobs[id].snapshot.Options.AllOrNothing {
		for _, part := range parts {
			put(t, s.chunks[id], part.First, chunkRow{chunk: part, epoch: row.epoch, suspect: true})
		}
		return
	}
	if row.suspect {
		row.strikes++
	}
	row.suspect, row.lease = true, lease{}
	put(t, s.chunks[id], row.chunk.First, row)
}

// split divides a chunk, or reports false when it cannot be divided so that
// every item is in a smaller one.
func split(chunk domain.Chunk) ([]domain.Chunk, bool) {
	parts, err := chunk.Split()
	items := 0
	for _, part := range parts {
		items += part.Len
	}
	return parts, err == nil && len(parts) > 1 && items == chunk.Len
}
