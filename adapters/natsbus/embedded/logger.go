package embedded

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"
)

// logger passes the server's log on. It does not end the process at a fatal
// error, as the server's own does: [Start] returns it instead.
type logger struct {
	log    *slog.Logger
	failed *atomic.Bool // set when a message could not be stored
}

var _ server.Logger = logger{}

func (l logger) Noticef(format string, args ...any) { l.log.Debug(l.text(format, args)) }
func (l logger) Warnf(format string, args ...any)   { l.log.Warn(l.text(format, args)) }

func (l logger) Errorf(format string, args ...any) {
	text := l.text(format, args)
	if strings.Contains(text, "failed to store a msg") {
		l.failed.Store(true)
	}
	l.log.Error(text)
}

func (l logger) Fatalf(format string, args ...any) { l.log.Error(l.text(format, args)) }
func (l logger) Debugf(format string, args ...any) { l.log.Debug(l.text(format, args)) }
func (l logger) Tracef(format string, args ...any) { l.log.Debug(l.text(format, args)) }

func (l logger) text(format string, args []any) string {
	return "nats: " + fmt.Sprintf(format, args...)
}
