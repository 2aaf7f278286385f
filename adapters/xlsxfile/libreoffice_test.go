package xlsxfile_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/ports"
)

// TestLibreOffice has LibreOffice open a workbook and compares what it shows.
func TestLibreOffice(t *testing.T) {
	t.Parallel()
	soffice, err := exec.LookPath("soffice")
	if err != nil {
		if os.Getenv("BATCHPORT_TEST_REQUIRE") == "1" {
			t.Fatal("BATCHPORT_TEST_REQUIRE=1, and LibreOffice (soffice) is not installed")
		}
		t.Skip("LibreOffice (soffice) is not installed")
	}
	amounts := []struct {
		cell  ports.Cell
		shown string
	}{
		{decimal("1234.5"), "1,234.50"},
		{decimal("-1234567.89"), "-1,234,567.89"},
		{decimal("1234.00"), "1,234"},
		{integer(1_234_567), "1,234,567"},
		{integer(0), "0"},
		{decimal("12345678901234.56"), "12345678901234.56"},
		{ports.Cell{}, ""},
	}
	hostile := []string{"=1+1", "+1", "-1", "@x", "00123", " both ends ", "two\nlines", "_x000D_", "<&>\"'", "\x00", "😀𠮷", "1e5"}
	want := [][]string{{"物件編號", "名稱", "租金", "日期"}}
	var rows [][]ports.Cell
	for i, s := range hostile {
		id, amount, day := 1_000_000+i, amounts[i%len(amounts)], time.Date(1900, 3, 1+i, 0, 0, 0, 0, time.UTC)
		rows = append(rows, []ports.Cell{integer(int64(id)), text(s), amount.cell, date(day)})
		want = append(want, []string{
			strconv.Itoa(id), strings.ReplaceAll(s, "\x00", "\uFFFD"), amount.shown, day.Format(time.DateOnly),
		})
	}
	rows = append(rows, []ports.Cell{{}, {Kind: ports.CellBool, Bool: true}}, []ports.Cell{{}, {Kind: ports.CellError, Text: "#REF!"}})
	want = append(want, []string{"", "TRUE", "", ""}, []string{"", "#REF!", "", ""})
	got := shownByLibreOffice(t, soffice, workbook(t, "物件", sampleColumns, rows...))
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("LibreOffice shows\n%q, want\n%q", got, want)
	}
}

// asShown are the options of LibreOffice's CSV export, by position: (1) comma,
// (2) double quote, (3) UTF-8, (4) from the first line, (5, 6) no formats and
// language of columns, (7) quote text only where needed, (8) do not quote
// numbers, (9) cells as they are shown rather than as they would be edited,
// (10) results rather than formulas.
const asShown = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,true,false"

// americanLocale is a profile's settings: without them, LibreOffice shows
// numbers in the way of the machine's locale.
const americanLocale = `<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>en-US</value></prop></item>
</oor:items>
`

// shownByLibreOffice returns the text of every cell of the first sheet as
// LibreOffice shows it. It runs with a profile and a home of its own: a
// LibreOffice that shares a profile with a running one hands its work over to
// that one and ends, and the caller's home may be missing or read-only.
func shownByLibreOffice(t *testing.T, soffice string, content []byte) [][]string {
	t.Helper()
	dir := t.TempDir()
	book, profile := filepath.Join(dir, "book.xlsx"), filepath.Join(dir, "profile")
	if err := os.MkdirAll(filepath.Join(profile, "user"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, data := range map[string][]byte{
		book: content,
		filepath.Join(profile, "user", "registrymodifications.xcu"): []byte(americanLocale),
	} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	installation := url.URL{Scheme: "file", Path: filepath.ToSlash(profile)}
	convert := exec.CommandContext(ctx, soffice, "-env:UserInstallation="+installation.String(),
		"--headless", "--norestore", "--convert-to", asShown, "--outdir", dir, book)
	convert.Env = append(convert.Environ(), "HOME="+dir)
	convert.WaitDelay = 5 * time.Second // soffice starts a process that outlives it when it is killed
	out, err := convert.CombinedOutput()
	if err != nil {
		t.Fatalf("%v = %v\n%s", convert, err, out)
	}
	shown, err := os.ReadFile(filepath.Join(dir, "book.csv"))
	if err != nil { // LibreOffice ends with 0 also when it cannot read a file
		t.Fatalf("%v wrote nothing: %v\n%s", convert, err, out)
	}
	cells, err := csv.NewReader(bytes.NewReader(shown)).ReadAll()
	if err != nil {
		t.Fatalf("read what LibreOffice wrote: %v\n%s", err, shown)
	}
	return cells
}
