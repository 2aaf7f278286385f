package ports

import (
	"context"
	"time"

	"github.com/batchport/batchport/domain"
)

// Upload describes a file that a client sent, or that was fetched for one.
// Its content is in [Files] under the same identifier. Times are UTC in whole
// microseconds.
type Upload struct {
	Tenant    domain.TenantID
	ID        string // that of the file
	Name      string // what its sender calls it, such as "十一月.xlsx"
	Size      int64  // bytes
	SHA256    [32]byte
	CreatedBy domain.UserID
	CreatedAt time.Time
	ExpiresAt time.Time // when it may be removed
}

// Uploads keeps the descriptions of uploads.
type Uploads interface {
	// AddUpload stores a description. An identifier that is taken gives
	// [domain.CodeConflict].
	AddUpload(ctx context.Context, upload Upload) error

	// FindUpload returns the upload, expired or not, or [domain.CodeNotFound],
	// also when it is another tenant's.
	FindUpload(ctx context.Context, tenant domain.TenantID, id string) (Upload, error)

	// KeepUpload makes the upload expire at the time, unless it expires
	// later anyway, or gives [domain.CodeNotFound].
	KeepUpload(ctx context.Context, tenant domain.TenantID, id string, until time.Time) error

	// ExpiredUploads returns up to limit uploads of any tenant that expire
	// before the time, those that expire first at the front.
	ExpiredUploads(ctx context.Context, before time.Time, limit int) ([]Upload, error)

	// RemoveUpload removes the description of an upload that expires before
	// the time, and reports whether there was one.
	RemoveUpload(ctx context.Context, tenant domain.TenantID, id string, before time.Time) (bool, error)
}
