package bunstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

const apiKeyColumns = "id, hash, tenant, user_id, permissions, created_at, revoked_at"

// AddAPIKey implements [ports.APIKeys].
func (s *Store) AddAPIKey(ctx context.Context, key ports.APIKey) error {
	permissions, err := json.Marshal(key.Permissions)
	if err != nil {
		return err
	}
	added, err := s.exec(ctx,
		"INSERT INTO {p}api_keys ("+apiKeyColumns+") VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		key.ID, key.Hash[:], string(key.Tenant), string(key.User), string(permissions), micros(key.CreatedAt), micros(key.RevokedAt))
	if err == nil && added == 0 {
		return domain.Fail(domain.NewFailure(domain.CodeConflict, "id", key.ID))
	}
	return err
}

// FindAPIKey implements [ports.APIKeys].
func (s *Store) FindAPIKey(ctx context.Context, id string) (ports.APIKey, error) {
	key, err := remember(ctx, s, apiKeyID(id), func(ports.APIKey) int { return 0 }, func() (ports.APIKey, error) {
		keys, err := s.apiKeys(ctx, "WHERE id = ?", id)
		if err == nil && len(keys) == 0 {
			err = domain.CodeNotFound
		}
		if err != nil {
			return ports.APIKey{}, err
		}
		return keys[0], nil
	})
	key.Permissions = slices.Clone(key.Permissions) // of the caller's own
	return key, err
}

// apiKeyID tells what is remembered of a key from all else.
type apiKeyID string

// ListAPIKeys implements [ports.APIKeys].
func (s *Store) ListAPIKeys(ctx context.Context, tenant domain.TenantID) ([]ports.APIKey, error) {
	if tenant == "" {
		return s.apiKeys(ctx, "ORDER BY created_at, seq")
	}
	return s.apiKeys(ctx, "WHERE tenant = ? ORDER BY created_at, seq", string(tenant))
}

// RevokeAPIKey implements [ports.APIKeys].
func (s *Store) RevokeAPIKey(ctx context.Context, id string, at time.Time) error {
	return s.inTx(ctx, func(ctx context.Context) error {
		if _, err := s.FindAPIKey(ctx, id); err != nil {
			return err
		}
		_, err := s.exec(ctx, "UPDATE {p}api_keys SET revoked_at = ? WHERE id = ? AND revoked_at = 0", micros(at), id)
		return err
	})
}

// Holds implements [ports.Authority]: a user holds what any key of theirs
// that is not revoked includes.
func (s *Store) Holds(ctx context.Context, tenant domain.TenantID, user domain.UserID, permission domain.Permission) (bool, error) {
	keys, err := s.apiKeys(ctx, "WHERE tenant = ? AND user_id = ? AND revoked_at = 0", string(tenant), string(user))
	if err != nil {
		return false, err
	}
	for _, key := range keys {
		if (domain.Principal{Permissions: key.Permissions}).May(permission) {
			return true, nil
		}
	}
	return false, nil
}

// apiKeys reads the keys that the end of a query selects.
func (s *Store) apiKeys(ctx context.Context, where string, args ...any) ([]ports.APIKey, error) {
	var keys []ports.APIKey
	err := s.readOften(ctx, func(rows *sql.Rows) error {
		var key ports.APIKey
		var hash, permissions []byte
		var created, revoked int64
		if err := rows.Scan(&key.ID, &hash, &key.Tenant, &key.User, &permissions, &created, &revoked); err != nil {
			return err
		}
		if len(hash) != len(key.Hash) {
			return fmt.Errorf("the hash of API key %q has %d bytes", key.ID, len(hash))
		}
		key.Hash = [32]byte(hash)
		if err := json.Unmarshal(permissions, &key.Permissions); err != nil {
			return fmt.Errorf("decode the permissions of API key %q: %w", key.ID, err)
		}
		key.CreatedAt, key.RevokedAt = instant(created), instant(revoked)
		keys = append(keys, key)
		return nil
	}, "SELECT "+apiKeyColumns+" FROM {p}api_keys "+where, args...)
	return keys, err
}
