package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What flags say becomes the document that the API takes.
func TestRequestsOfFlags(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "request.json", `{"ids":[9],"validate_only":false}`)
	ids := writeFile(t, "ids.txt", "\ufeff1, 2\r\n007\n")
	pdf := writeFile(t, "十一月.pdf", "%PDF")
	for args, want := range map[string]string{
		"estate-batch-open-rent --ids 1,2 --ids 3 --validate-only":                              `{"ids":[1,2,3],"validate_only":true}`,
		"estate_batch_close_rent --ids-file " + ids + " --fail-limit 5,10% --all-or-nothing":    `{"all_or_nothing":true,"fail_limit":{"items":5,"percent":10},"ids":[1,2,7]}`,
		"estate-export --filter listed=true --filter district=106,110 --total 2":                `{"filter":{"district":[106,110],"listed":[true]},"total":2}`,
		"estate-export --filter keyword=12 --filter keyword=x=y --filter rent_min=low":          `{"filter":{"keyword":["12","x=y"],"rent_min":"low"}}`,
		"repair-export --all --total 5":                                                         `{"filter":{},"total":5}`,
		"estate-batch-edit-agent --object contract --ids 5,6 --user-id 7":                       `{"edits":[{"id":5,"user_id":7},{"id":6,"user_id":7}],"object":"contract"}`,
		"estate_batch_edit_bigLandlord --ids 5 --user-id none":                                  `{"edits":[{"id":5,"user_id":null}]}`,
		"estate-batch-edit-big-landlord --all --total 9 --user-id 7 --capability show_estate=1": `{"capabilities":{"show_estate":true},"filter":{},"total":9,"user_id":7}`,
		"estate-batch-upload-monthly-report --ids 1 --month 202611 --upload " + pdf:             `{"ids":[1],"month":"202611","url":"http://files/1"}`,
		"estate-export --file " + file + " --validate-only":                                     `{"ids":[9],"validate_only":true}`,
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			var body, path, uploaded string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v1/files" {
					if form, header, err := r.FormFile("file"); err == nil {
						content, _ := io.ReadAll(form)
						uploaded = header.Filename + " " + string(content)
					}
					fmt.Fprint(w, `{"url":"http://files/1"}`)
					return
				}
				text, _ := io.ReadAll(r.Body)
				body, path = string(text), r.URL.Path
				if len(r.Header.Get("Idempotency-Key")) < 20 {
					t.Errorf("Idempotency-Key = %q, want one that nobody else has", r.Header.Get("Idempotency-Key"))
				}
				w.WriteHeader(http.StatusAccepted)
				fmt.Fprint(w, atWork(0))
			}))
			defer server.Close()
			got := tell(t, server.URL, "k", append([]string{"jobs", "submit"}, strings.Split(args, " ")...)...)
			got.check(t, "jobs submit", exitOK, "next: batchport jobs watch c1")
			if diff := cmp.Diff(want, body); diff != "" || got.out != "c1\n" || strings.ContainsAny(path, "_ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
				t.Errorf("sent to %s, and printed %q:\n%s", path, got.out, diff)
			}
			if strings.Contains(args, "--upload") && uploaded != "十一月.pdf %PDF" {
				t.Errorf("uploaded %q, want the file under its name", uploaded)
			}
		})
	}
	for content, says := range map[string]string{`{"ids":[1],"ids":[2]}`: "more than once", `[1]`: "no JSON object", `{`: "cannot be read"} {
		tell(t, "http://127.0.0.1:1", "k", "jobs", "submit", "estate-export", "--file", writeFile(t, "r.json", content)).check(t, content, exitUsage, says)
	}
}

// Whoever cannot know whether a job was taken in learns how to find out.
func TestSubmissionWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close()
		}
	}))
	defer server.Close()
	got := tell(t, server.URL, "k", "jobs", "submit", "estate-export", "--ids", "1", "--patience", "1s", "--idempotency-key", "monday")
	got.check(t, "jobs submit", exitError, "trying again", "may have been submitted", "--idempotency-key monday")
}

func TestHintsRepeatWhereTheServerIs(t *testing.T) {
	t.Parallel()
	server := paces(t, atWork(10))
	key := filepath.Join(t.TempDir(), "key file")
	if err := os.WriteFile(key, []byte("bp_secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := tellIn(t, nil, "jobs", "show", "c1", "--server", server, "--key-file", key)
	got.check(t, "jobs show", exitOK, "next: batchport jobs watch c1 --server "+server+" --key-file '"+key+"'\n")
	got = tellIn(t, nil, "jobs", "show", "c1", "--server", server, "--key", "bp_secret")
	if got.check(t, "jobs show", exitOK); strings.Contains(got.stderr, "bp_secret") {
		t.Errorf("jobs show says %q, and so shows the key", got.stderr)
	}
	if got := tellIn(t, []string{"BATCHPORT_SERVER=" + server, "BATCHPORT_KEY=k"}, "jobs", "show", "c1"); got.stderr != "next: batchport jobs watch c1\n" {
		t.Errorf("jobs show says %q, want what the environment knows left out", got.stderr)
	}
}

func TestInstants(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-11-26T08:00:00+08:00": "2026-11-26T00:00:00Z", "36h": "2026-11-25T00:00:00Z", "7d": "2026-11-19T12:00:00Z",
		"2026-11-26": time.Date(2026, 11, 26, 0, 0, 0, 0, time.Local).UTC().Format(time.RFC3339),
	} {
		if got, err := instantAt(text, now); err != nil || got != want {
			t.Errorf("instantAt(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestLanguageOfTheReader(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		environ []string
		flag    string
		want    string
	}{
		{nil, "", "en_US"},
		{[]string{"LANG=zh_TW.UTF-8"}, "", "zh_TW"},
		{[]string{"LANG=zh_TW.UTF-8", "LC_ALL=ja_JP.eucJP@x"}, "", "ja_JP"},
		{[]string{"LANG=C"}, "", "en_US"},
		{[]string{"LANG=zh_TW.UTF-8"}, "zh_CN", "zh_CN"},
	} {
		r := remote{environ: test.environ, locale: test.flag}
		if got := r.readLocale(); got != test.want {
			t.Errorf("with %v and --locale %q: %s, want %s", test.environ, test.flag, got, test.want)
		}
	}
}
