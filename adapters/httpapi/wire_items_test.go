package httpapi_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain/estate"
)

// resources are the four fields of identifiers, each with an export of what it
// names, and two objects that there are.
var resources = []struct {
	job, field, misspelt string
	first, second        int64
}{
	{"estate_export", "estatesIds", "", 1, 2},
	{"community_export", "communityIds", "", 5, 6},
	{"contract_export", "contractIds", "", 11, 12},
	{"contract_export", "constarctIds", "", 11, 12},
	{"repair_export", "repairIds", "", 31, 32},
}

func TestWireItems(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	w.run()
	for _, r := range resources {
		request := func(ids, more string) string {
			return fmt.Sprintf(`{"job_name":%q,%q:%s%s}`, r.job, r.field, ids, more)
		}
		both, named := []int64{r.first, r.second}, fmt.Sprintf(`[%d,"%d"]`, r.second, r.first)
		four := int(r.second - r.first + 1)
		if r.field == "estatesIds" {
			four = 4
		}
		for _, c := range []struct {
			sentence, body string
			code           int
			ids            []int64
		}{
			{"a list of ids", request(named, ""), 200, both},
			{"beside a list of ids, total and searchOptions are ignored", request(named, `,"total":"many","searchOptions":{"nonsense":[]}`), 200, both},
			{"an id given twice counts once", request(fmt.Sprintf(`[%d,"%d",%d]`, r.first, r.first, r.first), ""), 200, both[:1]},
			{"an id that does not exist does not fail the job", request(fmt.Sprintf(`[404,%d]`, r.first), ""), 200, both[:1]},
			{"none did: 204 and no file", request(`[404]`, ""), 204, nil},
			{`the string "all"`, request(`"all"`, fmt.Sprintf(`,"total":%d,"searchOptions":[]`, four)), 200, nil},
			{`with "all": searchOptions says which, total how many`, request(`"all"`, fmt.Sprintf(`,"total":"%d","searchOptions":{}`, four)), 200, nil},
			{"nothing matched: 204", request(`"all"`, `,"total":0,"searchOptions":{"country":77}`), 204, nil},
			{"page, per_page, limit, sort, order alone are ignored", request(`"all"`, fmt.Sprintf(`,"total":%d,"searchOptions":{"page":[],"per_page":"x","limit":{},"sort":"id","order":null}`, four)), 200, nil},
			{`a filter whose value is "" or null was not given`, request(`"all"`, fmt.Sprintf(`,"total":%d,"searchOptions":{"keyword":"","country":null,"district":""}`, four)), 200, nil},
			{"if its size is not total, the job ends with code 500", request(`"all"`, `,"total":99,"searchOptions":{}`), 500, nil},
		} {
			code, ids := w.exported(c.body)
			if code != c.code || c.ids != nil && !slices.Equal(ids, c.ids) {
				t.Errorf("%s\n%s ended %d with %v, want %d with %v", c.sentence, c.body, code, ids, c.code, c.ids)
			}
		}
		if _, _, failed := w.done(request(`[404,405]`, "")); !slices.Equal(failed, []string{"404 not_found", "405 not_found"}) {
			t.Errorf("%s: an id that does not exist is a failed item, not_found: %q", r.field, failed)
		}
		w.refuses([]refused{
			{"the field is required", fmt.Sprintf(`{"job_name":%q}`, r.job), 400, []string{map[bool]string{true: "contractIds", false: r.field}[r.field == "constarctIds"] + " required"}},
			{"an empty list of ids is a 400", request("[]", ""), 400, []string{r.field + " required"}},
			{"a list of ids, or all", request(`"ALL"`, ""), 400, []string{r.field + " invalid"}},
			{"a list of ids, or all", request(`5`, ""), 400, []string{r.field + " invalid"}},
			{"a list of ids, or all", request(`{"0":1}`, ""), 400, []string{r.field + " invalid"}},
			{"with all: searchOptions and total are required", request(`"all"`, ""), 400, []string{"total required", "searchOptions required"}},
			{`"" and null are not given`, request(`"all"`, `,"total":"","searchOptions":null`), 400, []string{"total required", "searchOptions required"}},
			{"total is a number", request(`"all"`, `,"total":-1,"searchOptions":{}`), 400, []string{"total out_of_range"}},
			{"total is a number", request(`"all"`, `,"total":1.5,"searchOptions":{}`), 400, []string{"total invalid"}},
			{"searchOptions is a map", request(`"all"`, `,"total":1,"searchOptions":[1]`), 400, []string{"searchOptions invalid"}},
			{"an unknown search option is a 400, never ignored", request(`"all"`, `,"total":1,"searchOptions":{"colour":"red"}`), 400, []string{"searchOptions.colour unknown_field"}},
			{"an unknown search option is a 400, also without a value", request(`"all"`, `,"total":1,"searchOptions":{"Country":""}`), 400, []string{"searchOptions.Country unknown_field"}},
			{"[] as a value is a 400", request(`"all"`, `,"total":1,"searchOptions":{"country":[]}`), 400, []string{"searchOptions.country invalid"}},
			{"a value may be a scalar or a list", request(`"all"`, `,"total":1,"searchOptions":{"country":{"0":1}}`), 400, []string{"searchOptions.country invalid"}},
			{
				"a refusal lists all errors", request(`"all"`, `,"total":"x","searchOptions":{"colour":1,"country":["x",-1],"district":[],"keyword":[""]}`), 400,
				[]string{"total invalid", "searchOptions.colour unknown_field", "searchOptions.country[0] invalid", "searchOptions.country[1] out_of_range", "searchOptions.district invalid", "searchOptions.keyword[0] invalid"},
			},
		})
	}
	w.refuses([]refused{
		{"both at once is an error", `{"job_name":"contract_export","contractIds":[11],"constarctIds":[11]}`, 400, []string{"constarctIds duplicate"}},
		{"both at once is an error", `{"job_name":"contract_export","contractIds":"all","constarctIds":[11],"total":1,"searchOptions":[]}`, 400, []string{"constarctIds duplicate"}},
	})
	if code, ids := w.exported(`{"job_name":"contract_export","contractIds":"","constarctIds":[11]}`); code != 200 || !slices.Equal(ids, []int64{11}) {
		t.Errorf("an empty field is not sent: %d %v", code, ids)
	}
}

// TestWireSelectionIsVerified checks, for every kind that takes "all", that
// another number than total changes nothing and that both are told.
func TestWireSelectionIsVerified(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	w.run()
	for _, body := range []string{
		`{"job_name":"estate_batch_open_rent","estatesIds":"all"`,
		`{"job_name":"estate_batch_close_rent","estatesIds":"all"`,
		`{"job_name":"estate_export","estatesIds":"all"`,
		`{"job_name":"estate_batch_upload_monthly_report","estatesIds":"all","publicUrl":"https://example.com/a.pdf","date":"202611"`,
		`{"job_name":"estate_batch_edit_agent","action":"estate","estatesIds":"all","editUserId":8`,
		`{"job_name":"estate_batch_edit_bigLandlord","estatesIds":"all","editUserId":null`,
	} {
		code, data, _ := w.done(body + `,"total":1234,"searchOptions":{"country":1}}`)
		if want := "The selection has changed: 1,234 expected, 2 found. Nothing was changed."; code != 500 || data["message"] != want && data["message"] != "The selection has changed: 1234 expected, 2 found. Nothing was changed." {
			t.Errorf("%s: ended %d with %v, want 500 with %q", body, code, data, want)
		}
		if data["url"] != nil || data["failed_estates_amount"] != nil || data["process"] != 100.0 {
			t.Errorf("%s: ended with %v, want neither a file nor failed items", body, data)
		}
	}
	for id, landlord := range map[int]string{1: "21", 2: "22"} {
		e := w.estate(id)
		if e["listed"] != (id == 2) || w.agent(id) != 6+id || w.landlord(id) != landlord || len(e["reports"].([]any)) > 0 {
			t.Errorf("nothing is changed: estate %d is %v", id, e)
		}
	}
}

// TestWireSelectionIsFrozen changes what there is between submission, planning
// and work.
func TestWireSelectionIsFrozen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{engine: engine.Config{Now: time.Now}})
	w.estates(1, 2)
	code := w.submit(`{"job_name":"estate_batch_open_rent","estatesIds":"all","total":3,"searchOptions":[]}`)
	_, err := w.store.UpsertEstates(t.Context(), "acme", []estate.Estate{{ID: 3, Name: "new", Status: estate.Vacant}})
	w.must(err)
	w.run()
	if end := fields(t, w.ended(code).body); end["code"] != 200.0 || w.estate(3)["listed"] != true {
		t.Errorf("the selection is that of when the job is planned: %v", end)
	}
}

func TestWireLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{estates: estates.Config{MaxNamed: 3}, engine: engine.Config{MaxSelected: 3}})
	w.population()
	w.run()
	w.refuses([]refused{
		{"items named one by one in a job", `{"job_name":"estate_batch_open_rent","estatesIds":[1,2,3,4]}`, 413, []string{"estatesIds too_many"}},
		{"items named one by one in a job", `{"job_name":"contract_export","constarctIds":[1,2,3,4]}`, 413, []string{"constarctIds too_many"}},
		{"items named one by one in a job", `{"job_name":"estate_batch_edit_agent","action":"estate","data":[{"id":1},{"id":2},{"id":3},{"id":4}]}`, 413, []string{"data too_many"}},
		{"items named one by one in a job", `{"job_name":"estate_batch_edit_bigLandlord","data":{"1":{},"2":{},"3":{},"4":{}}}`, 413, []string{"data too_many"}},
	})
	if code, _, _ := w.done(`{"job_name":"estate_batch_open_rent","estatesIds":[1,1,2,2,3,3]}`); code != 200 {
		t.Errorf("an id given twice counts once: %d", code)
	}
	code, data, _ := w.done(`{"job_name":"estate_batch_open_rent","estatesIds":"all","total":4,"searchOptions":{}}`)
	if message, _ := data["message"].(string); code != 400 || message == "" {
		t.Errorf("a selection beyond the limit ends 400: %d %v", code, data)
	}
	ignored := newWorld(t, settings{estates: estates.Config{IgnoredOptions: []string{"offset"}, Capabilities: []estate.Capability{"fly"}}})
	ignored.population()
	ignored.run()
	ignored.refuses([]refused{{"the list is configurable", `{"job_name":"estate_export","estatesIds":"all","total":4,"searchOptions":{"page":1,"offset":1}}`, 400, []string{"searchOptions.page unknown_field"}}})
	if code, _, failed := ignored.done(`{"job_name":"estate_batch_edit_bigLandlord","data":{"3":{"editUserId":21,"capabilities":{"fly":1}},"1":{"editUserId":21,"capabilities":{"show_estate":1}}}}`); code != 200 || !slices.Equal(failed, []string{"1 " + string(estate.CodeUnknownCapability) + " capabilities.show_estate"}) {
		t.Errorf("capabilities are configurable: %d %q", code, failed)
	}
}
