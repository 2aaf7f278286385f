package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// BenchmarkExport measures an export of 200,000 estates on SQLite, from its
// submission to its file, beside the floor: one query over the same rows
// written into the same sheet, in a file that is brought to the disk. "ratio"
// is the median of engine over floor, which take turns.
func BenchmarkExport(b *testing.B) {
	const n = 200_000
	folder := benchFolder(b, n)
	node := runningEngine(b, folder)
	var engines, floors, ratios []float64
	for b.Loop() {
		began := time.Now()
		job := benchJob(b, node, estates.Export, n)
		through := time.Since(began).Seconds()
		if job.Report().Exported != n || job.File() == nil {
			b.Fatalf("report %+v, file %v; want %d exported into a file", job.Report(), job.File(), n)
		}
		began = time.Now()
		if err := floorOf(folder).export(b.Context(), string(benchUser.Tenant), filepath.Join(b.TempDir(), "floor.xlsx"), n); err != nil {
			b.Fatal(err)
		}
		bare := time.Since(began).Seconds()
		engines, floors, ratios = append(engines, through), append(floors, bare), append(ratios, through/bare)
	}
	b.ReportMetric(n/median(engines), "rows/s")
	b.ReportMetric(n/median(floors), "floor-rows/s")
	b.ReportMetric(median(ratios), "ratio")
}

// BenchmarkStatementImport measures an import of 100,000 rows, of which one
// in a hundred is bad, from its submission to its end, beside the floor: the
// same workbook parsed once, and its good rows upserted by bare statements of
// 1,000 rows, each in a transaction. "ratio" is the median of engine over
// floor, which take turns, each with a month of its own.
func BenchmarkStatementImport(b *testing.B) {
	const n, estatesThere = 100_000, 20_000
	folder := benchFolder(b, estatesThere)
	node := runningEngine(b, folder)
	sheet := statementSheet(b, n, estatesThere)
	uploaded, err := node.uploads.Receive(b.Context(), benchUser, "十一月.xlsx", bytes.NewReader(sheet))
	if err != nil {
		b.Fatal(err)
	}
	upload := func(string) (string, bool) { return uploaded.ID, true }
	month := 190000
	next := func() string {
		if month++; month%100 > 12 {
			month += 88
		}
		return strconv.Itoa(month)
	}
	var engines, floors, ratios []float64
	for b.Loop() {
		began := time.Now()
		job := benchRequest(b, node, estates.Request{Upload: upload},
			fmt.Sprintf(`{"job_name":"estate_import_monthly_statement","publicUrl":"x","date":"%s"}`, next()))
		through := time.Since(began).Seconds()
		if r := job.Report(); r.Created != n-n/100 || r.Failed != n/100 {
			b.Fatalf("report %+v because of %v, want exactly %d failed", r, job.Cause(), n/100)
		}
		began = time.Now()
		if err := bareImport(b.Context(), folder, sheet, next(), n-n/100); err != nil {
			b.Fatal(err)
		}
		bare := time.Since(began).Seconds()
		engines, floors, ratios = append(engines, through), append(floors, bare), append(ratios, through/bare)
	}
	b.ReportMetric(n/median(engines), "rows/s")
	b.ReportMetric(n/median(floors), "floor-rows/s")
	b.ReportMetric(median(ratios), "ratio")
}

// statementSheet is a workbook of n lines, of which one in a hundred is bad: by
// turns an estate that there is not, and an amount that is none.
func statementSheet(b testing.TB, n, estatesThere int) []byte {
	b.Helper()
	var file bytes.Buffer
	book, err := (xlsxfile.Workbooks{}).NewWorkbook(&file, "對帳單", []ports.Column{
		{Title: "物件編號", Format: ports.FormatID}, {Title: "項目"}, {Title: "金額", Format: ports.FormatAmount}, {Title: "備註"},
	})
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		cells := []ports.Cell{
			{Kind: ports.CellInteger, Int: int64(i%estatesThere + 1)},
			{Kind: ports.CellText, Text: "管理費 " + strconv.Itoa(i/estatesThere)},
			{Kind: ports.CellNumber, Text: fmt.Sprintf("%d.%02d", i%30_000, i%100)},
			{Kind: ports.CellText, Text: fmt.Sprintf("十一月份第 %d 筆", i)},
		}
		switch i % 200 {
		case 57:
			cells[0].Int += int64(estatesThere)
		case 157:
			cells[2] = ports.Cell{Kind: ports.CellText, Text: "待確認"}
		}
		if err := book.WriteRow(cells); err != nil {
			b.Fatal(err)
		}
	}
	if err := book.Close(); err != nil {
		b.Fatal(err)
	}
	return file.Bytes()
}

// bareImport parses the workbook and upserts its good rows.
func bareImport(ctx context.Context, folder *database, sheet []byte, month string, want int) error {
	book, err := (xlsxfile.WorkbookSource{}).OpenWorkbook(ctx, bytes.NewReader(sheet), int64(len(sheet)))
	if err != nil {
		return err
	}
	defer book.Close()
	var args []any
	flush := func() error {
		if len(args) == 0 {
			return nil
		}
		values := strings.TrimSuffix(strings.Repeat("('acme', ?, ?, ?, ?, ?), ", len(args)/5), ", ")
		_, err := folder.db.Write.ExecContext(ctx, `INSERT INTO batchport_statement_lines (tenant, estate_id, month, item, amount, note) VALUES `+values+
			` ON CONFLICT (tenant, estate_id, month, item) DO UPDATE SET amount = excluded.amount, note = excluded.note`, args...)
		args = args[:0]
		return err
	}
	stored := 0
	for row, err := range book.EachRow(ctx) {
		if err != nil {
			return err
		}
		id, wrong := strconv.ParseInt(row.Cells[0].Text, 10, 64)
		amount, ok := estate.ParseMoney(row.Cells[2].Text)
		if wrong != nil || !ok || id > 20_000 {
			continue
		}
		args = append(args, id, month, row.Cells[1].Text, int64(amount), row.Cells[3].Text)
		if stored++; stored%1_000 == 0 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if stored != want {
		return fmt.Errorf("%d rows stored, want %d", stored, want)
	}
	return nil
}

// BenchmarkLargestRequest sends the largest requests that are taken, 100,000
// edits in nearly 16 MiB, by turns good and bad in every field, and measures
// the memory that the process needs for them.
func BenchmarkLargestRequest(b *testing.B) {
	s := startServing(b, b.TempDir(), "--demo")
	edits := func(entry string) string {
		var body strings.Builder
		body.WriteString(`{"job_name":"estate_batch_edit_bigLandlord","data":{`)
		for i := range 95_000 {
			if i > 0 {
				body.WriteByte(',')
			}
			fmt.Fprintf(&body, `"%d":%s`, firstEstate+i, entry)
		}
		body.WriteString(`}}`)
		return body.String()
	}
	good := edits(`{"editUserId":2001,"capabilities":{"show_estate":1,"show_contract":1,"show_repair":1,"show_statement":1,"show_report":1,"edit_estate":1,"edit_contract":1}}`)
	bad := edits(`{"editUserId":"","capabilities":{"a":9,"b":9,"c":9,"d":9,"e":9,"f":9,"g":9,"h":9}}`)
	for b.Loop() {
		for _, body := range []string{good, bad} {
			s.await(b, s.key, s.submit(b, s.key, body))
		}
	}
	b.ReportMetric(peakMiB(b, s.cmd.Process.Pid), "peak-MiB")
}
