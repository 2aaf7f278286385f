package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/batchport/batchport/domain"
)

// natsPatience is how long a NATS server may take to answer.
const natsPatience = 10 * time.Second

// eventsTail is a look at the events of a tenant as they happen.
type eventsTail struct {
	bus         busConfig
	tenant      string
	key         keyFlags
	kinds       []string
	json, quiet bool
}

func newEvents(environ environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Read the events of a tenant",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newEventsTail(environ))
	return cmd
}

func newEventsTail(environ environment) *cobra.Command {
	t := &eventsTail{}
	cmd := &cobra.Command{
		Use:   "tail --tenant T",
		Short: "Print the events of a tenant as they happen",
		Long: `Print the events of a tenant from now on, a line each, until Ctrl-C. Subscribers
that must not miss any read from a consumer: see docs/events.md.

--nats is the address that "batchport serve --nats-listen" has, with the key that
HTTP takes; or a NATS server of your own, with the credentials of the tenant's
user there.`,
		Example:           "  batchport events tail --tenant demo --nats nats://127.0.0.1:4222",
		Args:              exactly(),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := cmd.Flags()
	flags.StringVar(&t.tenant, "tenant", "", "tenant whose events are wanted")
	t.key.add(flags)
	flags.Var(&listFlag{form: "kinds", set: t.addKind}, "kind", "only events of jobs of these kinds, with commas between")
	flags.BoolVar(&t.json, "json", false, "print each event as it came, a JSON document a line")
	flags.BoolVar(&t.quiet, "quiet", false, "print nothing but events")
	addLinkFlags(cmd, &t.bus, "nats://127.0.0.1:4222", "")
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(jobKinds(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		tenant, err := parseTenant(t.tenant)
		if err != nil {
			return usage(err)
		}
		return t.run(cmd.Context(), tenant, newPaper(cmd.OutOrStdout(), environ), newPaper(cmd.ErrOrStderr(), environ))
	}
	return cmd
}

func (t *eventsTail) addKind(word string) error {
	kind, err := kindOf(word)
	t.kinds = append(t.kinds, kind)
	return err
}

// run prints events until ctx ends or the server lets this subscriber in no
// more.
func (t *eventsTail) run(ctx context.Context, tenant domain.TenantID, out, notes *paper) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	options, err := t.options(tenant)
	if err != nil {
		return err
	}
	say := func(format string, args ...any) {
		if !t.quiet {
			notes.line(format, args...)
		}
	}
	conn, err := nats.Connect(t.bus.servers, append(options,
		nats.DisconnectErrHandler(func(*nats.Conn, error) { say("the connection is lost; trying again until it is not") }),
		nats.ReconnectHandler(func(*nats.Conn) { say("connected again; what happened meanwhile is not shown") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			switch {
			case errors.Is(err, nats.ErrPermissionViolation):
				stop(err)
			case errors.Is(err, nats.ErrSlowConsumer): // told once, until it has caught up
				say("events come faster than they are printed; some are not shown")
			}
		}),
		nats.ClosedHandler(func(conn *nats.Conn) { stop(conn.LastError()) }),
	)...)
	if err != nil {
		return t.refusal(err)
	}
	defer conn.Close()
	subject := "batchport.v1." + string(tenant) + ".>"
	messages := make(chan *nats.Msg, 4096)
	if _, err := conn.ChanSubscribe(subject, messages); err != nil {
		return err
	}
	if err := conn.FlushTimeout(natsPatience); err != nil {
		return t.refusal(err)
	}
	say("listening to %s at %s, until Ctrl-C", subject, conn.ConnectedUrlRedacted())
	for {
		select {
		case <-ctx.Done():
			if why := context.Cause(ctx); !errors.Is(why, context.Canceled) {
				return t.refusal(why)
			}
			return nil
		case msg := <-messages:
			if err := t.print(out, msg.Data); err != nil {
				return err
			}
		}
	}
}

func (t *eventsTail) options(tenant domain.TenantID) ([]nats.Option, error) {
	options := []nats.Option{nats.Name("batchport events tail"), nats.MaxReconnects(-1)}
	if t.key.given() {
		key, err := t.key.read()
		if err != nil {
			return nil, err
		}
		options = append(options, nats.UserInfo(string(tenant), key))
	}
	if t.bus.credentials != "" {
		options = append(options, nats.UserCredentials(t.bus.credentials))
	}
	if t.bus.ca != "" {
		options = append(options, nats.RootCAs(t.bus.ca))
	}
	if t.bus.certificate != "" || t.bus.key != "" {
		options = append(options, nats.ClientCert(t.bus.certificate, t.bus.key))
	}
	return options, nil
}

// refusal says what to do about a server that does not let this subscriber in,
// or is not there.
func (t *eventsTail) refusal(err error) error {
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		errors.Is(err, nats.ErrPermissionViolation):
		return &commandError{exitNotAllowed, fmt.Errorf("NATS does not let this subscriber in: %w; it takes a key of the tenant (BATCHPORT_KEY), or --nats-creds", err)}
	case errors.Is(err, nats.ErrNoServers):
		return fmt.Errorf("cannot reach %s: nobody answers; start the server with --nats-listen, or name another with --nats or BATCHPORT_NATS", shownServers(t.bus.servers))
	}
	return fmt.Errorf("%s: %w", shownServers(t.bus.servers), err)
}

// shownServers leaves out what stands in front of the hosts: it may be secret.
func shownServers(servers string) string {
	list := strings.Split(servers, ",")
	for i, one := range list {
		if at := strings.LastIndexByte(one, '@'); at >= 0 {
			scheme, _, _ := strings.Cut(one, "://")
			list[i] = scheme + "://" + one[at+1:]
		}
	}
	return strings.Join(list, ",")
}

// tailedEvent is what a line about an event is made of.
type tailedEvent struct {
	Type    string    `json:"type"`
	Subject string    `json:"subject"`
	Time    time.Time `json:"time"`
	Data    struct {
		Kind    string      `json:"kind"`
		User    string      `json:"user"`
		Report  *itemCounts `json:"report"`
		Failure *struct {
			Code string `json:"code"`
		} `json:"failure"`
		File *struct {
			Name string `json:"name"`
			Size int64  `json:"size"`
		} `json:"file"`
		Total, Created, Updated, Failed int
	} `json:"data"`
}

func (t *eventsTail) print(out *paper, text []byte) error {
	var e tailedEvent
	if err := json.Unmarshal(text, &e); err != nil {
		return nil // of somebody else's making
	}
	if len(t.kinds) > 0 && !slices.Contains(t.kinds, e.Data.Kind) {
		return nil
	}
	line := string(text)
	if !t.json {
		line = e.line()
	}
	_, err := fmt.Fprintln(out.w, line)
	return err
}

// line is what happened, in a line.
func (e *tailedEvent) line() string {
	said := []string{e.Time.Local().Format("15:04:05"), strings.TrimPrefix(e.Type, "batchport.")}
	if e.Data.Kind != "" {
		said = append(said, e.Data.Kind)
	}
	said = append(said, e.Subject)
	if e.Data.User != "" {
		said = append(said, "by "+e.Data.User)
	}
	switch {
	case e.Data.Report == nil: // of budget rules
		said = append(said, itemCounts{Total: e.Data.Total, Created: e.Data.Created, Updated: e.Data.Updated, Failed: e.Data.Failed}.String())
	case e.Data.Report.Total > 0:
		said = append(said, e.Data.Report.String())
	}
	if e.Data.Failure != nil {
		said = append(said, e.Data.Failure.Code)
	}
	if e.Data.File != nil {
		said = append(said, e.Data.File.Name)
	}
	return strings.Join(said, "  ")
}
