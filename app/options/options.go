// Package options reads from a request how its job is to treat the items.
package options

import (
	"errors"
	"slices"
	"strconv"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
)

// The members of a request that say how its job treats the items.
const (
	ValidateOnly = "validate_only"
	AllOrNothing = "all_or_nothing"
	FailLimit    = "fail_limit"
)

// The members of a limit of failures.
const (
	items   = "items"
	percent = "percent"
)

// Read reads the options of a request, of which it may have those that are
// known, and returns all that is wrong with them. Null is an option that was
// not sent. Other members of the request are not looked at.
func Read(body document.Value, known ...string) (domain.JobOptions, []domain.Failure) {
	r := reader{}
	var o domain.JobOptions
	for _, name := range known {
		v := body.Member(name)
		switch {
		case v.Kind == document.Null: // not sent
		case name == ValidateOnly:
			o.ValidateOnly = r.flag(name, v)
		case name == AllOrNothing:
			o.AllOrNothing = r.flag(name, v)
		case name == FailLimit:
			o.FailLimit = r.limit(v)
		}
	}
	if len(r.wrong) > 0 {
		return o, r.wrong
	}
	var excluded *domain.Error
	_ = errors.As(o.Check(), &excluded)
	if excluded == nil {
		return o, nil
	}
	return o, excluded.Failures
}

// reader collects what is wrong.
type reader struct{ wrong []domain.Failure }

func (r *reader) add(code domain.Code, field string, v document.Value, pairs ...string) {
	r.wrong = append(r.wrong, domain.NewFailure(code, field, v.Sent(), pairs...))
}

// flag reads true or false, and nothing that only looks like it: what a job
// does to its items must not be guessed.
func (r *reader) flag(field string, v document.Value) bool {
	if v.Kind != document.Bool {
		r.add(domain.CodeInvalid, field, v, "expected", "boolean")
	}
	return v.Bool
}

func (r *reader) limit(v document.Value) (l domain.FailLimit) {
	if v.Kind != document.Object {
		r.add(domain.CodeInvalid, FailLimit, v, "expected", "object")
		return l
	}
	for _, m := range v.Members {
		if !slices.Contains([]string{items, percent}, m.Name) {
			r.add(domain.CodeUnknownField, FailLimit+"."+document.ShortName(m.Name), m.Value)
		}
	}
	l.Items = r.number(FailLimit+"."+items, v.Member(items), domain.MaxFailItems)
	l.Percent = r.number(FailLimit+"."+percent, v.Member(percent), 100)
	return l
}

// number reads a number from 1 to most; 0 is one that was not sent.
func (r *reader) number(field string, v document.Value, most int) int {
	if v.Kind == document.Null {
		return 0
	}
	n, ok := v.Integer()
	switch {
	case !ok:
		r.add(domain.CodeInvalid, field, v, "expected", "integer")
	case n < 1 || n > int64(most):
		r.add(domain.CodeOutOfRange, field, v, "min", "1", "max", strconv.Itoa(most))
	default:
		return int(n)
	}
	return 0
}
