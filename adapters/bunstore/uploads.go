package bunstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var _ ports.Uploads = (*Store)(nil)

const uploadColumns = "tenant, id, name, size, sha256, created_by, created_at, expires_at"

// AddUpload implements [ports.Uploads].
func (s *Store) AddUpload(ctx context.Context, u ports.Upload) error {
	added, err := s.exec(ctx, "INSERT INTO {p}uploads ("+uploadColumns+") VALUES ("+placeholders(8)+") ON CONFLICT (tenant, id) DO NOTHING",
		string(u.Tenant), u.ID, u.Name, u.Size, u.SHA256[:], string(u.CreatedBy), micros(u.CreatedAt), micros(u.ExpiresAt))
	if err == nil && added == 0 {
		return domain.Fail(domain.NewFailure(domain.CodeConflict, "id", u.ID))
	}
	return err
}

// FindUpload implements [ports.Uploads].
func (s *Store) FindUpload(ctx context.Context, tenant domain.TenantID, id string) (ports.Upload, error) {
	found, err := s.listUploads(ctx, "WHERE tenant = ? AND id = ?", string(tenant), id)
	if err == nil && len(found) == 0 {
		err = domain.CodeNotFound
	}
	if err != nil {
		return ports.Upload{}, err
	}
	return found[0], nil
}

// KeepUpload implements [ports.Uploads].
func (s *Store) KeepUpload(ctx context.Context, tenant domain.TenantID, id string, until time.Time) error {
	kept, err := s.exec(ctx, "UPDATE {p}uploads SET expires_at = CASE WHEN expires_at < ? THEN ? ELSE expires_at END WHERE tenant = ? AND id = ?",
		micros(until), micros(until), string(tenant), id)
	if err == nil && kept == 0 {
		return domain.CodeNotFound
	}
	return err
}

// ExpiredUploads implements [ports.Uploads].
func (s *Store) ExpiredUploads(ctx context.Context, before time.Time, limit int) ([]ports.Upload, error) {
	return s.listUploads(ctx, "WHERE expires_at < ? ORDER BY expires_at, tenant, id LIMIT ?", micros(before), max(limit, 0))
}

// RemoveUpload implements [ports.Uploads].
func (s *Store) RemoveUpload(ctx context.Context, tenant domain.TenantID, id string, before time.Time) (bool, error) {
	removed, err := s.exec(ctx, "DELETE FROM {p}uploads WHERE tenant = ? AND id = ? AND expires_at < ?", string(tenant), id, micros(before))
	return removed > 0, err
}

func (s *Store) listUploads(ctx context.Context, where string, args ...any) (found []ports.Upload, err error) {
	err = s.query(ctx, s.reader(ctx), func(rows *sql.Rows) error {
		var u ports.Upload
		var sum []byte
		var created, expires int64
		if err := rows.Scan(&u.Tenant, &u.ID, &u.Name, &u.Size, &sum, &u.CreatedBy, &created, &expires); err != nil {
			return err
		}
		if copy(u.SHA256[:], sum) != len(u.SHA256) || len(sum) != len(u.SHA256) {
			return fmt.Errorf("decode upload %s: a SHA-256 of %d bytes", u.ID, len(sum))
		}
		u.CreatedAt, u.ExpiresAt = instant(created), instant(expires)
		found = append(found, u)
		return nil
	}, "SELECT "+uploadColumns+" FROM {p}uploads "+where, args...)
	return found, err
}
