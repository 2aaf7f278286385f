package httpapi_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// TestABrokenWorkbookIsNotTakenForAWhole loses the store while the workbook of
// failed items is made.
func TestABrokenWorkbookIsNotTakenForAWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{engine: engine.Config{ChunkSize: 1000}})
	w.run()
	const failed = 5000 // five times as many as are read at a time
	ids := make([]string, failed)
	for i := range ids {
		ids[i] = fmt.Sprint(i + 1)
	}
	code := w.submit(`{"job_name":"estate_batch_open_rent","estatesIds":[` + strings.Join(ids, ",") + `]}`)
	w.ended(code)
	fetch := func() (status int, kind, body string, err error) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+"/v1/jobs/"+code+"/failures.xlsx", http.NoBody)
		w.must(err)
		r.Header.Set("X-API-Key", w.admin)
		answer, err := w.server.Client().Do(r)
		w.must(err)
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		return answer.StatusCode, answer.Header.Get("Content-Type"), string(text), err
	}
	failFrom := func(item int) {
		fault := func(after int) error {
			if after+1 >= item {
				return domain.Unavailable(errors.New("the disk has gone"))
			}
			return nil
		}
		w.store.listed.Store(&fault)
	}

	failFrom(0)
	status, kind, body, err := fetch()
	if status != http.StatusServiceUnavailable || kind != "application/problem+json" || err != nil {
		t.Errorf("a fault before the first row: %d of %s, %v: %.200s; want a refusal with 503", status, kind, err, body)
	}
	failFrom(4000)
	status, _, body, err = fetch()
	if status != http.StatusOK || body == "" {
		t.Fatalf("a fault after 4000 rows: %d with %d bytes, want the beginning of a workbook", status, len(body))
	}
	if err == nil {
		t.Errorf("a fault after 4000 rows: the answer of %d bytes ended as a whole one does, want it broken off", len(body))
	}
	if !strings.Contains(w.logs.String(), "the disk has gone") {
		t.Errorf("the log does not tell why:\n%s", w.logs)
	}
	w.store.listed.Store(nil)
	status, _, body, err = fetch()
	if status != http.StatusOK || err != nil {
		t.Fatalf("without a fault: %d, %v; want the workbook", status, err)
	}
	if rows := rowsOf(t, body); len(rows) != failed+1 {
		t.Errorf("the workbook has %d rows, want a header and %d", len(rows), failed)
	}
}
