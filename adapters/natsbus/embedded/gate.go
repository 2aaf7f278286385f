package embedded

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/domain"
)

const (
	// maxTenantConsumers bounds the consumers of one tenant.
	maxTenantConsumers = 64

	// gateTimeout bounds one request to JetStream.
	gateTimeout = 5 * time.Second
)

// gate lets tenants use their own consumers and no other.
//
// NATS permissions are not enough for that. A wildcard stands for a whole word, so
// they cannot say "consumers whose name begins with acme_"; and within one
// account JetStream sends what it is asked for to any subject that the asker names, as a
// reply or as a push consumer's target, the streams' own subjects among them. So each
// tenant is in an account of its own, whose requests come out in the server's account
// under subjects that begin with the tenant and lead nowhere; for each
// consumer that the gate has made, a mapping turns exactly its subjects into
// those of JetStream. Replies find their way back into the tenant's account alone.
type gate struct {
	names   natsbus.Names
	account *server.Account
	conn    *nats.Conn
	stream  jetstream.JetStream

	mu     sync.Mutex
	opened map[string]domain.TenantID // the consumers that have their mappings
}

// openGate opens the gate for the consumers that are there and for those that
// tenants will ask for.
func openGate(i *instance) (*gate, error) {
	g := &gate{names: i.config.names, account: i.nats.GlobalAccount(), opened: make(map[string]domain.TenantID)}
	if err := g.account.AddStreamExport(g.names.EventSubjects("*"), nil); err != nil {
		return nil, err
	}
	for _, p := range passages {
		if err := g.account.AddServiceExportWithResponse(p.private(g.names, "*"), p.replies, nil); err != nil {
			return nil, err
		}
	}
	var err error
	if g.conn, err = i.connect("gate"); err != nil {
		return nil, err
	}
	if g.stream, err = jetstream.New(g.conn); err == nil {
		err = g.restore()
	}
	if err == nil {
		_, err = g.conn.Subscribe(create.private(g.names, "*"), g.create)
	}
	if err == nil {
		_, err = g.conn.Subscribe(info.private(g.names, "*"), g.missing)
	}
	if err == nil {
		err = g.conn.Flush()
	}
	if err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

func (g *gate) close() { g.conn.Close() }

// restore opens the gate for the consumers that are there.
func (g *gate) restore() error {
	there, err := g.consumers()
	if err != nil {
		return err
	}
	for name := range there {
		if tenant, ok := tenantOf(name); ok {
			if err := g.open(tenant, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// consumers returns the names of the consumers on the stream of events.
func (g *gate) consumers() (map[string]bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), gateTimeout)
	defer cancel()
	there := make(map[string]bool)
	stream, err := g.stream.Stream(ctx, g.names.EventStream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return there, nil
	}
	if err != nil {
		return nil, err
	}
	names := stream.ConsumerNames(ctx)
	for name := range names.Name() {
		there[name] = true
	}
	return there, names.Err()
}

// create answers a tenant's request to make or change a consumer.
func (g *gate) create(msg *nats.Msg) {
	answer, err := g.tryCreate(msg)
	if err != nil {
		answer = refusal(err)
	}
	// A tenant that does not hear the answer asks again.
	_ = msg.Respond(answer)
}

// missing answers a question about a consumer that the tenant does not have.
// Those that it has are mapped away, and JetStream answers.
func (g *gate) missing(msg *nats.Msg) {
	_ = msg.Respond(notFound)
}

func (g *gate) tryCreate(msg *nats.Msg) ([]byte, error) {
	tenant, name, filter, ok := create.parse(g.names, msg.Subject)
	if !ok {
		return nil, refuse("the subject names no consumer and filter")
	}
	request, err := checkRequest(g.names, tenant, name, filter, msg.Data)
	if err != nil {
		return nil, err
	}
	if err := g.makeRoom(tenant, name); err != nil {
		return nil, err
	}
	answer, err := g.conn.Request(fmt.Sprintf("$JS.API.CONSUMER.CREATE.%s.%s.%s", g.names.EventStream(), name, filter),
		request, gateTimeout)
	if err != nil {
		return nil, err
	}
	if made(answer.Data) {
		if err := g.open(tenant, name); err != nil {
			return nil, err
		}
	}
	return answer.Data, nil
}

// open adds the mappings of the consumer.
func (g *gate) open(tenant domain.TenantID, name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.opened[name]; ok {
		return nil
	}
	for _, p := range passages {
		if p.target == "" {
			continue
		}
		from, to := p.mapping(g.names, tenant, name)
		if err := g.account.AddMapping(from, to); err != nil {
			return fmt.Errorf("map %s: %w", from, err)
		}
	}
	g.opened[name] = tenant
	return nil
}

// makeRoom fails when the tenant has all the consumers that it may have, the
// one of that name aside. Consumers vanish without notice, so it counts those
// that are there when the mappings have become many.
func (g *gate) makeRoom(tenant domain.TenantID, name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.opened[name]; ok || g.count(tenant) < maxTenantConsumers {
		return nil
	}
	there, err := g.consumers()
	if err != nil {
		return err
	}
	for name, tenant := range g.opened {
		if there[name] {
			continue
		}
		for _, p := range passages {
			if p.target != "" {
				from, _ := p.mapping(g.names, tenant, name)
				g.account.RemoveMapping(from)
			}
		}
		delete(g.opened, name)
	}
	if g.count(tenant) >= maxTenantConsumers {
		return refuse("maximum consumers limit reached")
	}
	return nil
}

func (g *gate) count(tenant domain.TenantID) int {
	n := 0
	for _, owner := range g.opened {
		if owner == tenant {
			n++
		}
	}
	return n
}

// tenantOf returns whose the consumer is. No tenant's name holds a "_".
func tenantOf(consumer string) (domain.TenantID, bool) {
	name, _, ok := strings.Cut(consumer, "_")
	if !ok {
		return "", false
	}
	tenant, err := domain.ParseTenant(name)
	return tenant, err == nil
}
