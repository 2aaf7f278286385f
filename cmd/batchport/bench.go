package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"

	"github.com/spf13/cobra"
)

const (
	// benchRoom is what a measurement takes of the disk at most, and as much
	// again: 81 MiB were measured with SQLite, and 34 MiB of a quick one.
	benchRoom, benchQuickRoom = 256 << 20, 128 << 20
)

func newBench() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this installation, beside the least that its database allows",
		Long: `Measure how fast jobs run on this machine with this database, each beside its
floor: the bare statements that write the same, measured in the same run, in
turn. Where the ratio is near 1, only another disk or database makes it faster.

It works on made-up data in a place of its own, which it removes at the end, also
after Ctrl-C: the folder "bench" in the data folder, which need not exist yet,
and, with --database, schemas called batchport_bench_… there, for which the role
needs CREATE on the database. Nothing else is read or written. HTTP and NATS are
not measured. It takes all of the disk and of the processor while it runs, about
a minute, or ten seconds with --quick: a server beside it will notice.`,
		Example: "  batchport bench --data /var/lib/batchport",
		Args:    exactly(),
	}
	at := addLocationFlags(cmd)
	quick := cmd.Flags().Bool("quick", false, "do less, in ten seconds")
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		size, room := fullSize, int64(benchRoom)
		if *quick {
			size, room = quickSize, benchQuickRoom
		}
		b := bench{at: *at, size: size, room: room, json: *asJSON, out: cmd.OutOrStdout(), screen: newScreen(cmd.OutOrStdout())}
		if b.json {
			b.screen = newScreen(cmd.ErrOrStderr()) // so that the output is JSON alone
		}
		return b.run(cmd.Context())
	}
	return cmd
}

// bench is one call of the command.
type bench struct {
	at     location
	size   benchSize
	room   int64 // bytes that it needs
	json   bool
	out    io.Writer
	screen *screen
}

func (b *bench) run(ctx context.Context) (err error) {
	made, err := b.makeData()
	if err != nil {
		return err
	}
	if made {
		defer func() { err = errors.Join(err, os.Remove(b.at.data)) }()
	}
	free, known, err := freeBytes(b.at.data)
	if err != nil {
		return fmt.Errorf("see how much room there is in %s: %w", absolute(b.at.data), err)
	}
	if known && free < b.room {
		return fmt.Errorf("a measurement needs %s in %s, and %s are free", megabytes(b.room), absolute(b.at.data), megabytes(free))
	}
	place, err := openBenchPlace(ctx, b.at)
	if err != nil {
		return err
	}
	b.announce(place)
	err = b.measure(ctx, place)
	if err != nil && ctx.Err() != nil {
		err = errors.New("interrupted") // what it broke off tells nobody anything
	}
	return errors.Join(err, place.close())
}

// makeData makes the data folder when there is none, and reports whether it
// has.
func (b *bench) makeData() (made bool, err error) {
	if _, err := os.Stat(b.at.data); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err := os.Mkdir(b.at.data, 0o700); err != nil {
		return false, fmt.Errorf("make the data folder: %w", err)
	}
	return true, nil
}

// announce says what will be done.
func (b *bench) announce(place *benchPlace) {
	b.screen.say("Measuring %s on %d processors, in %s.", place.system, runtime.GOMAXPROCS(0), absolute(place.folder))
	if b.at.database != "" {
		b.screen.say("The tables are in the schemas %sengine and %sfloor, which take up to %s of the server's disk.",
			benchSchema, benchSchema, megabytes(b.room))
	} else {
		b.screen.say("It takes up to %s there.", megabytes(b.room))
	}
	b.screen.say("All of it is removed at the end, also after Ctrl-C. Your own data is neither read nor written.\n")
}

func (b *bench) measure(ctx context.Context, place *benchPlace) (err error) {
	engine, err := startBenchEngine(ctx, place.engine, place.folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.close()) }()
	m := &measuring{size: b.size, place: place, engine: engine}
	if err := m.prepare(ctx); err != nil {
		return fmt.Errorf("make up estates to work on: %w", err)
	}
	b.screen.say(benchHeader, "", "batchport", "floor", "ratio")
	report := newBenchReport(place.system, b.size)
	if err := m.measure(ctx, func(r benchResult) {
		report.Results = append(report.Results, r)
		b.screen.say("%s", r.line())
	}); err != nil {
		return err
	}
	if b.json {
		return report.print(b.out)
	}
	b.screen.say(benchFooter, b.size.rounds)
	return nil
}

// megabytes is a number of bytes as people read it.
func megabytes(n int64) string { return thousands(int(n>>20)) + " MiB" }
