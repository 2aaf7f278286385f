package estates_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
)

// TestTheFaultsOfARequestAreBounded sends items with twenty faults each: those
// up to a hundred thousand are kept, and beyond them one of each item, so that
// it fails all the same.
func TestTheFaultsOfARequestAreBounded(t *testing.T) {
	t.Parallel()
	const each, whole, beyond = 20, 100_000 / 20, 50
	var capabilities, data strings.Builder
	for i := range each {
		fmt.Fprintf(&capabilities, `,"x%02d":1`, i)
	}
	for i := range whole + beyond {
		fmt.Fprintf(&data, `,"%d":{"editUserId":21,"capabilities":{%s}}`, i+1, capabilities.String()[1:])
	}
	f, _ := newIdle(t, estates.Config{})
	job, err := f.submit(t, `{"job_name":"estate_batch_edit_bigLandlord","action":"estate","data":{`+data.String()[1:]+`}}`)
	if err != nil {
		t.Fatalf("Submit: %v", err)
	}
	at := 0
	for chunk, err := range f.store.EachChunk(t.Context(), job.Ref()) {
		if err != nil {
			t.Fatalf("EachChunk: %v", err)
		}
		var items []struct {
			Faults []struct {
				Code  domain.Code
				Field string
			}
		}
		if err := json.Unmarshal(chunk.Items, &items); err != nil {
			t.Fatalf("items %s: %v", chunk.Items, err)
		}
		for _, item := range items {
			want := each
			if at >= whole {
				want = 1
			}
			if len(item.Faults) != want {
				t.Fatalf("item %d of %d has %d faults, want %d", at, whole+beyond, len(item.Faults), want)
			}
			if first := item.Faults[0]; first.Code != "unknown_capability" || first.Field != "capabilities.x00" {
				t.Fatalf("the first fault of item %d is %+v, want that of x00", at, first)
			}
			at++
		}
	}
	if at != whole+beyond {
		t.Errorf("there are %d items, want %d", at, whole+beyond)
	}
}
