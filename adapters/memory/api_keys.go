package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// AddAPIKey implements [ports.APIKeys].
func (s *Store) AddAPIKey(ctx context.Context, key ports.APIKey) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		if _, taken := s.apiKeys[key.ID]; taken {
			return domain.Fail(domain.NewFailure(domain.CodeConflict, "id", key.ID))
		}
		key.Permissions = slices.Clone(key.Permissions)
		put(t, s.apiKeys, key.ID, key)
		return nil
	})
}

// FindAPIKey implements [ports.APIKeys].
func (s *Store) FindAPIKey(ctx context.Context, id string) (key ports.APIKey, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		stored, found := s.apiKeys[id]
		if !found {
			return domain.Fail(domain.NewFailure(domain.CodeNotFound, "id", id))
		}
		key = stored
		key.Permissions = slices.Clone(stored.Permissions)
		return nil
	})
	return key, err
}

// ListAPIKeys implements [ports.APIKeys].
func (s *Store) ListAPIKeys(ctx context.Context, tenant domain.TenantID) (keys []ports.APIKey, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		for _, key := range s.apiKeys {
			if tenant == "" || key.Tenant == tenant {
				key.Permissions = slices.Clone(key.Permissions)
				keys = append(keys, key)
			}
		}
		slices.SortFunc(keys, func(a, b ports.APIKey) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		})
		return nil
	})
	return keys, err
}

// RevokeAPIKey implements [ports.APIKeys].
func (s *Store) RevokeAPIKey(ctx context.Context, id string, at time.Time) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		key, found := s.apiKeys[id]
		switch {
		case !found:
			return domain.Fail(domain.NewFailure(domain.CodeNotFound, "id", id))
		case key.RevokedAt.IsZero():
			key.RevokedAt = at
			put(t, s.apiKeys, id, key)
		}
		return nil
	})
}

// Holds implements [ports.Authority].
func (s *Store) Holds(ctx context.Context, tenant domain.TenantID, user domain.UserID, permission domain.Permission) (holds bool, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		for _, key := range s.apiKeys {
			may := domain.Principal{Permissions: key.Permissions}.May(permission)
			if key.Tenant == tenant && key.User == user && key.RevokedAt.IsZero() && may {
				holds = true
			}
		}
		return nil
	})
	return holds, err
}
