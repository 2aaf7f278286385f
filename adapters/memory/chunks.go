package memory

import (
	"context"
	"iter"
	"slices"
	"strconv"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// chunkRow is a chunk, how far it is, and the lease on it.
type chunkRow struct {
	chunk   domain.Chunk
	done    bool
	epoch   int64
	suspect bool
	strikes int
	lease   lease
}

func (c chunkRow) ready() bool { return !c.done && !c.lease.held }

func copyChunk(c domain.Chunk) domain.Chunk {
	c.Items = slices.Clone(c.Items)
	return c
}

// AddChunks implements [ports.Chunks].
func (s *Store) AddChunks(ctx context.Context, ref domain.JobRef, chunks []domain.Chunk) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		if _, err := s.job(ref); err != nil {
			return err
		}
		rows := sub(t, s.chunks, ref.ID)
		for _, c := range chunks {
			if _, taken := rows[c.First]; taken {
				return domain.Fail(domain.NewFailure(domain.CodeConflict, "first", strconv.Itoa(c.First)))
			}
			put(t, rows, c.First, chunkRow{chunk: copyChunk(c)})
		}
		return nil
	})
}

// ClearChunks implements [ports.Chunks].
func (s *Store) ClearChunks(ctx context.Context, ref domain.JobRef) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		if _, err := s.job(ref); err != nil {
			return err
		}
		drop(t, s.chunks, ref.ID)
		return nil
	})
}

// EachChunk implements [ports.Chunks].
func (s *Store) EachChunk(ctx context.Context, ref domain.JobRef) iter.Seq2[domain.Chunk, error] {
	return func(yield func(domain.Chunk, error) bool) {
		var chunks []domain.Chunk
		err := s.do(ctx, func(s *Store, _ *tx) error {
			if _, err := s.job(ref); err != nil {
				return err
			}
			for _, first := range sortedKeys(s.chunks[ref.ID]) {
				chunks = append(chunks, copyChunk(s.chunks[ref.ID][first].chunk))
			}
			return nil
		})
		if err != nil {
			yield(domain.Chunk{}, err)
			return
		}
		for _, c := range chunks {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// HoldChunk implements [ports.Chunks].
func (s *Store) HoldChunk(ctx context.Context, claim ports.Claim) error {
	return s.do(ctx, func(s *Store, _ *tx) error {
		_, err := s.heldChunk(claim)
		return err
	})
}

// FinishChunk implements [ports.Chunks].
func (s *Store) FinishChunk(ctx context.Context, claim ports.Claim) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		row, err := s.heldChunk(claim)
		if err != nil {
			return err
		}
		row.done, row.lease = true, lease{}
		put(t, s.chunks[claim.Job.ID()], row.chunk.First, row)
		return nil
	})
}

// heldChunk returns the row that the claim holds, or [domain.CodeClaimLost].
func (s *Store) heldChunk(claim ports.Claim) (chunkRow, error) {
	row, found := s.chunks[claim.Job.ID()][claim.Chunk.First]
	if _, err := s.job(claim.Job.Ref()); err != nil || !found || !row.lease.held || row.epoch != claim.Epoch {
		return chunkRow{}, domain.CodeClaimLost
	}
	return row, nil
}
