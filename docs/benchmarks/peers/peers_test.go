package peers

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/batchport/batchport/adapters/bunstore/postgres/postgrestest"
)

var (
	items  = flag.Int("items", 4_000, "accounts that each contender closes")
	small  = flag.Int("small", 200, "accounts that are asked for one at a time")
	rounds = flag.Int("rounds", 1, "how often each does it")
	kills  = flag.Int("kills", 0, "how often each is killed half way; those that then wait for a timeout take a minute or two")
	only   = flag.String("only", "", "contenders whose names hold this, alone")
)

func TestMain(m *testing.M) {
	if isChild, err := runChild(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	} else if isChild {
		return
	}
	os.Exit(m.Run())
}

// TestPeers has the contenders take turns, round by round, and prints the
// medians.
func TestPeers(t *testing.T) {
	speeds, singles := make([][]speed, len(contenders)), make([][]speed, len(contenders))
	recoveries := make([][]recovery, len(contenders))
	for round := range *rounds {
		for i, c := range contenders {
			if !strings.Contains(c.name, *only) {
				continue
			}
			t.Run(fmt.Sprintf("%s/round %d", c.name, round), func(t *testing.T) {
				s, err := open(t, i, *items).measureSpeed(t.Context(), false)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%.0f items/s, %d commits", float64(*items)/s.seconds, s.commits)
				speeds[i] = append(speeds[i], s)
			})
			if !c.small {
				continue
			}
			t.Run(fmt.Sprintf("%s/small jobs %d", c.name, round), func(t *testing.T) {
				s, err := open(t, i, *small).measureSpeed(t.Context(), true)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%.0f jobs/s, %d commits", float64(*small)/s.seconds, s.commits)
				singles[i] = append(singles[i], s)
			})
		}
	}
	for kill := range *kills {
		for i, c := range contenders {
			if !strings.Contains(c.name, *only) {
				continue
			}
			t.Run(fmt.Sprintf("%s/kill %d", c.name, kill), func(t *testing.T) {
				v, err := open(t, i, *items).measureRecovery(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("first effect after %.1f s, all done after %.1f s, %d repeated, %d missing", v.first, v.whole, v.repeated, v.missing)
				if v.missing > 0 {
					t.Errorf("%d accounts were never closed", v.missing)
				}
				recoveries[i] = append(recoveries[i], v)
			})
		}
	}
	t.Log("\n" + table(speeds, singles, recoveries))
}

// open returns a contender on a schema of its own.
func open(t *testing.T, index, n int) *run {
	t.Helper()
	r, err := newRun(t.Context(), index, postgrestest.URL(t), n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	return r
}

// table is what came of it all, in medians.
func table(speeds, singles [][]speed, recoveries [][]recovery) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 1, ' ', tabwriter.Debug)
	fmt.Fprintln(w, "contender\titems/s\tcommits\tsmall jobs/s\tfirst effect\tall done\trepeated\t")
	for i, c := range contenders {
		seconds := func(s speed) float64 { return s.seconds }
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", c.name,
			cell(speeds[i], func(s speed) float64 { return float64(*items) / seconds(s) }, "%.0f"),
			cell(speeds[i], func(s speed) float64 { return float64(s.commits) }, "%.0f"),
			cell(singles[i], func(s speed) float64 { return float64(*small) / seconds(s) }, "%.0f"),
			cell(recoveries[i], func(v recovery) float64 { return v.first }, "%.1f s"),
			cell(recoveries[i], func(v recovery) float64 { return v.whole }, "%.1f s"),
			cell(recoveries[i], func(v recovery) float64 { return float64(v.repeated) }, "%.0f"))
	}
	_ = w.Flush() // a strings.Builder takes everything
	return text.String()
}

// cell is the median of a figure, or nothing when there is none.
func cell[T any](of []T, figure func(T) float64, format string) string {
	if len(of) == 0 {
		return ""
	}
	var all []float64
	for _, one := range of {
		all = append(all, figure(one))
	}
	return fmt.Sprintf(format, slices.Sorted(slices.Values(all))[len(all)/2])
}
