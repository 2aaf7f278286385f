package estates_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// refusals returns the failures of an error as "field code value".
func refusals(err error) (all []string) {
	var refused *domain.Error
	if !errors.As(err, &refused) {
		return nil
	}
	for _, f := range refused.Failures {
		all = append(all, strings.TrimSpace(f.Field+" "+string(f.Code)+" "+f.Value))
	}
	return all
}

func TestSubmitSaysAllThatIsWrong(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{MaxNamed: 3})
	search := func(options string) string {
		return `{"job_name":"estate_export","estatesIds":"all","total":0,"searchOptions":` + options + `}`
	}
	for _, c := range []struct {
		body string
		want []string
	}{
		{`[]`, []string{"invalid […]"}},
		{`{}`, []string{"job_name required"}},
		{`{"job_name":null}`, []string{"job_name required"}},
		{`{"job_name":5}`, []string{"job_name invalid 5"}},
		{`{"job_name":"estate_frob","estatesIds":[]}`, []string{"job_name unknown_job_name estate_frob"}},
		{`{"job_name":"estate_export"}`, []string{"estatesIds required"}},
		{`{"job_name":"estate_export","estatesIds":[]}`, []string{"estatesIds required"}},
		{`{"job_name":"estate_export","estatesIds":null}`, []string{"estatesIds required"}},
		{`{"job_name":"estate_export","estatesIds":"ALL"}`, []string{"estatesIds invalid ALL"}},
		{`{"job_name":"estate_export","estatesIds":{"0":1}}`, []string{"estatesIds invalid {…}"}},
		{`{"job_name":"estate_export","estatesIds":7}`, []string{"estatesIds invalid 7"}},
		{
			`{"job_name":"estate_export","estatesIds":[0,1.0,"x",true,null,"",[1],-1,9007199254740992,"99999999999999999999",1e3,"-1","+1","1 "]}`,
			[]string{
				"estatesIds[0] out_of_range 0", "estatesIds[1] invalid 1.0", "estatesIds[2] invalid x", "estatesIds[3] invalid true",
				"estatesIds[4] invalid null", "estatesIds[5] invalid", "estatesIds[6] invalid […]", "estatesIds[7] out_of_range -1",
				"estatesIds[8] out_of_range 9007199254740992", "estatesIds[9] out_of_range 99999999999999999999", "estatesIds[10] invalid 1e3",
				"estatesIds[11] invalid -1", "estatesIds[12] invalid +1", "estatesIds[13] invalid 1",
			},
		},
		{`{"job_name":"estate_export","estatesIds":"all"}`, []string{"total required", "searchOptions required"}},
		{`{"job_name":"estate_export","estatesIds":"all","total":-1,"searchOptions":"x"}`, []string{"total out_of_range -1", "searchOptions invalid x"}},
		{`{"job_name":"estate_export","estatesIds":"all","total":1.5,"searchOptions":[{"country":1}]}`, []string{"total invalid 1.5", "searchOptions invalid […]"}},
		{search(`{"contry":1,"Country":1,"country":[]}`), []string{
			"searchOptions.contry unknown_field 1", "searchOptions.Country unknown_field 1", "searchOptions.country invalid […]",
		}},
		{search(`{"country":{},"district":"x","community_id":[1,"",null,0],"agent_id":true,"landlord_id":[[1]]}`), []string{
			"searchOptions.country invalid {…}", "searchOptions.district invalid x", "searchOptions.community_id[1] invalid",
			"searchOptions.community_id[2] invalid null", "searchOptions.community_id[3] out_of_range 0",
			"searchOptions.agent_id invalid true", "searchOptions.landlord_id[0] invalid […]",
		}},
		{search(`{"status":["vacant","gone"],"listed":[2,"true"],"keyword":[true,""]}`), []string{
			"searchOptions.status[1] invalid gone", "searchOptions.listed[0] invalid 2", "searchOptions.listed[1] invalid true",
			"searchOptions.keyword[0] invalid true", "searchOptions.keyword[1] invalid",
		}},
		{search(`{"rent_min":5,"rent_max":"4"}`), []string{"searchOptions.rent_min out_of_range 5"}},
		{search(`{"rent_min":-5,"rent_max":1e3}`), []string{"searchOptions.rent_min out_of_range -5", "searchOptions.rent_max invalid 1e3"}},
	} {
		job, err := f.submit(t, c.body)
		if got := refusals(err); job != nil || domain.CodeOf(err) != domain.CodeInvalid || !slices.Equal(got, c.want) {
			t.Errorf("Submit(%s) = %v, %v\ngot  %q\nwant %q", c.body, job, domain.CodeOf(err), got, c.want)
		}
	}
}

// TestSubmitSaysWhatIsWanted checks what the messages can mention.
func TestSubmitSaysWhatIsWanted(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	for _, c := range []struct {
		body, name, want string // the parameter of the first failure; "" when it has none
	}{
		{`{"job_name":"estate_export","estatesIds":[]}`, "reason", "empty_list"},
		{`{"job_name":"estate_export"}`, "reason", ""},
		{`{"job_name":"estate_export","estatesIds":"ALL"}`, "expected", "ids"},
		{`{"job_name":"estate_export","estatesIds":"all","total":0,"searchOptions":{"listed":"true"}}`, "expected", "flag"},
	} {
		_, err := f.submit(t, c.body)
		if got := domain.FailureOf(err).Params[c.name]; err == nil || got != c.want {
			t.Errorf("Submit(%s) = %v with %s %q, want %q", c.body, err, c.name, got, c.want)
		}
	}
}

func TestSubmitTooMany(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{MaxNamed: 3})
	if _, err := f.submit(t, `{"job_name":"estate_export","estatesIds":[1,2,3,"3",2,1]}`); err != nil {
		t.Errorf("Submit(3 estates, each twice) = %v, want it accepted", err)
	}
	_, err := f.submit(t, `{"job_name":"estate_export","estatesIds":[1,"x",2,3,4]}`)
	want := []string{"estatesIds[1] invalid x", "estatesIds too_many"}
	if got := refusals(err); domain.CodeOf(err) != domain.CodeTooMany || !slices.Equal(got, want) {
		t.Errorf("Submit(4 estates of at most 3) = %v %q, want too_many %q", domain.CodeOf(err), got, want)
	}
	many := `{"job_name":"estate_export","estatesIds":[` + strings.Repeat(`"",`, 5000) + `1]}`
	if _, err := f.submit(t, many); len(refusals(err)) != 1000 {
		t.Errorf("Submit(5,000 bad estates) gives %d failures, want them cut off at 1,000", len(refusals(err)))
	}
}

func TestSearchOptions(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{IgnoredOptions: []string{"offset"}})
	for _, c := range []struct {
		options string
		want    estates.Search
	}{
		{`[]`, estates.Search{}},
		{`{}`, estates.Search{}},
		{`{"country":"","district":null,"keyword":"","listed":"","status":null,"rent_min":"","offset":[{}]}`, estates.Search{}},
		{`{"country":1,"district":["2",3],"community_id":"4","agent_id":[5],"landlord_id":6}`, estates.Search{
			Countries: []int64{1}, Districts: []int64{2, 3}, CommunityIDs: []int64{4}, AgentIDs: []int64{5}, LandlordIDs: []int64{6},
		}},
		{`{"keyword":["河岸",5],"status":"closed","listed":[0,1,true,false,"0","1"]}`, estates.Search{
			Keywords: []string{"河岸", "5"}, Statuses: []estate.Status{estate.Closed}, Listed: []bool{false, true, true, false, false, true},
		}},
		{`{"rent_min":["200",100],"rent_max":[300,"400"]}`, estates.Search{RentMin: new(int64(100)), RentMax: new(int64(400))}},
	} {
		job, err := f.submit(t, `{"job_name":"estate_export","estatesIds":"all","total":0,"searchOptions":`+c.options+`}`)
		if err != nil {
			t.Errorf("Submit(%s): %v", c.options, err)
			continue
		}
		var got estates.Search
		if err := json.Unmarshal(job.Payload(), &got); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("search of %s = %+v, %v; want %+v", c.options, got, err, c.want)
		}
		if s := job.Selection(); !s.All || s.Expected == nil || *s.Expected != 0 {
			t.Errorf("selection of %s = %+v, want all, of which 0 were seen", c.options, s)
		}
	}
	if _, err := f.submit(t, `{"job_name":"estate_export","estatesIds":"all","total":0,"searchOptions":{"page":1}}`); !slices.Equal(refusals(err), []string{"searchOptions.page unknown_field 1"}) {
		t.Errorf("Submit(page, which is not ignored) = %v, want unknown_field", err)
	}
}

// TestPayload pins what is stored: jobs outlive a release.
func TestPayload(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	job, err := f.submit(t, `{"job_name":"estate_export","estatesIds":"all","total":0,"searchOptions":
		{"keyword":"k","country":1,"district":2,"community_id":3,"status":"rented","listed":1,"agent_id":4,"landlord_id":5,"rent_min":6,"rent_max":7}}`)
	if err != nil {
		t.Fatalf("Submit: %v", err)
	}
	want := `{"keyword":["k"],"country":[1],"district":[2],"community_id":[3],"status":["rented"],"listed":[true],"agent_id":[4],"landlord_id":[5],"rent_min":6,"rent_max":7}`
	if got := string(job.Payload()); got != want {
		t.Errorf("payload = %s, want %s", got, want)
	}
}

func TestHostileNamesAreShortened(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	_, err := f.submit(t, `{"job_name":"estate_export","estatesIds":"all","total":0,"searchOptions":{"`+strings.Repeat("河", 5000)+`":1}}`)
	got := refusals(err)
	if len(got) != 1 || len(got[0]) > 400 {
		t.Errorf("Submit(an option of 5,000 characters) = %d failures of %s bytes, want one that is short", len(got), strconv.Itoa(len(strings.Join(got, ""))))
	}
}
