package portstest

import (
	"context"
	"iter"
	"strings"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// RepairStore is what [Repairs] tests.
type RepairStore interface {
	readStore
	ports.RepairReader
}

// Repairs runs the contract of [ports.RepairReader]. Each subtest calls open
// for an empty store, which cleans up through its t.
func Repairs(t *testing.T, open func(*testing.T) RepairStore) {
	prepared := func(t *testing.T) RepairStore {
		s := open(t)
		prepareReads(t, s, readEstates)
		return s
	}
	reads[estate.Repair]{}.test(t, func(t *testing.T) reads[estate.Repair] {
		s := prepared(t)
		return reads[estate.Repair]{
			readStore: s, name: "repairs", of: s.EachRepairOf, upsert: s.UpsertRepairs,
			all: func(ctx context.Context, tenant domain.TenantID) iter.Seq2[estate.Repair, error] {
				return s.EachRepair(ctx, tenant, estate.RepairFilter{})
			},
			object: func(id int64, version int) estate.Repair {
				r := plainRepair(id)
				r.Cost = int64(version)
				return r
			},
			id: func(r estate.Repair) int64 { return r.ID },
		}
	})
	for name, test := range map[string]func(*testing.T, RepairStore){
		"a repair comes back as it was stored":      testRepairRoundTrip,
		"every search option narrows":               testRepairOptions,
		"days are bounds that are not met":          testRepairDays,
		"a repair is where its estate is":           testRepairPlace,
		"a keyword is text, not a pattern":          testRepairKeywords,
		"a category is met exactly":                 testRepairCategories,
		"random searches find what the filter says": testRandomRepairs,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, prepared(t))
		})
	}
}

func plainRepair(id int64) estate.Repair {
	return estate.Repair{ID: id, EstateID: 1 + id%readEstates, Category: "水電", ReportedOn: "2026-02-28", State: estate.RepairOpen}
}

func loadRepairs(t *testing.T, s RepairStore, repairs ...estate.Repair) {
	t.Helper()
	if err := loaded(s.UpsertRepairs(t.Context(), editTenant, repairs)); err != nil {
		t.Fatalf("UpsertRepairs: %v", err)
	}
}

func repairIDs(t *testing.T, s RepairStore, ctx context.Context, filter estate.RepairFilter) (ids []int64) {
	t.Helper()
	for _, r := range collect(t, "EachRepair", s.EachRepair(ctx, editTenant, filter)) {
		ids = append(ids, r.ID)
	}
	return ids
}

func testRepairRoundTrip(t *testing.T, s RepairStore) {
	want := []estate.Repair{
		{ID: 1, EstateID: 7, Category: "c", ReportedOn: "1900-01-01", State: estate.RepairOpen},
		{ID: 2, EstateID: 6, Category: "c", Description: strings.Repeat("修", estate.MaxDescription/3), ReportedOn: "2026-02-28", State: estate.RepairDoing},
		{
			ID: estate.MaxID, EstateID: 1, Category: " 水電 'x' \\ %_", Description: "漏水\n😀 \"?0\"\t", ReportedOn: "9999-12-31",
			State: estate.RepairDone, Cost: estate.MaxAmount,
		},
	}
	loadRepairs(t, s, want...)
	wantObjects(t, "EachRepair", collect(t, "EachRepair", s.EachRepair(t.Context(), editTenant, estate.RepairFilter{})), want)
	wantObjects(t, "EachRepairOf", collect(t, "EachRepairOf", s.EachRepairOf(t.Context(), editTenant, []int64{estate.MaxID, 2, 1})), want)
	// The end of a long description is found too.
	loadRepairs(t, s, estate.Repair{ID: 3, EstateID: 1, Category: "c", Description: strings.Repeat("x", 29_000) + "End", ReportedOn: "2026-01-01", State: estate.RepairOpen})
	wantObjects(t, "EachRepair(keyword)", repairIDs(t, s, t.Context(), estate.RepairFilter{Keywords: []string{"xeND"}}), []int64{3})
}

func testRepairOptions(t *testing.T, s RepairStore) {
	loadRepairs(t, s,
		estate.Repair{ID: 1, EstateID: 1, Category: "water", Description: "Tap drips", ReportedOn: "2026-01-01", State: estate.RepairOpen},
		estate.Repair{ID: 2, EstateID: 1, Category: "power", Description: "", ReportedOn: "2026-02-01", State: estate.RepairDoing},
		estate.Repair{ID: 3, EstateID: 2, Category: "water", Description: "No water in the flat", ReportedOn: "2026-03-01", State: estate.RepairDone},
		estate.Repair{ID: 4, EstateID: 3, Category: "door", Description: "drip", ReportedOn: "2026-04-01", State: estate.RepairOpen},
	)
	for _, c := range []search[estate.RepairFilter]{
		{"none", estate.RepairFilter{}, []int64{1, 2, 3, 4}},
		{"keyword", estate.RepairFilter{Keywords: []string{"DRIP"}}, []int64{1, 4}},
		{"a keyword in category and estate", estate.RepairFilter{Keywords: []string{"water", "flat"}}, []int64{3}},
		{"estate", estate.RepairFilter{EstateIDs: []int64{1}}, []int64{1, 2}},
		{"estates", estate.RepairFilter{EstateIDs: []int64{3, 404, 2, 3}}, []int64{3, 4}},
		{"state", estate.RepairFilter{States: []estate.RepairState{estate.RepairOpen}}, []int64{1, 4}},
		{"states", estate.RepairFilter{States: []estate.RepairState{estate.RepairDone, estate.RepairDoing}}, []int64{2, 3}},
		{"category", estate.RepairFilter{Categories: []string{"water"}}, []int64{1, 3}},
		{"categories", estate.RepairFilter{Categories: []string{"door", "x", "power"}}, []int64{2, 4}},
		{"all at once", estate.RepairFilter{
			Keywords: []string{"x", "tap"}, Place: estate.Place{Countries: []int64{0}, Districts: []int64{1, 0}}, EstateIDs: []int64{1, 2},
			States: []estate.RepairState{estate.RepairOpen}, Categories: []string{"door", "water"}, ReportedAfter: "2025-12-31", ReportedBefore: "2026-01-02",
		}, []int64{1}},
		{"nothing", estate.RepairFilter{EstateIDs: []int64{1}, Categories: []string{"door"}}, nil},
	} {
		wantObjects(t, "EachRepair("+c.name+")", repairIDs(t, s, t.Context(), c.filter), c.want)
	}
}

func testRepairDays(t *testing.T, s RepairStore) {
	for i, day := range []estate.Date{"1900-01-01", "2026-02-27", "2026-02-28", "2026-03-01", "9999-12-31"} {
		r := plainRepair(int64(i + 1))
		r.ReportedOn = day
		loadRepairs(t, s, r)
	}
	for _, c := range []search[estate.RepairFilter]{
		{"after", estate.RepairFilter{ReportedAfter: "2026-02-28"}, []int64{4, 5}},
		{"after the day before", estate.RepairFilter{ReportedAfter: "2026-02-27"}, []int64{3, 4, 5}},
		{"after the last day", estate.RepairFilter{ReportedAfter: "9999-12-31"}, nil},
		{"before", estate.RepairFilter{ReportedBefore: "2026-02-28"}, []int64{1, 2}},
		{"before the day after", estate.RepairFilter{ReportedBefore: "2026-03-01"}, []int64{1, 2, 3}},
		{"before the first day", estate.RepairFilter{ReportedBefore: "1900-01-01"}, nil},
		{"between", estate.RepairFilter{ReportedAfter: "2026-02-27", ReportedBefore: "2026-03-01"}, []int64{3}},
		{"between neighbours", estate.RepairFilter{ReportedAfter: "2026-02-27", ReportedBefore: "2026-02-28"}, nil},
	} {
		wantObjects(t, "EachRepair("+c.name+")", repairIDs(t, s, t.Context(), c.filter), c.want)
	}
}

func testRepairPlace(t *testing.T, s RepairStore) {
	wantPlaces(t, s, func(ctx context.Context, what string, place estate.Place, want []int64) {
		t.Helper()
		wantObjects(t, "EachRepair("+what+")", repairIDs(t, s, ctx, estate.RepairFilter{Place: place}), want)
	}, func(tenant domain.TenantID, id, estateID int64) error {
		r := plainRepair(id)
		r.EstateID = estateID
		return loaded(s.UpsertRepairs(t.Context(), tenant, []estate.Repair{r}))
	})
}

func testRepairKeywords(t *testing.T, s RepairStore) {
	for i, text := range hostileTexts {
		r := plainRepair(int64(i + 1))
		r.Description = text
		loadRepairs(t, s, r)
	}
	wantKeywords(t, func(keywords []string) []int64 {
		return repairIDs(t, s, t.Context(), estate.RepairFilter{Keywords: keywords})
	}, func(keywords []string, text string) bool {
		return estate.RepairFilter{Keywords: keywords}.Matches(estate.Repair{Description: text, Category: "%_\\"}, estate.Estate{})
	})
}

func testRepairCategories(t *testing.T, s RepairStore) {
	for i, text := range hostileTexts {
		r := plainRepair(int64(i + 1))
		r.Category = text
		loadRepairs(t, s, r)
	}
	for i, text := range hostileTexts {
		wantObjects(t, "EachRepair(category "+text+")", repairIDs(t, s, t.Context(), estate.RepairFilter{Categories: []string{text}}), []int64{int64(i + 1)})
	}
	for _, near := range []string{"100% WOOD", "100% wood ", " 100% wood", "100%", "_", "%", ""} {
		wantObjects(t, "EachRepair(category "+near+")", repairIDs(t, s, t.Context(), estate.RepairFilter{Categories: []string{near}}), nil)
	}
}

func testRandomRepairs(t *testing.T, s RepairStore) {
	estateID := numbersFrom(1, readEstates)
	state := oneOf(estate.RepairStates())
	category := oneOf([]string{"k", "K", "\u212A", "水電", "%", "'", "k "})
	randomly(t, func(t *draws, tenant domain.TenantID) {
		ctx, estates := context.Background(), drawEstates(t)
		repairs := make([]estate.Repair, wholes(1, 12)(t))
		for i := range repairs {
			repairs[i] = estate.Repair{
				ID: int64(i + 1), EstateID: estateID(t), Category: category(t), Description: someText(t),
				ReportedOn: someDate(t), State: state(t),
			}
		}
		if err := s.InTx(ctx, func(ctx context.Context) error {
			if err := loadNamed(ctx, s, tenant, estates); err != nil {
				return err
			}
			return loaded(s.UpsertRepairs(ctx, tenant, repairs))
		}); err != nil {
			t.Fatalf("InTx(load) = %v, want no error", err)
		}
		for range 5 {
			filter := estate.RepairFilter{
				Keywords: few(t, someKeyword), Place: somePlace(t), EstateIDs: few(t, estateID),
				States: few(t, state), Categories: few(t, category),
			}
			filter.ReportedAfter, filter.ReportedBefore = drawSpan(t)
			if faults := filter.Faults(); faults != nil {
				t.Fatalf("Faults = %v, want none", faults)
			}
			var want []estate.Repair
			for _, r := range repairs {
				if filter.Matches(r, estates[r.EstateID-1]) {
					want = append(want, r)
				}
			}
			wantObjects(t, "EachRepair", found(t, s.EachRepair(ctx, tenant, filter)), want)
		}
	})
}
