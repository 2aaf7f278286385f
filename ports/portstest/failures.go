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
	list := func(f *storeFixture, ref domain.JobRef, after, limit int) []domain.ItemFailure {
		f.t.Helper()
		got, err := f.ListFailures(f.t.Context(), ref, after, limit)
		if err != nil {
			f.t.Fatalf("ListFailures(%v, %d, %d) = %v, want no error", ref, after, limit, err)
		}
		return got
	}
	add := func(f *storeFixture, ref domain.JobRef, failures ...domain.ItemFailure) {
		f.t.Helper()
		if err := f.AddFailures(f.t.Context(), ref, failures); err != nil {
			f.t.Fatalf("AddFailures(%d) = %v, want no error", len(failures), err)
		}
	}
	at := func(indexes ...int) []domain.ItemFailure {
		failures := make([]domain.ItemFailure, len(indexes))
		for i, index := range indexes {
			failures[i] = domain.ItemFailure{
				Index: index, Key: strconv.Itoa(1000 + index),
				Failure: domain.NewFailure(domain.CodeNotFound, "id", strconv.Itoa(index)),
			}
		}
		return failures
	}

	t.Run("none", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		add(f, job.Ref())
		if got := list(f, job.Ref(), -1, 10); len(got) != 0 {
			t.Errorf("ListFailures() = %v, want none", got)
		}
	})

	t.Run("as they were", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		var want []domain.ItemFailure
		for i, text := range awkwardTexts() {
			want = append(want, domain.ItemFailure{Index: i, Key: text, Failure: domain.Failure{
				Code: domain.CodeTooLong, Field: text, Value: text, Params: map[string]string{"p" + text: text, "max": "80"},
				Also: []domain.Failure{{Code: "also", Field: text, Value: text, Params: map[string]string{"q": text}}},
			}})
		}
		want = append(want, domain.ItemFailure{Index: len(want), Failure: domain.Failure{Code: "host_code"}})
		add(f, job.Ref(), want...)
		if got := list(f, job.Ref(), -1, len(want)); !reflect.DeepEqual(got, want) {
			t.Errorf("ListFailures() = %v, want %v", got, want)
		}
	})

	t.Run("pages in the order of the indexes", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		add(f, job.Ref(), at(7, 0)...)
		add(f, job.Ref(), at(100, 3)...)
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
			if got, want := list(f, job.Ref(), tt.after, tt.limit), at(tt.want...); !slices.EqualFunc(got, want, sameFailure) {
				t.Errorf("ListFailures(after %d, limit %d) = %v, want %v", tt.after, tt.limit, got, want)
			}
		}
	})

	t.Run("full size", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		indexes := make([]int, fullBatch)
		for i := range indexes {
			indexes[i] = i
		}
		want := at(indexes...)
		add(f, job.Ref(), want...)
		if got := list(f, job.Ref(), -1, fullBatch+1); !reflect.DeepEqual(got, want) {
			t.Errorf("ListFailures() = %d failures, want the %d that were added", len(got), len(want))
		}
	})

	t.Run("an index that is taken", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		add(f, job.Ref(), at(1, 2)...)
		wantCode(t, "AddFailures(again)", f.AddFailures(t.Context(), job.Ref(), at(1, 2)), domain.CodeConflict)
		wantCode(t, "AddFailures(last one taken)", f.AddFailures(t.Context(), job.Ref(), at(3, 4, 2)), domain.CodeConflict)
		wantCode(t, "AddFailures(one twice)", f.AddFailures(t.Context(), job.Ref(), at(5, 5)), domain.CodeConflict)
		if got, want := list(f, job.Ref(), -1, 10), at(1, 2); !reflect.DeepEqual(got, want) {
			t.Errorf("ListFailures() = %v, want %v", got, want)
		}
	})

	t.Run("jobs and tenants apart", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job, second := f.addJob(), f.addJob()
		other := domain.JobRef{Tenant: "other", ID: job.ID()}
		add(f, job.Ref(), at(1)...)
		add(f, second.Ref(), at(1, 2)...)
		if got := list(f, other, -1, 10); len(got) != 0 {
			t.Errorf("ListFailures(another tenant) = %v, want none", got)
		}
		for _, ref := range []domain.JobRef{other, second.Ref()} {
			if err := f.ClearFailures(t.Context(), ref); err != nil {
				t.Errorf("ClearFailures(%v) = %v, want no error", ref, err)
			}
		}
		if got := list(f, second.Ref(), -1, 10); len(got) != 0 {
			t.Errorf("ListFailures(cleared) = %v, want none", got)
		}
		if got := list(f, job.Ref(), -1, 10); len(got) != 1 {
			t.Errorf("ListFailures() = %v, want the one of this job", got)
		}
		add(f, second.Ref(), at(1, 2)...) // the indexes are free again
	})

	t.Run("rolled back", func(t *testing.T) {
		t.Parallel()
		f := newStoreFixture(t, open)
		job := f.addJob()
		add(f, job.Ref(), at(1)...)
		if err := f.InTx(t.Context(), func(ctx context.Context) error {
			if err := f.ClearFailures(ctx, job.Ref()); err != nil {
				return err
			}
			if err := f.AddFailures(ctx, job.Ref(), at(2)); err != nil {
				return err
			}
			return errStoreSuite
		}); !errors.Is(err, errStoreSuite) {
			t.Fatalf("InTx(error) = %v, want %v", err, errStoreSuite)
		}
		if got, want := list(f, job.Ref(), -1, 10), at(1); !reflect.DeepEqual(got, want) {
			t.Errorf("ListFailures() = %v, want %v", got, want)
		}
	})
}

func sameFailure(a, b domain.ItemFailure) bool { return reflect.DeepEqual(a, b) }
