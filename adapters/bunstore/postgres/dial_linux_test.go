package postgres_test

import (
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/batchport/batchport/adapters/bunstore/postgres"
	"github.com/batchport/batchport/adapters/bunstore/postgres/postgrestest"
)

// The system of this machine is told how soon a server's machine that was lost
// is to be noticed. What it makes of that only a broken network could show.
func TestOpenNoticesLostMachines(t *testing.T) {
	t.Parallel()
	_, through := newProxy(t, postgrestest.URL(t))
	conn, err := open(t, through, postgres.Config{}).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	err = conn.Raw(func(driver any) error {
		socket, err := driver.(*stdlib.Conn).Conn().PgConn().Conn().(*net.TCPConn).SyscallConn()
		if err != nil {
			return err
		}
		return socket.Control(func(fd uintptr) {
			for name, option := range map[string]struct{ level, number, want int }{
				"SO_KEEPALIVE":     {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
				"TCP_KEEPIDLE":     {syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 10},
				"TCP_KEEPINTVL":    {syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 5},
				"TCP_KEEPCNT":      {syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 3},
				"TCP_USER_TIMEOUT": {syscall.IPPROTO_TCP, 0x12, 25_000},
			} {
				if got, err := syscall.GetsockoptInt(int(fd), option.level, option.number); err != nil || got != option.want {
					t.Errorf("%s = %d, %v; want %d", name, got, err, option.want)
				}
			}
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}
