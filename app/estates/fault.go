package estates

import "github.com/batchport/batchport/domain"

// fault is a failure as it is kept with an item that was wrong from the start.
type fault struct {
	Code   domain.Code       `json:"code"`
	Field  string            `json:"field,omitempty"`
	Value  string            `json:"value,omitempty"`
	Params map[string]string `json:"params,omitempty"`
}

func faultsOf(failures []domain.Failure) (faults []fault) {
	for _, f := range failures {
		faults = append(faults, fault{Code: f.Code, Field: f.Field, Value: f.Value, Params: f.Params})
	}
	return faults
}

func failuresOf(faults []fault) (failures []domain.Failure) {
	for _, f := range faults {
		failures = append(failures, domain.Failure{Code: f.Code, Field: f.Field, Value: f.Value, Params: f.Params})
	}
	return failures
}
