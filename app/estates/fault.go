package estates

import (
	"strings"

	"github.com/batchport/batchport/domain"
)

// fault is a failure as it is kept with an item that was wrong from the start.
// One request can make a million of them, and maps would take most of the
// memory.
type fault struct {
	Code   domain.Code `json:"code"`
	Field  string      `json:"field,omitempty"`
	Value  string      `json:"value,omitempty"`
	Params []string    `json:"params,omitempty"` // names and values in turn, by name
}

func faultsOf(failures []domain.Failure) []fault {
	if len(failures) == 0 {
		return nil
	}
	faults := make([]fault, len(failures))
	for i, f := range failures {
		// A value is part of a whole row or request, which it must not keep in memory.
		faults[i] = fault{Code: f.Code, Field: f.Field, Value: strings.Clone(f.Value), Params: pairsOf(f)}
	}
	return faults
}

// maxItemFaults bounds how many faults the items of one request have in all.
// Beyond it each has its first alone, so that a hostile request of a hundred
// thousand items with a dozen faults each takes no memory that nobody set aside.
const maxItemFaults = 100_000

// faultKeeper keeps the faults of the items of one request.
type faultKeeper struct{ kept int }

func (k *faultKeeper) keep(failures []domain.Failure) []fault {
	if len(failures) > 1 && k.kept+len(failures) > maxItemFaults {
		failures = failures[:1]
	}
	k.kept += len(failures)
	return faultsOf(failures)
}

func failuresOf(faults []fault) (failures []domain.Failure) {
	for _, f := range faults {
		failures = append(failures, domain.NewFailure(f.Code, f.Field, f.Value, f.Params...))
	}
	return failures
}
