package portstest

import (
	"strings"
	"sync"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Messages runs the contract of [ports.Messages]. Each subtest calls open for
// the messages.
func Messages(t *testing.T, open func(*testing.T) ports.Messages) {
	t.Run("every locale has words of its own for a code", func(t *testing.T) {
		t.Parallel()
		messages, seen := open(t), map[string]string{}
		for _, locale := range messageLocales {
			text := messages.Text(locale, domain.NewFailure(domain.CodeUnavailable, "", ""))
			if text == "" || text == string(domain.CodeUnavailable) {
				t.Errorf("Text(%s, unavailable) = %q, want a sentence", locale, text)
			}
			if other, ok := seen[text]; ok {
				t.Errorf("Text(unavailable) is %q in both %s and %s", text, locale, other)
			}
			seen[text] = locale
		}
	})

	t.Run("a locale that is not known gives en_US", func(t *testing.T) {
		t.Parallel()
		messages := open(t)
		f := domain.NewFailure(domain.CodeRequired, "rent", "")
		want := messages.Text("en_US", f)
		for _, locale := range []string{"", "fr_FR", "xx", "../en_US", "zh", "\x00"} {
			if got := messages.Text(locale, f); got != want {
				t.Errorf("Text(%q) = %q, want %q", locale, got, want)
			}
		}
	})

	t.Run("a code that is not known gives the code", func(t *testing.T) {
		t.Parallel()
		messages := open(t)
		for _, code := range []domain.Code{"account_frozen", "", "{{.field}}", "Required"} {
			for _, locale := range append([]string{"fr_FR"}, messageLocales...) {
				f := domain.NewFailure(code, "field", "value", "max", "3")
				if got := messages.Text(locale, f); got != string(code) {
					t.Errorf("Text(%s, %q) = %q, want the code", locale, code, got)
				}
			}
		}
	})

	t.Run("a message mentions its parameters", func(t *testing.T) {
		t.Parallel()
		messages := open(t)
		for _, c := range []struct {
			failure domain.Failure
			want    []string
		}{
			{domain.NewFailure(domain.CodeTotalMismatch, "total", "120", "expected", "120", "found", "118"), []string{"120", "118"}},
			{domain.NewFailure(domain.CodeOutOfRange, "rent", "-5", "min", "1", "max", "9999"), []string{"rent", "-5", "1", "9999"}},
			{domain.NewFailure(domain.CodeTooLong, "code", "", "max", "64"), []string{"code", "64"}},
			{domain.NewFailure(domain.CodeTooMany, "items", "", "max", "100000", "found", "100001"), []string{"100000", "100001"}},
			{domain.NewFailure(domain.CodeRequired, "editUserId", ""), []string{"editUserId"}},
			{domain.NewFailure(domain.CodeNotFound, "", "4711"), []string{"4711"}},
		} {
			for _, locale := range messageLocales {
				text := messages.Text(locale, c.failure)
				for _, want := range c.want {
					if !strings.Contains(text, want) {
						t.Errorf("Text(%s, %s) = %q, want it to mention %q", locale, c.failure, text, want)
					}
				}
			}
		}
	})

	t.Run("a message about a row says where", func(t *testing.T) {
		t.Parallel()
		messages := open(t)
		for _, code := range []domain.Code{
			domain.CodeInvalid, domain.CodeNotFound, domain.CodeOutOfRange, domain.CodeRequired, domain.CodeTooLong,
		} {
			for _, locale := range messageLocales {
				here := domain.NewFailure(code, "amount", "abc", "row", "17", "column", "C")
				if text := messages.Text(locale, here); !strings.Contains(text, "C17") {
					t.Errorf("Text(%s, %s) = %q, want it to mention C17", locale, here, text)
				}
			}
		}
		for _, locale := range messageLocales {
			path := domain.NewFailure(domain.CodeRequired, "data[3].amount", "")
			if text := messages.Text(locale, path); !strings.Contains(text, path.Field) {
				t.Errorf("Text(%s, %s) = %q, want it to mention the path", locale, path, text)
			}
		}
	})

	t.Run("what else is wrong is not said", func(t *testing.T) {
		t.Parallel()
		messages := open(t)
		alone := domain.NewFailure(domain.CodeRequired, "rent", "")
		both := domain.Together([]domain.Failure{alone, domain.NewFailure(domain.CodeRequired, "area", "")})
		for _, locale := range messageLocales {
			if got, want := messages.Text(locale, both), messages.Text(locale, alone); got != want {
				t.Errorf("Text(%s) of two failures = %q, want the first, %q", locale, got, want)
			}
		}
	})

	t.Run("parameters are text and nothing else", func(t *testing.T) {
		t.Parallel()
		messages := open(t)
		const hostile = `{{.field}} %s %!d(MISSING) </b> "`
		for _, locale := range messageLocales {
			if got := messages.Text(locale, domain.NewFailure(domain.CodeNotFound, "", hostile)); !strings.Contains(got, hostile) {
				t.Errorf("Text(%s) = %q, want it to mention %q as it is", locale, got, hostile)
			}
		}
	})

	t.Run("parameters may be missing", func(t *testing.T) {
		t.Parallel()
		messages := open(t)
		for _, code := range messageCodes {
			for _, locale := range messageLocales {
				text := messages.Text(locale, domain.Failure{Code: code})
				if text == "" || text == string(code) || strings.Contains(text, "<no value>") || strings.Contains(text, "{{") {
					t.Errorf("Text(%s, %s without parameters) = %q, want a sentence", locale, code, text)
				}
			}
		}
	})

	t.Run("many callers at once", func(t *testing.T) {
		t.Parallel()
		messages := open(t)
		f := domain.NewFailure(domain.CodeOutOfRange, "rent", "-5", "min", "1")
		want := open(t).Text("zh_TW", f)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 50 {
					if got := messages.Text("zh_TW", f); got != want {
						t.Errorf("Text() = %q, want %q", got, want)
					}
				}
			})
		}
		all.Wait()
		if len(f.Params) != 1 {
			t.Errorf("Text() changed the failure's parameters to %v", f.Params)
		}
	})
}

var messageLocales = []string{"zh_TW", "zh_CN", "en_US", "ja_JP"}

// messageCodes are the codes that a caller of batchport can get to see.
var messageCodes = []domain.Code{
	domain.CodeConflict, domain.CodeDuplicate, domain.CodeForbidden, domain.CodeInternal, domain.CodeInvalid,
	domain.CodeMalformed, domain.CodeMismatch, domain.CodeNotFound, domain.CodeNotWorkbook, domain.CodeOutOfRange, domain.CodeRejected,
	domain.CodeRequired, domain.CodeTooLarge, domain.CodeTooLong, domain.CodeTooMany, domain.CodeTotalMismatch,
	domain.CodeUnauthorized, domain.CodeUnavailable, domain.CodeUnknownField, domain.CodeUnreachable,
}
