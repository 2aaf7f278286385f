package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/adapters/bunstore/sqlite"
)

func value(t *testing.T, db *bun.DB, query string) (v string) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(&v); err != nil {
		t.Fatalf("%s = %v, want a value", query, err)
	}
	return v
}

// Any path names the file that is then there, and nothing else.
func TestOpenTakesAnyPath(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"plain.db", "with space.db", "question?mark=1&_pragma=x.db", "per%20cent%.db", "hash#tag.db", "批次 資料.db",
		"file:memory.db", ":memory:", "semi;colon'quote\".db", "+plus+.db", "-dash.db",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "folder ?%#目錄")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, name)
			for range 2 {
				db, err := sqlite.Open(path)
				if err != nil {
					t.Fatalf("Open(%q) = %v, want no error", name, err)
				}
				if _, err := db.Write.ExecContext(t.Context(), "CREATE TABLE IF NOT EXISTS kept (x)"); err != nil {
					t.Errorf("CREATE TABLE = %v, want no error", err)
				}
				if got := value(t, db.Read, "SELECT count(*) FROM kept"); got != "0" {
					t.Errorf("count = %s, want 0", got)
				}
				if err := db.Close(); err != nil {
					t.Errorf("Close() = %v, want no error", err)
				}
			}
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 1 || entries[0].Name() != name {
				t.Errorf("the folder holds %v, %v; want %q alone", entries, err, name)
			}
			if info, err := os.Stat(path); err != nil || info.Size() == 0 || info.Mode().Perm() != 0o600 {
				t.Errorf("Stat(%q) = %v, %v; want a file that its owner alone can read", name, info, err)
			}
		})
	}
}

func TestOpenSettings(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "batchport.db"))
	if err != nil {
		t.Fatalf("Open() = %v, want no error", err)
	}
	defer db.Close()
	for _, tt := range []struct{ pragma, write, read string }{
		{"journal_mode", "wal", "wal"},
		{"synchronous", "2", "2"},
		{"foreign_keys", "1", "1"},
		{"busy_timeout", "2000", "2000"},
		{"query_only", "0", "1"},
		{"cache_size", "-8192", "-1024"},
	} {
		if got := value(t, db.Write, "PRAGMA "+tt.pragma); got != tt.write {
			t.Errorf("the writer's %s = %s, want %s", tt.pragma, got, tt.write)
		}
		if got := value(t, db.Read, "PRAGMA "+tt.pragma); got != tt.read {
			t.Errorf("a reader's %s = %s, want %s", tt.pragma, got, tt.read)
		}
	}
	if got := db.Write.Stats().MaxOpenConnections; got != 1 {
		t.Errorf("the writer has up to %d connections, want 1", got)
	}
	if _, err := db.Read.ExecContext(t.Context(), "CREATE TABLE x (y)"); err == nil {
		t.Error("a reader can write, want an error")
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte("this is a text and no database, whatever its name says it is"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", dir, filepath.Join(dir, "missing", "batchport.db"), garbage} {
		if db, err := sqlite.Open(path); err == nil {
			t.Errorf("Open(%q) = no error, want one", path)
			_ = db.Close()
		}
	}
}
