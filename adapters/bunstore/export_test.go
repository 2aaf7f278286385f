package bunstore

import "time"

// SetBusyPatience sets how long writes wait for another process.
func (s *Store) SetBusyPatience(d time.Duration) { s.busyPatience = d }
