package portstest

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"slices"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// EstateStore is what [Estates] tests: the ports of the estate jobs over one
// store, with its transactions.
type EstateStore interface {
	ports.Transactions
	ports.EstateSelector
	ports.EstateReader
	ports.Listings
	ports.Grants
	ports.EstateLoads
}

// Estates runs the contracts of [ports.EstateSelector], [ports.EstateReader],
// [ports.Listings], [ports.Grants] and [ports.EstateLoads]. Each subtest calls
// open for an empty store, which cleans up through its t.
func Estates(t *testing.T, open func(*testing.T) EstateStore) {
	for name, test := range map[string]func(*testing.T, estateSuite){
		"an estate comes back as it was stored":                          testEstateRoundTrip,
		"upsert adds, then replaces":                                     testUpsertTwice,
		"an identifier twice in one call: the last record stands":        testUpsertDuplicate,
		"a record that names what is not there fails alone":              testMissingReferences,
		"a user in another role is refused":                              testWrongRole,
		"contracts and repairs need their estate":                        testContractsAndRepairs,
		"no records, no outcomes":                                        testNothing,
		"a landlord gets a grant with every capability 0":                testGrants,
		"a load of many is stored whole":                                 testLoadMany,
		"estates come in the order of their identifiers":                 testOrder,
		"estates by identifier: known ones, in order, each once":         testEachEstateOf,
		"every search option narrows":                                    testFilterOptions,
		"a keyword is text, not a pattern":                               testKeywords,
		"random searches find what the filter says":                      testRandomFilters,
		"listing: updated, unchanged, not rentable, not found":           testSetListed,
		"listing: an identifier again finds what the first time left":    testSetListedTwice,
		"listing a full chunk":                                           testSetListedMany,
		"what a transaction rolls back is undone, a savepoint's as well": testListingRolledBack,
		"inside a transaction reads see its writes":                      testReadOwnWrites,
		"a snapshot does not see later commits":                          testSnapshotSelect,
		"tenants are apart":                                              testEstateTenants,
		"an ended context stores and yields nothing":                     testEstatesCancelled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, estateSuite{EstateStore: open(t), tenant: "tenant-a"})
		})
	}
	t.Run("reading", func(t *testing.T) {
		t.Parallel()
		readsOfEstates(t, open)
	})
}

// estateSuite is a store with helpers that fail the test.
type estateSuite struct {
	EstateStore
	tenant domain.TenantID
}

// The users and the community that the suite's estates name.
const (
	agentID     = 7
	otherAgent  = 8
	landlordID  = 21
	landlord2ID = 22
	staffID     = 31
	communityID = 5
)

// prepare stores the users and communities that estates name.
func (s estateSuite) prepare(t *testing.T) {
	t.Helper()
	outs, err := s.UpsertUsers(t.Context(), s.tenant, []estate.User{
		{ID: agentID, Name: "王經理", Role: estate.Agent},
		{ID: otherAgent, Name: "Lin", Role: estate.Agent},
		{ID: landlordID, Name: "陳房東", Role: estate.Landlord},
		{ID: landlord2ID, Name: "Wu", Role: estate.Landlord},
		{ID: staffID, Name: "Staff", Role: estate.Staff},
	})
	wantFates(t, "UpsertUsers", outs, err, slices.Repeat([]domain.Fate{domain.Created}, 5)...)
	outs, err = s.UpsertCommunities(t.Context(), s.tenant, []estate.Community{
		{ID: communityID, Name: "河岸社區", Country: 1, District: 2, Address: "中山路 1 號", Households: 120},
		{ID: communityID + 1, Name: "Hill", Country: 3, District: 4},
	})
	wantFates(t, "UpsertCommunities", outs, err, domain.Created, domain.Created)
}

// load stores estates, each of which must be new.
func (s estateSuite) load(t *testing.T, estates ...estate.Estate) {
	t.Helper()
	outs, err := s.UpsertEstates(t.Context(), s.tenant, estates)
	wantFates(t, "UpsertEstates", outs, err, slices.Repeat([]domain.Fate{domain.Created}, len(estates))...)
}

// all returns every estate of the tenant.
func (s estateSuite) all(t *testing.T, ctx context.Context) []estate.Estate {
	t.Helper()
	return collect(t, "EachEstate", s.EachEstate(ctx, s.tenant, estate.Filter{}))
}

func (s estateSuite) ids(t *testing.T, filter estate.Filter) []int64 {
	t.Helper()
	return collect(t, "SelectEstates", s.SelectEstates(t.Context(), s.tenant, filter))
}

func collect[V any](t *testing.T, call string, seq iter.Seq2[V, error]) []V {
	t.Helper()
	var all []V
	for v, err := range seq {
		if err != nil {
			t.Fatalf("%s: %v", call, err)
		}
		all = append(all, v)
	}
	return all
}

func wantFates(t *testing.T, call string, outs []domain.Outcome, err error, want ...domain.Fate) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", call, err)
	}
	got := make([]domain.Fate, len(outs))
	for i, o := range outs {
		got[i] = o.Fate
		if (o.Fate == domain.Failed) != (o.Failure != nil) {
			t.Errorf("%s outcome %d = %+v, want a failure exactly when it failed", call, i, o)
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s fates = %v, want %v", call, got, want)
	}
}

func wantFailure(t *testing.T, call string, o domain.Outcome, code domain.Code, field, value string) {
	t.Helper()
	if o.Fate != domain.Failed || o.Failure == nil || o.Failure.Code != code || o.Failure.Field != field || o.Failure.Value != value {
		t.Errorf("%s = %+v, want failed with %s of %q, value %q", call, o, code, field, value)
	}
}

func plainEstate(id int64) estate.Estate {
	return estate.Estate{ID: id, Name: "flat", Status: estate.Vacant}
}

func testEstateRoundTrip(t *testing.T, s estateSuite) {
	s.prepare(t)
	want := []estate.Estate{
		plainEstate(1),
		{
			ID: estate.MaxID, CommunityID: communityID, Name: "河岸 12F-3 'A' \\ 😀 %_", Country: estate.MaxNumber, District: 2,
			Address: "臺北市\n中山路 \"1\" 號?", Status: estate.Rented, Rent: estate.MaxAmount, Area: estate.MaxArea, Listed: true,
			AgentID: agentID, LandlordID: landlordID,
		},
	}
	s.load(t, want...)
	if got := s.all(t, t.Context()); !slices.Equal(got, want) {
		t.Errorf("EachEstate = %+v, want %+v", got, want)
	}
}

func testUpsertTwice(t *testing.T, s estateSuite) {
	s.prepare(t)
	s.load(t, plainEstate(1))
	changed := estate.Estate{
		ID: 1, CommunityID: communityID, Name: "shop", Country: 1, District: 2, Address: "x", Status: estate.Maintenance,
		Rent: 9, Area: 1050, Listed: true, AgentID: agentID, LandlordID: landlordID,
	}
	for _, e := range []estate.Estate{changed, changed, plainEstate(1)} {
		outs, err := s.UpsertEstates(t.Context(), s.tenant, []estate.Estate{e, plainEstate(2)})
		if got := s.all(t, t.Context()); len(got) != 2 || got[0] != e {
			t.Errorf("EachEstate after an upsert = %+v, want %+v first of 2", got, e)
		}
		if err != nil || outs[0].Fate != domain.Updated {
			t.Errorf("UpsertEstates(stored) = %v, %v; want updated", outs, err)
		}
	}
	for range 2 {
		outs, err := s.UpsertUsers(t.Context(), s.tenant, []estate.User{{ID: agentID, Name: "n", Role: estate.Agent}})
		wantFates(t, "UpsertUsers(stored)", outs, err, domain.Updated)
		outs, err = s.UpsertCommunities(t.Context(), s.tenant, []estate.Community{{ID: communityID, Name: "n"}})
		wantFates(t, "UpsertCommunities(stored)", outs, err, domain.Updated)
	}
}

func testUpsertDuplicate(t *testing.T, s estateSuite) {
	s.prepare(t)
	first, bad, last := plainEstate(1), plainEstate(1), plainEstate(1)
	first.Name, first.LandlordID, bad.Name, bad.AgentID, last.Name = "first", landlordID, "bad", 999, "last"
	outs, err := s.UpsertEstates(t.Context(), s.tenant, []estate.Estate{first, plainEstate(2), last, bad})
	wantFates(t, "UpsertEstates(1, 2, 1, 1)", outs, err, domain.Created, domain.Created, domain.Updated, domain.Failed)
	if got, want := s.all(t, t.Context()), []estate.Estate{last, plainEstate(2)}; !slices.Equal(got, want) {
		t.Errorf("EachEstate = %+v, want %+v", got, want)
	}
	outs, err = s.UpsertEstates(t.Context(), s.tenant, []estate.Estate{bad, first, last})
	wantFates(t, "UpsertEstates(bad, stored, stored)", outs, err, domain.Failed, domain.Updated, domain.Updated)
	grants, err := s.ListGrants(t.Context(), s.tenant, []int64{1})
	if err != nil || len(grants) != 0 {
		t.Errorf("ListGrants = %+v, %v; want none, as the last record says", grants, err)
	}
}

func testMissingReferences(t *testing.T, s estateSuite) {
	s.prepare(t)
	batch := []estate.Estate{plainEstate(1), plainEstate(2), plainEstate(3), plainEstate(4), plainEstate(5), plainEstate(6)}
	batch[0].CommunityID = 404
	batch[2].AgentID = 405
	batch[3].LandlordID = 406
	batch[5].CommunityID, batch[5].AgentID, batch[5].LandlordID = 407, 408, 409
	outs, err := s.UpsertEstates(t.Context(), s.tenant, batch)
	wantFates(t, "UpsertEstates", outs, err,
		domain.Failed, domain.Created, domain.Failed, domain.Failed, domain.Created, domain.Failed)
	wantFailure(t, "outcome 0", outs[0], domain.CodeNotFound, "community_id", "404")
	wantFailure(t, "outcome 2", outs[2], domain.CodeNotFound, "agent_id", "405")
	wantFailure(t, "outcome 3", outs[3], domain.CodeNotFound, "landlord_id", "406")
	wantFailure(t, "outcome 5", outs[5], domain.CodeNotFound, "community_id", "407")
	if got := s.ids(t, estate.Filter{}); !slices.Equal(got, []int64{2, 5}) {
		t.Errorf("SelectEstates = %v, want the good ones [2 5]", got)
	}
	outs, err = s.UpsertEstates(t.Context(), s.tenant, []estate.Estate{batch[0], batch[2]})
	wantFates(t, "UpsertEstates(all bad)", outs, err, domain.Failed, domain.Failed)
}

func testWrongRole(t *testing.T, s estateSuite) {
	s.prepare(t)
	agent, landlord := plainEstate(1), plainEstate(2)
	agent.AgentID, landlord.LandlordID = landlordID, agentID
	outs, err := s.UpsertEstates(t.Context(), s.tenant, []estate.Estate{agent, landlord})
	wantFates(t, "UpsertEstates", outs, err, domain.Failed, domain.Failed)
	wantFailure(t, "agent", outs[0], estate.CodeUnknownUser, "agent_id", "21")
	wantFailure(t, "landlord", outs[1], estate.CodeUnknownUser, "landlord_id", "7")
	if got := outs[1].Failure.Params["role"]; got != "landlord" {
		t.Errorf(`Params["role"] = %q, want "landlord"`, got)
	}
}

func testContractsAndRepairs(t *testing.T, s estateSuite) {
	s.prepare(t)
	s.load(t, plainEstate(1))
	contract := estate.Contract{
		ID: 1, EstateID: 1, TenantName: "李", AgentID: agentID, StartsOn: "2026-01-01", EndsOn: "2026-12-31",
		Rent: 20_000, Deposit: 40_000, State: estate.ContractActive,
	}
	noEstate, noAgent, wrongAgent, again := contract, contract, contract, contract
	noEstate.ID, noEstate.EstateID, noEstate.AgentID = 2, 404, 405
	noAgent.ID, noAgent.AgentID = 3, 405
	wrongAgent.ID, wrongAgent.AgentID = 4, staffID
	outs, err := s.UpsertContracts(t.Context(), s.tenant, []estate.Contract{noEstate, contract, noAgent, wrongAgent, again})
	wantFates(t, "UpsertContracts", outs, err, domain.Failed, domain.Created, domain.Failed, domain.Failed, domain.Updated)
	wantFailure(t, "contract 2", outs[0], domain.CodeNotFound, "estate_id", "404")
	wantFailure(t, "contract 3", outs[2], domain.CodeNotFound, "agent_id", "405")
	wantFailure(t, "contract 4", outs[3], estate.CodeUnknownUser, "agent_id", "31")
	outs, err = s.UpsertContracts(t.Context(), s.tenant, []estate.Contract{contract})
	wantFates(t, "UpsertContracts(stored)", outs, err, domain.Updated)

	repair := estate.Repair{ID: 1, EstateID: 1, Category: "水電", ReportedOn: "2026-02-28", State: estate.RepairOpen, Cost: 1}
	lost := repair
	lost.ID, lost.EstateID = 2, 404
	outs, err = s.UpsertRepairs(t.Context(), s.tenant, []estate.Repair{repair, lost})
	wantFates(t, "UpsertRepairs", outs, err, domain.Created, domain.Failed)
	wantFailure(t, "repair 2", outs[1], domain.CodeNotFound, "estate_id", "404")
	outs, err = s.UpsertRepairs(t.Context(), s.tenant, []estate.Repair{repair})
	wantFates(t, "UpsertRepairs(stored)", outs, err, domain.Updated)
}

func testNothing(t *testing.T, s estateSuite) {
	ctx := t.Context()
	for call, do := range map[string]func() ([]domain.Outcome, error){
		"UpsertUsers":       func() ([]domain.Outcome, error) { return s.UpsertUsers(ctx, s.tenant, nil) },
		"UpsertCommunities": func() ([]domain.Outcome, error) { return s.UpsertCommunities(ctx, s.tenant, nil) },
		"UpsertEstates":     func() ([]domain.Outcome, error) { return s.UpsertEstates(ctx, s.tenant, nil) },
		"UpsertContracts":   func() ([]domain.Outcome, error) { return s.UpsertContracts(ctx, s.tenant, nil) },
		"UpsertRepairs":     func() ([]domain.Outcome, error) { return s.UpsertRepairs(ctx, s.tenant, nil) },
		"SetListed":         func() ([]domain.Outcome, error) { return s.SetListed(ctx, s.tenant, nil, true) },
	} {
		outs, err := do()
		wantFates(t, call+"(none)", outs, err)
	}
	if grants, err := s.ListGrants(ctx, s.tenant, nil); err != nil || len(grants) != 0 {
		t.Errorf("ListGrants(none) = %v, %v; want none", grants, err)
	}
	if got := collect(t, "EachEstateOf(none)", s.EachEstateOf(ctx, s.tenant, nil)); len(got) != 0 {
		t.Errorf("EachEstateOf(none) = %v, want none", got)
	}
	if got := s.all(t, ctx); len(got) != 0 {
		t.Errorf("EachEstate of an empty store = %v, want none", got)
	}
}

func testGrants(t *testing.T, s estateSuite) {
	s.prepare(t)
	e := plainEstate(1)
	for _, landlord := range []int64{landlordID, landlordID, landlord2ID, 0, landlordID} {
		e.LandlordID = landlord
		if _, err := s.UpsertEstates(t.Context(), s.tenant, []estate.Estate{e, plainEstate(2)}); err != nil {
			t.Fatalf("UpsertEstates: %v", err)
		}
		var want []estate.Grant
		if landlord != 0 {
			want = []estate.Grant{{EstateID: 1, UserID: landlord}}
		}
		got, err := s.ListGrants(t.Context(), s.tenant, []int64{404, 2, 1, 1})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("ListGrants with landlord %d = %+v, %v; want %+v", landlord, got, err, want)
		}
		if all := s.all(t, t.Context()); len(all) != 2 || all[0] != e {
			t.Errorf("EachEstate = %+v, want landlord %d on the first of 2", all, landlord)
		}
	}
}

func testOrder(t *testing.T, s estateSuite) {
	s.load(t, plainEstate(9), plainEstate(estate.MaxID), plainEstate(10), plainEstate(1))
	want := []int64{1, 9, 10, estate.MaxID}
	if got := s.ids(t, estate.Filter{}); !slices.Equal(got, want) {
		t.Errorf("SelectEstates = %v, want %v", got, want)
	}
	for id, err := range s.SelectEstates(t.Context(), s.tenant, estate.Filter{}) {
		if err != nil || id != 1 {
			t.Errorf("SelectEstates yields %d, %v first; want 1", id, err)
		}
		break // must leave nothing open that the next call needs
	}
	s.load(t, plainEstate(2))
}

func testEachEstateOf(t *testing.T, s estateSuite) {
	s.load(t, plainEstate(3), plainEstate(1), plainEstate(2))
	got := collect(t, "EachEstateOf", s.EachEstateOf(t.Context(), s.tenant, []int64{3, 404, 1, 3, estate.MaxID, 1}))
	if want := []estate.Estate{plainEstate(1), plainEstate(3)}; !slices.Equal(got, want) {
		t.Errorf("EachEstateOf(3, 404, 1, 3, …, 1) = %+v, want %+v", got, want)
	}
}

func testLoadMany(t *testing.T, s estateSuite) {
	s.prepare(t)
	estates := make([]estate.Estate, 6001)
	want := make([]int64, len(estates))
	for i := range estates {
		estates[i] = plainEstate(int64(i + 1))
		estates[i].CommunityID, estates[i].AgentID, estates[i].LandlordID = communityID, agentID, landlordID
		want[i] = int64(i + 1)
	}
	reversed := slices.Clone(estates)
	slices.Reverse(reversed)
	s.load(t, reversed...)
	twice := append(slices.Clone(want), want...)
	slices.Reverse(twice)
	if got := s.ids(t, estate.Filter{}); !slices.Equal(got, want) {
		t.Errorf("SelectEstates yields %d identifiers, want 1 to %d in order", len(got), len(want))
	}
	if got := s.all(t, t.Context()); !slices.Equal(got, estates) {
		t.Errorf("EachEstate yields %d estates, want the %d that were stored, in order", len(got), len(estates))
	}
	if got := collect(t, "EachEstateOf", s.EachEstateOf(t.Context(), s.tenant, twice)); !slices.Equal(got, estates) {
		t.Errorf("EachEstateOf yields %d estates, want all %d in order", len(got), len(estates))
	}
	if grants, err := s.ListGrants(t.Context(), s.tenant, want); err != nil || len(grants) != len(want) {
		t.Errorf("ListGrants gives %d grants, %v; want %d", len(grants), err, len(want))
	}
}

func testSetListed(t *testing.T, s estateSuite) {
	vacant, listed, closed := plainEstate(1), plainEstate(2), plainEstate(3)
	listed.Listed, closed.Status = true, estate.Closed
	s.load(t, vacant, listed, closed)
	ids := []int64{404, 3, 1, 2}
	outs, err := s.SetListed(t.Context(), s.tenant, ids, true)
	wantFates(t, "SetListed(404, 3, 1, 2; true)", outs, err, domain.Failed, domain.Failed, domain.Updated, domain.Unchanged)
	wantFailure(t, "listing 404", outs[0], domain.CodeNotFound, "", "404")
	wantFailure(t, "listing a closed one", outs[1], estate.CodeNotRentable, "status", "closed")
	if got := s.ids(t, estate.Filter{Listed: []bool{true}}); !slices.Equal(got, []int64{1, 2}) {
		t.Errorf("listed after SetListed(true) = %v, want [1 2]", got)
	}
	outs, err = s.SetListed(t.Context(), s.tenant, ids, true)
	wantFates(t, "SetListed again", outs, err, domain.Failed, domain.Failed, domain.Unchanged, domain.Unchanged)
	outs, err = s.SetListed(t.Context(), s.tenant, ids, false)
	wantFates(t, "SetListed(404, 3, 1, 2; false)", outs, err, domain.Failed, domain.Unchanged, domain.Updated, domain.Updated)
	if got := s.ids(t, estate.Filter{Listed: []bool{true}}); len(got) != 0 {
		t.Errorf("listed after SetListed(false) = %v, want none", got)
	}
	outs, err = s.SetListed(t.Context(), s.tenant, []int64{404}, false)
	wantFates(t, "SetListed(404)", outs, err, domain.Failed)
	outs, err = s.SetListed(t.Context(), s.tenant, []int64{3}, true)
	wantFates(t, "SetListed(3, closed)", outs, err, domain.Failed)
	if got := s.ids(t, estate.Filter{Listed: []bool{true}}); len(got) != 0 {
		t.Errorf("listed after SetListed(closed) = %v, want none", got)
	}
}

func testSetListedTwice(t *testing.T, s estateSuite) {
	s.load(t, plainEstate(1), plainEstate(2))
	outs, err := s.SetListed(t.Context(), s.tenant, []int64{2, 1, 2}, true)
	wantFates(t, "SetListed(2, 1, 2; true)", outs, err, domain.Updated, domain.Updated, domain.Unchanged)
	outs, err = s.SetListed(t.Context(), s.tenant, []int64{2, 1, 2, 404, 2, 404}, false)
	wantFates(t, "SetListed(2, 1, 2, 404, 2, 404; false)", outs, err,
		domain.Updated, domain.Updated, domain.Unchanged, domain.Failed, domain.Unchanged, domain.Failed)
}

func testSetListedMany(t *testing.T, s estateSuite) {
	estates, ids := make([]estate.Estate, 1000), make([]int64, 1000)
	want := make([]domain.Fate, 1000)
	for i := range estates {
		estates[i], ids[i], want[i] = plainEstate(int64(i+1)), int64(i+1), domain.Updated
	}
	s.load(t, estates...)
	outs, err := s.SetListed(t.Context(), s.tenant, ids, true)
	wantFates(t, "SetListed(1,000)", outs, err, want...)
	if got := s.ids(t, estate.Filter{Listed: []bool{true}}); !slices.Equal(got, ids) {
		t.Errorf("%d estates are listed, want all 1,000", len(got))
	}
}

func testListingRolledBack(t *testing.T, s estateSuite) {
	s.load(t, plainEstate(1), plainEstate(2))
	undo := errors.New("undo")
	err := s.InTx(t.Context(), func(ctx context.Context) error {
		if err := s.Savepoint(ctx, func(ctx context.Context) error {
			if _, err := s.SetListed(ctx, s.tenant, []int64{1}, true); err != nil {
				return err
			}
			if _, err := s.UpsertEstates(ctx, s.tenant, []estate.Estate{plainEstate(3)}); err != nil {
				return err
			}
			return undo
		}); !errors.Is(err, undo) {
			t.Errorf("Savepoint = %v, want its function's error", err)
		}
		_, err := s.SetListed(ctx, s.tenant, []int64{2}, true)
		return err
	})
	if err != nil {
		t.Fatalf("InTx: %v", err)
	}
	if got := s.ids(t, estate.Filter{Listed: []bool{true}}); !slices.Equal(got, []int64{2}) {
		t.Errorf("listed after a savepoint was undone = %v, want [2]", got)
	}
	err = s.InTx(t.Context(), func(ctx context.Context) error {
		if _, err := s.SetListed(ctx, s.tenant, []int64{1, 2}, false); err != nil {
			return err
		}
		return undo
	})
	if got := s.ids(t, estate.Filter{Listed: []bool{true}}); !errors.Is(err, undo) || !slices.Equal(got, []int64{2}) {
		t.Errorf("listed after InTx = %v is %v, want [2] as before", err, got)
	}
}

func testReadOwnWrites(t *testing.T, s estateSuite) {
	err := s.InTx(t.Context(), func(ctx context.Context) error {
		if _, err := s.UpsertEstates(ctx, s.tenant, []estate.Estate{plainEstate(1), plainEstate(2)}); err != nil {
			return err
		}
		if got := s.all(t, ctx); len(got) != 2 {
			t.Errorf("EachEstate in the transaction = %+v, want both", got)
		}
		for id, err := range s.SelectEstates(ctx, s.tenant, estate.Filter{}) {
			if err != nil {
				return err
			}
			// A transaction goes on being usable while it reads.
			if _, err := s.SetListed(ctx, s.tenant, []int64{id}, true); err != nil {
				return err
			}
		}
		return nil
	})
	if got := s.ids(t, estate.Filter{Listed: []bool{true}}); err != nil || len(got) != 2 {
		t.Errorf("InTx = %v, listed %v; want both", err, got)
	}
}

func testSnapshotSelect(t *testing.T, s estateSuite) {
	s.load(t, plainEstate(1), plainEstate(3))
	outer := t.Context()
	err := s.Snapshot(outer, func(ctx context.Context) error {
		var got []int64
		for id, err := range s.SelectEstates(ctx, s.tenant, estate.Filter{}) {
			if err != nil {
				return err
			}
			if got = append(got, id); len(got) == 1 {
				if _, err := s.UpsertEstates(outer, s.tenant, []estate.Estate{plainEstate(2), plainEstate(4)}); err != nil {
					return err
				}
			}
		}
		if !slices.Equal(got, []int64{1, 3}) {
			t.Errorf("SelectEstates in a snapshot = %v, want [1 3] as it was", got)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("Snapshot: %v", err)
	}
	if got := s.ids(t, estate.Filter{}); len(got) != 4 {
		t.Errorf("SelectEstates after the snapshot = %v, want all 4", got)
	}
}

func testEstateTenants(t *testing.T, s estateSuite) {
	s.prepare(t)
	mine := plainEstate(1)
	mine.LandlordID, mine.AgentID, mine.CommunityID = landlordID, agentID, communityID
	s.load(t, mine)
	other := estateSuite{EstateStore: s.EstateStore, tenant: "tenant-b"}
	outs, err := s.UpsertEstates(t.Context(), other.tenant, []estate.Estate{mine, {ID: 2, Name: "theirs", Status: estate.Vacant}})
	wantFates(t, "UpsertEstates naming another tenant's objects", outs, err, domain.Failed, domain.Created)
	outs, err = s.UpsertRepairs(t.Context(), other.tenant, []estate.Repair{
		{ID: 1, EstateID: 1, Category: "c", ReportedOn: "2026-01-01", State: estate.RepairOpen},
	})
	wantFates(t, "UpsertRepairs of another tenant's estate", outs, err, domain.Failed)
	outs, err = s.SetListed(t.Context(), other.tenant, []int64{1}, true)
	wantFates(t, "SetListed of another tenant's estate", outs, err, domain.Failed)
	if got := other.ids(t, estate.Filter{}); !slices.Equal(got, []int64{2}) {
		t.Errorf("SelectEstates(tenant-b) = %v, want [2]", got)
	}
	if got := collect(t, "EachEstateOf", s.EachEstateOf(t.Context(), other.tenant, []int64{1})); len(got) != 0 {
		t.Errorf("EachEstateOf(tenant-b, 1) = %+v, want none", got)
	}
	if got, err := s.ListGrants(t.Context(), other.tenant, []int64{1}); err != nil || len(got) != 0 {
		t.Errorf("ListGrants(tenant-b, 1) = %+v, %v; want none", got, err)
	}
	theirs := plainEstate(1)
	theirs.Name = "same number, other tenant"
	other.load(t, theirs)
	if got := s.all(t, t.Context()); !slices.Equal(got, []estate.Estate{mine}) {
		t.Errorf("EachEstate(tenant-a) = %+v, want %+v untouched", got, mine)
	}
	// The landlord on the estate of the same number is not theirs.
	if got := other.ids(t, estate.Filter{LandlordIDs: []int64{landlordID}}); len(got) != 0 {
		t.Errorf("SelectEstates(tenant-b, landlord %d) = %v, want none", landlordID, got)
	}
	if got := other.all(t, t.Context()); len(got) != 2 || got[0] != theirs {
		t.Errorf("EachEstate(tenant-b) = %+v, want %+v first of 2", got, theirs)
	}
	theirs.Listed = true
	if outs, err = s.SetListed(t.Context(), other.tenant, []int64{1}, true); err != nil || outs[0].Fate != domain.Updated {
		t.Errorf("SetListed(tenant-b, 1) = %v, %v; want updated", outs, err)
	}
	if got := s.ids(t, estate.Filter{Listed: []bool{true}}); len(got) != 0 {
		t.Errorf("listed of tenant-a = %v, want none", got)
	}
	outs, err = s.UpsertEstates(t.Context(), other.tenant, []estate.Estate{theirs})
	if got, listErr := s.ListGrants(t.Context(), s.tenant, []int64{1}); err != nil || listErr != nil || len(got) != 1 {
		t.Errorf("ListGrants(tenant-a, 1) after tenant-b took a landlord away = %v, %v, %v; want the grant", got, err, listErr)
	}
	wantFates(t, "UpsertEstates(tenant-b)", outs, err, domain.Updated)
}

func testEstatesCancelled(t *testing.T, s estateSuite) {
	s.load(t, plainEstate(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.SetListed(ctx, s.tenant, []int64{1}, true); !errors.Is(err, context.Canceled) {
		t.Errorf("SetListed = %v, want context.Canceled", err)
	}
	if _, err := s.UpsertEstates(ctx, s.tenant, []estate.Estate{plainEstate(2)}); !errors.Is(err, context.Canceled) {
		t.Errorf("UpsertEstates = %v, want context.Canceled", err)
	}
	for id, err := range s.SelectEstates(ctx, s.tenant, estate.Filter{}) {
		if !errors.Is(err, context.Canceled) || id != 0 {
			t.Errorf("SelectEstates yields %d, %v; want context.Canceled alone", id, err)
		}
	}
	if got := s.ids(t, estate.Filter{Listed: []bool{false}}); !slices.Equal(got, []int64{1}) {
		t.Errorf("unlisted = %v, want [1] as before", got)
	}
}
