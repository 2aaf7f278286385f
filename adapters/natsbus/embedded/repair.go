package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// repair puts right what damaged files leave behind in a server that has
// started on them. A stream or a consumer that the server could not read is not
// there, but would take over the leftovers when it is made again; and a consumer
// may know of more than its stream does.
func repair(i *instance) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	conn, err := i.connect("repair")
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	streams := make(map[string]bool)
	list := js.ListStreams(ctx)
	for info := range list.Info() {
		streams[info.Config.Name] = true
	}
	if err := list.Err(); err != nil {
		return err
	}
	dir := filepath.Join(i.store.dir(), i.nats.GlobalAccount().GetName(), "streams")
	if err := i.removeLeftovers(dir, streams); err != nil {
		return err
	}
	for name := range streams {
		stream, err := js.Stream(ctx, name)
		if err != nil {
			return err
		}
		consumers, err := i.rewind(ctx, conn, stream)
		if err != nil {
			return err
		}
		if err := i.removeLeftovers(filepath.Join(dir, name, "obs"), consumers); err != nil {
			return err
		}
	}
	return nil
}

// removeLeftovers removes the folders in dir that belong to nothing known.
func (i *instance) removeLeftovers(dir string, known map[string]bool) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if known[entry.Name()] {
			continue
		}
		path := filepath.Join(dir, entry.Name())
		i.config.Log.Error("JetStream could not read these files and they are removed; events are published again", "path", path)
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// rewind sets consumers back to the end of the stream that wait for a place
// beyond it, and returns the names of all. They are there when the stream has
// lost its end, in a power failure say, and the consumer has not; left alone
// they would pass by what is published until the stream is as long as it was.
func (i *instance) rewind(ctx context.Context, conn *nats.Conn, stream jetstream.Stream) (map[string]bool, error) {
	last := stream.CachedInfo().State.LastSeq
	names := make(map[string]bool)
	consumers := stream.ListConsumers(ctx)
	for consumer := range consumers.Info() {
		names[consumer.Name] = true
		if max(consumer.Delivered.Stream, consumer.AckFloor.Stream) <= last {
			continue
		}
		i.config.Log.Warn("a stream has lost its end; a consumer of it is set back to where it ends now",
			"stream", consumer.Stream, "consumer", consumer.Name, "from", consumer.Delivered.Stream, "to", last)
		if err := reset(ctx, conn, consumer, last+1); err != nil {
			i.config.Log.Warn("the consumer cannot be set back and is deleted", "consumer", consumer.Name, "cause", err)
			if err := stream.DeleteConsumer(ctx, consumer.Name); err != nil {
				return nil, err
			}
		}
	}
	return names, consumers.Err()
}

// reset makes the consumer go on with the place next.
func reset(ctx context.Context, conn *nats.Conn, consumer *jetstream.ConsumerInfo, next uint64) error {
	request, err := json.Marshal(server.JSApiConsumerResetRequest{Seq: next})
	if err != nil {
		return err
	}
	subject := fmt.Sprintf(server.JSApiConsumerResetT, consumer.Stream, consumer.Name)
	answer, err := conn.RequestWithContext(ctx, subject, request)
	if err != nil {
		return err
	}
	var response server.JSApiConsumerResetResponse
	if err := json.Unmarshal(answer.Data, &response); err != nil {
		return err
	}
	if response.Error != nil {
		return errors.New(response.Error.Description)
	}
	return nil
}
