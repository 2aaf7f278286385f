package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// synchronized are the events that tell of syncs, whether they were published
// or not. The engine must not run.
func (w *world) synchronized() (all []domain.Event) {
	w.t.Helper()
	_, err := w.store.ReopenEvents(w.t.Context(), func(context.Context) (ports.StreamState, error) {
		return ports.StreamState{Stream: "another"}, nil
	})
	w.must(err)
	events, err := w.store.UnpublishedEvents(w.t.Context(), 1000)
	w.must(err)
	for _, e := range events {
		if e.Topic == budgets.SyncedTopic {
			all = append(all, e)
		}
	}
	return all
}

func TestWireBudgetEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: budgets.Config{PerHour: 5}})
	type data struct {
		Sync, BizID, Job, User          string
		Total, Created, Updated, Failed int
	}
	// news are the events since it was called last, as "topic tenant subject sequence" and data.
	told := 0
	news := func() (heads []string, all []data) {
		t.Helper()
		events := w.synchronized()
		for _, e := range events[told:] {
			var d data
			w.must(json.Unmarshal(e.Data, &d))
			if e.Subject != d.Sync || e.ID != d.Sync+"-synced" {
				t.Errorf("the event %+v is not about the sync %q", e, d.Sync)
			}
			d.Sync = ""
			heads = append(heads, fmt.Sprint(e.Topic, " ", e.Tenant, " ", e.Sequence))
			all = append(all, d)
		}
		told = len(events)
		return heads, all
	}
	want := func(sentence string, want ...data) {
		t.Helper()
		heads, all := news()
		if diff := gocmp.Diff(want, all); diff != "" || slices.ContainsFunc(heads, func(h string) bool { return h != "budget.synced acme 1" }) {
			t.Errorf("%s: the events are %q (-want +got):\n%s", sentence, heads, diff)
		}
	}

	w.send(batch("one", rule(), rule(), rule("priority", "-1"), rule("priority", "6666")))
	want("one for a sync", data{BizID: "one", User: "user-of-*", Total: 4, Created: 1, Updated: 1, Failed: 2})
	w.send(batch("one", rule(), rule(), rule("priority", "-1"), rule("priority", "6666")))
	want("none for a repeated one")
	w.send(batch("none"))
	want("one for a sync of no rows", data{BizID: "none", User: "user-of-*"})
	w.send(batch("failed", "5"))
	want("one for a sync whose rows all failed", data{BizID: "failed", User: "user-of-*", Total: 1, Failed: 1})
	w.send(batch("one"))
	w.send("{")
	w.send("{}")
	w.call(http.MethodPost, syncPath, batch("two", rule()))
	w.call(http.MethodPost, syncPath, batch("two", rule()), "X-API-Key", w.poor)
	w.postSync(`{"data":[]}`)
	want("none for a refused one")
	fault := error(domain.Unavailable(context.Canceled))
	w.store.fault.Store(&fault)
	w.send(batch("three", rule()))
	w.store.fault.Store(nil)
	want("none for a fault")

	rows := `{"data":[` + rule("code", `"new"`) + `,` + rule() + `,` + rule() + `,5]}`
	job := fields(t, w.postSync(rows, "Idempotency-Key", "k").body)["code"].(string)
	w.postSync(rows, "Idempotency-Key", "k")
	file := w.uploaded("a.xlsx", workbook(t, []string{"code"}, []string{"A"}))
	broken := fields(t, w.postSync(fmt.Sprintf(`{"url":%q}`, file["url"])).body)["code"].(string)
	want("none before a job's end")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.engine.Run(ctx) }()
	for _, code := range []string{job, broken} {
		deadlineUntil(t, "the job's end", func() bool {
			return fields(t, w.call(http.MethodGet, "/v1/jobs/"+code, "", "X-API-Key", w.admin).body)["ended_at"] != nil
		})
	}
	stop()
	w.must(<-done)
	want("one for a job, none for one that failed before its rows", data{Job: job, User: "user-of-*", Total: 4, Created: 1, Updated: 2, Failed: 1})

	refusedSync(t, "the quota is used up", w.send(batch("four", rule())), http.StatusTooManyRequests, "four")
	want("none for one beyond the quota")
}
