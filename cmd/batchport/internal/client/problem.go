package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Problem is how the server refuses: RFC 9457, with a code.
type Problem struct {
	Status int     `json:"status"` // of HTTP
	Code   string  `json:"code"`   // the class of the problem, "" when who answered is not batchport
	Detail string  `json:"detail"` // in the reader's language
	Errors []Fault `json:"errors"` // all that is wrong with the request

	// RetryAfter is how long the server asks to wait; 0 when it does not say.
	RetryAfter time.Duration `json:"-"`
}

// Fault is one thing that is wrong with a request.
type Fault struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// shownFaults is how many faults of a request people are shown.
const shownFaults = 20

// Error returns the server's words, and each fault in a line of its own. What is
// only about one of the faults is not said twice.
func (p *Problem) Error() string {
	var text strings.Builder
	said := slices.ContainsFunc(p.Errors, func(f Fault) bool { return f.Message == p.Detail })
	switch {
	case said && len(p.Errors) == 1:
		return p.Errors[0].String() + p.comeAgain()
	case said:
		fmt.Fprintf(&text, "the request has %d faults:", len(p.Errors))
	case p.Code != "":
		fmt.Fprintf(&text, "%s (%s)", p.Detail, p.Code)
	default:
		text.WriteString(p.Detail)
	}
	for i, f := range p.Errors {
		if i == shownFaults {
			fmt.Fprintf(&text, "\n  and %d more", len(p.Errors)-i)
			break
		}
		text.WriteString("\n  " + f.String())
	}
	return text.String() + p.comeAgain()
}

// comeAgain says when the request is worth another try, if the server does.
func (p *Problem) comeAgain() string {
	if p.Status != http.StatusTooManyRequests || p.RetryAfter == 0 {
		return ""
	}
	return fmt.Sprintf("\n  try again in %s", p.RetryAfter)
}

// String names the field, if one is to blame, and says what is wrong with it.
func (f Fault) String() string {
	if f.Field == "" {
		return f.Message + " (" + f.Code + ")"
	}
	return Harmless(f.Field) + ": " + f.Message + " (" + f.Code + ")"
}

// busy reports whether the same request may succeed soon.
func (p *Problem) busy() bool {
	switch p.Status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// problemOf reads a refusal. Of a proxy in between nothing but the status is
// known, and where it would send the client.
func problemOf(response *http.Response) *Problem {
	text, _ := io.ReadAll(io.LimitReader(response.Body, longestAnswer)) // what is missing shows below
	p := &Problem{}
	if json.Unmarshal(text, p) != nil || p.Code == "" {
		p = &Problem{Detail: "the server answers " + response.Status}
		if to := response.Header.Get("Location"); to != "" {
			p.Detail += ", which leads to " + to + ": is --server right?"
		}
	}
	p.Status = response.StatusCode
	p.RetryAfter = retryAfter(response.Header)
	return p
}

func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// UnreachableError is that nobody answered, and that nothing was sent.
type UnreachableError struct {
	Server string
	Err    error
}

// Error says where nobody answers, and what to do.
func (e *UnreachableError) Error() string {
	why := e.Err.Error()
	var name *net.DNSError
	switch {
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		why = "connection refused"
	case errors.As(e.Err, &name):
		why = "there is no host " + name.Name
	}
	return fmt.Sprintf("cannot reach %s: %s; start a server there (batchport serve), or name another with --server or BATCHPORT_SERVER", e.Server, why)
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// brokenError is a connection that broke, or that could not be made again: it
// is worth another try.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return "the connection to the server is lost: " + e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

// neverSent reports whether there was no connection to send anything on.
func neverSent(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "dial"
}

// MayHaveArrived reports whether a request that failed so may have been taken
// in all the same: it was sent, and what became of it is not known.
func MayHaveArrived(err error) bool {
	var problem *Problem
	var broken *brokenError
	return errors.As(err, &broken) || errors.As(err, &problem) && problem.busy()
}
