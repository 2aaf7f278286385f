package estates

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

const (
	// maxLine is how long a line may be, in bytes, without its end.
	maxLine = 1 << 20

	// maxLineFailures bounds what is reported of one line: a hostile one has as
	// many unknown fields as fit into it.
	maxLineFailures = 100

	// batchLines is how many lines are stored in one transaction.
	batchLines = 1000
)

// Loader takes over objects from files of one JSON object a line. It is safe
// for concurrent use.
type Loader struct{ loads ports.EstateLoads }

// NewLoader returns a loader that stores with loads.
func NewLoader(loads ports.EstateLoads) *Loader { return &Loader{loads: loads} }

// Counts says what became of the lines of a file; blank ones are not counted.
type Counts struct{ Created, Updated, Failed int }

// LineFailure is one thing that is wrong with a line.
type LineFailure struct {
	Line    int // counted from 1
	Failure domain.Failure
}

// Load reads r, whose lines are records of the kind, and adds or replaces each
// by its identifier. A bad line is not stored, and stops no other: all that is
// wrong with it, up to 100 failures, is given to report, in the order of lines. Lines are stored
// 1,000 at a time. After an error, which may be report's own, the counts are of
// those that were stored; loading the same file again is safe. An unknown kind
// gives [domain.CodeInvalid], and nothing is read.
//
// A line is up to 1 MiB of UTF-8, ends with LF, CRLF or the file, and may be
// blank. A byte order mark at the beginning is passed over. Memory does not grow
// with the file.
func (l *Loader) Load(ctx context.Context, tenant domain.TenantID, kind LoadKind, r io.Reader, report func(LineFailure) error) (Counts, error) {
	var counts Counts
	records := batchOf(kind, l.loads)
	if records == nil {
		return counts, domain.Fail(domain.NewFailure(domain.CodeInvalid, "kind", string(kind), "expected", join(LoadKinds())))
	}
	lines := lineReader{r: bufio.NewReaderSize(r, maxLine+len("\r\n"))}
	for pending := 0; ; pending++ {
		line, err := lines.next()
		end := errors.Is(err, io.EOF)
		if end || pending == batchLines {
			if err := records.flush(ctx, tenant, &counts, report); err != nil {
				return counts, fmt.Errorf("store %s up to line %d: %w", kind, lines.number, err)
			}
			pending = 0
		}
		switch {
		case end:
			return counts, nil
		case errors.Is(err, domain.CodeTooLong):
			records.fail(lines.number, domain.FailureOf(err))
		case err != nil:
			return counts, fmt.Errorf("read line %d: %w", lines.number+1, err)
		case len(line) > 0:
			addLine(records, lines.number, line)
		}
	}
}

func addLine(records batch, number int, line []byte) {
	value, err := document.Parse(string(line))
	switch {
	case err != nil:
		records.fail(number, domain.FailureOf(err))
	case value.Kind != document.Object:
		records.fail(number, lineFailure(domain.CodeInvalid, "", value, "expected", "object"))
	default:
		records.add(number, value)
	}
}

// lineReader reads lines and counts them.
type lineReader struct {
	r      *bufio.Reader
	number int // of the line that was read last
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// next returns the next line without white space around it, until the call
// after; one that is too long gives [domain.CodeTooLong] and is passed over.
// After the last line it returns [io.EOF].
func (l *lineReader) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, io.EOF) && len(line) > 0 {
		err = nil // the last line need not end
	}
	tooLong := errors.Is(err, bufio.ErrBufferFull)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = l.r.ReadSlice('\n')
	}
	if err != nil && (!tooLong || !errors.Is(err, io.EOF)) {
		return nil, err
	}
	l.number++
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if tooLong || len(line) > maxLine {
		return nil, domain.Fail(domain.NewFailure(domain.CodeTooLong, "", "", "max", strconv.Itoa(maxLine)))
	}
	if l.number == 1 {
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	return bytes.Trim(line, " \t\r"), nil
}

// records is a batch of records of one kind.
type records[R any] struct {
	read  func(*recordReader) (R, []domain.Failure)
	store func(context.Context, domain.TenantID, []R) ([]domain.Outcome, error)

	good     []R
	lines    []int // lines[i] is where good[i] stands
	failed   int   // lines that are not good
	failures []LineFailure
}

func (b *records[R]) add(number int, line document.Value) {
	record, failures := b.read(&recordReader{object: line})
	if len(failures) > 0 {
		b.fail(number, failures...)
		return
	}
	b.good, b.lines = append(b.good, record), append(b.lines, number)
}

func (b *records[R]) fail(number int, failures ...domain.Failure) {
	b.failed++
	for _, f := range failures[:min(len(failures), maxLineFailures)] {
		b.failures = append(b.failures, LineFailure{Line: number, Failure: f})
	}
}

func (b *records[R]) flush(ctx context.Context, tenant domain.TenantID, counts *Counts, report func(LineFailure) error) error {
	outcomes, err := b.storeAll(ctx, tenant, b.good)
	if err != nil {
		return err
	}
	for i, o := range outcomes {
		if o.Fate == domain.Failed {
			b.fail(b.lines[i], *o.Failure)
		}
	}
	done := domain.ReportOf(outcomes)
	counts.Created += done.Created
	counts.Updated += done.Updated
	counts.Failed += b.failed
	slices.SortStableFunc(b.failures, func(x, y LineFailure) int { return x.Line - y.Line })
	for _, f := range b.failures {
		if err := report(f); err != nil {
			return err
		}
	}
	b.good, b.lines, b.failed, b.failures = b.good[:0], b.lines[:0], 0, b.failures[:0]
	return nil
}

// storeAll stores records. When the store says that the data is at fault, it
// tries each half by itself, until the bad ones stand alone.
func (b *records[R]) storeAll(ctx context.Context, tenant domain.TenantID, all []R) ([]domain.Outcome, error) {
	if len(all) == 0 {
		return nil, nil
	}
	outcomes, err := b.store(ctx, tenant, all)
	switch {
	case !domain.DataFault(err):
		return outcomes, err
	case len(all) == 1:
		return []domain.Outcome{domain.FailedWith(domain.FailureOf(err))}, nil
	}
	first, err := b.storeAll(ctx, tenant, all[:len(all)/2])
	if err != nil {
		return nil, err
	}
	second, err := b.storeAll(ctx, tenant, all[len(all)/2:])
	return append(first, second...), err
}
