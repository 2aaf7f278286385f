package domain

import (
	"fmt"
	"runtime"
)

// PanicError returns the cause of a panic as an error for logs. What the
// runtime says of a fault is said in full; of anything else its type alone,
// since its text may hold what somebody has sent.
func PanicError(cause any) error {
	if fault, ok := cause.(runtime.Error); ok {
		return fmt.Errorf("panic: %w", fault)
	}
	return fmt.Errorf("panic with a %T", cause)
}
