package sheets_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batchport/batchport/app/sheets"
	"github.com/batchport/batchport/ports"
)

// source opens workbooks of one row, and counts those that are open.
type source struct {
	fails       error // what opening gives
	failsClosed error // what closing gives

	mu         sync.Mutex
	open, most int
}

// add counts workbooks that are open from now on.
func (s *source) add(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open += n
	s.most = max(s.most, s.open)
}

func (s *source) OpenWorkbook(_ context.Context, file io.ReaderAt, size int64) (ports.WorkbookReader, error) {
	if s.fails != nil {
		return nil, s.fails
	}
	text := make([]byte, size)
	if _, err := file.ReadAt(text, 0); err != nil {
		return nil, err
	}
	s.add(1)
	return &book{source: s, text: string(text)}, nil
}

type book struct {
	source *source
	text   string
	closed bool
}

func (b *book) EachRow(context.Context) iter.Seq2[ports.Row, error] {
	return func(yield func(ports.Row, error) bool) {
		yield(ports.Row{Number: 1, Cells: []ports.Cell{{Kind: ports.CellText, Text: b.text}}}, nil)
	}
}

func (b *book) Close() error {
	if !b.closed {
		b.closed = true
		b.source.add(-1)
	}
	return b.source.failsClosed
}

func open(ctx context.Context, s ports.WorkbookSource) (ports.WorkbookReader, error) {
	return s.OpenWorkbook(ctx, strings.NewReader("text"), 4)
}

func mustOpen(t *testing.T, s ports.WorkbookSource) ports.WorkbookReader {
	t.Helper()
	b, err := open(t.Context(), s)
	if err != nil {
		t.Fatalf("OpenWorkbook() = %v, want a workbook", err)
	}
	return b
}

func mustClose(t *testing.T, b ports.WorkbookReader) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
}

// refused fails the test unless there is no room for one more.
func refused(t *testing.T, s ports.WorkbookSource) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if b, err := open(ctx, s); !errors.Is(err, context.DeadlineExceeded) || b != nil {
		t.Errorf("OpenWorkbook(no room) = %v, %v; want %v", b, err, context.DeadlineExceeded)
	}
}

func TestAWorkbookTooManyWaitsForOneToBeClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &source{}
		s := sheets.Limited(inner, 2)
		first, second := mustOpen(t, s), mustOpen(t, s)
		opened := make(chan ports.WorkbookReader, 2)
		for range 2 {
			go func() {
				b, err := open(t.Context(), s)
				if err != nil {
					t.Errorf("OpenWorkbook() = %v, want a workbook", err)
				}
				opened <- b
			}()
		}
		for i, b := range []ports.WorkbookReader{second, first} {
			time.Sleep(time.Hour)
			synctest.Wait()
			if len(opened) != i {
				t.Errorf("with 2 open and %d closed, %d more are open; want as many as were closed", i, len(opened))
			}
			mustClose(t, b)
		}
		mustClose(t, <-opened)
		mustClose(t, <-opened)
		if inner.most != 2 || inner.open != 0 {
			t.Errorf("%d workbooks were open at once and %d are at last, want 2 and 0", inner.most, inner.open)
		}
	})
}

// Whoever has waited in vain takes up no room.
func TestWaitingForAWorkbookEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sheets.Limited(&source{}, 1)
		b := mustOpen(t, s)
		began := time.Now()
		refused(t, s)
		if took := time.Since(began); took != time.Minute {
			t.Errorf("OpenWorkbook waited for %v, want the minute of its context", took)
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := open(cancelled, s); !errors.Is(err, context.Canceled) {
			t.Errorf("OpenWorkbook(an ended context) = %v, want %v", err, context.Canceled)
		}
		mustClose(t, b)
		mustClose(t, mustOpen(t, s))
	})
}

func TestClosingAWorkbookTwiceMakesRoomForOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sheets.Limited(&source{}, 2)
		first, second := mustOpen(t, s), mustOpen(t, s)
		mustClose(t, first)
		mustClose(t, first)
		third := mustOpen(t, s)
		refused(t, s)
		mustClose(t, first)
		refused(t, s)
		mustClose(t, second)
		mustClose(t, third)
	})
}

func TestAWorkbookThatCannotBeOpenedTakesUpNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &source{fails: errors.New("no workbook")}
		s := sheets.Limited(inner, 1)
		for range 3 {
			if b, err := open(t.Context(), s); !errors.Is(err, inner.fails) || b != nil {
				t.Errorf("OpenWorkbook() = %v, %v; want %v", b, err, inner.fails)
			}
		}
		inner.fails = nil
		mustClose(t, mustOpen(t, s))
	})
}

func TestAWorkbookThatCannotBeClosedMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &source{failsClosed: errors.New("no memory")}
		s := sheets.Limited(inner, 1)
		for range 3 {
			if err := mustOpen(t, s).Close(); !errors.Is(err, inner.failsClosed) {
				t.Errorf("Close() = %v, want %v", err, inner.failsClosed)
			}
		}
	})
}

// What is read is what the source reads.
func TestALimitedWorkbookIsTheSources(t *testing.T) {
	t.Parallel()
	b := mustOpen(t, sheets.Limited(&source{}, 1))
	defer mustClose(t, b)
	rows := 0
	for row, err := range b.EachRow(t.Context()) {
		rows++
		if err != nil || row.Number != 1 || len(row.Cells) != 1 || row.Cells[0].Text != "text" {
			t.Errorf("a row is %+v, %v; want that of the source", row, err)
		}
	}
	if rows != 1 {
		t.Errorf("there are %d rows, want 1", rows)
	}
}
