package ports

import (
	"context"
	"time"

	"github.com/batchport/batchport/domain"
)

// APIKey is a stored credential. The secret itself is never stored.
type APIKey struct {
	ID          string   // public part of the key
	Hash        [32]byte // SHA-256 of the secret part
	Tenant      domain.TenantID
	User        domain.UserID
	Permissions []domain.Permission
	CreatedAt   time.Time
	RevokedAt   time.Time // zero while the key is good
}

// APIKeys keeps credentials.
type APIKeys interface {
	// AddAPIKey stores a key. An identifier that is taken gives [domain.CodeConflict].
	AddAPIKey(ctx context.Context, key APIKey) error

	// FindAPIKey returns the key, revoked or not, or [domain.CodeNotFound].
	// It sees the last commit: a key revoked by another process is refused at once.
	FindAPIKey(ctx context.Context, id string) (APIKey, error)

	// ListAPIKeys returns all keys of the tenant, or of every tenant when it
	// is "", in the order of their creation.
	ListAPIKeys(ctx context.Context, tenant domain.TenantID) ([]APIKey, error)

	// RevokeAPIKey revokes a key as of the time, or gives [domain.CodeNotFound]. A
	// revoked one stays as it is.
	RevokeAPIKey(ctx context.Context, id string, at time.Time) error
}

// Authority says what users may do, apart from any one key. The engine asks
// it before a job starts, which may be long after the job was submitted.
type Authority interface {
	// Holds reports whether the user holds the permission now, in any way.
	Holds(ctx context.Context, tenant domain.TenantID, user domain.UserID, permission domain.Permission) (bool, error)
}
