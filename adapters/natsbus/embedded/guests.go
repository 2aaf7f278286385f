package embedded

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// revocationInterval is how often the credentials of open connections are
// looked at. Twice as often as promised leaves time for the looking.
const revocationInterval = 5 * time.Second

// credentials are what a subscriber came in with.
type credentials struct{ user, password string }

// guests remembers with which credentials the open connections of
// subscribers came in.
type guests struct {
	mu sync.Mutex
	by map[uint64]credentials // by the server's number of the connection
}

func (g *guests) add(id uint64, who credentials) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.by == nil {
		g.by = make(map[uint64]credentials)
	}
	g.by[id] = who
}

// watch closes the connections of revoked credentials until ctx ends.
func (g *guests) watch(ctx context.Context, config listening, nats *server.Server) {
	tick := time.NewTicker(revocationInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.review(ctx, config, nats)
		}
	}
}

// review asks once about each credentials, however many connections have them,
// and takes no longer than until the next review is due.
func (g *guests) review(ctx context.Context, config listening, nats *server.Server) {
	ctx, cancel := context.WithTimeout(ctx, revocationInterval)
	defer cancel()
	answers := make(map[credentials]bool)
	for id, who := range g.present(nats) {
		revoked, asked := answers[who]
		if !asked {
			revoked = config.Revoked(ctx, who.user, who.password)
			answers[who] = revoked
		}
		if revoked {
			// It fails for a connection that has gone meanwhile, which is as good.
			_ = nats.DisconnectClientByID(id)
		}
	}
}

// present returns the connections that are open, and forgets the others.
func (g *guests) present(nats *server.Server) map[uint64]credentials {
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.DeleteFunc(g.by, func(id uint64, _ credentials) bool { return nats.GetClient(id) == nil })
	return maps.Clone(g.by)
}
