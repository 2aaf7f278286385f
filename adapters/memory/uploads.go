package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var _ ports.Uploads = (*Store)(nil)

// uploadKey is the key of an upload.
type uploadKey struct {
	tenant domain.TenantID
	id     string
}

// AddUpload implements [ports.Uploads].
func (s *Store) AddUpload(ctx context.Context, upload ports.Upload) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		key := uploadKey{upload.Tenant, upload.ID}
		if _, taken := s.uploads[key]; taken {
			return domain.Fail(domain.NewFailure(domain.CodeConflict, "id", upload.ID))
		}
		put(t, s.uploads, key, upload)
		return nil
	})
}

// FindUpload implements [ports.Uploads].
func (s *Store) FindUpload(ctx context.Context, tenant domain.TenantID, id string) (upload ports.Upload, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		upload, err = s.upload(tenant, id)
		return err
	})
	return upload, err
}

// KeepUpload implements [ports.Uploads].
func (s *Store) KeepUpload(ctx context.Context, tenant domain.TenantID, id string, until time.Time) error {
	return s.do(ctx, func(s *Store, t *tx) error {
		upload, err := s.upload(tenant, id)
		if err == nil && until.After(upload.ExpiresAt) {
			upload.ExpiresAt = until.UTC().Truncate(time.Microsecond)
			put(t, s.uploads, uploadKey{tenant, id}, upload)
		}
		return err
	})
}

// ExpiredUploads implements [ports.Uploads].
func (s *Store) ExpiredUploads(ctx context.Context, before time.Time, limit int) (expired []ports.Upload, err error) {
	err = s.do(ctx, func(s *Store, _ *tx) error {
		for _, upload := range s.uploads {
			if upload.ExpiresAt.Before(before) {
				expired = append(expired, upload)
			}
		}
		return nil
	})
	slices.SortFunc(expired, func(a, b ports.Upload) int {
		return cmp.Or(a.ExpiresAt.Compare(b.ExpiresAt), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID))
	})
	return expired[:min(max(limit, 0), len(expired))], err
}

// RemoveUpload implements [ports.Uploads].
func (s *Store) RemoveUpload(ctx context.Context, tenant domain.TenantID, id string, before time.Time) (removed bool, err error) {
	err = s.do(ctx, func(s *Store, t *tx) error {
		key := uploadKey{tenant, id}
		if upload, found := s.uploads[key]; found && upload.ExpiresAt.Before(before) {
			drop(t, s.uploads, key)
			removed = true
		}
		return nil
	})
	return removed && err == nil, err
}

func (s *Store) upload(tenant domain.TenantID, id string) (ports.Upload, error) {
	upload, found := s.uploads[uploadKey{tenant, id}]
	if !found {
		return ports.Upload{}, domain.Fail(domain.NewFailure(domain.CodeNotFound, "id", id))
	}
	return upload, nil
}
