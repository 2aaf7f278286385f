package portstest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// editStore is what every suite of edits needs besides its port.
type editStore interface {
	ports.Transactions
	ports.EstateLoads
}

// There are so many estates and contracts for edits, from 1, and after
// [loadMany] a full batch of them.
const (
	fewObjects  = 60
	manyObjects = 2_500
)

// missingID is an identifier that nothing has.
const missingID = 404_404

// editTenant is the tenant that edits; otherTenant has an estate, number
// [otherEstate], and users of other numbers.
const (
	editTenant    domain.TenantID = "tenant-a"
	otherTenant   domain.TenantID = "tenant-b"
	otherEstate                   = 9_001
	otherAgentID                  = 9_007
	otherLandlord                 = 9_021

	agentOfContracts = otherAgent // of the tenant's own
)

// prepareEdits stores what is edited, and the users of [estateSuite.prepare].
func prepareEdits(t *testing.T, s editStore) {
	t.Helper()
	outs, err := s.UpsertUsers(t.Context(), editTenant, []estate.User{
		{ID: agentID, Name: "王經理", Role: estate.Agent},
		{ID: otherAgent, Name: "Lin", Role: estate.Agent},
		{ID: landlordID, Name: "陳房東", Role: estate.Landlord},
		{ID: landlord2ID, Name: "Wu", Role: estate.Landlord},
		{ID: staffID, Name: "Staff", Role: estate.Staff},
	})
	wantFates(t, "UpsertUsers", outs, err, slices.Repeat([]domain.Fate{domain.Created}, 5)...)
	outs, err = s.UpsertUsers(t.Context(), otherTenant, []estate.User{
		{ID: otherAgentID, Name: "Theirs", Role: estate.Agent},
		{ID: otherLandlord, Name: "Theirs", Role: estate.Landlord},
	})
	wantFates(t, "UpsertUsers(other tenant)", outs, err, domain.Created, domain.Created)
	loadObjects(t, s, editTenant, agentOfContracts, 1, fewObjects)
	loadObjects(t, s, otherTenant, otherAgentID, otherEstate, otherEstate)
}

// loadMany stores what is missing for a full batch.
func loadMany(t *testing.T, s editStore) {
	t.Helper()
	loadObjects(t, s, editTenant, agentOfContracts, fewObjects+1, manyObjects)
}

// loadObjects stores estates, of which nobody is in charge, and a contract for
// each of the same number, of which agent is.
func loadObjects(t *testing.T, s editStore, tenant domain.TenantID, agent, from, to int64) {
	t.Helper()
	var estates []estate.Estate
	var contracts []estate.Contract
	for id := from; id <= to; id++ {
		estates = append(estates, plainEstate(id))
		contracts = append(contracts, estate.Contract{
			ID: id, EstateID: id, TenantName: "李", AgentID: agent, StartsOn: "2026-01-01", EndsOn: "2026-12-31", State: estate.ContractActive,
		})
	}
	created := slices.Repeat([]domain.Fate{domain.Created}, len(estates))
	outs, err := s.UpsertEstates(t.Context(), tenant, estates)
	wantFates(t, "UpsertEstates", outs, err, created...)
	outs, err = s.UpsertContracts(t.Context(), tenant, contracts)
	wantFates(t, "UpsertContracts", outs, err, created...)
}

// edits is a method under test, with which [edits.test] tests what all
// methods that edit promise.
type edits[E any] struct {
	editStore
	call  string
	do    func(ctx context.Context, tenant domain.TenantID, edits []E) ([]domain.Outcome, error)
	edit  func(id int64) E // an edit of the object, always the same one
	first domain.Fate      // what the edit does to an object of [prepareEdits]; the next time it is unchanged
}

// test runs the tests. Each calls open for a store of [prepareEdits].
func (edits[E]) test(t *testing.T, open func(*testing.T) edits[E]) {
	for name, test := range map[string]func(edits[E], *testing.T){
		"no edits, no outcomes":                          edits[E].testNothing,
		"a bad one fails alone, wherever it is":          edits[E].testBad,
		"the same one again in a call is unchanged":      edits[E].testTwice,
		"a full batch is stored whole, and once":         edits[E].testMany,
		"what is rolled back is undone":                  edits[E].testRolledBack,
		"inside a transaction an edit finds the former":  edits[E].testInTx,
		"objects of another tenant do not exist":         edits[E].testTenants,
		"an ended context stores nothing":                edits[E].testCancelled,
		"of two who race for an object one is the first": edits[E].testRace,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(open(t), t)
		})
	}
}

func (e edits[E]) of(ids ...int64) []E {
	list := make([]E, len(ids))
	for i, id := range ids {
		list[i] = e.edit(id)
	}
	return list
}

// want edits the objects and wants these fates.
func (e edits[E]) want(t *testing.T, ids []int64, fates ...domain.Fate) []domain.Outcome {
	t.Helper()
	outs, err := e.do(t.Context(), editTenant, e.of(ids...))
	wantFates(t, e.call, outs, err, fates...)
	return outs
}

func (e edits[E]) testNothing(t *testing.T) {
	for _, none := range [][]E{nil, {}} {
		outs, err := e.do(t.Context(), editTenant, none)
		wantFates(t, e.call+"(none)", outs, err)
	}
}

func (e edits[E]) testBad(t *testing.T) {
	const bad, good, again = domain.Failed, domain.Unchanged, missingID
	first := e.first
	outs := e.want(t, []int64{again, 1, 2}, bad, first, first)
	wantFailure(t, "the first", outs[0], domain.CodeNotFound, "", "404404")
	outs = e.want(t, []int64{1, again, 3}, good, bad, first)
	wantFailure(t, "the middle one", outs[1], domain.CodeNotFound, "", "404404")
	outs = e.want(t, []int64{4, 3, estate.MaxID}, first, good, bad)
	wantFailure(t, "the last", outs[2], domain.CodeNotFound, "", "9007199254740991")
	for i, o := range e.want(t, []int64{again, again + 1, again}, bad, bad, bad) {
		wantFailure(t, "one of all", o, domain.CodeNotFound, "", []string{"404404", "404405", "404404"}[i])
	}
	e.want(t, []int64{1, 2, 3, 4}, good, good, good, good)
}

func (e edits[E]) testTwice(t *testing.T) {
	same, bad := domain.Unchanged, domain.Failed
	e.want(t, []int64{2, 1, 2, missingID, 2, 1, missingID}, e.first, e.first, same, bad, same, same, bad)
	e.want(t, []int64{2, 3, 2, 3}, same, e.first, same, same)
}

func (e edits[E]) testMany(t *testing.T) {
	loadMany(t, e.editStore)
	ids := make([]int64, manyObjects)
	for i := range ids {
		ids[i] = int64(i*7%manyObjects + 1) // each once, in no order
	}
	e.want(t, ids, slices.Repeat([]domain.Fate{e.first}, len(ids))...)
	e.want(t, ids, slices.Repeat([]domain.Fate{domain.Unchanged}, len(ids))...)
}

func (e edits[E]) testRolledBack(t *testing.T) {
	undo := errors.New("undo")
	err := e.InTx(t.Context(), func(ctx context.Context) error {
		if _, err := e.do(ctx, editTenant, e.of(1, 2)); err != nil {
			return err
		}
		return undo
	})
	if !errors.Is(err, undo) {
		t.Errorf("InTx = %v, want its function's error", err)
	}
	err = e.InTx(t.Context(), func(ctx context.Context) error {
		if _, err := e.do(ctx, editTenant, e.of(3)); err != nil {
			return err
		}
		if err := e.Savepoint(ctx, func(ctx context.Context) error {
			// Of which one is there, and must be there afterwards.
			if _, err := e.do(ctx, editTenant, e.of(3, 4, 5)); err != nil {
				return err
			}
			return undo
		}); !errors.Is(err, undo) {
			t.Errorf("Savepoint = %v, want its function's error", err)
		}
		return nil
	})
	if err != nil {
		t.Errorf("InTx = %v, want no error", err)
	}
	e.want(t, []int64{1, 2, 3, 4, 5}, e.first, e.first, domain.Unchanged, e.first, e.first)
}

func (e edits[E]) testInTx(t *testing.T) {
	err := e.InTx(t.Context(), func(ctx context.Context) error {
		for _, want := range []domain.Fate{e.first, domain.Unchanged} {
			outs, err := e.do(ctx, editTenant, e.of(1, missingID))
			if err != nil {
				return err
			}
			wantFates(t, e.call, outs, err, want, domain.Failed)
		}
		return nil
	})
	if err != nil {
		t.Errorf("InTx = %v, want no error", err)
	}
	e.want(t, []int64{1}, domain.Unchanged)
}

func (e edits[E]) testTenants(t *testing.T) {
	outs := e.want(t, []int64{otherEstate, 1}, domain.Failed, e.first)
	wantFailure(t, "an edit of another tenant's", outs[0], domain.CodeNotFound, "", "9001")
	outs, err := e.do(t.Context(), otherTenant, e.of(1))
	wantFates(t, e.call+"(other tenant)", outs, err, domain.Failed)
	wantFailure(t, "their edit", outs[0], domain.CodeNotFound, "", "1")
	e.want(t, []int64{1}, domain.Unchanged)
}

func (e edits[E]) testCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if outs, err := e.do(ctx, editTenant, e.of(1)); !errors.Is(err, context.Canceled) || outs != nil {
		t.Errorf("%s with an ended context = %v, %v; want context.Canceled", e.call, outs, err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	err := e.InTx(ctx, func(ctx context.Context) error {
		if _, err := e.do(ctx, editTenant, e.of(1)); err != nil {
			return err
		}
		cancel()
		_, err := e.do(ctx, editTenant, e.of(2))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s in a transaction whose context ended = %v, want context.Canceled", e.call, err)
		}
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("InTx = %v, want context.Canceled", err)
	}
	e.want(t, []int64{1, 2}, e.first, e.first)
}

func (e edits[E]) testRace(t *testing.T) {
	ids := make([]int64, 50)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	var results [2][]domain.Outcome
	var callers sync.WaitGroup
	for i := range results {
		callers.Go(func() {
			mine := slices.Clone(ids)
			if i == 1 {
				slices.Reverse(mine)
			}
			outs, err := e.do(t.Context(), editTenant, e.of(mine...))
			if err != nil {
				t.Errorf("%s = %v, want no error", e.call, err)
			}
			results[i] = outs
		})
	}
	callers.Wait()
	first, second := domain.ReportOf(results[0]), domain.ReportOf(results[1])
	if first.Unchanged > 0 {
		first, second = second, first
	}
	if first.Count(e.first) != len(ids) || second.Unchanged != len(ids) {
		t.Errorf("reports of two callers = %+v and %+v, want all %s for one and all unchanged for the other", first, second, e.first)
	}
}

// wantSame wants what a store did to be what the model did.
func wantSame(t *testing.T, call string, outs, model []domain.Outcome, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s = %v, want no error", call, err)
	}
	if len(outs) != len(model) {
		t.Fatalf("%s gives %d outcomes, want %d", call, len(outs), len(model))
	}
	for i := range outs {
		if !reflect.DeepEqual(outs[i], model[i]) {
			t.Fatalf("%s outcome %d = %+v (%+v), want %+v (%+v)", call, i, outs[i], outs[i].Failure, model[i], model[i].Failure)
		}
	}
}

// notFound is the outcome of an edit of something that is not there.
func notFound(value string) domain.Outcome {
	return domain.FailedWith(domain.NewFailure(domain.CodeNotFound, "", value))
}
