package sheets_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/batchport/batchport/app/sheets"
	"github.com/batchport/batchport/ports"
)

func text(s string) ports.Cell         { return ports.Cell{Kind: ports.CellText, Text: s} }
func number(s string) ports.Cell       { return ports.Cell{Kind: ports.CellNumber, Text: s} }
func date(t time.Time) ports.Cell      { return ports.Cell{Kind: ports.CellDate, Date: t} }
func at(h, m, s int) time.Time         { return time.Date(2026, 11, 3, h, m, s, 0, time.UTC) }
func clock(h, m, s int) time.Time      { return time.Date(1899, 12, 31, h, m, s, 0, time.UTC) }
func formulaError(s string) ports.Cell { return ports.Cell{Kind: ports.CellError, Text: s} }

func TestText(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cell  ports.Cell
		want  string
		wrong bool // an error of a formula
	}{
		"nothing":                     {cell: ports.Cell{}},
		"no text":                     {cell: text("")},
		"text":                        {cell: text("管理費"), want: "管理費"},
		"white space around":          {cell: text(" \t\r\n\u3000a  b\u00a0"), want: "a  b"},
		"invisible characters around": {cell: text("\ufeff\u200ba\u200db\u2060"), want: "a\u200db"},
		"nothing to be seen":          {cell: text(" \u200b\ufeff\u3000")},
		"a text of digits":            {cell: text("007"), want: "007"},
		"a number in another form":    {cell: text("1e3"), want: "1e3"},
		"a number":                    {cell: number("12.50"), want: "12.5"},
		"an exponent":                 {cell: number("1.2E3"), want: "1200"},
		"an integer":                  {cell: ports.Cell{Kind: ports.CellInteger, Int: -1 << 63}, want: "-9223372036854775808"},
		"a zero":                      {cell: ports.Cell{Kind: ports.CellInteger}, want: "0"},
		"a day":                       {cell: date(at(0, 0, 0)), want: "2026-11-03"},
		"a minute":                    {cell: date(at(8, 5, 0)), want: "2026-11-03 08:05"},
		"a second":                    {cell: date(at(8, 5, 7)), want: "2026-11-03 08:05:07"},
		"the first second of a day":   {cell: date(at(0, 0, 1)), want: "2026-11-03 00:00:01"},
		"the first day of all":        {cell: date(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)), want: "1900-01-01"},
		"a time of no day":            {cell: date(clock(8, 5, 0)), want: "08:05"},
		"a time of no day, to the s":  {cell: date(clock(23, 59, 59)), want: "23:59:59"},
		"midnight of no day":          {cell: date(clock(0, 0, 0)), want: "00:00"},
		"true":                        {cell: ports.Cell{Kind: ports.CellBool, Bool: true}, want: "TRUE"},
		"false":                       {cell: ports.Cell{Kind: ports.CellBool}, want: "FALSE"},
		"an error":                    {cell: formulaError("#DIV/0!"), want: "#DIV/0!", wrong: true},
		"an error without a name":     {cell: formulaError(""), wrong: true},
	} {
		if got, ok := sheets.Text(test.cell); got != test.want || ok == test.wrong {
			t.Errorf("%s: Text(%+v) = %q, %v; want %q, %v", name, test.cell, got, ok, test.want, !test.wrong)
		}
	}
}

func TestBlank(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cells []ports.Cell
		want  bool
	}{
		"no cells":               {nil, true},
		"empty cells":            {[]ports.Cell{{}, {}}, true},
		"white space":            {[]ports.Cell{{}, text(" \t\u3000"), text("\u200b")}, true},
		"one text":               {[]ports.Cell{{}, {}, text("a")}, false},
		"a zero":                 {[]ports.Cell{number("0")}, false},
		"false":                  {[]ports.Cell{{Kind: ports.CellBool}}, false},
		"a day":                  {[]ports.Cell{date(at(0, 0, 0))}, false},
		"an error":               {[]ports.Cell{formulaError("#N/A")}, false},
		"an error, nothing said": {[]ports.Cell{{}, formulaError("")}, false},
	} {
		if got := sheets.Blank(ports.Row{Number: 2, Cells: test.cells}); got != test.want {
			t.Errorf("%s: Blank() = %v, want %v", name, got, test.want)
		}
	}
}

func TestFolded(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"":                "",
		" \u200b\n":       "",
		"estate_id":       "estate_id",
		"Estate ID":       "estateid",
		"\ufeffｅｓｔａｔｅ＿ＩＤ": "estate_id",
		"Amount\r\n（NT＄）": "amount(nt$)",
		"管理\u3000費\u200b": "管理費",
		"ÄÖ É":            "äöé",
		"ﾌﾘｶﾞﾅ":           "ﾌﾘｶﾞﾅ", // of half the width: not what an input method makes of digits
		"a\u00adb\u202ec": "abc",
		"100%":            "100%",
		"１００％！～":          "100%!~",
	} {
		if got := sheets.Folded(title); got != want {
			t.Errorf("Folded(%q) = %q, want %q", title, got, want)
		}
		if got := sheets.Folded(want); got != want {
			t.Errorf("Folded(%q) = %q, want it as it is", want, got)
		}
	}
}

func TestNarrow(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"": "", "abc 1,2": "abc 1,2", "－１，２３４．５": "-1,234.5", "＋７": "+7", "（５）": "(5)", "Ａｂ\u3000ｃ": "Ab\u3000c",
		"！～": "!~", "￥１": "￥1", "、。": "、。", // the last are of no plain form
	} {
		if got := sheets.Narrow(s); got != want {
			t.Errorf("Narrow(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestPlainNumber(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"0": "0", "-5": "-5", "007": "007",
		"12345678901234567890123": "12345678901234567890123", "-9007199254740993": "-9007199254740993",
		"12.50": "12.5", "-0.10": "-0.1", "5.0": "5", ".5": "0.5",
		"12.100000000000001": "12.1", "0.30000000000000004": "0.3", "1234567890123.4501": "1234567890123.45",
		"1E3": "1000", "1.5e+3": "1500", "1E-7": "0.0000001", "-2.5E-3": "-0.0025", "9.007199254740993E+15": "9007199254740990",
		"1E20": "100000000000000000000", "1E21": "1E21", "-1E300": "-1E300", "1E400": "1E400",
		"": "", "-": "-", "abc": "abc", "1,000": "1,000", "1 2": "1 2", "NaN": "NaN", "nan": "nan", "Inf": "Inf", "-Infinity": "-Infinity",
	} {
		if got := sheets.PlainNumber(s); got != want {
			t.Errorf("PlainNumber(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestLetters(t *testing.T) {
	t.Parallel()
	for i, want := range map[int]string{
		-2: "", -1: "", 0: "A", 1: "B", 25: "Z", 26: "AA", 27: "AB", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA", 703: "AAB",
		16383: "XFD", // the last that a workbook has
	} {
		if got := sheets.Letters(i); got != want {
			t.Errorf("Letters(%d) = %q, want %q", i, got, want)
		}
	}
}

func TestCopied(t *testing.T) {
	t.Parallel()
	integer, truth := ports.Cell{Kind: ports.CellInteger, Int: 7}, ports.Cell{Kind: ports.CellBool, Bool: true}
	for name, test := range map[string]struct{ cell, want ports.Cell }{
		"nothing":            {ports.Cell{}, ports.Cell{}},
		"text":               {text(" 1e3\u200b"), text(" 1e3\u200b")},
		"an integer":         {integer, integer},
		"true":               {truth, truth},
		"an error":           {formulaError("#N/A"), formulaError("#N/A")},
		"a number":           {number("12.5"), number("12.5")},
		"an exponent":        {number("1.2E3"), number("1200")},
		"an identifier":      {number("12345678901234567890"), number("12345678901234567890")},
		"what is no number":  {number("1E400"), number("1E400")},
		"a day":              {date(at(0, 0, 0)), date(at(0, 0, 0))},
		"a time of a day":    {date(at(8, 5, 0)), text("2026-11-03 08:05")},
		"a time of no day":   {date(clock(8, 5, 7)), text("08:05:07")},
		"midnight of no day": {date(clock(0, 0, 0)), text("00:00")},
	} {
		if diff := cmp.Diff(test.want, sheets.Copied(test.cell)); diff != "" {
			t.Errorf("%s: Copied() (-want +got):\n%s", name, diff)
		}
	}
}

// labels are the titles of one column.
type labels map[string]string

func (l labels) Label(locale, key string) string {
	if key != "amount" {
		return "?"
	}
	return l[locale]
}

func TestCalled(t *testing.T) {
	t.Parallel()
	l := labels{"zh_TW": "金額（元）", "zh_CN": "金额", "en_US": "Amount due", "ja_JP": "金額 円", "de_DE": "Betrag"}
	for title, want := range map[string]bool{
		"金額（元）": true, "金額(元)": true, "金额": true, "AMOUNT\nDUE": true, "ａｍｏｕｎｔdue\u200b": true, "金額円": true,
		"Amount": false, "": false, "金額": false, "Betrag": false,
	} {
		if got := sheets.Called(l, title, "amount"); got != want {
			t.Errorf("Called(%q) = %v, want %v", title, got, want)
		}
	}
	if sheets.Called(l, "Amount due", "note") {
		t.Error("Called(Amount due, note) = true, want false: it is the label of another")
	}
}
