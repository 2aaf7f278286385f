package memory

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"maps"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

var _ ports.Files = (*Files)(nil)

var fileIDForm = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$`)

var (
	errFileGone   = errors.New("the file was removed as abandoned before it was committed")
	errFileClosed = errors.New("the file is committed, aborted or closed")
)

// Files keeps files in memory.
type Files struct {
	mu    sync.Mutex
	files map[fileKey]storedFile
	begun map[*fileWriter]time.Time
}

type fileKey struct {
	tenant domain.TenantID
	id     string
}

// storedFile is a file. Its content is never changed.
type storedFile struct {
	info    ports.FileInfo
	content []byte
}

// NewFiles returns an empty store of files.
func NewFiles() *Files {
	return &Files{files: map[fileKey]storedFile{}, begun: map[*fileWriter]time.Time{}}
}

// Create begins a file.
func (f *Files) Create(ctx context.Context, tenant domain.TenantID, id string) (ports.FileWriter, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := domain.ParseTenant(string(tenant)); err != nil {
		return nil, err
	}
	if !fileIDForm.MatchString(id) {
		return nil, domain.Fail(domain.NewFailure(domain.CodeInvalid, "file", id))
	}
	w := &fileWriter{files: f, key: fileKey{tenant, id}}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begun[w] = time.Now()
	return w, nil
}

// Open opens a file for reading.
func (f *Files) Open(ctx context.Context, tenant domain.TenantID, id string) (ports.FileReader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	stored, ok := f.files[fileKey{tenant, id}]
	if !ok {
		return nil, domain.Fail(domain.NewFailure(domain.CodeNotFound, "file", id))
	}
	return &fileReader{content: bytes.NewReader(stored.content), info: stored.info}, nil
}

// Remove removes a file.
func (f *Files) Remove(ctx context.Context, tenant domain.TenantID, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.files, fileKey{tenant, id})
	return nil
}

// Each yields the files that are there when it is called.
func (f *Files) Each(ctx context.Context, abandonedBefore time.Time) iter.Seq2[ports.FileInfo, error] {
	return func(yield func(ports.FileInfo, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(ports.FileInfo{}, err)
			return
		}
		for _, stored := range f.sweep(abandonedBefore) {
			if err := ctx.Err(); err != nil {
				yield(ports.FileInfo{}, err)
				return
			}
			if !yield(stored.info, nil) {
				return
			}
		}
	}
}

// sweep forgets what was abandoned, and returns the files.
func (f *Files) sweep(abandonedBefore time.Time) []storedFile {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.begun, func(_ *fileWriter, at time.Time) bool { return at.Before(abandonedBefore) })
	return slices.Collect(maps.Values(f.files))
}

// fileWriter is a file that is not there yet.
type fileWriter struct {
	files   *Files
	key     fileKey
	content []byte
	done    bool
}

func (w *fileWriter) Write(p []byte) (int, error) {
	if w.done {
		return 0, errFileClosed
	}
	w.content = append(w.content, p...)
	return len(p), nil
}

func (w *fileWriter) Commit(ctx context.Context) (ports.FileInfo, error) {
	if w.done {
		return ports.FileInfo{}, errFileClosed
	}
	f := w.files
	f.mu.Lock()
	defer f.mu.Unlock()
	_, begun := f.begun[w]
	delete(f.begun, w)
	w.done = true
	if err := ctx.Err(); err != nil {
		return ports.FileInfo{}, err
	}
	if !begun {
		return ports.FileInfo{}, domain.Unavailable(errFileGone)
	}
	info := ports.FileInfo{Tenant: w.key.tenant, ID: w.key.id, Size: int64(len(w.content)), ModifiedAt: time.Now().UTC()}
	f.files[w.key] = storedFile{info, w.content}
	return info, nil
}

func (w *fileWriter) Abort() error {
	w.files.mu.Lock()
	defer w.files.mu.Unlock()
	delete(w.files.begun, w)
	w.done = true
	return nil
}

// fileReader reads the content that a file had when it was opened.
type fileReader struct {
	content *bytes.Reader
	info    ports.FileInfo
	closed  bool
}

func (r *fileReader) Read(p []byte) (int, error) {
	if r.closed {
		return 0, errFileClosed
	}
	return r.content.Read(p)
}

func (r *fileReader) ReadAt(p []byte, off int64) (int, error) {
	if r.closed {
		return 0, errFileClosed
	}
	return r.content.ReadAt(p, off)
}

func (r *fileReader) Seek(offset int64, whence int) (int64, error) {
	if r.closed {
		return 0, errFileClosed
	}
	return r.content.Seek(offset, whence)
}

func (r *fileReader) Close() error {
	r.closed = true
	return nil
}

func (r *fileReader) Info() ports.FileInfo { return r.info }
