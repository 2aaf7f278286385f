package natsbus

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// repeatAfter is how long the same trouble goes unmentioned.
const repeatAfter = time.Minute

// watch has the log told what becomes of the connection.
func (c LinkConfig) watch() []nats.Option {
	log, attempts := c.log(), &seldom{}
	return []nats.Option{
		nats.ConnectHandler(func(conn *nats.Conn) {
			log.Info("connected to NATS", "server", hidden(conn.ConnectedUrl()), "version", conn.ConnectedServerVersion())
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // nil when it was closed here
				log.Warn("the connection to NATS is lost; trying again until it is back", "cause", err)
			}
		}),
		nats.ReconnectHandler(func(conn *nats.Conn) {
			log.Info("connected to NATS again", "server", hidden(conn.ConnectedUrl()))
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			if attempts.due(err.Error(), time.Now()) {
				log.Warn("cannot connect to NATS; trying again", "servers", redacted(c.URLs), "cause", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if attempts.due(err.Error(), time.Now()) {
				log.Warn("NATS has an objection", "cause", err)
			}
		}),
	}
}

// seldom lets the same text through once in a while.
type seldom struct {
	mu   sync.Mutex
	last map[string]time.Time
}

func (s *seldom) due(text string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, known := s.last[text]; known && now.Sub(at) < repeatAfter {
		return false
	}
	if len(s.last) >= 100 || s.last == nil { // texts may hold subjects, of which there is no end
		s.last = make(map[string]time.Time)
	}
	s.last[text] = now
	return true
}
