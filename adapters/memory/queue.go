package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Claim implements [ports.Queue].
func (s *Store) Claim(ctx context.Context, request ports.ClaimRequest, now time.Time) (claim ports.Claim, found bool, err error) {
	err = s.do(ctx, func(s *Store, t *tx) error {
		clock, load := s.clock(), s.leasesByTenant()
		jobs := s.runnable()
		slices.SortStableFunc(jobs, func(a, b jobRow) int {
			return cmp.Compare(load[a.snapshot.Tenant], load[b.snapshot.Tenant])
		})
		for _, row := range jobs {
			if !slices.Contains(request.Kinds, row.snapshot.Kind) {
				continue
			}
			if claim, found, err = s.claimOf(t, row, request, clock, now); found || err != nil {
				return err
			}
		}
		return nil
	})
	return claim, found, err
}

// runnable returns the jobs of which work may be claimed, in the order of
// submission.
func (s *Store) runnable() []jobRow {
	jobs := make([]jobRow, 0, len(s.open))
	for id := range s.open {
		jobs = append(jobs, s.jobs[id])
	}
	slices.SortFunc(jobs, func(a, b jobRow) int { return cmp.Compare(a.submission, b.submission) })
	type line struct {
		tenant   domain.TenantID
		resource string
	}
	first := map[line]bool{}
	return slices.DeleteFunc(jobs, func(row jobRow) bool {
		l := line{row.snapshot.Tenant, row.snapshot.Resource}
		waits := l.resource != "" && first[l]
		first[l] = true
		return waits || row.snapshot.CancelRequested
	})
}

func (s *Store) leasesByTenant() map[domain.TenantID]int {
	load := map[domain.TenantID]int{}
	for id := range s.open {
		load[s.jobs[id].snapshot.Tenant] += s.leases(id)
	}
	return load
}

func (s *Store) leases(id domain.JobID) (n int) {
	if s.jobs[id].lease.held {
		n++
	}
	for _, c := range s.chunks[id] {
		if c.lease.held {
			n++
		}
	}
	return n
}

// claimOf claims the job itself or its first ready chunk.
func (s *Store) claimOf(t *tx, row jobRow, request ports.ClaimRequest, clock, now time.Time) (ports.Claim, bool, error) {
	job, err := domain.LoadJob(copySnapshot(row.snapshot))
	if err != nil {
		return ports.Claim{}, false, err
	}
	held := lease{held: true, until: clock.Add(request.Lease)}
	if job.NeedsWorker() {
		if request.Chunks || !claimable(row.lease, clock) || row.snapshot.Suspect != request.Suspect {
			return ports.Claim{}, false, nil
		}
		if err := job.Take(now); err != nil {
			return ports.Claim{}, false, err
		}
		row.snapshot, row.lease = copySnapshot(job.Snapshot()), held
		s.putJob(t, row)
		return ports.Claim{
			Job: job, Epoch: row.snapshot.Epoch,
			Suspect: row.snapshot.Suspect, Strikes: row.snapshot.Strikes,
		}, true, nil
	}
	for _, first := range sortedKeys(s.chunks[job.ID()]) {
		c := s.chunks[job.ID()][first]
		if c.done || !claimable(c.lease, clock) || c.suspect != request.Suspect {
			continue
		}
		if err := job.Start(now); err != nil {
			return ports.Claim{}, false, err
		}
		row.snapshot = copySnapshot(job.Snapshot())
		s.putJob(t, row)
		c.epoch, c.lease = c.epoch+1, held
		put(t, s.chunks[job.ID()], first, c)
		chunk := copyChunk(c.chunk)
		return ports.Claim{Job: job, Chunk: &chunk, Epoch: c.epoch, Suspect: c.suspect, Strikes: c.strikes}, true, nil
	}
	return ports.Claim{}, false, nil
}

func claimable(l lease, clock time.Time) bool { return !l.held && !l.notUntil.After(clock) }

// Waiting implements [ports.Queue].
func (s *Store) Waiting(ctx context.Context) (waiting []ports.Waiting, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		clock := s.clock()
		seen := map[ports.Waiting]bool{}
		note := func(w ports.Waiting) {
			if !seen[w] {
				seen[w] = true
				waiting = append(waiting, w)
			}
		}
		for _, row := range s.runnable() {
			job, err := domain.LoadJob(row.snapshot)
			if err != nil {
				return err
			}
			if job.NeedsWorker() {
				if claimable(row.lease, clock) {
					note(ports.Waiting{Kind: job.Kind(), Suspect: row.snapshot.Suspect})
				}
				continue
			}
			for _, c := range s.chunks[job.ID()] {
				if !c.done && claimable(c.lease, clock) {
					note(ports.Waiting{Kind: job.Kind(), Suspect: c.suspect})
				}
			}
		}
		return nil
	})
	return waiting, err
}

// InFlight implements [ports.Queue].
func (s *Store) InFlight(ctx context.Context, ref domain.JobRef) (n int, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		if _, err := s.job(ref); err == nil {
			n = s.leases(ref.ID)
		}
		return nil
	})
	return n, err
}

// Stopped implements [ports.Queue].
func (s *Store) Stopped(ctx context.Context, limit int) (refs []domain.JobRef, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		for _, id := range sortedKeys(s.open) {
			row := s.jobs[id]
			if row.snapshot.CancelRequested && s.leases(id) == 0 && len(refs) < limit {
				refs = append(refs, domain.JobRef{Tenant: row.snapshot.Tenant, ID: id})
			}
		}
		return nil
	})
	return refs, err
}
