package natsfiles

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/nats-io/nats.go/jetstream"
)

// damage says that the content of an object is not what was written.
type damage struct {
	token string
	what  string
}

func (d *damage) Error() string { return "the content in the bucket is damaged: " + d.what }

// download writes the content of an object to dst, chunk by chunk. It fails
// with damage unless all of it was there and has its digest.
func (b *bucket) download(ctx context.Context, info *jetstream.ObjectInfo, dst io.Writer) error {
	want, err := jetstream.DecodeObjectDigest(info.Digest)
	if err != nil {
		return &damage{info.NUID, "it has no digest"}
	}
	sum, size := sha256.New(), uint64(0)
	place := uint64(1)
	for n := range info.Chunks {
		chunk, err := b.next(ctx, place, b.names.chunks(info.NUID))
		switch {
		case err != nil:
			return err
		case chunk == nil:
			return &damage{info.NUID, fmt.Sprintf("%d of %d chunks are missing", info.Chunks-n, info.Chunks)}
		}
		place = chunk.Sequence + 1
		size += uint64(len(chunk.Data))
		if size > info.Size {
			return &damage{info.NUID, fmt.Sprintf("it has more than its %d bytes", info.Size)}
		}
		_, _ = sum.Write(chunk.Data) // a hash takes everything
		if _, err := dst.Write(chunk.Data); err != nil {
			return err
		}
	}
	if size != info.Size || !bytes.Equal(sum.Sum(nil), want) {
		return &damage{info.NUID, fmt.Sprintf("it has %d bytes of %d, or others than were written", size, info.Size)}
	}
	return nil
}
