package httpapi

import (
	"strings"
	"unicode/utf8"

	"github.com/batchport/batchport/domain"
)

// storable reports whether a store can hold the text, and so look for it:
// PostgreSQL has neither NUL nor anything but UTF-8.
func storable(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") }

// checkText adds to faults that no store can look for the value of a
// parameter.
func checkText(faults *[]domain.Failure, field, text string) {
	if !storable(text) {
		*faults = append(*faults, domain.NewFailure(domain.CodeInvalid, field, strings.ToValidUTF8(text, "\uFFFD"), "expected", "string"))
	}
}
