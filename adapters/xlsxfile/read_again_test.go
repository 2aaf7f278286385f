package xlsxfile_test

import (
	"bytes"
	"sort"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/xlsxfile"
)

// TestReadingAgainCostsNothing reads a workbook again and again within limits
// that just allow one reading: they are of each reading, and not of the book.
func TestReadingAgainCostsNothing(t *testing.T) {
	t.Parallel()
	content := handMade{
		// A text that comes often is counted each time; nothing at all is idle.
		rows:    strings.Repeat(`<row/>`, 5000) + strings.Repeat(`<row><c t="s"><v>0</v></c></row>`, 100),
		strings: `<si><t>` + strings.Repeat("x", 100) + `</t></si>`,
	}.zip(t)
	for name, limits := range map[string]func(n int) xlsxfile.ReadLimits{
		"inflated": func(n int) xlsxfile.ReadLimits { return xlsxfile.ReadLimits{InflatedBytes: int64(n)} },
		"idle":     func(n int) xlsxfile.ReadLimits { return xlsxfile.ReadLimits{IdleBytes: int64(n)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sourceOf := func(n int) xlsxfile.WorkbookSource {
				t.Helper()
				source, err := xlsxfile.NewWorkbookSource(limits(n))
				if err != nil {
					t.Fatalf("NewWorkbookSource(%d) = %v", n, err)
				}
				return source
			}
			const enough = 1 << 20
			least := 1 + sort.Search(enough, func(n int) bool {
				_, err := readAll(t, sourceOf(n+1), content)
				return err == nil
			})
			if least < 2 || least > enough {
				t.Fatalf("the least limit is %d, want one that matters", least)
			}
			book, err := sourceOf(least).OpenWorkbook(t.Context(), bytes.NewReader(content), int64(len(content)))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = book.Close() }()
			for _, leave := range []int{100, 50, 100, 100} { // the second is left in the middle
				rows := 0
				for _, err := range book.EachRow(t.Context()) {
					if err != nil {
						t.Fatalf("after %d rows: %v, want all 100 each time", rows, err)
					}
					if rows++; rows == leave {
						break
					}
				}
				if rows != leave {
					t.Errorf("a reading gives %d rows, want %d", rows, leave)
				}
			}
		})
	}
}
