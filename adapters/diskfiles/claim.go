package diskfiles

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/batchport/batchport/domain"
)

// ownerName is the file that says whose the files are.
const ownerName = "owner"

// Claim makes the files those of the owner, a name without an end of line,
// unless they are somebody's already; those of another one give
// [domain.CodeConflict]. Hosts that remove files which their database does not
// know claim them first, so that a directory that was given by mistake
// loses nothing. An owner may claim them as often as it likes, from several
// processes.
func (f *Files) Claim(owner string) error {
	found, err := f.owner()
	if err == nil && found == "" {
		if err = f.setOwner(owner); err == nil {
			found, err = f.owner() // another one may have been faster
		}
	}
	if err != nil {
		return fmt.Errorf("claim the directory of files: %w", classify(err))
	}
	if found != owner {
		return &domain.Error{Code: domain.CodeConflict, Err: fmt.Errorf(
			"the directory of files is another one's, as its file %q says", ownerName)}
	}
	return nil
}

// owner returns whose the files are, or "" when nobody has claimed them.
func (f *Files) owner() (string, error) {
	content, err := f.root.ReadFile(ownerName)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(bytes.TrimSpace(content)), err
}

// setOwner writes the file whole or not at all.
func (f *Files) setOwner(owner string) error {
	temp := filepath.Join(temporary, tempName(time.Now()))
	file, err := f.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = file.WriteString(owner + "\n")
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = f.root.Rename(temp, ownerName)
	}
	if err != nil {
		return errors.Join(err, f.discard(temp))
	}
	return f.sync(".")
}
