package xlsxfile_test

import (
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/ports"
)

// TestLibreOffice has LibreOffice read a workbook and write what it shows.
func TestLibreOffice(t *testing.T) {
	t.Parallel()
	soffice, err := exec.LookPath("soffice")
	if err != nil {
		if os.Getenv("BATCHPORT_TEST_REQUIRE") == "1" {
			t.Fatal("BATCHPORT_TEST_REQUIRE=1, and LibreOffice (soffice) is not installed")
		}
		t.Skip("LibreOffice (soffice) is not installed")
	}
	hostile := []string{"=1+1", "+1", "-1", "@x", "00123", " both ends ", "two\nlines", "_x000D_", "<&>\"'", "\x00", "😀𠮷", "1e5"}
	want := [][]string{{"物件編號", "名稱", "租金", "日期"}}
	var rows [][]ports.Cell
	for i, s := range hostile {
		rows = append(rows, []ports.Cell{integer(int64(1_000_000 + i)), text(s), decimal("1234.5"), date(time.Date(1900, 3, 1+i, 0, 0, 0, 0, time.UTC))})
		want = append(want, []string{
			"10000" + string(rune('0'+i/10)) + string(rune('0'+i%10)), strings.ReplaceAll(s, "\x00", "\uFFFD"),
			"1,234.50", time.Date(1900, 3, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly),
		})
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "book.xlsx")
	if err := os.WriteFile(path, workbook(t, "物件", sampleColumns, rows...), 0o600); err != nil {
		t.Fatal(err)
	}
	// 44,34,76: comma, double quote, UTF-8; true: numbers as they are shown.
	convert := exec.CommandContext(t.Context(), soffice, "-env:UserInstallation=file://"+filepath.Join(dir, "profile"),
		"--headless", "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false", "--outdir", dir, path)
	if out, err := convert.CombinedOutput(); err != nil {
		t.Fatalf("%v = %v\n%s", convert, err, out)
	}
	file, err := os.Open(filepath.Join(dir, "book.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	got, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatalf("read what LibreOffice wrote: %v", err)
	}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("LibreOffice shows\n%q, want\n%q", got, want)
	}
}
