package client

import (
	"strings"
	"unicode"
)

// Harmless is what came from outside, such as the key of an item, as it may be
// shown to people: what would command their terminal, or break the line or the
// direction of the text around, is replaced. Messages are so when they come.
func Harmless(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) {
			return unicode.ReplacementChar
		}
		return c
	}, text)
}
