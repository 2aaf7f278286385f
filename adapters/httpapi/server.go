package httpapi

import (
	"context"
	"net"
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
// endless client gets around, and whose Shutdown ends streams of events, which
// it would otherwise wait for. It does not listen yet.
func Server(address string, handler http.Handler) *http.Server {
	leaving, leave := context.WithCancel(context.Background())
	server := &http.Server{
		Addr:              address,
		Handler:           handler,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       requestTime,
		WriteTimeout:      requestTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), leavingKey{}, leaving)
		},
	}
	server.RegisterOnShutdown(leave)
	return server
}

type leavingKey struct{}

// leavingOf returns a context that ends when the server of a request with ctx
// is about to stop, while that of the request goes on. Of another server it
// never ends.
func leavingOf(ctx context.Context) context.Context {
	if leaving, ok := ctx.Value(leavingKey{}).(context.Context); ok {
		return leaving
	}
	return context.Background()
}
