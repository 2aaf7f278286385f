package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// remembered is how long an event may come again: seven days, as long as the
// stream and the outbox have it, and one more.
const remembered = 8 * 24 * time.Hour

// record is a file with a line for each event that was handled, which here is
// the work as well. Work in a database keeps the ids in a table, and adds to it in
// the transaction of the work.
type record struct {
	file *os.File
	size int64 // of its whole lines
	ids  map[string]bool
}

func openRecord(path string) (*record, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	// A line without its end was being written when the program was killed; its
	// event was not acknowledged, and comes again.
	whole := bytes.LastIndexByte(content, '\n') + 1
	r := &record{file: file, size: int64(whole), ids: map[string]bool{}}
	for line := range strings.Lines(string(content[:whole])) {
		at, rest, _ := strings.Cut(line, "\t")
		id, _, _ := strings.Cut(rest, "\t")
		if handled, err := time.Parse(time.RFC3339, at); err != nil || time.Since(handled) < remembered {
			r.ids[id] = true
		}
	}
	return r, file.Truncate(r.size)
}

func (r *record) has(id string) bool { return r.ids[id] }

// add returns when the line is on the disk, since the event is acknowledged
// then. A line that is not is taken back: its event comes again.
func (r *record) add(id, said string) error {
	n, err := fmt.Fprintf(r.file, "%s\t%s\t%s\n", time.Now().UTC().Format(time.RFC3339), id, said)
	if err == nil {
		err = r.file.Sync()
	}
	if err != nil {
		return errors.Join(err, r.file.Truncate(r.size))
	}
	r.size += int64(n)
	r.ids[id] = true
	return nil
}
