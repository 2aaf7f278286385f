package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/domain"
)

// quotaError is an error of a caller the use of whose quota is known.
type quotaError struct {
	error
	quota domain.QuotaUse
}

// Unwrap returns the error itself.
func (e *quotaError) Unwrap() error { return e.error }

// addQuota tells a caller who is refused what is left of the quota, if that is
// known.
func addQuota(header http.Header, err error) {
	var known *quotaError
	if !errors.As(err, &known) || len(known.quota.Windows) == 0 {
		return
	}
	policy, left := quotaHeaders(known.quota)
	header.Set("RateLimit-Policy", policy)
	header.Set("RateLimit", left)
}

// quotaHeaders are RateLimit-Policy and RateLimit, empty when requests are not
// counted: https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-10
func quotaHeaders(use domain.QuotaUse) (policy, left string) {
	var policies, rest []string
	for _, w := range use.Windows {
		name := windowName(w.Length)
		policies = append(policies, fmt.Sprintf("%q;q=%d;w=%d", name, w.Limit, budgets.Seconds(w.Length)))
		next := w.Next
		if next <= w.Length+time.Microsecond { // the moment that a use at the edge takes to leave is no news
			next = min(next, w.Length)
		}
		rest = append(rest, fmt.Sprintf("%q;r=%d;t=%d", name, w.Left, budgets.Seconds(next)))
	}
	return strings.Join(policies, ", "), strings.Join(rest, ", ")
}

func windowName(length time.Duration) string {
	if length == time.Hour {
		return "hour"
	}
	if length == 24*time.Hour {
		return "day"
	}
	return length.String()
}
