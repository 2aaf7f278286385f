package bunstore

import (
	"context"
	"sync"
)

// remembered is what was read of a database in which nothing has changed since.
// It is never older than the last commit before a read began: each read first
// asks for the version, and what was read under another one is forgotten.
type remembered struct {
	version func() (int64, error) // see [Config.Version]; nil when nothing is remembered

	mu     sync.Mutex
	under  int64 // the version under which all that is remembered was read
	rows   map[any]any
	weight int
}

// mostRemembered is about how many bytes are remembered: all is forgotten then.
// A row weighs more than its texts.
const mostRemembered, rowWeight = 4 << 20, 1 << 10

// remember returns the row that the key stands for: what was read before, if
// nothing was committed since, or what read returns. Both are shared, and must
// not be changed. texts is about how many bytes of texts a row has. Inside of a
// transaction nothing is remembered.
func remember[K comparable, R any](ctx context.Context, s *Store, key K, texts func(R) int, read func() (R, error)) (R, error) {
	m := &s.remembered
	if m.version == nil || s.scope(ctx) != nil {
		return read()
	}
	if err := ctx.Err(); err != nil {
		var none R
		return none, s.fail(ctx, err)
	}
	version, err := m.version()
	if err != nil {
		return read() // which says what is wrong, if it is
	}
	if row, known := m.find(version, key); known {
		return row.(R), nil
	}
	// It may see what was committed after the version was asked for. Then the
	// next read sees another version, and forgets it.
	row, err := read()
	if err == nil {
		m.add(version, key, row, rowWeight+texts(row))
	}
	return row, err
}

func (m *remembered) find(version int64, key any) (row any, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if version > m.under {
		m.under = version
		m.forget()
	}
	if version != m.under {
		return nil, false // others were faster, and have seen a newer one
	}
	row, known = m.rows[key]
	return row, known
}

func (m *remembered) add(version int64, key, row any, weight int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if version != m.under || weight > mostRemembered/4 {
		return
	}
	if m.weight+weight > mostRemembered || m.rows == nil {
		m.forget()
	}
	m.rows[key] = row
	m.weight += weight
}

func (m *remembered) forget() { m.rows, m.weight = map[any]any{}, 0 }
