package httpapi_test

import (
	"fmt"
	"slices"
	"testing"
)

// Heads of requests to edit.
const (
	editLandlord = `{"job_name":"estate_batch_edit_bigLandlord","action":"estate",`
	editAgent    = `{"job_name":"estate_batch_edit_agent","action":"estate",`
	editContract = `{"job_name":"estate_batch_edit_agent","action":"contract",`
)

// TestWireModes checks what is one mode, both and neither.
func TestWireModes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	const neither, both = "a request with neither is a 400", "a request with both is a 400"
	for head, user := range map[string]string{editLandlord: "21", editAgent: "7", editContract: "7"} {
		ids := map[bool]string{true: `"contractIds"`, false: `"estatesIds"`}[head == editContract]
		data := `"data":{"1":{"editUserId":` + user + `}}`
		w.refuses([]refused{
			{neither, head + `"x":1}`, 400, []string{"data required"}},
			{"an empty data is a 400", head + `"data":[]}`, 400, []string{"data required"}},
			{"an empty data is a 400", head + `"data":{}}`, 400, []string{"data required"}},
			{"an empty data is as absent", head + `"data":[],` + ids + `:"all","editUserId":` + user + `}`, 400, []string{"total required", "searchOptions required"}},
			{both, head + data + `,"editUserId":` + user + `}`, 400, []string{"data duplicate"}},
			{both, head + data + `,"total":1,"searchOptions":{"country":1}}`, 400, []string{"data duplicate"}},
			{both, head + data + `,` + ids + `:"all"}`, 400, []string{"data duplicate"}},
			{both, head + data + `,` + ids + `:"all","total":1,"searchOptions":[],"editUserId":` + user + `}`, 400, []string{"data duplicate"}},
			{"in batch mode the ids may be all, and nothing else", head + ids + `:[1],"total":1,"searchOptions":[],"editUserId":` + user + `}`, 400, []string{ids[1:len(ids)-1] + " invalid"}},
			{"in batch mode: total + searchOptions + editUserId", head + ids + `:"all"}`, 400, []string{"total required", "searchOptions required", "editUserId required"}},
			{"data is the map keyed by object id", head + `"data":"x"}`, 400, []string{"data invalid"}},
			{"data is the map keyed by object id", head + `"data":[1]}`, 400, []string{"data[0] invalid"}},
			{"entries that carry their own id", head + `"data":[{"editUserId":` + user + `}]}`, 400, []string{"data[0].id required"}},
			{"a key that disagrees with the entry's id is an error", head + `"data":{"1":{"id":2,"editUserId":` + user + `}}}`, 400, []string{"data.1.id invalid"}},
			{"two entries for one id are a 400, duplicate", head + `"data":[{"id":1,"editUserId":` + user + `},{"id":"1","editUserId":8888}]}`, 400, []string{"data[1] duplicate"}},
			{"two entries for one id are a 400, duplicate", head + `"data":{"1":{"editUserId":` + user + `},"01":{"editUserId":8888}}}`, 400, []string{"data.01 duplicate"}},
			{"an unknown search option is a 400", head + `"total":1,"searchOptions":{"colour":1},"editUserId":` + user + `}`, 400, []string{"searchOptions.colour unknown_field"}},
			{"an id that no user has is a 400 at once", head + `"total":1,"searchOptions":[],"editUserId":404}`, 400, []string{"editUserId unknown_user"}},
			{"a user without the role is a 400 at once", head + `"total":1,"searchOptions":[],"editUserId":9}`, 400, []string{"editUserId unknown_user"}},
			{"a user of another tenant is a 400 at once", head + `"total":1,"searchOptions":[],"editUserId":57}`, 400, []string{"editUserId unknown_user"}},
			{"absent is required", head + `"total":1,"searchOptions":{}}`, 400, []string{"editUserId required"}},
			{`"" is required`, head + `"total":1,"searchOptions":{},"editUserId":""}`, 400, []string{"editUserId required"}},
			{"0 is required", head + `"total":1,"searchOptions":{},"editUserId":0}`, 400, []string{"editUserId required"}},
			{`"0" is required`, head + `"total":1,"searchOptions":{},"editUserId":"0"}`, 400, []string{"editUserId required"}},
		})
	}
	w.refuses([]refused{
		{both, editLandlord + `"data":{"1":{"editUserId":21}},"capabilitiesReplace":{"show_estate":1}}`, 400, []string{"data duplicate"}},
		{"an unknown name is a 400 at once", editLandlord + `"total":1,"searchOptions":[],"editUserId":21,"capabilitiesReplace":{"fly":1}}`, 400, []string{"capabilitiesReplace.fly unknown_capability"}},
		{"agents can be set, not removed", editAgent + `"total":1,"searchOptions":[],"editUserId":null}`, 400, []string{"editUserId required"}},
		{"estates or contracts (action)", `{"job_name":"estate_batch_edit_agent","data":{"1":{"editUserId":7}}}`, 400, []string{"action required"}},
		{"estates or contracts (action)", `{"job_name":"estate_batch_edit_agent","action":"Estate","data":{"1":{"editUserId":7}}}`, 400, []string{"action invalid"}},
		{"always estate", `{"job_name":"estate_batch_edit_bigLandlord","action":"contract","data":{"1":{"editUserId":21}}}`, 400, []string{"action invalid"}},
		{"both at once is an error", editContract + `"contractIds":"all","constarctIds":"all","total":1,"searchOptions":[],"editUserId":7}`, 400, []string{"constarctIds duplicate"}},
		{
			"every refusal lists all errors", `{"job_name":"estate_batch_edit_bigLandlord","action":"contract","total":"many","searchOptions":{"colour":1,"rent_min":-1},"editUserId":7,"capabilitiesReplace":{"fly":1,"show_estate":2}}`, 400,
			[]string{
				"action invalid", "total invalid", "searchOptions.colour unknown_field", "searchOptions.rent_min out_of_range",
				"capabilitiesReplace.fly unknown_capability", "capabilitiesReplace.show_estate invalid", "editUserId unknown_user",
			},
		},
	})
	w.nothing()
}

// TestWireLandlords goes through the sentences on landlords. Each step begins
// with what the one before it has left.
func TestWireLandlords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	w.run()
	const one = editLandlord + `"data":`
	for _, step := range []struct {
		sentence, body string
		code           int
		failed         []string
		landlords      []string // of the estates 1 to 4
	}{
		{"individual mode: the map keyed by object id", one + `{"3":{"id":3,"editUserId":22,"capabilities":{"show_estate":1,"edit_repair":1}}}}`, 200, nil, []string{"21", "22", "22 edit_repair show_estate", ""}},
		{"a capability that is not sent is not changed", one + `{"3":{"editUserId":22,"capabilities":{"show_estate":0}}}}`, 200, nil, []string{"21", "22", "22 edit_repair", ""}},
		{"without capabilities nothing is changed", one + `[{"id":3,"editUserId":22}]}`, 200, nil, []string{"21", "22", "22 edit_repair", ""}},
		{"when the grant is new, one that is not sent is 0: the empty list", one + `[{"id":"4","editUserId":"21","capabilities":[]}]}`, 200, nil, []string{"21", "22", "22 edit_repair", "21"}},
		{"changing the person makes a new grant; the old person's is removed", one + `{"3":{"editUserId":21,"capabilities":{"show_report":1}}}}`, 200, nil, []string{"21", "22", "21 show_report", "21"}},
		{
			"an unknown name is a failed item, a person who has not the role too; the others succeed",
			one + `{"1":{"editUserId":21,"capabilities":{"show_contract":1,"fly":1}},"2":{"editUserId":7},"3":{"editUserId":404},"4":{"editUserId":21,"capabilities":{"show_repair":"1"}},"404":{"editUserId":21}}}`,
			200,
			[]string{"1 unknown_capability capabilities.fly", "2 unknown_user editUserId", "3 unknown_user editUserId", "404 not_found"},
			[]string{"21", "22", "21 show_report", "21 show_repair"},
		},
		{
			`absent, "" or 0 is required: it must not wipe a landlord`,
			one + `{"1":{},"2":{"editUserId":""},"3":{"editUserId":0},"4":{"editUserId":"0"}}}`, 204,
			[]string{"1 required editUserId", "2 required editUserId", "3 required editUserId", "4 required editUserId"},
			[]string{"21", "22", "21 show_report", "21 show_repair"},
		},
		{"removing is an explicit null; none there is unchanged, a success", one + `{"3":{"editUserId":null},"4":{"editUserId":null,"capabilities":[]}}}`, 200, nil, []string{"21", "22", "", ""}},
		{"none there: unchanged", one + `[{"id":3,"editUserId":null}]}`, 200, nil, []string{"21", "22", "", ""}},
		{"two entries that are equal count once", one + `[{"id":3,"editUserId":22},{"id":"3","editUserId":"22","capabilities":[]}]}`, 200, nil, []string{"21", "22", "22", ""}},
		{
			"batch mode: total + searchOptions + editUserId + capabilitiesReplace",
			editLandlord + `"total":2,"searchOptions":{"country":1},"editUserId":22,"capabilitiesReplace":{"show_estate":1}}`, 200, nil,
			[]string{"22 show_estate", "22 show_estate", "22", ""},
		},
		{
			"in batch mode estatesIds may be all, and an empty data is as absent",
			editLandlord + `"estatesIds":"all","data":[],"total":"4","searchOptions":[],"editUserId":"22","capabilitiesReplace":[]}`, 200, nil,
			[]string{"22 show_estate", "22 show_estate", "22", "22"},
		},
		{"removing in batch mode", editLandlord + `"data":{},"total":3,"searchOptions":{"landlord_id":22,"rent_max":30000},"editUserId":null}`, 200, nil, []string{"", "", "", "22"}},
	} {
		code, _, failed := w.done(step.body)
		if code != step.code || !slices.Equal(failed, step.failed) {
			t.Errorf("%s\n%s ended %d with %q, want %d with %q", step.sentence, step.body, code, failed, step.code, step.failed)
		}
		var landlords []string
		for id := range 4 {
			landlords = append(landlords, w.landlord(id+1))
		}
		if !slices.Equal(landlords, step.landlords) {
			t.Errorf("%s\n%s leaves the landlords %q, want %q", step.sentence, step.body, landlords, step.landlords)
		}
	}
	if n := len(w.estate(4)["landlord"].(map[string]any)["capabilities"].(map[string]any)); n != 8 {
		t.Errorf("there are %d capabilities, want the default set of 8", n)
	}
}

func TestWireAgents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	w.run()
	for _, step := range []struct {
		sentence, body string
		code           int
		failed         []string
		agents         []int   // of the estates 1 to 4
		contracts      []int64 // those of the agent 8
	}{
		{"sets the agent in charge, of estates", editAgent + `"data":{"3":{"id":3,"editUserId":7},"1":{"editUserId":"8"}}}`, 200, nil, []int{8, 8, 7, 0}, []int64{12}},
		{"sets the agent in charge, of contracts", editContract + `"data":[{"id":11,"editUserId":8}]}`, 200, nil, []int{8, 8, 7, 0}, []int64{11, 12}},
		{
			"agents can be set, not removed; a person without the role is a failed item", editAgent + `"data":{"1":{"editUserId":null},"2":{"editUserId":21},"3":{"editUserId":8},"4":[],"404":{"editUserId":7}}}`, 200,
			[]string{"1 required editUserId", "2 unknown_user editUserId", "4 required editUserId", "404 not_found"},
			[]int{8, 8, 8, 0},
			[]int64{11, 12},
		},
		{"batch mode, of estates", editAgent + `"estatesIds":"all","data":[],"total":4,"searchOptions":[],"editUserId":7}`, 200, nil, []int{7, 7, 7, 7}, []int64{11, 12}},
		{"batch mode, of contracts", editContract + `"total":1,"searchOptions":{"state":"active"},"editUserId":"7"}`, 200, nil, []int{7, 7, 7, 7}, []int64{12}},
		{"constarctIds is accepted as contractIds", editContract + `"constarctIds":"all","total":2,"searchOptions":{},"editUserId":7}`, 200, nil, []int{7, 7, 7, 7}, nil},
	} {
		code, _, failed := w.done(step.body)
		if code != step.code || !slices.Equal(failed, step.failed) {
			t.Errorf("%s\n%s ended %d with %q, want %d with %q", step.sentence, step.body, code, failed, step.code, step.failed)
		}
		agents := []int{w.agent(1), w.agent(2), w.agent(3), w.agent(4)}
		_, contracts := w.exported(fmt.Sprintf(`{"job_name":"contract_export","contractIds":"all","total":%d,"searchOptions":{"agent_id":8}}`, len(step.contracts)))
		if !slices.Equal(agents, step.agents) || !slices.Equal(contracts, step.contracts) {
			t.Errorf("%s\n%s leaves the agents %v and 8 with the contracts %v, want %v and %v", step.sentence, step.body, agents, contracts, step.agents, step.contracts)
		}
	}
}
