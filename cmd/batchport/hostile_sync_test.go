package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestHostileSyncsStayWithinMemory sends the largest budget rule syncs that
// there can be, good and bad in every field, to the real binary: what comes of a
// request must be bounded too, not only its body.
func TestHostileSyncsStayWithinMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads the peak of memory from /proc")
	}
	if testing.Short() {
		t.Skip("takes a minute")
	}
	const room = 16<<20 - 1_000
	filled := func(n int, row func(i, size int) string) string {
		var rows strings.Builder
		for i := range n {
			if i > 0 {
				rows.WriteByte(',')
			}
			rows.WriteString(row(i, room/n-1))
		}
		return rows.String()
	}
	// members is as many members as fit into so many bytes.
	members := func(size int, value string) string {
		var b strings.Builder
		for i := 0; b.Len() < size-100; i++ {
			fmt.Fprintf(&b, `,"c%x":%s`, i, value)
		}
		return b.String()
	}
	good := func(i int) string { return fmt.Sprintf(`"code":"R%d","priority":1,"budget_code":"B"`, i) }
	syncs := map[string]string{
		"long conditions": filled(10_000, func(i, size int) string {
			return `{` + good(i) + `,"rule_condition":{"a":1` + members(size-80, `"`+strings.Repeat("x", 60)+`"`) + `}}`
		}),
		"many columns": filled(10_000, func(i, size int) string {
			return `{` + good(i) + `,"rule_condition":{"a":1` + members(min(size-80, 350), "1") + `}}`
		}),
		"ignored fields": filled(10_000, func(i, size int) string {
			return `{` + good(i) + `,"rule_condition":{"a":1}` + members(min(size-80, 350), "1") + `}`
		}),
		"bad values": filled(10_000, func(i, size int) string {
			return `{` + good(i) + `,"rule_condition":{"a":1` + members(min(size-80, 400), "null") + `}}`
		}),
		"one row of faults": `{"rule_condition":{"a":[` + strings.TrimSuffix(strings.Repeat("null,", 500_000), ",") + `]}}`,
		"beyond the values": `{"rule_condition":{"a":[` + strings.TrimSuffix(strings.Repeat("0,", 8_000_000), ",") + `]}}`,
		"long texts":        filled(10_000, func(_, size int) string { return `{"code":"` + strings.Repeat("字", (size-20)/3) + `"}` }),
		"one code":          filled(10_000, func(int, int) string { return `{` + good(1) + `,"rule_condition":{"a":1}}` }),
	}
	for name, rows := range syncs {
		s := startServing(t, t.TempDir(), "--demo", "--syncs-unlimited")
		status, answered := sendRows(t, s, "/common/budgets/v2/glBudgetRuleJson/batch", fmt.Sprintf(`{"bizId":%q,"timestamp":1636600092809,"data":[%s]}`, name, rows))
		if want := map[bool]int{true: http.StatusRequestEntityTooLarge, false: http.StatusOK}[name == "beyond the values"]; status != want {
			t.Errorf("sync of %s: status %d, want %d", name, status, want)
		}
		wantWithin(t, s, fmt.Sprintf("sync of %s: %d KiB, status %d, answered %d KiB", name, len(rows)>>10, status, answered>>10))
		s.kill()
	}
	for name, rows := range map[string]string{
		"good rows": filled(95_000, func(i, _ int) string { return `{` + good(i) + `,"rule_condition":{"a":1,"header_b":["x","y"]}}` }),
		"bad rows": filled(95_000, func(i, _ int) string {
			return fmt.Sprintf(`{"code":%d,"priority":"x","deleted_flag":1,"b":1,"c":2,"branch_code":3}`, i)
		}),
		"long conditions": syncs["long conditions"],
		"bad values":      syncs["bad values"],
	} {
		s := startServing(t, t.TempDir(), "--demo", "--syncs-unlimited")
		status, _ := sendRows(t, s, "/v1/jobs/budget-rule-sync", `{"data":[`+rows+`]}`)
		if status != http.StatusAccepted {
			t.Errorf("job of %s: status %d, want 202", name, status)
		} else {
			awaitJobs(t, s)
		}
		wantWithin(t, s, fmt.Sprintf("job of %s: %d KiB, status %d", name, len(rows)>>10, status))
		s.kill()
	}
}

// sendRows sends a body and returns the status and the size of the answer.
func sendRows(t *testing.T, s *serving, path, body string) (status int, size int64) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.key)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	size, err = io.Copy(io.Discard, answer.Body)
	if err != nil || answer.StatusCode >= http.StatusInternalServerError {
		t.Errorf("POST %s: status %d, %v; want no fault of the server", path, answer.StatusCode, err)
	}
	return answer.StatusCode, size
}

// awaitJobs waits until the one job of the server has ended.
func awaitJobs(t *testing.T, s *serving) {
	t.Helper()
	folder, err := openDataFolder(t.Context(), s.cmd.Args[3])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var open int
		if err := folder.db.Read.QueryRowContext(t.Context(), "SELECT count(*) FROM batchport_jobs WHERE ended = 0").Scan(&open); err != nil {
			t.Fatal(err)
		}
		if open == 0 {
			return
		}
	}
	t.Error("the job has not ended")
}

func wantWithin(t *testing.T, s *serving, what string) {
	t.Helper()
	peak := peakMiB(t, s.cmd.Process.Pid)
	t.Logf("%s: peak %.0f MiB", what, peak)
	if peak > memoryBound {
		t.Errorf("%s: the process took %.0f MiB, want at most %d", what, peak, memoryBound)
	}
}
