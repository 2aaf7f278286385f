package portstest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// ContractStore is what [Contracts] tests.
type ContractStore interface {
	readStore
	ports.ContractSelector
	ports.ContractReader
}

// Contracts runs the contracts of [ports.ContractSelector] and
// [ports.ContractReader]. Each subtest calls open for an empty store, which
// cleans up through its t.
func Contracts(t *testing.T, open func(*testing.T) ContractStore) {
	prepared := func(t *testing.T) ContractStore {
		s := open(t)
		prepareReads(t, s, readEstates)
		return s
	}
	reads[estate.Contract]{}.test(t, func(t *testing.T) reads[estate.Contract] {
		s := prepared(t)
		return reads[estate.Contract]{
			readStore: s, name: "contracts", of: s.EachContractOf, upsert: s.UpsertContracts,
			all: func(ctx context.Context, tenant domain.TenantID) iter.Seq2[estate.Contract, error] {
				return s.EachContract(ctx, tenant, estate.ContractFilter{})
			},
			selected: func(ctx context.Context, tenant domain.TenantID) iter.Seq2[int64, error] {
				return s.SelectContracts(ctx, tenant, estate.ContractFilter{})
			},
			object: func(id int64, version int) estate.Contract {
				c := plainContract(id)
				c.Rent = int64(version)
				return c
			},
			id: func(c estate.Contract) int64 { return c.ID },
		}
	})
	for name, test := range map[string]func(*testing.T, ContractStore){
		"a contract comes back as it was stored":        testContractRoundTrip,
		"more contracts are selected than a page holds": testSelectManyContracts,
		"every search option narrows":                   testContractOptions,
		"days are bounds that are not met":              testContractDays,
		"a contract is where its estate is":             testContractPlace,
		"a keyword is text, not a pattern":              testContractKeywords,
		"random searches find what the filter says":     testRandomContracts,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, prepared(t))
		})
	}
}

func plainContract(id int64) estate.Contract {
	return estate.Contract{
		ID: id, EstateID: 1 + id%readEstates, TenantName: "李", AgentID: agentID, StartsOn: "2026-01-01", EndsOn: "2026-12-31", State: estate.ContractActive,
	}
}

func loadContracts(t *testing.T, s ContractStore, contracts ...estate.Contract) {
	t.Helper()
	if err := loaded(s.UpsertContracts(t.Context(), editTenant, contracts)); err != nil {
		t.Fatalf("UpsertContracts: %v", err)
	}
}

// wantContracts wants the search to find these, by every method.
func wantContracts(t *testing.T, s ContractStore, ctx context.Context, what string, filter estate.ContractFilter, want []int64) {
	t.Helper()
	var read []int64
	for _, c := range collect(t, "EachContract", s.EachContract(ctx, editTenant, filter)) {
		read = append(read, c.ID)
	}
	wantObjects(t, "EachContract("+what+")", read, want)
	wantObjects(t, "SelectContracts("+what+")", collect(t, "SelectContracts", s.SelectContracts(ctx, editTenant, filter)), want)
}

func testContractRoundTrip(t *testing.T, s ContractStore) {
	want := []estate.Contract{
		{ID: 1, EstateID: 7, TenantName: "n", AgentID: otherAgent, StartsOn: "1900-01-01", EndsOn: "1900-01-02", State: estate.ContractDraft},
		{ID: 2, EstateID: 6, TenantName: "n", AgentID: agentID, StartsOn: "2026-02-28", EndsOn: "2026-02-28", Rent: 1, State: estate.ContractEnded},
		{ID: 3, EstateID: 6, TenantName: "n", AgentID: agentID, StartsOn: "2026-02-28", EndsOn: "2026-03-01", Deposit: 1, State: estate.ContractActive},
		{
			ID: estate.MaxID, EstateID: 2, TenantName: " 李 O'Neil \\ 😀 %_ \"?0\"\n", AgentID: agentID, StartsOn: "9999-12-30", EndsOn: "9999-12-31",
			Rent: estate.MaxAmount - 1, Deposit: estate.MaxAmount, State: estate.ContractCancelled,
		},
	}
	loadContracts(t, s, want...)
	wantObjects(t, "EachContract", collect(t, "EachContract", s.EachContract(t.Context(), editTenant, estate.ContractFilter{})), want)
	wantObjects(t, "EachContractOf", collect(t, "EachContractOf", s.EachContractOf(t.Context(), editTenant, []int64{estate.MaxID, 3, 2, 1})), want)
}

func testSelectManyContracts(t *testing.T, s ContractStore) {
	want := make([]int64, 0, 20_003)
	for _, n := range []int64{20_000, 20_003} { // a round number may end exactly with a page
		var contracts []estate.Contract
		for id := int64(len(want)) + 1; id <= n; id++ {
			c := plainContract(id)
			c.EndsOn = estate.Date(fmt.Sprintf("2026-12-%02d", 1+id%30))
			contracts, want = append(contracts, c), append(want, id)
		}
		slices.Reverse(contracts)
		loadContracts(t, s, contracts...)
		for what, filter := range map[string]estate.ContractFilter{
			"all": {}, "any place": {Place: estate.Place{Countries: []int64{0}}}, "keyword": {Keywords: []string{"李"}}, "days": {EndsAfter: "2026-11-30"},
		} {
			wantObjects(t, "SelectContracts("+what+")", collect(t, what, s.SelectContracts(t.Context(), editTenant, filter)), want)
		}
	}
	want = slices.DeleteFunc(want, func(id int64) bool { return id%30 > 9 })
	wantContracts(t, s, t.Context(), "a third", estate.ContractFilter{EndsBefore: "2026-12-11", AgentIDs: []int64{agentID}}, want)
}

func testContractOptions(t *testing.T, s ContractStore) {
	with := func(id, estateID, agent int64, name string, state estate.ContractState, endsOn estate.Date) estate.Contract {
		return estate.Contract{ID: id, EstateID: estateID, AgentID: agent, TenantName: name, State: state, StartsOn: "2026-01-01", EndsOn: endsOn}
	}
	loadContracts(t, s,
		with(1, 1, agentID, "Lee", estate.ContractDraft, "2026-03-31"),
		with(2, 1, otherAgent, "lin", estate.ContractActive, "2026-06-30"),
		with(3, 2, agentID, "Wu", estate.ContractEnded, "2026-03-31"),
		with(4, 3, otherAgent, "flat", estate.ContractCancelled, "2026-12-31"),
	)
	for _, c := range []search[estate.ContractFilter]{
		{"none", estate.ContractFilter{}, []int64{1, 2, 3, 4}},
		{"keyword", estate.ContractFilter{Keywords: []string{"L"}}, []int64{1, 2, 4}},
		{"a keyword in the estate's name", estate.ContractFilter{Keywords: []string{"flat"}}, []int64{4}},
		{"keywords", estate.ContractFilter{Keywords: []string{"WU", "ee"}}, []int64{1, 3}},
		{"estate", estate.ContractFilter{EstateIDs: []int64{1}}, []int64{1, 2}},
		{"estates", estate.ContractFilter{EstateIDs: []int64{3, 404, 2, 3}}, []int64{3, 4}},
		{"agent", estate.ContractFilter{AgentIDs: []int64{otherAgent}}, []int64{2, 4}},
		{"agents", estate.ContractFilter{AgentIDs: []int64{otherAgent, agentID}}, []int64{1, 2, 3, 4}},
		{"state", estate.ContractFilter{States: []estate.ContractState{estate.ContractActive}}, []int64{2}},
		{"states", estate.ContractFilter{States: []estate.ContractState{estate.ContractCancelled, estate.ContractDraft}}, []int64{1, 4}},
		{"all at once", estate.ContractFilter{
			Keywords: []string{"x", "WU"}, Place: estate.Place{Countries: []int64{0}, Districts: []int64{1, 0}}, EstateIDs: []int64{1, 2}, AgentIDs: []int64{agentID},
			States: []estate.ContractState{estate.ContractEnded, estate.ContractDraft}, EndsAfter: "2026-03-30", EndsBefore: "2026-04-01",
		}, []int64{3}},
		{"nothing", estate.ContractFilter{EstateIDs: []int64{1}, States: []estate.ContractState{estate.ContractEnded}}, nil},
	} {
		wantContracts(t, s, t.Context(), c.name, c.filter, c.want)
	}
}

func testContractDays(t *testing.T, s ContractStore) {
	for i, day := range []estate.Date{"1900-01-01", "2026-02-27", "2026-02-28", "2026-03-01", "9999-12-31"} {
		c := plainContract(int64(i + 1))
		c.StartsOn, c.EndsOn = "1900-01-01", day
		loadContracts(t, s, c)
	}
	for _, c := range []search[estate.ContractFilter]{
		{"after", estate.ContractFilter{EndsAfter: "2026-02-28"}, []int64{4, 5}},
		{"after the day before", estate.ContractFilter{EndsAfter: "2026-02-27"}, []int64{3, 4, 5}},
		{"after the first day", estate.ContractFilter{EndsAfter: "1900-01-01"}, []int64{2, 3, 4, 5}},
		{"after the last day", estate.ContractFilter{EndsAfter: "9999-12-31"}, nil},
		{"before", estate.ContractFilter{EndsBefore: "2026-02-28"}, []int64{1, 2}},
		{"before the day after", estate.ContractFilter{EndsBefore: "2026-03-01"}, []int64{1, 2, 3}},
		{"before the last day", estate.ContractFilter{EndsBefore: "9999-12-31"}, []int64{1, 2, 3, 4}},
		{"before the first day", estate.ContractFilter{EndsBefore: "1900-01-01"}, nil},
		{"between", estate.ContractFilter{EndsAfter: "2026-02-27", EndsBefore: "2026-03-01"}, []int64{3}},
		{"between neighbours", estate.ContractFilter{EndsAfter: "2026-02-27", EndsBefore: "2026-02-28"}, nil},
	} {
		wantContracts(t, s, t.Context(), c.name, c.filter, c.want)
	}
}

func testContractPlace(t *testing.T, s ContractStore) {
	wantPlaces(t, s, func(ctx context.Context, what string, place estate.Place, want []int64) {
		t.Helper()
		wantContracts(t, s, ctx, what, estate.ContractFilter{Place: place}, want)
	}, func(tenant domain.TenantID, id, estateID int64) error {
		c := plainContract(id)
		c.EstateID = estateID
		return loaded(s.UpsertContracts(t.Context(), tenant, []estate.Contract{c}))
	})
}

func testContractKeywords(t *testing.T, s ContractStore) {
	for i, text := range hostileTexts {
		c := plainContract(int64(i + 1))
		c.TenantName = text
		loadContracts(t, s, c)
	}
	wantKeywords(t, func(keywords []string) []int64 {
		return collect(t, "SelectContracts", s.SelectContracts(t.Context(), editTenant, estate.ContractFilter{Keywords: keywords}))
	}, func(keywords []string, text string) bool {
		return estate.ContractFilter{Keywords: keywords}.Matches(estate.Contract{TenantName: text}, estate.Estate{Name: "%_\\"})
	})
}

func testRandomContracts(t *testing.T, s ContractStore) {
	estateID := numbersFrom(1, readEstates)
	agent := oneOf([]int64{agentID, otherAgent})
	state := oneOf(estate.ContractStates())
	randomly(t, func(t *draws, tenant domain.TenantID) {
		ctx, estates := context.Background(), drawEstates(t)
		contracts := make([]estate.Contract, wholes(1, 12)(t))
		for i := range contracts {
			contracts[i] = estate.Contract{
				ID: int64(i + 1), EstateID: estateID(t), AgentID: agent(t), TenantName: someKeyword(t),
				StartsOn: "1900-01-01", EndsOn: someDate(t), State: state(t),
			}
		}
		if err := s.InTx(ctx, func(ctx context.Context) error {
			if err := loadNamed(ctx, s, tenant, estates); err != nil {
				return err
			}
			return loaded(s.UpsertContracts(ctx, tenant, contracts))
		}); err != nil {
			t.Fatalf("InTx(load) = %v, want no error", err)
		}
		for range 5 {
			filter := estate.ContractFilter{
				Keywords: few(t, someKeyword), Place: somePlace(t), EstateIDs: few(t, estateID),
				AgentIDs: few(t, agent), States: few(t, state),
			}
			filter.EndsAfter, filter.EndsBefore = drawSpan(t)
			if faults := filter.Faults(); faults != nil {
				t.Fatalf("Faults = %v, want none", faults)
			}
			var want []estate.Contract
			var ids []int64
			for _, c := range contracts {
				if filter.Matches(c, estates[c.EstateID-1]) {
					want, ids = append(want, c), append(ids, c.ID)
				}
			}
			wantObjects(t, "EachContract", found(t, s.EachContract(ctx, tenant, filter)), want)
			wantObjects(t, "SelectContracts", found(t, s.SelectContracts(ctx, tenant, filter)), ids)
		}
	})
}
