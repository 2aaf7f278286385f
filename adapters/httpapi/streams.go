package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"

	"github.com/batchport/batchport/domain"
)

// streams are the streams of events that are open. Those of one job share what
// they send: a thousand clients that follow it in one language cost one
// encoding of each state.
type streams struct {
	most int

	mu   sync.Mutex
	open int
	jobs map[domain.JobRef]*rendering
}

// enter opens a stream, or fails with [domain.CodeUnavailable] when there are
// as many as there may be. The function it returns closes it.
func (s *streams) enter() (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= s.most {
		return nil, domain.Unavailable(errors.New("as many streams of events are open as there may be"))
	}
	s.open++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
	}, nil
}

// of returns what the streams of a job share, until done is called.
func (s *streams) of(ref domain.JobRef) (shared *rendering, done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs == nil {
		s.jobs = map[domain.JobRef]*rendering{}
	}
	shared = s.jobs[ref]
	if shared == nil {
		shared = &rendering{}
		s.jobs[ref] = shared
	}
	shared.streams++
	return shared, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if shared.streams--; shared.streams == 0 {
			delete(s.jobs, ref)
		}
	}
}

// rendering is the newest state of a job as events, by what else an event
// depends on.
type rendering struct {
	streams int // guarded by streams.mu

	mu      sync.Mutex
	version int64
	events  map[wording][]byte
}

// wording is what an event about a job depends on, beside the job.
type wording struct {
	locale string
	base   string // of links
}

// event returns the event that tells of the job as it is, which nobody may
// change.
func (d *rendering) event(a *api, r *http.Request, job *domain.BatchJob) []byte {
	version, key := job.Version(), wording{a.localeFor(r, job), a.base(r)}
	d.mu.Lock()
	defer d.mu.Unlock()
	if version > d.version {
		d.version, d.events = version, map[wording][]byte{}
	}
	event, rendered := d.events[key]
	if !rendered || version < d.version { // a client that is slow
		event = eventOf(a.jobViewOf(r, job), version, job.State().Ended())
	}
	if version == d.version {
		d.events[key] = event
	}
	return event
}

// eventOf writes an event: https://html.spec.whatwg.org/#server-sent-events.
func eventOf(view jobView, version int64, ended bool) []byte {
	name := "progress"
	if ended {
		name = "ended"
	}
	var text bytes.Buffer
	text.WriteString("id: " + strconv.FormatInt(version, 10) + "\nevent: " + name + "\ndata: ")
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(view) // of strings, numbers and times, which cannot fail; on one line, with its end
	text.WriteByte('\n')
	return text.Bytes()
}
