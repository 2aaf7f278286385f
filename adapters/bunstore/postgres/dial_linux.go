package postgres

import (
	"strings"
	"syscall"
)

// tcpUserTimeout is TCP_USER_TIMEOUT, which package syscall does not name:
// https://man7.org/linux/man-pages/man7/tcp.7.html.
const tcpUserTimeout = 0x12

// boundSilence has the system give a connection up when what was sent on it is
// not answered.
func boundSilence(network, _ string, conn syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var refused error
	err := conn.Control(func(fd uintptr) {
		refused = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(lostAfter.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return refused
}
