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
			return domain.CodeSuperseded
		}
		return nil
	})
}

// Release implements [ports.Leases].
func (s *Store) Release(ctx context.Context, claim ports.Claim, delay time.Duration) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		s.release(t, claim, lease{notUntil: s.clock().Add(delay)})
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
		return jobRow{}, domain.CodeSuperseded
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
			return s.suspectChunk(t, claim.Job.ID(), row)
		}
		return nil
	})
}

// Expire implements [ports.Leases].
func (s *Store) Expire(ctx context.Context, everything bool) (n int, err error) {
	err = s.do(ctx, func(s *Store, t *tx) error {
		clock := s.clock()
		lost := func(l lease) bool { return l.held && (everything || !l.until.After(clock)) }
		for _, id := range sortedKeys(s.open) {
			if row := s.jobs[id]; lost(row.lease) {
				s.suspectJob(t, row)
				n++
			}
			for _, first := range sortedKeys(s.chunks[id]) {
				row := s.chunks[id][first]
				if !lost(row.lease) {
					continue
				}
				if err := s.suspectChunk(t, id, row); err != nil {
					return err
				}
				n++
			}
		}
		return nil
	})
	return n, err
}

func (s *Store) suspectJob(t *tx, row jobRow) {
	if row.snapshot.Suspect {
		row.snapshot.Strikes++
	}
	row.snapshot.Suspect, row.lease = true, lease{}
	s.putJob(t, row)
}

func (s *Store) suspectChunk(t *tx, id domain.JobID, row chunkRow) error {
	row.lease = lease{}
	if row.chunk.Len == 1 {
		if row.suspect {
			row.strikes++
		}
		row.suspect = true
		put(t, s.chunks[id], row.chunk.First, row)
		return nil
	}
	parts, err := row.chunk.Split()
	if err != nil {
		return err
	}
	for _, part := range parts {
		put(t, s.chunks[id], part.First, chunkRow{chunk: part, epoch: row.epoch, suspect: true})
	}
	return nil
}
