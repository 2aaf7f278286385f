package portstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
	"github.com/batchport/batchport/ports"
)

// RuleStore is what [BudgetRules] tests.
type RuleStore interface {
	ports.Transactions
	ports.BudgetRules
}

// BudgetRules runs the contract of [ports.BudgetRules]. Each subtest calls open
// for an empty store, which cleans up through its t.
func BudgetRules(t *testing.T, open func(*testing.T) RuleStore) {
	for name, test := range map[string]func(*testing.T, ruleSuite){
		"no rules, no outcomes":                        testNoRules,
		"a rule is created once, then updated":         testRuleStored,
		"a rule is replaced whole":                     testRuleReplaced,
		"texts come back as they were, and tell apart": testRuleTexts,
		"conditions come back as they were":            testRuleConditions,
		"times come back as they were":                 testRuleTimes,
		"what goes in and comes out is the caller's":   testRuleCopies,
		"a code again in a call, in any order":         testRuleAgain,
		"a batch out of order over several calls":      testRuleOutOfOrder,
		"the same positions again":                     testRuleSamePositions,
		"another batch is another order":               testRuleBatches,
		"new rules among old ones, anywhere in a call": testRulesMixed,
		"full batches":                                 testManyRules,
		"one code all over a full batch":               testOneRuleManyTimes,
		"conditions as long as they may be":            testLongConditions,
		"tenants are apart":                            testRuleTenants,
		"what is not there is not found":               testRuleMissing,
		"filters":                                      testRuleFilters,
		"pages in the order of codes":                  testRulePages,
		"what is rolled back is undone":                testRulesRolledBack,
		"a snapshot does not see later rules":          testRuleSnapshot,
		"an ended context stores nothing":              testRulesCancelled,
		"of two who race for a code one creates it":    testRaceRules,
		"parts of a batch at once":                     testRaceParts,
		"random batches do what they do one by one":    testRandomRules,
		"random big ones do what they do one by one":   testRandomManyRules,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, ruleSuite{open(t)})
		})
	}
}

// ruleSuite is a store with helpers that fail the test.
type ruleSuite struct{ RuleStore }

// ruleBatch returns the batch of the identifier, which stores at [storeNow].
func ruleBatch(id string) ports.RuleBatch { return ports.RuleBatch{ID: id, At: storeNow} }

// rule returns a rule of the code.
func rule(code string, edits ...func(*budget.Rule)) budget.Rule {
	r := budget.Rule{Code: code, Priority: 10, BudgetCode: "B1", Condition: conditionOf("expense_code", "T026")}
	for _, edit := range edits {
		edit(&r)
	}
	return r
}

// conditionOf returns the condition that a column has one of these texts.
func conditionOf(column string, texts ...string) budget.Condition {
	ref, ok := budget.ParseColumnRef(column)
	if !ok {
		panic("portstest: no column " + column)
	}
	e := budget.Entry{Column: ref}
	for _, text := range texts {
		e.Values = append(e.Values, budget.Value{Kind: budget.String, Text: text})
	}
	return budget.Condition{e}
}

// placed puts rules at consecutive positions from first on.
func placed(first int, rules ...budget.Rule) []ports.PlacedRule {
	list := make([]ports.PlacedRule, len(rules))
	for i, r := range rules {
		list[i] = ports.PlacedRule{Position: first + i, Rule: r}
	}
	return list
}

func (s ruleSuite) upsert(t *testing.T, ctx context.Context, batch ports.RuleBatch, rules []ports.PlacedRule, want ...domain.Fate) {
	t.Helper()
	outs, err := s.UpsertBudgetRules(ctx, editTenant, batch, rules)
	wantFates(t, "UpsertBudgetRules", outs, err, want...)
}

// want wants the rule to be stored so often, and last by the batch.
func (s ruleSuite) want(t *testing.T, ctx context.Context, r budget.Rule, revision int64, batch ports.RuleBatch) {
	t.Helper()
	want := budget.StoredRule{Rule: r, Revision: revision, StoredAt: batch.At}
	if got, err := s.FindBudgetRule(ctx, editTenant, r.Code); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("FindBudgetRule(%s) = %+v, %v; want %+v", named(r.Code), got, err, want)
	}
}

func (s ruleSuite) wantNone(t *testing.T, ctx context.Context, tenant domain.TenantID, code string) {
	t.Helper()
	if got, err := s.FindBudgetRule(ctx, tenant, code); !errors.Is(err, domain.CodeNotFound) || !reflect.DeepEqual(got, budget.StoredRule{}) {
		t.Errorf("FindBudgetRule(%s, %s) = %+v, %v; want %v", tenant, named(code), got, err, domain.CodeNotFound)
	}
}

// list lists all rules.
func (s ruleSuite) list(t *testing.T, ctx context.Context, tenant domain.TenantID) []budget.StoredRule {
	t.Helper()
	rules, err := s.ListBudgetRules(ctx, tenant, budget.Filter{}, "", 1_000_000)
	if err != nil {
		t.Fatalf("ListBudgetRules() = %v, want no error", err)
	}
	return rules
}

// fates repeats a fate.
func fates(n int, fate domain.Fate) []domain.Fate { return slices.Repeat([]domain.Fate{fate}, n) }

func testNoRules(t *testing.T, s ruleSuite) {
	for _, none := range [][]ports.PlacedRule{nil, {}} {
		s.upsert(t, t.Context(), ruleBatch("b"), none)
	}
	if got := s.list(t, t.Context(), editTenant); len(got) != 0 {
		t.Errorf("ListBudgetRules() = %+v, want none", got)
	}
}

func testRuleStored(t *testing.T, s ruleSuite) {
	r := rule("R1")
	for i, want := range []domain.Fate{domain.Created, domain.Updated, domain.Updated} {
		batch := ports.RuleBatch{ID: fmt.Sprintf("b%d", i), At: storeNow.Add(time.Duration(i) * time.Hour)}
		s.upsert(t, t.Context(), batch, placed(0, r), want) // also when nothing differs
		s.want(t, t.Context(), r, int64(i)+1, batch)
	}
}

func testRuleReplaced(t *testing.T, s ruleSuite) {
	full := budget.Rule{
		Code: "R1", Priority: budget.MaxPriority, BudgetCode: "B2", Condition: conditionOf("header_type", "travel", "meal"),
		BranchCode: "TW01", BudgetEvent: "expense", Deleted: true,
	}
	for i, r := range []budget.Rule{
		rule("R1"), full, rule("R1"), rule("R1", func(r *budget.Rule) { r.Priority = 0 }), rule("R1", func(r *budget.Rule) { r.BudgetCode = "B9" }),
		rule("R1", func(r *budget.Rule) { r.Condition = conditionOf("project_code", "P") }), rule("R1", func(r *budget.Rule) { r.BranchCode = "HK" }),
		rule("R1", func(r *budget.Rule) { r.BudgetEvent = "loan" }), rule("R1", func(r *budget.Rule) { r.Deleted = true }), rule("R1"),
	} {
		fate := domain.Updated // also of a rule that was marked as deleted
		if i == 0 {
			fate = domain.Created
		}
		batch := ruleBatch(fmt.Sprint(i))
		s.upsert(t, t.Context(), batch, placed(0, r), fate)
		s.want(t, t.Context(), r, int64(i)+1, batch)
	}
}

func testRuleTexts(t *testing.T, s ruleSuite) {
	codes := []string{
		"規則", "規則 ", " 規則", "規則\n", "İ", "i", "I", "ı", "é", "e\u0301", "O'Neil \"x\" ?", "?0", "{p}", "{now}", "😀", "%_\\", "ß", "ss", "Ａ", "A", "a",
		"\t-", "--", "0", "00", "\ufeff", "null",
	}
	for _, text := range awkwardTexts() {
		if text != "" && len(text) <= budget.MaxText { // a longer one is no code
			codes = append(codes, text)
		}
	}
	var rules []budget.Rule
	for _, code := range codes {
		rules = append(rules, rule(code, func(r *budget.Rule) {
			r.BudgetCode, r.BranchCode, r.BudgetEvent, r.Condition = code, code, code, conditionOf("code", code, "", code)
		}))
	}
	for i, fate := range []domain.Fate{domain.Created, domain.Updated} {
		for _, id := range awkwardTexts() {
			batch := ruleBatch(id + fmt.Sprint(i))
			s.upsert(t, t.Context(), batch, placed(0, rules...), fates(len(rules), fate)...)
			fate = domain.Updated
		}
	}
	for _, r := range rules {
		s.want(t, t.Context(), r, int64(2*len(awkwardTexts())), ruleBatch(""))
	}
	slices.Sort(codes)
	var got []string
	for _, r := range s.list(t, t.Context(), editTenant) {
		got = append(got, r.Code)
	}
	if !slices.Equal(got, codes) {
		t.Errorf("ListBudgetRules() gives the codes %.200q, want %.200q", got, codes)
	}
	for _, r := range rules { // a filter finds its own text alone
		for _, filter := range []budget.Filter{{BudgetCode: r.Code}, {BranchCode: r.Code}, {BudgetEvent: r.Code}} {
			found, err := s.ListBudgetRules(t.Context(), editTenant, filter, "", 10)
			if err != nil || len(found) != 1 || found[0].Code != r.Code {
				t.Errorf("ListBudgetRules(filter of %s) = %d rules, %v; want the one", named(r.Code), len(found), err)
			}
		}
	}
}

func testRuleConditions(t *testing.T, s ruleSuite) {
	value := func(kind budget.Kind, text string) budget.Value { return budget.Value{Kind: kind, Text: text} }
	entry := func(column string, values ...budget.Value) budget.Entry {
		ref, _ := budget.ParseColumnRef(column)
		return budget.Entry{Column: ref, Values: values}
	}
	conditions := []budget.Condition{
		conditionOf("expense_code", ""),
		conditionOf("expense_code", "a", "a", "b"),
		{entry("n", value(budget.Number, "1"))},
		{entry("n", value(budget.Number, "1.0"), value(budget.Number, "-0"), value(budget.Number, "1e-7"), value(budget.Number, "12345678901234567890.10"))},
		{entry("b", value(budget.Bool, "true"), value(budget.Bool, "false"), value(budget.String, "true"), value(budget.Number, "1"), value(budget.String, "1"))},
		{
			entry("A", value(budget.String, "x")), entry("a", value(budget.String, "x")), entry("charge_department", value(budget.String, "x")),
			entry("charge_department_code", value(budget.String, "x")), entry("header_a", value(budget.String, "x")),
			entry("project_a", value(budget.String, "x")), entry("z_1", value(budget.String, "x")),
		},
		conditionOf("code", `\u0041`, `"`, `\`, "\x01\x1f\x7f", "<&>\u2028\u2029", "{}", "[]", "null", "\ufffd"),
	}
	for i, c := range conditions {
		r := rule(fmt.Sprintf("R%d", i), func(r *budget.Rule) { r.Condition = c })
		s.upsert(t, t.Context(), ruleBatch("b"), placed(i, r), domain.Created)
		s.want(t, t.Context(), r, 1, ruleBatch("b"))
	}
	for i, r := range s.list(t, t.Context(), editTenant) {
		if r.Condition.Text() != conditions[i].Text() {
			t.Errorf("ListBudgetRules() gives %s the condition %s, want %s", r.Code, r.Condition.Text(), conditions[i].Text())
		}
	}
	// Entries come back sorted, in whatever order they were.
	sorted := conditions[5]
	reversed := slices.Clone(sorted)
	slices.Reverse(reversed)
	s.upsert(t, t.Context(), ruleBatch("c"), placed(0, rule("R", func(r *budget.Rule) { r.Condition = reversed })), domain.Created)
	s.want(t, t.Context(), rule("R", func(r *budget.Rule) { r.Condition = sorted }), 1, ruleBatch("c"))
}

func testRuleTimes(t *testing.T, s ruleSuite) {
	for i, at := range []time.Time{
		storeNow.Add(time.Microsecond), storeNow.Add(-time.Microsecond), time.Date(1999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 1_000, time.UTC),
	} {
		r, batch := rule(fmt.Sprintf("R%d", i)), ports.RuleBatch{ID: "b", At: at}
		s.upsert(t, t.Context(), batch, placed(i, r), domain.Created)
		s.want(t, t.Context(), r, 1, batch)
	}
	elsewhere := ports.RuleBatch{ID: "c", At: storeNow.In(time.FixedZone("", 8*60*60)).Add(999)}
	s.upsert(t, t.Context(), elsewhere, placed(0, rule("R0")), domain.Updated)
	s.want(t, t.Context(), rule("R0"), 2, ruleBatch("c"))
}

func testRuleCopies(t *testing.T, s ruleSuite) {
	r := rule("R1")
	rules := placed(0, r)
	s.upsert(t, t.Context(), ruleBatch("b"), rules, domain.Created)
	r.Condition[0].Values[0].Text = "changed"
	rules[0].Rule.BudgetCode = "changed"
	s.want(t, t.Context(), rule("R1"), 1, ruleBatch("b"))
	for _, got := range s.list(t, t.Context(), editTenant) {
		got.Condition[0].Values[0].Text = "changed"
	}
	s.want(t, t.Context(), rule("R1"), 1, ruleBatch("b"))
}

// version is a rule of the code that tells which of several it is.
func version(code string, n int) budget.Rule {
	return rule(code, func(r *budget.Rule) { r.Priority = n })
}

func testRuleAgain(t *testing.T, s ruleSuite) {
	const created, updated = domain.Created, domain.Updated
	at := func(position int, code string) ports.PlacedRule {
		return ports.PlacedRule{Position: position, Rule: version(code, position)}
	}
	// The first position creates it, the last one stays, wherever they are in the call.
	s.upsert(t, t.Context(), ruleBatch("b"), []ports.PlacedRule{at(0, "a"), at(1, "b"), at(2, "a"), at(3, "a")}, created, created, updated, updated)
	s.want(t, t.Context(), version("a", 3), 3, ruleBatch("b"))
	s.want(t, t.Context(), version("b", 1), 1, ruleBatch("b"))
	s.upsert(t, t.Context(), ruleBatch("c"), []ports.PlacedRule{at(7, "c"), at(3, "c"), at(9, "d"), at(5, "c"), at(8, "a")}, updated, created, created, updated, updated)
	s.want(t, t.Context(), version("c", 7), 3, ruleBatch("c"))
	s.want(t, t.Context(), version("d", 9), 1, ruleBatch("c"))
	s.want(t, t.Context(), version("a", 8), 4, ruleBatch("c"))
}

func testRuleOutOfOrder(t *testing.T, s ruleSuite) {
	batch := ruleBatch("b")
	s.upsert(t, t.Context(), batch, placed(500, version("a", 500), version("b", 501)), domain.Created, domain.Created)
	// What was before does not replace it, and is updated nevertheless.
	s.upsert(t, t.Context(), batch, placed(0, version("a", 0), version("c", 1), version("b", 2), version("a", 3)),
		domain.Updated, domain.Created, domain.Updated, domain.Updated)
	s.want(t, t.Context(), version("a", 500), 1, batch)
	s.want(t, t.Context(), version("b", 501), 1, batch)
	s.want(t, t.Context(), version("c", 1), 1, batch)
	// What comes behind does; also in one call with what was before.
	s.upsert(t, t.Context(), batch, []ports.PlacedRule{{Position: 900, Rule: version("a", 900)}, {Position: 400, Rule: version("a", 400)}},
		domain.Updated, domain.Updated)
	s.want(t, t.Context(), version("a", 900), 2, batch)
	s.upsert(t, t.Context(), batch, placed(499, version("b", 499)), domain.Updated)
	s.want(t, t.Context(), version("b", 501), 1, batch)
}

func testRuleSamePositions(t *testing.T, s ruleSuite) {
	batch := ruleBatch("b")
	rules := placed(0, version("a", 0), version("b", 1), version("a", 2))
	s.upsert(t, t.Context(), batch, rules, domain.Created, domain.Created, domain.Updated)
	s.want(t, t.Context(), version("a", 2), 2, batch)
	// A redelivery ends where the delivery did. Its rules may have been read anew.
	rules[1].Rule.BudgetCode = "B2"
	s.upsert(t, t.Context(), batch, rules, domain.Updated, domain.Updated, domain.Updated)
	s.want(t, t.Context(), version("a", 2), 3, batch) // position 0 is before 2, so it was not stored
	s.want(t, t.Context(), rules[1].Rule, 2, batch)
}

func testRuleBatches(t *testing.T, s ruleSuite) {
	s.upsert(t, t.Context(), ruleBatch("b"), placed(7, version("a", 7)), domain.Created)
	s.upsert(t, t.Context(), ruleBatch("c"), placed(3, version("a", 3)), domain.Updated) // positions of batches do not compare
	s.want(t, t.Context(), version("a", 3), 2, ruleBatch("c"))
	s.upsert(t, t.Context(), ruleBatch("c"), placed(2, version("a", 2)), domain.Updated)
	s.want(t, t.Context(), version("a", 3), 2, ruleBatch("c"))
	s.upsert(t, t.Context(), ruleBatch("B"), placed(0, version("a", 0)), domain.Updated)
	s.want(t, t.Context(), version("a", 0), 3, ruleBatch("B"))
}

// manyRules returns n rules in no order.
func manyRules(n int) []ports.PlacedRule {
	rules := make([]ports.PlacedRule, n)
	for i := range rules {
		rules[i] = ports.PlacedRule{Position: i, Rule: version(fmt.Sprintf("R%05d", (i*7_919)%n), i%budget.MaxPriority)}
	}
	return rules
}

func testRulesMixed(t *testing.T, s ruleSuite) {
	const n = 1_200
	last := n - 1
	for round, there := range [][]int{{0}, {last}, {last / 2}, {49, 50}, {499, 500, 549, 550}, {0, last / 2, last}} {
		rules := manyRules(n)
		for i := range rules {
			rules[i].Rule.Code = fmt.Sprintf("%d-%s", round, rules[i].Rule.Code)
		}
		slices.SortFunc(rules, func(a, b ports.PlacedRule) int { return strings.Compare(a.Rule.Code, b.Rule.Code) })
		want := fates(n, domain.Created)
		for _, i := range there {
			s.upsert(t, t.Context(), ruleBatch("before"), []ports.PlacedRule{rules[i]}, domain.Created)
			want[i] = domain.Updated
		}
		batch := ruleBatch(fmt.Sprint("mixed", round))
		s.upsert(t, t.Context(), batch, rules, want...)
		for i, p := range rules {
			revision := int64(1)
			if want[i] == domain.Updated {
				revision = 2
			}
			if i%97 == 0 || revision == 2 {
				s.want(t, t.Context(), p.Rule, revision, batch)
			}
		}
	}
	if got := len(s.list(t, t.Context(), editTenant)); got != 6*n {
		t.Errorf("ListBudgetRules() gives %d rules, want %d", got, 6*n)
	}
}

func testManyRules(t *testing.T, s ruleSuite) {
	rules := manyRules(fullBatch)
	stored := make([]budget.StoredRule, len(rules))
	for i, p := range rules {
		stored[i] = budget.StoredRule{Rule: p.Rule, StoredAt: storeNow}
	}
	slices.SortFunc(stored, func(a, b budget.StoredRule) int { return strings.Compare(a.Code, b.Code) })
	for round, fate := range []domain.Fate{domain.Created, domain.Updated, domain.Updated} {
		s.upsert(t, t.Context(), ruleBatch(fmt.Sprint(round/2)), rules, fates(len(rules), fate)...) // the second twice
		for i := range stored {
			stored[i].Revision++
		}
		if got := s.list(t, t.Context(), editTenant); !reflect.DeepEqual(got, stored) {
			t.Errorf("ListBudgetRules() gives %d rules that differ from the %d that were stored", len(got), len(stored))
		}
	}
}

func testOneRuleManyTimes(t *testing.T, s ruleSuite) {
	const n = 1_000
	rules := manyRules(n)
	for i := range rules {
		rules[i].Rule.Code = "R"
	}
	slices.Reverse(rules)
	want := fates(n, domain.Updated)
	want[n-1] = domain.Created // position 0
	s.upsert(t, t.Context(), ruleBatch("b"), rules, want...)
	s.want(t, t.Context(), rules[0].Rule, n, ruleBatch("b"))
}

func testLongConditions(t *testing.T, s ruleSuite) {
	long := make(budget.Condition, 100)
	for i := range long {
		name := fmt.Sprintf("column_%0*d", budget.MaxText-len("column_"), i)
		long[i] = conditionOf(name, slices.Repeat([]string{strings.Repeat("費", budget.MaxText/3)}, 20)...)[0]
	}
	rules := make([]budget.Rule, 40)
	for i := range rules {
		rules[i] = rule(fmt.Sprintf("R%02d", i), func(r *budget.Rule) { r.Condition = long })
	}
	s.upsert(t, t.Context(), ruleBatch("b"), placed(0, rules...), fates(len(rules), domain.Created)...)
	s.upsert(t, t.Context(), ruleBatch("c"), placed(0, rules...), fates(len(rules), domain.Updated)...)
	for _, r := range rules {
		s.want(t, t.Context(), r, 2, ruleBatch("c"))
	}
}

func testRuleTenants(t *testing.T, s ruleSuite) {
	mine, theirs := version("R1", 1), version("R1", 2)
	s.upsert(t, t.Context(), ruleBatch("b"), placed(5, mine), domain.Created)
	s.wantNone(t, t.Context(), otherTenant, "R1")
	if got := s.list(t, t.Context(), otherTenant); len(got) != 0 {
		t.Errorf("ListBudgetRules(another tenant) = %+v, want none", got)
	}
	// Of the same batch, and from before it.
	outs, err := s.UpsertBudgetRules(t.Context(), otherTenant, ruleBatch("b"), placed(0, theirs))
	wantFates(t, "UpsertBudgetRules(another tenant)", outs, err, domain.Created)
	s.want(t, t.Context(), mine, 1, ruleBatch("b"))
	want := []budget.StoredRule{{Rule: theirs, Revision: 1, StoredAt: storeNow}}
	if got := s.list(t, t.Context(), otherTenant); !reflect.DeepEqual(got, want) {
		t.Errorf("ListBudgetRules(another tenant) = %+v, want %+v", got, want)
	}
}

func testRuleMissing(t *testing.T, s ruleSuite) {
	s.upsert(t, t.Context(), ruleBatch("b"), placed(0, rule("one")), domain.Created)
	for _, code := range []string{"", "on", "one ", "ONE", "%", "o_e", "two"} {
		s.wantNone(t, t.Context(), editTenant, code)
	}
}

func testRuleFilters(t *testing.T, s ruleSuite) {
	var all []budget.Rule
	for i, text := range []string{"", "x", "y", "X"} {
		for j, event := range []string{"", "x", "y"} {
			for k, deleted := range []bool{false, true} {
				all = append(all, rule(fmt.Sprintf("R%d%d%d", i, j, k), func(r *budget.Rule) {
					r.BudgetCode, r.BranchCode, r.BudgetEvent, r.Deleted = "B"+text, text, event, deleted
				}))
			}
		}
	}
	s.upsert(t, t.Context(), ruleBatch("b"), placed(0, all...), fates(len(all), domain.Created)...)
	yes, no := true, false
	for _, code := range []string{"", "B", "Bx", "bx", "none"} {
		for _, branch := range []string{"", "x", "X", "y", "%"} {
			for _, event := range []string{"", "x", "z"} {
				for _, deleted := range []*bool{nil, &yes, &no} {
					filter := budget.Filter{BudgetCode: code, BranchCode: branch, BudgetEvent: event, Deleted: deleted}
					s.wantFound(t, filter, all)
				}
			}
		}
	}
}

// wantFound wants of the rules, which are in order, those that the filter
// matches, at once and page by page.
func (s ruleSuite) wantFound(t *testing.T, filter budget.Filter, all []budget.Rule) {
	t.Helper()
	var want, got []string
	for _, r := range all {
		if filter.Matches(r) {
			want = append(want, r.Code)
		}
	}
	for _, limit := range []int{len(all) + 1, 5} {
		got = nil
		for after := ""; ; after = got[len(got)-1] {
			page, err := s.ListBudgetRules(t.Context(), editTenant, filter, after, limit)
			if err != nil {
				t.Fatalf("ListBudgetRules(%+v) = %v, want no error", filter, err)
			}
			for _, r := range page {
				got = append(got, r.Code)
			}
			if len(page) < limit {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("ListBudgetRules(%+v) in pages of %d gives %v, want %v", filter, limit, got, want)
		}
	}
}

func testRulePages(t *testing.T, s ruleSuite) {
	codes := []string{"A", "AB", "B", "a", "ab", "é", "規則", "😀"} // in the order of their bytes
	var rules []budget.Rule
	for i := range codes {
		rules = append(rules, rule(codes[len(codes)-1-i]))
	}
	s.upsert(t, t.Context(), ruleBatch("b"), placed(0, rules...), fates(len(rules), domain.Created)...)
	for _, c := range []struct {
		after string
		want  []string
	}{
		{"", codes}, {"A", codes[1:]}, {"AA", codes[1:]}, {"AB", codes[2:]}, {"Z", codes[3:]}, {"b", codes[5:]}, {"規則", codes[7:]}, {"😀", nil}, {"\U0010ffff", nil},
	} {
		for _, limit := range []int{-1, 0, 1, 3, len(codes)} {
			page, err := s.ListBudgetRules(t.Context(), editTenant, budget.Filter{}, c.after, limit)
			var got []string
			for _, r := range page {
				got = append(got, r.Code)
			}
			if want := c.want[:min(max(limit, 0), len(c.want))]; err != nil || !slices.Equal(got, want) {
				t.Errorf("ListBudgetRules(after %q, %d) = %v, %v; want %v", c.after, limit, got, err, want)
			}
		}
	}
	all := manyRules(2_345)
	s.upsert(t, t.Context(), ruleBatch("c"), all, fates(len(all), domain.Created)...)
	var want []budget.Rule
	for _, r := range s.list(t, t.Context(), editTenant) {
		want = append(want, r.Rule)
	}
	if len(want) != len(all)+len(codes) {
		t.Errorf("ListBudgetRules() gives %d rules, want %d", len(want), len(all)+len(codes))
	}
	s.wantFound(t, budget.Filter{}, want)
}

func testRulesRolledBack(t *testing.T, s ruleSuite) {
	old := version("old", 1)
	s.upsert(t, t.Context(), ruleBatch("a"), placed(0, old), domain.Created)
	change := func(ctx context.Context) error {
		s.upsert(t, ctx, ruleBatch("b"), placed(0, version("new", 2), version("old", 2)), domain.Created, domain.Updated)
		s.want(t, ctx, version("old", 2), 2, ruleBatch("b"))
		s.want(t, ctx, version("new", 2), 1, ruleBatch("b"))
		return errStoreSuite
	}
	wantOld := func(ctx context.Context) {
		t.Helper()
		s.want(t, ctx, old, 1, ruleBatch("a"))
		s.wantNone(t, ctx, editTenant, "new")
	}
	if err := s.InTx(t.Context(), change); !errors.Is(err, errStoreSuite) {
		t.Errorf("InTx = %v, want its function's error", err)
	}
	wantOld(t.Context())
	if err := s.InTx(t.Context(), func(ctx context.Context) error {
		s.upsert(t, ctx, ruleBatch("b"), placed(9, version("third", 3)), domain.Created)
		if err := s.Savepoint(ctx, change); !errors.Is(err, errStoreSuite) {
			t.Errorf("Savepoint = %v, want its function's error", err)
		}
		wantOld(ctx)
		return s.Savepoint(ctx, func(ctx context.Context) error {
			s.upsert(t, ctx, ruleBatch("b"), placed(10, version("third", 4), version("fourth", 4)), domain.Updated, domain.Created)
			return nil
		})
	}); err != nil {
		t.Errorf("InTx = %v, want no error", err)
	}
	wantOld(t.Context())
	s.want(t, t.Context(), version("third", 4), 2, ruleBatch("b"))
	s.want(t, t.Context(), version("fourth", 4), 1, ruleBatch("b"))
}

func testRuleSnapshot(t *testing.T, s ruleSuite) {
	s.upsert(t, t.Context(), ruleBatch("a"), placed(0, version("old", 1)), domain.Created)
	if err := s.Snapshot(t.Context(), func(ctx context.Context) error {
		s.upsert(t, t.Context(), ruleBatch("b"), placed(0, version("new", 2), version("old", 2)), domain.Created, domain.Updated)
		s.want(t, ctx, version("old", 1), 1, ruleBatch("a"))
		s.wantNone(t, ctx, editTenant, "new")
		if got := s.list(t, ctx, editTenant); len(got) != 1 {
			t.Errorf("ListBudgetRules() in the snapshot = %+v, want the old one", got)
		}
		_, err := s.UpsertBudgetRules(ctx, editTenant, ruleBatch("c"), placed(0, rule("x")))
		wantCode(t, "UpsertBudgetRules in a snapshot", err, domain.CodeInternal)
		return nil
	}); err != nil {
		t.Errorf("Snapshot = %v, want no error", err)
	}
	s.want(t, t.Context(), version("old", 2), 2, ruleBatch("b"))
	s.wantNone(t, t.Context(), editTenant, "x")
}

func testRulesCancelled(t *testing.T, s ruleSuite) {
	old := version("old", 1)
	s.upsert(t, t.Context(), ruleBatch("a"), placed(0, old), domain.Created)
	changes := placed(0, version("new", 2), version("old", 2))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	outs, upsertErr := s.UpsertBudgetRules(ctx, editTenant, ruleBatch("b"), changes)
	found, findErr := s.FindBudgetRule(ctx, editTenant, "old")
	listed, listErr := s.ListBudgetRules(ctx, editTenant, budget.Filter{}, "", 10)
	for call, err := range map[string]error{"UpsertBudgetRules": upsertErr, "FindBudgetRule": findErr, "ListBudgetRules": listErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s(ended context) = %v, want context.Canceled", call, err)
		}
	}
	if len(outs) > 0 || len(listed) > 0 || found.Code != "" {
		t.Errorf("with an ended context: outcomes %v, found %v, listed %v; want nothing", outs, found, listed)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	err := s.InTx(ctx, func(ctx context.Context) error {
		s.upsert(t, ctx, ruleBatch("b"), changes, domain.Created, domain.Updated)
		cancel()
		_, err := s.UpsertBudgetRules(ctx, editTenant, ruleBatch("b"), placed(2, rule("third")))
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("InTx(context that ends) = %v, want context.Canceled", err)
	}
	s.want(t, t.Context(), old, 1, ruleBatch("a"))
	s.wantNone(t, t.Context(), editTenant, "new")
	s.wantNone(t, t.Context(), editTenant, "third")
}

func testRaceRules(t *testing.T, s ruleSuite) {
	var created [2][races]bool
	upserter := func(who int) func(i int) {
		return func(i int) {
			rules := placed(0, version(raceID(i), who), version("z-"+raceID(i), who))
			if who == 1 {
				slices.Reverse(rules) // opposite orders must not lock each other out
			}
			outs, err := s.UpsertBudgetRules(t.Context(), editTenant, ruleBatch(fmt.Sprint(who, i)), rules)
			if err != nil || len(outs) != 2 {
				t.Errorf("UpsertBudgetRules = %v, %v; want two outcomes", outs, err)
				return
			}
			created[who][i] = outs[0].Fate == domain.Created
			if outs[0] != outs[1] {
				t.Errorf("UpsertBudgetRules = %v, want both created or both updated", outs)
			}
		}
	}
	race(upserter(0), upserter(1))
	for i := range races {
		if created[0][i] == created[1][i] {
			t.Errorf("UpsertBudgetRules of two created it: %t and %t, want once", created[0][i], created[1][i])
		}
		last := 0
		if created[0][i] {
			last = 1
		}
		s.want(t, t.Context(), version(raceID(i), last), 2, ruleBatch(""))
		s.want(t, t.Context(), version("z-"+raceID(i), last), 2, ruleBatch(""))
	}
}

// Whoever comes first, the last position of a batch stays.
func testRaceParts(t *testing.T, s ruleSuite) {
	const parts, size = 8, 50
	codes := func(part, i int) string { return fmt.Sprintf("R%02d", (part*7+i)%size) }
	atOnce(parts, func(part int) {
		rules := make([]ports.PlacedRule, size)
		for i := range rules {
			rules[i] = ports.PlacedRule{Position: part*size + i, Rule: version(codes(part, i), part*size+i)}
		}
		outs, err := s.UpsertBudgetRules(t.Context(), editTenant, ruleBatch("b"), rules)
		if err != nil || len(outs) != size {
			t.Errorf("UpsertBudgetRules = %d outcomes, %v; want %d", len(outs), err, size)
		}
	})
	for i := range size {
		got, err := s.FindBudgetRule(t.Context(), editTenant, codes(parts-1, i))
		if want := (parts-1)*size + i; err != nil || got.Priority != want {
			t.Errorf("FindBudgetRule(%s) is from position %d, %v; want %d, the last of the batch", got.Code, got.Priority, err, want)
		}
	}
}

// ruleModel is what is stored, to which the rule of the port is applied rule
// by rule.
type ruleModel map[string]modelRule

type modelRule struct {
	budget.StoredRule
	batch    string
	position int
}

func (m ruleModel) upsert(batch ports.RuleBatch, rules []ports.PlacedRule) []domain.Outcome {
	order := make([]int, len(rules))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return rules[i].Position - rules[j].Position })
	outs := make([]domain.Outcome, len(rules))
	for _, i := range order {
		p := rules[i]
		former, there := m[p.Rule.Code]
		outs[i] = domain.Outcome{Fate: domain.Created}
		if there {
			outs[i].Fate = domain.Updated
			if former.batch == batch.ID && former.position > p.Position {
				continue
			}
		}
		m[p.Rule.Code] = modelRule{
			StoredRule: budget.StoredRule{Rule: p.Rule, Revision: former.Revision + 1, StoredAt: batch.At}, batch: batch.ID, position: p.Position,
		}
	}
	return outs
}

// rules returns the rules in order.
func (m ruleModel) rules() (rules []budget.StoredRule) {
	for _, r := range m {
		rules = append(rules, r.StoredRule)
	}
	slices.SortFunc(rules, func(a, b budget.StoredRule) int { return strings.Compare(a.Code, b.Code) })
	return rules
}

func testRandomRules(t *testing.T, s ruleSuite) { randomRules(t, s, shortened(300), 12, 10) }

func testRandomManyRules(t *testing.T, s ruleSuite) { randomRules(t, s, shortened(12), 2_500, 3_000) }

// shortened is a tenth of so many rounds, but at least one, under -short.
func shortened(rounds int) int {
	if testing.Short() {
		return max(1, rounds/10)
	}
	return rounds
}

// randomRules compares a store with the model in rounds of calls of up to so
// many rules of so many codes.
func randomRules(t *testing.T, s ruleSuite, rounds, most, codes int) {
	r := rand.New(rand.NewPCG(7, 8))
	model := ruleModel{}
	for round := range rounds {
		batch := ports.RuleBatch{ID: fmt.Sprint("b", round/4+r.IntN(2)), At: storeNow.Add(time.Duration(round) * time.Second)}
		positions := r.Perm(2 * most)
		rules := make([]ports.PlacedRule, r.IntN(most+1))
		for i := range rules {
			rules[i] = ports.PlacedRule{Position: positions[i], Rule: budget.Rule{
				Code: fmt.Sprintf("R%04d", r.IntN(codes)), Priority: r.IntN(budget.MaxPriority), BudgetCode: pick(r, []string{"B1", "B2"}),
				Condition:  conditionOf(pick(r, []string{"a", "header_a", "project_b"}), pick(r, []string{"x", "O'Neil", "費"})),
				BranchCode: pick(r, []string{"", "TW"}), BudgetEvent: pick(r, []string{"", "e"}), Deleted: r.IntN(4) == 0,
			}}
		}
		outs, err := s.UpsertBudgetRules(t.Context(), editTenant, batch, rules)
		wantSame(t, "UpsertBudgetRules", outs, model.upsert(batch, rules), err)
		if got, want := s.list(t, t.Context(), editTenant), model.rules(); !reflect.DeepEqual(got, want) {
			t.Fatalf("after UpsertBudgetRules of %d rules %d are stored that differ from the %d of the model", len(rules), len(got), len(want))
		}
	}
}
