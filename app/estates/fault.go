package estates

import "github.com/batchport/batchport/domain"

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
		faults[i] = fault{Code: f.Code, Field: f.Field, Value: f.Value, Params: pairsOf(f)}
	}
	return faults
}

func failuresOf(faults []fault) (failures []domain.Failure) {
	for _, f := range faults {
		failures = append(failures, domain.NewFailure(f.Code, f.Field, f.Value, f.Params...))
	}
	return failures
}
