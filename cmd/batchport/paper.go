package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// paper is where people read lines, of which the last may be written over on a
// terminal.
type paper struct {
	w        io.Writer
	terminal *os.File // nil when it is none that a cursor moves on
	colours  bool
	draft    bool // the last line may be written over
}

// newPaper heeds NO_COLOR (https://no-color.org), and a terminal that calls
// itself dumb.
func newPaper(w io.Writer, environ environment) *paper {
	p := &paper{w: w}
	if f, isFile := w.(*os.File); isFile && term.IsTerminal(int(f.Fd())) && environ.value("TERM") != "dumb" {
		p.terminal = f
		p.colours = environ.value("NO_COLOR") == ""
	}
	return p
}

// line prints a line that stays. Who cannot be shown anything misses nothing
// else.
func (p *paper) line(format string, args ...any) {
	p.clear()
	_, _ = fmt.Fprintf(p.w, format+"\n", args...)
}

// over writes over the line that was written so before, on a terminal.
func (p *paper) over(text string) {
	p.clear()
	_, _ = io.WriteString(p.w, text)
	p.draft = true
}

// clear takes a line away that may be written over.
func (p *paper) clear() {
	if p.draft {
		_, _ = io.WriteString(p.w, "\r\x1b[K")
		p.draft = false
	}
}

// columns returns how wide the terminal is.
func (p *paper) columns() int {
	if p.terminal != nil {
		if width, _, err := term.GetSize(int(p.terminal.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 80
}

// The colours, as a terminal is told them.
const (
	red    = "31"
	green  = "32"
	yellow = "33"

	plainColour = "39" // takes as many bytes as the others, so that columns of a table stay in line
)

func (p *paper) in(colour, text string) string {
	if !p.colours || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}
