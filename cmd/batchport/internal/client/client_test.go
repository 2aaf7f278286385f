package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/cmd/batchport/internal/client"
)

// serve answers with handle, and returns a client of it.
func serve(t *testing.T, handle http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return client.New(client.Config{Server: server.URL, Key: "bp_key", Locale: "ja_JP", Patience: 10 * time.Second})
}

const (
	running = `{"code":"c1","state":"running","process":50,"result":null,"total":4}`
	ended   = `{"code":"c1","state":"completed","process":100,"result":"succeeded","total":4}`
)

// drop ends the connection as a crash does.
func drop(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func TestARequestIsSentAgainUnderItsKey(t *testing.T) {
	t.Parallel()
	var keys, bodies []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		keys, bodies = append(keys, r.Header.Get("Idempotency-Key")), append(bodies, string(body))
		switch len(keys) {
		case 1: // so that the server is known to be there
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			drop(w)
		default:
			fmt.Fprint(w, running)
		}
	})
	job, err := c.Submit(t.Context(), "estate-export", []byte(`{"ids":[1]}`), "k1")
	if err != nil || job.Code != "c1" || job.Ended() {
		t.Fatalf("Submit() = %+v, %v; want the job", job, err)
	}
	if !slices.Equal(keys, []string{"k1", "k1", "k1"}) || !slices.Equal(bodies, []string{`{"ids":[1]}`, `{"ids":[1]}`, `{"ids":[1]}`}) {
		t.Errorf("sent %q under %q, want the same three times", bodies, keys)
	}
}

// A key goes to the server that it is of, and nowhere else.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	_, err := c.Job(t.Context(), "c1")
	var refused *client.Problem
	if !errors.As(err, &refused) || refused.Status != http.StatusFound || !strings.Contains(err.Error(), other.URL) || elsewhere.Load() > 0 {
		t.Errorf("Job() = %v with %d calls elsewhere; want to be told where it leads", err, elsewhere.Load())
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	began := time.Now()
	_, err = client.New(client.Config{Server: "http://" + listener.Addr().String(), Key: "k", Patience: time.Minute}).Job(t.Context(), "c1")
	var unreachable *client.UnreachableError
	if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), listener.Addr().String()) || client.MayHaveArrived(err) {
		t.Errorf("Job() = %v, want to be told who is not there", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v to say that nobody is there", took)
	}
}

func TestFaultsAreNamed(t *testing.T) {
	t.Parallel()
	const required = `{"field":"total","code":"required","message":"totalは必須です。"}`
	for body, want := range map[string]string{
		`{"status":400,"code":"invalid","detail":"totalは必須です。","errors":[` + required + `]}`:                                   "total: totalは必須です。 (required)",
		`{"status":400,"code":"invalid","detail":"totalは必須です。","errors":[` + required + `,{"code":"invalid","message":"だめ"}]}`: "the request has 2 faults:\n  total: totalは必須です。 (required)\n  だめ (invalid)",
		`{"status":400,"code":"invalid","detail":"だめ","errors":[` + required + `]}`:                                            "だめ (invalid)\n  total: totalは必須です。 (required)",
		`{"status":400,"code":"invalid","detail":"だめ"}`:                                                                        "だめ (invalid)",
		`<html>`: "the server answers 400 Bad Request",
	} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Locale") != "ja_JP" || r.Header.Get("Authorization") != "Bearer bp_key" {
				t.Errorf("the header is %v, want the locale and the key", r.Header)
			}
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, body)
		})
		if _, err := c.Submit(t.Context(), "estate-export", []byte(`{}`), "k"); err == nil || err.Error() != want {
			t.Errorf("Submit() answered with %s = %q, want %q", body, err, want)
		}
	}
}

// A stream that breaks goes on behind what was seen.
func TestFollowComesBack(t *testing.T) {
	t.Parallel()
	var seen []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/events") {
			fmt.Fprint(w, running)
			return
		}
		seen = append(seen, r.Header.Get("Last-Event-ID"))
		w.Header().Set("Content-Type", "text/event-stream")
		switch len(seen) {
		case 1:
			fmt.Fprintf(w, ": hello\n\nid: 7\nevent: progress\ndata: %s\n\nid: 8\nevent: prog", running)
			_ = http.NewResponseController(w).Flush()
			drop(w)
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			fmt.Fprintf(w, "id: 9\nevent: ended\ndata: %s\n\n", ended)
		}
	})
	shown := 0
	job, err := c.Follow(t.Context(), "c1", func(*client.Job) { shown++ })
	if err != nil || job.Result != client.Succeeded || shown != 2 {
		t.Errorf("Follow() = %+v, %v after %d; want progress and the end", job, err, shown)
	}
	if !slices.Equal(seen, []string{"", "7", "7"}) {
		t.Errorf("Last-Event-ID = %q, want that of the last whole event", seen)
	}
}

// A job may wait for longer than anybody waits for a server: what counts is how
// long ago the server gave a sign, which a comment is.
func TestFollowOutlastsAJobThatWaits(t *testing.T) {
	t.Parallel()
	streams := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/events") {
			fmt.Fprint(w, running)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		if streams++; streams > 1 {
			fmt.Fprintf(w, "id: 9\nevent: ended\ndata: %s\n\n", ended)
			return
		}
		for range 20 {
			fmt.Fprint(w, ":\n\n")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(100 * time.Millisecond)
		}
	}))
	defer server.Close()
	c := client.New(client.Config{Server: server.URL, Key: "k", Patience: time.Second})
	if job, err := c.Follow(t.Context(), "c1", func(*client.Job) {}); err != nil || job.Result != client.Succeeded {
		t.Errorf("Follow() = %+v, %v after %d streams; want the end from the second", job, err, streams)
	}
}

func TestFollowAsksWhereNoEventsCome(t *testing.T) {
	t.Parallel()
	for name, without := range map[string]http.HandlerFunc{
		"none":      http.NotFound,
		"something": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"ended":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/events") {
					without(w, r)
					return
				}
				if asked++; asked == 1 {
					fmt.Fprint(w, running)
				} else {
					fmt.Fprint(w, ended)
				}
			})
			if job, err := c.Follow(t.Context(), "c1", func(*client.Job) {}); err != nil || job.Result != client.Succeeded || asked != 2 {
				t.Errorf("Follow() = %+v, %v after asking %d times; want the end", job, err, asked)
			}
		})
	}
}

// Whoever lost the right to look is told, and does not wait.
func TestFollowEndsWithTheKey(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, running)
	})
	job, err := c.Follow(t.Context(), "c1", func(*client.Job) {})
	var refused *client.Problem
	if !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized || job == nil {
		t.Errorf("Follow() = %v, %v; want 401 and what was seen last", job, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, running)
	})
	if _, err := c.Follow(ctx, "c1", func(*client.Job) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("Follow() = %v after its context was cancelled, want that", err)
	}
}

// A download goes on where it was, in one call and in the next, and the file
// has its name once it is whole.
func TestSaveGoesOn(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("0123456789", 20_000)
	var ranges []string
	breaks := true
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		ranges = append(ranges, r.Header.Get("Range"))
		if !breaks {
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
			return
		}
		if len(ranges) > 2 {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		from := 0
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = io.WriteString(w, content[from:from+50_000])
		_ = http.NewResponseController(w).Flush()
		drop(w)
	})
	folder := t.TempDir()
	d := client.Download{URL: "/file", Target: filepath.Join(folder, "whole"), Part: filepath.Join(folder, "part"), Size: int64(len(content))}
	var refused *client.Problem
	if err := c.Save(t.Context(), d); !errors.As(err, &refused) {
		t.Fatalf("Save() = %v, want a refusal in the end", err)
	}
	if _, err := os.Stat(d.Target); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat of the file = %v, want none before it is whole", err)
	}
	breaks = false
	if err := c.Save(t.Context(), d); err != nil {
		t.Fatalf("Save() = %v", err)
	}
	if got, err := os.ReadFile(d.Target); err != nil || string(got) != content {
		t.Errorf("the file has %d bytes, %v; want what was sent", len(got), err)
	}
	if want := []string{"", "bytes=50000-", "bytes=100000-", "bytes=100000-"}; !slices.Equal(ranges, want) {
		t.Errorf("asked for %q, want %q", ranges, want)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("the folder has %v, %v; want the file alone", left, err)
	}
}

func TestSaveOfWhatHasNoLength(t *testing.T) {
	t.Parallel()
	tries := 0
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		if tries++; tries == 1 {
			drop(w)
			return
		}
		_, _ = io.WriteString(w, " and half")
	})
	folder := t.TempDir()
	d := client.Download{URL: "/file", Target: filepath.Join(folder, "whole"), Part: filepath.Join(folder, "part")}
	if err := c.Save(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(d.Target); err != nil || string(got) != "half and half" {
		t.Errorf("the file has %q, %v; want it whole", got, err)
	}
}

// A server that sends less than the file has is asked again, and believed at no
// time.
func TestSaveOfHalfAFile(t *testing.T) {
	t.Parallel()
	tries := 0
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if tries++; tries == 3 {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, "half")
	})
	folder := t.TempDir()
	d := client.Download{URL: "/file", Target: filepath.Join(folder, "whole"), Part: filepath.Join(folder, "part"), Size: 8}
	var refused *client.Problem
	if err := c.Save(t.Context(), d); !errors.As(err, &refused) || tries != 3 {
		t.Errorf("Save() = %v after %d tries, want the refusal of the third", err, tries)
	}
	if _, err := os.Stat(d.Target); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat of the file = %v, want none", err)
	}
}
