package postgres

import (
	"net"
	"time"
)

// keepAlive is how an idle connection is asked whether the other side is there.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}

// lostAfter is how long the other side may leave unanswered what was sent to
// it, which a system else repeats for a quarter of an hour: as long as keepAlive
// waits for one that nothing was sent to.
const lostAfter = 25 * time.Second

// dialer makes connections that notice the loss of the server's machine.
func dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, KeepAliveConfig: keepAlive, Control: boundSilence}
}
