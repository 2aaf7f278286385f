package uploads

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

const (
	purgeEvery = time.Hour
	// purgedAtOnce is how many expired uploads are read at a time.
	purgedAtOnce = 100
	// orphanedAfter is how old a file without a description must be before it is
	// removed: whoever has committed a file describes it within seconds.
	orphanedAfter = 24 * time.Hour
)

// Run removes expired uploads, now and every hour, until ctx ends, and then
// returns nil. What cannot be removed is logged, and tried again an hour
// later. It may run in several processes at once.
func (u *Uploads) Run(ctx context.Context) error {
	ticker := time.NewTicker(purgeEvery)
	defer ticker.Stop()
	for {
		if err := u.purge(ctx); err != nil && ctx.Err() == nil {
			u.cfg.Logger.Warn("cannot purge uploads; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (u *Uploads) purge(ctx context.Context) error {
	now := u.now()
	return errors.Join(u.purgeExpired(ctx, now), u.purgeOrphans(ctx, now.Add(-orphanedAfter)))
}

// purgeExpired goes on until nothing is left, or something of what expired
// first cannot be removed.
func (u *Uploads) purgeExpired(ctx context.Context, now time.Time) error {
	for {
		expired, err := u.deps.Store.ExpiredUploads(ctx, now, purgedAtOnce)
		if err != nil {
			return fmt.Errorf("look for expired uploads: %w", err)
		}
		if len(expired) == 0 {
			return nil
		}
		for _, upload := range expired {
			if one := u.expire(ctx, upload, now); one != nil {
				err = errors.Join(err, fmt.Errorf("remove upload %s: %w", upload.ID, one))
			}
		}
		if err != nil {
			return err
		}
	}
}

// expire removes an upload, or keeps it when it is in use.
func (u *Uploads) expire(ctx context.Context, upload ports.Upload, now time.Time) error {
	used, err := u.deps.InUse(ctx, upload.Tenant, upload.ID)
	if err != nil {
		return err
	}
	if used {
		err := u.deps.Store.KeepUpload(ctx, upload.Tenant, upload.ID, now.Add(u.cfg.Keep).Truncate(time.Microsecond))
		if errors.Is(err, domain.CodeNotFound) {
			return nil // another process has removed it
		}
		return err
	}
	// The description first, on the condition that it is still an expired one:
	// whoever has kept the upload meanwhile has it whole.
	removed, err := u.deps.Store.RemoveUpload(ctx, upload.Tenant, upload.ID, now)
	if err != nil || !removed {
		return err
	}
	if err := u.deps.Files.Remove(ctx, upload.Tenant, upload.ID); err != nil {
		return err
	}
	u.cfg.Logger.Info("removed an upload that has expired", "tenant", upload.Tenant, "upload", upload.ID)
	return nil
}

// purgeOrphans removes files from before the time that no description tells of.
func (u *Uploads) purgeOrphans(ctx context.Context, before time.Time) (err error) {
	var orphans []ports.FileInfo
	for info, broken := range u.deps.Files.Each(ctx, before) {
		if broken != nil {
			err = errors.Join(err, broken)
			continue
		}
		if !IsID(info.ID) || !info.ModifiedAt.Before(before) {
			continue
		}
		_, missing := u.deps.Store.FindUpload(ctx, info.Tenant, info.ID)
		switch {
		case errors.Is(missing, domain.CodeNotFound):
			orphans = append(orphans, info)
		case missing != nil:
			return errors.Join(err, fmt.Errorf("find upload %s: %w", info.ID, missing))
		}
	}
	for _, info := range orphans {
		if broken := u.deps.Files.Remove(ctx, info.Tenant, info.ID); broken != nil {
			err = errors.Join(err, broken)
			continue
		}
		u.cfg.Logger.Info("removed the file of an upload that came to nothing", "tenant", info.Tenant, "upload", info.ID)
	}
	return err
}
