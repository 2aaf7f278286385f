package memory_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

func TestBell(t *testing.T) {
	t.Parallel()
	portstest.Bell(t, func(*testing.T) ports.Bell { return memory.NewBell() })
}

// The bubble of synctest also fails when Listen leaves a goroutine behind.
func TestBellKeepsRingsForTheNextListener(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bell := memory.NewBell()
		for range 3 {
			if err := bell.Ring(t.Context(), "estate_export"); err != nil {
				t.Fatalf("Ring = %v", err)
			}
		}
		calls := 0
		ctx, cancel := context.WithCancel(t.Context())
		err := bell.Listen(ctx, []domain.Kind{"estate_export"}, 1, func(context.Context) error {
			if calls++; calls == 2 {
				cancel()
			}
			return nil
		})
		if err != nil || calls != 2 {
			t.Fatalf("Listen until its second call = %v after %d calls, want nil after 2", err, calls)
		}
		ctx, cancel = context.WithCancel(t.Context())
		err = bell.Listen(ctx, []domain.Kind{"estate_export"}, 1, func(context.Context) error {
			calls++
			cancel()
			return nil
		})
		if err != nil || calls != 3 {
			t.Errorf("second Listen = %v after %d calls in all, want nil after 3", err, calls)
		}
	})
}

func TestBellMergesRingsThatNobodyHears(t *testing.T) {
	t.Parallel()
	bell := memory.NewBell()
	for range 100_000 {
		if err := bell.Ring(t.Context(), "estate_export"); err != nil {
			t.Fatalf("Ring = %v", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	calls := 0
	err := bell.Listen(ctx, []domain.Kind{"estate_export"}, 1, func(context.Context) error { calls++; return nil })
	if err != nil || calls < 1 || calls > 1024 {
		t.Errorf("Listen after 100000 rings = %v after %d calls, want nil after 1 to 1024", err, calls)
	}
}

func TestBellRefusesToListenToNothing(t *testing.T) {
	t.Parallel()
	work := func(context.Context) error { return nil }
	if err := memory.NewBell().Listen(t.Context(), nil, 1, work); !errors.Is(err, domain.CodeInvalid) {
		t.Errorf("Listen(no kinds) = %v, want %v", err, domain.CodeInvalid)
	}
	if err := memory.NewBell().Listen(t.Context(), []domain.Kind{"a"}, 0, work); !errors.Is(err, domain.CodeInvalid) {
		t.Errorf("Listen(no workers) = %v, want %v", err, domain.CodeInvalid)
	}
}
