package httpapi

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
)

// linker returns an interface that can make links and recognise them, with a
// clock that stands at now.
func linker(publicURL, key string, now time.Time) *api {
	return &api{cfg: Config{
		PublicURL: publicURL, SigningKey: []byte(key), Now: func() time.Time { return now },
	}.withDefaults(64 << 20)}
}

const (
	uploadID = "up-00112233445566778899aabbccddeeff"
	signKey  = "sixteen bytes or more"
)

func TestUploadOf(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	a := linker("", signKey, now)
	r := httptest.NewRequest("POST", "http://jobs.example.com/v1/files", nil)
	ref := fileRef{tenant: "acme", id: uploadID, name: "十一月 100%.xlsx"}
	link := a.link(r, ref)
	plain, query, _ := strings.Cut(link, "?")
	path := strings.TrimPrefix(plain, "http://jobs.example.com")
	elsewhere := func(base string) string { return base + path + "?" + query }
	with := func(name, value string) string {
		u, _ := url.Parse(link)
		q := u.Query()
		q.Set(name, value)
		u.RawQuery = q.Encode()
		u.Host = "else.example.com" // where only the signature counts
		return u.String()
	}
	foreign := a.link(r, fileRef{tenant: "other", id: uploadID, name: "x"})
	export := a.link(r, fileRef{tenant: "acme", id: "6552e15d743264.42384055-1", name: "x.xlsx"})
	otherKey := linker("https://else.example.com", "another key of sixteen bytes", now).link(r, ref)

	for _, tt := range []struct {
		name, url string
		id        string
		ok        bool
	}{
		{"as it was given out", link, uploadID, true},
		{"on another host", elsewhere("https://batch.internal:8443"), uploadID, true},
		{"below another path", elsewhere("https://example.com/tools/batch"), uploadID, true},
		{"on another host, parameters swapped", "https://h" + path + "?" + query[strings.Index(query, "&")+1:] + "&" + query[:strings.Index(query, "&")], uploadID, true},
		{"on another host, with more parameters", elsewhere("https://h") + "&download=1", uploadID, true},
		{"on another host, with a fragment", elsewhere("https://h") + "#page", uploadID, true},
		{"on another host, each byte of the id escaped", "https://h" + strings.Replace(path, "up-", "%75%70%2D", 1) + "?" + query, uploadID, true},
		{"on another host, Chinese not escaped", "https://h/files/acme/" + uploadID + "/十一月%20100%25.xlsx?" + query, uploadID, true},
		{"on another host, lower-case escapes", "https://h" + strings.ToLower(path) + "?" + query, uploadID, true},
		{"here without a signature", plain, uploadID, true},
		{"here with a broken signature", link + "x", uploadID, true},
		{"here, host in capitals", strings.Replace(plain, "jobs.example.com", "JOBS.Example.COM", 1), uploadID, true},
		{"here, scheme in capitals", strings.Replace(plain, "http:", "HTTP:", 1), uploadID, true},
		{"here, through TLS", strings.Replace(plain, "http:", "https:", 1), uploadID, true},
		{"here, with the port of the scheme", strings.Replace(plain, ".com", ".com:80", 1), uploadID, true},
		{"here, through TLS with its port", strings.Replace(strings.Replace(plain, ".com", ".com:443", 1), "http:", "https:", 1), uploadID, true},
		{"another tenant's, signed", foreign, "", true},
		{"another tenant's, signed, on another host", strings.Replace(foreign, "jobs.example", "h.example", 1), "", true},
		{"another tenant's, not signed", strings.Replace(plain, "/acme/", "/other/", 1), "", true},

		{"a job's file", export, "", false},
		{"on another host without a signature", "https://else.example.com" + path, "", false},
		{"on another port without a signature", strings.Replace(plain, ".com", ".com:8080", 1), "", false},
		{"on another host, signature of another key", otherKey, "", false},
		{"on another host, signature cut", with("signature", "AAAA"), "", false},
		{"on another host, empty signature", with("signature", ""), "", false},
		{"on another host, a longer life", with("expires", "99999999999"), "", false},
		{"on another host, another name", strings.Replace(elsewhere("https://h"), ".xlsx?", ".html?", 1), "", false},
		{"on another host, another tenant put in", strings.Replace(elsewhere("https://h"), "/acme/", "/other/", 1), "", false},
		{"on another host, another upload put in", strings.Replace(elsewhere("https://h"), "eeff/", "eef0/", 1), "", false},
		{"here, below a path", strings.Replace(plain, ".com/", ".com/batch/", 1), "", false},
		{"a direction in front", elsewhere("https://h/files/.."), "", false},
		{"a hidden direction in front", elsewhere("https://h/files/%2e%2E"), "", false},
		{"a direction behind", plain + "/../x", "", false},
		{"two slashes", elsewhere("https://h/"), "", false},
		{"two slashes, here", strings.Replace(plain, "/files/", "/files//", 1), "", false},
		{"a slash at the end", plain + "/", "", false},
		{"a hidden slash in the tenant", strings.Replace(plain, "/files/acme/", "/files/x%2Facme/", 1), "", false},
		{"hidden slashes only", "http://jobs.example.com/files%2Facme%2F" + uploadID + "%2Fx", "", false},
		{"a hidden backslash", strings.Replace(plain, "/acme/", "/x%5Cacme/", 1), "", false},
		{"no name", "http://jobs.example.com/files/acme/" + uploadID, "", false},
		{"another folder", strings.Replace(plain, "/files/", "/v1/files/", 1), "", false},
		{"an id of another form", strings.Replace(plain, "up-", "UP-", 1), "", false},
		{"user and password", strings.Replace(link, "http://", "http://u:p@", 1), "", false},
		{"another scheme", strings.Replace(link, "http:", "ftp:", 1), "", false},
		{"no scheme", strings.TrimPrefix(link, "http:"), "", false},
		{"a path alone", path + "?" + query, "", false},
		{"no hierarchy", strings.Replace(link, "://", ":", 1), "", false},
		{"broken escapes", strings.Replace(plain, "/files/", "/files/%zz/", 1), "", false},
		{"far too long", link + "&x=" + strings.Repeat("x", 4096), "", false},
		{"elsewhere altogether", "https://example.com/report.pdf", "", false},
		{"nothing", "", "", false},
	} {
		id, ok := a.uploadOf(r, domain.Principal{Tenant: "acme"})(tt.url)
		if id != tt.id || ok != tt.ok {
			t.Errorf("%s: uploadOf(%s) = %q, %v; want %q, %v", tt.name, tt.url, id, ok, tt.id, tt.ok)
		}
	}
	years := linker("", signKey, now.AddDate(3, 0, 0))
	if id, ok := years.uploadOf(r, domain.Principal{Tenant: "acme"})(elsewhere("https://h")); id != uploadID || !ok {
		t.Errorf("uploadOf(link) years later = %q, %v; want it recognised, since only its use without a key has ended", id, ok)
	}
}

// TestUploadOfBehindAPublicURL recognises links whose beginning is configured.
func TestUploadOfBehindAPublicURL(t *testing.T) {
	t.Parallel()
	a := linker("https://jobs.example.com/b%20atch/", signKey, time.Now())
	r := httptest.NewRequest("POST", "http://10.0.0.7:8080/v1/files", nil)
	for text, want := range map[string]bool{
		"https://jobs.example.com/b%20atch/files/acme/" + uploadID + "/x":      true,
		"http://jobs.example.com:80/%62%20atch/files/acme/" + uploadID + "/x":  true,
		"https://jobs.example.com/files/acme/" + uploadID + "/x":               false,
		"https://jobs.example.com/b%20atch/more/files/acme/" + uploadID + "/x": false,
		"http://10.0.0.7:8080/files/acme/" + uploadID + "/x":                   false, // signed links alone work by other names
	} {
		if id, ok := a.uploadOf(r, domain.Principal{Tenant: "acme"})(text); ok != want || ok && id != uploadID {
			t.Errorf("uploadOf(%s) = %q, %v; want %v", text, id, ok, want)
		}
	}
}
