package natsbus

import (
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/batchport/batchport/domain"
)

const (
	defaultPrefix = "batchport"
	defaultSource = "/batchport"
	defaultMaxAge = 7 * 24 * time.Hour
	defaultPause  = time.Second
	defaultRemake = 30 * time.Second
)

// Config holds the settings of [NewBell] and [NewEventStream]. The zero value
// works. All that share one NATS account and one prefix must have the same.
type Config struct {
	// Prefix begins the names of all streams and subjects: 1 to 32 of a-z, 0-9
	// and '-'. Hosts that share an account of one NATS server need one each.
	// Zero means "batchport".
	Prefix string

	// Source is the source attribute of the events, a URI reference. Zero
	// means "/batchport".
	Source string

	// MaxAge is how long the stream keeps an event. Zero means 7 days, as
	// long as the outbox remembers it.
	MaxAge time.Duration

	// Replicas is how many servers of a cluster keep each stream, 1 to 5. Zero
	// means 1.
	Replicas int

	// Consumers are durable pull consumers on the stream of events, for
	// subscribers who may not make their own. Each is called by its tenant's name, "_"
	// and 1 to 100 of a-z, A-Z, 0-9, '_' and '-', such as "acme_billing", and has all
	// events of that tenant. Those that are not there are made, within a minute;
	// those that are, are left as they are. Zero means none.
	Consumers []string

	// Pause is how long a ring waits to come again after work failed. It
	// doubles with each failure in a row, up to 32 times. Zero means a second.
	Pause time.Duration

	// RemakeAfter is how long rings get no answer, though the server answers,
	// before the stream of bells is deleted and made anew: in memory, it does not
	// survive the loss of most of the servers that keep it. Zero means 30 seconds.
	RemakeAfter time.Duration

	// Log gets what the bell mends by itself, such as a consumer that was
	// deleted. Zero means that nothing is logged.
	Log *slog.Logger
}

var prefixForm = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// withDefaults returns the settings in force. It fails with
// [domain.CodeInvalid] or [domain.CodeOutOfRange], naming the field.
func (c Config) withDefaults() (Config, error) {
	if c.Prefix == "" {
		c.Prefix = defaultPrefix
	}
	if c.Source == "" {
		c.Source = defaultSource
	}
	if c.MaxAge == 0 {
		c.MaxAge = defaultMaxAge
	}
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if c.Pause == 0 {
		c.Pause = defaultPause
	}
	if c.RemakeAfter == 0 {
		c.RemakeAfter = defaultRemake
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case !prefixForm.MatchString(c.Prefix):
		return c, domain.Fail(domain.NewFailure(domain.CodeInvalid, "prefix", c.Prefix, "form", prefixForm.String()))
	case c.MaxAge < time.Second:
		return c, domain.Fail(domain.NewFailure(domain.CodeOutOfRange, "max_age", c.MaxAge.String(), "min", "1s"))
	case c.Replicas < 1 || c.Replicas > 5:
		return c, domain.Fail(domain.NewFailure(domain.CodeOutOfRange, "replicas", fmt.Sprint(c.Replicas), "min", "1", "max", "5"))
	case c.Pause < 0:
		return c, domain.Fail(domain.NewFailure(domain.CodeOutOfRange, "pause", c.Pause.String(), "min", "0s"))
	}
	if c.RemakeAfter < 0 {
		return c, domain.Fail(domain.NewFailure(domain.CodeOutOfRange, "remake_after", c.RemakeAfter.String(), "min", "0s"))
	}
	for _, name := range c.Consumers {
		if _, ok := subscriber(name); !ok {
			return c, domain.Fail(domain.NewFailure(domain.CodeInvalid, "consumers", name, "form", "tenant_name"))
		}
	}
	return c, nil
}

// Names are what streams and subjects are called under one prefix.
type Names struct{ prefix string }

// NamesOf returns the names under a prefix, which has the form of
// [Config.Prefix]; "" means the default. It fails with [domain.CodeInvalid].
func NamesOf(prefix string) (Names, error) {
	config, err := Config{Prefix: prefix}.withDefaults()
	return Names{config.Prefix}, err
}

// EventStream is the name of the stream of events, such as "BATCHPORT_EVENTS".
func (n Names) EventStream() string { return strings.ToUpper(n.prefix) + "_EVENTS" }

// EventSubjects matches the subjects of all events of a tenant, such as
// "batchport.v1.acme.>"; with "*", of all tenants.
func (n Names) EventSubjects(tenant domain.TenantID) string {
	return n.prefix + ".v1." + string(tenant) + ".>"
}

// Internal is a subject beside those of the two streams, for what the
// embedded server and this package have to say to each other.
func (n Names) Internal(tokens string) string { return n.prefix + ".internal." + tokens }

func (n Names) event(event domain.Event) string {
	return n.prefix + ".v1." + string(event.Tenant) + "." + event.Topic
}

func (n Names) workStream() string { return strings.ToUpper(n.prefix) + "_WORK" }

func (n Names) work(kind domain.Kind) string { return n.prefix + ".work." + string(kind) }
