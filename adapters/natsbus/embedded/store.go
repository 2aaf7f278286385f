package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"
)

// probeBytes is enough for what the server writes at a time.
const probeBytes = 1 << 20

// store is JetStream with its files, which may be lost at any time.
type store struct {
	config listening
	nats   *server.Server
}

// open turns JetStream on, with the files that are there or, when it cannot
// read them, with none.
func (s *store) open() error {
	err := s.enable()
	if err == nil {
		return nil
	}
	if moveErr := s.moveAside(err); moveErr != nil {
		return errors.Join(err, moveErr)
	}
	return s.enable()
}

// dir is where the server itself puts its files within StoreDir.
func (s *store) dir() string { return filepath.Join(s.config.StoreDir, server.JetStreamStoreDir) }

// here reports whether JetStream runs and its files are there.
func (s *store) here() bool {
	_, err := os.Stat(s.dir())
	return s.nats.JetStreamEnabled() && !errors.Is(err, os.ErrNotExist)
}

// takes reports whether the disk takes what is written to it.
func (s *store) takes() bool {
	file, err := os.CreateTemp(s.dir(), ".probe-*")
	if err != nil {
		return false
	}
	_, err = file.Write(make([]byte, probeBytes))
	return errors.Join(err, file.Sync(), file.Close(), os.Remove(file.Name())) == nil
}

func (s *store) enable() (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("read %s: panic: %v", s.dir(), cause)
		}
		if err != nil && s.nats.JetStreamEnabled() {
			err = errors.Join(err, s.nats.ShutdownJetStream())
		}
	}()
	if err := s.prepare(); err != nil {
		return err
	}
	maxStore := s.config.MaxStoreBytes
	if maxStore == 0 {
		maxStore = -1 // the server then takes three quarters of the free space
	}
	return s.nats.EnableJetStream(&server.JetStreamConfig{
		StoreDir:  s.config.StoreDir,
		MaxMemory: maxMemoryStore,
		MaxStore:  maxStore,
		Strict:    true, // requests with settings that the server does not know are refused
	})
}

// moveAside takes the files out of the way, keeping those that were moved
// last for whoever wants to know what became of them.
func (s *store) moveAside(cause error) error {
	broken := s.dir() + ".broken"
	if err := os.RemoveAll(broken); err != nil {
		return err
	}
	if err := os.Rename(s.dir(), broken); err != nil {
		return err
	}
	s.config.Log.Error("JetStream's files cannot be read and were moved; nothing is lost, since the outbox publishes again",
		"to", broken, "cause", cause)
	return nil
}
