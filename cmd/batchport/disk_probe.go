package main

import (
	"errors"
	"os"
	"sync"
	"time"
)

const (
	// probeBytes is enough to need a block of its own on a disk.
	probeBytes = 4096

	// probeInterval bounds what asking often, which anybody may, does to the
	// disk.
	probeInterval = time.Second
)

// diskProbe finds out whether a disk takes what is written to it. It writes
// one file, always the same, and removes it.
type diskProbe struct {
	path string

	mu   sync.Mutex
	last time.Time
	err  error // what came of it last
}

// check returns why the disk takes nothing, as of a second ago at most.
func (p *diskProbe) check() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last.IsZero() || time.Since(p.last) >= probeInterval {
		p.err = p.write()
		p.last = time.Now()
	}
	return p.err
}

func (p *diskProbe) write() error {
	file, err := os.OpenFile(p.path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(make([]byte, probeBytes))
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close(), os.Remove(p.path))
}
