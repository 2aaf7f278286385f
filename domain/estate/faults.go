package estate

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/batchport/batchport/domain"
)

// The limits of texts, in bytes of UTF-8, and of numbers.
const (
	MaxName        = 1_000     // of names and categories
	MaxAddress     = 3_000     // of addresses
	MaxDescription = 30_000    // of descriptions: a cell of a workbook holds them
	MaxAmount      = MaxID     // of money in whole TWD
	MaxNumber      = 1<<31 - 1 // of countries, districts and households
)

// faults collects what is wrong with a record: everything, not the first.
type faults struct{ list []domain.Failure }

func (f *faults) add(code domain.Code, field, value string, pairs ...string) {
	f.list = append(f.list, domain.NewFailure(code, field, value, pairs...))
}

// id wants an identifier.
func (f *faults) id(field string, id int64) { f.number(field, id, 1, MaxID) }

// optionalID wants an identifier, or 0 for none.
func (f *faults) optionalID(field string, id int64) {
	if id != 0 {
		f.id(field, id)
	}
}

// number wants a number between least and most.
func (f *faults) number(field string, n, least, most int64) {
	if n < least || n > most {
		f.add(domain.CodeOutOfRange, field, strconv.FormatInt(n, 10),
			"min", strconv.FormatInt(least, 10), "max", strconv.FormatInt(most, 10))
	}
}

// text wants up to most bytes of text that every store can hold.
func (f *faults) text(field, s string, most int) {
	switch {
	case !utf8.ValidString(s) || strings.Contains(s, "\x00"):
		f.add(domain.CodeInvalid, field, strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD"))
	case len(s) > most:
		f.add(domain.CodeTooLong, field, s, "max", strconv.Itoa(most))
	}
}

// name wants text that is not blank.
func (f *faults) name(field, s string) {
	if strings.TrimSpace(s) == "" {
		f.add(domain.CodeRequired, field, s)
		return
	}
	f.text(field, s, MaxName)
}

// date wants a day.
func (f *faults) date(field string, d Date) {
	_, ok := ParseDate(string(d))
	switch {
	case d == "":
		f.add(domain.CodeRequired, field, "")
	case !ok:
		f.add(domain.CodeInvalid, field, string(d), "expected", "date")
	case d < firstDate:
		f.add(domain.CodeOutOfRange, field, string(d), "min", string(firstDate), "max", string(lastDate))
	}
}

// oneOf wants one of the allowed words.
func oneOf[S ~string](f *faults, field string, word S, allowed []S) {
	switch {
	case word == "":
		f.add(domain.CodeRequired, field, "")
	case !slices.Contains(allowed, word):
		words := make([]string, len(allowed))
		for i, a := range allowed {
			words[i] = string(a)
		}
		f.add(domain.CodeInvalid, field, string(word), "expected", strings.Join(words, ", "))
	}
}
