package catalog

import (
	"strconv"

	"github.com/batchport/batchport/ports"
)

var (
	_ ports.Labels = (*Labels)(nil)
	_ ports.Counts = (*Labels)(nil)
)

// Labels names columns, sheets, files and the values that cells show, in
// words. It is safe for concurrent use.
type Labels struct{ words map[string]words }

// NewLabels returns the labels of the catalogue.
func NewLabels() *Labels { return &Labels{load("labels")} }

// Label returns the label of key, such as "estate.rent", in the locale. A
// locale that is not known gives en_US, a key that is not known the key itself.
func (l *Labels) Label(locale, key string) string {
	if text, ok := in(l.words, locale).render(key, nil, nil); ok {
		return text
	}
	return key
}

// Count says how many things of the key there are, such as "1 row created", in
// the locale. A locale that is not known gives en_US, a key that is not known the
// key itself.
func (l *Labels) Count(locale, key string, n int) string {
	if text, ok := in(l.words, locale).render(key, map[string]string{"count": strconv.Itoa(n)}, n); ok {
		return text
	}
	return key
}
