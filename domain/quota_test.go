package domain_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/batchport/batchport/domain"
)

func TestUsesOf(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 11, 3, 21, 5, 6, 0, time.UTC)
	window := func(limit int) domain.Window { return domain.Window{Limit: limit, Length: time.Minute} }
	const (
		minute = time.Minute
		tick   = time.Microsecond // the unit of the clock
	)
	for name, tt := range map[string]struct {
		window domain.Window
		ages   []time.Duration // of the uses, the oldest first
		want   domain.WindowUse
	}{
		"no uses":                   {window(3), nil, domain.WindowUse{Left: 3}},
		"one just now":              {window(3), []time.Duration{0}, domain.WindowUse{Left: 2, Next: minute + tick}},
		"some":                      {window(3), []time.Duration{40 * time.Second, time.Second}, domain.WindowUse{Left: 1, Next: 20*time.Second + tick}},
		"used up":                   {window(2), []time.Duration{40 * time.Second, time.Second}, domain.WindowUse{Next: 20*time.Second + tick, Wait: 20*time.Second + tick}},
		"just as old as the window": {window(1), []time.Duration{minute}, domain.WindowUse{Next: tick, Wait: tick}},
		"a moment older":            {window(1), []time.Duration{minute + tick}, domain.WindowUse{Left: 1}},
		"a moment younger":          {window(1), []time.Duration{minute - tick}, domain.WindowUse{Next: 2 * tick, Wait: 2 * tick}},
		"older ones do not count":   {window(2), []time.Duration{time.Hour, minute + tick, time.Second}, domain.WindowUse{Left: 1, Next: 59*time.Second + tick}},
		"several at one time":       {window(2), []time.Duration{time.Second, time.Second}, domain.WindowUse{Next: 59*time.Second + tick, Wait: 59*time.Second + tick}},
		"more than a lowered limit": {
			window(1),
			[]time.Duration{50 * time.Second, 30 * time.Second, time.Second},
			domain.WindowUse{Next: 10*time.Second + tick, Wait: 59*time.Second + tick},
		},
		"no limit above none":  {window(0), nil, domain.WindowUse{}},
		"none allowed anymore": {window(0), []time.Duration{time.Second}, domain.WindowUse{Next: 59*time.Second + tick}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			uses := make([]time.Time, len(tt.ages))
			for i, age := range tt.ages {
				uses[i] = clock.Add(-age)
			}
			tt.want.Window = tt.window
			got := domain.UsesOf([]domain.Window{tt.window}, clock, uses)
			assert.Equal(t, domain.QuotaUse{Windows: []domain.WindowUse{tt.want}}, got)
			assert.Equal(t, tt.want.Left > 0, got.MayPass())
			assert.Equal(t, tt.want.Wait, got.Wait())
		})
	}
}

// All windows must have room, and the longest wait counts.
func TestUsesOfSeveralWindows(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 11, 3, 21, 5, 6, 0, time.UTC)
	windows := []domain.Window{{Limit: 2, Length: time.Hour}, {Limit: 1, Length: time.Minute}, {Limit: 9, Length: time.Second}}
	uses := domain.UsesOf(windows, clock, []time.Time{clock.Add(-30 * time.Minute)})
	assert.True(t, uses.MayPass())
	assert.Zero(t, uses.Wait())
	uses = domain.UsesOf(windows, clock, []time.Time{clock.Add(-30 * time.Minute), clock})
	assert.False(t, uses.MayPass())
	assert.Equal(t, 30*time.Minute+time.Microsecond, uses.Wait())
	require.Len(t, uses.Windows, 3)
	for i, left := range []int{0, 0, 8} {
		assert.Equal(t, windows[i], uses.Windows[i].Window)
		assert.Equal(t, left, uses.Windows[i].Left)
	}
	uses = domain.UsesOf(nil, clock, []time.Time{clock})
	assert.True(t, uses.MayPass())
	assert.Zero(t, uses.Wait())
	assert.Empty(t, uses.Windows)
}

// Whoever has uses only when they may pass, never has more of them in any
// stretch of a window's length than its limit; and what waits is told how long.
// TestUsesOfAClockThatWasSetBack counts as at the last use, and says how long it
// really takes.
func TestUsesOfAClockThatWasSetBack(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 11, 3, 21, 5, 6, 0, time.UTC)
	window := domain.Window{Limit: 1, Length: time.Hour}
	got := domain.UsesOf([]domain.Window{window}, clock.Add(-3*time.Hour), []time.Time{clock.Add(-2 * time.Hour), clock})
	wait := 4*time.Hour + time.Microsecond
	assert.Equal(t, domain.QuotaUse{Windows: []domain.WindowUse{{Window: window, Next: wait, Wait: wait}}}, got)
}

func TestUsesNeverExceedAWindow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		windows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) domain.Window {
			length := time.Duration(rapid.IntRange(1, 60).Draw(t, "length")) * time.Microsecond
			return domain.Window{Limit: rapid.IntRange(0, 6).Draw(t, "limit"), Length: length}
		}), 0, 3).Draw(t, "windows")
		clock := time.Date(2026, 11, 3, 21, 5, 6, 0, time.UTC)
		var uses []time.Time
		for _, step := range rapid.SliceOfN(rapid.IntRange(0, 12), 0, 60).Draw(t, "steps") {
			clock = clock.Add(time.Duration(step) * time.Microsecond)
			now := domain.UsesOf(windows, clock, uses)
			for i, w := range windows {
				checkWindow(t, w, now.Windows[i], clock, uses)
			}
			if now.MayPass() {
				uses = append(uses, clock)
			}
		}
		for _, w := range windows {
			for i, begin := range uses {
				if got := countBetween(uses[i:], begin, begin.Add(w.Length)); got > w.Limit {
					t.Fatalf("%d uses within %v from %v on, want at most %d", got, w.Length, begin, w.Limit)
				}
			}
		}
	})
}

// checkWindow compares with what counting says.
func checkWindow(t *rapid.T, w domain.Window, got domain.WindowUse, clock time.Time, uses []time.Time) {
	room := func(at time.Time) int { return max(0, w.Limit-countBetween(uses, at.Add(-w.Length), at)) }
	want := fmt.Sprintf("window %v at %v with uses %v: %+v", w, clock, uses, got)
	require.Equal(t, w, got.Window, want)
	require.Equal(t, room(clock), got.Left, want)
	if countBetween(uses, clock.Add(-w.Length), clock) == 0 {
		require.Zero(t, got.Next, want)
	} else if w.Limit > 0 {
		require.Greater(t, room(clock.Add(got.Next)), got.Left, want)
		require.Equal(t, got.Left, room(clock.Add(got.Next-time.Microsecond)), want)
	}
	if got.Left > 0 || w.Limit == 0 {
		require.Zero(t, got.Wait, want)
	} else {
		require.Positive(t, room(clock.Add(got.Wait)), want)
		require.Zero(t, room(clock.Add(got.Wait-time.Microsecond)), want)
	}
}

// countBetween counts the uses from begin to end, both included.
func countBetween(uses []time.Time, begin, end time.Time) (n int) {
	for _, use := range uses {
		if !use.Before(begin) && !use.After(end) {
			n++
		}
	}
	return n
}
