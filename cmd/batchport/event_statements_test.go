package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestShownStatementsTellRepetitions executes the statements that
// docs/events.md shows subscribers: an event that comes again changes nothing, and
// neither does an older one of a job.
func TestShownStatementsTellRepetitions(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(shown) != 2 {
		t.Fatalf("the page shows %d statements, want 2", len(shown))
	}
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "record.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	changes := func(statement string, arguments ...any) int64 {
		t.Helper()
		result, err := db.ExecContext(t.Context(), statement, arguments...)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		n, err := result.RowsAffected()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	changes("CREATE TABLE handled (id TEXT PRIMARY KEY)")
	changes("CREATE TABLE jobs (job TEXT PRIMARY KEY, sequence TEXT NOT NULL, state TEXT NOT NULL)")
	for _, try := range []struct {
		id   string
		want int64
	}{{"a-1", 1}, {"a-1", 0}, {"a-2", 1}, {"a-1", 0}} {
		if got := changes(shown[0][1], sql.Named("id", try.id)); got != try.want {
			t.Errorf("the event %s changed %d rows, want %d", try.id, got, try.want)
		}
	}
	for _, try := range []struct {
		sequence, state string
		want            int64
	}{
		{"0000000000000000009", "queued", 1},
		{"0000000000000000010", "completed", 1}, // which sorts after 9
		{"0000000000000000009", "queued", 0},
		{"0000000000000000010", "completed", 0},
	} {
		got := changes(shown[1][1], sql.Named("subject", "a"), sql.Named("sequence", try.sequence), sql.Named("state", try.state))
		if got != try.want {
			t.Errorf("the event %s of a job changed %d rows, want %d", try.sequence, got, try.want)
		}
	}
}
