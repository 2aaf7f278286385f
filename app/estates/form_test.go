package estates_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// typedOf writes a request of the source interface in the typed form.
func typedOf(request members) (domain.Kind, members) {
	name, _ := strconv.Unquote(string(request["job_name"].(raw)))
	kind, typed := domain.Kind(name), members{}
	for field, value := range request {
		switch field {
		case "job_name":
		case "estatesIds", "communityIds", "contractIds", "repairIds":
			if value != raw(`"all"`) {
				typed["ids"] = value
			}
		case "searchOptions":
			typed["filter"] = members(booleans(value.(emptyable)))
		case "publicUrl":
			typed["url"] = value
		case "date":
			typed["month"] = value
		case "action":
			if kind == estates.EditAgent {
				typed["object"] = value
			}
		case "editUserId":
			typed["user_id"] = value
		case "capabilitiesReplace":
			typed["capabilities"] = members(booleans(value.(emptyable)))
		case "data":
			if entries, individual := value.(keyed); individual {
				typed["edits"] = editsOf(entries)
			}
		default:
			typed[field] = value
		}
	}
	return kind, typed
}

// booleans has flags in their one typed spelling.
func booleans(source emptyable) emptyable {
	typed := emptyable{}
	for name, value := range source {
		if flags, list := value.(anyOf); list {
			value = flags[0]
			if _, flag := value.(truth); !flag {
				value = flags
			}
		}
		if flag, ok := value.(truth); ok {
			value = raw(strconv.FormatBool(bool(flag)))
		}
		typed[name] = value
	}
	return typed
}

// edits is a list of entries, in any order.
type edits []members

func (e edits) spell(t *rapid.T) string {
	var texts []string
	for _, entry := range rapid.Permutation(e).Draw(t, "order") {
		texts = append(texts, entry.spell(t))
	}
	return "[" + strings.Join(texts, ",") + "]"
}

func editsOf(entries keyed) (list edits) {
	for _, id := range sortedNames(entries) {
		entry := members{"id": number(id)}
		for name, value := range entries[id].(members) {
			switch name {
			case "editUserId":
				entry["user_id"] = value
			default:
				entry[name] = members(booleans(value.(emptyable)))
			}
		}
		list = append(list, entry)
	}
	return list
}

// TestFormsOfARequest writes a request in both forms and wants the same job of
// them: the same selection, items and faults, and with an idempotency key the
// very same. Only the names of fields that the job speaks of are others.
func TestFormsOfARequest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		f, _ := newIdle(t, estates.Config{})
		f.load(t)
		request := requests(r)
		kind, typed := typedOf(request)
		source, twin := request.spell(r), typed.spell(r)
		parse := func(text string) document.Value {
			v, err := document.Parse(text)
			if err != nil {
				r.Fatalf("Parse(%s): %v", text, err)
			}
			return v
		}
		stored := func(job *domain.BatchJob, err error) string {
			if err != nil {
				r.Fatalf("%s\n%s\nis refused: %v", source, twin, err)
			}
			text := fmt.Sprintf("%s %s %+v", job.Kind(), job.Payload(), expected(job))
			for chunk, err := range f.store.EachChunk(t.Context(), job.Ref()) {
				if err != nil {
					r.Fatalf("EachChunk: %v", err)
				}
				text += " " + string(chunk.Items)
			}
			return strings.NewReplacer(`,"form":"typed"`, "", `"form":"typed"`, "", `"user_id"`, `"editUserId"`).Replace(text)
		}
		const key = "k"
		first, err := f.estates.Submit(t.Context(), f.who, estates.Request{Body: parse(source), IdempotencyKey: key})
		want := stored(first, err)
		got := stored(f.estates.SubmitTyped(t.Context(), f.who, kind, estates.Request{Body: parse(twin)}))
		if got != want {
			r.Fatalf("two forms of one request give two jobs:\n%s\n%s\n%s\n%s", source, want, twin, got)
		}
		if slices.Contains([]domain.Kind{estates.EditLandlord, estates.EditAgent, estates.ImportStatement}, kind) {
			return
		}
		second, err := f.estates.SubmitTyped(t.Context(), f.who, kind, estates.Request{Body: parse(twin), IdempotencyKey: key})
		if err != nil || second.ID() != first.ID() {
			r.Fatalf("with one key, %s gives %s, and %s gives %v, %v", source, first.ID(), twin, second, err)
		}
	})
}

// typedFaults submits a typed request and returns what is wrong with it, as
// "field code other".
func (f fixture) typedFaults(t *testing.T, kind domain.Kind, body string) (code domain.Code, all []string) {
	t.Helper()
	job, err := f.estates.SubmitTyped(t.Context(), f.who, kind, estates.Request{Body: valueOf(t, body), Upload: uploadOf})
	if err == nil {
		t.Errorf("SubmitTyped(%s, %s) = job %s, want it refused", kind, body, job.ID())
		return "", nil
	}
	var refused *domain.Error
	if !errors.As(err, &refused) {
		t.Fatalf("SubmitTyped(%s, %s) = %v, want it classified", kind, body, err)
	}
	for _, fault := range refused.Failures {
		all = append(all, strings.TrimSpace(fmt.Sprint(fault.Field, " ", fault.Code, " ", fault.Params["other"])))
	}
	return domain.CodeOf(err), all
}

// TestTypedRefusals goes through what a typed request cannot say.
func TestTypedRefusals(t *testing.T) {
	t.Parallel()
	f, _ := newIdle(t, estates.Config{MaxNamed: 10_002})
	f.load(t)
	if _, err := f.store.UpsertUsers(t.Context(), f.who.Tenant, []estate.User{{ID: 9, Name: "s", Role: estate.Staff}}); err != nil {
		t.Fatal(err)
	}
	many := "[1" + strings.Repeat(",1", 10) + sequence(2, 10_001) + "]"
	for _, c := range []struct {
		kind domain.Kind
		body string
		want []string
	}{
		{estates.OpenRent, `[]`, []string{"invalid"}},
		{estates.OpenRent, `{}`, []string{"ids required filter"}},
		{estates.OpenRent, `{"ids":null,"filter":null,"total":null}`, []string{"ids required filter"}},
		{estates.OpenRent, `{"ids":[]}`, []string{"ids required"}},
		{estates.OpenRent, `{"ids":"all"}`, []string{"ids invalid"}},
		{estates.OpenRent, `{"ids":7}`, []string{"ids invalid"}},
		{estates.OpenRent, `{"ids":[1,"x",0,1.5,null,"9007199254740992"]}`, []string{"ids[1] invalid", "ids[2] out_of_range", "ids[3] invalid", "ids[4] invalid", "ids[5] out_of_range"}},
		{estates.OpenRent, `{"ids":[1],"filter":{},"total":1}`, []string{"ids duplicate filter"}},
		{estates.OpenRent, `{"ids":[1],"total":1}`, []string{"ids duplicate total"}},
		{estates.OpenRent, `{"filter":{}}`, []string{"total required"}},
		{estates.OpenRent, `{"total":1}`, []string{"filter required"}},
		{estates.OpenRent, `{"filter":[],"total":-1}`, []string{"total out_of_range", "filter invalid"}},
		{estates.OpenRent, `{"filter":"","total":1}`, []string{"filter invalid"}},
		{
			estates.OpenRent, `{"filter":{"page":1,"rent_min":-1,"status":["gone"],"keyword":[7],"listed":1,"country":[],"agent_id":{},"district":""},"total":1}`,
			[]string{
				"filter.page unknown_field", "filter.rent_min out_of_range", "filter.status[0] invalid", "filter.keyword[0] invalid",
				"filter.listed invalid", "filter.country invalid", "filter.agent_id invalid", "filter.district invalid",
			},
		},
		{estates.OpenRent, `{"filter":{"rent_min":2,"rent_max":1},"total":1}`, []string{"filter.rent_min out_of_range"}},
		{estates.OpenRent, `{"estatesIds":[1],"job_name":"x","url":"https://example.com","ids":[1]}`, []string{"estatesIds unknown_field", "job_name unknown_field", "url unknown_field"}},
		{estates.OpenRent, `{"ids":[1],"validate_only":1,"all_or_nothing":"true","fail_limit":5}`, []string{"validate_only invalid", "fail_limit invalid", "all_or_nothing invalid"}},
		{estates.OpenRent, `{"ids":[1],"fail_limit":{"items":0,"percent":101,"share":1}}`, []string{"fail_limit.share unknown_field", "fail_limit.items out_of_range", "fail_limit.percent out_of_range"}},
		{estates.OpenRent, `{"ids":[1],"all_or_nothing":true,"fail_limit":{"items":5}}`, []string{"fail_limit duplicate all_or_nothing"}},
		{estates.OpenRent, `{"all_or_nothing":true,"ids":` + many + `}`, []string{"ids too_many"}},
		{estates.OpenRent, `{"all_or_nothing":true,"filter":{},"total":10001}`, []string{"total too_many"}},
		{estates.Export, `{"ids":[1],"validate_only":true,"fail_limit":{},"all_or_nothing":false}`, []string{"validate_only unknown_field", "fail_limit unknown_field", "all_or_nothing unknown_field"}},
		{estates.ExportCommunities, `{"filter":{"status":["vacant"]},"total":1}`, []string{"filter.status unknown_field"}},
		{estates.ExportContracts, `{"filter":{"state":["gone"],"ends_after":"2026-02-30"},"total":1}`, []string{"filter.state[0] invalid", "filter.ends_after invalid"}},
		{estates.ExportRepairs, `{"filter":{"reported_after":"2026-02-02","reported_before":"2026-02-01"},"total":1}`, []string{"filter.reported_after out_of_range"}},
		{estates.UploadReport, `{"ids":[1]}`, []string{"url required", "month required"}},
		{estates.UploadReport, `{"url":"http://example.com","month":"2026-11","all_or_nothing":true}`, []string{"all_or_nothing unknown_field", "ids required filter", "url invalid", "month invalid"}},
		{estates.UploadReport, `{"ids":[1],"url":"up:","month":"202611"}`, []string{"url not_found"}},
		{estates.UploadReport, `{"ids":[1],"url":"up:gone","month":"202611"}`, []string{"url not_found"}},
		{estates.ImportStatement, `{"url":7,"month":true,"ids":[1]}`, []string{"ids unknown_field", "url invalid", "month invalid"}},
		{estates.ImportStatement, `{"publicUrl":"https://example.com/a","date":"202611"}`, []string{"publicUrl unknown_field", "date unknown_field", "url required", "month required"}},
		{estates.EditLandlord, `{}`, []string{"edits required filter"}},
		{estates.EditLandlord, `{"edits":[]}`, []string{"edits required"}},
		{estates.EditLandlord, `{"edits":{"1":{"user_id":21}}}`, []string{"edits invalid"}},
		{estates.EditLandlord, `{"edits":[1,{"user_id":21},{"id":"x"}]}`, []string{"edits[0] invalid", "edits[1].id required", "edits[2].id invalid"}},
		{estates.EditLandlord, `{"edits":[{"id":1,"user_id":21},{"id":"1","user_id":null}]}`, []string{"edits[1] duplicate"}},
		{estates.EditLandlord, `{"edits":[{"id":1,"user_id":21}],"filter":{},"total":1}`, []string{"edits duplicate filter"}},
		{estates.EditLandlord, `{"edits":[{"id":1,"user_id":21}],"total":1}`, []string{"edits duplicate total"}},
		{estates.EditLandlord, `{"edits":[{"id":1,"user_id":21}],"user_id":21}`, []string{"edits duplicate user_id"}},
		{estates.EditLandlord, `{"edits":[{"id":1,"user_id":21}],"capabilities":{}}`, []string{"edits duplicate capabilities"}},
		{estates.EditLandlord, `{"user_id":null}`, []string{"total required", "filter required"}},
		{estates.EditLandlord, `{"filter":{},"total":1}`, []string{"user_id required"}},
		{estates.EditLandlord, `{"filter":{},"total":1,"user_id":9,"capabilities":{"fly":true,"show_estate":1}}`, []string{"capabilities.fly unknown_capability", "capabilities.show_estate invalid", "user_id unknown_user"}},
		{estates.EditLandlord, `{"filter":{},"total":1,"user_id":21,"capabilities":[],"object":"estate"}`, []string{"object unknown_field", "capabilities invalid"}},
		{estates.EditAgent, `{"edits":[{"id":1,"user_id":7}]}`, []string{"object required"}},
		{estates.EditAgent, `{"object":"repair","edits":[{"id":1,"user_id":7}]}`, []string{"object invalid"}},
		{estates.EditAgent, `{"object":"contract","filter":{"status":["vacant"]},"total":1,"user_id":null}`, []string{"filter.status unknown_field", "user_id required"}},
		{estates.EditAgent, `{"object":"estate","filter":{"status":["vacant"]},"total":1,"user_id":21,"capabilities":{}}`, []string{"capabilities unknown_field", "user_id unknown_user"}},
	} {
		code, got := f.typedFaults(t, c.kind, c.body)
		want := domain.CodeInvalid
		if strings.HasSuffix(c.want[0], " too_many") {
			want = domain.CodeTooMany
		}
		if diff := cmp.Diff(c.want, got); diff != "" || code != want {
			t.Errorf("SubmitTyped(%s, %.200s) = %s, want %s (-want +got):\n%s", c.kind, c.body, code, want, diff)
		}
	}
	if _, err := f.estates.SubmitTyped(t.Context(), f.who, "gate", estates.Request{Body: valueOf(t, `{}`)}); domain.FailureOf(err).Code != estates.CodeUnknownJob {
		t.Errorf("SubmitTyped of a kind of nobody = %v, want %s", err, estates.CodeUnknownJob)
	}
	nobody := domain.Principal{Tenant: f.who.Tenant, User: "u"}
	if _, err := f.estates.SubmitTyped(t.Context(), nobody, estates.OpenRent, estates.Request{}); domain.CodeOf(err) != domain.CodeForbidden {
		t.Errorf("SubmitTyped without a permission = %v, want %s", err, domain.CodeForbidden)
	}
}

// TestTypedJobsNameTypedFields wants jobs that were submitted in the typed form
// to speak of its fields, also in what they find out while they run.
func TestTypedJobsNameTypedFields(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.load(t, flat(1), flat(2))
	for _, c := range []struct {
		kind     domain.Kind
		body     string
		failures []string
	}{
		{
			estates.EditLandlord,
			`{"edits":[{"id":6,"user_id":21,"colour":"red"},{"id":5,"user_id":21,"capabilities":{"fly":true}},{"id":4},{"id":3,"user_id":0},{"id":2,"user_id":404},{"id":1,"user_id":21}]}`,
			[]string{"1 2 unknown_user user_id", "2 3 required user_id", "3 4 required user_id", "4 5 unknown_capability capabilities.fly", "5 6 unknown_field colour"},
		},
		{
			estates.EditAgent, `{"object":"estate","edits":[{"id":1,"user_id":21},{"id":2,"user_id":null},{"id":3,"user_id":"7"}]}`,
			[]string{"0 1 unknown_user user_id", "1 2 required user_id", "2 3 not_found"},
		},
	} {
		job, err := f.estates.SubmitTyped(t.Context(), f.who, c.kind, estates.Request{Body: valueOf(t, c.body)})
		if err != nil {
			t.Fatalf("SubmitTyped(%s): %v", c.body, err)
		}
		if diff := cmp.Diff(c.failures, f.failures(t, f.wait(t, job))); diff != "" {
			t.Errorf("%s %s fails (-want +got):\n%s", c.kind, c.body, diff)
		}
	}
	job, err := f.estates.SubmitTyped(t.Context(), f.who, estates.ImportStatement, estates.Request{Body: valueOf(t, `{"url":"https://example.com/gone","month":202611}`)})
	if err != nil {
		t.Fatalf("SubmitTyped: %v", err)
	}
	if job = f.wait(t, job); job.State() != domain.JobFailed || job.Cause().Field != "url" {
		t.Errorf("an import of what cannot be had ends %s with %v, want it failed because of url", job.State(), job.Cause())
	}
}

// TestTypedOptions wants the options of a request to be those of its job, and
// those beside the document where it has none.
func TestTypedOptions(t *testing.T) {
	t.Parallel()
	f, _ := newIdle(t, estates.Config{})
	f.load(t, flat(1))
	for body, want := range map[string]domain.JobOptions{
		`{"ids":[1]}`: {AllOrNothing: true},
		`{"ids":[1],"validate_only":false,"fail_limit":null}`:                         {AllOrNothing: true},
		`{"ids":[1],"validate_only":true}`:                                            {ValidateOnly: true},
		`{"ids":[1],"all_or_nothing":true,"validate_only":true}`:                      {ValidateOnly: true, AllOrNothing: true},
		`{"filter":{},"total":1,"fail_limit":{"items":5}}`:                            {FailLimit: domain.FailLimit{Items: 5}},
		`{"ids":[1],"fail_limit":{"items":"1000000000","percent":100}}`:               {FailLimit: domain.FailLimit{Items: domain.MaxFailItems, Percent: 100}},
		`{"filter":{"listed":[false]},"total":10000,"all_or_nothing":true}`:           {AllOrNothing: true},
		`{"filter":{"status":"vacant"},"total":"1","fail_limit":{"percent":1}}`:       {FailLimit: domain.FailLimit{Percent: 1}},
		`{"filter":{"keyword":null},"ids":null,"total":1,"fail_limit":{"percent":1}}`: {FailLimit: domain.FailLimit{Percent: 1}},
	} {
		job, err := f.estates.SubmitTyped(t.Context(), f.who, estates.CloseRent, estates.Request{
			Body: valueOf(t, body), Options: domain.JobOptions{AllOrNothing: true},
		})
		if err != nil {
			t.Errorf("SubmitTyped(%s): %v", body, err)
		} else if job.Options() != want {
			t.Errorf("SubmitTyped(%s) has the options %+v, want %+v", body, job.Options(), want)
		}
	}
}

// sequence is ",from,…,to".
func sequence(from, to int) string {
	var text strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintf(&text, ",%d", i)
	}
	return text.String()
}
