//go:build !unix

package postgrestest

import (
	"errors"
	"os/exec"
)

// unprivileged is not needed where there is no root, and neither is the shell
// there that would keep the server.
func unprivileged(*exec.Cmd, string) error {
	return errors.New("a server can be started on Unix alone; set BATCHPORT_TEST_POSTGRES")
}
