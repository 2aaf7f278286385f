package portstest

import (
	"testing"

	"github.com/batchport/batchport/ports"
)

// Labels runs the contract of [ports.Labels]. Each subtest calls open.
func Labels(t *testing.T, open func(*testing.T) ports.Labels) {
	t.Run("a known key has words in each locale", func(t *testing.T) {
		t.Parallel()
		labels, seen := open(t), map[string]string{}
		for _, locale := range []string{"zh_TW", "zh_CN", "en_US", "ja_JP"} {
			got := labels.Label(locale, "estate.id")
			if got == "" || got == "estate.id" {
				t.Errorf("Label(%s, estate.id) = %q, want words", locale, got)
			}
			if other, taken := seen[got]; taken {
				t.Errorf("Label(estate.id) = %q in %s and in %s, want words of each language", got, locale, other)
			}
			seen[got] = locale
		}
	})
	t.Run("a locale that is not known gives en_US", func(t *testing.T) {
		t.Parallel()
		labels := open(t)
		want := labels.Label("en_US", "estate.id")
		for _, locale := range []string{"", "fr_FR", "zh", "\x00"} {
			if got := labels.Label(locale, "estate.id"); got != want {
				t.Errorf("Label(%q, estate.id) = %q, want %q", locale, got, want)
			}
		}
	})
	t.Run("a key that is not known gives itself", func(t *testing.T) {
		t.Parallel()
		labels := open(t)
		for _, key := range []string{"", "no.such.key", "{{.}}", "鍵"} {
			if got := labels.Label("zh_TW", key); got != key {
				t.Errorf("Label(zh_TW, %q) = %q, want the key", key, got)
			}
		}
	})
}
