package domain_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/batchport/batchport/domain"
)

// visible is what readers see of a job while it goes on.
type visible struct {
	state     domain.JobState
	report    domain.Report
	percent   int
	cancelled bool
	started   bool
	sequence  int64
	failed    bool
}

func seen(j *domain.BatchJob) visible {
	s := j.Snapshot()
	return visible{s.State, s.Report, j.Percent(), s.CancelRequested, !s.StartedAt.IsZero(), s.Sequence, s.Cause != nil}
}

// Whatever becomes of a job, in whatever order: its version grows when a reader
// sees something else, and else stays as it is.
func TestTheVersionGrowsWithWhatReadersSee(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2_000) {
		random := rand.New(rand.NewPCG(seed, 1))
		shape := []func(*domain.JobSpec){nil, all(5), whole, func(s *domain.JobSpec) {
			whole(s)
			s.Items, s.Selection = 0, domain.Selection{All: true}
		}}[random.IntN(4)]
		job := newJob(t, func(s *domain.JobSpec) {
			s.Items = 5
			if shape != nil {
				shape(s)
			}
		})
		require.Positive(t, job.Version())
		for range 40 {
			was, before := job.Version(), seen(job)
			move(random, job)
			if now := seen(job); now == before {
				require.LessOrEqual(t, was, job.Version(), "seed %d: %+v again", seed, now)
			} else {
				require.Less(t, was, job.Version(), "seed %d: from %+v to %+v", seed, before, now)
			}
			loaded, err := domain.LoadJob(job.Snapshot())
			require.NoError(t, err)
			require.Equal(t, job.Version(), loaded.Version(), "read elsewhere")
		}
	}
}

// move does one of the things that happen to jobs. Those that may not happen
// now do nothing.
func move(random *rand.Rand, job *domain.BatchJob) {
	pending := job.Report().Pending()
	switch random.IntN(16) {
	case 0, 1:
		_ = job.Take(now)
	case 2:
		if !job.NeedsWorker() {
			_ = job.Start(now)
		}
	case 3:
		_ = job.Planned(5)
	case 4, 5:
		if job.Whole() && job.State() == domain.JobRunning {
			job.Pass(random.IntN(6), 5)
		}
	case 6:
		if job.Whole() {
			job.Finishing()
		}
	case 7, 8, 9, 10:
		if n := min(pending, 1+random.IntN(2)); !job.Whole() && n > 0 {
			_ = job.Record([]domain.Report{{Updated: n}, {Failed: n}, {Skipped: n}}[random.IntN(3)])
		}
	case 11:
		if job.Whole() && job.State() == domain.JobFinishing {
			_ = job.RecordWhole(domain.Report{Total: 5, Exported: 5})
			_ = job.Complete(now)
		}
	case 12:
		_ = job.Complete(now)
	case 13:
		if random.IntN(4) == 0 {
			_ = job.RequestCancel()
		}
	case 14:
		if job.CancelRequested() {
			job.Cancel(now)
		}
	case 15:
		if random.IntN(8) == 0 {
			job.FailWith(domain.Failure{Code: domain.CodeInternal}, now)
		} else if !job.State().Ended() {
			job.NextEvent("progress", nil, now)
		}
	}
}

func TestAVersionFitsIntoANumberOfJSON(t *testing.T) {
	t.Parallel()
	job, err := domain.LoadJob(domain.JobSnapshot{
		JobSpec: spec(), State: domain.JobCompleted, Epoch: 10_000,
		Report: domain.Report{Total: 1 << 30, Updated: 1 << 30}, Processed: 1 << 30, Sequence: 9,
	})
	require.NoError(t, err)
	assert.Less(t, job.Version(), int64(1)<<53)
}
