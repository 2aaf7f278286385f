package estates_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/estates"
)

// BenchmarkLargestRequest reads and stores 100,000 edits of landlords with
// eight capabilities each, good ones and such as are wrong in every field.
func BenchmarkLargestRequest(b *testing.B) {
	const capabilities = `"show_estate":%[1]s,"show_contract":%[1]s,"show_repair":%[1]s,"show_statement":%[1]s,"show_report":%[1]s,"edit_estate":%[1]s,"edit_contract":%[1]s,"edit_repair":%[1]s`
	for name, values := range map[string][2]string{"good": {"21", "1"}, "bad": {`"x"`, `"x"`}} {
		var text strings.Builder
		text.WriteString(`{"job_name":"estate_batch_edit_bigLandlord","data":[{"id":100001,"editUserId":21}`)
		for i := range 99_999 {
			_, _ = fmt.Fprintf(&text, `,{"id":%d,"editUserId":%s,"capabilities":{%s}}`, 100_000-i, values[0], fmt.Sprintf(capabilities, values[1]))
		}
		text.WriteString(`]}`)
		b.Run(name, func(b *testing.B) {
			f, _ := newIdle(b, estates.Config{})
			b.ReportAllocs()
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				body, err := document.Parse(text.String())
				if err != nil {
					b.Fatal(err)
				}
				if _, err := f.estates.Submit(b.Context(), f.who, estates.Request{Body: body}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
