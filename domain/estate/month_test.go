package estate_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/batchport/batchport/domain/estate"
)

func TestParseMonth(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"190001", "190012", "202611", "999912"} {
		got, ok := estate.ParseMonth(s)
		assert.True(t, ok, s)
		assert.Equal(t, estate.Month(s), got)
	}
	for _, s := range []string{
		"", "0", "000001", "000101", "189912", "202600", "202613", "202699", "20261", "2026111", "2026-11", "2026/11", "26-11", "11-2026", "112026",
		" 202611", "202611 ", "202611\n", "+02611", "-02611", "２０２６１１", "2026Nov", "20261101", "1000001",
	} {
		got, ok := estate.ParseMonth(s)
		assert.False(t, ok, "%q gives %q", s, got)
		assert.Empty(t, got, s)
	}
}

// Six digits are a month exactly when they say one, and months compare as they
// follow each other.
func TestMonthsOfAllYears(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		year, month := rapid.IntRange(0, 9999).Draw(t, "year"), rapid.IntRange(0, 99).Draw(t, "month")
		s := fmt.Sprintf("%04d%02d", year, month)
		got, ok := estate.ParseMonth(s)
		if want := year >= 1900 && month >= 1 && month <= 12; ok != want || ok && string(got) != s {
			t.Fatalf("ParseMonth(%q) = %q, %t; want %t", s, got, ok, want)
		}
	})
	former := estate.Month("")
	for year := 1900; year < 2100; year++ {
		for month := 1; month <= 12; month++ {
			m, ok := estate.ParseMonth(fmt.Sprintf("%04d%02d", year, month))
			assert.True(t, ok && former < m, "%s follows %s", m, former)
			former = m
		}
	}
}
