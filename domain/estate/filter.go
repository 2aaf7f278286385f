package estate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/batchport/batchport/domain"
)

// The limits of a [Filter].
const (
	MaxKeywords     = 20    // keywords, each of which every estate is read for
	MaxKeyword      = 300   // bytes of one
	MaxFilterValues = 1_000 // values of any other list
)

// Filter says which estates a search finds: those that meet every condition
// that is given. A list is met by any of its values; an empty one was not
// given. The zero Filter finds all.
type Filter struct {
	Keywords     []string // part of the name or of the address; ASCII letters in either case, all else exactly
	Countries    []int64
	Districts    []int64
	CommunityIDs []int64
	Statuses     []Status
	Listed       []bool
	AgentIDs     []int64
	LandlordIDs  []int64
	RentMin      *int64 // least rent, nil when not given
	RentMax      *int64 // greatest rent, nil when not given
}

// Matches reports whether the filter finds e. It defines what every store's
// search means.
func (f Filter) Matches(e Estate) bool {
	return mentioned(f.Keywords, e.Name, e.Address) &&
		anyOf(f.Countries, e.Country) &&
		anyOf(f.Districts, e.District) &&
		anyOf(f.CommunityIDs, e.CommunityID) &&
		anyOf(f.Statuses, e.Status) &&
		anyOf(f.Listed, e.Listed) &&
		anyOf(f.AgentIDs, e.AgentID) &&
		anyOf(f.LandlordIDs, e.LandlordID) &&
		(f.RentMin == nil || e.Rent >= *f.RentMin) &&
		(f.RentMax == nil || e.Rent <= *f.RentMax)
}

// Faults returns all that is wrong with the filter, by the names of the search
// options; nil for a good one. An empty keyword gives [domain.CodeRequired]: it
// would find everything.
func (f Filter) Faults() []domain.Failure {
	var found faults
	found.keywords(f.Keywords)
	found.numbers("country", f.Countries, 0, MaxNumber)
	found.numbers("district", f.Districts, 0, MaxNumber)
	found.numbers("community_id", f.CommunityIDs, 1, MaxID)
	words(&found, "status", f.Statuses, Statuses())
	found.count("listed", len(f.Listed), MaxFilterValues)
	found.numbers("agent_id", f.AgentIDs, 1, MaxID)
	found.numbers("landlord_id", f.LandlordIDs, 1, MaxID)
	found.rents(f.RentMin, f.RentMax)
	return found.list
}

func (f *faults) count(field string, n, most int) {
	if n > most {
		f.add(domain.CodeTooMany, field, strconv.Itoa(n), "max", strconv.Itoa(most))
	}
}

func (f *faults) numbers(field string, values []int64, least, most int64) {
	f.count(field, len(values), MaxFilterValues)
	for _, n := range values {
		f.number(field, n, least, most)
	}
}

func (f *faults) rents(least, most *int64) {
	before := len(f.list)
	if least != nil {
		f.number("rent_min", *least, 0, MaxAmount)
	}
	if most != nil {
		f.number("rent_max", *most, 0, MaxAmount)
	}
	if least != nil && most != nil && len(f.list) == before && *least > *most {
		f.add(domain.CodeOutOfRange, "rent_min", strconv.FormatInt(*least, 10), "min", "0", "max", strconv.FormatInt(*most, 10))
	}
}

func anyOf[V comparable](values []V, v V) bool {
	return len(values) == 0 || slices.Contains(values, v)
}

// containsFold is strings.Contains with the ASCII letters of both in lower
// case. Letters beyond ASCII have no case here: databases disagree on them.
func containsFold(s, part string) bool {
	return strings.Contains(lowerASCII(s), lowerASCII(part))
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
