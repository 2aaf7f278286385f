package portstest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// readStore is what every suite of objects needs besides its port.
type readStore interface {
	ports.Transactions
	ports.EstateLoads
}

// There are more objects than any store is thought to read at once.
const severalPages = 1_203

// readEstates are so many estates, from 1, which the objects of [reads] may
// name.
const readEstates = 7

// reads is a port under test, with which [reads.test] tests what all methods
// that yield objects promise.
type reads[O comparable] struct {
	readStore
	name     string
	all      func(ctx context.Context, tenant domain.TenantID) iter.Seq2[O, error]              // EachX without conditions; nil when there is none
	of       func(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[O, error] // EachXOf
	selected func(ctx context.Context, tenant domain.TenantID) iter.Seq2[int64, error]          // SelectX without conditions; nil when there is none
	upsert   func(ctx context.Context, tenant domain.TenantID, objects []O) ([]domain.Outcome, error)
	object   func(id int64, version int) O // of [prepareReads]; versions differ
	id       func(O) int64
}

// test runs the tests. Each calls open for a store that has what objects name,
// and no object.
func (reads[O]) test(t *testing.T, open func(*testing.T) reads[O]) {
	for name, test := range map[string]func(reads[O], *testing.T){
		"nothing stored, nothing found":                     reads[O].testEmpty,
		"many come whole, in order, each once":              reads[O].testMany,
		"identifiers in any order, again, and of nothing":   reads[O].testIdentifiers,
		"whoever stops early leaves nothing open":           reads[O].testStops,
		"tenants are apart":                                 reads[O].testTenants,
		"an ended context yields its error alone":           reads[O].testCancelled,
		"a context that ends meanwhile ends the reading":    reads[O].testCancelledMeanwhile,
		"a snapshot does not see later changes":             reads[O].testSnapshot,
		"inside a transaction its own writes are seen":      reads[O].testOwnWrites,
		"what a savepoint or a transaction undid is unseen": reads[O].testUndone,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(open(t), t)
		})
	}
}

// prepareReads stores the users and the estates that the objects of two
// tenants name.
func prepareReads(t *testing.T, s readStore, estates int64) {
	t.Helper()
	for _, tenant := range []domain.TenantID{editTenant, otherTenant} {
		if err := loadNamed(t.Context(), s, tenant, plainEstates(estates)); err != nil {
			t.Fatalf("load what objects name: %v", err)
		}
	}
}

func plainEstates(n int64) []estate.Estate {
	estates := make([]estate.Estate, n)
	for i := range estates {
		estates[i] = plainEstate(int64(i + 1))
	}
	return estates
}

// loadNamed stores two agents, two landlords and the estates.
func loadNamed(ctx context.Context, s readStore, tenant domain.TenantID, estates []estate.Estate) error {
	return errors.Join(
		loaded(s.UpsertUsers(ctx, tenant, []estate.User{
			{ID: agentID, Name: "王經理", Role: estate.Agent},
			{ID: otherAgent, Name: "Lin", Role: estate.Agent},
			{ID: landlordID, Name: "陳房東", Role: estate.Landlord},
			{ID: landlord2ID, Name: "Wu", Role: estate.Landlord},
		})),
		loaded(s.UpsertEstates(ctx, tenant, estates)),
	)
}

// loaded returns an error unless every record was stored.
func loaded(outs []domain.Outcome, err error) error {
	for _, o := range outs {
		if o.Failure != nil {
			return fmt.Errorf("a record failed: %v", o.Failure)
		}
	}
	return err
}

// load stores objects of the tenant.
func (r reads[O]) load(t *testing.T, ctx context.Context, tenant domain.TenantID, objects ...O) {
	t.Helper()
	if err := loaded(r.upsert(ctx, tenant, objects)); err != nil {
		t.Fatalf("store %d of %s: %v", len(objects), r.name, err)
	}
}

// objects returns the objects from, …, to, in order.
func (r reads[O]) objects(from, to int64, version int) []O {
	var list []O
	for id := from; id <= to; id++ {
		list = append(list, r.object(id, version))
	}
	return list
}

func (r reads[O]) ids(objects []O) []int64 {
	ids := make([]int64, len(objects))
	for i, o := range objects {
		ids[i] = r.id(o)
	}
	return ids
}

// want wants every way of reading to find these objects, which are all that
// the tenant has.
func (r reads[O]) want(t *testing.T, ctx context.Context, tenant domain.TenantID, when string, want []O) {
	t.Helper()
	if r.all != nil {
		wantObjects(t, "each of "+r.name+" "+when, collect(t, "each of "+r.name, r.all(ctx, tenant)), want)
	}
	if r.selected != nil {
		wantObjects(t, "selected of "+r.name+" "+when, collect(t, "selected of "+r.name, r.selected(ctx, tenant)), r.ids(want))
	}
	wantObjects(t, r.name+" by identifier "+when, collect(t, r.name+" by identifier", r.of(ctx, tenant, r.ids(want))), want)
}

func wantObjects[V comparable](t interface {
	Helper()
	Errorf(format string, args ...any)
}, what string, got, want []V,
) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Errorf("%s: %d, want %d; the first %d are as they should be, then %+v instead of %+v",
				what, len(got), len(want), i, got[i:min(i+3, len(got))], want[min(i, len(want)):min(i+3, len(want))])
			return
		}
	}
}

func (r reads[O]) testEmpty(t *testing.T) {
	ctx, never := t.Context(), domain.TenantID("tenant-without")
	r.want(t, ctx, never, "of an empty store", nil)
	r.want(t, ctx, never, "of an empty store, again", []O{})
	wantObjects(t, r.name+" that are not there", collect(t, r.name, r.of(ctx, never, []int64{1, 2, 1})), nil)
}

func (r reads[O]) testMany(t *testing.T) {
	ctx := t.Context()
	all := r.objects(1, severalPages, 1)
	// A round number may end exactly with a page.
	for _, n := range []int{1, 500, 1_000, severalPages} {
		some := slices.Clone(all[:n])
		slices.Reverse(some)
		r.load(t, ctx, editTenant, some...)
		r.want(t, ctx, editTenant, fmt.Sprintf("of %d", n), all[:n])
	}
	twice := slices.Concat(r.ids(all), []int64{severalPages + 1}, r.ids(all))
	slices.Reverse(twice)
	wantObjects(t, r.name+" named twice, backwards", collect(t, r.name, r.of(ctx, editTenant, twice)), all)
}

func (r reads[O]) testIdentifiers(t *testing.T) {
	ctx := t.Context()
	ten, most := r.object(10, 1), r.object(estate.MaxID, 1)
	r.load(t, ctx, editTenant, most, r.object(9, 1), ten, r.object(2, 1))
	for _, c := range []struct{ ids, want []int64 }{
		{nil, nil},
		{[]int64{3}, nil},
		{[]int64{missingID, 0, -1, estate.MaxID - 1}, nil},
		{[]int64{10}, []int64{10}},
		{[]int64{10, 9, 10, 10, 2, 9}, []int64{2, 9, 10}},
		{[]int64{estate.MaxID, missingID, 2, -9, 2, 0, estate.MaxID}, []int64{2, estate.MaxID}},
	} {
		given := slices.Clone(c.ids)
		got := collect(t, r.name, r.of(ctx, editTenant, given))
		wantObjects(t, fmt.Sprintf("%s %v", r.name, c.ids), r.ids(got), c.want)
		if !slices.Equal(given, c.ids) {
			t.Errorf("reading %s %v turns the list into %v, want it left alone", r.name, c.ids, given)
		}
	}
	wantObjects(t, "the one object", collect(t, r.name, r.of(ctx, editTenant, []int64{10})), []O{ten})
	wantObjects(t, "the last object", collect(t, r.name, r.of(ctx, editTenant, []int64{estate.MaxID})), []O{most})
}

func (r reads[O]) testStops(t *testing.T) {
	ctx := t.Context()
	all := r.objects(1, severalPages, 1)
	r.load(t, ctx, editTenant, all...)
	changes := 0
	stop := func(ctx, change context.Context) {
		for _, n := range []int{1, 500, 501} {
			for what, seq := range r.sequences(ctx, editTenant, r.ids(all)) {
				seen := 0
				for id, err := range seq {
					if seen++; err != nil || id != int64(seen) {
						t.Fatalf("%s yields %d, %v at %d; want that", what, id, err, seen)
					}
					if seen == n {
						break
					}
				}
				// A store with one connection is stuck here when it was kept.
				changes++
				r.load(t, change, editTenant, r.object(severalPages, changes+1))
			}
		}
	}
	stop(ctx, ctx)
	if err := r.Snapshot(ctx, func(inside context.Context) error { stop(inside, ctx); return nil }); err != nil {
		t.Errorf("Snapshot = %v, want no error", err)
	}
	if err := r.InTx(ctx, func(inside context.Context) error { stop(inside, inside); return nil }); err != nil {
		t.Errorf("InTx = %v, want no error", err)
	}
	all[severalPages-1] = r.object(severalPages, changes+1)
	r.want(t, ctx, editTenant, "after all", all)
}

// sequences are all the ways of reading, as identifiers.
func (r reads[O]) sequences(ctx context.Context, tenant domain.TenantID, ids []int64) map[string]iter.Seq2[int64, error] {
	numbers := func(seq iter.Seq2[O, error]) iter.Seq2[int64, error] {
		return func(yield func(int64, error) bool) {
			var none O
			for o, err := range seq {
				id := r.id(o)
				if err != nil && o != none {
					err = fmt.Errorf("an object comes with an error: %w", errors.Join(errStoreSuite, err))
				}
				if !yield(id, err) {
					return
				}
			}
		}
	}
	all := map[string]iter.Seq2[int64, error]{r.name + " by identifier": numbers(r.of(ctx, tenant, ids))}
	if r.all != nil {
		all["each of "+r.name] = numbers(r.all(ctx, tenant))
	}
	if r.selected != nil {
		all["selected of "+r.name] = r.selected(ctx, tenant)
	}
	return all
}

func (r reads[O]) testTenants(t *testing.T) {
	ctx := t.Context()
	mine, theirs := r.objects(1, 3, 1), r.objects(2, 4, 2)
	r.load(t, ctx, editTenant, mine...)
	r.load(t, ctx, otherTenant, theirs...)
	r.want(t, ctx, editTenant, "of the one tenant", mine)
	r.want(t, ctx, otherTenant, "of the other tenant", theirs)
	wantObjects(t, r.name+" by the numbers of both", collect(t, r.name, r.of(ctx, editTenant, []int64{1, 2, 3, 4})), mine)
	r.want(t, ctx, "tenant", "of a tenant whose name is a part of theirs", nil)
}

func (r reads[O]) testCancelled(t *testing.T) {
	r.load(t, t.Context(), editTenant, r.objects(1, 3, 1)...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for what, seq := range r.sequences(ctx, editTenant, []int64{1, 2, 3}) {
		yields := 0
		for id, err := range seq {
			if yields++; !errors.Is(err, context.Canceled) || errors.Is(err, errStoreSuite) || id != 0 {
				t.Errorf("%s yields %d, %v; want context.Canceled alone", what, id, err)
			}
		}
		if yields != 1 {
			t.Errorf("%s yields %d times, want the error once", what, yields)
		}
	}
}

func (r reads[O]) testCancelledMeanwhile(t *testing.T) {
	all := r.objects(1, severalPages, 1)
	r.load(t, t.Context(), editTenant, all...)
	for what := range r.sequences(t.Context(), editTenant, nil) {
		ctx, cancel := context.WithCancel(t.Context())
		seen, failed := 0, false
		for id, err := range r.sequences(ctx, editTenant, r.ids(all))[what] {
			switch {
			case failed:
				t.Fatalf("%s yields %d, %v after its error; want nothing", what, id, err)
			case err != nil:
				if failed = true; !errors.Is(err, context.Canceled) || id != 0 {
					t.Errorf("%s yields %d, %v; want context.Canceled", what, id, err)
				}
			default:
				if seen++; id != int64(seen) {
					t.Fatalf("%s yields %d at %d", what, id, seen)
				}
				cancel()
			}
		}
		cancel()
		if seen < len(all) && !failed {
			t.Errorf("%s yields %d of %d and no error, want the context's", what, seen, len(all))
		}
	}
}

func (r reads[O]) testSnapshot(t *testing.T) {
	outer := t.Context()
	before := r.objects(1, severalPages, 1)
	r.load(t, outer, editTenant, before...)
	after := append(slices.Clone(before), r.object(severalPages+1, 1))
	after[0], after[severalPages-2] = r.object(1, 2), r.object(severalPages-1, 2)
	err := r.Snapshot(outer, func(ctx context.Context) error {
		r.load(t, outer, editTenant, after[0], after[severalPages-2], after[severalPages])
		r.want(t, ctx, editTenant, "in a snapshot that had read nothing", before)
		wantObjects(t, r.name+" that are new", collect(t, r.name, r.of(ctx, editTenant, []int64{severalPages + 1})), nil)
		return nil
	})
	if err != nil {
		t.Fatalf("Snapshot = %v, want no error", err)
	}
	r.want(t, outer, editTenant, "after the snapshot", after)
	// Now the changes come while the snapshot is read.
	version := 2
	for what := range r.sequences(outer, editTenant, nil) {
		version++
		changes := []O{r.object(1, version), r.object(2, version), r.object(severalPages/2, version), r.object(int64(severalPages+version-1), version)}
		next := append(slices.Clone(after), changes[3])
		next[0], next[1], next[severalPages/2-1] = changes[0], changes[1], changes[2]
		err := r.Snapshot(outer, func(ctx context.Context) error {
			seen := 0
			for id, err := range r.sequences(ctx, editTenant, r.ids(next))[what] {
				if seen++; err != nil || id != int64(seen) {
					t.Fatalf("%s yields %d, %v at %d; want that", what, id, err, seen)
				}
				if seen == 1 {
					r.load(t, outer, editTenant, changes...)
				}
			}
			if seen != len(after) {
				t.Errorf("%s in a snapshot yields %d, want the %d as it was", what, seen, len(after))
			}
			r.want(t, ctx, editTenant, "in a snapshot that is being read", after)
			return nil
		})
		if err != nil {
			t.Fatalf("Snapshot = %v, want no error", err)
		}
		after = next
		r.want(t, outer, editTenant, "after that snapshot", after)
	}
}

func (r reads[O]) testOwnWrites(t *testing.T) {
	r.load(t, t.Context(), editTenant, r.objects(1, 3, 1)...)
	want := append(r.objects(1, 1, 1), r.objects(2, 5, 2)...)
	err := r.InTx(t.Context(), func(ctx context.Context) error {
		r.load(t, ctx, editTenant, r.objects(2, 5, 2)...)
		r.want(t, ctx, editTenant, "in the transaction that wrote them", want)
		for what, seq := range r.sequences(ctx, editTenant, r.ids(want)) {
			for id, err := range seq {
				if err != nil {
					return fmt.Errorf("%s: %w", what, err)
				}
				// A transaction goes on being usable while it reads.
				r.load(t, ctx, editTenant, r.object(id, 3))
			}
		}
		want = r.objects(1, 5, 3)
		r.want(t, ctx, editTenant, "in the transaction that wrote them while it read", want)
		return nil
	})
	if err != nil {
		t.Fatalf("InTx = %v, want no error", err)
	}
	r.want(t, t.Context(), editTenant, "after the transaction", want)
}

func (r reads[O]) testUndone(t *testing.T) {
	before := r.objects(1, 3, 1)
	r.load(t, t.Context(), editTenant, before...)
	err := r.InTx(t.Context(), func(ctx context.Context) error {
		err := r.Savepoint(ctx, func(ctx context.Context) error {
			r.load(t, ctx, editTenant, r.objects(1, 9, 2)...)
			r.want(t, ctx, editTenant, "in the savepoint", r.objects(1, 9, 2))
			return errStoreSuite
		})
		if !errors.Is(err, errStoreSuite) {
			t.Errorf("Savepoint = %v, want its function's error", err)
		}
		r.want(t, ctx, editTenant, "after the savepoint was undone", before)
		r.load(t, ctx, editTenant, r.objects(3, 4, 2)...)
		return errStoreSuite
	})
	if !errors.Is(err, errStoreSuite) {
		t.Errorf("InTx = %v, want its function's error", err)
	}
	r.want(t, t.Context(), editTenant, "after the transaction was undone", before)
}
