package estate

import "github.com/batchport/batchport/domain"

// Community is a compound of estates.
type Community struct {
	ID         int64
	Name       string
	Country    int64  // number of the city or county
	District   int64  // number of the district within it
	Address    string // may be empty
	Households int64  // how many there are
}

// Faults returns all that is wrong with the record, nil for a good one.
func (c Community) Faults() []domain.Failure {
	var f faults
	f.id("id", c.ID)
	f.name("name", c.Name)
	f.number("country", c.Country, 0, MaxNumber)
	f.number("district", c.District, 0, MaxNumber)
	f.text("address", c.Address, MaxAddress)
	f.number("households", c.Households, 0, MaxNumber)
	return f.list
}
