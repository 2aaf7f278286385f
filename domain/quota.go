package domain

import "time"

// Window allows so many uses in any stretch of time of its length, wherever
// that begins: it slides.
type Window struct {
	Limit  int           // uses, 0 for none
	Length time.Duration // more than 0
}

// QuotaUse is how much of a quota is used.
type QuotaUse struct {
	Spent   bool        // one more use was counted
	Windows []WindowUse // in the order of the windows
}

// WindowUse is how much of a window is used.
type WindowUse struct {
	Window
	Left int           // uses that would still pass
	Next time.Duration // until there is room for one more than now, when the oldest use leaves the window; 0 when nothing is used
	Wait time.Duration // until a use would pass; 0 when one would now, or never will
}

// Wait returns how long it takes until a use would pass all windows, if nobody
// else has one meanwhile.
func (u QuotaUse) Wait() (longest time.Duration) {
	for _, w := range u.Windows {
		longest = max(longest, w.Wait)
	}
	return longest
}

// MayPass reports whether every window has room for one more use.
func (u QuotaUse) MayPass() bool {
	for _, w := range u.Windows {
		if w.Left == 0 {
			return false
		}
	}
	return true
}

// UsesOf returns how much of the windows is used now by uses at these times,
// which are in order. As long as the last of them is later than now, because a
// clock was set back, its time counts as the present one; what has to be waited
// for is longer by as much. A use leaves a window when it is older than the
// window is long, not when it is just as old: so no stretch of that length has
// more uses than the limit, its ends included.
func UsesOf(windows []Window, now time.Time, uses []time.Time) QuotaUse {
	clock := now
	if n := len(uses); n > 0 && uses[n-1].After(now) {
		clock = uses[n-1]
	}
	u := QuotaUse{Windows: make([]WindowUse, len(windows))}
	for i, w := range windows {
		inside := uses
		for len(inside) > 0 && clock.Sub(inside[0]) > w.Length {
			inside = inside[1:]
		}
		// What is at the edge leaves a moment later, in the unit of the clock.
		leaves := func(use time.Time) time.Duration { return use.Add(w.Length + time.Microsecond).Sub(now) }
		used := WindowUse{Window: w, Left: max(0, w.Limit-len(inside))}
		if len(inside) > 0 {
			used.Next = leaves(inside[0])
		}
		if over := len(inside) - w.Limit; over >= 0 && w.Limit > 0 {
			used.Wait = leaves(inside[over])
		}
		u.Windows[i] = used
	}
	return u
}
