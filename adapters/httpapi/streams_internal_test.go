package httpapi

import (
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
)

// counted renders failures and counts how often.
type counted struct{ n atomic.Int64 }

func (c *counted) Text(locale string, _ domain.Failure) string {
	c.n.Add(1)
	return "in " + locale
}

// However many follow a job, each of its states is written once a language,
// and nothing of it is left when they are gone.
func TestAStateIsWrittenOnceALanguage(t *testing.T) {
	t.Parallel()
	words := &counted{}
	a := &api{
		cfg:  Config{}.withDefaults(0),
		deps: Deps{Messages: words, Locale: func(locale, _, _ string) string { return locale }},
	}
	job, err := domain.NewJob(domain.JobSpec{ID: "6552e15d743264.42384055", Tenant: "acme", User: "7", Kind: "edit", Items: 3, SubmittedAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	old, err := domain.LoadJob(job.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := job.RequestCancel(); err != nil {
		t.Fatal(err)
	}
	job.Cancel(time.Now()) // a state that has words
	texts, leave := map[string]*byte{}, []func(){}
	for i := range 100 {
		shared, done := a.streams.of(job.Ref())
		leave = append(leave, done)
		r := httptest.NewRequest("GET", "http://jobs.example.com/", nil)
		r.Header.Set("locale", []string{"zh_TW", "ja_JP"}[i%2])
		event := shared.event(a, r, job)
		if first := texts[r.Header.Get("locale")]; first != nil && first != &event[0] {
			t.Fatalf("stream %d got a text of its own", i)
		}
		texts[r.Header.Get("locale")] = &event[0]
		if string(shared.event(a, r, old)) == string(event) {
			t.Errorf("who is slow got the newer state under the name of the older")
		}
	}
	if n := words.n.Load(); n != 2 || len(texts) != 2 {
		t.Errorf("rendered %d times into %d texts, want once a language", n, len(texts))
	}
	for _, done := range leave {
		done()
	}
	if len(a.streams.jobs) != 0 {
		t.Errorf("%d jobs are kept though nobody follows them", len(a.streams.jobs))
	}
}
