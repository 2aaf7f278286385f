package xlsxfile_test

import (
	"testing"

	"github.com/batchport/batchport/adapters/xlsxfile"
	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

func TestWorkbookSource(t *testing.T) {
	portstest.WorkbookSource(t,
		func(*testing.T) ports.WorkbookSource { return xlsxfile.WorkbookSource{} },
		func(*testing.T) ports.Workbooks { return xlsxfile.Workbooks{} })
}
