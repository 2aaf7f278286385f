package domain_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/batchport/batchport/domain"
)

func TestTogether(t *testing.T) {
	t.Parallel()
	a := domain.NewFailure(domain.CodeRequired, "name", "")
	b := domain.NewFailure(domain.CodeOutOfRange, "rent", "-1", "min", "0")
	c := domain.NewFailure(domain.CodeInvalid, "status", "x")

	alone := domain.Together([]domain.Failure{a})
	assert.Equal(t, a, alone)
	assert.Nil(t, alone.Also)

	all := domain.Together([]domain.Failure{a, b, c})
	assert.Equal(t, []domain.Failure{b, c}, all.Also)
	all.Also = nil
	assert.Equal(t, a, all, "the first is as it was")

	assert.Equal(t, domain.Outcome{Fate: domain.Failed, Failure: new(domain.Together([]domain.Failure{b, a}))},
		domain.FailedWith(domain.Together([]domain.Failure{b, a})))
	assert.Panics(t, func() { domain.Together(nil) })
}

// Nothing is lost, nothing is changed, and nothing is shared that a later
// failure could overwrite.
func TestTogetherKeepsAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "failures")
		failures := make([]domain.Failure, 0, n+rapid.IntRange(0, 3).Draw(t, "room"))
		for i := range n {
			failures = append(failures, domain.NewFailure(domain.CodeInvalid, fmt.Sprintf("field%d", i), "x"))
		}
		given := slices.Clone(failures)
		got := domain.Together(failures)
		grown := append(got.Also, domain.NewFailure(domain.CodeInternal, "", "")) //nolint:gocritic // whether it grows in place is the question
		fields := []string{got.Field}
		for _, f := range grown[:len(grown)-1] {
			fields = append(fields, f.Field)
			if f.Also != nil {
				t.Fatalf("%s has others beside it", f.Field)
			}
		}
		for i, f := range failures[:cap(failures)] {
			if i < n && (f.Field != given[i].Field || f.Also != nil) || i >= n && f.Code != "" {
				t.Fatalf("Together changes failure %d to %+v", i, f)
			}
			if i < n && fields[i] != f.Field {
				t.Fatalf("failure %d is %s, want %s", i, fields[i], f.Field)
			}
		}
		if len(fields) != n {
			t.Fatalf("Together has %d failures, want %d", len(fields), n)
		}
	})
}
