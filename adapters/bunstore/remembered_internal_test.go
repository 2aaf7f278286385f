package bunstore

import (
	"context"
	"errors"
	"testing"
)

// versioned is a store whose version and rows are told.
type versioned struct {
	*Store
	version int64
	err     error // of asking for the version
	reads   int
}

func newVersioned() *versioned {
	v := &versioned{Store: &Store{}}
	v.remembered.version = func() (int64, error) { return v.version, v.err }
	return v
}

// get reads the row of the key, which weighs so much; meanwhile happens while
// it is being read.
func (v *versioned) get(t *testing.T, key, row string, weight int, meanwhile func()) string {
	t.Helper()
	got, err := remember(t.Context(), v.Store, key, func(string) int { return weight }, func() (string, error) {
		v.reads++
		if meanwhile != nil {
			meanwhile()
		}
		return row, nil
	})
	if err != nil {
		t.Fatalf("remember(%q) = %v, want no error", key, err)
	}
	return got
}

// expect gets a row that is stored as stored, and expects it, read or not.
func (v *versioned) expect(t *testing.T, key, stored, want string, read bool) {
	t.Helper()
	v.reads = 0
	if got := v.get(t, key, stored, 0, nil); got != want || (v.reads == 1) != read {
		t.Errorf("remember(%q) at version %d = %q after %d reads, want %q, and that it was read: %v", key, v.version, got, v.reads, want, read)
	}
}

func TestRowsAreRememberedUnderTheirVersionAlone(t *testing.T) {
	t.Parallel()
	v := newVersioned()
	v.expect(t, "a", "first", "first", true)
	v.expect(t, "a", "not read", "first", false)
	v.expect(t, "b", "other", "other", true)
	v.version++
	v.expect(t, "a", "second", "second", true)
	v.expect(t, "a", "not read", "second", false)
	v.version--
	v.expect(t, "a", "asked long ago", "asked long ago", true)
	v.version++
	v.expect(t, "a", "not read", "second", false)
	v.err = errors.New("no version")
	v.expect(t, "a", "third", "third", true)
	v.expect(t, "a", "fourth", "fourth", true)
}

// Who reads slowly does not hand on what others know to be old.
func TestASlowReadIsNotRememberedUnderALaterVersion(t *testing.T) {
	t.Parallel()
	v := newVersioned()
	if got := v.get(t, "a", "old", 0, func() {
		v.version++
		v.get(t, "b", "b", 0, nil) // by somebody else, who has seen the commit
	}); got != "old" {
		t.Errorf("the slow read = %q, want what it has read", got)
	}
	v.expect(t, "a", "new", "new", true)
}

func TestNotEverythingIsRemembered(t *testing.T) {
	t.Parallel()
	v := newVersioned()
	v.get(t, "huge", "x", mostRemembered, nil)
	v.expect(t, "huge", "again", "again", true)
	for i := range 3 * mostRemembered / rowWeight {
		v.get(t, string(rune(i)), "x", 0, nil)
	}
	if v.remembered.weight > mostRemembered || len(v.remembered.rows) > mostRemembered/rowWeight {
		t.Errorf("%d rows of %d bytes are remembered, want at most %d bytes", len(v.remembered.rows), v.remembered.weight, mostRemembered)
	}
	failing := func() (string, error) { return "half", errors.New("no such row") }
	if got, err := remember(t.Context(), v.Store, "failing", func(string) int { return 0 }, failing); err == nil {
		t.Errorf("remember() = %q, want the error of the read", got)
	}
	v.expect(t, "failing", "whole", "whole", true)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := remember(ended, v.Store, "failing", func(string) int { return 0 }, failing); !errors.Is(err, context.Canceled) {
		t.Errorf("remember() in an ended context = %q, %v; want %v", got, err, context.Canceled)
	}
}
