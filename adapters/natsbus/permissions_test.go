package natsbus_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/adapters/natsbus"
	"github.com/batchport/batchport/adapters/natsbus/natstest"
	"github.com/batchport/batchport/adapters/natsfiles"
	"github.com/batchport/batchport/domain"
)

// documented starts servers with the configuration that docs/nats.md shows.
func documented(t *testing.T, servers int) *natstest.Cluster {
	t.Helper()
	page, err := os.ReadFile("../../docs/nats.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```conf\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("docs/nats.md shows no configuration")
	}
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BATCHPORT_NATS_PASSWORD", secret)
	t.Setenv("ACME_NATS_PASSWORD", "acme-"+secret)
	return natstest.Start(t, servers, func(o *server.Options) {
		shown, err := server.ProcessConfigFile(file)
		if err != nil {
			t.Fatalf("the configuration of docs/nats.md: %v", err)
		}
		o.Accounts, o.Users = shown.Accounts, shown.Users
	})
}

// host is batchport in its account. Nothing that it does may be refused.
func host(t *testing.T, cluster *natstest.Cluster) *nats.Conn {
	t.Helper()
	var urls []string
	for _, url := range cluster.URLs() {
		urls = append(urls, withUser(url, "batchport:"+secret))
	}
	conn, err := natsbus.Connect(t.Context(), natsbus.LinkConfig{URLs: urls})
	if err != nil {
		t.Fatalf("Connect = %v", err)
	}
	t.Cleanup(conn.Close)
	conn.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { t.Errorf("batchport is refused: %v", err) })
	return conn
}

// tenant is acme in its account.
func tenant(t *testing.T, cluster *natstest.Cluster) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	conn := cluster.Connect(t, nats.UserInfo("acme", "acme-"+secret))
	js, err := jetstream.NewWithAPIPrefix(conn, "BATCHPORT.API")
	if err != nil {
		t.Fatalf("NewWithAPIPrefix = %v", err)
	}
	return conn, js
}

func TestDocumentedPermissions(t *testing.T) {
	for _, servers := range []int{1, 3} {
		cluster := documented(t, servers)
		conn := host(t, cluster)
		config := natsbus.Config{Replicas: servers, Consumers: []string{"acme_billing"}}
		stream := newEventStream(t, conn, config)
		bell := newBell(t, conn, config)
		calls := hear(t, bell)
		rings(t, bell, calls, "the start")
		useFiles(t, conn, servers)
		foreign := event("of beta")
		foreign.Tenant = "beta"
		if _, err := stream.Publish(t.Context(), []domain.Event{event("1"), foreign, event("2")}); err != nil {
			t.Fatalf("Publish = %v", err)
		}
		subscribeAsDocumented(t, cluster, "1", "2")
		tryForbidden(t, cluster, conn)
		for name, want := range map[string]int{"BATCHPORT_EVENTS": 2, "BATCHPORT_WORK": 1} {
			kept, err := natstest.JetStream(t, conn).Stream(t.Context(), name)
			if err != nil || kept.CachedInfo().State.Consumers != want {
				t.Errorf("stream %s = %+v, %v; want %d consumers", name, kept.CachedInfo().State, err, want)
			}
		}
	}
}

// useFiles does with files all that there is to do.
func useFiles(t *testing.T, conn *nats.Conn, replicas int) {
	t.Helper()
	files, err := natsfiles.New(conn, natsfiles.Config{Replicas: replicas, CacheDir: t.TempDir()})
	if err != nil {
		t.Fatalf("natsfiles.New = %v", err)
	}
	defer func() { _ = files.Close() }()
	for range 2 {
		w, err := files.Create(t.Context(), "acme", "f")
		if err != nil {
			t.Fatalf("Create = %v", err)
		}
		if _, err := io.WriteString(w, "content"); err != nil {
			t.Fatalf("Write = %v", err)
		}
		if _, err := w.Commit(t.Context()); err != nil {
			t.Fatalf("Commit = %v", err)
		}
	}
	r, err := files.Open(t.Context(), "acme", "f")
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	_ = r.Close()
	for _, err := range files.Each(t.Context(), time.Now()) {
		if err != nil {
			t.Fatalf("Each = %v", err)
		}
	}
	if err := files.Remove(t.Context(), "acme", "f"); err != nil {
		t.Fatalf("Remove = %v", err)
	}
}

// subscribeAsDocumented reads events from the consumer, and sees one that is
// not acknowledged again.
func subscribeAsDocumented(t *testing.T, cluster *natstest.Cluster, ids ...string) {
	t.Helper()
	conn, js := tenant(t, cluster)
	live, err := conn.SubscribeSync("batchport.v1.acme.>")
	if err != nil {
		t.Fatalf("Subscribe = %v", err)
	}
	ctx := t.Context()
	consumer, err := js.Consumer(ctx, "BATCHPORT_EVENTS", "acme_billing")
	if err != nil {
		t.Fatalf("Consumer = %v", err)
	}
	seen := make(map[string]int)
	for acked := 0; acked < len(ids); {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		msg, err := consumer.Next(jetstream.FetchContext(ctx))
		cancel()
		if err != nil {
			t.Fatalf("Next = %v, having seen %v", err, seen)
		}
		id := msg.Headers().Get(nats.MsgIdHdr)
		if seen[id]++; seen[id] == 1 {
			err = msg.Nak()
		} else {
			err = msg.DoubleAck(t.Context())
			acked++
		}
		if err != nil {
			t.Fatalf("settling event %s = %v", id, err)
		}
	}
	for _, id := range ids {
		if seen[id] != 2 || len(seen) != len(ids) {
			t.Errorf("events = %v, want each of %q twice", seen, ids)
		}
	}
	info, err := consumer.Info(t.Context())
	if err != nil || info.NumPending != 0 || info.NumAckPending != 0 {
		t.Errorf("consumer at the end = %+v, %v; want nothing left", info, err)
	}
	stream := newEventStream(t, host(t, cluster), natsbus.Config{Replicas: cluster.Size(), Consumers: []string{"acme_billing"}})
	if _, err := stream.Publish(t.Context(), []domain.Event{event("live")}); err != nil {
		t.Fatalf("Publish = %v", err)
	}
	if msg, err := live.NextMsg(patience); err != nil || msg.Header.Get(nats.MsgIdHdr) != "live" {
		t.Errorf("live event = %v, %v; want it", msg, err)
	}
}

// tryForbidden has a subscriber try what it must not be able to do.
func tryForbidden(t *testing.T, cluster *natstest.Cluster, owner *nats.Conn) {
	t.Helper()
	conn, js := tenant(t, cluster)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	own := natstest.JetStream(t, owner)
	if _, err := own.CreateConsumer(ctx, eventStream, jetstream.ConsumerConfig{Durable: "beta_billing", FilterSubject: "batchport.v1.beta.>"}); err != nil {
		t.Fatalf("CreateConsumer = %v", err)
	}
	before := states(t, own)
	api := func(call string) string { return "$JS.API." + call }
	for _, subject := range []string{
		api("INFO"), api("STREAM.NAMES"), api("STREAM.LIST"), api("STREAM.CREATE.MINE"),
		api("STREAM.INFO." + eventStream), api("STREAM.PURGE." + eventStream), api("STREAM.DELETE." + eventStream),
		api("STREAM.DELETE." + workStream), api("STREAM.UPDATE." + eventStream),
		api("STREAM.MSG.GET." + eventStream), api("STREAM.MSG.GET.OBJ_BATCHPORT_FILES"), api("DIRECT.GET." + eventStream),
		api("CONSUMER.NAMES." + eventStream), api("CONSUMER.LIST." + eventStream),
		api("CONSUMER.CREATE." + eventStream + ".acme_more.batchport.v1.acme.>"),
		api("CONSUMER.CREATE." + eventStream + ".acme_billing.batchport.v1.beta.>"),
		api("CONSUMER.DELETE." + eventStream + ".acme_billing"), api("CONSUMER.DELETE." + eventStream + ".beta_billing"),
		api("CONSUMER.INFO." + eventStream + ".beta_billing"),
		api("CONSUMER.MSG.NEXT." + eventStream + ".beta_billing"), api("CONSUMER.MSG.NEXT." + workStream + ".estate_export"),
		"$JS.ACK." + eventStream + ".beta_billing.1.1.1.1.0", "$JS.ACK." + workStream + ".estate_export.1.1.1.1.0",
		"batchport.v1.acme.job.estate_export.completed", "batchport.v1.beta.job.estate_export.completed", "batchport.work.estate_export",
		"$O.BATCHPORT_FILES.C.x", "$O.BATCHPORT_FILES.M.x",
	} {
		body := []byte(`{"name":"MINE","stream_name":"` + eventStream + `","seq":1,"batch":1}`)
		for _, to := range []string{subject, strings.Replace(subject, "$JS.API.", "BATCHPORT.API.", 1)} {
			msg, err := conn.Request(to, body, 100*time.Millisecond)
			if err != nil || strings.HasPrefix(to, "$JS.API.") && bytes.Contains(msg.Data, []byte(`"error":`)) {
				continue // nobody answers, or acme's own account, which has no JetStream
			}
			t.Errorf("request to %s = %s, want no answer", to, msg.Data)
		}
	}
	for _, js := range []jetstream.JetStream{js, natstest.JetStream(t, conn)} {
		ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "MINE"}); err == nil {
			t.Error("a subscriber made a stream")
		}
		more := jetstream.ConsumerConfig{Durable: "acme_more", FilterSubject: "batchport.v1.acme.>"}
		if _, err := js.CreateOrUpdateConsumer(ctx, eventStream, more); err == nil {
			t.Error("a subscriber made a consumer")
		}
		if err := js.DeleteConsumer(ctx, eventStream, "acme_billing"); err == nil {
			t.Error("a subscriber deleted its consumer")
		}
	}
	// Messages that are to be sent to a subject of JetStream's.
	if err := conn.PublishRequest("BATCHPORT.API.CONSUMER.MSG.NEXT."+eventStream+".acme_billing", api("STREAM.PURGE."+eventStream),
		[]byte(`{"batch":10,"no_wait":true}`)); err != nil {
		t.Fatal(err)
	}
	heard, err := conn.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	beta := event("of beta again")
	beta.Tenant = "beta"
	stream := newEventStream(t, owner, natsbus.Config{Replicas: cluster.Size(), Consumers: []string{"acme_billing"}})
	if _, err := stream.Publish(ctx, []domain.Event{beta}); err != nil {
		t.Fatalf("Publish = %v", err)
	}
	for msg, err := heard.NextMsg(200 * time.Millisecond); err == nil; msg, err = heard.NextMsg(200 * time.Millisecond) {
		if bytes.Contains(msg.Data, []byte("beta")) {
			t.Errorf("a subscriber heard %s: %s", msg.Subject, msg.Data)
		}
	}
	before[eventStream]++
	for name, messages := range states(t, own) {
		if messages != before[name] {
			t.Errorf("messages of stream %s = %d, want %d", name, messages, before[name])
		}
	}
}

// states returns how many messages each stream has.
func states(t *testing.T, js jetstream.JetStream) map[string]uint64 {
	t.Helper()
	messages := make(map[string]uint64)
	for _, name := range []string{eventStream, "OBJ_BATCHPORT_FILES"} {
		stream, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatalf("Stream(%s) = %v", name, err)
		}
		messages[name] = stream.CachedInfo().State.Msgs
	}
	return messages
}
