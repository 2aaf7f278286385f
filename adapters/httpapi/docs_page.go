package httpapi

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"net/http"
	"time"
)

// docsPage is the page of the API and all that it loads: Swagger UI 5.35.0 as
// the npm package swagger-ui-dist has it, and what starts it. See
// docs/adr/0017-the-api-page-is-swagger-ui.md.
//
//go:embed docspage/page.html docspage/page.js docspage/swagger-ui-bundle.js docspage/swagger-ui.css
var docsPage embed.FS

// docsPolicy lets the page load what this server serves, and nothing from
// elsewhere. Swagger UI has icons in its styles.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// serveDocs serves a page that shows the description, and works without any
// other server. It needs no key; what is called from it does.
func (a *api) serveDocs() error {
	for _, file := range []struct{ route, name, contentType string }{
		{"/docs", "page.html", "text/html"}, // without a slash behind it: all that it loads is found beside it, whatever a proxy puts in front
		{"/docs/page.js", "page.js", "text/javascript"},
		{"/docs/swagger-ui-bundle.js", "swagger-ui-bundle.js", "text/javascript"},
		{"/docs/swagger-ui.css", "swagger-ui.css", "text/css"},
	} {
		text, err := docsPage.ReadFile("docspage/" + file.name)
		if err != nil {
			return fmt.Errorf("read the page of the API: %w", err)
		}
		tag := fmt.Sprintf(`"%x"`, sha256.Sum256(text))
		a.mux.HandleFunc("GET "+file.route, func(w http.ResponseWriter, r *http.Request) {
			header := w.Header()
			header.Set("Content-Type", file.contentType+"; charset=utf-8")
			header.Set("Content-Security-Policy", docsPolicy)
			header.Set("Referrer-Policy", "no-referrer")
			header.Set("Cache-Control", "no-cache") // ask again, and get a 304 until another version serves
			header.Set("ETag", tag)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
		})
	}
	return nil
}
