package estate

import "github.com/batchport/batchport/domain"

// RepairState is where a repair is in its life.
type RepairState string

// The states of repairs.
const (
	RepairOpen  RepairState = "open"
	RepairDoing RepairState = "doing"
	RepairDone  RepairState = "done"
)

// RepairStates lists every state of repairs.
func RepairStates() []RepairState { return []RepairState{RepairOpen, RepairDoing, RepairDone} }

// Repair is a request to mend something in an estate.
type Repair struct {
	ID          int64
	EstateID    int64
	Category    string
	Description string // may be empty
	ReportedOn  Date
	State       RepairState
	Cost        int64 // whole TWD
}

// Faults returns all that is wrong with the record by itself, nil for a good
// one.
func (r Repair) Faults() []domain.Failure {
	var f faults
	f.id("id", r.ID)
	f.id("estate_id", r.EstateID)
	f.name("category", r.Category)
	f.text("description", r.Description, MaxDescription)
	f.date("reported_on", r.ReportedOn)
	oneOf(&f, "state", r.State, RepairStates())
	f.number("cost", r.Cost, 0, MaxAmount)
	return f.list
}
