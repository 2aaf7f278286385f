package httpapi_test

import (
	"net/http"
	"testing"
)

// Whoever polls a job that has not ended is told when to ask again.
func TestPollsAreToldWhenToAskAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	code := w.gateJobWaiting()
	poll := func() (both [2]string) {
		both[0] = w.status(code).header.Get("Retry-After")
		both[1] = w.call(http.MethodGet, "/v1/jobs/"+code, "", "X-API-Key", w.admin).header.Get("Retry-After")
		return both
	}
	if got, want := poll(), [2]string{"1", "1"}; got != want {
		t.Errorf("Retry-After of a job that was just submitted = %q, want %q", got, want)
	}
	w.run()
	close(w.gate)
	w.ended(code)
	if got, want := poll(), [2]string{}; got != want {
		t.Errorf("Retry-After of a job that has ended = %q, want none", got)
	}
}
