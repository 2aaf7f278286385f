package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// demoEvents is a NATS subscriber of the demo tenant.
type demoEvents struct {
	conn     *nats.Conn
	consumer jetstream.Consumer
	ended    map[string]demoEvent // by batch code
}

// demoEvent is a CloudEvent that says that a job has ended.
type demoEvent struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Job  string `json:"subject"`
	Data struct {
		Report itemCounts `json:"report"`
	} `json:"data"`
	subject string
}

// subscribeToDemo connects with the key as password, as any subscriber does.
func subscribeToDemo(ctx context.Context, url, key string) (*demoEvents, error) {
	conn, err := nats.Connect(url, nats.UserInfo(string(demoTenant), key))
	if err != nil {
		return nil, fmt.Errorf("subscribe to the events: %w", err)
	}
	js, err := jetstream.New(conn)
	if err == nil {
		var consumer jetstream.Consumer
		consumer, err = js.CreateOrUpdateConsumer(ctx, "BATCHPORT_EVENTS", jetstream.ConsumerConfig{
			Durable:       string(demoTenant) + "_show",
			FilterSubject: "batchport.v1." + string(demoTenant) + ".job.>",
			AckPolicy:     jetstream.AckExplicitPolicy,
		})
		if err == nil {
			return &demoEvents{conn: conn, consumer: consumer, ended: map[string]demoEvent{}}, nil
		}
	}
	conn.Close()
	return nil, fmt.Errorf("subscribe to the events: %w", err)
}

// endOf waits for the event that says that the job has ended.
func (s *demoEvents) endOf(ctx context.Context, code string) (demoEvent, error) {
	for {
		if event, ended := s.ended[code]; ended {
			return event, nil
		}
		msg, err := s.consumer.Next(jetstream.FetchContext(ctx))
		if err != nil {
			return demoEvent{}, fmt.Errorf("wait for the event of job %s: %w", code, err)
		}
		var event demoEvent
		if err := json.Unmarshal(msg.Data(), &event); err != nil {
			return demoEvent{}, err
		}
		if err := msg.Ack(); err != nil {
			return demoEvent{}, err
		}
		event.subject = msg.Subject()
		if !strings.HasSuffix(event.Type, ".submitted") {
			s.ended[event.Job] = event
		}
	}
}

func (s *demoEvents) close() { s.conn.Close() }
