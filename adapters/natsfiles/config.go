package natsfiles

import (
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/batchport/batchport/domain"
)

const (
	defaultPrefix     = "batchport"
	defaultCacheBytes = 2 << 30
	defaultPatience   = 15 * time.Second

	// maxCached is how many files are kept for later readers, each with a
	// descriptor.
	maxCached = 256
)

// Config holds the settings of [New]. The zero value works. All that share one
// NATS account and one prefix must have the same prefix, replicas, bytes and owner.
type Config struct {
	// Prefix begins the name of the bucket: 1 to 32 of a-z, 0-9 and '-'. Zero
	// means "batchport".
	Prefix string

	// Replicas is how many servers of a cluster keep the bucket, 1 to 5. Zero
	// means 1.
	Replicas int

	// MaxBytes bounds the bucket; beyond it files are refused with
	// [domain.CodeUnavailable] until others were removed. Zero means what somebody
	// has set at the servers, or else what the account and their disks have room for.
	MaxBytes int64

	// Owner names whose files these are. The bucket remembers the first one, and
	// is of no use to others: hosts that remove files which their database does
	// not know name that database here, so that a bucket that was given by
	// mistake loses nothing. Zero means anybody.
	Owner string

	// CacheDir is the folder for content that is being read, on a disk with
	// room for CacheBytes. Its files have no names. Zero means the system's
	// folder for temporary files.
	CacheDir string

	// CacheBytes bounds the content on this machine's disk. Files that are
	// open count, and no larger file can be read. Zero means 2 GiB.
	CacheBytes int64

	// Patience is how long a writer or a reader in mid-file waits for a server
	// to take over from one that was lost. Zero means 15 seconds.
	Patience time.Duration
}

var prefixForm = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

func (c Config) withDefaults() (Config, error) {
	if c.Prefix == "" {
		c.Prefix = defaultPrefix
	}
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if c.CacheDir == "" {
		c.CacheDir = os.TempDir()
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = defaultCacheBytes
	}
	if c.Patience == 0 {
		c.Patience = defaultPatience
	}
	switch {
	case !prefixForm.MatchString(c.Prefix):
		return c, domain.Fail(domain.NewFailure(domain.CodeInvalid, "prefix", c.Prefix, "form", prefixForm.String()))
	case c.Replicas < 1 || c.Replicas > 5:
		return c, domain.Fail(domain.NewFailure(domain.CodeOutOfRange, "replicas", fmt.Sprint(c.Replicas), "min", "1", "max", "5"))
	case c.MaxBytes < 0:
		return c, domain.Fail(domain.NewFailure(domain.CodeOutOfRange, "max_bytes", fmt.Sprint(c.MaxBytes), "min", "0"))
	case c.CacheBytes < 1:
		return c, domain.Fail(domain.NewFailure(domain.CodeOutOfRange, "cache_bytes", fmt.Sprint(c.CacheBytes), "min", "1"))
	case c.Patience < 0:
		return c, domain.Fail(domain.NewFailure(domain.CodeOutOfRange, "patience", c.Patience.String(), "min", "0s"))
	}
	return c, nil
}
