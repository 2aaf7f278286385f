package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// said is what a command printed, and how it ended.
type said struct {
	code        int
	out, stderr string
}

// tell runs the program in this process, against a server, with its own
// environment alone.
func tell(t testing.TB, server, key string, args ...string) said {
	t.Helper()
	return tellIn(t, []string{"BATCHPORT_SERVER=" + server, "BATCHPORT_KEY=" + key}, args...)
}

func tellIn(t testing.TB, environ []string, args ...string) said {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, environ, &out, &errs)
	return said{code, out.String(), errs.String()}
}

// check fails unless the program ended with that code and its standard error
// has all of the words.
func (s said) check(t testing.TB, what string, code int, words ...string) {
	t.Helper()
	if s.code != code {
		t.Errorf("%s: exit code %d, want %d\n%s%s", what, s.code, code, s.out, s.stderr)
	}
	for _, word := range words {
		if !strings.Contains(s.stderr, word) {
			t.Errorf("%s says\n%swant it to say %q", what, s.stderr, word)
		}
	}
}

// paces are the states that a made-up server tells of its one job, c1.
func paces(t *testing.T, states ...string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/events") {
			fmt.Fprint(w, states[0])
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for i, state := range states {
			name := "progress"
			if strings.Contains(state, `"ended_at"`) {
				name = "ended"
			}
			fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", i+1, name, state)
			_ = http.NewResponseController(w).Flush()
		}
		if !strings.Contains(states[len(states)-1], `"ended_at"`) {
			<-r.Context().Done()
		}
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL
}

// atWork and atEnd are a job as the API shows it.
func atWork(percent int) string {
	return fmt.Sprintf(`{"code":"c1","kind":"estate_export","state":"running","result":null,"user":"7","process":%d,"total":20000,"rate":1234.4,"eta_seconds":72,"submitted_at":"2026-11-26T08:00:00Z","outcomes":{"exported":%d,"failed":16}}`, percent, percent*200-16)
}

func atEnd(state, result string, good, failed int) string {
	return fmt.Sprintf(`{"code":"c1","kind":"estate_export","state":%q,"result":%q,"user":"7","process":100,"total":%d,"submitted_at":"2026-11-26T08:00:00Z","started_at":"2026-11-26T08:00:00Z","ended_at":"2026-11-26T08:00:02Z","outcomes":{"exported":%d,"failed":%d}}`, state, result, good+failed, good, failed)
}
