package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// series are metrics as they are exposed: values by name and labels.
type series map[string]float64

// metrics reads what the process exposes.
func (s *serving) metrics(t testing.TB) series {
	t.Helper()
	response, err := http.Get(s.reads)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("GET %s = %s, %v; want 200", s.reads, response.Status, err)
	}
	read := series{}
	for line := range strings.Lines(string(text)) {
		if at := strings.LastIndexByte(line, ' '); at > 0 && line[0] != '#' {
			value, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
			if err != nil {
				t.Fatalf("the line %q: %v", line, err)
			}
			read[line[:at]] = value
		}
	}
	return read
}

// jobCounts is what GET /v1/jobs says of a job.
type jobCounts struct {
	Kind     string
	State    string
	Total    float64
	Outcomes map[string]float64
}

// What is counted is what the reports say, and it is told without naming
// anybody; everything that the dashboard and the alerts ask for is there.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := startServing(t, t.TempDir(), "--demo", "--metrics-listen", "127.0.0.1:0", "--syncs-per-hour", "2")
	ids := make([]string, 0, 3000)
	for i := range 2000 { // which is fewer than half of those that are there
		ids = append(ids, strconv.Itoa(firstEstate+i))
	}
	ids = append(ids, "7", "8", "9") // nobody has these
	named := strings.Join(ids, ",")
	var codes []string
	for _, body := range []string{
		`{"job_name":"estate_batch_open_rent","estatesIds":[` + named + `]}`,
		`{"job_name":"estate_batch_close_rent","estatesIds":[` + named + `]}`,
		`{"job_name":"estate_batch_close_rent","estatesIds":"all","total":1000000,"searchOptions":[]}`, // which is not so
		`{"job_name":"estate_export","estatesIds":[` + named + `]}`,
		`{"job_name":"estate_export","estatesIds":"all","total":5,"searchOptions":[]}`, // nor is this
	} {
		codes = append(codes, s.submit(t, s.key, body))
	}
	rule := func(code, budget string) string {
		return fmt.Sprintf(`{"code":%q,"priority":1,"budget_code":%q,"rule_condition":{"a":"1"}}`, code, budget)
	}
	var job struct{ Code string }
	if got, err := s.request(t.Context(), http.MethodPost, syncJobs, s.key, `{"data":[`+rule("R1", "B1")+`,{"code":"R2"},`+rule("R1", "B2")+`]}`, &job); err != nil || got != http.StatusAccepted {
		t.Fatalf("POST %s = %d, %v; want 202", syncJobs, got, err)
	}
	codes = append(codes, job.Code)
	var refused any
	for i, want := range []int{http.StatusBadRequest, http.StatusBadRequest} { // neither is counted
		if got, err := s.request(t.Context(), http.MethodPost, syncJobs, s.key, `{"data":[]}`, &refused); err != nil || got != want {
			t.Fatalf("request %d = %d, %v; want %d", i, got, err, want)
		}
	}
	for i, want := range []int{http.StatusAccepted, http.StatusTooManyRequests, http.StatusTooManyRequests} {
		var job struct{ Code string }
		if got, err := s.request(t.Context(), http.MethodPost, syncJobs, s.key, `{"data":[`+rule("R3", "B3")+`]}`, &job); err != nil || got != want {
			t.Fatalf("request %d = %d, %v; want %d", i, got, err, want)
		}
		if want == http.StatusAccepted {
			codes = append(codes, job.Code)
		}
	}
	want := series{}
	for _, code := range codes {
		s.await(t, s.key, code)
		var job jobCounts
		if got, err := s.request(t.Context(), http.MethodGet, "/v1/jobs/"+code, s.key, "", &job); err != nil || got != http.StatusOK {
			t.Fatalf("GET /v1/jobs/%s = %d, %v; want 200", code, got, err)
		}
		want[fmt.Sprintf(`batchport_jobs_submitted_total{kind=%q}`, job.Kind)]++
		want[fmt.Sprintf(`batchport_jobs_ended_total{kind=%q,result=%q}`, job.Kind, job.State)]++
		for outcome, n := range job.Outcomes {
			want[fmt.Sprintf(`batchport_items_total{kind=%q,outcome=%q}`, job.Kind, outcome)] += n
		}
	}
	want[`batchport_quota_refusals_total{quota="budget_sync"}`] = 2
	want[`batchport_events_total{result="published"}`] = float64(2*len(codes) + 2) // and one of each sync
	want[`batchport_outbox_events`], want[`batchport_work_ready`], want[`batchport_work_held`] = 0, 0, 0
	want[`batchport_backlog_up`], want[`batchport_leases_expired_total`] = 1, 0
	want[fmt.Sprintf(`batchport_http_request_duration_seconds_count{operation="POST %s",status="4xx"}`, syncJobs)] = 4
	var got series
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) { // what waits is asked for every five seconds
		if got = s.metrics(t); len(differences(got, want)) == 0 {
			break
		}
	}
	for _, difference := range differences(got, want) {
		t.Error(difference)
	}
	for name := range got {
		if strings.Contains(name, "demo") || strings.Contains(name, "tenant=") || strings.Contains(name, "user=") {
			t.Errorf("the series %s names somebody", name)
		}
	}
	t.Logf("%d series", len(got))
	checkAsked(t, got)
	if response, err := http.Get(s.url + "/metrics"); err != nil || response.StatusCode != http.StatusNotFound {
		t.Errorf("GET /metrics where clients call = %v, %v; want 404", response, err)
	}
	s.stop(t)
}

const syncJobs = "/v1/jobs/budget-rule-sync"

func differences(got, want series) (all []string) {
	for name, value := range want {
		if read, there := got[name]; !there || read != value {
			all = append(all, fmt.Sprintf("%s is %v (there: %t), want %v", name, read, there, value))
		}
	}
	return all
}

var (
	metricName = regexp.MustCompile(`\b(?:batchport|process|go)_[a-z_]+`)
	selector   = regexp.MustCompile(`\b((?:batchport|process|go)_[a-z_]+)\{([^}]*)\}`)
	grouping   = regexp.MustCompile(`by \(([a-z, ]+)\)`)
	labelName  = regexp.MustCompile(`([a-z_]+)(?:=~|!=|=)"`)
)

// checkAsked holds the dashboard, the alerts and the page about them against
// what is exposed.
func checkAsked(t *testing.T, exposed series) {
	t.Helper()
	labels := map[string][]string{}
	for name := range exposed {
		bare, rest, _ := strings.Cut(name, "{")
		labels[bare] = append(labels[bare], "instance") // which the scraper adds
		for _, label := range labelName.FindAllStringSubmatch(rest, -1) {
			labels[bare] = append(labels[bare], label[1])
		}
	}
	queries := append(dashboardQueries(t), alertQueries(t)...)
	for _, query := range queries {
		names := metricName.FindAllString(query, -1)
		if len(names) == 0 {
			t.Errorf("the query %s asks for nothing of ours", query)
		}
		for _, name := range names {
			if labels[name] == nil {
				t.Errorf("the query %s asks for %s, which is not exposed", query, name)
			}
		}
		for _, part := range selector.FindAllStringSubmatch(query, -1) {
			for _, label := range labelName.FindAllStringSubmatch(part[2], -1) {
				if !slices.Contains(labels[part[1]], label[1]) {
					t.Errorf("the query %s asks for the label %s of %s, which has none", query, label[1], part[1])
				}
			}
		}
		for _, part := range grouping.FindAllStringSubmatch(query, -1) {
			for _, label := range strings.Split(part[1], ", ") {
				if !slices.ContainsFunc(names, func(name string) bool { return slices.Contains(labels[name], label) }) {
					t.Errorf("the query %s groups by %s, which none of its metrics has", query, label)
				}
			}
		}
	}
	page := pageOfMetrics(t)
	for name := range labels {
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, suffix)
		}
		if strings.HasPrefix(name, "batchport_") && !strings.Contains(page, "`"+name+"`") && !strings.Contains(page, "`"+name+"{") {
			t.Errorf("docs/operating.md does not explain %s", name)
		}
	}
	for _, name := range metricName.FindAllString(page, -1) {
		if labels[name] == nil && labels[name+"_count"] == nil {
			t.Errorf("docs/operating.md explains %s, which is not exposed", name)
		}
	}
}

// pageOfMetrics is what people are told of metrics.
func pageOfMetrics(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## Metrics, traces and logs\n")
	if !found {
		t.Fatal("docs/operating.md says nothing of metrics")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// dashboardQueries returns what the panels of the dashboard ask for.
func dashboardQueries(t *testing.T) (queries []string) {
	t.Helper()
	content, err := os.ReadFile("../../docs/deploy/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Type, Title string
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(content, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, panel := range dashboard.Panels {
		if panel.Type != "row" && len(panel.Targets) == 0 {
			t.Errorf("the panel %q asks for nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			queries = append(queries, target.Expr)
		}
	}
	return queries
}

// alertQueries returns what the alerts ask for. Each is in the page for
// whoever is called.
func alertQueries(t *testing.T) (queries []string) {
	t.Helper()
	content, err := os.ReadFile("../../docs/deploy/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	page, alerts := pageOfMetrics(t), 0
	for line := range strings.Lines(string(content)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "- alert: "); ok {
			if alerts++; !strings.Contains(page, "`"+name+"`") {
				t.Errorf("docs/operating.md does not say what to do about %s", name)
			}
		}
		if query, ok := strings.CutPrefix(strings.TrimSpace(line), "expr: "); ok {
			queries = append(queries, query)
		}
	}
	if alerts == 0 || alerts != len(queries) {
		t.Errorf("there are %d alerts with %d queries", alerts, len(queries))
	}
	return queries
}
