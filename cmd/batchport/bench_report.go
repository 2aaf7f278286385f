package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
)

// benchResult is what came of one measure.
type benchResult struct {
	Name     string       `json:"name"`
	Unit     string       `json:"unit"`
	Engine   float64      `json:"batchport"` // of the round whose ratio is the median
	Floor    float64      `json:"floor"`
	Ratio    float64      `json:"ratio"` // of the times
	Measures string       `json:"measures"`
	Beside   string       `json:"beside"` // what the floor does
	Rounds   []benchRound `json:"rounds,omitempty"`
}

// benchRound is one round, in the unit of its measure.
type benchRound struct {
	Engine float64 `json:"batchport"`
	Floor  float64 `json:"floor"`
}

// rateOf says how many of n a second there were, of the seconds that n took in
// each round.
func rateOf(name, unit string, n int, engines, floors []float64, measures, beside string) benchResult {
	if len(engines) == 0 {
		return benchResult{} // it broke off
	}
	rounds := make([]benchRound, len(engines))
	for i := range rounds {
		rounds[i] = benchRound{Engine: float64(n) / engines[i], Floor: float64(n) / floors[i]}
	}
	ordered := slices.SortedFunc(slices.Values(rounds), func(a, b benchRound) int { return cmp.Compare(a.ratio(), b.ratio()) })
	middle := ordered[len(ordered)/2]
	return benchResult{
		Name: name, Unit: unit, Engine: middle.Engine, Floor: middle.Floor, Ratio: middle.ratio(),
		Measures: measures, Beside: beside, Rounds: rounds,
	}
}

// ratio is that of the times, of rates.
func (r benchRound) ratio() float64 { return r.Floor / r.Engine }

// latencyOf says how many milliseconds so many percent of the jobs took at
// most.
func latencyOf(name string, percent int, engines, floors []float64, measures, beside string) benchResult {
	engine, floor := percentile(engines, percent), percentile(floors, percent)
	return benchResult{Name: name, Unit: "ms", Engine: engine, Floor: floor, Ratio: engine / floor, Measures: measures, Beside: beside}
}

func median(values []float64) float64 { return percentile(values, 50) }

func percentile(values []float64, percent int) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)*percent/100]
}

// benchReport is a whole measurement, for machines.
type benchReport struct {
	Version string        `json:"version"`
	System  string        `json:"database"`
	CPUs    int           `json:"cpus"`
	Rounds  int           `json:"rounds"`
	Quick   bool          `json:"quick"`
	Results []benchResult `json:"results"`
}

func newBenchReport(system string, size benchSize) benchReport {
	return benchReport{Version: version(), System: system, CPUs: runtime.GOMAXPROCS(0), Rounds: size.rounds, Quick: size == quickSize}
}

// print writes the report as JSON.
func (r benchReport) print(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(r)
}

// The table of a measurement, a line of it as soon as it is known.
const (
	benchHeader = "%-20s %11s %11s  %s"
	benchLine   = "%-20s %11s %11s %6.2f\n    %s,\n    beside %s"
	benchFooter = `
ratio: the time that it took over that of the floor, which is bare statements that
write the same on the same disk. The two took turns for %d rounds; shown is the one
whose ratio is the median. Near 1.00 only another disk or database is faster.`
)

// line is the result as people read it.
func (r benchResult) line() string {
	return fmt.Sprintf(benchLine, r.Name+", "+r.Unit, r.figure(r.Engine), r.figure(r.Floor), r.Ratio, r.Measures, r.Beside)
}

func (r benchResult) figure(value float64) string {
	if r.Unit == "ms" {
		return fmt.Sprintf("%.1f", value)
	}
	return thousands(int(value + 0.5))
}
