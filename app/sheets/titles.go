package sheets

import (
	"slices"

	"github.com/batchport/batchport/ports"
)

// languages are those in which titles of columns are understood.
var languages = []string{"zh_TW", "zh_CN", "en_US", "ja_JP"}

// Called reports whether a title of a column is the label of the key in any
// language, as people see it ([Folded]).
func Called(labels ports.Labels, title, key string) bool {
	title = Folded(title)
	return slices.ContainsFunc(languages, func(locale string) bool { return title == Folded(labels.Label(locale, key)) })
}
