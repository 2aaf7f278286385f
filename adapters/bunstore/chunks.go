package bunstore

import (
	"context"
	"database/sql"
	"iter"
	"strconv"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// AddChunks implements [github.com/batchport/batchport/ports.Chunks].
func (s *Store) AddChunks(ctx context.Context, ref domain.JobRef, chunks []domain.Chunk) error {
	if len(chunks) == 0 {
		return s.writable(ctx)
	}
	return s.inTx(ctx, func(ctx context.Context) error {
		return s.addChunks(ctx, ref, chunks, 0, false)
	})
}

// addChunks stores chunks whose epochs begin at epoch.
func (s *Store) addChunks(ctx context.Context, ref domain.JobRef, chunks []domain.Chunk, epoch int64, suspect bool) error {
	err := s.insert(ctx, "INSERT INTO {p}chunks (tenant, job_id, first, len, epoch, suspect)", len(chunks), func(i int) ([]any, error) {
		return []any{string(ref.Tenant), string(ref.ID), chunks[i].First, chunks[i].Len, epoch, flag(suspect)}, nil
	})
	if err != nil {
		return taken(err, "chunk", strconv.Itoa(chunks[0].First))
	}
	return s.insert(ctx, "INSERT INTO {p}chunk_items (tenant, job_id, first, items)", len(chunks), func(i int) ([]any, error) {
		return []any{string(ref.Tenant), string(ref.ID), chunks[i].First, string(chunks[i].Items)}, nil
	})
}

// ClearChunks implements [github.com/batchport/batchport/ports.Chunks].
func (s *Store) ClearChunks(ctx context.Context, ref domain.JobRef) error {
	return s.inTx(ctx, func(ctx context.Context) error {
		for _, statement := range []string{
			"DELETE FROM {p}chunks WHERE tenant = ? AND job_id = ?",
			"DELETE FROM {p}chunk_items WHERE tenant = ? AND job_id = ?",
		} {
			if _, err := s.exec(ctx, statement, string(ref.Tenant), string(ref.ID)); err != nil {
				return err
			}
		}
		return nil
	})
}

// chunkPage is how many chunks EachChunk reads at once. Their items can be
// large.
const chunkPage = 32

// EachChunk implements [github.com/batchport/batchport/ports.Chunks].
func (s *Store) EachChunk(ctx context.Context, ref domain.JobRef) iter.Seq2[domain.Chunk, error] {
	return func(yield func(domain.Chunk, error) bool) {
		after := -1
		for {
			// A page is read to its end before any of it is yielded, so that
			// the caller may use the same transaction meanwhile.
			page, err := s.chunkPage(ctx, ref, after)
			if err != nil {
				yield(domain.Chunk{}, err)
				return
			}
			for _, c := range page {
				if !yield(c, nil) {
					return
				}
				after = c.First
			}
			if len(page) < chunkPage {
				return
			}
		}
	}
}

// chunkPage reads the next chunks. Not with a join: PostgreSQL, which knows
// little of tables that have just been filled, would read all items for each page.
func (s *Store) chunkPage(ctx context.Context, ref domain.JobRef, after int) ([]domain.Chunk, error) {
	var page []domain.Chunk
	err := s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
		var c domain.Chunk
		if err := rows.Scan(&c.First, &c.Len, &c.Items); err != nil {
			return err
		}
		page = append(page, c)
		return nil
	}, `SELECT c.first, c.len, (
			SELECT i.items FROM {p}chunk_items AS i WHERE i.tenant = c.tenant AND i.job_id = c.job_id AND i.first = c.first)
		FROM {p}chunks AS c WHERE c.tenant = ? AND c.job_id = ? AND c.first > ?
		ORDER BY c.first LIMIT ?`, string(ref.Tenant), string(ref.ID), after, chunkPage)
	return page, err
}

// heldChunk is the condition under which a claim holds its chunk. Its
// arguments are those of heldChunkArgs.
const heldChunk = "tenant = ? AND job_id = ? AND first = ? AND epoch = ? AND done = 0 AND lease_until > 0"

func heldChunkArgs(c ports.Claim) []any {
	ref := c.Job.Ref()
	return []any{string(ref.Tenant), string(ref.ID), c.Chunk.First, c.Epoch}
}

// HoldChunk implements [github.com/batchport/batchport/ports.Chunks]. On
// SQLite the transaction has the write lock since it began, and there is no
// other.
func (s *Store) HoldChunk(ctx context.Context, claim ports.Claim) error {
	if claim.Chunk == nil {
		return misuse("HoldChunk of a claim on a whole job")
	}
	if err := s.writable(ctx); err != nil {
		return err
	}
	held := false
	err := s.query(ctx, s.idb(ctx), func(rows *sql.Rows) error { return rows.Scan(&held) },
		"SELECT 1 FROM {p}chunks WHERE "+heldChunk+" {lock}", heldChunkArgs(claim)...)
	if err == nil && !held {
		return domain.CodeClaimLost
	}
	return err
}

// FinishChunk implements [github.com/batchport/batchport/ports.Chunks].
func (s *Store) FinishChunk(ctx context.Context, claim ports.Claim) error {
	if claim.Chunk == nil {
		return misuse("FinishChunk of a claim on a whole job")
	}
	finished, err := s.exec(ctx, "UPDATE {p}chunks SET done = 1, lease_until = 0 WHERE "+heldChunk, heldChunkArgs(claim)...)
	if err == nil && finished == 0 {
		return domain.CodeClaimLost
	}
	return err
}
