package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rs/cors"
)

// AnyOrigin lets pages of every origin in.
const AnyOrigin = "*"

// preflightAge is for how many seconds a browser need not ask again whether it
// may call.
const preflightAge = 3600

// CheckOrigin fails unless the origin is one that browsers send, such as
// "https://app.example.com", letter by letter, or [AnyOrigin].
func CheckOrigin(origin string) error {
	if origin == AnyOrigin {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || origin != u.Scheme+"://"+u.Host {
		return errors.New("want the scheme and the host of a page, such as https://app.example.com or http://localhost:3000, without a path and a slash at the end")
	}
	if strings.Contains(u.Host, "*") {
		return errors.New(`want every host by its name, or "*" alone for every origin`)
	}
	if origin != strings.ToLower(origin) || strings.ContainsFunc(origin, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("want the host as browsers send it: in lower case, and its other letters as xn--…")
	}
	if port := u.Port(); port == "" && strings.HasSuffix(u.Host, ":") || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return errors.New("want no port where it is the usual one: browsers do not send it")
	}
	return nil
}

// checkOrigins fails when one of the origins is none, and when there are
// others beside [AnyOrigin].
func checkOrigins(origins []string) error {
	for _, origin := range origins {
		if err := CheckOrigin(origin); err != nil {
			return fmt.Errorf("httpapi: Config.Origins has %q: %w", origin, err)
		}
	}
	if len(origins) > 1 && slices.Contains(origins, AnyOrigin) {
		return errors.New(`httpapi: Config.Origins has "*" and others: want it alone`)
	}
	return nil
}

// acrossOrigins lets pages of other origins call next from a browser. Every
// answer says so, refusals too: without that a page would see nothing of them.
// Cookies and the like are not asked for, since keys come in headers of their own.
func (a *api) acrossOrigins(next http.Handler) http.Handler {
	if len(a.cfg.Origins) == 0 {
		return next
	}
	return cors.New(cors.Options{
		AllowedOrigins: a.cfg.Origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{
			"Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "Locale", "Accept-Language",
			"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
			"Last-Event-ID", "X-Request-ID", "Traceparent", "Tracestate",
		},
		ExposedHeaders: []string{
			"RateLimit", "RateLimit-Policy", "Retry-After", "Location", "Allow", "WWW-Authenticate",
			"Content-Disposition", "Content-Range", "Accept-Ranges", "ETag", "X-Request-ID", "Traceparent",
		},
		MaxAge: preflightAge,
	}).Handler(next)
}
