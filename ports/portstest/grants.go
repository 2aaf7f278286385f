package portstest

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// GrantStore is what [Grants] tests.
type GrantStore interface {
	editStore
	ports.Grants
	ports.EstateReader
}

// Grants runs the contract of [ports.Grants]. Each subtest calls open for an
// empty store, which cleans up through its t.
func Grants(t *testing.T, open func(*testing.T) GrantStore) {
	prepared := func(t *testing.T) GrantStore {
		s := open(t)
		prepareEdits(t, s)
		return s
	}
	edits[estate.GrantEdit]{}.test(t, func(t *testing.T) edits[estate.GrantEdit] {
		s := prepared(t)
		return edits[estate.GrantEdit]{
			editStore: s, call: "EditGrants", do: s.EditGrants, first: domain.Created,
			edit: func(id int64) estate.GrantEdit {
				return estate.GrantEdit{EstateID: id, UserID: landlordID, Capabilities: map[estate.Capability]bool{"show_report": true}}
			},
		}
	})
	for name, test := range map[string]func(*testing.T, GrantStore){
		"a landlord comes, may more and less, changes and goes": testGrantLife,
		"a person who is not a landlord is refused":             testGrantRole,
		"the same estate again finds what the time before left": testGrantTwice,
		"grants come in the order of their estates":             testListGrants,
		"a snapshot does not see later edits":                   testGrantSnapshot,
		"random edits do what they do one by one":               testRandomGrants,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, prepared(t))
		})
	}
}

// capabilities are those that are to be 1, and with a "-" in front 0.
func capabilities(names ...string) map[estate.Capability]bool {
	m := map[estate.Capability]bool{}
	for _, name := range names {
		if name[0] == '-' {
			m[estate.Capability(name[1:])] = false
		} else {
			m[estate.Capability(name)] = true
		}
	}
	return m
}

func wantGrants(t *testing.T, s GrantStore, ids []int64, want ...estate.Grant) {
	t.Helper()
	got, err := s.ListGrants(t.Context(), editTenant, ids)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ListGrants(%v) = %+v, %v; want %+v", ids, got, err, want)
	}
}

func testGrantLife(t *testing.T, s GrantStore) {
	for _, c := range []struct {
		user int64
		caps map[estate.Capability]bool
		want domain.Fate
		left []estate.Capability
	}{
		{landlordID, capabilities("show_report", "edit_estate", "-show_estate"), domain.Created, []estate.Capability{"edit_estate", "show_report"}},
		{landlordID, nil, domain.Unchanged, []estate.Capability{"edit_estate", "show_report"}},
		{landlordID, capabilities("edit_estate", "-show_estate"), domain.Unchanged, []estate.Capability{"edit_estate", "show_report"}},
		{landlordID, capabilities("-edit_estate", "show_estate"), domain.Updated, []estate.Capability{"show_estate", "show_report"}},
		{landlord2ID, capabilities("房東 'x' \"y\" <z> & 😀"), domain.Updated, []estate.Capability{"房東 'x' \"y\" <z> & 😀"}},
		{landlordID, nil, domain.Updated, nil},
		{landlordID, capabilities("-show_report"), domain.Unchanged, nil},
		{0, capabilities("show_report"), domain.Deleted, nil},
		{0, nil, domain.Unchanged, nil},
		{landlordID, nil, domain.Created, nil},
	} {
		outs, err := s.EditGrants(t.Context(), editTenant, []estate.GrantEdit{{EstateID: 1, UserID: c.user, Capabilities: c.caps}})
		wantFates(t, "EditGrants", outs, err, c.want)
		var want []estate.Grant
		if c.user != 0 {
			want = append(want, estate.Grant{EstateID: 1, UserID: c.user, Capabilities: c.left})
		}
		wantGrants(t, s, []int64{1, 2}, want...)
		for e, err := range s.EachEstateOf(t.Context(), editTenant, []int64{1}) {
			if err != nil || e.LandlordID != c.user {
				t.Errorf("the landlord of the estate is %d, %v; want %d", e.LandlordID, err, c.user)
			}
		}
		found := 0
		for _, err := range s.EachEstate(t.Context(), editTenant, estate.Filter{LandlordIDs: []int64{landlordID, landlord2ID}}) {
			if found++; err != nil {
				t.Fatalf("EachEstate() = %v, want no error", err)
			}
		}
		if (found == 1) != (c.user != 0) {
			t.Errorf("a search by landlord finds %d estates after %+v", found, c)
		}
	}
}

func testGrantRole(t *testing.T, s GrantStore) {
	people := []int64{staffID, landlordID, missingID, agentID, 0, otherLandlord}
	list := make([]estate.GrantEdit, len(people))
	for i, person := range people {
		list[i] = estate.GrantEdit{EstateID: int64(i + 1), UserID: person}
	}
	outs, err := s.EditGrants(t.Context(), editTenant, list)
	failed := domain.Failed
	wantFates(t, "EditGrants", outs, err, failed, domain.Created, failed, failed, domain.Unchanged, failed)
	for i, value := range map[int]string{0: "31", 2: "404404", 3: "7", 5: "9021"} {
		wantFailure(t, "a wrong person", outs[i], estate.CodeUnknownUser, "editUserId", value)
		if role := outs[i].Failure.Params["role"]; role != "landlord" {
			t.Errorf(`Params["role"] = %q, want "landlord"`, role)
		}
	}
	outs, err = s.EditGrants(t.Context(), editTenant, []estate.GrantEdit{{EstateID: missingID, UserID: staffID}, {EstateID: missingID}})
	wantFates(t, "EditGrants", outs, err, failed, failed)
	wantFailure(t, "no estate and no landlord", outs[0], domain.CodeNotFound, "", "404404")
	wantFailure(t, "no estate to remove a landlord from", outs[1], domain.CodeNotFound, "", "404404")
	wantGrants(t, s, []int64{1, 2, 3, 4, 5, 6}, estate.Grant{EstateID: 2, UserID: landlordID})
}

func testGrantTwice(t *testing.T, s GrantStore) {
	give := func(id, user int64, names ...string) estate.GrantEdit {
		return estate.GrantEdit{EstateID: id, UserID: user, Capabilities: capabilities(names...)}
	}
	created, updated, unchanged, deleted, failed := domain.Created, domain.Updated, domain.Unchanged, domain.Deleted, domain.Failed
	outs, err := s.EditGrants(t.Context(), editTenant, []estate.GrantEdit{
		give(1, landlordID, "a"), give(2, landlordID), give(1, landlordID, "b"), give(1, staffID), give(1, 0), give(1, 0), give(1, landlord2ID, "c"),
		give(3, landlordID), give(3, 0),
	})
	wantFates(t, "EditGrants", outs, err, created, created, updated, failed, deleted, unchanged, created, created, deleted)
	first, second := estate.Grant{EstateID: 1, UserID: landlord2ID, Capabilities: []estate.Capability{"c"}}, estate.Grant{EstateID: 2, UserID: landlordID}
	wantGrants(t, s, []int64{1, 2, 3}, first, second)
	// Away and back again.
	outs, err = s.EditGrants(t.Context(), editTenant, []estate.GrantEdit{
		give(1, 0), give(1, landlord2ID, "c"), give(2, landlord2ID, "x"), give(2, landlordID), give(1, landlord2ID, "c"),
	})
	wantFates(t, "EditGrants", outs, err, deleted, created, updated, updated, unchanged)
	wantGrants(t, s, []int64{1, 2, 3}, first, second)
}

func testListGrants(t *testing.T, s GrantStore) {
	if got, err := s.ListGrants(t.Context(), editTenant, nil); err != nil || len(got) != 0 {
		t.Errorf("ListGrants(none) = %v, %v; want none", got, err)
	}
	loadMany(t, s)
	var list []estate.GrantEdit
	var ids []int64
	var want []estate.Grant
	for id := int64(1); id <= manyObjects; id++ {
		ids = append(ids, id, id)
		if id%3 != 0 {
			list = append(list, estate.GrantEdit{EstateID: id, UserID: landlordID, Capabilities: capabilities("b", "a")})
			want = append(want, estate.Grant{EstateID: id, UserID: landlordID, Capabilities: []estate.Capability{"a", "b"}})
		}
	}
	if _, err := s.EditGrants(t.Context(), editTenant, list); err != nil {
		t.Fatalf("EditGrants = %v, want no error", err)
	}
	slices.Reverse(ids)
	wantGrants(t, s, ids, want...)
	for i := range list {
		list[i].UserID = 0
	}
	outs, err := s.EditGrants(t.Context(), editTenant, list)
	wantFates(t, "EditGrants(remove)", outs, err, slices.Repeat([]domain.Fate{domain.Deleted}, len(list))...)
	wantGrants(t, s, ids)
	if got, err := s.ListGrants(t.Context(), otherTenant, ids); err != nil || len(got) != 0 {
		t.Errorf("ListGrants(other tenant) = %v, %v; want none", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.ListGrants(ctx, editTenant, ids); !errors.Is(err, context.Canceled) {
		t.Errorf("ListGrants with an ended context = %v, want context.Canceled", err)
	}
}

func testGrantSnapshot(t *testing.T, s GrantStore) {
	outer := t.Context()
	err := s.Snapshot(outer, func(ctx context.Context) error {
		if _, err := s.EditGrants(outer, editTenant, []estate.GrantEdit{{EstateID: 1, UserID: landlordID}}); err != nil {
			return err
		}
		got, err := s.ListGrants(ctx, editTenant, []int64{1})
		if len(got) != 0 {
			t.Errorf("ListGrants in a snapshot = %+v, want none as it was", got)
		}
		return err
	})
	if err != nil {
		t.Errorf("Snapshot = %v, want no error", err)
	}
	wantGrants(t, s, []int64{1}, estate.Grant{EstateID: 1, UserID: landlordID})
}

// testRandomGrants compares a store with the rule applied to one edit after
// another.
func testRandomGrants(t *testing.T, s GrantStore) {
	r := rand.New(rand.NewPCG(1, 2))
	model := map[int64]*estate.Grant{}
	estates := []int64{1, 2, 3, 4}
	for range 200 {
		list, want := make([]estate.GrantEdit, r.IntN(9)), []domain.Outcome{}
		for i := range list {
			e := estate.GrantEdit{
				EstateID: pick(r, append(estates, missingID)), UserID: pick(r, []int64{0, landlordID, landlordID, landlord2ID, staffID, missingID}),
				Capabilities: map[estate.Capability]bool{},
			}
			for range r.IntN(4) {
				e.Capabilities[pick(r, estate.Capabilities())] = r.IntN(2) == 0
			}
			list[i] = e
			var o domain.Outcome
			switch {
			case e.EstateID == missingID:
				o = notFound(strconv.Itoa(missingID))
			case e.UserID == staffID || e.UserID == missingID:
				o = domain.FailedWith(estate.WrongRole("editUserId", e.UserID, estate.Landlord))
			default:
				model[e.EstateID], o = e.Apply(model[e.EstateID])
			}
			want = append(want, o)
		}
		outs, err := s.EditGrants(t.Context(), editTenant, list)
		wantSame(t, "EditGrants", outs, want, err)
		var left []estate.Grant
		for _, id := range estates {
			if g := model[id]; g != nil {
				left = append(left, *g)
			}
		}
		if wantGrants(t, s, estates, left...); t.Failed() {
			t.Fatalf("after EditGrants(%+v)", list)
		}
	}
}
