package budgets_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/batchport/batchport/domain"
)

// model is a table of rules to which rows are applied one by one. It is written
// from the description of the interface alone, over what encoding/json reads,
// and shares no code with what it judges.
type model struct {
	known []string // columns
	rules map[string]modelRule
}

type modelRule struct {
	line     string // as table has it
	revision int
}

// modelAnswer is what becomes of the rows of a request.
type modelAnswer struct {
	created, updated          int
	faulty, refused, warnings []string
}

// byRow is the answer with what is said of each row in an order of its own: a
// job keeps the members of rows by their names, not as they were sent.
func (a modelAnswer) byRow() modelAnswer {
	for _, list := range []*[]string{&a.faulty, &a.refused, &a.warnings} {
		*list = slices.Clone(*list)
		slices.SortFunc(*list, func(a, b string) int { return cmp.Or(cmp.Compare(rowOf(a), rowOf(b)), strings.Compare(a, b)) })
	}
	return a
}

// rowOf is the index that a note begins with.
func rowOf(note string) (index int) {
	_, _ = fmt.Sscan(note, &index)
	return index
}

// member is a part of an object, in the order in which it was sent.
type member struct {
	name  string
	value any
}

type object []member

func (o object) get(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// apply does what the rows of a request ask for.
func (m *model) apply(rows []string) (a modelAnswer) {
	latest := map[string]int{}
	for i, text := range rows {
		v, err := readAll(text)
		if err != nil {
			panic(err)
		}
		row, isObject := v.(object)
		j := judgement{known: m.known}
		if !isObject {
			j.fault("-", domain.CodeInvalid)
		} else {
			j.row(row)
		}
		var code *string
		if sent, isText := row.get("code").(string); isText {
			code = &sent
		}
		note := func(s string) string {
			if code == nil {
				return fmt.Sprint(i, " null ", s)
			}
			return fmt.Sprintf("%d %q %s", i, *code, s)
		}
		if len(j.faults) > 0 {
			for _, f := range j.faults {
				a.faulty = append(a.faulty, note(f))
			}
			continue
		}
		if at, repeated := latest[*code]; repeated {
			j.warn("code", domain.CodeDuplicate, fmt.Sprint(" of ", at))
		}
		latest[*code] = i
		switch {
		case j.budget == unknownBudget:
			a.faulty = append(a.faulty, note("budget_code unknown_budget"))
			continue
		case j.branch == refusedBranch:
			a.refused = append(a.refused, note("- rejected"))
			continue
		}
		rule, there := m.rules[*code]
		if there {
			a.updated++
		} else {
			a.created++
		}
		m.rules[*code] = modelRule{*code + j.line, rule.revision + 1}
		for _, w := range j.warnings {
			a.warnings = append(a.warnings, note(w))
		}
	}
	return a
}

// table lists the rules as [fixture.table] does.
func (m *model) table(revisions bool) (all []string) {
	for _, code := range slices.Sorted(maps.Keys(m.rules)) {
		line := m.rules[code].line
		if revisions {
			line += fmt.Sprint(" after ", m.rules[code].revision)
		}
		all = append(all, line)
	}
	return all
}

// judgement is what there is to say of a row.
type judgement struct {
	known            []string
	faults, warnings []string
	budget, branch   string
	line             string // the rule behind its code, as [fixture.table] has it
}

func (j *judgement) fault(field string, code domain.Code) {
	j.faults = append(j.faults, field+" "+string(code))
}

func (j *judgement) warn(field string, code domain.Code, more string) {
	j.warnings = append(j.warnings, field+" "+string(code)+more)
}

func (j *judgement) row(row object) {
	j.text(row, "code", true)
	priority := j.priority(row.get("priority"))
	j.budget = j.text(row, "budget_code", true)
	condition := j.condition(row.get("rule_condition"), row.get("rule_condition_json"))
	j.branch = j.text(row, "branch_code", false)
	event := j.text(row, "budget_event", false)
	deleted := row.get("deleted_flag")
	if deleted != nil && deleted != "Y" && deleted != "N" {
		j.fault("deleted_flag", domain.CodeInvalid)
	}
	fields := strings.Fields("code priority budget_code rule_condition rule_condition_json branch_code budget_event deleted_flag")
	for _, m := range row {
		if !slices.Contains(fields, m.name) {
			j.warn(m.name, domain.CodeUnknownField, "")
		}
	}
	j.line = fmt.Sprintf(" %s %s %s branch %q event %q deleted %t", priority, j.budget, condition, j.branch, event, deleted == "Y")
}

// text reads a text of up to 64 bytes.
func (j *judgement) text(row object, field string, required bool) string {
	v := row.get(field)
	s, isText := v.(string)
	switch {
	case required && (v == nil || isText && strings.TrimSpace(s) == ""):
		j.fault(field, domain.CodeRequired)
	case v != nil && !isText:
		j.fault(field, domain.CodeInvalid)
	case len(s) > 64:
		j.fault(field, domain.CodeTooLong)
	}
	return s
}

// priority reads an integer, or a string of digits, of 0 to 9999.
func (j *judgement) priority(v any) string {
	form, text := `^-?[0-9]+$`, ""
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		form, text = `^[0-9]+$`, v
	}
	digits := strings.TrimLeft(text, "0")
	switch {
	case v == nil || v == "":
		j.fault("priority", domain.CodeRequired)
	case !regexp.MustCompile(form).MatchString(text):
		j.fault("priority", domain.CodeInvalid)
	case len(digits) > 4 || strings.HasPrefix(text, "-") && strings.Trim(text, "-0") != "":
		j.fault("priority", domain.CodeOutOfRange)
	}
	if digits = strings.TrimPrefix(digits, "-"); digits == "" {
		return "0"
	}
	return digits
}

var columnForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

// condition reads a condition under one of its names.
func (j *judgement) condition(v, other any) string {
	if v != nil && v != "" && other != nil && other != "" {
		j.fault("rule_condition_json", domain.CodeDuplicate)
	}
	if v == nil || v == "" {
		v = other
	}
	if text, isText := v.(string); isText && text != "" {
		held, _ := readAll(text)
		switch held := held.(type) { // anything else is text that holds no condition
		case object:
			v = held
		case []any:
			v = held
		}
	}
	entries, isObject := v.(object)
	list, isList := v.([]any)
	switch {
	case v == nil || v == "" || isObject && len(entries) == 0 || isList && len(list) == 0:
		j.fault("rule_condition", domain.CodeRequired)
		return ""
	case !isObject:
		j.fault("rule_condition", domain.CodeInvalid)
		return ""
	}
	var parts, unknown []string
	for _, e := range entries {
		field := "rule_condition." + e.name
		if !columnForm.MatchString(e.name) {
			j.fault(field, domain.CodeInvalid)
		}
		parts = append(parts, fmt.Sprintf("%q:%s", e.name, j.values(field, e.value)))
		if j.known != nil && !slices.Contains(j.known, e.name) {
			unknown = append(unknown, e.name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		j.warn("rule_condition."+name, domain.CodeUnknownField, "")
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, ",") + "}"
}

// values reads a value of a condition, or a list of them.
func (j *judgement) values(field string, v any) string {
	list, isList := v.([]any)
	if !isList {
		return j.value(field, v)
	}
	if len(list) == 0 {
		j.fault(field, domain.CodeRequired)
	}
	var parts []string
	for i, item := range list {
		parts = append(parts, j.value(fmt.Sprintf("%s[%d]", field, i), item))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func (j *judgement) value(field string, v any) string {
	switch v := v.(type) {
	case bool:
		return fmt.Sprint(v)
	case string:
		if len(v) > 64 {
			j.fault(field, domain.CodeTooLong)
		}
		return fmt.Sprintf("%q", v)
	case json.Number:
		if len(v) > 64 {
			j.fault(field, domain.CodeTooLong)
		}
		return v.String()
	}
	j.fault(field, domain.CodeInvalid)
	return ""
}

var errTwice = errors.New("a key is there twice")

// readAll reads one JSON document: null, bool, json.Number, string, []any or
// object.
func readAll(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := readValue(d)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return v, nil
		}
		err = errors.Join(err, errors.New("something behind it"))
	}
	return nil, err
}

func readValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := readValue(d)
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(o, func(m member) bool { return m.name == name }) {
				return nil, errTwice
			}
			o = append(o, member{name.(string), v})
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := readValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}
