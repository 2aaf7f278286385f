package budgets_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/app/uploads"
	"github.com/batchport/batchport/domain"
)

const (
	mostOfRow    = 1_000  // things that are said about one row
	mostOfAnswer = 20_000 // beyond which each row has its first alone
)

// members are n members of an object, by names that begin with the prefix.
func members(prefix string, n int, value string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(`"%s%d":%s`, prefix, i, value)
	}
	return strings.Join(parts, ",")
}

// goodRowWith is a good row with more members.
func goodRowWith(code, more string) string {
	return fmt.Sprintf(`{"code":%q,"priority":1,"budget_code":"B","rule_condition":{"a":1},%s}`, code, more)
}

// TestVeryManyNotes sends rows of which more can be said than is.
func TestVeryManyNotes(t *testing.T) {
	t.Parallel()
	badValues := func(code string, n int) string {
		return fmt.Sprintf(`{"code":%q,"priority":1,"budget_code":"B","rule_condition":{%s}}`, code, members("c", n, "null"))
	}
	for _, c := range []struct {
		name             string
		rows             []string
		faulty, warnings []int // notes of each row
	}{
		{"many ignored fields", []string{goodRowWith("R", members("x", mostOfRow-1, "1"))}, []int{0}, []int{mostOfRow - 1}},
		{"more ignored fields than are named", []string{goodRowWith("R", members("x", mostOfRow+500, "1"))}, []int{0}, []int{mostOfRow}},
		{"more columns than are named", []string{
			fmt.Sprintf(`{"code":"R","priority":1,"budget_code":"B","rule_condition":{%s}}`, members("c", mostOfRow+500, "1")),
		}, []int{0}, []int{mostOfRow}},
		{"more faults than are named", []string{badValues("R", mostOfRow+500)}, []int{mostOfRow}, []int{0}},
		{"one row after another", []string{badValues("A", 900), badValues("B", 2), goodRowWith("C", `"x":1,"y":1`)}, []int{900, 2, 0}, []int{0, 0, 2}},
	} {
		f, who := newFixture(t, options{host: host{"a"}, config: budgets.Config{Unlimited: true}}).run(t), somebody()
		synced, err := f.budgets.Sync(t.Context(), who, valueOf(t, envelope("b", "1636600092809", c.rows)))
		if err != nil {
			t.Fatalf("%s: Sync() = %v", c.name, err)
		}
		faulty, warnings := make([]int, len(c.rows)), make([]int, len(c.rows))
		for _, n := range synced.Answer.Faulty {
			faulty[n.Index]++
		}
		for _, n := range synced.Answer.Warnings {
			warnings[n.Index]++
		}
		if fmt.Sprint(faulty, warnings) != fmt.Sprint(c.faulty, c.warnings) {
			t.Errorf("%s: the rows have %v faults and %v warnings, want %v and %v", c.name, faulty, warnings, c.faulty, c.warnings)
		}
		job := f.finish(t, who, budgets.JobRequest{Body: valueOf(t, `{"data":[`+strings.Join(c.rows, ",")+`]}`)})
		failed, doubtful := f.notesOf(t, who, job)
		if fmt.Sprint(failed, doubtful) != fmt.Sprint(c.faulty, c.warnings) {
			t.Errorf("%s: the rows of a job have %v faults and %v warnings, want %v and %v", c.name, failed, doubtful, c.faulty, c.warnings)
		}
	}
}

// notesOf are how many failures and warnings each item of a job has.
func (f fixture) notesOf(t *testing.T, who domain.Principal, job *domain.BatchJob) (failures, warnings []int) {
	t.Helper()
	count := func(items []domain.ItemFailure, err error) []int {
		t.Helper()
		if err != nil {
			t.Fatalf("list items: %v", err)
		}
		counts := make([]int, job.Report().Total)
		for _, item := range items {
			counts[item.Index] += 1 + len(item.Failure.Also)
		}
		return counts
	}
	return count(f.engine.Failures(t.Context(), who, job.ID(), -1, 10_000)), count(f.engine.Warnings(t.Context(), who, job.ID(), -1, 10_000))
}

// TestAnswersAreBounded sends hundreds of rows with hundreds of faults each, and
// others with as many warnings: each row has its first, at the least, and all
// together no more than is set aside.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	const rows, each = 300, 190
	bad, doubtful, mixed := make([]string, rows), make([]string, rows), make([]string, rows)
	for i := range rows {
		bad[i] = fmt.Sprintf(`{"code":"R%d","priority":1,"budget_code":"B","rule_condition":{%s}}`, i, members("c", each, "null"))
		doubtful[i] = goodRowWith(fmt.Sprint("R", i), members("x", each, "1"))
		if mixed[i] = bad[i]; i%2 == 0 {
			mixed[i] = doubtful[i]
		}
	}
	for name, sent := range map[string][]string{"faults": bad, "warnings": doubtful, "both": mixed} {
		f, who := newFixture(t, options{config: budgets.Config{Unlimited: true}, engine: engine.Config{ChunkSize: 100}}).run(t), somebody()
		synced, err := f.budgets.Sync(t.Context(), who, valueOf(t, envelope("b", "1636600092809", sent)))
		if err != nil {
			t.Fatalf("%s: Sync() = %v", name, err)
		}
		counts := make([]int, rows)
		for _, n := range append(synced.Answer.Faulty, synced.Answer.Warnings...) {
			counts[n.Index]++
		}
		wantBounded(t, "an answer of "+name, counts, each)
		again, err := f.budgets.Sync(t.Context(), who, valueOf(t, envelope("b", "1636600092809", sent)))
		if err != nil || !again.Repeated || len(again.Answer.Faulty) != len(synced.Answer.Faulty) || len(again.Answer.Warnings) != len(synced.Answer.Warnings) {
			t.Errorf("the stored answer of %s has %d and %d notes, %v; want those of the first", name, len(again.Answer.Faulty), len(again.Answer.Warnings), err)
		}
		job := f.finish(t, who, budgets.JobRequest{Body: valueOf(t, `{"data":[`+strings.Join(sent, ",")+`]}`)})
		failures, warnings := f.notesOf(t, who, job)
		for i := range failures {
			failures[i] += warnings[i]
			if warnings[i] > 0 {
				failures[i] = min(failures[i], each) // that the code was there before is no row's fault
			}
		}
		for i, n := range failures {
			if n != 1 && n != each {
				t.Errorf("row %d of a job of %s has %d notes, want its first or all %d", i, name, n, each)
			}
		}
	}
}

// wantBounded checks that rows have all of their notes as long as there is
// room, and then their first alone.
func wantBounded(t *testing.T, what string, counts []int, each int) {
	t.Helper()
	total, whole := 0, 0
	for i, n := range counts {
		total += n
		switch n {
		case each:
			whole++
		case 1:
		default:
			t.Errorf("row %d of %s has %d notes, want its first or all %d", i, what, n, each)
		}
	}
	if total > mostOfAnswer+len(counts) || whole < mostOfAnswer/each-2 {
		t.Errorf("%s has %d notes, and all of %d rows; want at most %d, and all as long as there is room", what, total, whole, mostOfAnswer+len(counts))
	}
}

// TestLongTextsAreNotRepeated sends texts far longer than any that is good.
func TestLongTextsAreNotRepeated(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("預", 100_000)
	f, who := newFixture(t, options{config: budgets.Config{Unlimited: true}}).run(t), somebody()
	row := fmt.Sprintf(`{"code":%[1]q,"priority":%[1]q,"budget_code":%[1]q,"rule_condition":{%[1]q:%[1]q,"a":[%[1]q]},"branch_code":%[1]q,"budget_event":%[1]q,"deleted_flag":%[1]q,%[2]q:1}`, long, long+"x")
	synced, err := f.budgets.Sync(t.Context(), who, valueOf(t, envelope("b", "1636600092809", []string{row, goodRowWith("R", fmt.Sprintf("%q:%q", long, long))})))
	if err != nil {
		t.Fatalf("Sync() = %v", err)
	}
	if len(synced.Answer.Faulty) != 9 || len(synced.Answer.Warnings) != 1 {
		t.Errorf("Sync() says %q and %q, want 9 faults and a warning", saidAll(synced.Answer.Faulty), saidAll(synced.Answer.Warnings))
	}
	for _, n := range append(synced.Answer.Faulty, synced.Answer.Warnings...) {
		wantFailure(t, "long texts", n.Failure)
		if n.Code == nil || len(*n.Code) > 200 || !strings.HasPrefix(long, *n.Code) && *n.Code != "R" {
			t.Errorf("a note is of the rule %.300q, want the beginning of its code", *n.Code)
		}
	}
	job := f.finish(t, who, budgets.JobRequest{Body: valueOf(t, `{"data":[`+row+`]}`)})
	items, err := f.engine.Failures(t.Context(), who, job.ID(), -1, 10)
	if err != nil || len(items) != 1 || len(items[0].Key) > 200 || !strings.HasPrefix(long, items[0].Key) {
		t.Errorf("the failures of the job are %d, %v; want one of a short key", len(items), err)
	}
}

// TestAnswersAreKeptNoLongerThanTheirKeys: a bizId that is forgotten would do
// its work again, while its answer is still there.
func TestAnswersAreKeptNoLongerThanTheirKeys(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, c := range []struct {
		keys, answers time.Duration
		good          bool
	}{{0, 0, true}, {0, 7 * day, true}, {0, 7*day + 1, false}, {day, 0, true}, {day, day, true}, {day, 2 * day, false}, {30 * day, 10 * day, true}} {
		e, err := engine.New(engine.Deps{Store: memory.NewStore(time.Now), Bell: memory.NewBell()}, engine.Config{KeepKeys: c.keys})
		if err != nil {
			t.Fatal(err)
		}
		store := memory.NewStore(time.Now)
		held, err := uploads.New(uploads.Deps{Files: memory.NewFiles(), Store: store}, uploads.Config{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = budgets.New(e, budgets.Deps{
			Store: store, Rules: store, Uploads: held, Workbooks: xlsxfile.Workbooks{}, Sheets: xlsxfile.WorkbookSource{},
			Labels: labels, Messages: messages,
		}, budgets.Config{KeepAnswers: c.answers})
		if err == nil != c.good || err != nil && !strings.Contains(err.Error(), "KeepAnswers is "+c.answers.String()+", longer than") {
			t.Errorf("New(KeepAnswers %v) on an engine with KeepKeys %v = %v, want it good: %t", c.answers, c.keys, err, c.good)
		}
	}
}
