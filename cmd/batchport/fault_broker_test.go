package main

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// faultBroker is a NATS server outside of batchport that can be stopped and
// started, with or without what it has stored.
type faultBroker struct {
	t      testing.TB
	dir    string
	port   int
	server *server.Server
}

func startFaultBroker(t testing.TB) *faultBroker {
	t.Helper()
	b := &faultBroker{t: t, dir: t.TempDir(), port: -1}
	b.start()
	t.Cleanup(b.stop)
	return b
}

func (b *faultBroker) url() string { return b.server.ClientURL() }

func (b *faultBroker) start() {
	b.t.Helper()
	var err error
	b.server, err = server.NewServer(&server.Options{Host: "127.0.0.1", Port: b.port, JetStream: true, StoreDir: b.dir, NoSigs: true})
	if err != nil {
		b.t.Fatal(err)
	}
	b.server.Start()
	if !b.server.ReadyForConnections(10 * time.Second) {
		b.t.Fatal("the NATS server is not ready")
	}
	info := b.server.PortsInfo(time.Second)
	if b.port < 0 && info != nil {
		b.port = portOf(b.t, info.Nats[0])
	}
}

func (b *faultBroker) stop() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

// forget stops the server, deletes all that it has stored, and starts it.
func (b *faultBroker) forget() {
	b.t.Helper()
	b.stop()
	if err := os.RemoveAll(b.dir); err != nil {
		b.t.Fatal(err)
	}
	b.start()
}

// js is how the tests speak to the server.
func (b *faultBroker) js() (jetstream.JetStream, func()) {
	b.t.Helper()
	conn, err := nats.Connect(b.url())
	if err != nil {
		b.t.Fatal(err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		b.t.Fatal(err)
	}
	return js, conn.Close
}

// deleteConsumers deletes those who hear the bell, as anybody may who can.
func (b *faultBroker) deleteConsumers(ctx context.Context) {
	js, done := b.js()
	defer done()
	stream, err := js.Stream(ctx, "BATCHPORT_WORK")
	if err != nil {
		return // it is about to be made
	}
	for name := range stream.ConsumerNames(ctx).Name() {
		_ = stream.DeleteConsumer(ctx, name) // unless it has gone
	}
}

// deleteStreams deletes bells and events.
func (b *faultBroker) deleteStreams(ctx context.Context) {
	js, done := b.js()
	defer done()
	for _, name := range []string{"BATCHPORT_WORK", "BATCHPORT_EVENTS"} {
		_ = js.DeleteStream(ctx, name) // unless it has gone
	}
}

// told counts the events that the stream has, each once.
func (b *faultBroker) told(ctx context.Context) int {
	js, done := b.js()
	defer done()
	consumer, err := js.OrderedConsumer(ctx, "BATCHPORT_EVENTS", jetstream.OrderedConsumerConfig{HeadersOnly: true})
	if err != nil {
		return 0 // it is about to be made
	}
	ids := map[string]bool{}
	for {
		batch, err := consumer.FetchNoWait(1000)
		if err != nil {
			return len(ids)
		}
		n := 0
		for msg := range batch.Messages() {
			ids[msg.Headers().Get(jetstream.MsgIDHeader)] = true
			n++
		}
		if n == 0 {
			return len(ids)
		}
	}
}

// ring sends a bell n times at once.
func (b *faultBroker) ring(kind string, n int) {
	js, done := b.js()
	defer done()
	for range n {
		_, _ = js.PublishAsync("batchport.work."+kind, nil) // nobody promises that it comes
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(5 * time.Second):
	}
}
