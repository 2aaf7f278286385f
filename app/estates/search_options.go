package estates

import (
	"slices"
	"strings"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

const searchField = "searchOptions"

// searchOptions are what reads one value of each search option that there is. An
// option may be given a list, of which any will do: then each element is read.
type searchOptions map[string]func(field string, v document.Value)

// readOptions reads the search options of a request, which it requires: without
// any, "all" would silently mean everything. PHP sends the empty map as a list.
func (s *Estates) readOptions(p *problems, v document.Value, known searchOptions) {
	source := p.form == SourceForm
	switch {
	case v.Kind == document.Null, source && blank(v):
		p.missing(p.names.search)
	case source && empty(v):
	case v.Kind != document.Object:
		p.add(domain.CodeInvalid, p.names.search, v, "expected", "object")
	}
	for _, m := range v.Members {
		if source && slices.Contains(s.cfg.IgnoredOptions, m.Name) {
			continue
		}
		field, v := path(p.names.search, m.Name), m.Value
		read, found := known[m.Name]
		switch {
		case !found:
			p.add(domain.CodeUnknownField, field, v)
		case v.Kind == document.Null, source && blank(v): // not given
		case v.Kind == document.Object || v.Kind == document.List && len(v.List) == 0:
			p.add(domain.CodeInvalid, field, v, "expected", "values")
		case v.Kind == document.List:
			for i, element := range v.List {
				read(at(field, i), element)
			}
		default:
			read(field, v)
		}
	}
}

// texts reads texts; in the source form a number counts as one.
func (p *problems) texts(list *[]string) func(string, document.Value) {
	return func(field string, v document.Value) {
		number := v.Kind == document.Number && p.form == SourceForm
		if blank(v) || v.Kind != document.String && !number {
			p.add(domain.CodeInvalid, field, v, "expected", "string")
			return
		}
		*list = append(*list, v.Text)
	}
}

// words reads words of those that are allowed.
func words[S ~string](p *problems, list *[]S, allowed []S) func(string, document.Value) {
	return func(field string, v document.Value) {
		if v.Kind != document.String || !slices.Contains(allowed, S(v.Text)) {
			p.add(domain.CodeInvalid, field, v, "expected", join(allowed))
			return
		}
		*list = append(*list, S(v.Text))
	}
}

// flags reads flags.
func (p *problems) flags(list *[]bool) func(string, document.Value) {
	return func(field string, v document.Value) {
		if on, ok := p.flag(field, v); ok {
			*list = append(*list, on)
		}
	}
}

// flag reads a flag, in the source form in any of its spellings, and reports
// anything else.
func (p *problems) flag(field string, v document.Value) (on, ok bool) {
	if p.form == TypedForm {
		if v.Kind != document.Bool {
			p.add(domain.CodeInvalid, field, v, "expected", "boolean")
		}
		return v.Bool, v.Kind == document.Bool
	}
	if on, ok = flag(v); !ok {
		p.add(domain.CodeInvalid, field, v, "expected", "flag")
	}
	return on, ok
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

// ids reads identifiers.
func (p *problems) ids(list *[]int64) func(string, document.Value) {
	return func(field string, v document.Value) {
		if n, ok := p.id(field, v); ok {
			*list = append(*list, n)
		}
	}
}

// smalls reads the numbers of countries or districts.
func (p *problems) smalls(list *[]int64) func(string, document.Value) {
	return func(field string, v document.Value) {
		if n, ok := p.integer(field, v, estate.MaxNumber); ok {
			*list = append(*list, n)
		}
	}
}

// loosest reads a limit of an amount. Of several, any of which may be met, the
// loosest counts.
func (p *problems) loosest(limit **int64, looser func(a, b int64) bool) func(string, document.Value) {
	return func(field string, v document.Value) {
		if n, ok := p.integer(field, v, estate.MaxAmount); ok && (*limit == nil || looser(n, **limit)) {
			*limit = &n
		}
	}
}

// earliest reads a day that something must come after: of several the earliest.
func (p *problems) earliest(limit *estate.Date) func(string, document.Value) {
	return p.date(limit, func(a, b estate.Date) bool { return a < b })
}

// latest reads a day that something must come before: of several the latest.
func (p *problems) latest(limit *estate.Date) func(string, document.Value) {
	return p.date(limit, func(a, b estate.Date) bool { return a > b })
}

func (p *problems) date(limit *estate.Date, looser func(a, b estate.Date) bool) func(string, document.Value) {
	return func(field string, v document.Value) {
		d, ok := estate.ParseDate(v.Text)
		if v.Kind != document.String || !ok {
			p.add(domain.CodeInvalid, field, v, "expected", "date")
			return
		}
		if *limit == "" || looser(d, *limit) {
			*limit = d
		}
	}
}

func join[S ~string](words []S) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}
