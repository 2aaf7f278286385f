package uploads

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// lookTime bounds the clean-up after a description that could not be stored.
const lookTime = 5 * time.Second

// Deps is what the use case works with. Files and Store are required.
type Deps struct {
	Files ports.Files
	Store ports.Uploads

	// InUse reports whether an upload that has expired is needed still. Nil
	// means that none ever is.
	InUse func(ctx context.Context, tenant domain.TenantID, id string) (bool, error)
}

// Config is how the use case works. The zero value is good.
type Config struct {
	MaxSize int64            // bytes of an upload. Zero means 64 MiB.
	Keep    time.Duration    // how long an upload is there at least. Zero means 7 days.
	Now     func() time.Time // Zero means time.Now.
	Logger  *slog.Logger     // Zero means silence.
}

// Uploads is the use case of uploads. It is safe for concurrent use.
type Uploads struct {
	deps Deps
	cfg  Config
}

// New returns the use case. What is missing in deps or wrong in cfg is
// reported together. Nothing expires before [Uploads.Run] runs.
func New(deps Deps, cfg Config) (*Uploads, error) {
	var problems []error
	if deps.Files == nil {
		problems = append(problems, errors.New("uploads: Deps.Files is missing"))
	}
	if deps.Store == nil {
		problems = append(problems, errors.New("uploads: Deps.Store is missing"))
	}
	if cfg.MaxSize < 0 || cfg.Keep < 0 {
		problems = append(problems, errors.New("uploads: a setting of Config is negative"))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	cfg.MaxSize = cmp.Or(cfg.MaxSize, 64<<20)
	cfg.Keep = cmp.Or(cfg.Keep, 7*24*time.Hour)
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the default of the setting itself
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.InUse == nil {
		deps.InUse = func(context.Context, domain.TenantID, string) (bool, error) { return false, nil }
	}
	return &Uploads{deps: deps, cfg: cfg}, nil
}

// MaxSize returns how many bytes an upload may have.
func (u *Uploads) MaxSize() int64 { return u.cfg.MaxSize }

// Receive stores what a client sends under a name that people may read, which
// it makes of the one given. The file is stored when content has ended with
// [io.EOF]. An empty one gives [domain.CodeRequired]; beyond that, Receive
// fails as [Uploads.Write] does, and with content's own errors.
func (u *Uploads) Receive(ctx context.Context, who domain.Principal, name string, content io.Reader) (ports.Upload, error) {
	return u.Write(ctx, who.Tenant, who.User, name, func(w io.Writer) error {
		n, err := io.Copy(w, content)
		if err == nil && n == 0 {
			return domain.Fail(domain.NewFailure(domain.CodeRequired, "file", "", "reason", "empty"))
		}
		return err
	})
}

// Write stores what write writes, which may be nothing at all. Beyond
// [Config.MaxSize] the writer fails with [domain.CodeTooLarge], whose
// parameter max is in bytes, and so does Write, even if write goes on. An
// error of write comes out as it is. After any error nothing is stored.
func (u *Uploads) Write(ctx context.Context, tenant domain.TenantID, user domain.UserID, name string, write func(io.Writer) error) (ports.Upload, error) {
	upload := ports.Upload{Tenant: tenant, ID: newID(), Name: cleanName(name), CreatedBy: user}
	file, err := u.deps.Files.Create(ctx, tenant, upload.ID)
	if err != nil {
		return ports.Upload{}, fmt.Errorf("store an upload: %w", err)
	}
	defer func() { _ = file.Abort() }() // nothing after Commit; else the store of files removes what is left
	w := &content{file: file, hash: sha256.New(), max: u.cfg.MaxSize}
	if err := write(w); err != nil {
		return ports.Upload{}, err
	}
	if w.err != nil {
		return ports.Upload{}, w.err
	}
	info, err := file.Commit(ctx)
	if err != nil {
		return ports.Upload{}, fmt.Errorf("store an upload: %w", err)
	}
	upload.Size, upload.SHA256 = info.Size, [sha256.Size]byte(w.hash.Sum(nil))
	upload.CreatedAt = u.now()
	upload.ExpiresAt = upload.CreatedAt.Add(u.cfg.Keep).Truncate(time.Microsecond)
	if err := u.describe(ctx, upload); err != nil {
		return ports.Upload{}, fmt.Errorf("store the description of an upload: %w", err)
	}
	return upload, nil
}

// describe stores the description of a file that was committed. When that
// fails the file goes again, unless the description may be there nevertheless.
func (u *Uploads) describe(ctx context.Context, upload ports.Upload) error {
	failed := u.deps.Store.AddUpload(ctx, upload)
	if failed == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTime)
	defer cancel()
	_, err := u.deps.Store.FindUpload(ctx, upload.Tenant, upload.ID)
	switch {
	case err == nil: // only the answer was lost
		return nil
	case errors.Is(err, domain.CodeNotFound):
		_ = u.deps.Files.Remove(ctx, upload.Tenant, upload.ID) // what cannot be removed now is an orphan
	}
	return failed
}

// Find returns the description of an upload. One that is unknown, that is
// another tenant's or that has expired and is not in use gives
// [domain.CodeNotFound].
func (u *Uploads) Find(ctx context.Context, tenant domain.TenantID, id string) (ports.Upload, error) {
	if !IsID(id) {
		return ports.Upload{}, missing(id)
	}
	upload, err := u.deps.Store.FindUpload(ctx, tenant, id)
	switch {
	case errors.Is(err, domain.CodeNotFound):
		return ports.Upload{}, missing(id)
	case err != nil:
		return ports.Upload{}, fmt.Errorf("find upload %s: %w", id, err)
	case u.now().Before(upload.ExpiresAt):
		return upload, nil
	}
	used, err := u.deps.InUse(ctx, tenant, id)
	switch {
	case err != nil:
		return ports.Upload{}, fmt.Errorf("find upload %s: %w", id, err)
	case !used:
		return ports.Upload{}, missing(id)
	}
	// The next purge would keep it; until then it must not be gone.
	upload.ExpiresAt = u.now().Add(u.cfg.Keep).Truncate(time.Microsecond)
	err = u.deps.Store.KeepUpload(ctx, tenant, id, upload.ExpiresAt)
	switch {
	case errors.Is(err, domain.CodeNotFound):
		return ports.Upload{}, missing(id)
	case err != nil:
		return ports.Upload{}, fmt.Errorf("keep upload %s: %w", id, err)
	}
	return upload, nil
}

// Open opens an upload for reading; it fails as [Uploads.Find] does. What is
// open stays readable when the upload expires.
func (u *Uploads) Open(ctx context.Context, tenant domain.TenantID, id string) (ports.Upload, ports.FileReader, error) {
	upload, err := u.Find(ctx, tenant, id)
	if err != nil {
		return ports.Upload{}, nil, err
	}
	file, err := u.deps.Files.Open(ctx, tenant, id)
	switch {
	case errors.Is(err, domain.CodeNotFound): // removed since, or by hand
		return ports.Upload{}, nil, missing(id)
	case err != nil:
		return ports.Upload{}, nil, fmt.Errorf("open upload %s: %w", id, err)
	}
	return upload, file, nil
}

// Keep makes sure that an upload does not expire before until; it fails as
// [Uploads.Find] does.
func (u *Uploads) Keep(ctx context.Context, tenant domain.TenantID, id string, until time.Time) error {
	if _, err := u.Find(ctx, tenant, id); err != nil {
		return err
	}
	err := u.deps.Store.KeepUpload(ctx, tenant, id, until.UTC().Truncate(time.Microsecond))
	switch {
	case errors.Is(err, domain.CodeNotFound): // removed since
		return missing(id)
	case err != nil:
		return fmt.Errorf("keep upload %s: %w", id, err)
	}
	return nil
}

func (u *Uploads) now() time.Time { return u.cfg.Now().UTC().Truncate(time.Microsecond) }

// missing says the same of everything that is not there.
func missing(id string) error {
	return domain.Fail(domain.NewFailure(domain.CodeNotFound, "upload", id))
}

// content takes the bytes of an upload.
type content struct {
	file io.Writer
	hash hash.Hash
	size int64
	max  int64
	err  error // why nothing more is taken, or nil
}

// Write takes p whole or not at all.
func (c *content) Write(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.size+int64(len(p)) > c.max {
		c.err = domain.Fail(domain.NewFailure(domain.CodeTooLarge, "", "", "max", strconv.FormatInt(c.max, 10)))
		return 0, c.err
	}
	n, err := c.file.Write(p)
	c.size += int64(n)
	_, _ = c.hash.Write(p[:n]) // a hash takes everything
	c.err = err
	return n, err
}
