package options_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/options"
	"github.com/batchport/batchport/domain"
)

func TestRead(t *testing.T) {
	t.Parallel()
	all := []string{options.ValidateOnly, options.AllOrNothing, options.FailLimit}
	for _, c := range []struct {
		body   string
		known  []string
		want   domain.JobOptions
		faults []string
	}{
		{body: `{}`, known: all},
		{body: `[]`, known: all},
		{body: `{"validate_only":null,"all_or_nothing":null,"fail_limit":null}`, known: all},
		{body: `{"validate_only":true,"all_or_nothing":true,"fail_limit":{}}`, known: all, want: domain.JobOptions{ValidateOnly: true, AllOrNothing: true}},
		{body: `{"validate_only":true,"all_or_nothing":1,"fail_limit":5}`, known: all[:1], want: domain.JobOptions{ValidateOnly: true}},
		{body: `{"fail_limit":{"items":1,"percent":null}}`, known: all, want: domain.JobOptions{FailLimit: domain.FailLimit{Items: 1}}},
		{body: `{"fail_limit":{"items":1000000001,"percent":0}}`, known: all, faults: []string{"fail_limit.items out_of_range", "fail_limit.percent out_of_range"}},
		{body: `{"fail_limit":{"items":-1,"percent":99999999999999999999}}`, known: all, faults: []string{"fail_limit.items out_of_range", "fail_limit.percent out_of_range"}},
		{body: `{"fail_limit":{"items":1.5,"percent":"ten","rows":1}}`, known: all, faults: []string{"fail_limit.rows unknown_field", "fail_limit.items invalid", "fail_limit.percent invalid"}},
		{body: `{"validate_only":"true","all_or_nothing":0,"fail_limit":[]}`, known: all, faults: []string{"validate_only invalid", "all_or_nothing invalid", "fail_limit invalid"}},
		{body: `{"all_or_nothing":true,"fail_limit":{"percent":5}}`, known: all, faults: []string{"fail_limit duplicate"}},
	} {
		body, err := document.Parse(c.body)
		if err != nil {
			t.Fatal(err)
		}
		got, wrong := options.Read(body, c.known...)
		var faults []string
		for _, f := range wrong {
			faults = append(faults, f.Field+" "+string(f.Code))
		}
		if !slices.Equal(faults, c.faults) || c.faults == nil && got != c.want {
			t.Errorf("Read(%s) = %+v with %q, want %+v with %q", c.body, got, faults, c.want, c.faults)
		}
	}
	long, _ := document.Parse(`{"fail_limit":{"` + strings.Repeat("物", 100_000) + `":1}}`)
	if _, wrong := options.Read(long, all...); len(wrong) != 1 || len(wrong[0].Field) > 400 {
		t.Error("Read repeats the whole of a name that a client made up")
	}
}
