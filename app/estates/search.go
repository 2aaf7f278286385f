package estates

import (
	"slices"
	"strings"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// Search is the payload of jobs on estates: which ones "all" means. It is
// stored as JSON with the names of the search options. The zero Search finds
// every estate; it is also that of a job whose estates are named.
type Search struct {
	Keywords     []string        `json:"keyword,omitempty"`
	Countries    []int64         `json:"country,omitempty"`
	Districts    []int64         `json:"district,omitempty"`
	CommunityIDs []int64         `json:"community_id,omitempty"`
	Statuses     []estate.Status `json:"status,omitempty"`
	Listed       []bool          `json:"listed,omitempty"`
	AgentIDs     []int64         `json:"agent_id,omitempty"`
	LandlordIDs  []int64         `json:"landlord_id,omitempty"`
	RentMin      *int64          `json:"rent_min,omitempty"`
	RentMax      *int64          `json:"rent_max,omitempty"`
}

// Filter returns which estates the search finds.
func (s Search) Filter() estate.Filter { return estate.Filter(s) }

// check is the engine's question whether the payload can be one.
func (s Search) check() error {
	return domain.FailAll(domain.CodeInvalid, s.Filter().Faults())
}

const searchField = "searchOptions"

// searchReader reads search options.
type searchReader struct {
	*problems
	search Search
}

// readSearch reads the search options of a request, which it requires: without
// any, "all" would silently mean everything. PHP sends the empty map as a list.
func readSearch(p *problems, v document.Value, ignored []string) Search {
	r := searchReader{problems: p}
	switch {
	case blank(v):
		p.missing(searchField)
	case v.Kind == document.List && len(v.List) == 0:
	case v.Kind != document.Object:
		p.add(domain.CodeInvalid, searchField, v, "expected", "object")
	}
	for _, m := range v.Members {
		if slices.Contains(ignored, m.Name) {
			continue
		}
		r.option(m.Name, m.Value)
	}
	for _, f := range r.search.Filter().Faults() {
		p.addText(f.Code, path(searchField, f.Field), f.Value, pairsOf(f)...)
	}
	return r.search
}

// option reads one option; its value is one or a list of them.
func (r *searchReader) option(name string, v document.Value) {
	field, s := path(searchField, name), &r.search
	read, known := map[string]func(string, document.Value){
		"keyword":      r.keyword,
		"country":      r.numbers(&s.Countries, r.small),
		"district":     r.numbers(&s.Districts, r.small),
		"community_id": r.numbers(&s.CommunityIDs, r.id),
		"status":       r.status,
		"listed":       r.listed,
		"agent_id":     r.numbers(&s.AgentIDs, r.id),
		"landlord_id":  r.numbers(&s.LandlordIDs, r.id),
		"rent_min":     r.rent(&s.RentMin, func(a, b int64) bool { return a < b }),
		"rent_max":     r.rent(&s.RentMax, func(a, b int64) bool { return a > b }),
	}[name]
	switch {
	case !known:
		r.add(domain.CodeUnknownField, field, v)
	case blank(v): // not given
	case v.Kind == document.Object || v.Kind == document.List && len(v.List) == 0:
		r.add(domain.CodeInvalid, field, v)
	case v.Kind == document.List:
		for i, element := range v.List {
			read(at(field, i), element)
		}
	default:
		read(field, v)
	}
}

func (r *searchReader) keyword(field string, v document.Value) {
	if blank(v) || v.Kind != document.String && v.Kind != document.Number {
		r.add(domain.CodeInvalid, field, v, "expected", "string")
		return
	}
	r.search.Keywords = append(r.search.Keywords, v.Text)
}

func (r *searchReader) status(field string, v document.Value) {
	status := estate.Status(v.Text)
	if v.Kind != document.String || !slices.Contains(estate.Statuses(), status) {
		r.add(domain.CodeInvalid, field, v, "expected", join(estate.Statuses()))
		return
	}
	r.search.Statuses = append(r.search.Statuses, status)
}

func (r *searchReader) listed(field string, v document.Value) {
	on, ok := flag(v)
	if !ok {
		r.add(domain.CodeInvalid, field, v, "expected", "flag")
		return
	}
	r.search.Listed = append(r.search.Listed, on)
}

// flag reads a flag in any of its spellings: true, false, 0, 1, "0" and "1".
func flag(v document.Value) (on, ok bool) {
	switch {
	case v.Kind == document.Bool:
		return v.Bool, true
	case v.Kind != document.Number && v.Kind != document.String:
		return false, false
	}
	return v.Text == "1", v.Text == "0" || v.Text == "1"
}

// numbers reads into the list what read takes for a number.
func (r *searchReader) numbers(list *[]int64, read func(string, document.Value) (int64, bool)) func(string, document.Value) {
	return func(field string, v document.Value) {
		if n, ok := read(field, v); ok {
			*list = append(*list, n)
		}
	}
}

// small reads the number of a country or a district.
func (r *searchReader) small(field string, v document.Value) (int64, bool) {
	return r.integer(field, v, estate.MaxNumber)
}

// rent reads a limit. Of several, any of which may be met, the loosest counts.
func (r *searchReader) rent(limit **int64, looser func(a, b int64) bool) func(string, document.Value) {
	return func(field string, v document.Value) {
		if n, ok := r.integer(field, v, estate.MaxAmount); ok && (*limit == nil || looser(n, **limit)) {
			*limit = &n
		}
	}
}

func pairsOf(f domain.Failure) (pairs []string) {
	for name, value := range f.Params {
		pairs = append(pairs, name, value)
	}
	return pairs
}

func join[S ~string](words []S) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}
