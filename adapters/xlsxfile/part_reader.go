package xlsxfile

import (
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"path"

	"github.com/klauspost/compress/flate"
)

// meter counts what reading has cost and what came of it.
type meter struct {
	spent  int64 // bytes of XML, and of shared strings each time that a cell has one
	work   int64 // what tags and the like have cost beyond their bytes
	earned int64 // what content has earned
}

// What counts in the unit of ReadLimits.IdleBytes, which is about two
// nanoseconds.
const (
	tagWork        = 24
	referenceWork  = 8
	compressedWork = 4   // of a byte; FileBytes of them are below the limit
	contentPays    = 512 // and twice its bytes
)

// earn counts content of so many bytes.
func (m *meter) earn(bytes int) { m.earned += contentPays + 2*int64(bytes) }

// check refuses what has cost too much.
func (m *meter) check(limits ReadLimits) error {
	switch {
	case m.spent > limits.InflatedBytes:
		return tooLarge("workbook", limits.InflatedBytes)
	case m.spent+m.work-m.earned > limits.IdleBytes:
		return notWorkbook(reasonBomb, errors.New("there is too much of nothing"))
	}
	return nil
}

// scan begins to read a part as XML.
func (c *container) scan(ctx context.Context, name string) (*scanner, error) {
	in, err := c.open(ctx, name)
	if err != nil {
		return nil, err
	}
	const least = 512
	buffer := min(bufferSize, max(least, in.declared+1))
	s := newScanner(in, make([]byte, buffer), c.limits, &c.meter)
	return s, s.prologue()
}

// open begins to read a part. The sizes that the directory has for it are
// believed only as far as they refuse it: what really comes out is counted.
func (c *container) open(ctx context.Context, name string) (*partReader, error) {
	f := c.parts[partName(name)]
	switch {
	case f == nil:
		return nil, notWorkbook(reasonParts, errors.New("a part is missing: "+path.Base(name)))
	case f.Flags&1 != 0:
		return nil, notWorkbook(reasonZip, errors.New("a part is encrypted"))
	case f.UncompressedSize64 > math.MaxInt64:
		return nil, notWorkbook(reasonZip, errors.New("a part's size is impossible"))
	}
	r := &partReader{
		container: c, alive: ctx.Err, sum: f.CRC32,
		compressed: int64(f.CompressedSize64), declared: int64(f.UncompressedSize64),
	}
	if err := r.checkRatio(r.declared); err != nil {
		return nil, err
	}
	if r.declared > c.limits.InflatedBytes-c.meter.spent {
		return nil, tooLarge("workbook", c.limits.InflatedBytes)
	}
	raw, err := f.OpenRaw()
	if err != nil {
		return nil, notWorkbook(reasonZip, err)
	}
	r.raw = raw
	switch f.Method {
	case zip.Store:
		r.in = readRaw{r}
	case zip.Deflate:
		r.in = flate.NewReader(bufio.NewReaderSize(readRaw{r}, int(min(bufferSize/2, r.compressed))))
	default:
		return nil, notWorkbook(reasonZip, zip.ErrAlgorithm)
	}
	return r, nil
}

// partReader inflates a part within the limits, and compares it with its
// checksum.
type partReader struct {
	container  *container
	raw        io.Reader // as it is in the archive
	in         io.Reader
	alive      func() error // why to give up, or nil
	refused    error        // what came up while reading raw
	compressed int64
	declared   int64 // what the directory says of how much comes out
	inflated   int64 // what has come out
	consumed   int64 // what of raw it took
	sum        uint32
	hash       uint32
}

func (r *partReader) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	if r.refused != nil {
		return 0, r.refused
	}
	r.inflated += int64(n)
	r.hash = crc32.Update(r.hash, crc32.IEEETable, p[:n])
	m := &r.container.meter
	m.spent += int64(n)
	if refused := r.checkRatio(r.inflated); refused != nil {
		return 0, refused
	}
	if refused := m.check(r.container.limits); refused != nil {
		return 0, refused
	}
	switch {
	case r.inflated > r.declared, errors.Is(err, io.EOF) && r.inflated < r.declared:
		return 0, notWorkbook(reasonZip, errors.New("a part is not as long as it should be"))
	case errors.Is(err, io.EOF) && r.hash != r.sum:
		return 0, notWorkbook(reasonZip, zip.ErrChecksum)
	case err != nil && !errors.Is(err, io.EOF):
		return 0, notWorkbook(reasonZip, err)
	}
	return n, err
}

// checkRatio refuses a part that is compressed too well.
func (r *partReader) checkRatio(inflated int64) error {
	if inflated > graceBytes && inflated/int64(r.container.limits.Ratio) > r.compressed {
		return notWorkbook(reasonBomb, errors.New("a part is compressed too well"))
	}
	return nil
}

// readRaw reads what is in the archive for the decompressor, which may take
// much of it before anything comes out.
type readRaw struct{ *partReader }

func (r readRaw) Read(p []byte) (int, error) {
	if r.refused = r.alive(); r.refused != nil {
		return 0, r.refused
	}
	const spare = 1 << 20
	if r.consumed-r.consumed/8 > r.inflated+spare {
		r.refused = notWorkbook(reasonBomb, errors.New("a part is compressed to more than it was"))
		return 0, r.refused
	}
	n, err := r.raw.Read(p)
	r.consumed += int64(n)
	r.container.meter.work += compressedWork * int64(n)
	return n, err
}
