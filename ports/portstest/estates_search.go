package portstest

import (
	"context"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

func testFilterOptions(t *testing.T, s estateSuite) {
	s.prepare(t)
	s.load(t,
		estate.Estate{ID: 1, CommunityID: communityID, Name: "A", Country: 1, District: 11, Status: estate.Vacant, Rent: 100, AgentID: agentID, LandlordID: landlordID},
		estate.Estate{ID: 2, CommunityID: communityID + 1, Name: "B", Country: 1, District: 12, Status: estate.Rented, Rent: 200, Listed: true, AgentID: otherAgent, LandlordID: landlord2ID},
		estate.Estate{ID: 3, Name: "C", Country: 2, District: 11, Status: estate.Closed, Rent: 300},
		estate.Estate{ID: 4, Name: "D", Address: "b 3", Country: 3, District: 13, Status: estate.Maintenance, Rent: 400, AgentID: agentID, LandlordID: landlordID},
	)
	for _, c := range []struct {
		name   string
		filter estate.Filter
		want   []int64
	}{
		{"none", estate.Filter{}, []int64{1, 2, 3, 4}},
		{"keyword", estate.Filter{Keywords: []string{"b"}}, []int64{2, 4}},
		{"keywords", estate.Filter{Keywords: []string{"a", "C"}}, []int64{1, 3}},
		{"country", estate.Filter{Countries: []int64{1}}, []int64{1, 2}},
		{"countries", estate.Filter{Countries: []int64{3, 2, 9}}, []int64{3, 4}},
		{"district", estate.Filter{Districts: []int64{11}}, []int64{1, 3}},
		{"community", estate.Filter{CommunityIDs: []int64{communityID}}, []int64{1}},
		{"communities", estate.Filter{CommunityIDs: []int64{communityID + 1, communityID}}, []int64{1, 2}},
		{"status", estate.Filter{Statuses: []estate.Status{estate.Closed, estate.Vacant}}, []int64{1, 3}},
		{"listed", estate.Filter{Listed: []bool{true}}, []int64{2}},
		{"not listed", estate.Filter{Listed: []bool{false}}, []int64{1, 3, 4}},
		{"listed or not", estate.Filter{Listed: []bool{true, false}}, []int64{1, 2, 3, 4}},
		{"agent", estate.Filter{AgentIDs: []int64{agentID}}, []int64{1, 4}},
		{"agents", estate.Filter{AgentIDs: []int64{agentID, otherAgent}}, []int64{1, 2, 4}},
		{"landlord", estate.Filter{LandlordIDs: []int64{landlordID}}, []int64{1, 4}},
		{"landlords", estate.Filter{LandlordIDs: []int64{landlord2ID, 404}}, []int64{2}},
		{"rent from", estate.Filter{RentMin: new(int64(300))}, []int64{3, 4}},
		{"rent to", estate.Filter{RentMax: new(int64(200))}, []int64{1, 2}},
		{"rent between", estate.Filter{RentMin: new(int64(200)), RentMax: new(int64(300))}, []int64{2, 3}},
		{"all at once", estate.Filter{
			Keywords: []string{"d"}, Countries: []int64{3}, Districts: []int64{13}, Statuses: []estate.Status{estate.Maintenance},
			Listed: []bool{false}, AgentIDs: []int64{agentID}, LandlordIDs: []int64{landlordID}, RentMin: new(int64(400)), RentMax: new(int64(400)),
		}, []int64{4}},
		{"nothing", estate.Filter{Countries: []int64{1}, Districts: []int64{13}}, nil},
	} {
		if got := s.ids(t, c.filter); !slices.Equal(got, c.want) {
			t.Errorf("SelectEstates(%s) = %v, want %v", c.name, got, c.want)
		}
		var read []int64
		for _, e := range collect(t, "EachEstate", s.EachEstate(t.Context(), s.tenant, c.filter)) {
			read = append(read, e.ID)
		}
		if !slices.Equal(read, c.want) {
			t.Errorf("EachEstate(%s) = %v, want %v", c.name, read, c.want)
		}
	}
}

func testKeywords(t *testing.T, s estateSuite) {
	names := []string{"100% wood", "100 wood", "a_b", "aXb", `back\slash`, "Straße ÄÖ", "straße äö", "河岸 Ａ棟", "O'Neil \"x\" ?", "K", "\u212A", "İi"}
	for i, name := range names {
		s.load(t, estate.Estate{ID: int64(i + 1), Name: name, Address: "-", Status: estate.Vacant})
	}
	for _, keyword := range []string{
		"%", "_", `\`, "100%", "a_b", "AXB", "STRASSE", "STRAßE", "Ä", "ä", "Ａ", "ａ", "河", "'", `"`, "?", "?0", "k", "\u212A", "İ", "i", " ", "--", "*", "[a]",
	} {
		var want []int64
		for i, name := range names {
			if (estate.Filter{Keywords: []string{keyword}}).Matches(estate.Estate{Name: name, Address: "-"}) {
				want = append(want, int64(i+1))
			}
		}
		if got := s.ids(t, estate.Filter{Keywords: []string{keyword}}); !slices.Equal(got, want) {
			t.Errorf("SelectEstates(keyword %q) = %v, want %v", keyword, got, want)
		}
	}
	if got := s.ids(t, estate.Filter{Keywords: []string{"100%", "STRAßE Ä"}}); !slices.Equal(got, []int64{1, 6}) {
		t.Errorf(`SelectEstates(keywords "100%%", "STRAßE Ä") = %v, want [1 6]`, got)
	}
}

// testRandomFilters compares the store with [estate.Filter.Matches] on random
// estates and searches, which are the same in every run.
func testRandomFilters(t *testing.T, s estateSuite) {
	s.prepare(t)
	r := rand.New(rand.NewPCG(1, 2))
	estates := make([]estate.Estate, 400)
	for i := range estates {
		estates[i] = randomEstate(r, int64(i+1))
	}
	s.load(t, estates...)
	for range 300 {
		filter := randomFilter(r)
		if faults := filter.Faults(); faults != nil {
			t.Fatalf("Faults(%+v) = %v, want none", filter, faults)
		}
		var want []estate.Estate
		for _, e := range estates {
			if filter.Matches(e) {
				want = append(want, e)
			}
		}
		if got := collect(t, "EachEstate", s.EachEstate(t.Context(), s.tenant, filter)); !slices.Equal(got, want) {
			t.Fatalf("EachEstate(%+v) finds %d, want the %d that match", filter, len(got), len(want))
		}
		if got := s.ids(t, filter); len(got) != len(want) {
			t.Fatalf("SelectEstates(%+v) finds %d, want the %d that match", filter, len(got), len(want))
		}
	}
}

func randomEstate(r *rand.Rand, id int64) estate.Estate {
	return estate.Estate{
		ID: id, Name: randomText(r, 1), Address: randomText(r, 0), Country: r.Int64N(3), District: r.Int64N(3),
		Status: pick(r, estate.Statuses()), Rent: r.Int64N(6), Area: estate.Area(r.IntN(10_000)), Listed: r.IntN(2) == 0,
		CommunityID: pick(r, []int64{0, communityID, communityID + 1}), AgentID: pick(r, []int64{0, agentID, otherAgent}),
		LandlordID: pick(r, []int64{0, landlordID, landlord2ID}),
	}
}

func randomFilter(r *rand.Rand) (f estate.Filter) {
	some := func(fill func()) {
		for r.IntN(4) == 0 {
			fill()
		}
	}
	some(func() { f.Keywords = append(f.Keywords, randomText(r, 1)[:1]) })
	some(func() { f.Countries = append(f.Countries, r.Int64N(4)) })
	some(func() { f.Districts = append(f.Districts, r.Int64N(4)) })
	some(func() { f.CommunityIDs = append(f.CommunityIDs, communityID+r.Int64N(3)) })
	some(func() { f.Statuses = append(f.Statuses, pick(r, estate.Statuses())) })
	some(func() { f.Listed = append(f.Listed, r.IntN(2) == 0) })
	some(func() { f.AgentIDs = append(f.AgentIDs, agentID+r.Int64N(3)) })
	some(func() { f.LandlordIDs = append(f.LandlordIDs, landlordID+r.Int64N(3)) })
	some(func() { f.RentMin = new(r.Int64N(3)) })
	some(func() { f.RentMax = new(3 + r.Int64N(3)) })
	return f
}

// randomText returns at least least characters that are apt to be confused,
// the first of them ASCII.
func randomText(r *rand.Rand, least int) string {
	text := make([]rune, least+r.IntN(4))
	for i := range text {
		text[i] = pick(r, []rune(`aAbB%_\'ÄäＡ河`))
	}
	if len(text) > 0 {
		text[0] = pick(r, []rune(`aAbB%_\'`))
	}
	return string(text)
}

func pick[V any](r *rand.Rand, values []V) V { return values[r.IntN(len(values))] }

// readsOfEstates tests what estates have in common with other objects.
func readsOfEstates(t *testing.T, open func(*testing.T) EstateStore) {
	reads[estate.Estate]{}.test(t, func(t *testing.T) reads[estate.Estate] {
		s := open(t)
		prepareReads(t, s, 0)
		return reads[estate.Estate]{
			readStore: s, name: "estates", of: s.EachEstateOf, upsert: s.UpsertEstates,
			all: func(ctx context.Context, tenant domain.TenantID) iter.Seq2[estate.Estate, error] {
				return s.EachEstate(ctx, tenant, estate.Filter{})
			},
			selected: func(ctx context.Context, tenant domain.TenantID) iter.Seq2[int64, error] {
				return s.SelectEstates(ctx, tenant, estate.Filter{})
			},
			object: func(id int64, version int) estate.Estate {
				e := plainEstate(id)
				e.Rent, e.AgentID, e.LandlordID = int64(version), agentID, []int64{landlordID, landlord2ID}[version%2]
				return e
			},
			id: func(e estate.Estate) int64 { return e.ID },
		}
	})
}
