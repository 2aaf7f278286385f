package xlsxfile

import (
	"archive/zip"
	"cmp"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
)

// container is the archive that a workbook's parts are in.
type container struct {
	file   *sourceFile
	parts  map[string]*zip.File // by name, as partName has it
	limits ReadLimits
	meter  meter
}

// openContainer reads the archive's directory, and checks of every entry that
// it lies where no other does: an archive whose entries overlap inflates to
// far more than its size.
func openContainer(file *sourceFile, limits ReadLimits) (*container, error) {
	// archive/zip reads a directory of any length, whatever count it declares.
	const endRecords, perEntry = 128 << 10, 1 << 10
	file.allowed = endRecords + int64(limits.Entries)*perEntry
	archive, err := zip.NewReader(file, file.size)
	switch {
	case errors.Is(err, errDirectory):
		return nil, tooMany("entries", limits.Entries)
	case err != nil && !errors.Is(err, zip.ErrInsecurePath): // no name here is a path to anything
		return nil, notWorkbook(reasonZip, err)
	case len(archive.File) > limits.Entries:
		return nil, tooMany("entries", limits.Entries)
	}
	file.allowed = math.MaxInt64
	c := &container{file: file, limits: limits, parts: make(map[string]*zip.File, len(archive.File))}
	type extent struct{ from, to int64 }
	extents := make([]extent, 0, len(archive.File))
	for _, f := range archive.File {
		name := partName(f.Name)
		if _, twice := c.parts[name]; twice {
			return nil, notWorkbook(reasonZip, errors.New("an entry is there twice"))
		}
		c.parts[name] = f
		from, err := f.DataOffset()
		if err != nil {
			return nil, notWorkbook(reasonZip, err)
		}
		if f.CompressedSize64 > uint64(file.size) || from > file.size-int64(f.CompressedSize64) {
			return nil, notWorkbook(reasonZip, errors.New("an entry is outside of the file"))
		}
		const header = 30 // bytes before the name, which is before the data
		extents = append(extents, extent{from - header - int64(len(f.Name)), from + int64(f.CompressedSize64)})
	}
	slices.SortFunc(extents, func(a, b extent) int { return cmp.Compare(a.from, b.from) })
	for i := 1; i < len(extents); i++ {
		if extents[i].from < extents[i-1].to {
			return nil, notWorkbook(reasonBomb, errors.New("entries overlap"))
		}
	}
	return c, nil
}

// partName returns the name by which a part is looked up: names differ in more
// than case, and some programs write them as Windows has its paths.
func partName(name string) string {
	return strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "/"))
}

// has reports whether the archive has the part.
func (c *container) has(name string) bool { return c.parts[partName(name)] != nil }

// sourceFile is a workbook's file. It remembers an error of the file, which
// archive/zip and the decompressor would take for a fault of its content.
type sourceFile struct {
	file    io.ReaderAt
	size    int64
	allowed int64 // how many more bytes may be read
	err     error
}

var errDirectory = errors.New("the directory is too long")

func (f *sourceFile) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at >= f.size {
		return 0, io.EOF // archive/zip goes where a broken directory leads
	}
	if f.allowed -= int64(len(p)); f.allowed < 0 {
		return 0, errDirectory
	}
	n, err := f.file.ReadAt(p, at)
	if err != nil && !errors.Is(err, io.EOF) && f.err == nil {
		f.err = err
	}
	return n, err
}

// blame returns the error of the file if there was one, or else err.
func (f *sourceFile) blame(err error) error {
	if err != nil && f.err != nil {
		return f.err
	}
	return err
}
