package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// The tests in the files named wire_… go through the description of the source
// interface, a case a sentence. Every case is named by its sentence.

// population stores what the searches and the edits of these tests are about:
// of acme the estates 1 to 4 in the communities 5 and 6, the agents 7 and 8, the
// clerk 9, the contracts 11 and 12, the landlords 21 and 22 and the repairs 31
// and 32; and of another tenant the agent 57 with the estate 51.
func (w *world) population() {
	w.t.Helper()
	stored := func(outs []domain.Outcome, err error) {
		w.t.Helper()
		w.must(err)
		if i := slices.IndexFunc(outs, func(o domain.Outcome) bool { return o.Fate == domain.Failed }); i >= 0 {
			w.t.Fatalf("item %d is not stored: %v", i, outs[i].Failure)
		}
	}
	ctx := w.t.Context()
	stored(w.store.UpsertUsers(ctx, "acme", []estate.User{
		{ID: 7, Name: "王經理", Role: estate.Agent},
		{ID: 8, Name: "李經理", Role: estate.Agent},
		{ID: 9, Name: "職員", Role: estate.Staff},
		{ID: 21, Name: "林房東", Role: estate.Landlord},
		{ID: 22, Name: "張房東", Role: estate.Landlord},
	}))
	stored(w.store.UpsertCommunities(ctx, "acme", []estate.Community{
		{ID: 5, Name: "Garden 花園", Country: 1, District: 10, Address: "中山路"},
		{ID: 6, Name: "Lake", Country: 2, District: 20, Address: "湖濱 Street"},
	}))
	stored(w.store.UpsertEstates(ctx, "acme", []estate.Estate{
		{ID: 1, CommunityID: 5, Name: "Riverside 河岸", Country: 1, District: 10, Address: "中山路1號", Status: estate.Vacant, Rent: 10_000, AgentID: 7, LandlordID: 21},
		{ID: 2, CommunityID: 6, Name: "Hill", Country: 1, District: 11, Address: "RIVER Road", Status: estate.Rented, Rent: 20_000, AgentID: 8, LandlordID: 22, Listed: true},
		{ID: 3, Name: "Sea", Country: 2, District: 20, Status: estate.Maintenance, Rent: 30_000},
		{ID: 4, Name: "Old", Country: 2, District: 21, Status: estate.Closed, Rent: 40_000},
	}))
	stored(w.store.UpsertContracts(ctx, "acme", []estate.Contract{
		{ID: 11, EstateID: 1, TenantName: "Ann Lee", AgentID: 7, StartsOn: "2026-01-01", EndsOn: "2026-12-31", State: estate.ContractActive},
		{ID: 12, EstateID: 3, TenantName: "陳大文", AgentID: 8, StartsOn: "2024-07-01", EndsOn: "2025-06-30", State: estate.ContractEnded},
	}))
	stored(w.store.UpsertRepairs(ctx, "acme", []estate.Repair{
		{ID: 31, EstateID: 1, Category: "水電", Description: "Leaking tap", ReportedOn: "2026-01-10", State: estate.RepairOpen},
		{ID: 32, EstateID: 3, Category: "門窗", Description: "broken Window", ReportedOn: "2026-03-05", State: estate.RepairDone},
	}))
	stored(w.store.UpsertUsers(ctx, "other", []estate.User{{ID: 57, Name: "x", Role: estate.Agent}, {ID: 71, Name: "y", Role: estate.Landlord}}))
	stored(w.store.UpsertEstates(ctx, "other", []estate.Estate{{ID: 51, Name: "Riverside", Country: 1, Status: estate.Vacant, AgentID: 57}}))
}

// faultsOf returns the errors of a refusal as "field code", and checks that
// each has a message.
func faultsOf(t *testing.T, got reply) (all []string) {
	t.Helper()
	wantEnvelope(t, got)
	list, _ := fields(t, got.body)["errors"].([]any)
	for _, e := range list {
		fault, _ := e.(map[string]any)
		if message, _ := fault["message"].(string); message == "" || message == fault["code"] {
			t.Errorf("error %v of %s has no message", fault, got.body)
		}
		all = append(all, strings.TrimSpace(fmt.Sprint(fault["field"], " ", fault["code"])))
	}
	return all
}

// refused is a request that must be refused, with these errors.
type refused struct {
	sentence, body string
	status         int
	want           []string
}

// refuses sends requests that must be refused.
func (w *world) refuses(all []refused) {
	w.t.Helper()
	for _, c := range all {
		got := w.post(c.body)
		if faults := faultsOf(w.t, got); got.status != c.status || !slices.Equal(faults, c.want) {
			w.t.Errorf("%s\nPOST %.300s = %d %q, want %d %q", c.sentence, c.body, got.status, faults, c.status, c.want)
		}
	}
}

// done submits a job that must be accepted, waits for its end, and returns
// the answer's code, its data and the failed items as "key code field value".
func (w *world) done(body string) (code int, data map[string]any, failed []string) {
	w.t.Helper()
	batch := w.submit(body)
	end := fields(w.t, w.ended(batch).body)
	list, _ := fields(w.t, w.failures(batch, "").body)["failures"].([]any)
	for _, f := range list {
		item := f.(map[string]any)
		field, _ := item["field"].(string)
		failed = append(failed, strings.TrimSpace(fmt.Sprint(item["key"], " ", item["code"], " ", field)))
	}
	data = end["data"].(map[string]any)
	if n, _ := data["failed_estates_amount"].(float64); int(n) != len(failed) {
		w.t.Errorf("%s: failed_estates_amount is %v and the list has %q", body, data["failed_estates_amount"], failed)
	}
	return int(end["code"].(float64)), data, failed
}

// exported does an export, and returns the identifiers in its file.
func (w *world) exported(body string) (code int, ids []int64) {
	w.t.Helper()
	code, data, _ := w.done(body)
	link, ok := data["url"].(string)
	if !ok {
		return code, nil
	}
	for _, row := range rowsOf(w.t, w.call(http.MethodGet, link, "").body)[1:] {
		id, err := strconv.ParseInt(row[0], 10, 64)
		w.must(err)
		ids = append(ids, id)
	}
	return code, ids
}

// estate reads an estate as the admin of acme.
func (w *world) estate(id int) map[string]any {
	w.t.Helper()
	return fields(w.t, w.call(http.MethodGet, fmt.Sprint("/v1/estates/", id), "", "X-API-Key", w.admin).body)
}

// landlord returns "id capability…" of an estate, with those that are 1, or "".
func (w *world) landlord(id int) string {
	w.t.Helper()
	l, ok := w.estate(id)["landlord"].(map[string]any)
	if !ok {
		return ""
	}
	var on []string
	for name, is := range l["capabilities"].(map[string]any) {
		if is == true {
			on = append(on, name)
		}
	}
	slices.Sort(on)
	return strings.TrimSpace(fmt.Sprint(l["id"], " ", strings.Join(on, " ")))
}

// agent returns who is in charge of an estate, or 0.
func (w *world) agent(id int) int {
	w.t.Helper()
	a, ok := w.estate(id)["agent"].(map[string]any)
	if !ok {
		return 0
	}
	return int(a["id"].(float64))
}

// nothing checks that no job was stored.
func (w *world) nothing() {
	w.t.Helper()
	waiting, err := w.store.Waiting(w.t.Context())
	if err != nil || len(waiting) > 0 {
		w.t.Errorf("Waiting() = %v, %v; want no job", waiting, err)
	}
}
