package estates

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/batchport/batchport/domain"
)

// maxDepth is how deep values may be nested.
const maxDepth = 16

// parseValue reads one JSON document strictly: [Value] says what it refuses,
// with [domain.CodeMalformed] and the parameter reason, or [domain.CodeDuplicate]
// for a key that comes twice in an object.
func parseValue(document []byte) (Value, error) {
	switch {
	case !utf8.Valid(document):
		return Value{}, malformed("utf8")
	case !json.Valid(document): // asked first, because reading by tokens takes things that are no JSON
		return Value{}, malformed("syntax")
	}
	if reason := unsound(document); reason != "" {
		return Value{}, malformed(reason)
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	return readValue(decoder, 1)
}

func readValue(decoder *json.Decoder, depth int) (Value, error) {
	token, err := decoder.Token()
	if err != nil {
		return Value{}, &domain.Error{Code: domain.CodeMalformed, Err: err}
	}
	switch token := token.(type) {
	case bool:
		return Value{Kind: Bool, Bool: token}, nil
	case json.Number:
		return Value{Kind: Number, Text: token.String()}, nil
	case string:
		return Value{Kind: String, Text: token}, nil
	case json.Delim:
		if depth > maxDepth {
			return Value{}, malformed("depth")
		}
		if token == '{' {
			return readObject(decoder, depth)
		}
		return readList(decoder, depth)
	}
	return Value{}, nil
}

func malformed(reason string) error {
	return domain.Fail(domain.NewFailure(domain.CodeMalformed, "", "", "reason", reason))
}

func readList(decoder *json.Decoder, depth int) (Value, error) {
	list := Value{Kind: List}
	for decoder.More() {
		element, err := readValue(decoder, depth+1)
		if err != nil {
			return Value{}, err
		}
		list.List = append(list.List, element)
	}
	_, err := decoder.Token()
	return list, err
}

func readObject(decoder *json.Decoder, depth int) (Value, error) {
	object := Value{Kind: Object}
	names := map[string]struct{}{}
	for decoder.More() {
		name, err := readValue(decoder, depth)
		if err != nil {
			return Value{}, err
		}
		if _, again := names[name.Text]; again {
			return Value{}, domain.Fail(domain.NewFailure(domain.CodeDuplicate, shortName(name.Text), ""))
		}
		names[name.Text] = struct{}{}
		value, err := readValue(decoder, depth+1)
		if err != nil {
			return Value{}, err
		}
		object.Members = append(object.Members, Member{Name: name.Text, Value: value})
	}
	_, err := decoder.Token()
	return object, err
}

// unsound says why the escapes of a valid document make no good text: a NUL
// character, or a lone surrogate, which decoding would replace silently. "" is a
// sound one.
func unsound(document []byte) (reason string) {
	for {
		i := bytes.IndexByte(document, '\\')
		if i < 0 {
			return ""
		}
		document = document[i:]
		unit, escaped := escapedUnit(document)
		switch {
		case !escaped:
			document = document[2:]
		case unit == 0:
			return "nul"
		case unit >= 0xdc00 && unit <= 0xdfff:
			return "surrogate"
		case unit >= 0xd800 && unit <= 0xdbff:
			low, escaped := escapedUnit(document[6:])
			if !escaped || low < 0xdc00 || low > 0xdfff {
				return "surrogate"
			}
			document = document[12:]
		default:
			document = document[6:]
		}
	}
}

// escapedUnit reads an escape such as \u00e9 that the text begins with.
func escapedUnit(text []byte) (unit uint64, escaped bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return unit, err == nil
}
