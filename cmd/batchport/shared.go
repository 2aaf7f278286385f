package main

import (
	"errors"
	"fmt"
	"time"
)

// fileStore is where files are kept.
type fileStore string

const (
	filesOnDisk fileStore = "disk" // in the data folder
	filesInNATS fileStore = "nats" // in an object store of the NATS servers, for processes on several machines
)

// Set implements [pflag.Value].
func (f *fileStore) Set(value string) error {
	switch fileStore(value) {
	case filesOnDisk, filesInNATS:
		*f = fileStore(value)
		return nil
	}
	return errors.New("want disk or nats")
}

// check reports settings that do not go together.
func (c nodeConfig) check() error {
	switch {
	case c.at.lease < 5*time.Second:
		return fmt.Errorf("--lease %v is below 5s", c.at.lease)
	case c.at.database != "" && c.at.conns < 8:
		return fmt.Errorf("--database-conns %d: at least 8 are needed", c.at.conns)
	case c.bus.outside() && c.bus.listen != "":
		return errors.New("--nats-listen is of the embedded NATS server, which --nats replaces: subscribers go to those servers")
	case c.role != roleAll && !c.shared():
		return fmt.Errorf("--role %s needs --database and --nats, the same for all processes that share the work", c.role)
	case c.files == filesInNATS && !c.bus.outside():
		return errors.New("--files nats needs --nats")
	}
	return nil
}

// shared reports whether other processes may be at work on the database.
func (c nodeConfig) shared() bool { return c.at.database != "" && c.bus.outside() }

// holdsFolder reports whether something lies in the data folder that one
// process alone can use.
func (c nodeConfig) holdsFolder() bool { return c.at.database == "" || !c.bus.outside() }

func (f *fileStore) String() string { return string(*f) }
func (f *fileStore) Type() string   { return "store" }
