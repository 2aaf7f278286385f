package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

const (
	eventsPath = jobPath + "/events"

	// heartbeat is how long a stream is silent at most. Proxies take a longer
	// silence for a connection that is dead.
	heartbeat = 15 * time.Second

	// keyAskedEvery is how often a stream asks whether its key still holds.
	keyAskedEvery = 5 * time.Second

	// eventPatience is how long a client may take to take one event.
	eventPatience = 10 * time.Second
)

// beginning of every stream: how long, in milliseconds, a client is to wait
// before it comes back to one that broke off.
const beginning = "retry: 2000\n\n"

// silence is a heartbeat: a comment, which clients pass over.
const silence = ":\n\n"

// registerEvents adds the stream of a job's events.
func (a *api) registerEvents() {
	responses := refusals(a.huma, problem{}, http.StatusUnauthorized, http.StatusNotFound,
		http.StatusInternalServerError, http.StatusServiceUnavailable)
	responses["200"] = &huma.Response{
		Description: "Server-sent events, until the job has ended: progress, and once, as the last, ended. The data of both is a JobView on one line. The id grows with each change, and is the same for the same state whichever process is asked. Lines that begin with a colon keep the connection alive.",
		Content: map[string]*huma.MediaType{eventStreamType: {
			Schema: &huma.Schema{Type: huma.TypeString},
			Example: beginning +
				"id: 137438953477\nevent: progress\ndata: {\"code\":\"6552e15d743264.42384055\",\"kind\":\"estate_batch_open_rent\",\"state\":\"running\",\"process\":40,…}\n\n" +
				"id: 274877906953\nevent: ended\ndata: {\"code\":\"6552e15d743264.42384055\",\"kind\":\"estate_batch_open_rent\",\"state\":\"completed\",\"process\":100,…}\n\n",
		}},
	}
	responses["204"] = &huma.Response{Description: "The job has ended, and Last-Event-ID says that its end was seen. An EventSource then does not come back."}
	register(a, huma.Operation{
		OperationID: "follow-job",
		Method:      http.MethodGet,
		Path:        eventsPath,
		Summary:     "Follow a job while it goes on",
		Description: "Sends the job as it is, and again whenever it has changed, at most about ten times a second; whoever is slow gets the newest alone. The stream ends with the job, when the key is revoked, and when the server stops: come back with the id of the last event, and nothing is sent twice.",
		Tags:        []string{"Jobs"},
		Security:    secured,
		Responses:   responses,
	}, func(ctx context.Context, in *eventsInput) (*eventsOutput, error) {
		return &eventsOutput{Body: func(huma.Context) {
			if err := a.sendEvents(ctx, in); err != nil {
				a.refuse(in.r, err).write(in.w)
			}
		}}, nil
	})
}

const eventStreamType = "text/event-stream"

type eventsInput struct {
	exchange
	Locale      string `header:"locale" doc:"Language of the message: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says; without both, the job's own language."`
	Code        string `path:"code" doc:"What the submission answered." example:"6552e15d743264.42384055"`
	LastEventID string `header:"Last-Event-ID" doc:"The id of the last event that was seen, as an EventSource sends it when it comes back. Of what was seen nothing is sent again."`
	LastSeen    string `query:"after" doc:"The same, for clients that cannot set the header, which counts if both are sent."`
}

// seen returns the version of the job that the client has seen, or 0. An id
// that the job has not come to yet is none of its own.
func (in *eventsInput) seen(job *domain.BatchJob) int64 {
	id := in.LastEventID
	if id == "" {
		id = in.LastSeen
	}
	version, err := strconv.ParseInt(strings.TrimSpace(id), 10, 64)
	if err != nil || version < 0 || version > job.Version() {
		return 0
	}
	return version
}

type eventsOutput struct {
	Body func(huma.Context)
}

// sendEvents answers with the events of a job until it has ended, the client
// is gone, its key does not hold any more, or the server is about to stop. It
// fails as long as nothing is sent.
func (a *api) sendEvents(ctx context.Context, in *eventsInput) error {
	who, err := a.deps.Authenticate(in.r)
	if err != nil {
		return err
	}
	leave, err := a.streams.enter()
	if err != nil {
		return err
	}
	defer leave()
	following, err := a.follow(ctx, who, in.Code)
	if err != nil {
		return err
	}
	defer following.Close()
	job, err := following.Next(ctx)
	if err != nil {
		return err
	}
	s := &eventStream{api: a, in: in, who: who, seen: in.seen(job)}
	if job.State().Ended() && s.seen == job.Version() {
		in.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if !s.begin() || in.r.Method == http.MethodHead {
		return nil
	}
	defer s.end()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(leavingOf(ctx), stop)()
	s.run(ctx, job, following)
	return nil
}

// follow begins to follow the caller's job of the code, as [api.find] finds it.
func (a *api) follow(ctx context.Context, who domain.Principal, code string) (*engine.Following, error) {
	id, err := domain.ParseJobID(code)
	if err != nil {
		return nil, domain.CodeNotFound
	}
	following, err := a.deps.Engine.Follow(ctx, who, id)
	if errors.Is(err, domain.CodeNotFound) {
		return nil, domain.CodeNotFound // the same bytes whatever the store said of it
	}
	return following, err
}

// eventStream sends the events of a job to one client.
type eventStream struct {
	api  *api
	in   *eventsInput
	who  domain.Principal
	seen int64     // the version that was sent last
	beat time.Time // when something is to be sent again
	ask  time.Time // when to ask for the key again
}

// begin sends the head of the answer.
func (s *eventStream) begin() bool {
	header := s.in.w.Header()
	header.Set("Content-Type", eventStreamType)
	header.Set("Cache-Control", "no-cache")
	header.Set("X-Accel-Buffering", "no") // or nginx keeps the events back: https://nginx.org/r/proxy_buffering
	s.ask = time.Now().Add(keyAskedEvery)
	return s.send([]byte(beginning))
}

// end gives the connection the patience back that the next answer may need.
func (s *eventStream) end() {
	_ = http.NewResponseController(s.in.w).SetWriteDeadline(time.Now().Add(requestTime))
}

// run sends the job and what becomes of it.
func (s *eventStream) run(ctx context.Context, job *domain.BatchJob, following *engine.Following) {
	rendering, done := s.api.streams.of(job.Ref())
	defer done()
	for {
		if version := job.Version(); version > s.seen {
			if !s.send(rendering.event(s.api, s.in.r, job)) {
				return
			}
			s.seen = version
		}
		if job.State().Ended() || !s.keepUp() {
			return
		}
		until := s.beat
		if s.ask.Before(until) {
			until = s.ask
		}
		waiting, cancel := context.WithDeadline(ctx, until)
		newest, err := following.Next(waiting)
		cancel()
		switch {
		case err == nil:
			job = newest
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return // it is over, or the job is not kept any more
		}
	}
}

// keepUp does what is due whether or not the job changes, and reports whether
// the stream may go on.
func (s *eventStream) keepUp() bool {
	now := time.Now()
	if !now.Before(s.ask) {
		s.ask = now.Add(keyAskedEvery)
		who, err := s.api.deps.Authenticate(s.in.r)
		switch {
		case errors.Is(err, domain.CodeUnauthorized), errors.Is(err, domain.CodeForbidden), err == nil && who.Tenant != s.who.Tenant:
			return false
		}
		// Else it holds, or nobody can say: then it goes on, and is asked for again.
	}
	return now.Before(s.beat) || s.send([]byte(silence))
}

// send sends text at once, and reports whether the client has taken it in time.
func (s *eventStream) send(text []byte) bool {
	controller := http.NewResponseController(s.in.w)
	_ = controller.SetWriteDeadline(time.Now().Add(eventPatience)) // what cannot do that has no deadline
	if _, err := s.in.w.Write(text); err != nil {
		return false
	}
	s.beat = time.Now().Add(heartbeat)
	return controller.Flush() == nil
}
