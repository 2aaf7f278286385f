package access_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/access"
	"github.com/batchport/batchport/domain"
)

var somebody = domain.Principal{Tenant: "acme", User: "7", Permissions: []domain.Permission{"estate_export"}}

func newKeys() (*access.Keys, *memory.Store) {
	store := memory.NewStore(time.Now)
	return access.NewKeys(store, time.Now), store
}

func TestAKeyProvesItsHolder(t *testing.T) {
	t.Parallel()
	keys, _ := newKeys()
	token, err := keys.Create(t.Context(), somebody)
	if err != nil {
		t.Fatalf("Create() = %v, want a key", err)
	}
	who, err := keys.Authenticate(t.Context(), token)
	if err != nil || who.Tenant != somebody.Tenant || who.User != somebody.User || !who.May("estate_export") || who.May("repair_export") {
		t.Errorf("Authenticate(its key) = %+v, %v; want %+v", who, err, somebody)
	}
}

func TestNothingElseDoes(t *testing.T) {
	t.Parallel()
	keys, _ := newKeys()
	token, err := keys.Create(t.Context(), somebody)
	if err != nil {
		t.Fatal(err)
	}
	other, err := keys.Create(t.Context(), somebody)
	if err != nil {
		t.Fatal(err)
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(token, "bp_"), "_")
	_, secret, _ := strings.Cut(strings.TrimPrefix(other, "bp_"), "_")
	for _, wrong := range []string{
		"", "bp_", "bp__", token[:len(token)-1], token + "a", strings.ToUpper(token), strings.TrimPrefix(token, "bp_"),
		"bp_" + id + "_", "bp_" + id + "_" + secret, strings.Repeat("x", 10_000),
	} {
		if who, err := keys.Authenticate(t.Context(), wrong); !errors.Is(err, domain.CodeUnauthorized) {
			t.Errorf("Authenticate(%.60q) = %+v, %v; want %s", wrong, who, err, domain.CodeUnauthorized)
		}
	}
}

func TestARevokedKeyIsWorthlessAtOnce(t *testing.T) {
	t.Parallel()
	keys, _ := newKeys()
	token, err := keys.Create(t.Context(), somebody)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Revoke(t.Context(), token); err != nil {
		t.Fatalf("Revoke(the key) = %v, want nil", err)
	}
	if _, err := keys.Authenticate(t.Context(), token); !errors.Is(err, domain.CodeUnauthorized) {
		t.Errorf("Authenticate(a revoked key) = %v, want %s", err, domain.CodeUnauthorized)
	}
	if err := keys.Revoke(t.Context(), "nobody"); !errors.Is(err, domain.CodeNotFound) {
		t.Errorf("Revoke(unknown) = %v, want %s", err, domain.CodeNotFound)
	}
}

func TestTheSecretIsNotStored(t *testing.T) {
	t.Parallel()
	keys, store := newKeys()
	token, err := keys.Create(t.Context(), somebody)
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(strings.TrimPrefix(token, "bp_"), "_")
	stored, err := store.ListAPIKeys(t.Context(), "acme")
	if err != nil || len(stored) != 1 {
		t.Fatalf("ListAPIKeys() = %v, %v; want one key", stored, err)
	}
	if strings.Contains(string(stored[0].Hash[:]), secret) || stored[0].ID == secret {
		t.Errorf("the stored key %+v holds the secret", stored[0])
	}
}

func TestAKeyWithoutPermissionsIsRefused(t *testing.T) {
	t.Parallel()
	keys, _ := newKeys()
	if _, err := keys.Create(t.Context(), domain.Principal{Tenant: "a", User: "b"}); !errors.Is(err, domain.CodeRequired) {
		t.Errorf("Create(no permissions) = %v, want %s", err, domain.CodeRequired)
	}
}
