package embedded

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// startTimeout bounds the start, which takes 10 ms and 2 ms more for each
	// thousand events in the files.
	startTimeout = 30 * time.Second

	// watchInterval is how often the server looks whether its files are there.
	watchInterval = time.Second
)

// Server is a running server.
type Server struct {
	config listening
	secret string
	addr   string
	stop   chan struct{}
	done   sync.WaitGroup
	close  sync.Once

	mu  sync.Mutex
	now *instance // nil when it could not be started again
}

// Start starts the server and returns when it is ready. Files that it cannot
// read it moves to "jetstream.broken" beside them. It fails when it cannot
// listen or write.
func Start(config Config) (*Server, error) {
	checked, err := config.check()
	if err != nil {
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}
	s := &Server{config: checked, secret: rand.Text(), stop: make(chan struct{})}
	if s.now, err = startInstance(checked, s.secret); err != nil {
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}
	if addr, ok := s.now.nats.Addr().(*net.TCPAddr); ok && config.Listen != "" {
		s.addr = addr.String()
		s.config.port = addr.Port // the same one when it starts again
	}
	s.done.Go(s.watch)
	return s, nil
}

// Addr returns where the server listens for subscribers, such as
// "127.0.0.1:4222", or "" when it does not.
func (s *Server) Addr() string { return s.addr }

// Connect connects this process to the server, through memory, with every
// right. The connection comes back by itself, and is the caller's to close before the
// server. options come after those that make it so.
func (s *Server) Connect(options ...nats.Option) (*nats.Conn, error) {
	return nats.Connect("", append([]nats.Option{
		nats.InProcessServer(dialer{s}),
		nats.UserInfo(internalUser, s.secret),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(100 * time.Millisecond),
	}, options...)...)
}

// Healthy returns nil while the server takes messages, and otherwise why not.
func (s *Server) Healthy() error {
	now := s.current()
	if now == nil || !now.nats.Running() {
		return errors.New("embedded NATS server: stopped")
	}
	if !now.nats.JetStreamEnabled() {
		return errors.New("embedded NATS server: JetStream is off")
	}
	return nil
}

// Close stops the server and returns when it has stopped and its files are
// closed. It may be called more than once.
func (s *Server) Close() {
	s.close.Do(func() {
		close(s.stop)
		s.done.Wait()
		if now := s.swap(nil); now != nil {
			now.close()
		}
	})
}

// watch starts the server again when its files have vanished, JetStream has
// turned itself off, or a disk that was full has room again. It would go on writing into files that have no name any
// more, and show at the next start what it lost. JetStream alone is not
// turned off and on, which the server does not do safely under load.
func (s *Server) watch() {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		if now := s.current(); now != nil {
			why := now.ails()
			if why == "" {
				continue
			}
			s.config.Log.Error("JetStream "+why+"; nothing is lost, since the outbox publishes again", "dir", now.store.dir())
			s.swap(nil).close()
		}
		next, err := startInstance(s.config, s.secret)
		if err != nil {
			s.config.Log.Error("embedded NATS server does not start; the next attempt follows", "cause", err, "after", watchInterval)
			continue
		}
		s.swap(next)
	}
}

func (s *Server) current() *instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *Server) swap(next *instance) (last *instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, s.now = s.now, next
	return last
}

// dialer opens connections in memory to whichever instance runs.
type dialer struct{ server *Server }

// InProcessConn implements [nats.InProcessConnProvider].
func (d dialer) InProcessConn() (net.Conn, error) {
	now := d.server.current()
	if now == nil {
		return nil, nats.ErrNoServers
	}
	return now.nats.InProcessConn()
}
