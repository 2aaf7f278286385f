package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/adapters/natsbus/embedded"
	"github.com/batchport/batchport/domain"
)

// subscribe calls handle for each event of the tenant, from the first that
// the stream still has, until ctx ends. The consumer remembers how far it
// came, also while nobody subscribes. It is the whole of a subscriber.
func subscribe(ctx context.Context, url, tenant, password string, handle func(event []byte) error) error {
	conn, err := nats.Connect(url, nats.UserInfo(tenant, password), nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		// Asked for again whenever reading ends: the consumer is gone when the
		// server has lost its files.
		consumer, err := js.CreateOrUpdateConsumer(ctx, "BATCHPORT_EVENTS", jetstream.ConsumerConfig{
			Durable:       tenant + "_billing",
			FilterSubject: "batchport.v1." + tenant + ".job.>",
			AckPolicy:     jetstream.AckExplicitPolicy,
		})
		if err != nil {
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
			continue
		}
		for err == nil {
			var msg jetstream.Msg
			msg, err = consumer.Next(jetstream.FetchContext(ctx))
			switch {
			case errors.Is(err, nats.ErrTimeout): // nothing happened for a while
				err = nil
			case err == nil:
				if handle(msg.Data()) == nil {
					err = msg.Ack()
				} else {
					err = msg.NakWithDelay(time.Second)
				}
			}
		}
	}
	return nil
}

// A process that serves subscribers, and a subscriber.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	server, err := embedded.Start(embedded.Config{
		StoreDir: dir,
		Listen:   "127.0.0.1:0",
		Authenticate: func(_ context.Context, user, password string) (domain.TenantID, bool) {
			return domain.TenantID(user), user == "acme" && password == "key of acme"
		},
	})
	if err != nil {
		panic(err)
	}
	defer server.Close()

	conn, err := server.Connect()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	stream, err := natsbus.NewEventStream(conn, natsbus.Config{})
	if err != nil {
		panic(err)
	}
	_, err = stream.Publish(context.Background(), []domain.Event{{
		ID:       "0197f3c2-5a7e-7c11-9f0e-3b1f4a2d9c55",
		Tenant:   "acme",
		Topic:    "job.estate_export.completed",
		Subject:  "68f0a1b2c3d4e5.00000001",
		Sequence: 3,
		Time:     time.Date(2026, 11, 3, 4, 5, 6, 789_012_000, time.UTC),
		Data:     []byte(`{"state":"completed"}`),
	}})
	if err != nil {
		panic(err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err = subscribe(ctx, "nats://"+server.Addr(), "acme", "key of acme", func(event []byte) error {
		fmt.Println(string(event))
		cancel()
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// {"specversion":"1.0","id":"0197f3c2-5a7e-7c11-9f0e-3b1f4a2d9c55","source":"/batchport","type":"batchport.job.completed","subject":"68f0a1b2c3d4e5.00000001","time":"2026-11-03T04:05:06.789012Z","datacontenttype":"application/json","tenant":"acme","sequence":"0000000000000000003","data":{"state":"completed"}}
}
