package diskfiles_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
)

// Whoever comes first has the directory, for ever.
func TestClaim(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, open(t, dir), "f", "content")
	var first sync.WaitGroup
	for range 8 {
		files := open(t, dir)
		first.Go(func() {
			if err := files.Claim("one"); err != nil {
				t.Errorf("Claim(one) = %v, want no error", err)
			}
		})
	}
	first.Wait()
	if err := open(t, dir).Claim("two"); !errors.Is(err, domain.CodeConflict) {
		t.Errorf("Claim(two) of what is one's = %v, want %s", err, domain.CodeConflict)
	}
	if err := open(t, dir).Claim("one"); err != nil {
		t.Errorf("Claim(one) again = %v, want no error", err)
	}
	for info, err := range open(t, dir).Each(t.Context(), time.Now().Add(time.Hour)) {
		if err != nil || info.ID != "f" {
			t.Errorf("Each() yields %+v, %v; want the file alone", info, err)
		}
	}

	owner := filepath.Join(dir, "owner")
	if err := os.Remove(owner); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir).Claim("two"); err != nil {
		t.Errorf("Claim(two) of what is nobody's = %v, want no error", err)
	}
	if err := errors.Join(os.Remove(owner), os.Mkdir(owner, 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir).Claim("two"); !errors.Is(err, domain.CodeUnavailable) || errors.Is(err, domain.CodeConflict) {
		t.Errorf("Claim(two) that cannot be read = %v, want %s", err, domain.CodeUnavailable)
	}
}
