package budget

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/batchport/batchport/domain"
)

// ParseCondition reads what [Condition.Text] returned. It takes the object in
// any order and with white space, as databases may give it back, and applies no
// limits of values, which may have been others when it was stored. Anything
// else gives [domain.CodeMalformed].
func ParseCondition(text string) (Condition, error) {
	r := conditionReader{json.NewDecoder(strings.NewReader(text))}
	r.UseNumber()
	c, err := r.condition()
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeMalformed, Err: fmt.Errorf("parse a stored condition: %w", err)}
	}
	return c, nil
}

// conditionReader reads a stored condition.
type conditionReader struct{ *json.Decoder }

func (r conditionReader) condition() (Condition, error) {
	token, err := r.Token()
	if err != nil {
		return nil, err
	}
	if token != json.Delim('{') {
		return nil, errors.New("no object")
	}
	var c Condition
	for r.More() {
		e, err := r.entry()
		if err != nil {
			return nil, err
		}
		c = append(c, e)
	}
	if _, err := r.Token(); err != nil { // the closing brace
		return nil, err
	}
	c = c.sorted()
	for i, e := range c {
		if i > 0 && e.Column == c[i-1].Column {
			return nil, fmt.Errorf("%s is there twice", e.Column)
		}
	}
	if len(c) == 0 {
		return nil, errors.New("no entries")
	}
	return c, nil
}

func (r conditionReader) entry() (Entry, error) {
	key, err := r.Token()
	if err != nil {
		return Entry{}, err
	}
	name, _ := key.(string) // nothing else is a key
	column, ok := ParseColumnRef(name)
	if !ok {
		return Entry{}, fmt.Errorf("%q is no column", name)
	}
	values, err := r.values()
	if err != nil {
		return Entry{}, fmt.Errorf("%s: %w", name, err)
	}
	return Entry{Column: column, Values: values}, nil
}

// values reads one value, or a list of them.
func (r conditionReader) values() ([]Value, error) {
	token, err := r.Token()
	if err != nil {
		return nil, err
	}
	if token != json.Delim('[') {
		v, err := scalar(token)
		return []Value{v}, err
	}
	var values []Value
	for r.More() {
		if token, err = r.Token(); err != nil {
			return nil, err
		}
		v, err := scalar(token)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	if _, err := r.Token(); err != nil { // the closing bracket
		return nil, err
	}
	if len(values) == 0 {
		return nil, errors.New("no values")
	}
	return values, nil
}

func scalar(token json.Token) (Value, error) {
	switch t := token.(type) {
	case string:
		return Value{Kind: String, Text: t}, nil
	case json.Number:
		return Value{Kind: Number, Text: t.String()}, nil
	case bool:
		return Value{Kind: Bool, Text: strconv.FormatBool(t)}, nil
	}
	return Value{}, fmt.Errorf("%v is no value", token)
}

// end wants that nothing follows.
func (r conditionReader) end() error {
	if _, err := r.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something behind it")
	}
	return nil
}
