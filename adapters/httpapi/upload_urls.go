package httpapi

import (
	"crypto/hmac"
	"net/http"
	"net/url"
	"strings"

	"github.com/batchport/batchport/app/uploads"
	"github.com/batchport/batchport/domain"
)

// longestLink is more than a link to a file can have, in bytes: names have up
// to 255, each written as three.
const longestLink = 4096

// uploadOf returns what tells which upload of the caller's tenant a URL leads
// to, if it is one that [api.link] has made: one that is signed, whatever name
// of this server it begins with, since clients upload by one name and submit
// by another, and even when it has expired; or one that begins where clients
// reach this server, signed or not, since the caller has a key. An upload of
// another tenant gives ok and no identifier.
func (a *api) uploadOf(r *http.Request, who domain.Principal) func(url string) (id string, ok bool) {
	return func(text string) (string, bool) {
		if len(text) > longestLink {
			return "", false
		}
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			return "", false
		}
		before, ref, found := refOf(u)
		if !found || !uploads.IsID(ref.id) || !a.ours(r, u, before, ref) {
			return "", false
		}
		if ref.tenant != who.Tenant {
			return "", true
		}
		return ref.id, true
	}
}

// ours reports whether a URL, of the file and with the path before /files, is
// signed by us or begins where clients reach this server.
func (a *api) ours(r *http.Request, u *url.URL, before string, ref fileRef) bool {
	query := u.Query()
	if hmac.Equal([]byte(query.Get("signature")), []byte(a.sign(ref, query.Get("expires")))) {
		return true
	}
	base, err := url.Parse(a.base(r))
	return err == nil && sameHost(u, base) && before == base.Path
}

// refOf takes the path of a link apart: into what is before /files, and what
// is behind it. A path with directions in it, or with separators hidden in its
// segments, is none of ours.
func refOf(u *url.URL) (before string, ref fileRef, found bool) {
	parts := strings.Split(u.EscapedPath(), "/")
	for i, escaped := range parts {
		part, err := url.PathUnescape(escaped)
		direction := i > 0 && strings.Trim(part, ".") == ""
		if err != nil || direction || strings.ContainsAny(part, `/\`) {
			return "", fileRef{}, false
		}
		parts[i] = part
	}
	n := len(parts) - 4
	if n < 1 || parts[n] != "files" {
		return "", fileRef{}, false
	}
	return strings.Join(parts[:n], "/"), fileRef{tenant: domain.TenantID(parts[n+1]), id: parts[n+2], name: parts[n+3]}, true
}

// sameHost reports whether two URLs lead to one server. Whether TLS is spoken
// does not matter: a proxy in front may, and the server not.
func sameHost(a, b *url.URL) bool {
	return strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

// portOf returns the port of a URL, or "" for the one of its scheme.
func portOf(u *url.URL) string {
	port := u.Port()
	if u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
		return ""
	}
	return port
}
