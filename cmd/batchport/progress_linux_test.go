package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// On a terminal a bar grows, and leaves nothing behind but how the job ended.
func TestBarOnATerminal(t *testing.T) {
	t.Parallel()
	server := paces(t, atWork(10), atWork(50), atEnd("completed", "partially_failed", 7, 2))
	show := func(environ ...string) (string, int) {
		screen, hand := openTerminal(t)
		read := make(chan string)
		go func() {
			var all bytes.Buffer
			_, _ = io.Copy(&all, screen) // a terminal that was closed is an error
			read <- all.String()
		}()
		code := run(t.Context(), []string{"jobs", "watch", "c1"}, append(environ, "BATCHPORT_SERVER="+server, "BATCHPORT_KEY=k"), hand, hand)
		_ = hand.Close()
		return <-read, code
	}
	coloured, code := show("TERM=xterm")
	for _, want := range []string{
		strings.Repeat("█", 2) + strings.Repeat("░", 26) + "   10 %", // what is left of 80 columns
		" 50 %  10,000/20,000  1,234/s  ETA 1:12  16 failed\r\x1b[K", "\x1b[33mpartially failed\x1b[0m", "2 of 9 items failed",
	} {
		if !strings.Contains(coloured, want) {
			t.Errorf("the terminal shows %q (exit code %d), want %q", coloured, code, want)
		}
	}
	if plain, _ := show("TERM=xterm", "NO_COLOR=1"); strings.Contains(plain, "\x1b[33m") || !strings.Contains(plain, "█") {
		t.Errorf("with NO_COLOR the terminal shows %q, want a bar without colours", plain)
	}
	if dumb, _ := show("TERM=dumb"); strings.Contains(dumb, "\x1b") || !strings.Contains(dumb, "running, 50 %") {
		t.Errorf("a dumb terminal shows %q, want plain lines", dumb)
	}
}

// openTerminal makes a terminal of 80 columns: what is written to hand can be
// read from screen.
func openTerminal(t *testing.T) (screen, hand *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminal can be made: %v", err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	var locked, number uint32
	size := [4]uint16{24, 80}
	control(t, screen, syscall.TIOCSPTLCK, unsafe.Pointer(&locked))
	control(t, screen, syscall.TIOCGPTN, unsafe.Pointer(&number))
	control(t, screen, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	if hand, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return screen, hand
}

func control(t *testing.T, terminal *os.File, request uintptr, argument unsafe.Pointer) {
	t.Helper()
	if _, _, failed := syscall.Syscall(syscall.SYS_IOCTL, terminal.Fd(), request, uintptr(argument)); failed != 0 {
		t.Fatal(failed)
	}
}
