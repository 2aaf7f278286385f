// Package diskfiles keeps files on a local disk.
//
// A file is written under a temporary name, brought to the disk, and then
// renamed into place, so that nobody ever sees a part of one and a committed
// file survives a crash on a disk that honours fsync. All paths are resolved
// beneath one directory: neither an id nor a symbolic link leads out of it.
//
//	DIR/files/TENANT/ID   a file
//	DIR/tmp/BEGUN-RANDOM  one that is being written
package diskfiles

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var _ ports.Files = (*Files)(nil)

const (
	placed    = "files"
	temporary = "tmp"

	dirMode  = 0o700
	fileMode = 0o600
)

// The lack of '/' and of a '.' in front is what keeps an id a mere name.
var idForm = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$`)

// Files keeps files beneath one directory. Several processes may share it.
type Files struct {
	root *os.Root
	sync func(dir string) error // brings a directory's names to the disk

	mu    sync.Mutex // held while a file is put in place
	known map[domain.TenantID]bool
}

// New returns the files in dir, which is made when it is not there, for its
// owner alone. The disk must be a single file system. A disk that does not
// allow it gives [domain.CodeUnavailable].
func New(dir string) (*Files, error) {
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("make directory for files: %w", classify(err))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open directory of files: %w", classify(err))
	}
	f := &Files{root: root, known: map[domain.TenantID]bool{}}
	f.sync = f.syncDir
	for _, name := range []string{placed, temporary} {
		if err := root.Mkdir(name, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("make directory for files: %w", errors.Join(classify(err), root.Close()))
		}
	}
	if err := f.sync("."); err != nil {
		return nil, fmt.Errorf("make directory for files: %w", errors.Join(classify(err), root.Close()))
	}
	return f, nil
}

// Close lets go of the directory. Files that are open stay so.
func (f *Files) Close() error { return f.root.Close() }

// Create begins a file. A tenant's name that is none gives
// [domain.CodeInvalid] or [domain.CodeRequired].
func (f *Files) Create(ctx context.Context, tenant domain.TenantID, id string) (ports.FileWriter, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := domain.ParseTenant(string(tenant)); err != nil {
		return nil, err
	}
	if !idForm.MatchString(id) {
		return nil, domain.Fail(domain.NewFailure(domain.CodeInvalid, "file", id))
	}
	temp := filepath.Join(temporary, tempName(time.Now()))
	file, err := f.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, fmt.Errorf("begin file %s: %w", id, classify(err))
	}
	return &writer{files: f, file: file, temp: temp, tenant: tenant, id: id}, nil
}

// Open opens a file for reading.
func (f *Files) Open(ctx context.Context, tenant domain.TenantID, id string) (ports.FileReader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	missing := domain.Fail(domain.NewFailure(domain.CodeNotFound, "file", id))
	name, ok := path(tenant, id)
	if !ok {
		return nil, missing
	}
	// A pipe that somebody put there must not block the caller.
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing
	}
	if err != nil {
		return nil, fmt.Errorf("open file %s: %w", id, classify(err))
	}
	stat, err := file.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("open file %s: %w", id, errors.Join(classify(err), file.Close()))
	case !stat.Mode().IsRegular():
		_ = file.Close() // nothing was written to it
		return nil, missing
	}
	return &reader{file: file, info: describe(tenant, id, stat)}, nil
}

// Remove removes a file.
func (f *Files) Remove(ctx context.Context, tenant domain.TenantID, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, ok := path(tenant, id)
	if !ok {
		return nil
	}
	if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove file %s: %w", id, classify(err))
	}
	return nil
}

// place gives the temporary file its name. After an error the name leads to
// what it led to before.
func (f *Files) place(temp string, tenant domain.TenantID, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir := filepath.Join(placed, string(tenant))
	if err := f.makeTenant(tenant, dir); err != nil {
		return err
	}
	name, former := filepath.Join(dir, id), temp+".former"
	// The old content is kept until the new name is on the disk. On a file
	// system without hard links it cannot be: there a replacement whose name
	// could not be brought to the disk stays.
	linked := f.root.Link(name, former)
	if err := f.root.Rename(temp, name); err != nil {
		return errors.Join(err, f.discard(former))
	}
	if err := f.sync(dir); err != nil {
		switch {
		case linked == nil:
			err = errors.Join(err, f.root.Rename(former, name))
		case errors.Is(linked, fs.ErrNotExist):
			err = errors.Join(err, f.discard(name))
		}
		return err
	}
	if linked == nil {
		_ = f.discard(former) // the file is in place; Each removes what is left
	}
	return nil
}

// makeTenant makes the tenant's directory. It is brought to the disk once by
// every process, as another one that has made it may not have come to that.
func (f *Files) makeTenant(tenant domain.TenantID, dir string) error {
	err := f.root.Mkdir(dir, dirMode)
	switch {
	case errors.Is(err, fs.ErrExist) && f.known[tenant]:
		return nil
	case err != nil && !errors.Is(err, fs.ErrExist):
		return err
	}
	if err := f.sync(placed); err != nil {
		return err
	}
	f.known[tenant] = true
	return nil
}

// discard removes what may not be there.
func (f *Files) discard(name string) error {
	if err := f.root.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (f *Files) syncDir(name string) error {
	dir, err := f.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// makeDir is os.MkdirAll, and brings the names that it makes to the disk.
func makeDir(dir string) error {
	if stat, err := os.Stat(dir); err == nil {
		if !stat.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
		}
		return nil
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if parent != dir {
		if err := makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	opened, err := os.Open(parent)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}

// path returns where a file is, or false when there can be no such file.
func path(tenant domain.TenantID, id string) (string, bool) {
	if _, err := domain.ParseTenant(string(tenant)); err != nil || !idForm.MatchString(id) {
		return "", false
	}
	return filepath.Join(placed, string(tenant), id), true
}

// tempName names a file that is begun now. The time is part of the name since
// that of the file itself changes with every write.
func tempName(now time.Time) string {
	return strconv.FormatInt(now.UnixNano(), 10) + "-" + rand.Text()
}

func describe(tenant domain.TenantID, id string, stat fs.FileInfo) ports.FileInfo {
	return ports.FileInfo{Tenant: tenant, ID: id, Size: stat.Size(), ModifiedAt: stat.ModTime().UTC()}
}

// classify says whose fault err is. Names are checked before the disk is
// asked, so whatever number the system answers with (no space left, over
// quota, an I/O error, read-only, no more descriptors), the disk is at fault.
func classify(err error) error {
	var number syscall.Errno
	if errors.As(err, &number) {
		return domain.Unavailable(err)
	}
	return err
}
