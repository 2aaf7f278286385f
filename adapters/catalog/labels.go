package catalog

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
