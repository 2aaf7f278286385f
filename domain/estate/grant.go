package estate

// Capability is something that a big landlord may do with an estate, such as
// "show_contract".
type Capability string

// Grant is what the big landlord of an estate may do with it. An estate has at
// most one.
type Grant struct {
	EstateID     int64
	UserID       int64        // the landlord
	Capabilities []Capability // those that are 1, sorted; empty when every one is 0
}
