package natsbus

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/batchport/batchport/domain"
)

var schemes = []string{"nats", "tls", "ws", "wss"}

// checkURLs wants at least one URL, and of each a scheme and a host.
func checkURLs(elements []string) error {
	if len(elements) == 0 {
		return domain.Fail(domain.NewFailure(domain.CodeRequired, "urls", ""))
	}
	webs := 0
	all := split(elements)
	for i, one := range all {
		parsed, err := url.Parse(one)
		if err != nil || !slices.Contains(schemes, parsed.Scheme) || parsed.Hostname() == "" {
			// What cannot be taken apart is not shown: it may be half a password.
			return domain.Fail(domain.NewFailure(domain.CodeInvalid, "urls", fmt.Sprintf("number %d", i+1), "form", "nats://HOST:PORT"))
		}
		if strings.HasPrefix(parsed.Scheme, "ws") {
			webs++
		}
	}
	if webs > 0 && webs < len(all) {
		return &domain.Error{
			Code:     domain.CodeInvalid,
			Failures: []domain.Failure{domain.NewFailure(domain.CodeInvalid, "urls", redacted(elements))},
			Err:      errors.New("servers are reached all by WebSocket, or none"),
		}
	}
	return nil
}

func split(elements []string) (all []string) {
	for _, element := range elements {
		for one := range strings.SplitSeq(element, ",") {
			all = append(all, strings.TrimSpace(one))
		}
	}
	return all
}

// redacted shows URLs without what comes before their hosts.
func redacted(elements []string) string {
	var shown []string
	for _, one := range split(elements) {
		shown = append(shown, hidden(one))
	}
	return strings.Join(shown, ",")
}

// hidden replaces what comes before the host, if anything. A token stands
// where a user does, so that [url.URL.Redacted] would show it.
func hidden(one string) string {
	parsed, err := url.Parse(one)
	if err != nil {
		return "***"
	}
	if parsed.User != nil {
		return parsed.Scheme + "://***@" + parsed.Host
	}
	return parsed.Scheme + "://" + parsed.Host
}
