package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// TestDryRunsAgree tries made-up jobs of every kind that changes something, good
// and bad ones, and then runs them: what was foretold comes, item by item, and
// trying has changed nothing. All or nothing is tried and run too.
func TestDryRunsAgree(t *testing.T) {
	t.Parallel()
	for name, on := range map[string]func(t *testing.T) *agreeing{
		"SQLite": func(t *testing.T) *agreeing {
			write, read := openSQLite(t)
			return newAgreeing(t, write, read, sqliteTrigger, 1_000)
		},
		"PostgreSQL": func(t *testing.T) *agreeing {
			write, read := openPostgres(t)
			return newAgreeing(t, write, read, postgresTrigger, 1_000)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, r := on(t), rand.New(rand.NewPCG(7, 7))
			fates := domain.Report{}
			for range 60 {
				work, ok := a.madeUpChange(r)
				if !ok {
					continue
				}
				work.options.AllOrNothing = !work.budget && r.IntN(4) == 0
				before := a.effects()
				dry := work
				dry.options.ValidateOnly = true
				foretold, _ := a.outcome(dry)
				if d := cmp.Diff(before, a.effects()); d != "" {
					t.Fatalf("%s\nwas only tried and changed:\n%s", work, d)
				}
				came, report := a.outcome(work)
				if d := cmp.Diff(foretold, came); d != "" {
					t.Fatalf("%s\nends otherwise (+) than was foretold (-):\n%s", work, d)
				}
				fates.Created += report.Created
				fates.Updated += report.Updated
				fates.Unchanged += report.Unchanged
				fates.Failed += report.Failed
				fates.Skipped += report.Skipped
			}
			if fates.Created == 0 || fates.Updated == 0 || fates.Unchanged == 0 || fates.Failed == 0 || fates.Skipped == 0 {
				t.Errorf("the items ended as %+v in all: some fate was never tried", fates)
			}
		})
	}
}

// madeUpChange makes up a job that changes something. Those of rules have more
// rows than are tried in one transaction, unless the database refuses some.
func (a *agreeing) madeUpChange(r *rand.Rand) (w work, ok bool) {
	switch r.IntN(4) {
	case 0:
		rules := crowdedRules(r)
		if r.IntN(2) == 0 {
			rules = strings.ReplaceAll(madeUpRules(r, 300), `"refused"`, `"B"`)
		}
		return work{budget: true, body: fmt.Sprintf(`{"data":%s}`, rules)}, true
	case 1:
		return work{body: fmt.Sprintf(`{"job_name":"estate_import_monthly_statement","date":"202611","publicUrl":%q}`, a.madeUpStatement(r))}, true
	case 2:
		w = work{body: madeUpNamed(r)}
	default:
		w = madeUpSearch(r)
	}
	return w, !strings.Contains(w.body, "_export")
}

// crowdedRules returns as many rows as are tried in one transaction, of a few
// codes, each of which the database may refuse.
func crowdedRules(r *rand.Rand) string {
	rows := make([]string, 120)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"code":"C%d","priority":1,"rule_condition":{"a":1},"budget_code":%q}`,
			r.IntN(1000)/(1+r.IntN(200)), []string{"refused", "B"}[r.IntN(2)])
	}
	return "[" + strings.Join(rows, ",") + "]"
}

// ownUpload reads the URLs that [agreeing.madeUpStatement] returns.
func ownUpload(url string) (string, bool) { return strings.CutPrefix(url, "upload:") }

// madeUpStatement uploads a workbook of statement lines, some of them wrong, and
// returns where it is.
func (a *agreeing) madeUpStatement(r *rand.Rand) string {
	a.t.Helper()
	upload, err := a.node.uploads.Write(a.t.Context(), demoTenant, "ann", "十一月.xlsx", func(w io.Writer) error {
		columns := []ports.Column{{Title: "estate_id"}, {Title: "item"}, {Title: "amount"}, {Title: "note"}}
		book, err := (xlsxfile.Workbooks{}).NewWorkbook(w, "s", columns)
		if err != nil {
			return err
		}
		for range 1 + r.IntN(150) {
			row := []string{
				fmt.Sprint(firstEstate + r.IntN(agreeingEstates+10)), awkward[r.IntN(len(awkward))],
				[]string{"1250.50", "-3", "0", "x", ""}[r.IntN(5)], awkward[r.IntN(len(awkward))],
			}
			cells := make([]ports.Cell, len(row))
			for i, text := range row {
				cells[i] = ports.Cell{Kind: ports.CellText, Text: text}
			}
			if err := book.WriteRow(cells); err != nil {
				return err
			}
		}
		return book.Close()
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return "upload:" + upload.ID
}

// outcome does the work to its end, and says what became of its items, apart
// from which job it was.
func (a *agreeing) outcome(w work) (said []string, report domain.Report) {
	a.t.Helper()
	all := a.do(w)
	var s domain.JobSnapshot
	if err := json.Unmarshal([]byte(all[0]), &s); err != nil {
		return all, report // it was refused
	}
	if s.Options != w.options {
		a.t.Errorf("job %s has the options %+v, want %+v", s.ID, s.Options, w.options)
	}
	return append([]string{fmt.Sprintf("%s %+v %v", s.State, s.Report, s.Cause)}, all[1:]...), s.Report
}

// effects returns the rows of all tables that jobs of these kinds change.
func (a *agreeing) effects() map[string][]string {
	all := map[string][]string{}
	for _, table := range []string{"estates", "grants", "statement_lines", "contracts", "budget_rules"} {
		all[table] = a.rows(table, nil)
	}
	return all
}
