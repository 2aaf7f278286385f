package portstest

import (
	"context"
	"iter"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// CommunityStore is what [Communities] tests.
type CommunityStore interface {
	readStore
	ports.CommunityReader
}

// Communities runs the contract of [ports.CommunityReader]. Each subtest calls
// open for an empty store, which cleans up through its t.
func Communities(t *testing.T, open func(*testing.T) CommunityStore) {
	reads[estate.Community]{}.test(t, func(t *testing.T) reads[estate.Community] {
		s := open(t)
		return reads[estate.Community]{
			readStore: s, name: "communities", of: s.EachCommunityOf, upsert: s.UpsertCommunities,
			all: func(ctx context.Context, tenant domain.TenantID) iter.Seq2[estate.Community, error] {
				return s.EachCommunity(ctx, tenant, estate.CommunityFilter{})
			},
			object: func(id int64, version int) estate.Community {
				return estate.Community{ID: id, Name: "河岸社區", Country: 1, District: 2, Address: "中山路", Households: int64(version)}
			},
			id: func(c estate.Community) int64 { return c.ID },
		}
	})
	for name, test := range map[string]func(*testing.T, CommunityStore){
		"a community comes back as it was stored":   testCommunityRoundTrip,
		"every search option narrows":               testCommunityOptions,
		"a keyword is text, not a pattern":          testCommunityKeywords,
		"random searches find what the filter says": testRandomCommunities,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func loadCommunities(t *testing.T, s CommunityStore, communities ...estate.Community) {
	t.Helper()
	if err := loaded(s.UpsertCommunities(t.Context(), editTenant, communities)); err != nil {
		t.Fatalf("UpsertCommunities: %v", err)
	}
}

func testCommunityRoundTrip(t *testing.T, s CommunityStore) {
	want := []estate.Community{
		{ID: 1, Name: "n"},
		{
			ID: estate.MaxID, Name: "河岸 'A' \\ 😀 %_ \"?\"", Country: estate.MaxNumber, District: estate.MaxNumber - 1,
			Address: " 臺北市\n中山路 1 號\t", Households: estate.MaxNumber,
		},
	}
	loadCommunities(t, s, want...)
	wantObjects(t, "EachCommunity", collect(t, "EachCommunity", s.EachCommunity(t.Context(), editTenant, estate.CommunityFilter{})), want)
	wantObjects(t, "EachCommunityOf", collect(t, "EachCommunityOf", s.EachCommunityOf(t.Context(), editTenant, []int64{estate.MaxID, 1})), want)
}

func testCommunityOptions(t *testing.T, s CommunityStore) {
	loadCommunities(t, s,
		estate.Community{ID: 1, Name: "A", Country: 1, District: 11},
		estate.Community{ID: 2, Name: "B", Country: 1, District: 12, Address: "by the river"},
		estate.Community{ID: 3, Name: "C", Country: 2, District: 11, Address: "a 3"},
		estate.Community{ID: 4, Name: "D", Country: 0, District: 0},
	)
	place := func(countries, districts []int64) estate.Place {
		return estate.Place{Countries: countries, Districts: districts}
	}
	for _, c := range []search[estate.CommunityFilter]{
		{"none", estate.CommunityFilter{}, []int64{1, 2, 3, 4}},
		{"keyword in name or address", estate.CommunityFilter{Keywords: []string{"a"}}, []int64{1, 3}},
		{"keywords", estate.CommunityFilter{Keywords: []string{"RIVER", "d"}}, []int64{2, 4}},
		{"a keyword over the end of the name", estate.CommunityFilter{Keywords: []string{"Bby", "ca"}}, nil},
		{"country", estate.CommunityFilter{Place: place([]int64{1}, nil)}, []int64{1, 2}},
		{"countries", estate.CommunityFilter{Place: place([]int64{9, 2, 0, 2}, nil)}, []int64{3, 4}},
		{"district", estate.CommunityFilter{Place: place(nil, []int64{11})}, []int64{1, 3}},
		{"country and district", estate.CommunityFilter{Place: place([]int64{1}, []int64{11})}, []int64{1}},
		{"all at once", estate.CommunityFilter{Keywords: []string{"A 3"}, Place: place([]int64{2, 1}, []int64{11})}, []int64{3}},
		{"nothing", estate.CommunityFilter{Keywords: []string{"a"}, Place: place([]int64{1}, []int64{12})}, nil},
	} {
		var got []int64
		for _, community := range collect(t, "EachCommunity", s.EachCommunity(t.Context(), editTenant, c.filter)) {
			got = append(got, community.ID)
		}
		wantObjects(t, "EachCommunity("+c.name+")", got, c.want)
	}
}

func testCommunityKeywords(t *testing.T, s CommunityStore) {
	for i, text := range hostileTexts {
		c := estate.Community{ID: int64(i + 1), Name: text, Address: "-"}
		if i%2 == 0 {
			c.Name, c.Address = "-", text
		}
		loadCommunities(t, s, c)
	}
	wantKeywords(t, func(keywords []string) (ids []int64) {
		for _, c := range collect(t, "EachCommunity", s.EachCommunity(t.Context(), editTenant, estate.CommunityFilter{Keywords: keywords})) {
			ids = append(ids, c.ID)
		}
		return ids
	}, func(keywords []string, text string) bool {
		return estate.CommunityFilter{Keywords: keywords}.Matches(estate.Community{Name: text, Address: "-"})
	})
}

func testRandomCommunities(t *testing.T, s CommunityStore) {
	randomly(t, func(t *draws, tenant domain.TenantID) {
		communities := make([]estate.Community, wholes(1, 12)(t))
		for i := range communities {
			communities[i] = estate.Community{
				ID: int64(i + 1), Name: someKeyword(t), Address: someText(t),
				Country: someNumber(t), District: someNumber(t),
			}
		}
		if err := loaded(s.UpsertCommunities(context.Background(), tenant, communities)); err != nil {
			t.Fatalf("UpsertCommunities: %v", err)
		}
		for range 5 {
			filter := estate.CommunityFilter{Keywords: few(t, someKeyword), Place: somePlace(t)}
			if faults := filter.Faults(); faults != nil {
				t.Fatalf("Faults = %v, want none", faults)
			}
			var want []estate.Community
			for _, c := range communities {
				if filter.Matches(c) {
					want = append(want, c)
				}
			}
			wantObjects(t, "EachCommunity", found(t, s.EachCommunity(context.Background(), tenant, filter)), want)
		}
	})
}
