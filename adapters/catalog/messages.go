package catalog

import (
	"cmp"
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

// codeMissingColumn is a code of the estate kinds whose field is a column.
const codeMissingColumn domain.Code = "missing_column"

// counted names the parameter by which a message has a form of its own for
// one, in languages that have one.
var counted = map[domain.Code]string{
	domain.CodeTooLong: "max",
	"rate_limited":     "retry_after",
}

// Text returns what f says, as a sentence in the locale, without what else is
// wrong. Field, value and parameters come from outside: characters in them that
// could disturb the text around are shown as U+FFFD.
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
	data := make(map[string]string, len(f.Params)+8)
	maps.Copy(data, f.Params)
	data["field"], data["value"] = f.Field, f.Value
	for name, value := range data {
		data[name] = harmless(value)
	}
	data["state"] = w.wordOr("state", data)
	data["role"] = w.wordOr("role", data)
	data["reason"] = w.word("reason", data) // without a word for it: what the program calls it helps nobody
	data["many"], data["large"], data["label"], data["place"], data["characters"] = "", "", "", "", ""
	switch f.Code {
	case domain.CodeInvalid:
		data["expected"] = w.expected(data)
	case domain.CodeTooLarge:
		data["max"] = size(data["max"])
		data["large"] = w.about("large", data)
	case domain.CodeTooMany:
		data["many"] = w.about("many", data)
	default: // the others mention their parameters as they are
	}
	if inSheet := data["row"] != ""; inSheet || f.Code == codeMissingColumn {
		data["label"] = w.column(data)
		if inSheet {
			data["place"], _ = w.render("text.place", data, nil)
			data["characters"] = characters(data["max"])
		}
	}
	data["name"], _ = w.render("text.name", data, nil)
	if f.Code == domain.CodeTooMany && f.Field == "items" {
		data["name"] = "" // what the engine calls them; no client sent a field of that name
	}
	data["subject"], _ = w.render("text.subject", data, nil)
	return data
}

// word returns the reader's word for a parameter's value, or "".
func (w words) word(name string, data map[string]string) string {
	word, _ := w.render(name+"."+data[name], data, nil)
	return word
}

// wordOr returns the reader's word for a parameter's value, or else the value.
func (w words) wordOr(name string, data map[string]string) string {
	return cmp.Or(w.word(name, data), data[name])
}

// about returns what the words of a kind say of the failure's field, or "".
func (w words) about(kind string, data map[string]string) string {
	text, _ := w.render(kind+"."+data["field"], data, nil)
	return text
}

// column returns what the column of the failure's field is called, or "". Where
// sheets call columns of one name differently, the parameter sheet says which.
// Within a column a path may lead further.
func (w words) column(data map[string]string) string {
	if data["sheet"] == "" {
		return w.about("field", data)
	}
	field, within, _ := strings.Cut(data["field"], ".")
	label, _ := w.render("field."+data["sheet"]+"."+field, data, nil)
	if label != "" && within != "" {
		label += " " + within
	}
	return label
}

// expected says what was expected. That for which there is no word is what the
// client has to send: one of several words, or one, which is quoted. Anything
// longer is a description.
func (w words) expected(data map[string]string) string {
	said := data["expected"]
	word := w.word("expected", data)
	switch {
	case word != "" || said == "":
	case strings.Contains(said, ", "):
		word, _ = w.render("text.one_of", data, nil)
	case !strings.Contains(said, " "):
		word, _ = w.render("text.literal", data, nil)
	}
	return cmp.Or(word, said)
}

// characters tells people who do not count in bytes how many Chinese
// characters fit into so many; "" when not even one does.
func characters(bytes string) string {
	n, err := strconv.Atoi(bytes)
	if n /= len("字"); err != nil || n < 1 {
		return ""
	}
	return strconv.Itoa(n)
}

// size words a number of bytes: whole GiB, MiB or KiB, else bytes. Anything else
// stays as it is.
func size(bytes string) string {
	n, err := strconv.ParseInt(bytes, 10, 64)
	switch {
	case err != nil:
		return bytes
	case n > 0 && n%(1<<30) == 0:
		return strconv.FormatInt(n>>30, 10) + " GiB"
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
