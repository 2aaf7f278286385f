package httpapi

import (
	"net/http"
	"time"
)

// Limits on the connections of [Server]. A body has a shorter time of its own
// ([Config.BodyTime]), a download a longer one that grows with its size.
const (
	headerTime  = 10 * time.Second
	requestTime = 2 * time.Minute
	idleTime    = 2 * time.Minute
	maxHeader   = 64 << 10
)

// Server returns a server of handler on the address whose limits no slow or
// endless client gets around. It does not listen yet.
func Server(address string, handler http.Handler) *http.Server {
	return &http.Server{
		Addr:              address,
		Handler:           handler,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       requestTime,
		WriteTimeout:      requestTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
	}
}
