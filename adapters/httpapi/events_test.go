package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/batchport/batchport/adapters/httpapi"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// event is one event of a stream.
type event struct {
	id   int64
	name string
	data string
}

// stream is an open stream of events.
type stream struct {
	t        *testing.T
	response *http.Response
	lines    *bufio.Scanner
	leave    context.CancelFunc
}

// openStream asks for the events of a job and expects a stream. headers are
// names and values in turn, beside the admin's key.
func (w *world) openStream(target string, headers ...string) *stream {
	w.t.Helper()
	response, leave := w.askForStream(target, headers...)
	// A request that has its answer may keep its place for a moment.
	for end := time.Now().Add(10 * time.Second); response.StatusCode == http.StatusServiceUnavailable && time.Now().Before(end); {
		leave()
		time.Sleep(5 * time.Millisecond)
		response, leave = w.askForStream(target, headers...)
	}
	if response.StatusCode != http.StatusOK {
		w.t.Fatalf("GET %s = %d, want a stream", target, response.StatusCode)
	}
	return &stream{w.t, response, bufio.NewScanner(response.Body), leave}
}

func (w *world) askForStream(target string, headers ...string) (*http.Response, context.CancelFunc) {
	w.t.Helper()
	if !strings.HasPrefix(target, "http") {
		target = w.server.URL + target
	}
	ctx, leave := context.WithTimeout(w.t.Context(), 30*time.Second)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	w.must(err)
	r.Header.Set("X-API-Key", w.admin)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	w.must(err)
	w.t.Cleanup(func() {
		leave()
		_ = response.Body.Close()
	})
	return response, leave
}

// next is the next event; false when the stream has ended well.
func (s *stream) next() (e event, more bool) {
	s.t.Helper()
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch name {
		case "id":
			id, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				s.t.Errorf("id %q is no number", value)
			}
			e.id = id
		case "event":
			e.name = value
		case "data":
			e.data = value
		case "":
			if e.name != "" {
				return e, true
			}
		}
	}
	if err := s.lines.Err(); err != nil {
		s.t.Errorf("the stream broke off: %v", err)
	}
	return e, false
}

// rest are all events until the end of the stream.
func (s *stream) rest() (all []event) {
	s.t.Helper()
	for {
		e, more := s.next()
		if !more {
			return all
		}
		all = append(all, e)
	}
}

func eventsOf(code string) string { return "/v1/jobs/" + code + "/events" }

const threeEstates = `{"job_name":"estate_batch_open_rent","estatesIds":[1,2,199]}`

// A stream tells of the job as it is, of each change, and of its end, and then
// closes: what it says is what a poll says.
func TestEventsTellOfAJobUntilItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{Origins: []string{"https://app.example.com"}}})
	w.estates(1, 2, 199)
	code := w.submit(threeEstates)
	s := w.openStream(eventsOf(code), "Origin", "https://app.example.com")
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no",
		"X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "https://app.example.com",
	} {
		if got := s.response.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	first, _ := s.next()
	if state := fields(t, first.data)["state"]; first.name != "progress" || state != "queued" {
		t.Errorf("first event = %s of a job that is %v, want progress of one that is queued", first.name, state)
	}
	w.run()
	all := append([]event{first}, s.rest()...)
	if !slices.IsSortedFunc(all, func(a, b event) int { return int(a.id - b.id) }) {
		t.Errorf("ids of %+v do not grow", all)
	}
	for i, e := range all {
		if last := i == len(all)-1; last != (e.name == "ended") {
			t.Errorf("event %d of %d is %s, want progress but for the last", i, len(all), e.name)
		}
	}
	polled := w.call(http.MethodGet, "/v1/jobs/"+code, "", "X-API-Key", w.admin)
	if diff := gocmp.Diff(strings.TrimSpace(polled.body), all[len(all)-1].data); diff != "" {
		t.Errorf("the last event differs from a poll (-poll +event):\n%s", diff)
	}
	if result := fields(t, polled.body)["outcomes"].(map[string]any)["failed"]; result != 1.0 {
		t.Errorf("failed = %v, want 1", result)
	}
}

// Who comes back gets what it has not seen, and nothing else; when there is
// nothing more to come, 204.
func TestEventsGoOnWhereTheyBrokeOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.estates(1, 2, 199)
	code := w.submit(threeEstates)
	s := w.openStream(eventsOf(code))
	queued, _ := s.next()
	s.leave()
	again := w.openStream(eventsOf(code), "Last-Event-ID", strconv.FormatInt(queued.id, 10))
	w.run()
	seen := again.rest()
	if len(seen) == 0 || seen[0].id <= queued.id {
		t.Fatalf("events after %d = %+v, want newer ones alone", queued.id, seen)
	}
	end := seen[len(seen)-1]
	for name, ask := range map[string]struct {
		query, header string
		want          []event
	}{
		"nothing seen":            {"", "", []event{end}},
		"the beginning seen":      {"", strconv.FormatInt(queued.id, 10), []event{end}},
		"by query":                {"?after=" + strconv.FormatInt(queued.id, 10), "", []event{end}},
		"the end seen":            {"", strconv.FormatInt(end.id, 10), nil},
		"the end seen, by query":  {"?after=" + strconv.FormatInt(end.id, 10), "", nil},
		"the header counts":       {"?after=" + strconv.FormatInt(end.id, 10), strconv.FormatInt(queued.id, 10), []event{end}},
		"an id that is none":      {"", "seven", []event{end}},
		"an id of another job":    {"", strconv.FormatInt(end.id+1, 10), []event{end}},
		"an id out of all bounds": {"", strings.Repeat("9", 40), []event{end}},
		"a negative one":          {"", "-1", []event{end}},
	} {
		t.Run(name, func(t *testing.T) {
			var headers []string
			if ask.header != "" {
				headers = []string{"Last-Event-ID", ask.header}
			}
			if ask.want == nil {
				answer := w.call(http.MethodGet, eventsOf(code)+ask.query, "", append(headers, "X-API-Key", w.admin)...)
				if answer.status != http.StatusNoContent || answer.body != "" {
					t.Errorf("GET = %d %q, want 204", answer.status, answer.body)
				}
				return
			}
			if got := w.openStream(eventsOf(code)+ask.query, headers...).rest(); !slices.Equal(got, ask.want) {
				t.Errorf("events = %+v, want %+v", got, ask.want)
			}
		})
	}
}

// Each hears of the job in the language that it asked for.
func TestEventsAreInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.estates(1)
	code := w.submit(`{"job_name":"estate_batch_open_rent","estatesIds":[1]}`)
	streams, last := map[string]*stream{}, map[string]string{}
	for _, locale := range []string{"en_US", "zh_TW", "zh_CN", "ja_JP"} {
		streams[locale] = w.openStream(eventsOf(code), "locale", locale)
	}
	if answer := w.call(http.MethodPost, "/v1/jobs/"+code+"/cancel", "", "X-API-Key", w.admin); answer.status != http.StatusOK {
		t.Fatalf("POST cancel = %d %s, want 200", answer.status, answer.body)
	}
	for locale, s := range streams {
		all := s.rest()
		got, _ := fields(t, all[len(all)-1].data)["message"].(string)
		want, _ := fields(t, w.call(http.MethodGet, "/v1/jobs/"+code, "", "X-API-Key", w.admin, "locale", locale).body)["message"].(string)
		if got != want || got == "" || last[got] != "" {
			t.Errorf("message in %s = %q, want %q, which is like none of %v", locale, got, want, last)
		}
		last[got] = locale
	}
}

// What cannot be followed is refused as everything is.
func TestEventsAreRefusedLikeEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{config: httpapi.Config{MaxStreams: 1}})
	w.estates(1)
	code := w.submit(`{"job_name":"estate_batch_open_rent","estatesIds":[1]}`)
	refused := func(target, key string, status int, problem string) reply {
		t.Helper()
		answer := w.call(http.MethodGet, target, "", "X-API-Key", key)
		if answer.status != status || answer.header.Get("Content-Type") != "application/problem+json" || fields(t, answer.body)["code"] != problem {
			t.Errorf("GET %s = %d %s, want %d and the problem %s", target, answer.status, answer.body, status, problem)
		}
		return answer
	}
	refused(eventsOf(code), "bp_nobody_x", http.StatusUnauthorized, "unauthorized")
	refused(eventsOf(code), w.foreign, http.StatusNotFound, "not_found")
	refused(eventsOf("6552e15d743264.42384055"), w.admin, http.StatusNotFound, "not_found")
	refused(eventsOf("none"), w.admin, http.StatusNotFound, "not_found")
	// A head of a stream is not the stream, and what was refused keeps no place.
	if answer := w.call(http.MethodHead, eventsOf(code), "", "X-API-Key", w.admin); answer.status != http.StatusOK {
		t.Errorf("HEAD = %d, want 200", answer.status)
	}
	s := w.openStream(eventsOf(code))
	s.next()
	if answer := refused(eventsOf(code), w.admin, http.StatusServiceUnavailable, "unavailable"); answer.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	s.leave() // and with the client its place becomes free
	timeout := time.After(10 * time.Second)
	for {
		response, leave := w.askForStream(eventsOf(code))
		if leave(); response.StatusCode == http.StatusOK {
			return
		}
		select {
		case <-timeout:
			t.Fatal("a client that is gone has kept its place for 10 s")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// served serves the world with the limits of the real server, changed.
func (w *world) served(change func(*http.Server)) (server *http.Server, url string) {
	w.t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	server = httpapi.Server("", w.handler)
	change(server)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(socket) }()
	w.t.Cleanup(func() {
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			w.t.Errorf("Serve() = %v, want %v", err, http.ErrServerClosed)
		}
	})
	return server, "http://" + socket.Addr().String()
}

// A stream outlives the patience that the server has with requests.
func TestEventsOutliveTheServersPatience(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.estates(1)
	const patience = 200 * time.Millisecond
	_, url := w.served(func(s *http.Server) { s.ReadTimeout, s.WriteTimeout = patience, patience })
	code := w.submit(`{"job_name":"estate_batch_open_rent","estatesIds":[1]}`)
	s := w.openStream(url + eventsOf(code))
	s.next()
	<-time.After(3 * patience)
	w.run()
	if all := s.rest(); len(all) == 0 || all[len(all)-1].name != "ended" {
		t.Errorf("events after the server's patience = %+v, want the end", all)
	}
}

// A server that is told to stop does not wait for streams: they end well, and
// their clients come back to another process with what they have seen.
func TestEventsDoNotHoldUpAStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	server, url := w.served(func(*http.Server) {})
	code := w.gateJobWaiting()
	var streams []*stream
	for range 20 {
		s := w.openStream(url + eventsOf(code))
		s.next()
		streams = append(streams, s)
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Shutdown() took %v, want it not to wait for streams", took)
	}
	for _, s := range streams {
		if all := s.rest(); len(all) > 0 {
			t.Errorf("events while the server stops = %+v, want none", all)
		}
	}
}

// who may do anything of the tenant's.
func who(tenant domain.TenantID) domain.Principal {
	return domain.Principal{Tenant: tenant, User: "7", Permissions: []domain.Permission{domain.All}}
}

// gateJobWaiting submits a job that nobody works on.
func (w *world) gateJobWaiting() string {
	w.t.Helper()
	job, err := w.gates.Submit(w.t.Context(), who("acme"), engine.Request[struct{}, int]{Items: []int{1}})
	w.must(err)
	return string(job.ID())
}

// Many at once follow one job; all see its end.
func TestManyFollowOneJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.estates(1, 2, 199)
	code := w.submit(threeEstates)
	var streams []*stream
	for range 100 {
		streams = append(streams, w.openStream(eventsOf(code)))
	}
	w.run()
	var group sync.WaitGroup
	for _, s := range streams {
		group.Go(func() {
			if all := s.rest(); len(all) == 0 || all[len(all)-1].name != "ended" {
				t.Errorf("events = %+v, want the end", all)
			}
		})
	}
	group.Wait()
}
