package httpapi_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
	"github.com/batchport/batchport/ports"
)

// The tests in the files named wire_budget_… go through the description of the
// budget rule sync, a case a sentence.

const (
	syncPath    = "/common/budgets/v2/glBudgetRuleJson/batch"
	syncJobPath = "/v1/jobs/budget-rule-sync"
	timestamp   = "1636600092809"
	tooDear     = 6666 // a priority that the database of these tests refuses
)

// UpsertBudgetRules refuses what a constraint of a database may.
func (s *faultyStore) UpsertBudgetRules(ctx context.Context, tenant domain.TenantID, batch ports.RuleBatch, rules []ports.PlacedRule) ([]domain.Outcome, error) {
	for _, r := range rules {
		if r.Rule.Priority == tooDear {
			return nil, domain.CodeRejected
		}
	}
	return s.Store.UpsertBudgetRules(ctx, tenant, batch, rules)
}

// codes refuses the budgets that are in it.
type codes map[string]domain.Failure

func (c codes) CheckBudgetCodes(_ context.Context, _ domain.TenantID, all []string) ([]*domain.Failure, error) {
	verdicts := make([]*domain.Failure, len(all))
	for i, code := range all {
		if f, bad := c[code]; bad {
			verdicts[i] = &f
		}
	}
	return verdicts, nil
}

// columns is a catalogue of the columns that are in it.
type columns []string

func (c columns) KnownColumns(context.Context, domain.TenantID) (budget.Catalog, error) {
	return func(ref budget.ColumnRef) bool { return slices.Contains(c, ref.String()) }, nil
}

// rule is a good row, with the fields that are given by name and JSON in turn
// in place of its own; "" leaves one out.
func rule(fields ...string) string {
	names := []string{"code", "priority", "budget_code", "rule_condition"}
	values := map[string]string{"code": `"R1"`, "priority": "1", "budget_code": `"66000"`, "rule_condition": `{"type_id":"T026"}`}
	for i := 0; i < len(fields); i += 2 {
		if _, there := values[fields[i]]; !there {
			names = append(names, fields[i])
		}
		values[fields[i]] = fields[i+1]
	}
	var members []string
	for _, name := range names {
		if values[name] != "" {
			members = append(members, strconv.Quote(name)+":"+values[name])
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

// text is a JSON string of so many characters.
func text(character string, n int) string { return `"` + strings.Repeat(character, n) + `"` }

// batch is a request of the bizId with these rows.
func batch(bizID string, rows ...string) string {
	return fmt.Sprintf(`{"bizId":%q,"timestamp":%s,"data":[%s]}`, bizID, timestamp, strings.Join(rows, ","))
}

// send sends a sync as the admin of acme.
func (w *world) send(body string, headers ...string) reply {
	w.t.Helper()
	return w.call(http.MethodPost, syncPath, body, append([]string{"X-API-Key", w.admin}, headers...)...)
}

// synced sends rows in a request of their own, which must be answered with 200.
func (w *world) synced(rows ...string) answer {
	w.t.Helper()
	body := batch(rand.Text(), rows...)
	got := w.send(body)
	if got.status != http.StatusOK {
		w.t.Fatalf("POST %.300s = %d %s, want 200", body, got.status, got.body)
	}
	return answerOf(w.t, got)
}

// answer is an answer to a sync, its lists in short: the index, the code, the
// field and the errorCode of each entry, "-" for null.
type answer struct {
	resCode          int
	resMsg           string
	bizID            string // "-" for null
	created, updated string
	faulty           []string
	refused          []string
	warnings         []string
	messages         []string // of the three lists
}

// answerOf reads an answer, and checks that it has the fields of all answers
// and no others.
func answerOf(t *testing.T, got reply) answer {
	t.Helper()
	m := fields(t, got.body)
	data, _ := m["data"].(map[string]any)
	wantKeys := func(m map[string]any, want ...string) {
		t.Helper()
		if keys := slices.Sorted(maps.Keys(m)); !slices.Equal(keys, want) {
			t.Errorf("answer %.500s has the keys %q, want %q", got.body, keys, want)
		}
	}
	wantKeys(m, "bizId", "data", "resCode", "resMsg")
	wantKeys(data, "created", "dbErrors", "updated", "validatorErrors", "warnings")
	if ct := got.header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("Content-Type is %q, want application/json", ct)
	}
	var read struct {
		ResCode int     `json:"resCode"`
		ResMsg  string  `json:"resMsg"`
		BizID   *string `json:"bizId"`
		Data    struct {
			ValidatorErrors, Warnings, DBErrors []map[string]any
			Created, Updated                    string
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(got.body), &read); err != nil {
		t.Fatalf("answer %.500s: %v", got.body, err)
	}
	a := answer{resCode: read.ResCode, resMsg: read.ResMsg, bizID: "-", created: read.Data.Created, updated: read.Data.Updated}
	if read.BizID != nil {
		a.bizID = *read.BizID
	}
	shown := func(v any) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprint(v)
	}
	list := func(name string, entries []map[string]any) (all []string) {
		t.Helper()
		if entries == nil {
			t.Errorf("%s of %.500s is no list", name, got.body)
		}
		for _, e := range entries {
			wantKeys(e, "code", "errorCode", "field", "index", "message")
			all = append(all, strings.Join([]string{shown(e["index"]), shown(e["code"]), shown(e["field"]), shown(e["errorCode"])}, " "))
			message := shown(e["message"])
			if message == "-" || message == "" || message == e["errorCode"] {
				t.Errorf("entry %v has no message", e)
			}
			a.messages = append(a.messages, message)
		}
		return all
	}
	a.faulty = list("validatorErrors", read.Data.ValidatorErrors)
	a.refused = list("dbErrors", read.Data.DBErrors)
	a.warnings = list("warnings", read.Data.Warnings)
	return a
}

// counts are how many rows an answer in Simplified Chinese says were created
// and updated.
func (a answer) counts() string {
	var created, updated int
	if _, err := fmt.Sscanf(a.created+" "+a.updated, "此次请求新建成功了%d条数据 此次请求更新成功了%d条数据", &created, &updated); err != nil {
		return a.created + " " + a.updated
	}
	return fmt.Sprint(created, "+", updated)
}

// said is what an answer says of its rows, in short.
type said struct {
	counts                    string // created+updated
	faulty, refused, warnings []string
}

func (a answer) said() said { return said{a.counts(), a.faulty, a.refused, a.warnings} }

// wantSaid compares what was said of rows.
func wantSaid(t *testing.T, sentence string, got answer, want said) {
	t.Helper()
	if diff := gocmp.Diff(want, got.said(), gocmp.AllowUnexported(said{})); diff != "" {
		t.Errorf("%s\nthe answer differs (-want +got):\n%s", sentence, diff)
	}
}

// refusedSync checks a refusal and returns it.
func refusedSync(t *testing.T, sentence string, got reply, status int, bizID string) answer {
	t.Helper()
	a := answerOf(t, got)
	if got.status != status || a.resCode != status*1000 || a.bizID != bizID || a.resMsg == "" || a.resMsg == "success" {
		t.Errorf("%s\n%d %.500s, want %d with the bizId %s", sentence, got.status, got.body, status, bizID)
	}
	if len(a.refused)+len(a.warnings) > 0 || a.counts() != "0+0" {
		t.Errorf("%s\n%.500s, want lists and sentences of nothing", sentence, got.body)
	}
	return a
}

// rule reads a rule as the admin of acme, as budget, priority, condition, branch,
// event and flag; "" when there is none.
func (w *world) rule(code string) string {
	w.t.Helper()
	got := w.call(http.MethodGet, "/v1/budget-rules/"+url.PathEscape(code), "", "X-API-Key", w.admin)
	if got.status == http.StatusNotFound {
		return ""
	}
	var r struct {
		Code          string
		Priority      int
		BudgetCode    string          `json:"budget_code"`
		RuleCondition json.RawMessage `json:"rule_condition"`
		BranchCode    *string         `json:"branch_code"`
		BudgetEvent   *string         `json:"budget_event"`
		DeletedFlag   string          `json:"deleted_flag"`
	}
	if err := json.Unmarshal([]byte(got.body), &r); err != nil || got.status != http.StatusOK || r.Code != code {
		w.t.Fatalf("GET budget rule %q = %d %s (%v)", code, got.status, got.body, err)
	}
	shown := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	return fmt.Sprint(r.BudgetCode, " ", r.Priority, " ", string(r.RuleCondition), " ", shown(r.BranchCode), " ", shown(r.BudgetEvent), " ", r.DeletedFlag)
}

// codesOf lists the codes of the rules that the query finds, for the key.
func (w *world) codesOf(query, key string) []string {
	w.t.Helper()
	got := w.call(http.MethodGet, "/v1/budget-rules"+query, "", "X-API-Key", cmp.Or(key, w.admin))
	list, isList := fields(w.t, got.body)["rules"].([]any)
	if got.status != http.StatusOK || !isList {
		w.t.Fatalf("GET budget rules%s = %d %s, want 200 and a list", query, got.status, got.body)
	}
	all := []string{}
	for _, r := range list {
		all = append(all, r.(map[string]any)["code"].(string))
	}
	return all
}

// wantRules checks which rules acme has.
func (w *world) wantRules(sentence string, want ...string) {
	w.t.Helper()
	if got := w.codesOf("", ""); !slices.Equal(got, want) {
		w.t.Errorf("%s\nthe rules are %q, want %q", sentence, got, want)
	}
}

// lifted is a configuration whose quota no test reaches.
var lifted = budgets.Config{Unlimited: true}
