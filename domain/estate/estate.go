package estate

import "github.com/batchport/batchport/domain"

// CodeNotRentable is an estate that cannot be advertised as it is.
const CodeNotRentable domain.Code = "not_rentable"

// Status is what an estate is in.
type Status string

// The statuses.
const (
	Vacant      Status = "vacant"
	Rented      Status = "rented"
	Maintenance Status = "maintenance"
	Closed      Status = "closed" // out of business: never advertised
)

// Statuses lists every status.
func Statuses() []Status { return []Status{Vacant, Rented, Maintenance, Closed} }

// Estate is a flat, a shop or a parking space that is let.
type Estate struct {
	ID          int64
	CommunityID int64 // 0 when it belongs to none
	Name        string
	Country     int64  // number of the city or county
	District    int64  // number of the district within it
	Address     string // may be empty
	Status      Status
	Rent        int64 // whole TWD a month
	Area        Area
	Listed      bool  // advertised for rent
	AgentID     int64 // the agent in charge; 0 when there is none
	LandlordID  int64 // the big landlord; 0 when there is none
}

// Faults returns all that is wrong with the record by itself, nil for a good
// one. An advertised estate that is closed gives [CodeNotRentable].
func (e Estate) Faults() []domain.Failure {
	var f faults
	f.id("id", e.ID)
	f.optionalID("community_id", e.CommunityID)
	f.name("name", e.Name)
	f.number("country", e.Country, 0, MaxNumber)
	f.number("district", e.District, 0, MaxNumber)
	f.text("address", e.Address, MaxAddress)
	oneOf(&f, "status", e.Status, Statuses())
	f.number("rent", e.Rent, 0, MaxAmount)
	if e.Area < 0 || e.Area > MaxArea {
		f.add(domain.CodeOutOfRange, "area", e.Area.String(), "min", "0.00", "max", MaxArea.String())
	}
	if e.Listed && e.Status == Closed {
		f.add(CodeNotRentable, "listed", "true", "status", string(Closed))
	}
	f.optionalID("agent_id", e.AgentID)
	f.optionalID("landlord_id", e.LandlordID)
	return f.list
}

// Listing returns what becomes of an estate of the status that is asked to be
// advertised, or with want false to be withdrawn: updated, unchanged when it
// already is so, and failed with [CodeNotRentable] when a closed one is to be
// advertised.
func Listing(status Status, listed, want bool) domain.Outcome {
	switch {
	case want && status == Closed:
		return domain.FailedWith(domain.NewFailure(CodeNotRentable, "status", string(status), "status", string(status)))
	case listed == want:
		return domain.Outcome{Fate: domain.Unchanged}
	}
	return domain.Outcome{Fate: domain.Updated}
}
