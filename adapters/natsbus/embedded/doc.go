// Package embedded runs a NATS server with JetStream inside this process, for
// hosts that have none.
//
// It listens nowhere unless [Config.Listen] says so: the process itself talks
// to it through memory ([Server.Connect]).
//
// # What may be lost
//
// JetStream acknowledges before its files are synced (every two minutes), and
// that stays so: SQL is the truth, the sweeper rings again, and the outbox
// publishes again what the stream has lost, so a sync for each message would
// buy nothing at a tenfold price. For the same reason files that cannot be read
// are moved aside at the start, and the server begins with none; and files that vanish
// while it runs are made anew within seconds.
//
// # Subscribers
//
// With [Config.Listen], anybody with credentials of a tenant may consume the
// events of that tenant, with any NATS client, and do nothing else. Each tenant has a
// NATS account of its own, into which lead:
//
//   - plain subscriptions to batchport.v1.<tenant>.>, for those who want only
//     what happens from now on;
//   - pull consumers on the stream BATCHPORT_EVENTS, which begin where they
//     left off. A consumer's name must begin with the tenant's and "_", such as
//     "acme_billing", and its filter, exactly one, must lie within
//     batchport.v1.<tenant>.>. A tenant has up to 64 of them.
//
// A client may make, look at, read from, acknowledge to and delete those
// consumers. What else JetStream offers (stream information, single
// messages, push consumers, lists of consumers) is refused as a permissions violation or, for
// the settings of a consumer, with an error of JetStream.
//
// Consumers vanish when the server's files do, so a subscriber asks for its
// consumer again when reading ends. The example shows all there is to it.
package embedded
