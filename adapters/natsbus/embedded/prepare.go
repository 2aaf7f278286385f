package embedded

import (
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
)

// prepare removes from the files what the server would believe unseen, before
// it reads them.
//
// It finds a flipped bit in a message by its checksum, but only when it has to
// read the messages: with its index it does not, and goes through every place
// between two numbers of which one may be garbage, for ever. So the indexes go,
// and are made anew from the messages, which takes about 2 ms for a thousand
// events. And it makes room for as many pending messages as a consumer's state,
// which has no checksum, says there are.
func (s *store) prepare() error {
	for _, pattern := range []string{"*/streams/*/msgs/index.db", "*/streams/*/msgs/*.idx"} {
		if err := s.eachFile(pattern, os.Remove); err != nil {
			return err
		}
	}
	return s.eachFile("*/streams/*/obs/*/o.dat", func(path string) error {
		state, err := os.ReadFile(path)
		if err != nil || credible(state) {
			return err
		}
		s.config.Log.Error("the state of a consumer is damaged and removed; it begins anew", "path", path)
		return os.RemoveAll(filepath.Dir(path))
	})
}

// eachFile calls do with the path of each of the server's files that match.
func (s *store) eachFile(pattern string, do func(path string) error) error {
	names, err := fs.Glob(os.DirFS(s.dir()), pattern)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := do(filepath.Join(s.dir(), filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	return nil
}

// credible reports whether a consumer's state does not claim more pending
// messages than it has bytes: after two bytes of header, four numbers, then how many.
func credible(state []byte) bool {
	if len(state) < 2 {
		return len(state) == 0
	}
	rest, count := state[2:], uint64(0)
	for range 5 {
		n := 0
		if count, n = binary.Uvarint(rest); n <= 0 {
			return false
		}
		rest = rest[n:]
	}
	return count <= uint64(len(rest))
}
