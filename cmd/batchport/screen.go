package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// screen is where a person reads along. On a terminal the progress is a bar
// that grows; elsewhere it is a few plain lines.
type screen struct {
	w        io.Writer
	terminal bool
	shown    int
}

func newScreen(w io.Writer) *screen {
	s := &screen{w: w}
	if f, isFile := w.(*os.File); isFile {
		info, err := f.Stat()
		s.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return s
}

// say prints a line. Who cannot be shown anything misses nothing else.
func (s *screen) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.w, format+"\n", args...)
	s.shown = 0
}

const barWidth = 40

// progress shows how far a job is.
func (s *screen) progress(percent int) {
	if s.terminal {
		done := percent * barWidth / 100
		_, _ = fmt.Fprintf(s.w, "\r  progress  %s%s %3d %%", strings.Repeat("█", done), strings.Repeat("░", barWidth-done), percent)
		if percent == 100 {
			_, _ = fmt.Fprintln(s.w)
		}
		return
	}
	if percent == 100 || percent >= s.shown+25 {
		s.shown = percent
		_, _ = fmt.Fprintf(s.w, "  progress  %d %%\n", percent)
	}
}

// thousands writes n with separators.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
