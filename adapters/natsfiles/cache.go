package natsfiles

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/batchport/batchport/domain"
)

// cache keeps content on the local disk, for those who read it and, as long as
// there is room, for later ones. Its files have no names, so that they end with
// the process however it ends, and nobody else sees them.
type cache struct {
	dir   string
	limit int64

	mu      sync.Mutex
	entries map[string]*entry // by digest
	used    int64             // bytes of all entries
	turn    uint64            // counts the uses, to find the one that is longest ago
	closed  bool
}

// entry is content. Its file does not change any more when ready is closed.
type entry struct {
	digest  string
	size    int64
	ready   chan struct{}
	file    *os.File
	err     error
	readers int
	turn    uint64
}

func newCache(dir string, limit int64) *cache {
	return &cache{dir: dir, limit: limit, entries: make(map[string]*entry)}
}

// get returns the content of a digest, for the caller to let go. When it is not
// here, load brings it; of several callers at once, one loads for all.
func (c *cache) get(ctx context.Context, digest string, size int64, load func(*os.File) error) (*entry, error) {
	for {
		e, mine, err := c.join(digest, size)
		if err != nil {
			return nil, err
		}
		if mine {
			err := c.fill(e, load)
			return e, err
		}
		select {
		case <-e.ready:
		case <-ctx.Done():
			c.release(e)
			return nil, ctx.Err()
		}
		if e.err == nil {
			return e, nil
		}
		c.release(e) // whoever loaded may have been stopped: load it here
	}
}

// join returns the entry of the digest, or a new one that the caller fills.
func (c *cache) join(digest string, size int64) (e *entry, mine bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn++
	if e := c.entries[digest]; e != nil {
		e.readers++
		e.turn = c.turn
		return e, false, nil
	}
	if c.closed {
		return nil, false, domain.Unavailable(os.ErrClosed)
	}
	if err := c.makeRoom(size); err != nil {
		return nil, false, err
	}
	e = &entry{digest: digest, size: size, ready: make(chan struct{}), readers: 1, turn: c.turn}
	c.entries[digest] = e
	c.used += size
	return e, true, nil
}

// makeRoom removes what nobody reads, the longest unused first.
func (c *cache) makeRoom(size int64) error {
	for c.used+size > c.limit || len(c.entries) >= maxCached {
		var oldest *entry
		for _, e := range c.entries {
			if e.readers == 0 && (oldest == nil || e.turn < oldest.turn) {
				oldest = e
			}
		}
		if oldest == nil {
			if len(c.entries) >= maxCached {
				return domain.Unavailable(fmt.Errorf("%d files are open", len(c.entries)))
			}
			return domain.Unavailable(fmt.Errorf("the file has %d bytes, and of %d for files that are read %d are in use", size, c.limit, c.used))
		}
		c.drop(oldest)
	}
	return nil
}

// drop forgets an entry that nobody reads.
func (c *cache) drop(e *entry) {
	delete(c.entries, e.digest)
	c.used -= e.size
	if e.file != nil {
		_ = e.file.Close() // it has no name, and nobody reads it
	}
}

// fill loads the content. After an error the entry is gone.
func (c *cache) fill(e *entry, load func(*os.File) error) error {
	e.file, e.err = c.unnamed()
	if e.err == nil {
		e.err = load(e.file)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	close(e.ready)
	if e.err != nil {
		c.drop(e)
		return e.err
	}
	return nil
}

// unnamed makes a file that has no name any more.
func (c *cache) unnamed() (*os.File, error) {
	file, err := os.CreateTemp(c.dir, "batchport-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// release lets an entry go. It stays for later readers.
func (c *cache) release(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.readers--
	if c.closed && e.readers == 0 && c.entries[e.digest] == e {
		c.drop(e)
	}
}

func (c *cache) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, e := range c.entries {
		if e.readers == 0 {
			c.drop(e)
		}
	}
	return nil
}
