package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
)

// oracleRow is a row, with the one thing that is wrong with it, if any.
type oracleRow struct {
	code, budget, branch, flag string
	priority                   int
	ignored                    bool   // has a field that rules do not have
	fault                      string // "field code" by which it is faulty
}

// encode is the row as it is sent: a field that is not given is absent, null or
// empty.
func (r oracleRow) encode(random *rand.Rand) string {
	fields := map[string]any{
		"code": r.code, "priority": r.priority, "budget_code": r.budget, "rule_condition": map[string]any{"header_a": []any{r.priority, "x"}},
	}
	if random.IntN(2) == 0 {
		fields["priority"] = fmt.Sprintf("%04d", r.priority)
	}
	if r.branch != "" || random.IntN(2) == 0 {
		fields["branch_code"] = r.branch
	}
	if r.flag != "" {
		fields["deleted_flag"] = r.flag
	} else if random.IntN(2) == 0 {
		fields["deleted_flag"] = nil
	}
	if r.ignored {
		fields["colour"] = 1
	}
	switch r.fault {
	case "code required":
		delete(fields, "code")
	case "priority out_of_range":
		fields["priority"] = 10_000 + r.priority
	case "rule_condition.1a invalid":
		fields["rule_condition"] = map[string]any{"1a": "x"}
	case "branch_code too_long":
		fields["branch_code"] = strings.Repeat("分", 22)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// oracleFaults are what a row may be faulty by.
var oracleFaults = []string{"code required", "priority out_of_range", "rule_condition.1a invalid", "branch_code too_long"}

// oracleRows draws up to 400 rows whose codes come from so many. Of a hundred,
// so many are refused by the database, and as many are faulty.
func oracleRows(random *rand.Rand, codes, bad int) []oracleRow {
	rows := make([]oracleRow, random.IntN(401))
	for i := range rows {
		r := oracleRow{
			code: fmt.Sprint("R", random.IntN(codes)), budget: "66000", priority: random.IntN(10_000),
			branch: []string{"", "D1", "台北"}[random.IntN(3)], flag: []string{"", "Y", "N"}[random.IntN(3)], ignored: random.IntN(10) == 0,
		}
		switch n := random.IntN(100); {
		case n < bad:
			r.budget = refusedBudget
		case n < 2*bad:
			r.fault = oracleFaults[random.IntN(len(oracleFaults))]
		}
		rows[i] = r
	}
	return rows
}

// oracleTable is a table of rules to which rows are applied one by one.
type oracleTable map[string]oracleRule

type oracleRule struct {
	text     string
	revision int
}

// oracleAnswer is what becomes of the rows of a request.
type oracleAnswer struct {
	Created, Updated          int
	Faulty, Refused, Warnings []string
}

func (o oracleTable) apply(rows []oracleRow) (a oracleAnswer) {
	latest := map[string]int{} // where a good row of a code is, whatever becomes of it
	for i, r := range rows {
		if r.fault != "" {
			code := r.code
			if r.fault == "code required" {
				code = "null"
			}
			a.Faulty = append(a.Faulty, fmt.Sprint(i, " ", code, " ", r.fault))
			continue
		}
		earlier, repeated := latest[r.code]
		latest[r.code] = i
		if r.budget == refusedBudget {
			a.Refused = append(a.Refused, fmt.Sprint(i, " ", r.code, "  rejected"))
			continue
		}
		if r.ignored {
			a.Warnings = append(a.Warnings, fmt.Sprint(i, " ", r.code, " colour unknown_field"))
		}
		if repeated {
			a.Warnings = append(a.Warnings, fmt.Sprint(i, " ", r.code, " code duplicate of ", earlier))
		}
		rule, there := o[r.code]
		if there {
			a.Updated++
		} else {
			a.Created++
		}
		o[r.code] = oracleRule{
			fmt.Sprintf(`%s %d %s {"header_a":[%d,"x"]} %q %t`, r.code, r.priority, r.budget, r.priority, r.branch, r.flag == "Y"), rule.revision + 1,
		}
	}
	return a
}

func (o oracleTable) list() (all []string) {
	for _, code := range slices.Sorted(maps.Keys(o)) {
		all = append(all, fmt.Sprint(o[code].text, " after ", o[code].revision))
	}
	return all
}

func oracleNotes(notes []budgets.RowNote) (all []string) {
	for _, n := range notes {
		code := "null"
		if n.Code != nil {
			code = *n.Code
		}
		text := fmt.Sprint(n.Index, " ", code, " ", n.Failure.Field, " ", n.Failure.Code)
		if earlier := n.Failure.Params["earlier"]; earlier != "" {
			text += " of " + earlier
		}
		all = append(all, text)
	}
	return all
}

// storedRules lists the rules of a tenant.
func storedRules(t *testing.T, rules *budgets.Budgets, who domain.Principal) (all []string) {
	t.Helper()
	list, err := rules.List(context.Background(), who, budget.Filter{}, "", 1_000_000)
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	for _, r := range list {
		all = append(all, fmt.Sprintf("%s %d %s %s %q %t after %d", r.Code, r.Priority, r.BudgetCode, r.Condition.Text(), r.BranchCode, r.Deleted, r.Revision))
	}
	return all
}

// TestSyncsOnSQLite sends sixty requests of three tenants to a database that
// refuses rules, with few and many codes of which few and many are bad. After
// each of them the answer, and the rules of all tenants, are what becomes of the
// rows when they are done one by one; now and then a request comes again, or
// with other rows.
func TestSyncsOnSQLite(t *testing.T) {
	t.Parallel()
	const seed = 20_261_126
	folder, err := openDataFolder(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := folder.Close(); err != nil {
			t.Error(err)
		}
	})
	refuseBudgets(t, folder.db)
	rules, random := syncsOn(t, folder), rand.New(rand.NewPCG(seed, 0))
	var users []domain.Principal
	var tables []oracleTable
	for _, tenant := range []domain.TenantID{"a", "b", "c"} { // each has room for 50 requests
		users = append(users, domain.Principal{Tenant: tenant, User: "1", Permissions: []domain.Permission{domain.All}})
		tables = append(tables, oracleTable{})
	}
	spent := make([]int, len(users))
	total := oracleAnswer{}
	refused, faulty, warned := 0, 0, 0
	for n := range 60 {
		codes, bad := []int{3, 40, 1_000}[n/3%3], []int{0, 1, 10, 45}[n/9%4]
		tenant := n % len(users)
		who, table := users[tenant], tables[tenant]
		rows := oracleRows(random, codes, bad)
		texts := make([]string, len(rows))
		for i, r := range rows {
			texts[i] = r.encode(random)
		}
		bizID := fmt.Sprint("batch-", n/len(users)) // which other tenants have too
		send := func(rows []string) (budgets.Synced, error) {
			t.Helper()
			body, err := document.Parse(fmt.Sprintf(`{"bizId":%q,"timestamp":%d,"data":[%s]}`, bizID, 1_636_600_092_809+random.IntN(1000), strings.Join(rows, ",")))
			if err != nil {
				t.Fatal(err)
			}
			return rules.Sync(t.Context(), who, body)
		}
		what := fmt.Sprintf("batch %d of seed %d (%d rows of %d codes, %d %% bad)", n, seed, len(rows), codes, bad)
		want := table.apply(rows)
		synced, err := send(texts)
		if err != nil || synced.Repeated {
			t.Fatalf("%s: Sync() = repeated %t, %v", what, synced.Repeated, err)
		}
		a := synced.Answer
		got := oracleAnswer{a.Created, a.Updated, oracleNotes(a.Faulty), oracleNotes(a.Refused), oracleNotes(a.Warnings)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s: the answer differs (-want +got):\n%s", what, diff)
		}
		spent[tenant]++
		if left := synced.Quota.Windows[0].Left; left != 50-spent[tenant] {
			t.Errorf("%s: %d requests are left, want %d", what, left, 50-spent[tenant])
		}
		if n%5 == 0 {
			again, err := send(texts)
			if diff := cmp.Diff(want, oracleAnswer{
				again.Answer.Created, again.Answer.Updated, oracleNotes(again.Answer.Faulty), oracleNotes(again.Answer.Refused), oracleNotes(again.Answer.Warnings),
			}); err != nil || !again.Repeated || diff != "" {
				t.Errorf("%s: Sync() again = repeated %t, %v; want the same answer (-want +got):\n%s", what, again.Repeated, err, diff)
			}
			if _, err := send(append(texts, "{}")); !errors.Is(err, domain.CodeConflict) {
				t.Errorf("%s: Sync() with one row more = %v, want a conflict", what, err)
			}
		}
		for i, who := range users {
			if diff := cmp.Diff(tables[i].list(), storedRules(t, rules, who)); diff != "" {
				t.Fatalf("%s: the rules of tenant %s differ (-want +got):\n%s", what, who.Tenant, diff)
			}
		}
		total.Created, total.Updated = total.Created+a.Created, total.Updated+a.Updated
		faulty, refused, warned = faulty+len(a.Faulty), refused+len(a.Refused), warned+len(a.Warnings)
	}
	if min(total.Created, total.Updated, faulty, refused, warned) < 500 {
		t.Errorf("the batches came to %d created, %d updated, %d faulty, %d refused and %d warnings; want many of each", total.Created, total.Updated, faulty, refused, warned)
	}
	t.Logf("%d created, %d updated, %d faulty, %d refused, %d warnings", total.Created, total.Updated, faulty, refused, warned)
}
