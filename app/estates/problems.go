package estates

import (
	"maps"
	"slices"
	"strconv"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// maxProblems bounds how many failures one request gets, so that a hostile one
// of millions of bad values costs no more to answer than to read.
const maxProblems = 1000

// problems collects all that is wrong with a request, by the names of its form.
type problems struct {
	form     Form
	names    names
	failures []domain.Failure
	code     domain.Code // of the request as a whole
}

func newProblems(form Form) *problems {
	return &problems{form: form, names: form.names(), code: domain.CodeInvalid}
}

func (p *problems) add(code domain.Code, field string, v document.Value, pairs ...string) {
	p.addText(code, field, v.Sent(), pairs...)
}

func (p *problems) addText(code domain.Code, field, value string, pairs ...string) {
	if len(p.failures) < maxProblems {
		p.failures = append(p.failures, domain.NewFailure(code, field, value, pairs...))
	}
}

// addFaults reports faults of a value by the paths of its members.
func (p *problems) addFaults(field string, faults []domain.Failure) {
	for _, f := range faults {
		p.addText(f.Code, path(field, f.Field), f.Value, pairsOf(f)...)
	}
}

// pairsOf returns the parameters of a failure as [domain.NewFailure] takes
// them, in the order of their names.
func pairsOf(f domain.Failure) []string {
	if len(f.Params) == 0 {
		return nil
	}
	pairs := make([]string, 0, 2*len(f.Params))
	for _, name := range slices.Sorted(maps.Keys(f.Params)) {
		pairs = append(pairs, name, f.Params[name])
	}
	return pairs
}

// missing reports a field that was not given.
func (p *problems) missing(field string) { p.addText(domain.CodeRequired, field, "") }

// err returns all that was found, or nil.
func (p *problems) err() error { return domain.FailAll(p.code, p.failures) }

// id reads an identifier, and reports anything else.
func (p *problems) id(field string, v document.Value) (id int64, ok bool) {
	return p.whole(field, v, "id", 1, estate.MaxID)
}

// integer reads a whole number from 0 to most, and reports anything else.
func (p *problems) integer(field string, v document.Value, most int64) (n int64, ok bool) {
	return p.whole(field, v, "integer", 0, most)
}

func (p *problems) whole(field string, v document.Value, expected string, least, most int64) (n int64, ok bool) {
	n, ok = v.Integer()
	switch {
	case !ok:
		p.add(domain.CodeInvalid, field, v, "expected", expected)
	case n < least || n > most:
		p.add(domain.CodeOutOfRange, field, v, "min", strconv.FormatInt(least, 10), "max", strconv.FormatInt(most, 10))
		ok = false
	}
	return n, ok
}

// path names a member of a field.
func path(field, member string) string { return field + "." + document.ShortName(member) }

// at names the element i of a list, counted from 0.
func at(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }
