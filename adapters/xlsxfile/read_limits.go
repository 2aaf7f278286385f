package xlsxfile

import (
	"fmt"
	"strconv"

	"github.com/batchport/batchport/domain"
)

// ReadLimits bound what reading a workbook may cost, whatever its file says of
// itself. They count work and memory rather than time: a file that is refused
// is refused on a slow machine and on a fast one, at the same place. Whoever
// wants a deadline gives a context that has one.
type ReadLimits struct {
	FileBytes     int64 // of the file. Zero means 128 MiB
	Entries       int   // in the archive. Zero means 4,096
	InflatedBytes int64 // of the parts that are read, and of the shared strings each time that a cell has one. Zero means 2 GiB
	IdleBytes     int64 // of XML without content, as the package comment counts it. Zero means 1 GiB
	Ratio         int   // of a part's inflated to its compressed bytes, beyond the first 32 MiB. Zero means 256
	Rows          int   // in the sheet, with the empty ones. Zero means 1,048,576, which is Excel's limit and the highest
	Columns       int   // up to the last cell that is not empty. Zero means 16,384, which is Excel's limit and the highest
	Strings       int   // that cells share. Zero means 4,194,304
	StringBytes   int64 // of all shared strings, at most 2 GiB. They are all in memory. Zero means 96 MiB
	TextBytes     int   // of a text in a cell, at most 16 MiB. Zero means 128 KiB: Excel's cells have 32,767 characters
	RowBytes      int   // of all texts in a row. Zero means 8 MiB
	Styles        int   // of cells. Zero means 65,536
	Depth         int   // of elements within elements. Zero means 64
}

// graceBytes may come out of any few: runs of equal cells compress well.
const graceBytes = 32 << 20

// complete returns the limits with nothing left to mean a default.
func (l ReadLimits) complete() ReadLimits {
	orDefault(&l.FileBytes, 128<<20)
	orDefault(&l.Entries, 4_096)
	orDefault(&l.InflatedBytes, 2<<30)
	orDefault(&l.IdleBytes, 1<<30)
	orDefault(&l.Ratio, 256)
	orDefault(&l.Rows, maxRows)
	orDefault(&l.Columns, maxColumns)
	orDefault(&l.Strings, 4<<20)
	orDefault(&l.StringBytes, 96<<20)
	orDefault(&l.TextBytes, 128<<10)
	orDefault(&l.RowBytes, 8<<20)
	orDefault(&l.Styles, 64<<10)
	orDefault(&l.Depth, 64)
	return l
}

func orDefault[N int | int64](limit *N, value N) {
	if *limit == 0 {
		*limit = value
	}
}

// validate checks limits that are complete.
func (l ReadLimits) validate() error {
	for _, limit := range []struct {
		name         string
		value, upper int64
	}{
		{"FileBytes", l.FileBytes, 1 << 62},
		{"Entries", int64(l.Entries), 1 << 30},
		{"InflatedBytes", l.InflatedBytes, 1 << 62},
		{"IdleBytes", l.IdleBytes, 1 << 62},
		{"Ratio", int64(l.Ratio), 1 << 30},
		{"Rows", int64(l.Rows), maxRows},
		{"Columns", int64(l.Columns), maxColumns},
		{"Strings", int64(l.Strings), 1 << 30},
		{"StringBytes", l.StringBytes, 2 << 30},
		{"TextBytes", int64(l.TextBytes), 16 << 20},
		{"RowBytes", int64(l.RowBytes), 1 << 30},
		{"Styles", int64(l.Styles), 1 << 30},
		{"Depth", int64(l.Depth), 1 << 20},
	} {
		if limit.value < 1 || limit.value > limit.upper {
			return fmt.Errorf("ReadLimits.%s is %d: it must be from 1 to %d, or 0 for the default",
				limit.name, limit.value, limit.upper)
		}
	}
	return nil
}

// Why a file is no workbook: the values of the parameter "reason".
const (
	reasonXLS       = "xls"       // of an older Excel, or encrypted, which looks the same
	reasonXLSB      = "xlsb"      // Excel's binary format
	reasonODS       = "ods"       // OpenDocument
	reasonHTML      = "html"      // a page
	reasonText      = "text"      // CSV or another text
	reasonEmpty     = "empty"     // no bytes
	reasonZip       = "zip"       // no archive, or a damaged one
	reasonParts     = "parts"     // an archive of something else
	reasonXML       = "xml"       // a part is not well-formed, or has what its format does not
	reasonEncoding  = "encoding"  // a part is not in UTF-8
	reasonReference = "reference" // a cell or a shared string at an impossible place
	reasonBomb      = "bomb"      // made to do harm
)

// notWorkbook refuses a file.
func notWorkbook(reason string, cause error) error {
	err := domain.Fail(domain.NewFailure(domain.CodeNotWorkbook, "workbook", "", "reason", reason))
	err.Err = cause
	return err
}

// tooLarge refuses what has more than limit bytes.
func tooLarge(field string, limit int64) error {
	return domain.Fail(domain.NewFailure(domain.CodeTooLarge, field, "", "max", strconv.FormatInt(limit, 10)))
}

// tooMany refuses what are more than limit.
func tooMany(field string, limit int) error {
	return domain.Fail(domain.NewFailure(domain.CodeTooMany, field, "", "max", strconv.Itoa(limit)))
}
