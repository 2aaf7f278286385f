package bunstore

import (
	"context"
	"strings"
)

// A multi-row INSERT is split into runs, since the text of a statement is
// held in memory, and longer ones gain nothing.
const (
	insertRows  = 500
	insertBytes = 1 << 20
)

// insert adds n rows, whose values row returns, with statements that begin
// with head. Outside of a transaction it makes one. No rows: nothing is done.
func (s *Store) insert(ctx context.Context, head string, n int, row func(i int) ([]any, error)) error {
	if n == 0 {
		return s.writable(ctx)
	}
	return s.inTx(ctx, func(ctx context.Context) error {
		_, err := s.insertRuns(ctx, head, "", insertBytes, n, row)
		return err
	})
}

// insertOr adds n rows, whose values row returns, with statements of head,
// VALUES and tail, which says what a row does whose key is there. It returns
// how many rows were written.
func (s *Store) insertOr(ctx context.Context, head, tail string, n int, row func(i int) []any) (int, error) {
	return s.insertRuns(ctx, head, " "+tail, insertBytes/4, n, func(i int) ([]any, error) { return row(i), nil })
}

// insertRuns adds n rows, so many with each statement that their texts come
// to about most bytes, and returns how many were written.
func (s *Store) insertRuns(ctx context.Context, head, tail string, most, n int, row func(i int) ([]any, error)) (int, error) {
	var args []any
	written := 0
	rows, size := 0, 0
	for i := range n {
		values, err := row(i)
		if err != nil {
			return 0, err
		}
		args = append(args, values...)
		rows, size = rows+1, size+textSize(values)
		if rows < insertRows && size < most && i < n-1 {
			continue
		}
		one := "(" + placeholders(len(values)) + "), "
		statement := head + " VALUES " + strings.TrimSuffix(strings.Repeat(one, rows), ", ") + tail
		added, err := s.exec(ctx, statement, args...)
		if err != nil {
			return 0, err
		}
		written += added
		args, rows, size = args[:0], 0, 0
	}
	return written, nil
}

// textSize returns how many bytes of text there are in values.
func textSize(values []any) (size int) {
	for _, v := range values {
		if s, ok := v.(string); ok {
			size += len(s)
		}
	}
	return size
}
