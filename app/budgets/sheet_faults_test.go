package budgets_test

import (
	"slices"
	"testing"

	"github.com/batchport/batchport/app/budgets"
)

// TestFailedRowsKeepTheirCondition sends the condition by its other name beside
// an empty one.
func TestFailedRowsKeepTheirCondition(t *testing.T) {
	t.Parallel()
	f, who := newFixture(t, options{config: budgets.Config{Unlimited: true}}).run(t), somebody()
	job := f.finish(t, who, budgets.JobRequest{Body: valueOf(t, `{"data":[
		{"code":"R","priority":-1,"budget_code":"B","rule_condition":"","rule_condition_json":{"a":1}}
	]}`)})
	if rows := readBook(t, f.failedBook(t, job, "en_US")); rows[1][3] != `{"a":1}` {
		t.Errorf("the failed row is %q, want its condition", rows[1])
	}
}

// TestBrokenFormulasStayBroken sends the failed rows as they are: what formulas
// came to is text there, and still no value.
func TestBrokenFormulasStayBroken(t *testing.T) {
	t.Parallel()
	in := importBook(t, options{}, fieldNames,
		cells("#N/A", "1", "#REF!", `{"a":1}`, "#NAME?", "#VALUE!", ""), cells("R3", "1", "B", `{"a":1}`, "#DIV/0!"))
	f, who := newFixture(t, options{config: budgets.Config{Unlimited: true}}).run(t), somebody()
	job := f.send(t, who, string(in.failedBook(t, in.job, "en_US")))
	if r := job.Report(); r.Failed != 2 {
		t.Errorf("sent as they are, the failed rows end as %+v and leave %q, want both failed", r, f.table(t, who, true))
	}
}

// TestHeadersOfOneTitle has one title over all columns.
func TestHeadersOfOneTitle(t *testing.T) {
	t.Parallel()
	in := importBook(t, options{}, cells(slices.Repeat([]string{"code"}, 16_384)...))
	if n := len(in.job.Cause().Also); n > 1_010 {
		t.Errorf("the job ends with %d failures (%s …), want no more than anybody reads", n+1, in.job.Cause().String())
	}
}
