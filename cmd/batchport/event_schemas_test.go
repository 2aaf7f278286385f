package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// TestEventsAreAsDescribed has jobs of all kinds end in every way, and budget
// rules synced, and compares each event that JetStream then has with
// docs/events/asyncapi.yaml. Nothing is described that no event had.
func TestEventsAreAsDescribed(t *testing.T) {
	t.Parallel()
	w := newEventWorld(t)
	w.cancelled(t)
	w.stopped(t)
	w.retried(t)
	for _, body := range []string{
		`{"job_name":"estate_batch_open_rent","estatesIds":[987650001,987650002,987650999]}`, // partly failed
		`{"job_name":"estate_batch_open_rent","estatesIds":[987650999]}`,                     // all failed
		`{"job_name":"estate_batch_close_rent","estatesIds":"all","total":5,"searchOptions":[]}`,
		`{"job_name":"estate_batch_close_rent","estatesIds":"all","total":2,"searchOptions":[]}`,
		`{"job_name":"estate_batch_upload_monthly_report","publicUrl":"` + w.upload(t, w.key, "a.pdf", []byte("%PDF-1.7")) + `","date":"202611","estatesIds":[987650001]}`,
		`{"job_name":"estate_import_monthly_statement","publicUrl":"` + w.upload(t, w.key, "a.xlsx", markedSheet(t)) + `","date":"202611"}`,
		`{"job_name":"estate_import_monthly_statement","publicUrl":"` + w.upload(t, w.key, "b.xlsx", []byte("no workbook")) + `","date":"202611"}`,
		`{"job_name":"estate_batch_edit_bigLandlord","data":{"987650001":{"editUserId":21}}}`,
		`{"job_name":"estate_batch_edit_agent","action":"estate","data":{"987650001":{"editUserId":7}}}`,
		`{"job_name":"estate_export","estatesIds":"all","total":2,"searchOptions":[]}`,
		`{"job_name":"community_export","communityIds":[5]}`,
		`{"job_name":"contract_export","constarctIds":[11]}`,
		`{"job_name":"repair_export","repairIds":[5]}`,
	} {
		w.submitted(w.submit(t, w.key, body))
	}
	const rules = `"data":[{"code":"a","priority":1,"budget_code":"b","branch_code":"c","rule_condition":{"x":"y"}},{"code":"","priority":-1}]`
	w.synced(t, "/common/budgets/v2/glBudgetRuleJson/batch", `{"bizId":"1","timestamp":1790000000000,`+rules+`}`)
	w.synced(t, syncJobs, `{`+rules+`}`)
	ended := w.compare(t)
	for _, channel := range []string{"jobSubmitted", "jobCompleted", "jobCancelled", "jobFailed", "budgetSynced"} {
		if ended[channel] == 0 {
			t.Errorf("no event went to the channel %s", channel)
		}
	}
	for _, member := range w.document.unseen() {
		t.Errorf("docs/events/asyncapi.yaml describes %s, which no event had", member)
	}
}

// eventWorld is a node that serves in this process, with a kind of its host.
type eventWorld struct {
	*serving
	document *eventDocument
	node     *node
	key      string
	host     *engine.Jobs[struct{}, int]
	begun    chan struct{}   // gets something for each chunk of the host's
	awaited  map[string]bool // jobs whose ends are awaited
	syncs    int             // that were made
}

func newEventWorld(t *testing.T) *eventWorld {
	t.Helper()
	data := t.TempDir()
	w := &eventWorld{
		document: readEventDocument(t), key: createKey(t, data), awaited: map[string]bool{},
		begun: make(chan struct{}, 100),
	}
	loadMarked(t, data)
	spans := newCollector(t)
	getenv := func(name string) string {
		if name == "OTEL_EXPORTER_OTLP_ENDPOINT" {
			return spans.URL
		}
		return ""
	}
	var err error
	w.node, err = newNode(t.Context(), nodeConfig{
		at: location{data: data}, role: roleAll, listen: "127.0.0.1:0", bus: busConfig{listen: "127.0.0.1:0"},
		telemetry: telemetryConfig{getenv: getenv}, log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.serving = &serving{url: w.node.url()}
	w.host, err = engine.Register(w.node.engine, engine.Kind[struct{}, int]{
		Name: "of-a-host",
		Apply: func(ctx context.Context, _ *domain.BatchJob, _ struct{}, items []int) ([]domain.Outcome, error) {
			w.begun <- struct{}{}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
			outcomes := make([]domain.Outcome, len(items))
			for i, item := range items {
				outcomes[i] = domain.Outcome{Fate: domain.Updated}
				if item < 0 {
					outcomes[i] = domain.FailedWith(domain.NewFailure(domain.CodeRejected, "item", ""))
				}
			}
			return outcomes, ctx.Err()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var eventUser = domain.Principal{Tenant: "acme", User: "secret-user", Permissions: []domain.Permission{domain.All}}

func (w *eventWorld) submitted(code string) { w.awaited[code] = true }

// cancelled stops a job before anybody has begun with it, and then has the node
// serve.
func (w *eventWorld) cancelled(t *testing.T) {
	t.Helper()
	code := submitTraced(t, func(r *http.Request) (*http.Response, error) {
		answer := httptest.NewRecorder()
		w.node.server.Handler.ServeHTTP(answer, r)
		return answer.Result(), nil
	}, w.url, w.key, `{"job_name":"estate_batch_open_rent","estatesIds":[987650001]}`)
	if _, err := w.node.engine.Cancel(t.Context(), eventUser, domain.JobID(code)); err != nil {
		t.Fatalf("Cancel = %v", err)
	}
	w.submitted(code)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.node.serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve = %v", err)
		}
		if err := w.node.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
}

// stopped stops a job of which some items are being worked on. Chunks hold the
// only connection that writes to SQLite, and Cancel gets it between two of them.
func (w *eventWorld) stopped(t *testing.T) {
	t.Helper()
	job, err := w.host.Submit(t.Context(), eventUser, engine.Request[struct{}, int]{Items: make([]int, 50_000)})
	if err != nil {
		t.Fatalf("Submit = %v", err)
	}
	w.submitted(string(job.ID()))
	<-w.begun
	if _, err := w.node.engine.Cancel(t.Context(), eventUser, job.ID()); err != nil {
		t.Fatalf("Cancel = %v", err)
	}
}

// retried tries jobs, and again what failed of them: they are completed, reach
// their limit of failures, and turn out to be impossible.
func (w *eventWorld) retried(t *testing.T) {
	t.Helper()
	dry := domain.JobOptions{ValidateOnly: true}
	bad := make([]int, 50_000)
	for i := range bad {
		bad[i] = -1 - i
	}
	for _, r := range []engine.Request[struct{}, int]{
		{Items: bad[:1], Options: dry},
		{Items: bad, Options: domain.JobOptions{ValidateOnly: true, FailLimit: domain.FailLimit{Percent: 50}}},
	} {
		job, err := w.host.Submit(t.Context(), eventUser, r)
		if err != nil {
			t.Fatalf("Submit = %v", err)
		}
		w.await(t, w.key, string(job.ID()))
		again, err := w.node.engine.Retry(t.Context(), eventUser, job.ID(), engine.RetryRequest{})
		if err != nil {
			t.Fatalf("Retry = %v", err)
		}
		w.submitted(string(job.ID()))
		w.submitted(string(again.ID()))
	}
	code := w.accepted(t, "/v1/jobs/estate-import-monthly-statement",
		`{"url":"`+w.upload(t, w.key, "a.xlsx", markedSheet(t))+`","month":"202610","validate_only":true}`)
	w.await(t, w.key, code)
	w.accepted(t, "/v1/jobs/"+code+"/retry", `{"url":"`+w.upload(t, w.key, "b.xlsx", []byte("no workbook"))+`"}`)
}

// accepted submits a job on /v1, and returns its code.
func (w *eventWorld) accepted(t *testing.T, path, body string) string {
	t.Helper()
	var answer struct{ Code string }
	if got, err := w.request(t.Context(), http.MethodPost, path, w.key, body, &answer); err != nil || got != http.StatusAccepted {
		t.Fatalf("POST %s = %d, %v; want 202", path, got, err)
	}
	w.submitted(answer.Code)
	return answer.Code
}

// synced sends budget rules.
func (w *eventWorld) synced(t *testing.T, path, body string) {
	t.Helper()
	var answer struct{ Code any }
	if got, err := w.request(t.Context(), http.MethodPost, path, w.key, body, &answer); err != nil || got >= http.StatusBadRequest {
		t.Fatalf("POST %s = %d, %v", path, got, err)
	}
	if code, ok := answer.Code.(string); ok && path == syncJobs {
		w.submitted(code)
	}
	w.syncs++
}

// compare reads all events and compares each with the document. It returns how
// many went to each channel.
func (w *eventWorld) compare(t *testing.T) map[string]int {
	t.Helper()
	conn, err := nats.Connect("nats://"+w.node.nats.Addr(), nats.UserInfo("acme", w.key))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := js.CreateConsumer(t.Context(), "BATCHPORT_EVENTS", jetstream.ConsumerConfig{Durable: "acme_all", FilterSubject: "batchport.v1.acme.>"})
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]int{}
	defer func() { t.Log("events by channel: ", told) }()
	for end := time.Now().Add(time.Minute); len(w.awaited) > 0 || told["budgetSynced"] < w.syncs; {
		msg, err := consumer.Next(jetstream.FetchMaxWait(time.Second))
		if time.Now().After(end) {
			t.Fatalf("after a minute %v have not ended and %d syncs are told of, want %d; last %v", w.awaited, told["budgetSynced"], w.syncs, err)
		}
		if err != nil {
			continue
		}
		channel := w.document.check(t, msg)
		told[channel]++
		if words := strings.Split(msg.Subject(), "."); channel != "jobSubmitted" && channel != "budgetSynced" {
			id := msg.Headers().Get(nats.MsgIdHdr)
			delete(w.awaited, strings.TrimSuffix(id, "-2"))
			if words[3] != "job" {
				t.Errorf("the event %s is on %s, want it among the jobs", id, msg.Subject())
			}
		}
	}
	return told
}
