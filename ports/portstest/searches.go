package portstest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// search is one search of a port, and what it should find.
type search[F any] struct {
	name   string
	filter F
	want   []int64
}

// wantPlaces wants objects to be found where their estates are, also after
// these have moved. add stores the object of the estate.
func wantPlaces(
	t *testing.T, s readStore,
	want func(ctx context.Context, what string, place estate.Place, ids []int64),
	add func(tenant domain.TenantID, id, estateID int64) error,
) {
	t.Helper()
	ctx := t.Context()
	move := func(ctx context.Context, tenant domain.TenantID, id, country, district int64) error {
		e := plainEstate(id)
		e.Country, e.District = country, district
		return loaded(s.UpsertEstates(ctx, tenant, []estate.Estate{e}))
	}
	// The other tenant's estates and objects of the same numbers are elsewhere.
	err := errors.Join(
		move(ctx, editTenant, 1, 1, 11), move(ctx, editTenant, 2, 1, 12), move(ctx, editTenant, 3, 2, 11),
		move(ctx, otherTenant, 1, 3, 13), move(ctx, otherTenant, 2, 3, 13), move(ctx, otherTenant, 3, 1, 11),
		add(editTenant, 1, 3), add(editTenant, 2, 1), add(editTenant, 3, 2), add(editTenant, 4, 1),
		add(otherTenant, 1, 1), add(otherTenant, 5, 3),
	)
	if err != nil {
		t.Fatal(err)
	}
	place := func(countries, districts []int64) estate.Place {
		return estate.Place{Countries: countries, Districts: districts}
	}
	want(ctx, "country", place([]int64{1}, nil), []int64{2, 3, 4})
	want(ctx, "countries", place([]int64{9, 2, 2}, nil), []int64{1})
	want(ctx, "district", place(nil, []int64{11}), []int64{1, 2, 4})
	want(ctx, "districts", place(nil, []int64{12, 11}), []int64{1, 2, 3, 4})
	want(ctx, "country and district", place([]int64{1}, []int64{11}), []int64{2, 4})
	want(ctx, "another tenant's place", place([]int64{3}, nil), nil)
	err = s.Snapshot(ctx, func(inside context.Context) error {
		if err := move(ctx, editTenant, 1, 2, 12); err != nil {
			return err
		}
		want(inside, "the country as it was", place([]int64{1}, nil), []int64{2, 3, 4})
		want(inside, "the country as it will be", place([]int64{2}, nil), []int64{1})
		return nil
	})
	if err != nil {
		t.Errorf("Snapshot = %v, want no error", err)
	}
	want(ctx, "the country that was left", place([]int64{1}, nil), []int64{3})
	want(ctx, "the country moved to", place([]int64{2}, nil), []int64{1, 2, 4})
	err = s.InTx(ctx, func(ctx context.Context) error {
		if err := move(ctx, editTenant, 1, 5, 5); err != nil {
			return err
		}
		want(ctx, "moved by the transaction", place([]int64{5}, []int64{5}), []int64{2, 4})
		return errStoreSuite
	})
	if !errors.Is(err, errStoreSuite) {
		t.Errorf("InTx = %v, want its function's error", err)
	}
	want(ctx, "nowhere", place([]int64{5}, nil), nil)
}

// hostileTexts are apt to be confused with each other, or with a pattern or
// the end of a text, in some database.
var hostileTexts = []string{
	"100% wood", "100 wood", "a_b", "aXb", `back\slash`, `%\_`, "Straße ÄÖ", "straße äö", "河岸 Ａ棟", `O'Neil "x" ?`, `O"Neil 'x' ?0`,
	"K", "k", "\u212A", "İi", "I", "i", "ı", "😀🏠", "👨\u200d👩", "a\nb", "{p}estates", "[a]*", "'; --", "é", "e\u0301", "ſs",
}

// hostileKeywords are looked for in them.
var hostileKeywords = []string{
	"%", "_", `\`, `\_`, `\%`, "%%", "100%", "a_b", "AXB", "STRASSE", "STRAßE", "Ä", "ä", "Ａ", "ａ", "河", "'", `"`, "''", "?", "?0", "K", "k",
	"\u212A", "İ", "i", "I", "ı", "İI", "ss", "ſ", "😀", "🏠", "👩", "\u200d", " ", "\n", "--", "*", "[a]", "{p}", "é", "e", "\u0301", "tenant-a",
}

// wantKeywords wants find, which looks for keywords in the objects 1, 2, … of
// [hostileTexts], to find those that match.
func wantKeywords(t *testing.T, find func(keywords []string) []int64, matches func(keywords []string, text string) bool) {
	t.Helper()
	lists := [][]string{{"100%", "STRAßE Ä"}, {"nowhere", "河", "nowhere"}}
	for _, keyword := range hostileKeywords {
		lists = append(lists, []string{keyword})
	}
	found := 0
	for _, keywords := range lists {
		var want []int64
		for i, text := range hostileTexts {
			if matches(keywords, text) {
				want = append(want, int64(i+1))
			}
		}
		found += len(want)
		wantObjects(t, fmt.Sprintf("found by the keywords %q", keywords), find(keywords), want)
	}
	if found < len(hostileKeywords) {
		t.Errorf("%d keywords find %d texts in all, want most to find some", len(hostileKeywords), found)
	}
}

// The generators of what random objects and searches are made of: few values,
// so that searches find something.
var (
	someText    = texts(0, 4)
	someKeyword = texts(1, 2)
	someNumber  = numbersFrom(0, 3)
	someDate    = oneOf([]estate.Date{"1900-01-01", "2026-02-28", "2026-03-01", "2026-03-02", "2026-12-31", "9999-12-31"})
	somePlace   = generator[estate.Place](func(t *draws) estate.Place {
		return estate.Place{Countries: few(t, someNumber), Districts: few(t, someNumber)}
	})
)

// draws are the random choices of one case of a test.
type draws struct {
	testing.TB
	random *rand.Rand
}

// generator makes random values.
type generator[V any] func(t *draws) V

// wholes makes numbers from least to most.
func wholes(least, most int) generator[int] {
	return func(t *draws) int { return least + t.random.IntN(most-least+1) }
}

func numbersFrom(least, most int64) generator[int64] {
	return func(t *draws) int64 { return least + t.random.Int64N(most-least+1) }
}

func oneOf[V any](values []V) generator[V] {
	return func(t *draws) V { return values[t.random.IntN(len(values))] }
}

// texts makes texts of characters on whose case, width and meaning in a
// pattern stores may disagree.
func texts(shortest, longest int) generator[string] {
	characters := []rune(`aAkKiIsS%_\'"? {}-` + "\u212AİıſÄäＡ河😀\n")
	return func(t *draws) string {
		text := make([]rune, wholes(shortest, longest)(t))
		for i := range text {
			text[i] = oneOf(characters)(t)
		}
		return string(text)
	}
}

// few draws a list of a search: mostly none, and else one or some, perhaps the
// same one twice.
func few[V any](t *draws, of generator[V]) (list []V) {
	if t.random.IntN(3) > 0 {
		return nil
	}
	for range 1 + t.random.IntN(3) {
		list = append(list, of(t))
	}
	return list
}

// drawSpan draws the days of a search, of which there is one in between.
func drawSpan(t *draws) (after, before estate.Date) {
	if t.random.IntN(2) == 0 {
		after = someDate(t)
	}
	if t.random.IntN(2) == 0 {
		before = someDate(t)
	}
	if after != "" && before != "" && after >= before {
		return "", before
	}
	return after, before
}

// drawEstates draws the estates 1, …, [readEstates].
func drawEstates(t *draws) []estate.Estate {
	estates := plainEstates(readEstates)
	for i := range estates {
		estates[i].Country, estates[i].District = someNumber(t), someNumber(t)
	}
	return estates
}

// randomly runs check with a tenant of its own for each random case: a store
// that tells tenants apart is as good as a new one.
func randomly(t *testing.T, check func(t *draws, tenant domain.TenantID)) {
	for i := range uint64(100) {
		check(&draws{TB: t, random: rand.New(rand.NewPCG(i, 0))}, domain.TenantID(fmt.Sprintf("case-%d", i)))
	}
}

// found returns what a search finds, which must not fail.
func found[V any](t *draws, seq iter.Seq2[V, error]) (all []V) {
	for v, err := range seq {
		if err != nil {
			t.Fatalf("the search fails: %v", err)
		}
		all = append(all, v)
	}
	return all
}
