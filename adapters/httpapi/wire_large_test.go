package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/batchport/batchport/app/engine"
)

// largeData is a request of n edits of landlords, each with the capabilities.
func largeData(n int, user, capabilities string) string {
	var b strings.Builder
	b.WriteString(`{"job_name":"estate_batch_edit_bigLandlord","data":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		_, _ = fmt.Fprintf(&b, `{"id":%d,"editUserId":%s,"capabilities":{%s}}`, i+1, user, capabilities)
	}
	b.WriteString(`]}`)
	return b.String()
}

// TestTheLargestRequests sends what the limits on bytes and on items just
// allow: every such request must be read, and none may be taken for one that
// needs too much memory.
func TestTheLargestRequests(t *testing.T) {
	if testing.Short() {
		t.Skip("it needs some hundred megabytes")
	}
	const (
		eight = `"show_estate":1,"show_contract":0,"show_repair":1,"show_statement":0,"show_report":1,"edit_estate":0,"edit_contract":1,"edit_repair":0`
		seven = `"show_estate":1,"show_contract":0,"show_repair":1,"show_report":1,"edit_estate":0,"edit_contract":1,"edit_repair":0`
	)
	w := newWorld(t, settings{engine: engine.Config{ChunkSize: 2500}})
	for _, c := range []struct {
		name, body string
	}{
		{"as many edits of all capabilities as 16 MiB hold", largeData(92_500, "21", eight)},
		{"100,000 edits of seven capabilities", largeData(100_000, "21", seven)},
		{"100,000 edits that are wrong in each field", largeData(100_000, `"x"`, strings.ReplaceAll(seven, "show_", "sh0w_"))},
		{"100,000 identifiers", `{"job_name":"estate_export","estatesIds":[` + strings.TrimSuffix(manyIDs(100_000), ",") + `]}`},
	} {
		if got := w.post(c.body); got.status != http.StatusOK || len(c.body) > 16<<20 {
			t.Errorf("%s: POST of %d bytes = %d %.300s, want 200", c.name, len(c.body), got.status, got.body)
		}
	}
	for _, c := range []struct {
		name, body string
		status     int
	}{
		{"one edit too many", largeData(100_001, "21", ""), http.StatusRequestEntityTooLarge},
		{"one identifier too many", `{"job_name":"estate_export","estatesIds":[` + manyIDs(100_000) + `100001]}`, http.StatusRequestEntityTooLarge},
		{"100,000 entries that are no edits", `{"job_name":"estate_batch_edit_bigLandlord","data":[` + strings.Repeat(`{"id":"x"},`, 99_999) + `7]}`, http.StatusBadRequest},
		{"a byte more than 16 MiB", openOne + strings.Repeat(" ", 16<<20+1-len(openOne)), http.StatusRequestEntityTooLarge},
	} {
		got := w.post(c.body)
		if got.status != c.status {
			t.Errorf("%s: POST of %d bytes = %d %.300s, want %d", c.name, len(c.body), got.status, got.body, c.status)
		}
		wantEnvelope(t, got)
	}
}

// manyIDs is 1 to n, each followed by a comma.
func manyIDs(n int) string {
	var b strings.Builder
	for i := range n {
		_, _ = fmt.Fprintf(&b, "%d,", i+1)
	}
	return b.String()
}
