package portstest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// keyStore is what the suite of API keys runs on.
type keyStore = interface {
	ports.APIKeys
	ports.Authority
}

// APIKeys runs the contracts of [ports.APIKeys] and [ports.Authority] on a
// value that keeps both, where users hold what their keys hold. Each subtest
// calls open for an empty one, which cleans up through its t.
func APIKeys(t *testing.T, open func(*testing.T) interface {
	ports.APIKeys
	ports.Authority
},
) {
	t.Run("add and find", func(t *testing.T) { apiKeysAdd(t, open) })
	t.Run("list", func(t *testing.T) { apiKeysList(t, open) })
	t.Run("revoke", func(t *testing.T) { apiKeysRevoke(t, open) })
	t.Run("holds", func(t *testing.T) { apiKeysHolds(t, open) })
}

// newKey returns a key of the tenant "acme" and the user "ann".
func newKey(id string, permissions ...domain.Permission) ports.APIKey {
	key := ports.APIKey{ID: id, Tenant: "acme", User: "ann", Permissions: permissions, CreatedAt: storeNow}
	for i := range key.Hash {
		key.Hash[i] = byte(0xff - 8*i)
	}
	return key
}

func addKey(t *testing.T, keys keyStore, key ports.APIKey) {
	t.Helper()
	if err := keys.AddAPIKey(t.Context(), key); err != nil {
		t.Fatalf("AddAPIKey(%q) = %v, want no error", key.ID, err)
	}
}

func wantKey(t *testing.T, keys keyStore, want ports.APIKey) {
	t.Helper()
	got, err := keys.FindAPIKey(t.Context(), want.ID)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("FindAPIKey(%.40q) = %+v, %v; want %+v", want.ID, got, err, want)
	}
}

func apiKeysAdd(t *testing.T, open func(*testing.T) keyStore) {
	t.Run("as it was", func(t *testing.T) {
		t.Parallel()
		keys := open(t)
		want := []ports.APIKey{newKey("bare"), newKey("many", "a", "b", domain.All), {ID: "zero", Permissions: []domain.Permission{}}}
		for _, text := range awkwardTexts() {
			key := newKey("k"+text, domain.Permission(text))
			key.Tenant, key.User, key.RevokedAt = domain.TenantID(text), domain.UserID(text), storeNow.Add(time.Microsecond)
			want = append(want, key)
		}
		for _, key := range want {
			addKey(t, keys, key)
		}
		for _, key := range want {
			wantKey(t, keys, key)
		}
	})

	t.Run("an identifier that is taken", func(t *testing.T) {
		t.Parallel()
		keys := open(t)
		first, second := newKey("id", "a"), newKey("id", "b")
		second.Tenant = "other"
		addKey(t, keys, first)
		wantCode(t, "AddAPIKey(again)", keys.AddAPIKey(t.Context(), first), domain.CodeConflict)
		wantCode(t, "AddAPIKey(other tenant)", keys.AddAPIKey(t.Context(), second), domain.CodeConflict)
		wantKey(t, keys, first)
	})

	t.Run("two race for one identifier", func(t *testing.T) {
		t.Parallel()
		keys := open(t)
		var won atomic.Int64
		atOnce(20, func(int) {
			switch err := keys.AddAPIKey(t.Context(), newKey("id")); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, domain.CodeConflict):
				t.Errorf("AddAPIKey(raced) = %v, want %v", err, domain.CodeConflict)
			}
		})
		if won.Load() != 1 {
			t.Errorf("%d callers added the key, want 1", won.Load())
		}
	})

	t.Run("not found", func(t *testing.T) {
		t.Parallel()
		keys := open(t)
		addKey(t, keys, newKey("id"))
		for _, id := range []string{"", "nobody", "ID", "id%", "i_"} {
			_, err := keys.FindAPIKey(t.Context(), id)
			wantCode(t, "FindAPIKey("+id+")", err, domain.CodeNotFound)
			wantCode(t, "RevokeAPIKey("+id+")", keys.RevokeAPIKey(t.Context(), id, storeNow), domain.CodeNotFound)
		}
	})

	t.Run("what goes in and comes out is not shared", func(t *testing.T) {
		t.Parallel()
		keys := open(t)
		want := newKey("id", "a", "b")
		given := newKey("id", "a", "b")
		addKey(t, keys, given)
		given.Permissions[0] = domain.All
		got, err := keys.FindAPIKey(t.Context(), "id")
		if err != nil {
			t.Fatalf("FindAPIKey() = %v, want no error", err)
		}
		got.Permissions[1] = domain.All
		wantKey(t, keys, want)
	})

	t.Run("an ended context", func(t *testing.T) {
		t.Parallel()
		keys := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, find := keys.FindAPIKey(ctx, "id")
		for call, err := range map[string]error{"FindAPIKey": find, "AddAPIKey": keys.AddAPIKey(ctx, newKey("id"))} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s(ended context) = %v, want %v", call, err, context.Canceled)
			}
		}
	})
}

func apiKeysList(t *testing.T, open func(*testing.T) keyStore) {
	t.Run("in the order of creation", func(t *testing.T) {
		t.Parallel()
		keys := open(t)
		wantList := func(tenant domain.TenantID, want ...string) {
			t.Helper()
			got, err := keys.ListAPIKeys(t.Context(), tenant)
			ids := make([]string, len(got))
			for i, key := range got {
				ids[i] = key.ID
			}
			if err != nil || !slices.Equal(ids, want) {
				t.Errorf("ListAPIKeys(%q) = %v, %v; want %v", tenant, ids, err, want)
			}
		}
		wantList("acme")
		wantList("")
		for i, id := range []string{"z", "m", "a", "b"} {
			key := newKey(id)
			key.CreatedAt = storeNow.Add(time.Duration(i) * time.Microsecond)
			if id == "m" {
				key.Tenant = "other"
			}
			if id == "a" {
				key.RevokedAt = storeNow
			}
			addKey(t, keys, key)
		}
		wantList("acme", "z", "a", "b")
		wantList("other", "m")
		wantList("nobody")
		wantList("", "z", "m", "a", "b")
	})
}

func apiKeysRevoke(t *testing.T, open func(*testing.T) keyStore) {
	t.Run("as of the time, once", func(t *testing.T) {
		t.Parallel()
		keys := open(t)
		want, other := newKey("id", "a"), newKey("other", "a")
		addKey(t, keys, want)
		addKey(t, keys, other)
		want.RevokedAt = storeNow.Add(time.Hour)
		for _, at := range []time.Time{want.RevokedAt, storeNow.Add(2 * time.Hour)} {
			if err := keys.RevokeAPIKey(t.Context(), "id", at); err != nil {
				t.Errorf("RevokeAPIKey(%v) = %v, want no error", at, err)
			}
			wantKey(t, keys, want)
		}
		wantKey(t, keys, other)
	})
}

func apiKeysHolds(t *testing.T, open func(*testing.T) keyStore) {
	t.Run("what any good key includes", func(t *testing.T) {
		t.Parallel()
		keys := open(t)
		wantHolds := func(tenant domain.TenantID, user domain.UserID, permission domain.Permission, want bool) {
			t.Helper()
			if got, err := keys.Holds(t.Context(), tenant, user, permission); err != nil || got != want {
				t.Errorf("Holds(%s, %s, %s) = %t, %v; want %t", tenant, user, permission, got, err, want)
			}
		}
		wantHolds("acme", "ann", "open", false)
		addKey(t, keys, newKey("1", "open"))
		addKey(t, keys, newKey("2", "close", "export"))
		addKey(t, keys, newKey("3"))
		boss := newKey("4", domain.All)
		boss.User = "boss"
		addKey(t, keys, boss)
		elsewhere := newKey("5", "elsewhere")
		elsewhere.Tenant = "other"
		addKey(t, keys, elsewhere)

		wantHolds("acme", "ann", "open", true)
		wantHolds("acme", "ann", "export", true)
		wantHolds("acme", "ann", "ope", false)
		wantHolds("acme", "ann", domain.All, false)
		wantHolds("acme", "ann", "elsewhere", false)
		wantHolds("other", "ann", "elsewhere", true)
		wantHolds("other", "ann", "open", false)
		wantHolds("acme", "boss", "anything", true)
		wantHolds("acme", "nobody", "open", false)

		if err := keys.RevokeAPIKey(t.Context(), "1", storeNow); err != nil {
			t.Fatalf("RevokeAPIKey() = %v, want no error", err)
		}
		wantHolds("acme", "ann", "open", false)
		wantHolds("acme", "ann", "close", true)
		addKey(t, keys, newKey("6", "open"))
		wantHolds("acme", "ann", "open", true)
	})
}
