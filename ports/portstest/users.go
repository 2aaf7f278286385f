package portstest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// UserStore is what [Users] tests.
type UserStore interface {
	readStore
	ports.Users
}

// Users runs the contract of [ports.Users]. Each subtest calls open for an
// empty store, which cleans up through its t.
func Users(t *testing.T, open func(*testing.T) UserStore) {
	reads[estate.User]{}.test(t, func(t *testing.T) reads[estate.User] {
		s := open(t)
		return reads[estate.User]{
			readStore: s, name: "users", upsert: s.UpsertUsers,
			of: func(ctx context.Context, tenant domain.TenantID, ids []int64) iter.Seq2[estate.User, error] {
				return func(yield func(estate.User, error) bool) {
					users, err := s.ListUsers(ctx, tenant, ids)
					if err != nil {
						if len(users) > 0 {
							err = errors.Join(errStoreSuite, err)
						}
						yield(estate.User{}, err)
						return
					}
					// A list is in any order.
					slices.SortFunc(users, func(a, b estate.User) int { return int(a.ID - b.ID) })
					for _, u := range users {
						if !yield(u, nil) {
							return
						}
					}
				}
			},
			object: func(id int64, version int) estate.User {
				return estate.User{ID: id, Name: "王", Role: estate.Roles()[version%3]}
			},
			id: func(u estate.User) int64 { return u.ID },
		}
	})
	t.Run("a user comes back as it was stored", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		want := []estate.User{
			{ID: 1, Name: "王經理", Role: estate.Agent},
			{ID: 2, Name: " O'Neil \\ 😀 %_ \"?0\"\n", Role: estate.Landlord},
			{ID: estate.MaxID, Name: "\u212A", Role: estate.Staff},
		}
		if err := loaded(s.UpsertUsers(t.Context(), editTenant, want)); err != nil {
			t.Fatalf("UpsertUsers: %v", err)
		}
		for _, w := range want {
			got, err := s.ListUsers(t.Context(), editTenant, []int64{w.ID})
			if err != nil || len(got) != 1 || got[0] != w {
				t.Errorf("ListUsers(%d) = %+v, %v; want %+v", w.ID, got, err, w)
			}
		}
	})
}
