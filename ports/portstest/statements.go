package portstest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// StatementStore is what [Statements] tests.
type StatementStore interface {
	editStore
	ports.Statements
}

// Statements runs the contract of [ports.Statements]. Each subtest calls open
// for an empty store, which cleans up through its t.
func Statements(t *testing.T, open func(*testing.T) StatementStore) {
	prepared := func(t *testing.T) StatementStore {
		s := open(t)
		prepareEdits(t, s)
		return s
	}
	edits[estate.StatementLine]{}.test(t, func(t *testing.T) edits[estate.StatementLine] {
		s := prepared(t)
		return edits[estate.StatementLine]{
			editStore: s, call: "UpsertStatementLines", do: s.UpsertStatementLines, first: domain.Created,
			edit: func(id int64) estate.StatementLine {
				return estate.StatementLine{EstateID: id, Month: "202611", Item: "管理費", Amount: estate.Money(id), Note: "n"}
			},
		}
	})
	for name, test := range map[string]func(*testing.T, StatementStore){
		"a line takes the place of the item's":         testLineReplaced,
		"text comes back as it was, and tells apart":   testLineTexts,
		"the same item again finds what it left":       testLineTwice,
		"new lines among old ones, anywhere in a call": testLinesMixed,
		"lines as long as they may be":                 testLongLines,
		"lines come by month and item, page by page":   testListLines,
		"a snapshot does not see later lines":          testLineSnapshot,
		"random lines do what they do one by one":      testRandomLines,
		"random big calls do what they do one by one":  testRandomManyLines,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, prepared(t))
		})
	}
}

func upsertLines(t *testing.T, s StatementStore, lines []estate.StatementLine, want ...domain.Fate) {
	t.Helper()
	outs, err := s.UpsertStatementLines(t.Context(), editTenant, lines)
	wantFates(t, "UpsertStatementLines", outs, err, want...)
}

// linesOf returns all lines of an estate.
func linesOf(t *testing.T, s StatementStore, id int64) []estate.StatementLine {
	t.Helper()
	lines, err := s.ListStatementLines(t.Context(), editTenant, id, "", estate.StatementLine{}, 1_000_000)
	if err != nil {
		t.Fatalf("ListStatementLines(%d) = %v, want no error", id, err)
	}
	return lines
}

func wantLines(t *testing.T, s StatementStore, id int64, want ...estate.StatementLine) {
	t.Helper()
	if got := linesOf(t, s, id); !slices.Equal(got, want) {
		t.Errorf("ListStatementLines(%d) = %+v, want %+v", id, got, want)
	}
}

func testLineReplaced(t *testing.T, s StatementStore) {
	line := estate.StatementLine{EstateID: 1, Month: "202611", Item: "管理費", Amount: 120_050}
	negative, noted := line, line
	negative.Amount, noted.Note = -estate.MaxMoney, "說明"
	for _, c := range []struct {
		line estate.StatementLine
		want domain.Fate
	}{
		{line, domain.Created},
		{line, domain.Unchanged},
		{negative, domain.Updated},
		{negative, domain.Unchanged},
		{noted, domain.Updated},
		{line, domain.Updated}, // a note goes
		{estate.StatementLine{EstateID: 1, Month: "202611", Item: "管理費", Amount: estate.MaxMoney}, domain.Updated},
		{estate.StatementLine{EstateID: 1, Month: "202611", Item: "管理費"}, domain.Updated},
	} {
		upsertLines(t, s, []estate.StatementLine{c.line}, c.want)
		wantLines(t, s, 1, c.line)
	}
	wantLines(t, s, 2)
}

func testLineTexts(t *testing.T, s StatementStore) {
	items := []string{
		"管理費", "管理費 ", " 管理費", "管理費\n", "İ", "i", "I", "ı", "é", "e\u0301", "O'Neil \"x\" ?", "?0", "{p}", "😀", "%_\\", "ß", "ss", "Ａ", "A", "a", "\t-", "--", "0", "00",
	}
	var lines []estate.StatementLine
	for i, item := range items {
		lines = append(lines, estate.StatementLine{EstateID: 1, Month: "202611", Item: item, Amount: estate.Money(i), Note: item})
	}
	upsertLines(t, s, lines, slices.Repeat([]domain.Fate{domain.Created}, len(lines))...)
	sorted := slices.SortedFunc(slices.Values(lines), func(a, b estate.StatementLine) int { return strings.Compare(a.Item, b.Item) })
	wantLines(t, s, 1, sorted...)
	upsertLines(t, s, lines, slices.Repeat([]domain.Fate{domain.Unchanged}, len(lines))...)
	for i := range sorted {
		sorted[i].Note += " "
	}
	upsertLines(t, s, sorted, slices.Repeat([]domain.Fate{domain.Updated}, len(lines))...)
	wantLines(t, s, 1, sorted...)
}

func testLineTwice(t *testing.T, s StatementStore) {
	a := estate.StatementLine{EstateID: 1, Month: "202611", Item: "x", Amount: 1}
	b, next, lost := a, a, a
	b.Amount, next.Month, lost.EstateID = 2, "202612", missingID
	upsertLines(t, s, []estate.StatementLine{b, next, a, lost, a, b, a},
		domain.Created, domain.Created, domain.Updated, domain.Failed, domain.Unchanged, domain.Updated, domain.Updated)
	wantLines(t, s, 1, a, next)
	upsertLines(t, s, []estate.StatementLine{a, b, b, a}, domain.Unchanged, domain.Updated, domain.Unchanged, domain.Updated)
	wantLines(t, s, 1, a, next)
	upsertLines(t, s, []estate.StatementLine{a, b}, domain.Unchanged, domain.Updated)
	wantLines(t, s, 1, b, next)
}

func testLinesMixed(t *testing.T, s StatementStore) {
	lines := make([]estate.StatementLine, manyObjects)
	for i := range lines {
		lines[i] = estate.StatementLine{
			EstateID: int64(i%fewObjects + 1), Month: "202611", Item: fmt.Sprintf("item %d", i), Amount: estate.Money(i),
		}
	}
	byKey := slices.SortedFunc(slices.Values(lines), compareLines)
	last := len(lines) - 1
	for round, there := range [][]int{{0}, {last}, {last / 2}, {49, 50}, {499, 500, 549, 550}, {0, last / 2, last}} {
		month := estate.Month(strconv.Itoa(202001 + round))
		fates := slices.Repeat([]domain.Fate{domain.Created}, len(lines))
		for i := range byKey {
			byKey[i].Month = month
		}
		for k, i := range there {
			line := byKey[i]
			if fates[i] = domain.Unchanged; k%2 == 1 {
				line.Note, fates[i] = "before", domain.Updated
			}
			upsertLines(t, s, []estate.StatementLine{line}, domain.Created)
		}
		upsertLines(t, s, byKey, fates...)
		var stored []estate.StatementLine
		for id := int64(1); id <= fewObjects; id++ {
			page, err := s.ListStatementLines(t.Context(), editTenant, id, month, estate.StatementLine{}, len(lines))
			if err != nil {
				t.Fatalf("ListStatementLines(%d) = %v, want no error", id, err)
			}
			stored = append(stored, page...)
		}
		if !slices.Equal(stored, byKey) {
			t.Errorf("with lines %v there before, %d lines are stored that differ from the %d that were given", there, len(stored), len(byKey))
		}
	}
}

func testLongLines(t *testing.T, s StatementStore) {
	lines := make([]estate.StatementLine, 400)
	for i := range lines {
		lines[i] = estate.StatementLine{
			EstateID: 1, Month: "202611", Amount: 1,
			Item: fmt.Sprintf("%0*d", estate.MaxItem, i), Note: strings.Repeat("費", estate.MaxNote/3-1) + fmt.Sprintf("%03d", i),
		}
	}
	upsertLines(t, s, lines, slices.Repeat([]domain.Fate{domain.Created}, len(lines))...)
	upsertLines(t, s, lines, slices.Repeat([]domain.Fate{domain.Unchanged}, len(lines))...)
	if got := linesOf(t, s, 1); !slices.Equal(got, lines) {
		t.Errorf("ListStatementLines gives %d lines, want the %d that were stored", len(got), len(lines))
	}
}

func testListLines(t *testing.T, s StatementStore) {
	ctx := t.Context()
	var all []estate.StatementLine
	for _, month := range []estate.Month{"202609", "202611", "202612"} {
		for _, item := range []string{"A", "AB", "a", "é", "管理費", "😀"} {
			all = append(all, estate.StatementLine{EstateID: 1, Month: month, Item: item, Amount: 1})
		}
	}
	shuffled := append(slices.Clone(all), estate.StatementLine{EstateID: 2, Month: "202611", Item: "other"})
	slices.Reverse(shuffled)
	upsertLines(t, s, shuffled, slices.Repeat([]domain.Fate{domain.Created}, len(shuffled))...)
	for _, c := range []struct {
		month estate.Month
		after estate.StatementLine
		want  []estate.StatementLine
	}{
		{"", estate.StatementLine{}, all},
		{"202611", estate.StatementLine{}, all[6:12]},
		{"202610", estate.StatementLine{}, nil},
		{"", estate.StatementLine{Month: "202609", Item: "管理費", Amount: 99, Note: "does not count"}, all[5:]},
		{"", estate.StatementLine{Month: "202610"}, all[6:]},
		{"", estate.StatementLine{Month: "202611", Item: "😀"}, all[12:]},
		{"", estate.StatementLine{Month: "202612", Item: "😀"}, nil},
		{"202611", estate.StatementLine{Month: "202611", Item: "AA"}, all[7:12]},
		{"202611", estate.StatementLine{Month: "202609", Item: "😀"}, all[6:12]},
		{"202611", estate.StatementLine{Month: "202612", Item: "A"}, nil},
	} {
		for _, limit := range []int{0, 1, 4, len(all)} {
			got, err := s.ListStatementLines(ctx, editTenant, 1, c.month, c.after, limit)
			if want := c.want[:min(limit, len(c.want))]; err != nil || !slices.Equal(got, want) {
				t.Errorf("ListStatementLines(%q, after %+v, %d) = %+v, %v; want %+v", c.month, c.after, limit, got, err, want)
			}
		}
	}
	var paged []estate.StatementLine
	for after := (estate.StatementLine{}); ; after = paged[len(paged)-1] {
		page, err := s.ListStatementLines(ctx, editTenant, 1, "", after, 4)
		if err != nil {
			t.Fatalf("ListStatementLines = %v, want no error", err)
		}
		if len(page) == 0 {
			break
		}
		paged = append(paged, page...)
	}
	if !slices.Equal(paged, all) {
		t.Errorf("pages of 4 hold %+v, want %+v", paged, all)
	}
	for tenant, id := range map[domain.TenantID]int64{otherTenant: 1, editTenant: missingID} {
		if got, err := s.ListStatementLines(ctx, tenant, id, "", estate.StatementLine{}, 10); err != nil || len(got) != 0 {
			t.Errorf("ListStatementLines(%s, %d) = %+v, %v; want none", tenant, id, got, err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.ListStatementLines(ctx, editTenant, 1, "", estate.StatementLine{}, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("ListStatementLines with an ended context = %v, want context.Canceled", err)
	}
}

func testLineSnapshot(t *testing.T, s StatementStore) {
	err := s.Snapshot(t.Context(), func(ctx context.Context) error {
		upsertLines(t, s, []estate.StatementLine{{EstateID: 1, Month: "202611", Item: "x"}}, domain.Created)
		got, err := s.ListStatementLines(ctx, editTenant, 1, "", estate.StatementLine{}, 10)
		if len(got) != 0 {
			t.Errorf("ListStatementLines in a snapshot = %+v, want none as it was", got)
		}
		return err
	})
	if err != nil {
		t.Errorf("Snapshot = %v, want no error", err)
	}
}

// lineKey is what a line is known by.
type lineKey struct {
	id    int64
	month estate.Month
	item  string
}

// lineModel is what is stored, to which the rule is applied line by line.
type lineModel map[lineKey]*estate.StatementLine

func (m lineModel) upsert(lines []estate.StatementLine) []domain.Outcome {
	outs := make([]domain.Outcome, len(lines))
	for i, l := range lines {
		if l.EstateID == missingID {
			outs[i] = notFound(strconv.Itoa(missingID))
			continue
		}
		k := lineKey{l.EstateID, l.Month, l.Item}
		outs[i] = l.Replacing(m[k])
		m[k] = &l
	}
	return outs
}

// lines returns the lines of an estate in order.
func (m lineModel) lines(id int64) (lines []estate.StatementLine) {
	for k, l := range m {
		if k.id == id {
			lines = append(lines, *l)
		}
	}
	slices.SortFunc(lines, compareLines)
	return lines
}

func compareLines(a, b estate.StatementLine) int {
	return cmp.Or(cmp.Compare(a.EstateID, b.EstateID), cmp.Compare(a.Month, b.Month), cmp.Compare(a.Item, b.Item))
}

func testRandomLines(t *testing.T, s StatementStore) { randomLines(t, s, 200, 12, 4) }

func testRandomManyLines(t *testing.T, s StatementStore) { randomLines(t, s, 8, manyObjects, 400) }

// randomLines compares a store with the model in rounds of calls of up to so
// many lines of so many items.
func randomLines(t *testing.T, s StatementStore, rounds, most, items int) {
	r := rand.New(rand.NewPCG(5, 6))
	model := lineModel{}
	for range rounds {
		lines := make([]estate.StatementLine, r.IntN(most+1))
		for i := range lines {
			lines[i] = estate.StatementLine{
				EstateID: pick(r, []int64{1, 1, 2, 3, missingID}), Month: pick(r, []estate.Month{"202611", "202612"}),
				Item: "i" + strconv.Itoa(r.IntN(items)), Amount: estate.Money(r.IntN(2)), Note: pick(r, []string{"", "n"}),
			}
		}
		outs, err := s.UpsertStatementLines(t.Context(), editTenant, lines)
		wantSame(t, "UpsertStatementLines", outs, model.upsert(lines), err)
		for id := int64(1); id <= 3; id++ {
			if got, want := linesOf(t, s, id), model.lines(id); !slices.Equal(got, want) {
				t.Fatalf("after UpsertStatementLines of %d lines estate %d has %d lines that differ from the %d of the model", len(lines), id, len(got), len(want))
			}
		}
	}
}
