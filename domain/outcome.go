package domain

// Fate is how an item ended.
type Fate string

// The fates. Every item of an ended job has exactly one.
const (
	Created   Fate = "created"
	Updated   Fate = "updated"
	Unchanged Fate = "unchanged" // it already was as asked: a success
	Deleted   Fate = "deleted"
	Exported  Fate = "exported"
	Failed    Fate = "failed"    // its Failure says why
	Skipped   Fate = "skipped"   // never tried, because the job itself failed
	Cancelled Fate = "cancelled" // never tried, because the job was stopped
)

// Fates lists every fate in the order in which reports show them.
func Fates() []Fate {
	return []Fate{Created, Updated, Unchanged, Deleted, Exported, Failed, Skipped, Cancelled}
}

// Outcome is an item's end. An item that failed has a Failure; no other has.
// One that succeeded may have a Warning.
type Outcome struct {
	Fate    Fate
	Failure *Failure
	Warning *Failure // what is doubtful about an item that was done all the same; nil for nothing
}

// FailedWith returns the outcome of an item that failed with f.
func FailedWith(f Failure) Outcome { return Outcome{Fate: Failed, Failure: &f} }

// ItemFailure is why the item at Index failed, or the warning about one that
// did not.
type ItemFailure struct {
	Index   int    // position in the job, from 0
	Key     string // what the item is: an id, a row number, a code
	Failure Failure
}

// FailureGroup is how many items of a job failed for one reason.
type FailureGroup struct {
	Code  Code // of what is first to blame for each of them
	Items int
	First int // the least index among them
}

// Report counts the items of a job by fate. The counts and Pending always
// sum to Total.
type Report struct {
	Total int // items in the job; 0 until it was planned

	Created, Updated, Unchanged, Deleted, Exported, Failed, Skipped, Cancelled int
}

// ReportOf counts outcomes; its Total is their number. An outcome with an
// unknown fate panics: it is a fault of the code that made it.
func ReportOf(outcomes []Outcome) Report {
	r := Report{Total: len(outcomes)}
	for _, o := range outcomes {
		*r.count(o.Fate)++
	}
	return r
}

// Count returns how many items have the fate.
func (r Report) Count(f Fate) int { return *r.count(f) }

// Ended returns how many items have a fate.
func (r Report) Ended() int {
	return r.Succeeded() + r.Failed + r.Skipped + r.Cancelled
}

// Pending returns how many items have no fate yet.
func (r Report) Pending() int { return r.Total - r.Ended() }

// Succeeded returns how many items ended as was asked.
func (r Report) Succeeded() int {
	return r.Created + r.Updated + r.Unchanged + r.Deleted + r.Exported
}

// add returns r with the counts of more added; the total stays.
func (r Report) add(more Report) Report {
	for _, f := range Fates() {
		*r.count(f) += more.Count(f)
	}
	return r
}

// Since returns how many more items have each fate than in earlier, a report
// of the same job. Its Total is that of r.
func (r Report) Since(earlier Report) Report {
	for _, f := range Fates() {
		*r.count(f) -= earlier.Count(f)
	}
	return r
}

func (r *Report) count(f Fate) *int {
	switch f {
	case Created:
		return &r.Created
	case Updated:
		return &r.Updated
	case Unchanged:
		return &r.Unchanged
	case Deleted:
		return &r.Deleted
	case Exported:
		return &r.Exported
	case Failed:
		return &r.Failed
	case Skipped:
		return &r.Skipped
	case Cancelled:
		return &r.Cancelled
	}
	panic("domain: unknown fate " + string(f))
}
