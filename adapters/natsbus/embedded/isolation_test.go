package embedded_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batchport/batchport/adapters/natsbus/embedded"
)

// Everything here is tried by tenant acme, which has a consumer of its own,
// against tenant beta, which has one with a message that it has not acknowledged.
const betaConsumer = "beta_billing"

// TestForbiddenSubjects tries subjects that the server must not even route:
// it answers with a permissions violation.
func TestForbiddenSubjects(t *testing.T) {
	t.Parallel()
	h := startHost(t, embedded.Config{Listen: "127.0.0.1:0"})
	h.tell(t, "beta", "secret")
	acme := h.join(t, "acme")

	api := func(call string) string { return "$JS.API." + call }
	for _, subject := range []string{
		"batchport.v1.acme.job.estate_export.completed",
		"batchport.v1.beta.job.estate_export.completed",
		"batchport.work.estate_export",
		"batchport.internal.gate.next.beta." + betaConsumer,
		"_INBOX.abc",
		api("INFO"),
		api("STREAM.NAMES"), api("STREAM.LIST"),
		api("STREAM.CREATE.MINE"), api("STREAM.UPDATE." + eventStream), api("STREAM.INFO." + eventStream),
		api("STREAM.PURGE." + eventStream), api("STREAM.DELETE." + eventStream), api("STREAM.DELETE." + workStream),
		api("STREAM.SNAPSHOT." + eventStream), api("STREAM.RESTORE." + eventStream),
		api("STREAM.MSG.GET." + eventStream), api("STREAM.MSG.DELETE." + eventStream),
		api("DIRECT.GET." + eventStream), api("DIRECT.GET." + eventStream + ".batchport.v1.beta.>"),
		api("CONSUMER.NAMES." + eventStream), api("CONSUMER.LIST." + eventStream),
		api("CONSUMER.CREATE." + eventStream), api("CONSUMER.CREATE." + eventStream + ".acme_x"),
		api("CONSUMER.CREATE." + eventStream + ".acme_x.batchport.v1.beta.>"),
		api("CONSUMER.CREATE." + eventStream + ".acme_x.batchport.v1.*.>"),
		api("CONSUMER.CREATE." + eventStream + ".acme_x.batchport.>"),
		api("CONSUMER.CREATE." + eventStream + ".acme_x.>"),
		api("CONSUMER.CREATE." + workStream + ".acme_x.batchport.work.estate_export"),
		api("CONSUMER.DURABLE.CREATE." + eventStream + ".acme_x"),
		api("CONSUMER.PAUSE." + eventStream + ".acme_x"), api("CONSUMER.UNPIN." + eventStream + ".acme_x"),
		api("CONSUMER.MSG.NEXT." + workStream + ".estate_export"),
		"$JS.ACK." + workStream + ".estate_export.1.1.1.1.0",
		"$JS.FC." + eventStream + ".x.y", "$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.PING",
	} {
		if err := acme.conn.Publish(subject, nil); err != nil {
			t.Fatalf("Publish(%s) = %v", subject, err)
		}
		if fault := acme.fault(t); !violation(fault, subject) {
			t.Errorf("Publish(%s): fault = %v, want a permissions violation", subject, fault)
		}
	}
	for _, subject := range []string{
		">", "batchport.>", "batchport.v1.>", "batchport.v1.*.>", "batchport.v1.beta.>", "batchport.v1.beta.job.*.completed",
		"batchport.work.>", "batchport.internal.>", "$JS.>", "$SYS.>", "_R_.>", "*.v1.beta.>",
	} {
		if _, err := acme.conn.SubscribeSync(subject); err != nil {
			t.Fatalf("Subscribe(%s) = %v", subject, err)
		}
		if fault := acme.fault(t); !violation(fault, subject) {
			t.Errorf("Subscribe(%s): fault = %v, want a permissions violation", subject, fault)
		}
	}
	if last := h.last(t); last != 1 {
		t.Errorf("events in the stream = %d, want the one of beta", last)
	}
}

// violation reports whether the server refused the subject.
func violation(fault error, subject string) bool {
	return errors.Is(fault, nats.ErrPermissionViolation) &&
		strings.Contains(strings.ToLower(fault.Error()), strings.ToLower(`"`+subject+`"`))
}

// TestForbiddenConsumers tries to make consumers that would show or send
// what is not the tenant's.
func TestForbiddenConsumers(t *testing.T) {
	t.Parallel()
	h := startHost(t, embedded.Config{Listen: "127.0.0.1:0"})
	h.tell(t, "beta", "secret")
	h.tell(t, "a", "secret too")
	h.join(t, "beta").consumer(t, "billing")
	acme := h.join(t, "acme")

	const own = "batchport.v1.acme.>"
	for name, try := range map[string]struct {
		consumer, filter, stream string
		config                   map[string]any
	}{
		"under another tenant's name":    {betaConsumer, own, eventStream, nil},
		"under no tenant's name":         {"billing", own, eventStream, nil},
		"under a name that only begins":  {"acme-2_billing", own, eventStream, nil},
		"under a wildcard":               {"*", own, eventStream, nil},
		"with another name in the body":  {"acme_x", own, eventStream, map[string]any{"durable_name": betaConsumer}},
		"with another filter":            {"acme_x", own, eventStream, map[string]any{"filter_subject": "batchport.v1.beta.>"}},
		"without a filter":               {"acme_x", own, eventStream, map[string]any{"filter_subject": ""}},
		"with filters in the body":       {"acme_x", own, eventStream, map[string]any{"filter_subject": "", "filter_subjects": []string{"batchport.v1.beta.>"}}},
		"with filters beside the filter": {"acme_x", own, eventStream, map[string]any{"filter_subjects": []string{"batchport.v1.beta.>"}}},
		"with filters in capitals":       {"acme_x", own, eventStream, map[string]any{"FILTER_SUBJECTS": []string{"batchport.v1.beta.>"}}},
		"on another stream":              {"acme_x", own, workStream, nil},
		"that pushes to a bell":          {"acme_x", own, eventStream, map[string]any{"deliver_subject": "batchport.work.estate_export"}},
		"that pushes to a tenant":        {"acme_x", own, eventStream, map[string]any{"deliver_subject": "_INBOX.beta"}},
		"that pushes to JetStream":       {"acme_x", own, eventStream, map[string]any{"deliver_subject": "$JS.API.STREAM.PURGE." + eventStream}},
		"that is a stream's source":      {"acme_x", own, eventStream, map[string]any{"direct": true, "sourcing": true}},
		"that is too large":              {"acme_x", own, eventStream, map[string]any{"description": strings.Repeat("x", 20_000)}},
	} {
		config := map[string]any{"durable_name": try.consumer, "filter_subject": try.filter, "ack_policy": "explicit"}
		for key, value := range try.config {
			config[key] = value
		}
		body, err := json.Marshal(map[string]any{"stream_name": try.stream, "config": config})
		if err != nil {
			t.Fatal(err)
		}
		subject := "$JS.API.CONSUMER.CREATE." + eventStream + "." + try.consumer + "." + try.filter
		answer, err := acme.conn.Request(subject, body, patience)
		if err != nil {
			t.Errorf("consumer %s: %v, want a refusal", name, err)
			continue
		}
		var got struct {
			Error *jetstream.APIError `json:"error"`
		}
		if err := json.Unmarshal(answer.Data, &got); err != nil || got.Error == nil || got.Error.Code != 403 {
			t.Errorf("consumer %s = %s, want a refusal", name, answer.Data)
		}
	}
	stream, err := h.js.Stream(t.Context(), eventStream)
	if err != nil {
		t.Fatal(err)
	}
	for name := range stream.ConsumerNames(t.Context()).Name() {
		if name != betaConsumer {
			t.Errorf("consumer %s was made", name)
		}
	}
}

// TestOtherTenantsConsumer uses the consumer of another tenant by its name,
// and this tenant's own with replies that would land elsewhere.
func TestOtherTenantsConsumer(t *testing.T) {
	t.Parallel()
	h := startHost(t, embedded.Config{Listen: "127.0.0.1:0"})
	if err := h.bell.Ring(t.Context(), "estate_export"); err != nil {
		t.Fatalf("Ring = %v", err)
	}
	h.tell(t, "beta", "secret")
	h.tell(t, "acme", "own")
	pending := read(t, h.join(t, "beta").consumer(t, "billing"))
	acme := h.join(t, "acme")
	acme.consumer(t, "billing")

	requests := map[string]string{
		"look at":     "$JS.API.CONSUMER.INFO." + eventStream + "." + betaConsumer,
		"read from":   "$JS.API.CONSUMER.MSG.NEXT." + eventStream + "." + betaConsumer,
		"delete":      "$JS.API.CONSUMER.DELETE." + eventStream + "." + betaConsumer,
		"acknowledge": pending.Reply(),
		"any":         "$JS.API.CONSUMER.INFO." + eventStream + ".*",
	}
	for name, subject := range requests {
		answer, err := acme.conn.Request(subject, nil, 150*time.Millisecond)
		if err == nil && !bytes.Contains(answer.Data, []byte(`"description":"consumer not found"`)) {
			t.Errorf("%s the consumer of another tenant = %s, want no answer, or that there is none", name, answer.Data)
		}
	}
	for _, verb := range []string{"+ACK", "-NAK", "+TERM", "+NXT"} {
		if err := acme.conn.Publish(pending.Reply(), []byte(verb)); err != nil {
			t.Fatal(err)
		}
	}
	for _, reply := range []string{
		"batchport.v1.beta.job.estate_export.completed", "batchport.v1.acme.job.estate_export.completed",
		"batchport.work.estate_export", "$JS.API.STREAM.PURGE." + eventStream, "$JS.API.STREAM.DELETE." + eventStream,
		"batchport.internal.gate.delete.beta." + betaConsumer,
	} {
		for _, call := range []string{"CONSUMER.MSG.NEXT.", "CONSUMER.INFO."} {
			if err := acme.conn.PublishRequest("$JS.API."+call+eventStream+".acme_billing", reply, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if fault := acme.fault(t); fault != nil {
		t.Errorf("fault = %v, want none: the subjects are those of every consumer", fault)
	}

	info, err := h.js.Consumer(t.Context(), eventStream, betaConsumer)
	if err != nil {
		t.Fatalf("the consumer of beta = %v, want it to be there", err)
	}
	if got := info.CachedInfo(); got.NumAckPending != 1 || got.Delivered.Consumer != 1 {
		t.Errorf("the consumer of beta = %d pending, %d delivered; want 1, 1", got.NumAckPending, got.Delivered.Consumer)
	}
	if last := h.last(t); last != 2 {
		t.Errorf("events in the stream = %d, want 2", last)
	}
	if work, err := h.js.Stream(t.Context(), workStream); err != nil || work.CachedInfo().State.Msgs != 1 {
		t.Errorf("rings = %v, %v; want the one that the host rang", work, err)
	}
	if events, err := h.js.Stream(t.Context(), eventStream); err != nil || events.CachedInfo().State.Msgs != 2 {
		t.Errorf("events = %v, %v; want 2", events, err)
	}
}

// TestInboxesAreApart listens to everything that a tenant may listen to
// while another one is served.
func TestInboxesAreApart(t *testing.T) {
	t.Parallel()
	h := startHost(t, embedded.Config{Listen: "127.0.0.1:0"})
	for i := range 10 {
		h.tell(t, "beta", eventID("beta", i))
	}
	acme, beta := h.join(t, "acme"), h.join(t, "beta")
	for _, subject := range []string{"_INBOX.>", "batchport.v1.acme.>"} {
		if _, err := acme.conn.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
	}
	if fault := acme.fault(t); fault != nil {
		t.Fatalf("fault = %v, want none", fault)
	}
	consumer := beta.consumer(t, "billing")
	for range 10 {
		if err := read(t, consumer).DoubleAck(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if fault := acme.fault(t); fault != nil {
		t.Errorf("fault = %v, want none", fault)
	}
	if got := acme.conn.Stats().InMsgs; got != 0 {
		t.Errorf("messages that acme overheard = %d, want 0", got)
	}
}
