package catalog_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/catalog"
	"github.com/batchport/batchport/domain"
)

// pageExamples are the failures whose messages docs/errors.md shows, by code.
var pageExamples = map[string][]domain.Failure{
	"cancelled": {domain.NewFailure("cancelled", "", "")},
	"conflict":  {domain.NewFailure(domain.CodeConflict, "", "completed", "state", "completed")},
	"duplicate": {
		domain.NewFailure(domain.CodeDuplicate, "data[3]", "100001"),
		domain.NewFailure(domain.CodeDuplicate, "data", "{…}", "reason", "both_modes", "other", "searchOptions"),
		domain.NewFailure(domain.CodeDuplicate, "ids", "[…]", "reason", "both", "other", "filter"),
		domain.NewFailure(domain.CodeDuplicate, "amount", "金額", "row", "1", "column", "D"),
		domain.NewFailure(domain.CodeDuplicate, "code", "R1", "earlier", "0"),
		domain.NewFailure(domain.CodeDuplicate, "code", "R1", "earlier_row", "2"),
	},
	"fail_limit_reached":   {domain.NewFailure(domain.CodeFailLimit, "", "", "failed", "100", "total", "2500")},
	"forbidden":            {domain.NewFailure(domain.CodeForbidden, "", "", "permission", "estate_export")},
	"idempotency_mismatch": {domain.NewFailure(domain.CodeMismatch, "", ""), domain.NewFailure(domain.CodeMismatch, "bizId", "b1")},
	"internal":             {domain.NewFailure(domain.CodeInternal, "", "")},
	"invalid": {
		domain.NewFailure(domain.CodeInvalid, "searchOptions.rent_min", "x", "expected", "integer"),
		domain.NewFailure(domain.CodeInvalid, "action", "x", "expected", "estate, contract"),
		domain.NewFailure(domain.CodeInvalid, "amount", "abc", "expected", "amount", "row", "17", "column", "C"),
	},
	"link_expired":       {domain.NewFailure("link_expired", "", "")},
	"malformed":          {domain.NewFailure(domain.CodeMalformed, "", "", "reason", "syntax")},
	"method_not_allowed": {domain.NewFailure("method_not_allowed", "", "")},
	"missing_column":     {domain.NewFailure("missing_column", "amount", "")},
	"not_a_workbook": {
		domain.NewFailure(domain.CodeNotWorkbook, "workbook", "", "reason", "xls"),
		domain.NewFailure(domain.CodeNotWorkbook, "workbook", "", "reason", "html"),
	},
	"not_found": {
		domain.NewFailure(domain.CodeNotFound, "", "7"),
		domain.NewFailure(domain.CodeNotFound, "estate_id", "7", "row", "17", "column", "A"),
		domain.NewFailure(domain.CodeNotFound, "upload", "up-8c1f0f4d6b0e4a55a1f6f0cf0f1d9c3e"),
	},
	"not_kept":       {domain.NewFailure(domain.CodeNotKept, "", "")},
	"nothing_failed": {domain.NewFailure(domain.CodeNothingFailed, "", "")},
	"not_rentable":   {domain.NewFailure("not_rentable", "status", "closed")},
	"out_of_range": {
		domain.NewFailure(domain.CodeOutOfRange, "limit", "1001", "min", "1", "max", "1000"),
	},
	"rate_limited": {domain.NewFailure("rate_limited", "", "", "retry_after", "17")},
	"rejected":     {domain.NewFailure(domain.CodeRejected, "", "", "constraint", "rent_check")},
	"required": {
		domain.NewFailure(domain.CodeRequired, "total", ""),
		domain.NewFailure(domain.CodeRequired, "estatesIds", "", "reason", "empty_list"),
		domain.NewFailure(domain.CodeRequired, "ids", "", "reason", "neither", "other", "filter"),
		domain.NewFailure(domain.CodeRequired, "item", "", "row", "17", "column", "B"),
	},
	"superseded": {
		domain.NewFailure("superseded", "item", "管理費", "row", "5", "column", "B", "later", "9"),
		domain.NewFailure("superseded", "code", "superseded", "row", "5", "column", "E", "reason", "marked"),
	},
	"too_large": {
		domain.NewFailure(domain.CodeTooLarge, "", "", "max", "16777216"),
		domain.NewFailure(domain.CodeTooLarge, "publicUrl", "https://files.example/十一月.xlsx", "max", "67108864"),
		domain.NewFailure(domain.CodeTooLarge, "row", "", "max", "8388608"),
	},
	"too_long": {
		domain.NewFailure(domain.CodeTooLong, "searchOptions.keyword", "", "max", "300"),
		domain.NewFailure(domain.CodeTooLong, "note", "", "max", "3000", "row", "17", "column", "D"),
	},
	"too_many": {
		domain.NewFailure(domain.CodeTooMany, "estatesIds", "", "max", "100000", "found", "100001"),
		domain.NewFailure(domain.CodeTooMany, "items", "", "max", "5000000"),
		domain.NewFailure(domain.CodeTooMany, "rows", "", "max", "1048576"),
	},
	"too_many_jobs":      {domain.NewFailure(domain.CodeTooManyJobs, "", "", "max", "1000")},
	"total_mismatch":     {domain.NewFailure(domain.CodeTotalMismatch, "total", "120", "expected", "120", "found", "118")},
	"unauthorized":       {domain.NewFailure(domain.CodeUnauthorized, "", "")},
	"unavailable":        {domain.NewFailure(domain.CodeUnavailable, "", "")},
	"unknown_capability": {domain.NewFailure("unknown_capability", "capabilities.fly", "fly")},
	"unknown_field": {
		domain.NewFailure(domain.CodeUnknownField, "searchOptions.colour", "red"),
		domain.NewFailure(domain.CodeUnknownField, "colour", "red", "reason", "ignored"),
		domain.NewFailure(domain.CodeUnknownField, "rule_condition.header_x", "header_x", "reason", "column"),
	},
	"unknown_job_name": {domain.NewFailure("unknown_job_name", "job_name", "estate_fly")},
	"unknown_user":     {domain.NewFailure("unknown_user", "editUserId", "5", "role", "landlord")},
	"unreachable": {
		domain.NewFailure(domain.CodeUnreachable, "publicUrl", "https://files.example/十一月.xlsx", "reason", "status", "status", "404"),
		domain.NewFailure(domain.CodeUnreachable, "publicUrl", "https://10.0.0.7/a.xlsx", "reason", "address"),
	},
}

// TestErrorsPage holds docs/errors.md to the code: it explains every code that
// the source has, and no other, with messages as they are.
func TestErrorsPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "errors.md"))
	if err != nil {
		t.Fatal(err)
	}
	heading := regexp.MustCompile("(?m)^### `([a-z_]+)`\n")
	content := string(page)
	places := heading.FindAllStringSubmatchIndex(content, -1)
	sections := map[string]string{}
	var order []string
	for i, m := range places {
		end := len(content)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		code := content[m[2]:m[3]]
		order = append(order, code)
		sections[code] = content[m[1]:end]
	}
	read := readSource(t)
	for reason, place := range read.reasons {
		if !strings.Contains(content, "`"+reason+"`") {
			t.Errorf("the page lacks the reason %s, which %s gives", reason, place)
		}
	}
	codes := read.codes
	maps.DeleteFunc(codes, func(code, _ string) bool { return silent[code] != "" })
	if want := slices.Sorted(maps.Keys(codes)); !slices.Equal(order, want) {
		t.Errorf("the page explains the codes %q, the source has %q", order, want)
	}
	messages := catalog.NewMessages()
	quote := regexp.MustCompile(`(?m)^> (.*)$`)
	for code, section := range sections {
		var shown, want []string
		for _, m := range quote.FindAllStringSubmatch(section, -1) {
			shown = append(shown, strings.TrimSuffix(m[1], "\\"))
		}
		for _, f := range pageExamples[code] {
			if string(f.Code) != code {
				t.Errorf("an example for %s is one of %s", code, f.Code)
			}
			want = append(want, messages.Text("en_US", f))
		}
		if len(want) == 0 || !slices.Equal(shown, want) {
			t.Errorf("the page shows for %s\n%q, want\n%q", code, shown, want)
		}
		if !regexp.MustCompile(`(?m)^Where: (request [45]\d\d|item|end [2-5]\d\d)`).MatchString(section) {
			t.Errorf("the page does not say where %s occurs", code)
		}
	}
}
