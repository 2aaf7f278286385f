package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestWireSearchOptions has for every search option of every resource what it
// finds and what it does not, as a scalar and as a list, of which any will do.
// A keyword is part of the name or of the address, of contracts of who rents,
// of repairs of the description; where contracts and repairs are, their estates
// are. Days before and after are without the day itself.
func TestWireSearchOptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	w.run()
	for _, r := range []struct {
		job, field string
		finds      map[string][]int64
	}{
		{"estate_export", "estatesIds", map[string][]int64{
			`{"keyword":"riverSIDE"}`:                {1},
			`{"keyword":"river"}`:                    {1, 2},
			`{"keyword":"中山"}`:                       {1},
			`{"keyword":["hill","sea"]}`:             {2, 3},
			`{"keyword":"%"}`:                        nil,
			`{"keyword":"_"}`:                        nil,
			`{"keyword":1}`:                          {1},
			`{"country":1}`:                          {1, 2},
			`{"country":"2"}`:                        {3, 4},
			`{"country":[1,"2"]}`:                    {1, 2, 3, 4},
			`{"country":3}`:                          nil,
			`{"district":10}`:                        {1},
			`{"district":["10",21]}`:                 {1, 4},
			`{"district":0}`:                         nil,
			`{"community_id":5}`:                     {1},
			`{"community_id":["5",6]}`:               {1, 2},
			`{"community_id":7}`:                     nil,
			`{"status":"closed"}`:                    {4},
			`{"status":["vacant","rented"]}`:         {1, 2},
			`{"listed":1}`:                           {2},
			`{"listed":false}`:                       {1, 3, 4},
			`{"listed":[0,"1"]}`:                     {1, 2, 3, 4},
			`{"agent_id":7}`:                         {1},
			`{"agent_id":["7","8"]}`:                 {1, 2},
			`{"agent_id":9}`:                         nil,
			`{"landlord_id":"22"}`:                   {2},
			`{"landlord_id":[21,22]}`:                {1, 2},
			`{"landlord_id":23}`:                     nil,
			`{"rent_min":20000}`:                     {2, 3, 4},
			`{"rent_min":"40001"}`:                   nil,
			`{"rent_min":[40000,"30000"]}`:           {3, 4},
			`{"rent_max":10000}`:                     {1},
			`{"rent_max":[1,"20000"]}`:               {1, 2},
			`{"rent_max":9999}`:                      nil,
			`{"rent_min":20000,"rent_max":30000}`:    {2, 3},
			`{"country":1,"listed":0,"keyword":"r"}`: {1},
		}},
		{"community_export", "communityIds", map[string][]int64{
			`{"keyword":"GARDEN"}`:      {5},
			`{"keyword":"street"}`:      {6},
			`{"keyword":["花園","湖濱"]}`:   {5, 6},
			`{"keyword":"river"}`:       nil,
			`{"country":1}`:             {5},
			`{"country":["1",2]}`:       {5, 6},
			`{"country":3}`:             nil,
			`{"district":"20"}`:         {6},
			`{"district":[10,20,"30"]}`: {5, 6},
			`{"district":30}`:           nil,
		}},
		{"contract_export", "contractIds", map[string][]int64{
			`{"keyword":"ann"}`:                           {11},
			`{"keyword":["LEE","大文"]}`:                    {11, 12},
			`{"keyword":"x"}`:                             nil,
			`{"country":1}`:                               {11},
			`{"country":[1,"2"]}`:                         {11, 12},
			`{"country":3}`:                               nil,
			`{"district":20}`:                             {12},
			`{"district":["10"]}`:                         {11},
			`{"district":30}`:                             nil,
			`{"estate_id":"3"}`:                           {12},
			`{"estate_id":[1,3]}`:                         {11, 12},
			`{"estate_id":2}`:                             nil,
			`{"agent_id":7}`:                              {11},
			`{"agent_id":["8",9]}`:                        {12},
			`{"agent_id":9}`:                              nil,
			`{"state":"active"}`:                          {11},
			`{"state":["active","ended"]}`:                {11, 12},
			`{"state":"draft"}`:                           nil,
			`{"ends_before":"2026-12-31"}`:                {12},
			`{"ends_before":["2025-01-01","2027-01-01"]}`: {11, 12},
			`{"ends_before":"2025-06-30"}`:                nil,
			`{"ends_after":"2025-06-30"}`:                 {11},
			`{"ends_after":["2030-01-01","2025-06-29"]}`:  {11, 12},
			`{"ends_after":"2026-12-31"}`:                 nil,

			`{"ends_after":"2025-06-29","ends_before":"2025-07-01"}`:   {12},
			`{"state":"active","ends_after":"2026-12-30","page":"12"}`: {11},
		}},
		{"repair_export", "repairIds", map[string][]int64{
			`{"keyword":"LEAK"}`:                              {31},
			`{"keyword":["tap","window"]}`:                    {31, 32},
			`{"keyword":"門窗"}`:                                nil,
			`{"country":"2"}`:                                 {32},
			`{"country":[1,2]}`:                               {31, 32},
			`{"country":3}`:                                   nil,
			`{"district":10}`:                                 {31},
			`{"district":["20",30]}`:                          {32},
			`{"district":11}`:                                 nil,
			`{"estate_id":1}`:                                 {31},
			`{"estate_id":["3",1]}`:                           {31, 32},
			`{"estate_id":"2"}`:                               nil,
			`{"state":"done"}`:                                {32},
			`{"state":["open","doing"]}`:                      {31},
			`{"state":"doing"}`:                               nil,
			`{"category":"水電"}`:                               {31},
			`{"category":["水電","門窗"]}`:                        {31, 32},
			`{"category":"水"}`:                                nil,
			`{"reported_after":"2026-01-10"}`:                 {32},
			`{"reported_after":["2027-01-01","2026-01-09"]}`:  {31, 32},
			`{"reported_after":"2026-03-05"}`:                 nil,
			`{"reported_before":"2026-03-05"}`:                {31},
			`{"reported_before":["2026-01-01","2026-03-06"]}`: {31, 32},
			`{"reported_before":"2026-01-10"}`:                nil,

			`{"reported_after":"2026-01-09","reported_before":"2026-01-11"}`:   {31},
			`{"reported_after":"","reported_before":null,"category":["門窗"]}`:   {32},
			`{"state":["open","done"],"keyword":"e","estate_id":[1],"sort":5}`: {31},
		}},
	} {
		for options, want := range r.finds {
			body := fmt.Sprintf(`{"job_name":%q,%q:"all","total":%d,"searchOptions":%s}`, r.job, r.field, len(want), options)
			code, ids := w.exported(body)
			if wantCode := map[bool]int{true: 204, false: 200}[want == nil]; code != wantCode || !slices.Equal(ids, want) {
				t.Errorf("%s %s finds %v (%d), want %v (%d)", r.job, options, ids, code, want, wantCode)
			}
		}
	}
}

// TestWireSearchOptionsAreTheResources checks that an option of one resource is
// unknown to another, and that no value of the wrong kind is guessed at.
func TestWireSearchOptionsAreTheResources(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	all := func(job, field, options string) string {
		return fmt.Sprintf(`{"job_name":%q,%q:"all","total":1,"searchOptions":{%s}}`, job, field, options)
	}
	for _, c := range []struct{ job, field, options string }{
		{"estate_export", "estatesIds", "estate_id state ends_before ends_after category reported_after reported_before id name"},
		{"community_export", "communityIds", "community_id status listed agent_id landlord_id rent_min rent_max estate_id state category"},
		{"contract_export", "contractIds", "community_id status listed landlord_id rent_min rent_max category reported_after reported_before"},
		{"repair_export", "repairIds", "community_id status listed agent_id landlord_id rent_min rent_max ends_before ends_after"},
	} {
		for _, option := range strings.Fields(c.options) {
			w.refuses([]refused{{"an option of another resource", all(c.job, c.field, `"`+option+`":1`), 400, []string{"searchOptions." + option + " unknown_field"}}})
		}
	}
	for _, c := range []struct{ job, field, option, values string }{
		{"estate_export", "estatesIds", "keyword", `true {} []`},
		{"estate_export", "estatesIds", "country", `"x" 1.5 true {} []`},
		{"estate_export", "estatesIds", "community_id", `"x" 1.5 [] {}`},
		{"estate_export", "estatesIds", "status", `"VACANT" 1 true [] {}`},
		{"estate_export", "estatesIds", "rent_min", `"x" 1.5 1e3 [] {}`},
		{"estate_export", "estatesIds", "rent_max", `"x" 1.5 "1e3" [] {}`},
		{"contract_export", "contractIds", "state", `"Active" "open" 1 []`},
		{"contract_export", "contractIds", "ends_before", `"2026-13-01" "2026-02-30" "20260101" 20260101 "2026-1-1" true []`},
		{"contract_export", "contractIds", "ends_after", `"2026-00-01" "x" {}`},
		{"repair_export", "repairIds", "state", `"active" 1 []`},
		{"repair_export", "repairIds", "category", `true [] {}`},
		{"repair_export", "repairIds", "reported_after", `"2026-02-30" 1 []`},
		{"repair_export", "repairIds", "reported_before", `"2026-02-30" 1 []`},
	} {
		for _, value := range strings.Fields(c.values) {
			w.refuses([]refused{{"a value that is none", all(c.job, c.field, `"`+c.option+`":`+value), 400, []string{"searchOptions." + c.option + " invalid"}}})
		}
	}
	w.nothing()
}
