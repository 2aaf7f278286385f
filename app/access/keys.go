// Package access makes, checks and revokes API keys: the credentials with
// which programs call batchport. A key belongs to one user of one tenant.
package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// A key reads bp_ID_SECRET. The identifier finds the stored key; the secret,
// 160 random bits, proves it. Being random, a secret needs no slow hash.
const (
	prefix      = "bp_"
	idBytes     = 5
	secretBytes = 20
)

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Keys is the use case of API keys. It is safe for concurrent use.
type Keys struct {
	keys ports.APIKeys
	now  func() time.Time
}

// NewKeys returns the use case over the store.
func NewKeys(keys ports.APIKeys, now func() time.Time) *Keys { return &Keys{keys: keys, now: now} }

// Create stores a new key of the principal and returns it. The returned text is
// the only copy. No permission gives [domain.CodeRequired].
func (k *Keys) Create(ctx context.Context, who domain.Principal) (string, error) {
	if len(who.Permissions) == 0 {
		return "", domain.Fail(domain.NewFailure(domain.CodeRequired, "permission", ""))
	}
	id, secret := random(idBytes), random(secretBytes)
	err := k.keys.AddAPIKey(ctx, ports.APIKey{
		ID: id, Hash: sha256.Sum256([]byte(secret)), Tenant: who.Tenant, User: who.User,
		Permissions: slices.Compact(slices.Sorted(slices.Values(who.Permissions))),
		CreatedAt:   k.now().UTC().Truncate(time.Microsecond),
	})
	if err != nil {
		return "", fmt.Errorf("create an API key: %w", err)
	}
	return prefix + id + "_" + secret, nil
}

// Authenticate returns who holds the key, or [domain.CodeUnauthorized] for a
// key that is malformed, unknown or revoked; which of these, it does not say.
func (k *Keys) Authenticate(ctx context.Context, token string) (domain.Principal, error) {
	id, secret, wellFormed := strings.Cut(strings.TrimPrefix(token, prefix), "_")
	if !wellFormed || !strings.HasPrefix(token, prefix) || id == "" || len(token) > 255 {
		return domain.Principal{}, unauthorized()
	}
	stored, err := k.keys.FindAPIKey(ctx, id)
	if err != nil && !errors.Is(err, domain.CodeNotFound) {
		return domain.Principal{}, err
	}
	hash := sha256.Sum256([]byte(secret))
	same := subtle.ConstantTimeCompare(hash[:], stored.Hash[:]) == 1
	if err != nil || !same || !stored.RevokedAt.IsZero() {
		return domain.Principal{}, unauthorized()
	}
	return domain.Principal{Tenant: stored.Tenant, User: stored.User, Permissions: stored.Permissions}, nil
}

// List returns the stored keys of the tenant, or of all tenants when it is "".
func (k *Keys) List(ctx context.Context, tenant domain.TenantID) ([]ports.APIKey, error) {
	return k.keys.ListAPIKeys(ctx, tenant)
}

// Revoke makes a key worthless at once. It takes the key itself or its
// identifier, and gives [domain.CodeNotFound] for an unknown one.
func (k *Keys) Revoke(ctx context.Context, key string) error {
	id, _, _ := strings.Cut(strings.TrimPrefix(key, prefix), "_")
	return k.keys.RevokeAPIKey(ctx, id, k.now().UTC().Truncate(time.Microsecond))
}

func unauthorized() error { return domain.Fail(domain.Failure{Code: domain.CodeUnauthorized}) }

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, says crypto/rand
	return encoding.EncodeToString(b)
}
