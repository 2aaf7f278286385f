package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/estates"
)

// jobRequest is the document that submits a job, as flags say it. What the
// server judges is not judged here.
type jobRequest struct {
	file                string
	ids                 []string
	idsFile             string
	filter              map[string]any
	all                 bool
	total               uint32
	month, url, upload  string
	object, userID      string
	capabilities        map[string]bool
	validateOnly, whole bool
	failLimit           map[string]int
}

// Search options whose values are numbers, or true and false. Those of all
// others are text; no two objects have one of the same name that differ. Limits
// have one value, and the others any number.
var (
	numberOptions = []string{"country", "district", "community_id", "agent_id", "landlord_id", "estate_id", "rent_min", "rent_max"}
	flagOptions   = []string{"listed"}
	textOptions   = []string{"keyword", "status", "state", "ends_after", "ends_before", "category", "reported_after", "reported_before"}
	limitOptions  = []string{"rent_min", "rent_max", "ends_after", "ends_before", "reported_after", "reported_before"}
)

// noUser is the user that removes the landlord of an estate.
const noUser = "none"

func (q *jobRequest) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	q.filter, q.capabilities, q.failLimit = map[string]any{}, map[string]bool{}, map[string]int{}
	flags.StringVar(&q.file, "file", "", `file with the whole request as JSON; "-" is standard input`)
	flags.Var(&checkedList{values: &q.ids, form: "ids", check: checkID}, "ids", "objects that the job is about, with commas between")
	flags.StringVar(&q.idsFile, "ids-file", "", `file with such ids, with white space or commas between; "-" is standard input`)
	flags.Var(&pairFlag{form: "option=value", set: q.setFilter}, "filter", "objects that the job is about: all that have one of the values (with commas between) of a search option; given more than once, all of that")
	flags.BoolVar(&q.all, "all", false, "every object is what the job is about")
	flags.Var(&checkedCount{value: &q.total, form: "objects"}, "total", "how many objects you expect the filter to find")
	flags.StringVar(&q.month, "month", "", "month of a report or a statement, as 202611")
	flags.StringVar(&q.upload, "upload", "", "document of this machine that the job reads, which is uploaded first")
	flags.StringVar(&q.url, "url", "", "document that the job reads: that of an upload, or one in the net")
	flags.StringVar(&q.object, "object", "", "what agents are put in charge of: estate or contract")
	flags.StringVar(&q.userID, "user-id", "", `who becomes agent or landlord; "`+noUser+`" removes the landlord`)
	flags.Var(&listFlag{form: "name=bool", set: q.setCapability}, "capability", "what the landlord may do, as show_estate=true; may be given more than once, or with commas between")
	flags.BoolVar(&q.validateOnly, "validate-only", false, "try every item, say which would fail, and change nothing")
	flags.BoolVar(&q.whole, "all-or-nothing", false, "change nothing unless every item succeeds")
	flags.Var(&listFlag{form: "N|P%", set: q.setFailLimit}, "fail-limit", "stop the job when so many items have failed, as 100, or so large a part of them, as 5%, or, as 100,5%, either")
	fixed := func(name string, words ...string) {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace)) // the flag is there
	}
	var options []string
	for _, name := range slices.Concat(numberOptions, flagOptions, textOptions) {
		options = append(options, name+"=")
	}
	fixed("filter", options...)
	fixed("object", "estate", "contract")
}

// body writes the request for a kind. A document of this machine is uploaded.
func (q *jobRequest) body(ctx context.Context, s *session, slug string) ([]byte, error) {
	members, err := q.readFile(s)
	if err != nil {
		return nil, err
	}
	if err := q.addSelection(s, slug, members); err != nil {
		return nil, err
	}
	if q.upload != "" {
		if q.url, err = s.Upload(ctx, q.upload); err != nil {
			return nil, err
		}
	}
	members.add("month", q.month, q.month != "")
	members.add("url", q.url, q.url != "")
	members.add("object", q.object, q.object != "")
	members.add("validate_only", true, q.validateOnly)
	members.add("all_or_nothing", true, q.whole)
	members.add("fail_limit", q.failLimit, len(q.failLimit) > 0)
	return members.json()
}

// readFile begins with what a file has, if one is given.
func (q *jobRequest) readFile(s *session) (*members, error) {
	m := &members{values: map[string]json.RawMessage{}}
	if q.file == "" {
		return m, nil
	}
	text, err := s.readInput(q.file)
	if err != nil {
		return nil, err
	}
	whole, err := document.Parse(string(text))
	if err == nil && whole.Kind != document.Object {
		err = errors.New("it is no JSON object")
	}
	if err != nil {
		return nil, usage(fmt.Errorf("--file %s: %w", q.file, inWords(err)))
	}
	return m, json.Unmarshal(text, &m.values)
}

// addSelection says which objects the job is about. Jobs that edit have an edit
// for each that is named.
func (q *jobRequest) addSelection(s *session, slug string, m *members) error {
	ids, err := q.allIDs(s)
	if err != nil {
		return err
	}
	edit := map[string]any{}
	switch {
	case q.userID == noUser:
		edit["user_id"] = nil
	case q.userID != "":
		edit["user_id"] = number(q.userID)
	}
	if len(q.capabilities) > 0 {
		edit["capabilities"] = q.capabilities
	}
	edits := slug == slugOf(estates.EditAgent) || slug == slugOf(estates.EditLandlord)
	switch {
	case len(ids) > 0 && edits:
		list := make([]map[string]any, len(ids))
		for i, id := range ids {
			list[i] = map[string]any{"id": id}
			for name, value := range edit {
				list[i][name] = value
			}
		}
		m.add("edits", list, true)
	case len(ids) > 0:
		m.add("ids", ids, true)
	}
	if len(ids) == 0 || !edits {
		for name, value := range edit {
			m.add(name, value, true)
		}
	}
	m.add("filter", q.filter, q.all || len(q.filter) > 0)
	m.add("total", q.total, q.total > 0)
	return nil
}

func (q *jobRequest) allIDs(s *session) (ids []json.Number, err error) {
	words := q.ids
	if q.idsFile != "" {
		text, err := s.readInput(q.idsFile)
		if err != nil {
			return nil, err
		}
		text = bytes.TrimPrefix(text, []byte("\ufeff"))
		for n, line := range strings.Split(string(text), "\n") {
			for _, word := range strings.FieldsFunc(line, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' || c == '\r' }) {
				if err := checkID(word); err != nil {
					return nil, usage(fmt.Errorf("--ids-file %s: line %d: %q: %w", q.idsFile, n+1, word, err))
				}
				words = append(words, word)
			}
		}
		if len(words) == 0 {
			return nil, usage(fmt.Errorf("--ids-file %s: there are no ids in it", q.idsFile))
		}
	}
	for _, word := range words {
		n, _ := strconv.ParseInt(word, 10, 64) // it was checked
		ids = append(ids, json.Number(strconv.FormatInt(n, 10)))
	}
	return ids, nil
}

func (q *jobRequest) setFilter(name, values string) error {
	if slices.Contains(limitOptions, name) {
		if q.filter[name] != nil || strings.Contains(values, ",") {
			return fmt.Errorf("%s has one value", name)
		}
		q.filter[name] = optionValue(name, strings.TrimSpace(values))
		return nil
	}
	list, _ := q.filter[name].([]any) // none yet
	for value := range strings.SplitSeq(values, ",") {
		list = append(list, optionValue(name, strings.TrimSpace(value)))
	}
	q.filter[name] = list
	return nil
}

// optionValue gives a value the type that the server wants for the option. One
// that cannot have it goes as text, and the server says what is wrong.
func optionValue(name, value string) any {
	switch on, err := strconv.ParseBool(value); {
	case slices.Contains(numberOptions, name):
		return number(value)
	case slices.Contains(flagOptions, name) && err == nil:
		return on
	}
	return value
}

func number(value string) any {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return n
	}
	return value
}

func (q *jobRequest) setCapability(word string) error {
	name, value, _ := strings.Cut(word, "=")
	on, err := strconv.ParseBool(value)
	if err != nil || name == "" {
		return errors.New("want NAME=true or NAME=false, such as show_estate=true")
	}
	q.capabilities[name] = on
	return nil
}

func (q *jobRequest) setFailLimit(value string) error {
	name := "items"
	digits, isShare := strings.CutSuffix(value, "%")
	if isShare {
		name = "percent"
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || n == 0 || isShare && n > 100 {
		return errors.New("want a number of items from 1, such as 100, or a part of them from 1% to 100%")
	}
	q.failLimit[name] = int(n)
	return nil
}

func checkID(word string) error {
	if n, err := strconv.ParseInt(word, 10, 64); err != nil || n < 1 {
		return errors.New("want ids: numbers from 1, in digits alone")
	}
	return nil
}

// members is a JSON object that is put together.
type members struct {
	values map[string]json.RawMessage
	failed error
}

// add sets a member if it is wanted.
func (m *members) add(name string, value any, wanted bool) {
	if !wanted {
		return
	}
	text, err := json.Marshal(value)
	if err != nil {
		m.failed = err
	}
	m.values[name] = text
}

func (m *members) json() ([]byte, error) {
	if m.failed != nil {
		return nil, m.failed
	}
	return json.Marshal(m.values)
}
