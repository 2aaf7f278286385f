package bunstore

import (
	"context"
	"crypto/rand"
	"database/sql"

	"github.com/uptrace/bun"
)

// secretSize is the length of a secret in bytes.
const secretSize = 32

// Secret returns the 32 random bytes that the installation keeps under the
// name, for signing. The first call makes them; every process gets the same.
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) {
	setting := "secret:" + name
	if secret, err := s.setting(ctx, s.reader(ctx), setting); err != nil || secret != nil {
		return secret, err
	}
	fresh := make([]byte, secretSize)
	if _, err := rand.Read(fresh); err != nil {
		return nil, err
	}
	// Whoever comes first wins; the others read what that one stored.
	if _, err := s.exec(ctx, "INSERT INTO {p}settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", setting, fresh); err != nil {
		return nil, err
	}
	return s.setting(ctx, s.idb(ctx), setting)
}

// setting reads a value, or nil when there is none.
func (s *Store) setting(ctx context.Context, db bun.IDB, name string) (value []byte, err error) {
	err = s.query(ctx, db, func(rows *sql.Rows) error { return rows.Scan(&value) },
		"SELECT value FROM {p}settings WHERE name = ?", name)
	return value, err
}
