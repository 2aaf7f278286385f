package budgets_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
)

// columnsOfHost are the columns that the host of these tests knows.
var columnsOfHost = host{"type_id", "header_a", "charge_department", "project_x"}

// TestSyncsAreRowsOneByOne holds requests, and jobs with the same rows, to what
// becomes of the rows when they are done one by one ([model]): answers, and the
// table afterwards.
func TestSyncsAreRowsOneByOne(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) store{"memory": inMemory, "sqlite": onSQLite} {
		for _, known := range []host{nil, columnsOfHost} {
			t.Run(fmt.Sprintf("%s, %d columns", name, len(known)), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, options{
					store: open(t), host: known, config: budgets.Config{Unlimited: true},
					engine: engine.Config{ChunkSize: 3, Workers: 3},
				}).run(t)
				rapid.Check(t, func(rt *rapid.T) { checkSyncs(rt, f, known) })
			})
		}
	}
}

// checkSyncs makes some requests of one tenant, and the same ones as jobs of
// another.
func checkSyncs(t *rapid.T, f fixture, known host) {
	who, worker := somebody(), somebody()
	m := &model{known: known, rules: map[string]modelRule{}}
	for n := range rapid.IntRange(1, 3).Draw(t, "requests") {
		rows := rapid.SliceOfN(anyRow(known != nil), 0, 12).Draw(t, "rows")
		want := m.apply(rows)

		synced, err := f.budgets.Sync(t.Context(), who, valueOf(t, envelope(fmt.Sprint("b", n), "1636600092809", rows)))
		if err != nil {
			t.Fatalf("Sync(%s) = %v", rows, err)
		}
		a := synced.Answer
		got := modelAnswer{a.Created, a.Updated, saidAll(a.Faulty), saidAll(a.Refused), saidAll(a.Warnings)}
		compare(t, "the answer to a request", rows, want, got)
		compare(t, "the table after a request", rows, m.table(true), f.table(t, who, true))

		again, err := f.budgets.Sync(t.Context(), who, valueOf(t, envelope(fmt.Sprint("b", n), "1636600092810", rows)))
		if err != nil || !again.Repeated {
			t.Fatalf("Sync(%s) again = repeated %t, %v; want the stored answer", rows, again.Repeated, err)
		}
		compare(t, "the stored answer", rows, synced.Answer, again.Answer)
		compare(t, "the table after a repeated request", rows, m.table(true), f.table(t, who, true))

		if len(rows) == 0 {
			continue // no job
		}
		job := f.finish(t, worker, budgets.JobRequest{Body: valueOf(t, `{"data":[`+strings.Join(rows, ",")+`]}`)})
		compare(t, "the end of a job", rows, want.byRow(), f.endOf(t, worker, job).byRow())
		compare(t, "the table after a job", rows, m.table(false), f.table(t, worker, false))
	}
}

// TestManyRowsAreRowsOneByOne does the same with more rows than are stored at
// once.
func TestManyRowsAreRowsOneByOne(t *testing.T) {
	t.Parallel()
	rows := make([]string, 700)
	for i := range rows {
		// Some codes come once, some twice, and some very often.
		rows[i] = strings.Replace(anyRow(true).Example(i), `"code":"A"`, fmt.Sprintf(`"code":"A%d"`, i*7%500), 1)
		rows[i] = strings.Replace(rows[i], `"code":"B"`, fmt.Sprintf(`"code":"B%d"`, i%40), 1)
	}
	for name, open := range map[string]func(*testing.T) store{"memory": inMemory, "sqlite": onSQLite} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, options{
				store: open(t), host: columnsOfHost, config: budgets.Config{Unlimited: true},
				engine: engine.Config{ChunkSize: 150, Workers: 3},
			}).run(t)
			who, worker := somebody(), somebody()
			m := &model{known: columnsOfHost, rules: map[string]modelRule{}}
			for n := range 2 { // most are new, then all are there
				want := m.apply(rows)
				if min(want.created+want.updated, len(want.faulty), len(want.refused), len(want.warnings)) < 20 {
					t.Fatalf("the rows come to %d, %d and %d notes and %d stored, want many of each", len(want.faulty), len(want.refused), len(want.warnings), want.created+want.updated)
				}
				synced, err := f.budgets.Sync(t.Context(), who, valueOf(t, envelope(fmt.Sprint("b", n), "1636600092809", rows)))
				if err != nil {
					t.Fatalf("Sync() = %v", err)
				}
				a := synced.Answer
				compare(t, "the answer to a request", nil, want, modelAnswer{a.Created, a.Updated, saidAll(a.Faulty), saidAll(a.Refused), saidAll(a.Warnings)})
				compare(t, "the table after a request", nil, m.table(true), f.table(t, who, true))
				job := f.finish(t, worker, budgets.JobRequest{Body: valueOf(t, `{"data":[`+strings.Join(rows, ",")+`]}`)})
				compare(t, "the end of a job", nil, want.byRow(), f.endOf(t, worker, job).byRow())
				compare(t, "the table after a job", nil, m.table(false), f.table(t, worker, false))
			}
		})
	}
}

func compare[T any](t failing, what string, rows []string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(modelAnswer{}), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s\nof %s\ndiffers (-want +got):\n%s", what, strings.Join(rows, "\n   "), diff)
	}
}

// endOf is what a job says of its rows, as the answer to a request does.
func (f fixture) endOf(t failing, who domain.Principal, job *domain.BatchJob) (a modelAnswer) {
	t.Helper()
	r := job.Report()
	a.created, a.updated = r.Created, r.Updated
	failures, err := f.engine.Failures(context.Background(), who, job.ID(), -1, 1000)
	if err != nil {
		t.Fatalf("Failures: %v", err)
	}
	warnings, err := f.engine.Warnings(context.Background(), who, job.ID(), -1, 1000)
	if err != nil {
		t.Fatalf("Warnings: %v", err)
	}
	if job.State() != domain.JobCompleted || r.Failed != len(failures) || r.Created+r.Updated+r.Failed != r.Total {
		t.Fatalf("the job is %s with %+v and %d failures, want it completed and every row counted", job.State(), r, len(failures))
	}
	rows, err := f.rowsOf(job)
	if err != nil {
		t.Fatalf("EachChunk: %v", err)
	}
	for _, item := range failures {
		list := &a.faulty
		if item.Failure.Code == domain.CodeRejected {
			list = &a.refused
		}
		*list = append(*list, saidOf(t, item, rows[item.Index])...)
	}
	for _, item := range warnings {
		a.warnings = append(a.warnings, saidOf(t, item, rows[item.Index])...)
	}
	return a
}

// saidOf are the notes about an item of a job, the row sent, whose key is the
// rule's code as it was sent, or nothing.
func saidOf(t failing, item domain.ItemFailure, sent string) (all []string) {
	t.Helper()
	v, err := readAll(sent)
	if err != nil {
		t.Fatalf("a row of the job is %s: %v", sent, err)
	}
	row, _ := v.(object)
	var code *string
	key, isText := row.get("code").(string)
	if isText {
		code = &key
	}
	if item.Key != key {
		t.Fatalf("row %s of the job has the key %q", sent, item.Key)
	}
	first := item.Failure
	first.Also = nil
	for _, f := range append([]domain.Failure{first}, item.Failure.Also...) {
		all = append(all, said(item.Index, code, f))
	}
	return all
}

// anyRow draws rows of a few codes, most of them good, with faults of every
// kind.
func anyRow(hosted bool) *rapid.Generator[string] {
	codes := []string{`"A"`, `"B"`, `"C"`, `"a"`, `"A "`, `"預算"`, `"a/b"`}
	bad := map[string][]string{
		"code":                {"", "null", `""`, `"  "`, "5", "[]", long("x", 65), long("規", 22)},
		"priority":            {"", "null", `""`, "-1", "10000", `"10000"`, "1.0", "1e2", `"x"`, `"-1"`, `" 1"`, "true", "{}", "99999999999999999999", "-99999999999999999999"},
		"budget_code":         {"", "null", `" "`, "66000", long("x", 65), long("預", 22)},
		"rule_condition":      {"", "null", "{}", "[]", `""`, `"[]"`, `"{}"`, `"x"`, `"null"`, `"{\"a\":1"`, `"{\"a\":1,\"a\":2}"`, `"{\"a\":1} "`, `[{"a":1}]`, "7", "true"},
		"rule_condition_json": {`{"a":1}`, "5"},
		"branch_code":         {"1", long("x", 65), long("分", 22), "[]"},
		"budget_event":        {"false", long("x", 65), "{}"},
		"deleted_flag":        {`""`, `"y"`, `"YN"`, "1", "true", "[]"},
	}
	good := map[string][]string{
		"code":                codes,
		"priority":            {"0", "1", "9999", `"0"`, `"0042"`, `"9999"`, "-0"},
		"budget_code":         {`"66000"`, `"66001"`, long("x", 64), long("預", 21)},
		"rule_condition_json": {"", "null", `""`},
		"branch_code":         {"", "null", `""`, `"D1"`, long("分", 21)},
		"budget_event":        {"", `"CEM"`, `" "`},
		"deleted_flag":        {"", "null", `"Y"`, `"N"`},
	}
	if hosted {
		good["budget_code"] = append(good["budget_code"], strconv.Quote(unknownBudget))
	}
	good["branch_code"] = append(good["branch_code"], strconv.Quote(refusedBranch))
	fields := slices.Sorted(maps.Keys(good))
	fields = append(fields, "rule_condition")
	return rapid.Custom(func(t *rapid.T) string {
		if oneOf(t, 40, "no row") {
			return rapid.SampledFrom([]string{"null", "5", `"A"`, "[]", `[{"code":"A"}]`, "true", "{}"}).Draw(t, "row")
		}
		var members []string
		add := func(name, value string) {
			if value != "" {
				members = append(members, strconv.Quote(name)+":"+value)
			}
		}
		for _, field := range fields {
			switch {
			case oneOf(t, 16, "bad "+field):
				add(field, rapid.SampledFrom(bad[field]).Draw(t, field))
			case field == "rule_condition":
				condition := anyCondition().Draw(t, field)
				if oneOf(t, 4, "as text") {
					condition = strconv.Quote(condition)
				}
				if oneOf(t, 4, "by its other name") {
					field = "rule_condition_json"
					members = slices.DeleteFunc(members, func(m string) bool { return strings.HasPrefix(m, `"rule_condition_json"`) })
				}
				add(field, condition)
			default:
				add(field, rapid.SampledFrom(good[field]).Draw(t, field))
			}
		}
		if oneOf(t, 5, "other field") {
			add(rapid.SampledFrom([]string{"colour", "Code", "規則", "priority "}).Draw(t, "name"), rapid.SampledFrom([]string{"1", "null", `{"a":[]}`}).Draw(t, "other"))
		}
		return "{" + strings.Join(rapid.Permutation(members).Draw(t, "members"), ",") + "}"
	})
}

// anyCondition draws conditions of columns that a host knows and others.
func anyCondition() *rapid.Generator[string] {
	names := []string{"type_id", "header_a", "charge_department", "project_x", "a", "Z_9", "header_", "x" + strings.Repeat("y", 63)}
	values := []string{`"T026"`, `""`, "1", "-2.50", "1e3", "true", "false", long("費", 21), long("x", 64), "1" + strings.Repeat("0", 63)}
	bad := []string{"null", "{}", `{"a":1}`, "[]", "[[1]]", "[1,null]", long("x", 65), long("費", 22), "1" + strings.Repeat("0", 64)}
	return rapid.Custom(func(t *rapid.T) string {
		var members []string
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, rapid.ID[string]).Draw(t, "columns") {
			value := rapid.SampledFrom(values).Draw(t, "value")
			switch {
			case oneOf(t, 16, "bad value"):
				value = rapid.SampledFrom(bad).Draw(t, "value")
			case oneOf(t, 4, "list"):
				value = "[" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(values), 1, 3).Draw(t, "values"), ",") + "]"
			}
			if oneOf(t, 16, "bad name") {
				name = rapid.SampledFrom([]string{"1a", "", "a-b", "費用", "a b"}).Draw(t, "name")
				if slices.ContainsFunc(members, func(m string) bool { return strings.HasPrefix(m, strconv.Quote(name)+":") }) {
					continue
				}
			}
			members = append(members, strconv.Quote(name)+":"+value)
		}
		return "{" + strings.Join(members, ",") + "}"
	})
}

// oneOf is true once in n times.
func oneOf(t *rapid.T, n int, what string) bool { return rapid.IntRange(1, n).Draw(t, what) == n }

// long is a JSON string of so many characters.
func long(character string, n int) string { return `"` + strings.Repeat(character, n) + `"` }
