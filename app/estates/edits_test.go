package estates_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// loadPeople stores the agents 7 and 8, the landlords 21 and 22, and the
// estates 1 to 4, of which 7 is in charge of 1 and 21 the landlord of 1 and 2;
// and the contracts 11 and 12 of 7 on the estates 1 and 2.
func (f fixture) loadPeople(t *testing.T) {
	t.Helper()
	f.load(t, func() (all []estate.Estate) {
		for id := range int64(4) {
			all = append(all, flat(id+1))
		}
		all[0].AgentID, all[0].LandlordID, all[1].LandlordID = 7, 21, 21
		return all
	}()...)
	if _, err := f.store.UpsertUsers(t.Context(), f.who.Tenant, []estate.User{
		{ID: 8, Name: "b", Role: estate.Agent}, {ID: 22, Name: "m", Role: estate.Landlord},
	}); err != nil {
		t.Fatalf("UpsertUsers: %v", err)
	}
	contract := estate.Contract{ID: 11, EstateID: 1, TenantName: "n", AgentID: 7, StartsOn: "2026-01-01", EndsOn: "2026-12-31", State: estate.ContractActive}
	other := contract
	other.ID, other.EstateID = 12, 2
	if _, err := f.store.UpsertContracts(t.Context(), f.who.Tenant, []estate.Contract{contract, other}); err != nil {
		t.Fatalf("UpsertContracts: %v", err)
	}
}

// grants returns "estate user capabilities" of the estates 1 to 4.
func (f fixture) grants(t *testing.T) (all []string) {
	t.Helper()
	grants, err := f.store.ListGrants(t.Context(), f.who.Tenant, []int64{1, 2, 3, 4})
	if err != nil {
		t.Fatalf("ListGrants: %v", err)
	}
	for _, g := range grants {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%d %d %s", g.EstateID, g.UserID, strings.Trim(fmt.Sprint(g.Capabilities), "[]"))))
	}
	return all
}

// agents returns "estate agent" of the estates, and "contract agent" of the
// contracts, that have one.
func (f fixture) agents(t *testing.T) (all []string) {
	t.Helper()
	for e, err := range f.store.EachEstate(t.Context(), f.who.Tenant, estate.Filter{}) {
		if err != nil {
			t.Fatalf("EachEstate: %v", err)
		}
		if e.AgentID != 0 {
			all = append(all, fmt.Sprint(e.ID, e.AgentID))
		}
	}
	for c, err := range f.store.EachContract(t.Context(), f.who.Tenant, estate.ContractFilter{}) {
		if err != nil {
			t.Fatalf("EachContract: %v", err)
		}
		all = append(all, fmt.Sprint(c.ID, c.AgentID))
	}
	return all
}

// TestLandlordsOneByOne goes through what an individual edit can be, in every
// form in which clients write it.
func TestLandlordsOneByOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.loadPeople(t)
	for _, step := range []struct {
		what     string
		data     string
		report   string // created updated unchanged deleted failed
		failures []string
		grants   []string
	}{
		{
			"a new grant: what is not sent is 0", `{"3":{"id":3,"editUserId":21,"capabilities":{"show_estate":1,"edit_repair":"1","show_repair":"0","show_report":false}}}`,
			"1 0 0 0 0", nil,
			[]string{"1 21", "2 21", "3 21 edit_repair show_estate"},
		},
		{
			"the empty list of PHP for no capabilities", `[{"id":"4","editUserId":"22","capabilities":[]}]`,
			"1 0 0 0 0", nil,
			[]string{"1 21", "2 21", "3 21 edit_repair show_estate", "4 22"},
		},
		{
			"what is not sent stays", `{"3":{"editUserId":21,"capabilities":{"show_estate":0,"show_contract":true}}}`,
			"0 1 0 0 0", nil,
			[]string{"1 21", "2 21", "3 21 edit_repair show_contract", "4 22"},
		},
		{
			"so already", `{"3":{"editUserId":21,"capabilities":{"show_contract":1}},"4":{"id":4,"editUserId":22}}`,
			"0 0 2 0 0", nil,
			[]string{"1 21", "2 21", "3 21 edit_repair show_contract", "4 22"},
		},
		{
			"another person is another grant", `{"3":{"id":3,"editUserId":22,"capabilities":{"edit_estate":1}}}`,
			"0 1 0 0 0", nil,
			[]string{"1 21", "2 21", "3 22 edit_estate", "4 22"},
		},
		{
			"null removes, whatever else is sent", `{"3":{"id":3,"editUserId":null,"capabilities":{"show_estate":1}},"4":{"id":4,"editUserId":null}}`,
			"0 0 0 2 0", nil,
			[]string{"1 21", "2 21"},
		},
		{"none there", `[{"id":4,"editUserId":null}]`, "0 0 1 0 0", nil, []string{"1 21", "2 21"}},
		{
			"a field left empty wipes nobody", `{"1":{"id":1},"2":{"id":2,"editUserId":""},"3":{"id":3,"editUserId":0},"4":{"id":4,"editUserId":"0"},"5":[]}`,
			"0 0 0 0 5",
			[]string{"0 1 required editUserId", "1 2 required editUserId", "2 3 required editUserId", "3 4 required editUserId", "4 5 required editUserId"},
			[]string{"1 21", "2 21"},
		},
		{
			"bad ones fail and good ones go through",
			`{"1":{"editUserId":7},"2":{"editUserId":99},"3":{"editUserId":21,"capabilities":{"fly":1,"show_estate":2}},
			  "4":{"editUserId":22,"capabilities":{"show_estate":1}},"404":{"editUserId":22},"405":"x","406":{"editUserId":"x"},"407":{"editUserId":21,"capabilities":[1]},
			  "408":{"editUserId":-1}}`,
			"1 0 0 0 8",
			[]string{
				"0 1 unknown_user editUserId", "1 2 unknown_user editUserId", "2 3 unknown_capability capabilities.fly", "4 404 not_found",
				"5 405 invalid data", "6 406 invalid editUserId", "7 407 invalid capabilities", "8 408 out_of_range editUserId",
			},
			[]string{"1 21", "2 21", "4 22 show_estate"},
		},
		{
			"an entry that comes again counts once", `[{"id":4,"editUserId":22},{"id":"4","editUserId":"22","capabilities":[]}]`,
			"0 0 1 0 0", nil,
			[]string{"1 21", "2 21", "4 22 show_estate"},
		},
	} {
		job := f.finish(t, `{"job_name":"estate_batch_edit_bigLandlord","action":"estate","data":`+step.data+`}`)
		r := job.Report()
		if got := fmt.Sprint(r.Created, r.Updated, r.Unchanged, r.Deleted, r.Failed); got != step.report {
			t.Errorf("%s: created, updated, unchanged, deleted, failed = %s, want %s", step.what, got, step.report)
		}
		if got := f.failures(t, job); !slices.Equal(got, step.failures) {
			t.Errorf("%s: failures %q, want %q", step.what, got, step.failures)
		}
		if got := f.grants(t); !slices.Equal(got, step.grants) {
			t.Errorf("%s: grants %q, want %q", step.what, got, step.grants)
		}
	}
}

// TestAllThatIsWrongWithAnItem checks that a failed item says everything.
func TestAllThatIsWrongWithAnItem(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.loadPeople(t)
	job := f.finish(t, `{"job_name":"estate_batch_edit_bigLandlord","data":{"3":{"editUserId":"","capabilities":{"fly":1,"show_estate":2}}}}`)
	failures, err := f.store.ListFailures(t.Context(), job.Ref(), -1, 9)
	if err != nil || len(failures) != 1 {
		t.Fatalf("ListFailures = %v, %v; want one", failures, err)
	}
	first := failures[0].Failure
	var also []string
	for _, f := range first.Also {
		also = append(also, f.Field+" "+string(f.Code))
	}
	if want := []string{"capabilities.show_estate invalid", "editUserId required"}; first.Field != "capabilities.fly" || !slices.Equal(also, want) {
		t.Errorf("failure %v and also %q, want that of capabilities.fly and %q", first, also, want)
	}
}

func TestLandlordsOfAllThatMatch(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.loadPeople(t)
	batch := func(total int, options, rest string) string {
		return fmt.Sprintf(`{"job_name":"estate_batch_edit_bigLandlord","estatesIds":"all","data":[],"total":%d,"searchOptions":%s,%s}`, total, options, rest)
	}
	job := f.finish(t, batch(2, `{"landlord_id":21}`, `"editUserId":21,"capabilitiesReplace":{"show_estate":1}`))
	if r := job.Report(); r.Updated != 2 || r.Total != 2 {
		t.Errorf("report %+v, want 2 updated", r)
	}
	job = f.finish(t, batch(4, `[]`, `"editUserId":"22","capabilitiesReplace":[]`))
	if r := job.Report(); r.Created != 2 || r.Updated != 2 {
		t.Errorf("report %+v, want 2 created and 2 updated", r)
	}
	want := []string{"1 22", "2 22", "3 22", "4 22"}
	if got := f.grants(t); !slices.Equal(got, want) {
		t.Errorf("grants %q, want %q", got, want)
	}
	job = f.finish(t, batch(3, `{}`, `"editUserId":null`))
	if job.State() != domain.JobFailed || job.Cause().Code != domain.CodeTotalMismatch || len(f.grants(t)) != 4 {
		t.Errorf("job over another number of estates is %s because of %v, with the grants %q; want it failed and all four", job.State(), job.Cause(), f.grants(t))
	}
	job = f.finish(t, batch(4, `{}`, `"editUserId":null`))
	if r := job.Report(); r.Deleted != 4 || len(f.grants(t)) != 0 {
		t.Errorf("report %+v, grants %q; want 4 deleted and none", r, f.grants(t))
	}
}

func TestAgentsOfEstatesAndContracts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.loadPeople(t)
	for _, step := range []struct {
		body     string
		report   string // updated unchanged failed
		failures []string
		agents   []string
	}{
		{
			`"action":"estate","data":{"1":{"id":1,"editUserId":8},"2":{"editUserId":"7"},"404":{"editUserId":7},"3":{"editUserId":21},"4":{"editUserId":null}}`,
			"2 0 3",
			[]string{"2 3 unknown_user editUserId", "3 4 required editUserId", "4 404 not_found"},
			[]string{"1 8", "2 7", "11 7", "12 7"},
		},
		{`"action":"contract","data":[{"id":11,"editUserId":8},{"id":12,"editUserId":7}]`, "1 1 0", nil, []string{"1 8", "2 7", "11 8", "12 7"}},
		{`"action":"estate","estatesIds":"all","total":"4","searchOptions":{},"editUserId":"7"`, "3 1 0", nil, []string{"1 7", "2 7", "3 7", "4 7", "11 8", "12 7"}},
		{`"action":"contract","total":1,"searchOptions":{"agent_id":8},"editUserId":7`, "1 0 0", nil, []string{"1 7", "2 7", "3 7", "4 7", "11 7", "12 7"}},
		{`"action":"contract","constarctIds":"all","total":1,"searchOptions":{"estate_id":2},"editUserId":8`, "1 0 0", nil, []string{"1 7", "2 7", "3 7", "4 7", "11 7", "12 8"}},
	} {
		job := f.finish(t, `{"job_name":"estate_batch_edit_agent",`+step.body+`}`)
		r := job.Report()
		if got := fmt.Sprint(r.Updated, r.Unchanged, r.Failed); got != step.report {
			t.Errorf("%s: updated, unchanged, failed = %s, want %s", step.body, got, step.report)
		}
		if got := f.failures(t, job); !slices.Equal(got, step.failures) {
			t.Errorf("%s: failures %q, want %q", step.body, got, step.failures)
		}
		if got := f.agents(t); !slices.Equal(got, step.agents) {
			t.Errorf("%s: agents %q, want %q", step.body, got, step.agents)
		}
	}
}

func TestEditsThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{MaxNamed: 3})
	f.loadPeople(t)
	const agent, landlord = `"job_name":"estate_batch_edit_agent","action":"estate",`, `"job_name":"estate_batch_edit_bigLandlord",`
	for _, c := range []struct {
		body string
		want []string
	}{
		{`{"job_name":"estate_batch_edit_agent","data":{"1":{"editUserId":7}}}`, []string{"action required"}},
		{`{"job_name":"estate_batch_edit_agent","action":"flat","data":{"1":{"editUserId":7}}}`, []string{"action invalid flat"}},
		{`{"job_name":"estate_batch_edit_bigLandlord","action":"contract","data":{"1":{"editUserId":21}}}`, []string{"action invalid contract"}},
		{`{` + agent + `"x":1}`, []string{"data required"}},
		{`{` + agent + `"data":{}}`, []string{"data required"}},
		{`{` + agent + `"data":[]}`, []string{"data required"}},
		{`{` + agent + `"data":"x"}`, []string{"data invalid x"}},
		{`{` + agent + `"data":[7]}`, []string{"data[0] invalid 7"}},
		{`{` + agent + `"data":[{"editUserId":7},{"id":"","editUserId":7},{"id":"x","editUserId":7}]}`, []string{"data[0].id required", "data[1].id required", "data[2].id invalid x"}},
		{`{` + agent + `"data":{"x":{"editUserId":7},"0":{"editUserId":7},"2":{"id":3,"editUserId":7},"3":{"id":"y"}}}`, []string{
			"data.x invalid x", "data.0 out_of_range 0", "data.2.id invalid 3", "data.3.id invalid y",
		}},
		{`{` + agent + `"data":{"1":{"editUserId":7},"01":{"editUserId":8}}}`, []string{"data.01 duplicate 1"}},
		{`{` + agent + `"data":[{"id":1,"editUserId":7},{"id":"1","editUserId":8}]}`, []string{"data[1] duplicate 1"}},
		{`{` + agent + `"data":[{"id":1,"editUserId":7},{"id":2,"editUserId":7},{"id":3,"editUserId":7},{"id":4,"editUserId":7}]}`, []string{"data too_many"}},
		{`{` + agent + `"data":{"1":{"editUserId":7}},"editUserId":7}`, []string{"data duplicate {…}"}},
		{`{` + agent + `"data":{"1":{"editUserId":7}},"estatesIds":"all"}`, []string{"data duplicate {…}"}},
		{`{` + agent + `"data":{"1":{"editUserId":7}},"total":1,"searchOptions":{"country":1}}`, []string{"data duplicate {…}"}},
		{`{` + agent + `"estatesIds":[1,2],"total":2,"searchOptions":{},"editUserId":7}`, []string{"estatesIds invalid […]"}},
		{`{` + agent + `"estatesIds":"all"}`, []string{"total required", "searchOptions required", "editUserId required"}},
		{`{` + agent + `"total":1,"searchOptions":{},"editUserId":null}`, []string{"editUserId required"}},
		{`{` + agent + `"total":1,"searchOptions":{"contry":1},"editUserId":21}`, []string{"searchOptions.contry unknown_field 1", "editUserId unknown_user 21"}},
		{`{"job_name":"estate_batch_edit_agent","action":"contract","contractIds":"all","constarctIds":"all","total":1,"searchOptions":{"status":"vacant"},"editUserId":99}`, []string{
			"constarctIds duplicate all", "searchOptions.status unknown_field vacant", "editUserId unknown_user 99",
		}},
		{`{` + landlord + `"total":1,"searchOptions":{}}`, []string{"editUserId required"}},
		{`{` + landlord + `"total":1,"searchOptions":{},"editUserId":""}`, []string{"editUserId required"}},
		{`{` + landlord + `"total":1,"searchOptions":{},"editUserId":"0"}`, []string{"editUserId required"}},
		{`{` + landlord + `"total":1,"searchOptions":{},"editUserId":7,"capabilitiesReplace":{"fly":1,"show_estate":"yes"}}`, []string{
			"capabilitiesReplace.fly unknown_capability fly", "capabilitiesReplace.show_estate invalid yes", "editUserId unknown_user 7",
		}},
		{`{` + landlord + `"data":{"1":{"editUserId":21}},"capabilitiesReplace":{"show_estate":1}}`, []string{"data duplicate {…}"}},
	} {
		job, err := f.submit(t, c.body)
		if got := refusals(err); job != nil || !slices.Equal(got, c.want) {
			t.Errorf("Submit(%s) = %v, %v\ngot  %q\nwant %q", c.body, job, domain.CodeOf(err), got, c.want)
		}
	}
}

// TestIdleBatchFieldsAreIgnored checks requests of forms that send every field
// that they know, most of them empty.
func TestIdleBatchFieldsAreIgnored(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.loadPeople(t)
	job := f.finish(t, `{"job_name":"estate_batch_edit_agent","action":"estate","data":{"3":{"editUserId":8}},
		"estatesIds":[],"total":4,"searchOptions":[],"editUserId":"","capabilitiesReplace":[],"publicUrl":"","date":""}`)
	if r := job.Report(); r.Updated != 1 || r.Total != 1 {
		t.Errorf("report %+v, want 1 updated", r)
	}
	if _, err := f.submit(t, `{"job_name":"estate_batch_edit_agent","action":"estate","data":{"3":{"editUserId":8}},"estatesIds":[3]}`); err != nil {
		t.Errorf("Submit(data beside a list of ids) = %v, want it accepted", err)
	}
}

func TestConfiguredCapabilities(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{Capabilities: []estate.Capability{"fly"}})
	f.loadPeople(t)
	job := f.finish(t, `{"job_name":"estate_batch_edit_bigLandlord","data":{"3":{"editUserId":21,"capabilities":{"fly":1}},"4":{"editUserId":21,"capabilities":{"show_estate":1}}}}`)
	if got, want := f.failures(t, job), []string{"1 4 unknown_capability capabilities.show_estate"}; !slices.Equal(got, want) {
		t.Errorf("failures %q, want %q", got, want)
	}
	if got, want := f.grants(t), []string{"1 21", "2 21", "3 21 fly"}; !slices.Equal(got, want) {
		t.Errorf("grants %q, want %q", got, want)
	}
}
