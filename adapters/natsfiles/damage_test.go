package natsfiles_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/batchport/batchport/adapters/natsbus/natstest"
	"github.com/batchport/batchport/adapters/natsfiles"
	"github.com/batchport/batchport/domain"
)

// TestDamage takes chunks away, and changes what the description says.
func TestDamage(t *testing.T) {
	t.Parallel()
	cluster := natstest.Start(t, 1, nil)
	conn := cluster.Connect(t)
	js := natstest.JetStream(t, conn)
	const first, chunks = 2, 3 // places of the first file: a mark, three chunks, a description
	for name, harm := range map[string]func(t *testing.T, object string, place uint64){
		"first chunk":  func(t *testing.T, _ string, place uint64) { deleteMessage(t, conn, place) },
		"middle chunk": func(t *testing.T, _ string, place uint64) { deleteMessage(t, conn, place+1) },
		"last chunk":   func(t *testing.T, _ string, place uint64) { deleteMessage(t, conn, place+2) },
		"all chunks": func(t *testing.T, _ string, place uint64) {
			for i := range uint64(chunks) {
				deleteMessage(t, conn, place+i)
			}
		},
		"another digest": func(t *testing.T, object string, _ uint64) {
			redescribe(t, conn, object, func(old string) string { return strings.Replace(old, "SHA-256=", "SHA-256=AAAA", 1) })
		},
		"too small": func(t *testing.T, object string, _ uint64) {
			redescribe(t, conn, object, func(old string) string { return strings.Replace(old, `"size":307200`, `"size":3`, 1) })
		},
		"not a description": func(t *testing.T, object string, _ uint64) {
			redescribe(t, conn, object, func(string) string { return "{" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			_ = js.DeleteStream(t.Context(), bucketStream) // the first time there is none
			files := open(t, conn, natsfiles.Config{})
			if err := write(t, files, "f", content(1, 300<<10)); err != nil {
				t.Fatalf("writing = %v", err)
			}
			harm(t, "t/f", first)
			got, err := read(t, files, "f")
			if len(got) != 0 || !errors.Is(err, domain.CodeUnavailable) || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("a damaged file = %d bytes, %v; want %v, damaged", len(got), err, domain.CodeUnavailable)
			}
			sweep(t, files)
			want := content(2, 10)
			if err := write(t, files, "f", want); err != nil {
				t.Errorf("replacing a damaged file = %v", err)
			}
			wantContent(t, files, "f", want)
			if err := files.Remove(t.Context(), "t", "f"); err != nil {
				t.Errorf("Remove() = %v", err)
			}
			sweep(t, files)
			if got := messages(t, conn); got != 0 {
				t.Errorf("messages after Remove and Each = %d, want none", got)
			}
		})
	}
}

func deleteMessage(t *testing.T, conn *nats.Conn, place uint64) {
	t.Helper()
	stream, err := natstest.JetStream(t, conn).Stream(t.Context(), bucketStream)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(t.Context(), place); err != nil {
		t.Fatalf("DeleteMsg(%d) = %v", place, err)
	}
}

func redescribe(t *testing.T, conn *nats.Conn, object string, change func(string) string) {
	t.Helper()
	js := natstest.JetStream(t, conn)
	stream, err := js.Stream(t.Context(), bucketStream)
	if err != nil {
		t.Fatal(err)
	}
	subject := metaSubject(object)
	msg, err := stream.GetLastMsgForSubject(t.Context(), subject)
	if err != nil {
		t.Fatalf("GetLastMsgForSubject(%s) = %v", subject, err)
	}
	changed := change(string(msg.Data))
	if changed == string(msg.Data) {
		t.Fatalf("%s is not changed", changed)
	}
	if _, err := js.Publish(t.Context(), subject, []byte(changed)); err != nil {
		t.Fatal(err)
	}
}
