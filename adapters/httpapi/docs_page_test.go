package httpapi_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestDocsPage loads the page of the API as a browser without any other server
// would, and looks that its policy lets it load from nowhere else.
func TestDocsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	page := w.call(http.MethodGet, "/docs", "")
	if page.status != http.StatusOK || page.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("GET /docs = %d %v, want a page", page.status, page.header)
	}
	policy := page.header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self';") || strings.Contains(policy, "http") || strings.Contains(policy, "*") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy of the page is %q, want one that lets nothing be loaded from elsewhere, and no code but the server's", policy)
	}
	if inline := regexp.MustCompile(`<script>|<style|\son[a-z]+=`).FindString(page.body); inline != "" {
		t.Errorf("the page has %q, which its policy forbids", inline)
	}
	loads := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page.body, -1)
	loads = append(loads, regexp.MustCompile(`new URL\("([a-z][^"]*)"`).FindAllStringSubmatch(w.call(http.MethodGet, "/docs/page.js", "").body, -1)...)
	types := map[string]string{}
	for _, load := range loads {
		if load[1] == "data:," { // the icon: none
			continue
		}
		if strings.Contains(load[1], "//") || strings.HasPrefix(load[1], "/") {
			t.Errorf("the page loads %s, want a path beside it", load[1])
		}
		got := w.call(http.MethodGet, "/"+load[1], "")
		if got.status != http.StatusOK || got.body == "" || got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET /%s = %d %v, want what the page loads", load[1], got.status, got.header)
		}
		types[load[1]] = got.header.Get("Content-Type")
	}
	for file, want := range map[string]string{
		"docs/page.js": "text/javascript; charset=utf-8", "docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
		"docs/swagger-ui.css": "text/css; charset=utf-8", "openapi.json": "application/openapi+json",
	} {
		if types[file] != want {
			t.Errorf("the page loads %s as %q, want %s", file, types[file], want)
		}
	}
	if elsewhere := regexp.MustCompile(`@import|url\(\s*["']?https?:`).FindString(w.call(http.MethodGet, "/docs/swagger-ui.css", "").body); elsewhere != "" {
		t.Errorf("the styles have %q, want nothing from elsewhere", elsewhere)
	}
	if again := w.call(http.MethodGet, "/docs/swagger-ui-bundle.js", "", "If-None-Match", w.call(http.MethodGet, "/docs/swagger-ui-bundle.js", "").header.Get("ETag")); again.status != http.StatusNotModified {
		t.Errorf("GET of what the browser has = %d, want 304", again.status)
	}
}
