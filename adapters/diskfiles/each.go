package diskfiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Each yields every file, and removes what was abandoned before the time. It
// goes on after an error, as long as the loop does and ctx has not ended.
// Anything in the directory that this package would not have put there is
// passed over.
func (f *Files) Each(ctx context.Context, abandonedBefore time.Time) iter.Seq2[ports.FileInfo, error] {
	return func(yield func(ports.FileInfo, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(ports.FileInfo{}, err)
			return
		}
		w := walk{files: f, yield: yield}
		if w.sweep(ctx, abandonedBefore) {
			w.tenants(ctx)
		}
	}
}

// walk is one run of Each. Its methods report whether to go on.
type walk struct {
	files *Files
	yield func(ports.FileInfo, error) bool
}

// sweep removes temporary files from before the time.
func (w walk) sweep(ctx context.Context, before time.Time) bool {
	return w.entries(ctx, temporary, func(entry fs.DirEntry) bool {
		begun, known := begunAt(entry.Name())
		if !known || !begun.Before(before) {
			return true
		}
		if err := w.files.discard(filepath.Join(temporary, entry.Name())); err != nil {
			return w.fail("remove abandoned file", err)
		}
		return true
	})
}

func (w walk) tenants(ctx context.Context) bool {
	return w.entries(ctx, placed, func(entry fs.DirEntry) bool {
		tenant, err := domain.ParseTenant(entry.Name())
		return err != nil || !entry.IsDir() || w.tenant(ctx, tenant)
	})
}

func (w walk) tenant(ctx context.Context, tenant domain.TenantID) bool {
	dir := filepath.Join(placed, string(tenant))
	return w.entries(ctx, dir, func(entry fs.DirEntry) bool {
		if !idForm.MatchString(entry.Name()) {
			return true
		}
		stat, err := w.files.root.Lstat(filepath.Join(dir, entry.Name()))
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed since the directory was read
			return true
		case err != nil:
			return w.fail("look at file", err)
		case !stat.Mode().IsRegular():
			return true
		}
		return w.yield(describe(tenant, entry.Name(), stat), nil)
	})
}

// entries calls visit for each entry of a directory until it returns false.
// The directory is read before, so that files can be removed meanwhile.
func (w walk) entries(ctx context.Context, name string, visit func(fs.DirEntry) bool) bool {
	entries, err := w.read(name)
	if err != nil && !w.fail("list files", err) {
		return false
	}
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			w.yield(ports.FileInfo{}, err)
			return false
		}
		if !visit(entry) {
			return false
		}
	}
	return true
}

// read returns the entries of a directory, with an error as many as could be read.
func (w walk) read(name string) ([]fs.DirEntry, error) {
	dir, err := w.files.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }() // it was only read
	return dir.ReadDir(-1)
}

func (w walk) fail(doing string, err error) bool {
	return w.yield(ports.FileInfo{}, fmt.Errorf("%s: %w", doing, classify(err)))
}

// begunAt returns when a temporary file was begun, as its name says.
func begunAt(name string) (time.Time, bool) {
	digits, _, found := strings.Cut(name, "-")
	nanoseconds, err := strconv.ParseInt(digits, 10, 64)
	return time.Unix(0, nanoseconds), found && err == nil
}
