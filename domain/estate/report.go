package estate

import "github.com/batchport/batchport/domain"

// Report is the monthly report of an estate, a PDF. An estate has at most one
// for a month.
type Report struct {
	EstateID int64
	Month    Month
	URL      string // where it is, https; "" when it is an upload
	Upload   string // the upload that it is; "" when it is elsewhere
}

// Replacing returns what becomes of an estate's report for a month when this
// one is attached: created where there was none (nil), unchanged when there is
// the same, and else updated.
func (r Report) Replacing(former *Report) domain.Outcome {
	switch {
	case former == nil:
		return domain.Outcome{Fate: domain.Created}
	case *former == r:
		return domain.Outcome{Fate: domain.Unchanged}
	}
	return domain.Outcome{Fate: domain.Updated}
}
