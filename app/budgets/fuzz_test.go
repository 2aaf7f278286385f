package budgets_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
)

// sampleSync is the sample request of the source document.
const sampleSync = `{
"bizId": "dbe1c496-0d51-415e-87a5-ed104dea597f",
"timestamp": 1636600092809,
"data": [
{
"code": "test",
"branch_code": "D1",
"budget_code": "66000",
"budget_event": "CEM",
"deleted_flag": "Y",
"rule_condition_json": {
"charge_department": "D1",
"header_column22": "claim",
"accumulation_type_id": "1"
},
"priority": 1
}
]
}`

// fuzzedRows is how many rows a request may have in [FuzzSync].
const fuzzedRows = 40

// FuzzSync sends any bytes. What is refused says why and leaves nothing; of
// what is not, every row is accounted for once, and comes to what the model says.
func FuzzSync(f *testing.F) {
	f.Add(sampleSync)
	for _, seed := range []string{
		"", "null", "[]", "{}", `{"bizId":5,"timestamp":"1636600092809","data":{}}`, `{"bizId":" ","timestamp":163660009280.9,"data":null}`,
		envelope("b", "1636600092809", nil),
		envelope("b", "1636600092809", slices.Repeat([]string{"null"}, fuzzedRows+1)),
		envelope("b", "1636600092809", []string{"null", "5", `"A"`, "[]", "{}", `[{"code":"A"}]`}),
	} {
		f.Add(seed)
	}
	for i := range 40 {
		rows := make([]string, 3)
		for k := range rows {
			rows[k] = anyRow(true).Example(3*i + k)
		}
		f.Add(envelope("b", "1636600092809", rows))
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzzSync(t, text)
		fuzzSync(t, envelope("b", "1636600092809", []string{text}))
	})
}

func fuzzSync(t *testing.T, text string) {
	t.Helper()
	body, err := document.Parse(text)
	if err != nil {
		if code := domain.CodeOf(err); code != domain.CodeMalformed && code != domain.CodeDuplicate {
			t.Fatalf("Parse(%q) = %v, want malformed or duplicate", text, err)
		}
		return
	}
	fix, who := newFixture(t, options{host: columnsOfHost, config: budgets.Config{MaxRows: fuzzedRows}}), somebody()
	synced, err := fix.budgets.Sync(t.Context(), who, body)
	if err != nil {
		wantRefused(t, text, body, err)
		if table := fix.table(t, who, true); table != nil {
			t.Errorf("Sync(%q) = %v and stored %q", text, err, table)
		}
		if use, err := fix.budgets.Usage(t.Context(), who); err != nil || use.Windows[0].Left != use.Windows[0].Limit {
			t.Errorf("Sync(%q) was refused, and the quota is %+v, %v", text, use, err)
		}
		return
	}
	rows := body.Member("data").List
	wantAccounted(t, text, len(rows), synced.Answer)
	wantTable(t, text, fix, who, synced.Answer)
	again, err := fix.budgets.Sync(t.Context(), who, body)
	if diff := cmp.Diff(synced.Answer, again.Answer, cmpopts.EquateEmpty()); err != nil || !again.Repeated || diff != "" {
		t.Errorf("Sync(%q) again = repeated %t, %v; want the same answer (-first +again):\n%s", text, again.Repeated, err, diff)
	}
	wantModel(t, text, rows, synced.Answer)
}

// wantRefused checks why a request was refused.
func wantRefused(t *testing.T, text string, body document.Value, err error) {
	t.Helper()
	var refused *domain.Error
	if !errors.As(err, &refused) || len(refused.Failures) == 0 || refused.Code != domain.CodeInvalid && refused.Code != domain.CodeTooMany {
		t.Fatalf("Sync(%q) = %v, want invalid or too_many, and failures", text, err)
	}
	for _, f := range refused.Failures {
		wantFailure(t, text, f)
		if body.Kind == document.Object && !slices.Contains([]string{"bizId", "timestamp", "data"}, f.Field) {
			t.Errorf("Sync(%q) blames %q, want a field of the envelope", text, f.Field)
		}
	}
}

// wantFailure checks that a failure can be kept and shown.
func wantFailure(t *testing.T, text string, f domain.Failure) {
	t.Helper()
	texts := map[string]string{"field": f.Field, "value": f.Value}
	for name, value := range f.Params {
		texts["parameter "+name] = value
	}
	for name, s := range texts {
		if utf8.RuneCountInString(s) > 200 || !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			t.Errorf("Sync(%q) says %s with the %s %q, want at most 200 characters that can be kept", text, f.Code, name, s)
		}
	}
	for _, locale := range []string{"zh_CN", "en_US"} {
		if message := messages.Text(locale, f); message == "" || f.Code != "unknown_budget" && message == string(f.Code) {
			t.Errorf("Sync(%q) has no words for %s", text, f)
		}
	}
}

// wantAccounted checks that each row came to one end.
func wantAccounted(t *testing.T, text string, rows int, a budgets.Answer) {
	t.Helper()
	faults := []domain.Code{
		domain.CodeRequired, domain.CodeInvalid, domain.CodeTooLong, domain.CodeOutOfRange, domain.CodeDuplicate, "unknown_budget",
	}
	ends := map[int]string{}
	distinct := func(list string, notes []budgets.RowNote, codes ...domain.Code) (n int) {
		t.Helper()
		last := -1
		for _, note := range notes {
			wantFailure(t, text, note.Failure)
			if note.Index < last || note.Index < 0 || note.Index >= rows || !slices.Contains(codes, note.Failure.Code) {
				t.Errorf("Sync(%q): the note %+v of %s is out of order, of no row or of another list", text, note, list)
			}
			if note.Index != last {
				n++
			}
			if end, ended := ends[note.Index]; ended && end != list {
				t.Errorf("Sync(%q): row %d is in %s and in %s", text, note.Index, end, list)
			}
			last, ends[note.Index] = note.Index, list
		}
		return n
	}
	faulty := distinct("faulty", a.Faulty, faults...)
	refused := distinct("refused", a.Refused, domain.CodeRejected)
	distinct("warnings", a.Warnings, domain.CodeUnknownField, domain.CodeDuplicate)
	if got := a.Created + a.Updated + faulty + refused; got != rows || a.Created < 0 || a.Updated < 0 {
		t.Errorf("Sync(%q) of %d rows accounts for %d: %+v", text, rows, got, a)
	}
}

// wantTable checks that what was stored is good, and as much as was said.
func wantTable(t *testing.T, text string, f fixture, who domain.Principal, a budgets.Answer) {
	t.Helper()
	rules, err := f.budgets.List(t.Context(), who, budget.Filter{}, "", fuzzedRows)
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	stored := int64(0)
	for _, r := range rules {
		stored += r.Revision
		if faults := r.Faults(); faults != nil {
			t.Errorf("Sync(%q) stored %+v, whose faults are %v", text, r, faults)
		}
		found, err := f.budgets.Find(t.Context(), who, r.Code)
		if diff := cmp.Diff(r, found); err != nil || diff != "" {
			t.Errorf("Sync(%q): Find(%q) = %v (-listed +found):\n%s", text, r.Code, err, diff)
		}
	}
	if len(rules) != a.Created || stored != int64(a.Created+a.Updated) {
		t.Errorf("Sync(%q) stored %d rules %d times, want %d created and %d updated", text, len(rules), stored, a.Created, a.Updated)
	}
}

// wantModel compares with the model where the two read the same: text that
// holds a condition is read strictly, and long names are shortened.
func wantModel(t *testing.T, text string, rows []document.Value, a budgets.Answer) {
	t.Helper()
	if len(text) > 4_000 {
		return
	}
	sent := make([]string, len(rows))
	for i, row := range rows {
		for _, m := range row.Members {
			condition := strings.HasPrefix(m.Name, "rule_condition")
			if utf8.RuneCountInString(m.Name) > 64 || m.Name == "" || condition && m.Value.Kind == document.String || m.Name == "code" && len(m.Value.Text) > 200 {
				return
			}
			for _, entry := range m.Value.Members {
				if condition && utf8.RuneCountInString(entry.Name) > 64 {
					return
				}
			}
		}
		sent[i] = string(row.Append(nil))
	}
	m := &model{known: columnsOfHost, rules: map[string]modelRule{}}
	want := m.apply(sent)
	got := modelAnswer{a.Created, a.Updated, saidAll(a.Faulty), saidAll(a.Refused), saidAll(a.Warnings)}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(modelAnswer{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("Sync(%s) differs from the rows one by one (-want +got):\n%s", fmt.Sprintf("%q", text), diff)
	}
}
