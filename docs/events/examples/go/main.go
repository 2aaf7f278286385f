// Command subscriber prints how each job of a tenant has ended, each end once:
// events come at least once, so it keeps the ids of those that it has handled.
//
// From the environment: TENANT and KEY, which HTTP takes too; NATS_URL, the
// servers; CONSUMER, which begins with the tenant's name and "_"; RECORD, the file that
// remembers; and API_PREFIX where somebody else makes the consumer.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// event is what this program reads of an event. Others have more fields, and
// these may get more.
type event struct {
	ID, Type string
	Data     struct {
		Job, Kind, State string
		Report           struct{ Total, Failed int }
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	tenant := os.Getenv("TENANT")
	record, err := openRecord(cmp.Or(os.Getenv("RECORD"), "ended.log"))
	if err != nil {
		return err
	}
	conn, err := nats.Connect(cmp.Or(os.Getenv("NATS_URL"), nats.DefaultURL), nats.UserInfo(tenant, os.Getenv("KEY")),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	defer conn.Close()
	for ctx.Err() == nil {
		// The consumer is asked for again whenever reading ends: it is gone when
		// the servers have lost their files.
		err := subscribe(ctx, conn, tenant, record.handle)
		if conn.IsClosed() {
			return conn.LastError() // such as a key that was revoked
		}
		log.Print(err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
	return nil
}

// subscribe handles one event after the other, and acknowledges each when that
// is done. What is not acknowledged comes again.
func subscribe(ctx context.Context, conn *nats.Conn, tenant string, handle func(event) error) error {
	consumer, err := consumerOf(ctx, conn, tenant)
	if err != nil {
		return err
	}
	for {
		msg, err := consumer.Next(jetstream.FetchContext(ctx))
		if errors.Is(err, nats.ErrTimeout) {
			continue // nothing happened for a while
		}
		if err != nil {
			return err
		}
		var e event
		if err := json.Unmarshal(msg.Data(), &e); err != nil {
			return err
		}
		if err := handle(e); err != nil {
			return err
		}
		if err := msg.Ack(); err != nil {
			return err
		}
	}
}

// consumerOf makes the durable consumer, which remembers how far it came, or
// looks for the one that was made for this tenant.
func consumerOf(ctx context.Context, conn *nats.Conn, tenant string) (jetstream.Consumer, error) {
	const stream = "BATCHPORT_EVENTS"
	name := cmp.Or(os.Getenv("CONSUMER"), tenant+"_billing")
	if prefix := os.Getenv("API_PREFIX"); prefix != "" {
		js, err := jetstream.NewWithAPIPrefix(conn, prefix)
		if err != nil {
			return nil, err
		}
		return js.Consumer(ctx, stream, name)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	return js.CreateOrUpdateConsumer(ctx, stream, jetstream.ConsumerConfig{
		Durable:       name,
		FilterSubject: "batchport.v1." + tenant + ".job.>",
		AckPolicy:     jetstream.AckExplicitPolicy,
	})
}

// handle prints and records how a job has ended, unless it has done so before.
func (r *record) handle(e event) error {
	switch e.Type {
	case "batchport.job.completed", "batchport.job.cancelled", "batchport.job.failed":
	default:
		return nil // submissions, and what is added later
	}
	if r.has(e.ID) {
		fmt.Println("again:", e.ID)
		return nil
	}
	said := fmt.Sprintf("%s %s %s: %d items, %d failed", e.Data.Job, e.Data.Kind, e.Data.State, e.Data.Report.Total, e.Data.Report.Failed)
	if err := r.add(e.ID, said); err != nil {
		return err
	}
	fmt.Println(said)
	return nil
}
