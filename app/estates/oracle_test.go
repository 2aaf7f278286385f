package estates_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
)

// oracleLimit is how many objects a request may name before [oracle].
const oracleLimit = 5

// oracle judges accepted requests. It is written from the description of the
// interface alone, over what encoding/json reads, and shares no code with what
// it judges.
type oracle struct {
	t    *testing.T
	text string
	job  *domain.BatchJob
	body map[string]any
	ids  []int64          // of the stored items, in their order
	item []map[string]any // the stored items that are objects
}

func newOracle(t *testing.T, text string, f fixture, job *domain.BatchJob) *oracle {
	t.Helper()
	o := &oracle{t: t, text: text, job: job}
	o.read(text, &o.body)
	for chunk, err := range f.store.EachChunk(t.Context(), job.Ref()) {
		if err != nil {
			t.Fatalf("EachChunk: %v", err)
		}
		var items []any
		o.read(string(chunk.Items), &items)
		for _, item := range items {
			id := item
			if object, ok := item.(map[string]any); ok {
				o.item, id = append(o.item, object), object["id"]
			}
			n, _ := digits(id)
			o.ids = append(o.ids, n)
		}
	}
	return o
}

func (o *oracle) fail(format string, args ...any) {
	o.t.Helper()
	o.t.Errorf("Submit(%q) was accepted: %s\npayload %s\nitems %v", o.text, fmt.Sprintf(format, args...), o.job.Payload(), o.ids)
}

func (o *oracle) read(text string, into any) {
	o.t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		o.t.Fatalf("Submit(%q) was accepted with %q: %v", o.text, text, err)
	}
}

// check goes through everything that must hold for the job.
func (o *oracle) check() {
	o.t.Helper()
	name := o.body["job_name"]
	if name != string(o.job.Kind()) {
		o.fail("the job is a %s", o.job.Kind())
	}
	o.payload()
	if len(o.ids) > oracleLimit {
		o.fail("%d items are more than %d", len(o.ids), oracleLimit)
	}
	for i, id := range o.ids {
		if id < 1 || id > 1<<53-1 || slices.Contains(o.ids[:i], id) {
			o.fail("item %d is no identifier, or comes twice", id)
		}
	}
	switch o.job.Kind() {
	case estates.ImportStatement:
		o.document()
	case estates.UploadReport:
		o.document()
		o.selection("estatesIds", estateOptions)
	case estates.EditAgent, estates.EditLandlord:
		o.edit()
	case estates.ExportCommunities:
		o.selection("communityIds", "keyword country district")
	case estates.ExportContracts:
		o.selection(o.contracts(), contractOptions)
	case estates.ExportRepairs:
		o.selection("repairIds", "keyword country district estate_id state category reported_after reported_before")
	default:
		o.selection("estatesIds", estateOptions)
	}
}

const (
	estateOptions   = "keyword country district community_id status listed agent_id landlord_id rent_min rent_max"
	contractOptions = "keyword country district estate_id agent_id state ends_before ends_after"
	ignoredOptions  = "page per_page limit sort order"
)

// payload wants the payload to be what the kind's worker can read.
func (o *oracle) payload() {
	o.t.Helper()
	into, known := map[domain.Kind]any{
		estates.OpenRent: new(estates.Search), estates.CloseRent: new(estates.Search), estates.Export: new(estates.Search),
		estates.ExportCommunities: new(estates.CommunitySearch), estates.ExportContracts: new(estates.ContractSearch),
		estates.ExportRepairs: new(estates.RepairSearch), estates.UploadReport: new(estates.ReportUpload),
		estates.ImportStatement: new(estates.StatementImport), estates.EditAgent: new(estates.AgentEdits),
		estates.EditLandlord: new(estates.LandlordEdits),
	}[o.job.Kind()]
	d := json.NewDecoder(strings.NewReader(string(o.job.Payload())))
	d.DisallowUnknownFields()
	if err := d.Decode(into); !known || err != nil {
		o.fail("payload of %s: %v", o.job.Kind(), err)
	}
}

// contracts returns the one field by which contracts were named.
func (o *oracle) contracts() string {
	right, misspelt := o.body["contractIds"], o.body["constarctIds"]
	switch {
	case blankAny(misspelt):
		return "contractIds"
	case !blankAny(right):
		o.fail("contracts are named by two fields")
	}
	return "constarctIds"
}

// selection wants a list of identifiers, all of which are items, or "all".
func (o *oracle) selection(field, options string) {
	o.t.Helper()
	if o.body[field] == "all" {
		o.all(options)
		return
	}
	list, isList := o.body[field].([]any)
	if !isList || len(list) == 0 || o.job.Selection().All {
		o.fail("%s is %v", field, o.body[field])
	}
	o.named(list)
}

// named wants the items to be the objects of the identifiers, and no others.
func (o *oracle) named(list []any) {
	o.t.Helper()
	var want []int64
	for _, v := range list {
		id, ok := digits(v)
		if !ok {
			o.fail("%v is no identifier", v)
		}
		want = append(want, id)
	}
	slices.Sort(want)
	got := slices.Clone(o.ids)
	slices.Sort(got)
	if !slices.Equal(got, slices.Compact(want)) {
		o.fail("the items are not those of %v", want)
	}
}

// all wants a total and options that are known, and no items yet.
func (o *oracle) all(options string) {
	o.t.Helper()
	s := o.job.Selection()
	total, ok := digits(o.body["total"])
	if !ok || !s.All || len(o.ids) > 0 || s.Expected == nil || int64(*s.Expected) != total {
		o.fail("total is %v, the selection %+v", o.body["total"], s)
	}
	known := strings.Fields(options)
	switch search := o.body["searchOptions"].(type) {
	case map[string]any:
		for name, value := range search {
			if slices.Contains(strings.Fields(ignoredOptions), name) {
				continue
			}
			if list, isList := value.([]any); isList && len(list) == 0 {
				o.fail("search option %s is an empty list", name)
			}
			if _, isObject := value.(map[string]any); isObject || !slices.Contains(known, name) {
				o.fail("search option %s is %v", name, value)
			}
			if stored := `"` + name + `":`; !blankAny(value) && !strings.Contains(string(o.job.Payload()), stored) {
				o.fail("search option %s was given and is not in the payload", name)
			}
		}
	case []any:
		if len(search) > 0 {
			o.fail("searchOptions is a list")
		}
	default:
		o.fail("searchOptions is %v", search)
	}
}

// document wants a place where the document can be, and a month.
func (o *oracle) document() {
	o.t.Helper()
	url, _ := o.body["publicUrl"].(string)
	if !regexp.MustCompile(`^(?i:https)://[^/?#@\\\s]+([/?#]|$)`).MatchString(url) || len(url) > 2048 {
		o.fail("publicUrl is %q", url)
	}
	if date := fmt.Sprint(o.body["date"]); !regexp.MustCompile(`^(19|[2-9][0-9])[0-9]{2}(0[1-9]|1[0-2])$`).MatchString(date) {
		o.fail("date is %s", date)
	}
}

// edit wants one mode, in full.
func (o *oracle) edit() {
	o.t.Helper()
	field, options := "estatesIds", estateOptions
	contracts := o.job.Kind() == estates.EditAgent && o.body["action"] == "contract"
	switch action := o.body["action"]; {
	case contracts:
		field, options = o.contracts(), contractOptions
	case action != "estate" && (o.job.Kind() == estates.EditAgent || !blankAny(action)):
		o.fail("action is %v", action)
	}
	individual, batch := given(o.body["data"]), o.body[field] == "all"
	for _, name := range []string{"searchOptions", "editUserId", "capabilitiesReplace"} {
		batch = batch || given(o.body[name])
	}
	if individual && batch {
		o.fail("it is in both modes")
	}
	if individual {
		o.individual()
		return
	}
	if ids := o.body[field]; !blankAny(ids) && ids != "all" {
		o.fail("%s is %v in batch mode", field, ids)
	}
	o.all(options)
	user, sent := o.body["editUserId"]
	person, _ := digits(user)
	removes := o.job.Kind() == estates.EditLandlord && sent && user == nil
	want := map[domain.Kind]int64{estates.EditAgent: 7, estates.EditLandlord: 21}[o.job.Kind()]
	if !removes && person != want { // the one user with the role that there is
		o.fail("editUserId is %v", user)
	}
	if o.job.Kind() == estates.EditLandlord {
		o.capabilities(o.body["capabilitiesReplace"])
	}
}

// individual wants an item for every entry, and each of them to be what was
// asked for, or to have faults.
func (o *oracle) individual() {
	o.t.Helper()
	entries := map[int64]any{}
	var keys []any
	switch data := o.body["data"].(type) {
	case map[string]any:
		for key, entry := range data {
			id, _ := digits(key)
			entries[id], keys = entry, append(keys, key)
		}
	case []any:
		for _, entry := range data {
			object, _ := entry.(map[string]any)
			id, _ := digits(object["id"])
			entries[id], keys = object, append(keys, object["id"])
		}
	}
	o.named(keys)
	for i, item := range o.item {
		if item["faults"] != nil {
			continue
		}
		entry, isObject := entries[o.ids[i]].(map[string]any)
		user, sent := entry["editUserId"]
		person, _ := digits(user)
		if removes := o.job.Kind() == estates.EditLandlord && sent && user == nil; !isObject || !removes && person == 0 {
			o.fail("the entry %v of %d has no faults", entries[o.ids[i]], o.ids[i])
		}
		if own, ok := digits(entry["id"]); !blankAny(entry["id"]) && (!ok || own != o.ids[i]) {
			o.fail("the entry of %d says that it is %v", o.ids[i], entry["id"])
		}
		if o.job.Kind() == estates.EditLandlord {
			o.capabilities(entry["capabilities"])
		}
	}
}

// capabilities wants flags of the names that there are.
func (o *oracle) capabilities(v any) {
	o.t.Helper()
	if object, isObject := v.(map[string]any); isObject {
		for name, flag := range object {
			if !regexp.MustCompile(`^(show_(estate|contract|repair|statement|report)|edit_(estate|contract|repair))$`).MatchString(name) ||
				!slices.Contains([]string{"0", "1", "true", "false", `"0"`, `"1"`}, jsonOf(flag)) {
				o.fail("capability %s is %v", name, flag)
			}
		}
		return
	}
	if list, isList := v.([]any); !blankAny(v) && (!isList || len(list) > 0) {
		o.fail("capabilities are %v", v)
	}
}

// digits reads a number or a string of digits.
func digits(v any) (int64, bool) {
	text := ""
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	}
	n, err := strconv.ParseUint(text, 10, 53)
	return int64(n), err == nil && regexp.MustCompile(`^[0-9]+$`).MatchString(text)
}

func blankAny(v any) bool { return v == nil || v == "" }

// given reports whether a field holds more than an empty form field does.
func given(v any) bool { return !blankAny(v) && jsonOf(v) != "[]" && jsonOf(v) != "{}" }

func jsonOf(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}
