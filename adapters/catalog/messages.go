package catalog

import (
	"maps"
	"strconv"
	"strings"
	"unicode"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var _ ports.Messages = (*Messages)(nil)

// Messages renders failures. It is safe for concurrent use.
type Messages struct{ words map[string]words }

// NewMessages returns the messages of the catalogue.
func NewMessages() *Messages { return &Messages{load("messages")} }

// counted names the parameter by which a message has a form of its own for
// one, in languages that have one.
var counted = map[domain.Code]string{
	domain.CodeTooLong: "max",
	"rate_limited":     "retry_after",
}

// Text returns what f says, as a sentence in the locale. Field, value and
// parameters come from outside: characters in them that could disturb the
// text around are shown as U+FFFD.
func (m *Messages) Text(locale string, f domain.Failure) string {
	w := in(m.words, locale)
	data := w.parameters(f)
	var count any
	if n, err := strconv.Atoi(data[counted[f.Code]]); err == nil {
		count = n
	}
	text, ok := w.render(string(f.Code), data, count)
	if !ok || strings.Contains(string(f.Code), ".") { // a dot is in the names of words, never in a code
		return string(f.Code)
	}
	return text
}

// parameters returns what the message of f may mention.
func (w words) parameters(f domain.Failure) map[string]string {
	data := make(map[string]string, len(f.Params)+3)
	maps.Copy(data, f.Params)
	data["field"], data["value"] = f.Field, f.Value
	for name, value := range data {
		data[name] = harmless(value)
	}
	w.translate(data, "state")
	w.translate(data, "role")
	w.translate(data, "reason")
	if f.Code == domain.CodeInvalid {
		w.translate(data, "expected")
	}
	if worded := f.Code == domain.CodeMalformed || f.Code == domain.CodeRequired; worded && data["reason"] == harmless(f.Params["reason"]) {
		delete(data, "reason") // no word for it; what the program calls it helps nobody
	}
	if f.Code == domain.CodeTooLarge {
		data["max"] = size(data["max"])
	}
	data["subject"], _ = w.render("text.subject", data, nil)
	return data
}

// translate replaces a word of the wire by the reader's, if there is one.
func (w words) translate(data map[string]string, name string) {
	if word, ok := w.render(name+"."+data[name], nil, nil); ok {
		data[name] = word
	}
}

// size words a number of bytes: whole MiB or KiB, else bytes. Anything else
// stays as it is.
func size(bytes string) string {
	n, err := strconv.ParseInt(bytes, 10, 64)
	switch {
	case err != nil:
		return bytes
	case n > 0 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + " MiB"
	case n > 0 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + " KiB"
	}
	return bytes + " B"
}

// harmless replaces control characters, and those that turn the direction of
// the text behind them.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
