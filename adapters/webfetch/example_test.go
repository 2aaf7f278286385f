package webfetch_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/batchport/batchport/adapters/webfetch"
	"github.com/batchport/batchport/domain"
)

func Example() {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "statements of November")
	}))
	defer server.Close()
	authorities := x509.NewCertPool()
	authorities.AddCert(server.Certificate())

	// A server on this machine is reached only because it is allowed.
	fetcher, err := webfetch.New(webfetch.Config{
		AllowedHosts: []string{server.Listener.Addr().String()},
		RootCAs:      authorities,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var document bytes.Buffer
	err = fetcher.Fetch(context.Background(), server.URL+"/statements.xlsx", &document)
	fmt.Println(document.String(), err)

	err = fetcher.Fetch(context.Background(), "https://169.254.169.254/?token=secret", io.Discard)
	failure := domain.FailureOf(err)
	fmt.Println(failure.Code, failure.Params["reason"], failure.Value)
	// Output:
	// statements of November <nil>
	// unreachable address https://169.254.169.254/
}
