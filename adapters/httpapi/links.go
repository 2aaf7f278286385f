package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/batchport/batchport/domain"
)

// fileRef names a file of a tenant, and what its reader will call it.
type fileRef struct {
	tenant domain.TenantID
	id     string
	name   string
}

// link returns an absolute URL at which the file can be had, for as long as
// [Config.LinkLife] says without a key.
func (a *api) link(r *http.Request, f fileRef) string {
	return a.linkUntil(r, f, a.cfg.Now().Add(a.cfg.LinkLife))
}

// linkOf is link for the file of a job. It promises nothing beyond the time for
// which the file is kept.
func (a *api) linkOf(r *http.Request, job *domain.BatchJob, file *domain.JobFile) string {
	until := a.cfg.Now().Add(a.cfg.LinkLife)
	if kept := a.deps.Engine.FileKeptUntil(job); !kept.IsZero() && kept.Before(until) {
		until = kept
	}
	return a.linkUntil(r, fileRef{tenant: job.Tenant(), id: file.ID, name: file.Name}, until)
}

func (a *api) linkUntil(r *http.Request, f fileRef, until time.Time) string {
	expires := strconv.FormatInt(until.Unix(), 10)
	query := url.Values{"expires": {expires}, "signature": {a.sign(f, expires)}}
	return a.base(r) + "/files/" + segment(string(f.tenant)) + "/" + segment(f.id) + "/" + segment(f.name) + "?" + query.Encode()
}

// base returns where clients reach this server.
func (a *api) base(r *http.Request) string {
	if a.cfg.PublicURL != "" {
		return a.cfg.PublicURL
	}
	base := url.URL{Scheme: "http", Host: r.Host}
	if r.TLS != nil {
		base.Scheme = "https"
	}
	return base.String()
}

// segment escapes s as one segment of a path. Dots alone would be taken for a
// direction.
func segment(s string) string {
	if strings.Trim(s, ".") == "" {
		return strings.Repeat("%2E", len(s))
	}
	return url.PathEscape(s)
}

// sign returns the signature of a link to f that works until expires, which
// are seconds since 1970.
func (a *api) sign(f fileRef, expires string) string {
	mac := hmac.New(sha256.New, a.cfg.SigningKey)
	// Each part with its length, so that no two links have one text; and a name
	// for what is signed, so that the key can sign other things too.
	for _, part := range []string{"batchport file link", string(f.tenant), f.id, f.name, expires} {
		_, _ = fmt.Fprintf(mac, "%d:%s,", len(part), part) // a hash takes everything
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// signed reports whether the signature is ours and holds still.
func (a *api) signed(f fileRef, expires, signature string) bool {
	if !hmac.Equal([]byte(signature), []byte(a.sign(f, expires))) {
		return false
	}
	seconds, err := strconv.ParseInt(expires, 10, 64)
	return err == nil && a.cfg.Now().Before(time.Unix(seconds, 0))
}
