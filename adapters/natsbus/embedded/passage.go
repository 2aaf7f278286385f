package embedded

import (
	"strings"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/domain"
)

// passage is one request that a tenant may make of JetStream, under three
// subjects: the one that JetStream's clients use, in the tenant's account; a
// private one in the server's account, which names the tenant; and, for a
// consumer that the gate has opened, JetStream's own there.
type passage struct {
	name    string
	target  string // JetStream's subject up to the stream's name; "" when the gate itself answers
	rest    string // what follows the consumer's name in the subject, from its "."
	replies server.ServiceRespType
}

// create is answered by the gate, which looks at what is asked for. Its
// subject ends with the consumer's filter, which lies within the tenant's events.
var create = passage{name: "create", replies: server.Singleton}

// info is answered by the gate for consumers that are not there: clients that
// get no answer ask again for ever, and never make theirs anew.
var info = passage{name: "info", target: "$JS.API.CONSUMER.INFO.", replies: server.Singleton}

// passages are all that a tenant may ask for. A request for messages has many replies.
var passages = []passage{
	create,
	info,
	{name: "delete", target: "$JS.API.CONSUMER.DELETE.", replies: server.Singleton},
	{name: "next", target: "$JS.API.CONSUMER.MSG.NEXT.", replies: server.Streamed},
	{name: "ack", target: "$JS.ACK.", rest: ".>", replies: server.Singleton},
}

// public matches the requests in the tenant's account.
func (p passage) public(names natsbus.Names, tenant domain.TenantID) string {
	if p.target == "" {
		return "$JS.API.CONSUMER.CREATE." + names.EventStream() + ".*." + names.EventSubjects(tenant)
	}
	return p.target + names.EventStream() + ".*" + p.rest
}

// private matches the same requests in the server's account; with "*", those
// of all tenants. Its wildcards stand for the same words as those of public.
func (p passage) private(names natsbus.Names, tenant domain.TenantID) string {
	rest := p.rest
	if p.target == "" {
		rest = "." + names.EventSubjects(tenant)
	}
	return names.Internal("gate."+p.name+"."+string(tenant)+".*") + rest
}

// mapping leads from the private subject of one consumer to JetStream's.
func (p passage) mapping(names natsbus.Names, tenant domain.TenantID, consumer string) (from, to string) {
	return names.Internal("gate." + p.name + "." + string(tenant) + "." + consumer + p.rest),
		p.target + names.EventStream() + "." + consumer + p.rest
}

// parse takes a private subject apart.
func (p passage) parse(names natsbus.Names, subject string) (tenant domain.TenantID, consumer, rest string, ok bool) {
	words := strings.SplitN(strings.TrimPrefix(subject, names.Internal("gate."+p.name+".")), ".", 3)
	if len(words) != 3 {
		return "", "", "", false
	}
	return domain.TenantID(words[0]), words[1], words[2], true
}
