package portstest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Failures runs the contract of [ports.Failures].
func Failures(t *testing.T, open func(*testing.T) ports.Store) {
	suite := itemFailures{"Failures", ports.Store.AddFailures, ports.Store.ListFailures}
	suite.test(t, open)

	t.Run("by code", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job, second := f.addJob(), f.addJob()
		items := itemsAt(0, 1, 2, 3, 5, 8)
		for i, code := range []domain.Code{"b", "c", "a", "c", "c", "a"} {
			items[i].Failure.Code = code
		}
		suite.mustAdd(f, job.Ref(), items...)
		suite.mustAdd(f, second.Ref(), itemsAt(4)...)
		want := []domain.FailureGroup{{Code: "c", Items: 3, First: 1}, {Code: "a", Items: 2, First: 2}, {Code: "b", Items: 1, First: 0}}
		if got, err := f.GroupFailures(t.Context(), job.Ref()); err != nil || !slices.Equal(got, want) {
			t.Errorf("GroupFailures() = %v, %v; want %v", got, err, want)
		}
		if got, err := f.GroupFailures(t.Context(), domain.JobRef{Tenant: "other", ID: job.ID()}); err != nil || len(got) != 0 {
			t.Errorf("GroupFailures(of another tenant) = %v, %v; want none", got, err)
		}
		for _, page := range []struct {
			after, limit int
			want         []domain.ItemFailure
		}{
			{-1, 2, []domain.ItemFailure{items[1], items[3]}},
			{3, 2, []domain.ItemFailure{items[4]}},
			{5, 2, nil},
			{-1, 0, nil},
		} {
			got, err := f.ListFailuresOf(t.Context(), job.Ref(), "c", page.after, page.limit)
			if err != nil || !slices.EqualFunc(got, page.want, sameFailure) {
				t.Errorf("ListFailuresOf(c, %d, %d) = %v, %v; want %v", page.after, page.limit, got, err, page.want)
			}
		}
	})

	t.Run("cleared by job", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job, second := f.addJob(), f.addJob()
		suite.mustAdd(f, job.Ref(), itemsAt(1)...)
		suite.mustAdd(f, second.Ref(), itemsAt(1, 2)...)
		for _, ref := range []domain.JobRef{{Tenant: "other", ID: job.ID()}, second.Ref()} {
			if err := f.ClearFailures(t.Context(), ref); err != nil {
				t.Errorf("ClearFailures(%v) = %v, want no error", ref, err)
			}
		}
		suite.want(f, t.Context(), second.Ref())
		suite.want(f, t.Context(), job.Ref(), itemsAt(1)...)
		suite.mustAdd(f, second.Ref(), itemsAt(1, 2)...) // the indexes are free again
	})

	t.Run("clearing is rolled back", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		suite.mustAdd(f, job.Ref(), itemsAt(1)...)
		if err := f.InTx(t.Context(), func(ctx context.Context) error {
			if err := f.ClearFailures(ctx, job.Ref()); err != nil {
				return err
			}
			if err := f.AddFailures(ctx, job.Ref(), itemsAt(2)); err != nil {
				return err
			}
			return errStoreSuite
		}); !errors.Is(err, errStoreSuite) {
			t.Fatalf("InTx(error) = %v, want %v", err, errStoreSuite)
		}
		suite.want(f, t.Context(), job.Ref(), itemsAt(1)...)
	})
}

// Warnings runs the contract of [ports.Warnings].
func Warnings(t *testing.T, open func(*testing.T) ports.Store) {
	suite := itemFailures{"Warnings", ports.Store.AddWarnings, ports.Store.ListWarnings}
	suite.test(t, open)

	t.Run("apart from failures", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		suite.mustAdd(f, job.Ref(), itemsAt(1, 2)...)
		if err := f.AddFailures(t.Context(), job.Ref(), itemsAt(2, 3)); err != nil {
			t.Errorf("AddFailures(index of a warning) = %v, want no error", err)
		}
		suite.want(f, t.Context(), job.Ref(), itemsAt(1, 2)...)
		if err := f.ClearFailures(t.Context(), job.Ref()); err != nil {
			t.Errorf("ClearFailures() = %v, want no error", err)
		}
		suite.want(f, t.Context(), job.Ref(), itemsAt(1, 2)...)
		if got, err := f.ListFailures(t.Context(), job.Ref(), -1, 10); err != nil || len(got) != 0 {
			t.Errorf("ListFailures(cleared) = %v, %v; want none", got, err)
		}
	})
}

// itemFailures are two methods that add and list what there is to say about
// items, and promise the same.
type itemFailures struct {
	name string // of what they add and list
	add  func(s ports.Store, ctx context.Context, ref domain.JobRef, failures []domain.ItemFailure) error
	list func(s ports.Store, ctx context.Context, ref domain.JobRef, after, limit int) ([]domain.ItemFailure, error)
}

// itemsAt returns a failure for each of the indexes.
func itemsAt(indexes ...int) []domain.ItemFailure {
	failures := make([]domain.ItemFailure, len(indexes))
	for i, index := range indexes {
		failures[i] = domain.ItemFailure{
			Index: index, Key: strconv.Itoa(1000 + index),
			Failure: domain.NewFailure(domain.CodeNotFound, "id", strconv.Itoa(index)),
		}
	}
	return failures
}

func (s itemFailures) mustAdd(f *storeFixture, ref domain.JobRef, failures ...domain.ItemFailure) {
	f.t.Helper()
	if err := s.add(f.Store, f.t.Context(), ref, failures); err != nil {
		f.t.Fatalf("Add%s(%d) = %v, want no error", s.name, len(failures), err)
	}
}

// want wants these, in order, and no others.
func (s itemFailures) want(f *storeFixture, ctx context.Context, ref domain.JobRef, want ...domain.ItemFailure) {
	f.t.Helper()
	got, err := s.list(f.Store, ctx, ref, -1, len(want)+1)
	if err != nil || !slices.EqualFunc(got, want, sameFailure) {
		f.t.Errorf("List%s(%v) gives %d, %v; want the %d that were added", s.name, ref, len(got), err, len(want))
	}
}

func (s itemFailures) test(t *testing.T, open func(*testing.T) ports.Store) {
	for name, test := range map[string]func(*storeFixture, *testing.T){
		"none":                          s.testNone,
		"as they were":                  s.testRoundTrip,
		"pages in the order of indexes": s.testPages,
		"full size":                     s.testFullSize,
		"an index that is taken":        s.testTaken,
		"jobs and tenants apart":        s.testApart,
		"rolled back":                   s.testRolledBack,
		"a snapshot does not see more":  s.testSnapshot,
		"an ended context adds nothing": s.testCancelled,
		"of two who race, one adds":     s.testRace,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newStoreFixture(t, open), t)
		})
	}
}

func (s itemFailures) testNone(f *storeFixture, t *testing.T) {
	job := f.addJob()
	s.mustAdd(f, job.Ref())
	s.want(f, t.Context(), job.Ref())
}

func (s itemFailures) testRoundTrip(f *storeFixture, t *testing.T) {
	job := f.addJob()
	var want []domain.ItemFailure
	for i, text := range awkwardTexts() {
		want = append(want, domain.ItemFailure{Index: i, Key: text, Failure: domain.Failure{
			Code: domain.CodeTooLong, Field: text, Value: text, Params: map[string]string{"p" + text: text, "max": "80"},
			Also: []domain.Failure{{Code: "also", Field: text, Value: text, Params: map[string]string{"q": text}}},
		}})
	}
	want = append(want, domain.ItemFailure{Index: len(want), Failure: domain.Failure{Code: "host_code"}})
	s.mustAdd(f, job.Ref(), want...)
	got, err := s.list(f.Store, t.Context(), job.Ref(), -1, len(want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("List%s() = %v, %v; want %v", s.name, got, err, want)
	}
}

func (s itemFailures) testPages(f *storeFixture, t *testing.T) {
	job := f.addJob()
	s.mustAdd(f, job.Ref(), itemsAt(7, 0)...)
	s.mustAdd(f, job.Ref(), itemsAt(100, 3)...)
	for _, tt := range []struct {
		after, limit int
		want         []int
	}{
		{-1, 10, []int{0, 3, 7, 100}},
		{-1, 2, []int{0, 3}},
		{0, 2, []int{3, 7}},
		{3, 10, []int{7, 100}},
		{4, 1, []int{7}},
		{100, 10, nil},
		{-1, 0, nil},
	} {
		got, err := s.list(f.Store, t.Context(), job.Ref(), tt.after, tt.limit)
		if want := itemsAt(tt.want...); err != nil || !slices.EqualFunc(got, want, sameFailure) {
			t.Errorf("List%s(after %d, limit %d) = %v, %v; want %v", s.name, tt.after, tt.limit, got, err, want)
		}
	}
}

func (s itemFailures) testFullSize(f *storeFixture, t *testing.T) {
	job := f.addJob()
	indexes := make([]int, fullBatch)
	for i := range indexes {
		indexes[i] = i
	}
	s.mustAdd(f, job.Ref(), itemsAt(indexes...)...)
	s.want(f, t.Context(), job.Ref(), itemsAt(indexes...)...)
}

func (s itemFailures) testTaken(f *storeFixture, t *testing.T) {
	job := f.addJob()
	s.mustAdd(f, job.Ref(), itemsAt(1, 2)...)
	for what, indexes := range map[string][]int{"again": {1, 2}, "last one taken": {3, 4, 2}, "one twice": {5, 5}} {
		wantCode(t, "Add"+s.name+"("+what+")", s.add(f.Store, t.Context(), job.Ref(), itemsAt(indexes...)), domain.CodeConflict)
	}
	s.want(f, t.Context(), job.Ref(), itemsAt(1, 2)...)
}

func (s itemFailures) testApart(f *storeFixture, t *testing.T) {
	job, second := f.addJob(), f.addJob()
	s.mustAdd(f, job.Ref(), itemsAt(1)...)
	s.mustAdd(f, second.Ref(), itemsAt(1, 2)...)
	s.want(f, t.Context(), domain.JobRef{Tenant: "other", ID: job.ID()})
	s.want(f, t.Context(), job.Ref(), itemsAt(1)...)
	s.want(f, t.Context(), second.Ref(), itemsAt(1, 2)...)
}

func (s itemFailures) testRolledBack(f *storeFixture, t *testing.T) {
	job := f.addJob()
	s.mustAdd(f, job.Ref(), itemsAt(1)...)
	more := func(ctx context.Context) error {
		if err := s.add(f.Store, ctx, job.Ref(), itemsAt(2)); err != nil {
			t.Errorf("Add%s() in a transaction = %v, want no error", s.name, err)
		}
		s.want(f, ctx, job.Ref(), itemsAt(1, 2)...)
		return errStoreSuite
	}
	if err := f.InTx(t.Context(), more); !errors.Is(err, errStoreSuite) {
		t.Fatalf("InTx(error) = %v, want %v", err, errStoreSuite)
	}
	s.want(f, t.Context(), job.Ref(), itemsAt(1)...)
	if err := f.InTx(t.Context(), func(ctx context.Context) error {
		if err := f.Savepoint(ctx, more); !errors.Is(err, errStoreSuite) {
			t.Errorf("Savepoint(error) = %v, want %v", err, errStoreSuite)
		}
		s.want(f, ctx, job.Ref(), itemsAt(1)...)
		return s.add(f.Store, ctx, job.Ref(), itemsAt(3))
	}); err != nil {
		t.Fatalf("InTx(savepoint) = %v, want no error", err)
	}
	s.want(f, t.Context(), job.Ref(), itemsAt(1, 3)...)
}

func (s itemFailures) testSnapshot(f *storeFixture, t *testing.T) {
	job := f.addJob()
	s.mustAdd(f, job.Ref(), itemsAt(1)...)
	if err := f.Snapshot(t.Context(), func(ctx context.Context) error {
		s.mustAdd(f, job.Ref(), itemsAt(2)...)
		s.want(f, ctx, job.Ref(), itemsAt(1)...)
		wantCode(t, "Add"+s.name+"() in a snapshot", s.add(f.Store, ctx, job.Ref(), itemsAt(3)), domain.CodeInternal)
		return nil
	}); err != nil {
		t.Fatalf("Snapshot() = %v, want no error", err)
	}
	s.want(f, t.Context(), job.Ref(), itemsAt(1, 2)...)
}

func (s itemFailures) testCancelled(f *storeFixture, t *testing.T) {
	job := f.addJob()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, listErr := s.list(f.Store, ctx, job.Ref(), -1, 10)
	for call, err := range map[string]error{"Add": s.add(f.Store, ctx, job.Ref(), itemsAt(1)), "List": listErr} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s%s(ended context) = %v, want %v", call, s.name, err, context.Canceled)
		}
	}
	s.want(f, t.Context(), job.Ref())
}

func (s itemFailures) testRace(f *storeFixture, t *testing.T) {
	job := f.addJob()
	var errs [2]error
	atOnce(len(errs), func(i int) { errs[i] = s.add(f.Store, t.Context(), job.Ref(), itemsAt(1, 2)) })
	if won := slices.Index(errs[:], nil); won < 0 || !errors.Is(errs[1-won], domain.CodeConflict) {
		t.Errorf("Add%s() of two = %v, want one error, %v", s.name, errs, domain.CodeConflict)
	}
	s.want(f, t.Context(), job.Ref(), itemsAt(1, 2)...)
}

func sameFailure(a, b domain.ItemFailure) bool { return reflect.DeepEqual(a, b) }
