package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// faultResult is a line of the table of faults.
type faultResult struct {
	Fault          string
	Store          faultStore
	Runs           int
	Lost, Repeated int
	Worst          time.Duration // from a fault to the end of the work; 0 where nobody waits for it
}

var tellingFaults sync.Mutex

// tellFaults prints a table of what came of faults. With BATCHPORT_TORTURE_TABLE
// it adds the lines to that file, and prints the table of all that are in it.
func tellFaults(t *testing.T, results ...faultResult) {
	t.Helper()
	tellingFaults.Lock()
	defer tellingFaults.Unlock()
	if path := os.Getenv("BATCHPORT_TORTURE_TABLE"); path != "" {
		var err error
		if results, err = addResults(path, results); err != nil {
			t.Error(err)
		}
	}
	t.Log("\n" + faultTable(results))
}

// addResults adds lines to a file, and returns all that it has.
func addResults(path string, results []faultResult) (all []faultResult, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return results, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for _, r := range results {
		if err := json.NewEncoder(file).Encode(r); err != nil {
			return results, err
		}
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return results, err
	}
	for lines := json.NewDecoder(file); ; {
		var r faultResult
		switch err := lines.Decode(&r); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return all, err
		}
		all = append(all, r)
	}
}

func faultTable(results []faultResult) string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "fault\tstore\truns\tlost\trepeated\tworst time from fault to end")
	for _, r := range results {
		worst := "-"
		if r.Worst > 0 {
			worst = fmt.Sprintf("%.1f s", r.Worst.Seconds())
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%s\n", r.Fault, r.Store, r.Runs, r.Lost, r.Repeated, worst)
	}
	_ = table.Flush()
	return text.String()
}
