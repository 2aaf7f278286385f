package estates

import (
	"slices"
	"strconv"
	"strings"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// recordReader reads the members of an object by name, collects what is wrong
// with them, and remembers which of them somebody asked for.
type recordReader struct {
	object   document.Value
	asked    []string
	failures []domain.Failure
}

func (r *recordReader) add(code domain.Code, field string, v document.Value, pairs ...string) {
	r.failures = append(r.failures, lineFailure(code, field, v, pairs...))
}

// lineFailure is a failure that shares no memory with the line, which would
// stay alive as long as the failure.
func lineFailure(code domain.Code, field string, v document.Value, pairs ...string) domain.Failure {
	f := domain.NewFailure(code, strings.Clone(field), v.Sent(), pairs...)
	f.Value = strings.Clone(f.Value)
	return f
}

// take returns the member of the name, if it is of one of the kinds; anything
// else is reported.
func (r *recordReader) take(field, expected string, kinds ...document.ValueKind) (v document.Value, ok bool) {
	v = r.ask(field)
	switch {
	case v.Kind == document.Null:
		r.failures = append(r.failures, domain.NewFailure(domain.CodeRequired, field, ""))
	case !slices.Contains(kinds, v.Kind):
		r.add(domain.CodeInvalid, field, v, "expected", expected)
	default:
		return v, true
	}
	return document.Value{}, false
}

func (r *recordReader) ask(field string) document.Value {
	r.asked = append(r.asked, field)
	return r.object.Member(field)
}

// text reads a string, which shares no memory with the line either.
func (r *recordReader) text(field string) string {
	v, _ := r.take(field, "string", document.String)
	return strings.Clone(v.Text)
}

// flag reads true or false.
func (r *recordReader) flag(field string) bool {
	v, _ := r.take(field, "boolean", document.Bool)
	return v.Bool
}

// number reads a whole number.
func (r *recordReader) number(field string) int64 {
	return r.integer(field, "integer", document.Number)
}

// id reads an identifier: a number or a string of digits.
func (r *recordReader) id(field string) int64 {
	return r.integer(field, "id", document.Number, document.String)
}

// optionalID reads an identifier, or 0 when it is absent or null. A 0 that was
// sent is reported: it is no identifier.
func (r *recordReader) optionalID(field string) int64 {
	if r.object.Member(field).Kind == document.Null {
		r.ask(field)
		return 0
	}
	before := len(r.failures)
	id := r.id(field)
	if id == 0 && len(r.failures) == before {
		r.add(domain.CodeOutOfRange, field, r.object.Member(field), "min", "1", "max", strconv.FormatInt(estate.MaxID, 10))
	}
	return id
}

// area reads an area in ping, as a string.
func (r *recordReader) area(field string) estate.Area {
	v, ok := r.take(field, "decimal_text", document.String)
	if !ok {
		return 0
	}
	area, ok := estate.ParseArea(v.Text)
	if !ok {
		r.add(domain.CodeInvalid, field, v, "expected", "decimal_text")
	}
	return area
}

// date reads a day; whether there is such a day is for the record to say.
func (r *recordReader) date(field string) estate.Date { return estate.Date(r.text(field)) }

func (r *recordReader) integer(field, expected string, kinds ...document.ValueKind) int64 {
	v, ok := r.take(field, expected, kinds...)
	if !ok {
		return 0
	}
	n, ok := v.Integer()
	if !ok {
		r.add(domain.CodeInvalid, field, v, "expected", expected)
	}
	return n
}

// finish returns all that is wrong: what was found while reading, the faults
// of the record where its field could be read, and the members that nobody
// asked for.
func (r *recordReader) finish(faults []domain.Failure) []domain.Failure {
	unreadable := len(r.failures)
	for _, f := range faults {
		if slices.ContainsFunc(r.failures[:unreadable], func(u domain.Failure) bool { return u.Field == f.Field }) {
			continue
		}
		// The value as it was sent: a number too large for us reads otherwise.
		r.add(f.Code, f.Field, r.object.Member(f.Field), pairsOf(f)...)
	}
	for _, m := range r.object.Members {
		if len(r.failures) < maxLineFailures && !slices.Contains(r.asked, m.Name) {
			r.add(domain.CodeUnknownField, document.ShortName(m.Name), m.Value)
		}
	}
	return r.failures
}
