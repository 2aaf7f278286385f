package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/batchport/batchport/adapters/diskfiles"
	"github.com/batchport/batchport/adapters/natsfiles"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// closingFiles are files in a store that is to be closed.
type closingFiles interface {
	ports.Files
	Close() error
}

func (n *node) openFiles(ctx context.Context) error {
	n.probe.path = filepath.Join(n.cfg.at.data, "ready.probe")
	files, err := n.fileStore(ctx)
	if err != nil {
		return err
	}
	n.files = files
	n.closers = append(n.closers, files.Close)
	return n.openUploads()
}

// fileStore opens where files are kept. What no job of the database knows is
// removed there after a day, so it must not be that of another one.
func (n *node) fileStore(ctx context.Context) (closingFiles, error) {
	// Not a secret, but as good a name as any: it is in the database's backups.
	name, err := n.database.store.Secret(ctx, "installation")
	if err != nil {
		return nil, err
	}
	owner := hex.EncodeToString(name[:8])
	if n.cfg.files == filesInNATS {
		return n.filesInNATS(ctx, owner)
	}
	folder := filepath.Join(n.cfg.at.data, "files")
	files, err := diskfiles.New(folder)
	if err != nil {
		return nil, err
	}
	err = files.Claim(owner)
	if errors.Is(err, domain.CodeConflict) {
		err = fmt.Errorf("%s holds the files of another database, which this one would remove; take another --data: %w", folder, err)
	}
	if err != nil {
		return nil, errors.Join(err, files.Close())
	}
	return files, nil
}

// filesInNATS opens the bucket. That servers outside are away is no reason not
// to start.
func (n *node) filesInNATS(ctx context.Context, owner string) (closingFiles, error) {
	cache := filepath.Join(n.cfg.at.data, "cache")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for files that are read: %w", err)
	}
	files, err := natsfiles.New(n.conn, natsfiles.Config{Replicas: int(n.cfg.bus.replicas), CacheDir: cache, Owner: owner})
	if err != nil {
		return nil, err
	}
	err = files.Prepare(ctx)
	switch {
	case errors.Is(err, domain.CodeConflict):
		err = fmt.Errorf("the NATS account holds the files of another database, which this one would remove; take another account: %w", err)
	case errors.Is(err, domain.CodeUnavailable):
		n.cfg.log.Warn("the bucket of files is not ready yet; whoever needs a file waits or is refused until it is", "error", err)
		err = nil
	}
	if err != nil {
		return nil, errors.Join(err, files.Close())
	}
	return files, nil
}
