package httpapi

import (
	"math"
	"net/http"
	"time"

	"github.com/batchport/batchport/domain"
)

// jobView is a job of any kind.
type jobView struct {
	Code         domain.JobID      `json:"code" doc:"Names the job. It is no secret: access is by key." example:"6552e15d743264.42384055"`
	Kind         domain.Kind       `json:"kind" example:"budget_rule_sync"`
	User         domain.UserID     `json:"user" doc:"Whose key submitted it." example:"ann"`
	State        domain.JobState   `json:"state" enum:"queued,planning,running,finishing,completed,cancelled,failed" doc:"The phase it is in. The last three are ends."`
	Result       *domain.JobResult `json:"result" enum:"succeeded,partially_failed,failed,cancelled" doc:"How it ended: no item failed; some did and some did not; none succeeded, or the job as such failed; it was stopped. Null until it has ended."`
	Process      int               `json:"process" minimum:"0" maximum:"100" doc:"Whole percent; it never falls."`
	Total        int               `json:"total" minimum:"0" doc:"Items in the job; 0 until it was planned. The outcomes sum to it once the job has ended."`
	Outcomes     outcomeCounts     `json:"outcomes"`
	Rate         *float64          `json:"rate" minimum:"0" doc:"Items a second, from the start to the end or to now. Null before the start."`
	ETASeconds   *int              `json:"eta_seconds" minimum:"0" doc:"In how many seconds it will have ended, if it goes on as until now. Null when that is not known, and when it has ended."`
	ValidateOnly bool              `json:"validate_only" doc:"The items are only tried, and the outcomes say what would become of them."`
	AllOrNothing bool              `json:"all_or_nothing" doc:"When one item fails, nothing of the others stays: they are skipped."`
	FailLimit    failLimit         `json:"fail_limit" doc:"When so many items have failed, the job is stopped. Empty when it goes on whatever fails."`
	RetryOf      *domain.JobID     `json:"retry_of" doc:"The job whose failed items this one tries again; null when it is none such."`
	SubmittedAt  time.Time         `json:"submitted_at"`
	StartedAt    *time.Time        `json:"started_at" doc:"Null until then."`
	EndedAt      *time.Time        `json:"ended_at" doc:"Null until then."`
	Message      *string           `json:"message" doc:"Why the job as such failed, or that it was stopped, in the caller's language; without one, in the job's own. Null otherwise."`
	File         *fileView         `json:"file" doc:"What the job made; null when there is none."`
}

// outcomeCounts are how many items came to which end.
type outcomeCounts struct {
	Created   int `json:"created" minimum:"0"`
	Updated   int `json:"updated" minimum:"0"`
	Unchanged int `json:"unchanged" minimum:"0"`
	Deleted   int `json:"deleted" minimum:"0"`
	Exported  int `json:"exported" minimum:"0"`
	Failed    int `json:"failed" minimum:"0"`
	Skipped   int `json:"skipped" minimum:"0"`
	Cancelled int `json:"cancelled" minimum:"0"`
}

// failLimit is how many items may fail before a job is stopped. One of its
// members is there, or both.
type failLimit struct {
	Items   int `json:"items,omitempty" minimum:"1" maximum:"1000000000" doc:"Failed items."`
	Percent int `json:"percent,omitempty" minimum:"1" maximum:"100" doc:"Failed items in percent of all items of the job."`
}

type fileView struct {
	Name string `json:"name"`
	Size int64  `json:"size" minimum:"0" doc:"In bytes."`
	URL  string `json:"url" doc:"Works with the caller's key, and for some time without one."`
}

func (a *api) jobViewOf(r *http.Request, job *domain.BatchJob) jobView {
	s := job.Snapshot()
	view := jobView{
		Code: s.ID, Kind: s.Kind, User: s.User, State: s.State, Process: job.Percent(), Total: s.Report.Total,
		Outcomes: outcomeCounts{
			Created: s.Report.Created, Updated: s.Report.Updated, Unchanged: s.Report.Unchanged, Deleted: s.Report.Deleted,
			Exported: s.Report.Exported, Failed: s.Report.Failed, Skipped: s.Report.Skipped, Cancelled: s.Report.Cancelled,
		},
		ValidateOnly: s.Options.ValidateOnly, AllOrNothing: s.Options.AllOrNothing, FailLimit: failLimit(s.Options.FailLimit),
		SubmittedAt: s.SubmittedAt, StartedAt: optionalTime(s.StartedAt), EndedAt: optionalTime(s.EndedAt),
	}
	if result := job.Result(); result != "" {
		view.Result = &result
	}
	if s.RetryOf != "" {
		view.RetryOf = &s.RetryOf
	}
	view.Rate, view.ETASeconds = speedOf(job, a.cfg.Now())
	if why := whyEnded(job); why != nil {
		text := a.inWords(a.localeFor(r, job), *why)
		view.Message = &text
	}
	if f := job.File(); f != nil {
		view.File = &fileView{Name: f.Name, Size: f.Size, URL: a.linkOf(r, job, f)}
	}
	return view
}

// speedOf returns how many items of the job come to an end in a second, to one
// decimal, and in how many seconds the rest will have; nil for what is not known.
func speedOf(job *domain.BatchJob, now time.Time) (rate *float64, eta *int) {
	s := job.Snapshot()
	if s.StartedAt.IsZero() {
		return nil, nil
	}
	done, until := max(s.Processed, s.Report.Ended()-s.Report.Cancelled), now
	if s.State.Ended() {
		until = s.EndedAt
	}
	took := max(until.Sub(s.StartedAt), time.Millisecond).Seconds()
	exact := float64(done) / took
	rounded := math.Round(10*exact) / 10
	if s.State.Ended() || done == 0 || s.Report.Total == 0 {
		return &rounded, nil
	}
	left := int(math.Ceil(float64(max(s.Report.Total-done, 0)) / exact))
	return &rounded, &left
}

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
