package bunstore

import "time"

// SetBusyPatience sets how long writes wait for another process.
func (s *Store) SetBusyPatience(d time.Duration) { s.busyPatience = d }

// SetClock makes the SQL expression the store's clock, in microseconds. It
// must not be called while the store is in use.
func (s *Store) SetClock(expression string) {
	d := s.dialect
	d.clock = expression
	s.tables = d.renderer(s.tables.Replace("{p}"))
}
