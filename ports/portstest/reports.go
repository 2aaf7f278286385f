package portstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// ReportStore is what [Reports] tests.
type ReportStore interface {
	editStore
	ports.Reports
}

// Reports runs the contract of [ports.Reports]. Each subtest calls open for an
// empty store, which cleans up through its t.
func Reports(t *testing.T, open func(*testing.T) ReportStore) {
	prepared := func(t *testing.T) ReportStore {
		s := open(t)
		prepareEdits(t, s)
		return s
	}
	edits[estate.Report]{}.test(t, func(t *testing.T) edits[estate.Report] {
		s := prepared(t)
		return edits[estate.Report]{
			editStore: s, call: "AttachReports", do: s.AttachReports, first: domain.Created,
			edit: func(id int64) estate.Report {
				return estate.Report{EstateID: id, Month: "202611", URL: fmt.Sprintf("https://example.com/%d.pdf", id)}
			},
		}
	})
	for name, test := range map[string]func(*testing.T, ReportStore){
		"a report takes the place of the month's":          testReportReplaced,
		"reports come back as they were, the latest first": testListReports,
		"the same month again finds what the time before":  testReportTwice,
		"an upload is in use while a report is it":         testUsesUpload,
		"a snapshot does not see later reports":            testReportSnapshot,
		"random reports do what they do one by one":        testRandomReports,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, prepared(t))
		})
	}
}

func attach(t *testing.T, s ReportStore, want domain.Fate, reports ...estate.Report) {
	t.Helper()
	outs, err := s.AttachReports(t.Context(), editTenant, reports)
	wantFates(t, "AttachReports", outs, err, slices.Repeat([]domain.Fate{want}, len(reports))...)
}

func wantReports(t *testing.T, s ReportStore, tenant domain.TenantID, id int64, want ...estate.Report) {
	t.Helper()
	if got, err := s.ListReports(t.Context(), tenant, id); err != nil || !slices.Equal(got, want) {
		t.Errorf("ListReports(%s, %d) = %+v, %v; want %+v", tenant, id, got, err, want)
	}
}

func testReportReplaced(t *testing.T, s ReportStore) {
	link := estate.Report{EstateID: 1, Month: "202611", URL: "https://example.com/1.pdf"}
	other, upload := link, estate.Report{EstateID: 1, Month: "202611", Upload: "https://example.com/1.pdf"}
	other.URL += "?"
	for _, c := range []struct {
		report estate.Report
		want   domain.Fate
	}{
		{link, domain.Created},
		{link, domain.Unchanged},
		{other, domain.Updated},
		{upload, domain.Updated},
		{upload, domain.Unchanged},
		{link, domain.Updated},
	} {
		attach(t, s, c.want, c.report)
		wantReports(t, s, editTenant, 1, c.report)
	}
	wantReports(t, s, editTenant, 2)
}

func testListReports(t *testing.T, s ReportStore) {
	reports := []estate.Report{
		{EstateID: 1, Month: "202611", URL: "https://例え.jp/報告 %20'x'?q=?0&\"😀\"\n "},
		{EstateID: 1, Month: "190001", Upload: "İ"},
		{EstateID: 1, Month: "999912", Upload: "i"},
		{EstateID: 1, Month: "202612", URL: "https://example.com/"},
	}
	attach(t, s, domain.Created, append(slices.Clone(reports), estate.Report{EstateID: 2, Month: "202611", Upload: "u"})...)
	wantReports(t, s, editTenant, 1, reports[2], reports[3], reports[0], reports[1])
	for _, none := range []int64{3, missingID, otherEstate} {
		wantReports(t, s, editTenant, none)
	}
	theirs := estate.Report{EstateID: otherEstate, Month: "202611", Upload: "v"}
	outs, err := s.AttachReports(t.Context(), otherTenant, []estate.Report{theirs})
	wantFates(t, "AttachReports(other tenant)", outs, err, domain.Created)
	wantReports(t, s, otherTenant, otherEstate, theirs)
	wantReports(t, s, otherTenant, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.ListReports(ctx, editTenant, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("ListReports with an ended context = %v, want context.Canceled", err)
	}
	if _, err := s.UsesUpload(ctx, editTenant, "u"); !errors.Is(err, context.Canceled) {
		t.Errorf("UsesUpload with an ended context = %v, want context.Canceled", err)
	}
}

func testReportTwice(t *testing.T, s ReportStore) {
	a := estate.Report{EstateID: 1, Month: "202611", URL: "https://example.com/a"}
	b, later, lost := a, a, a
	b.URL, later.Month, lost.EstateID = "https://example.com/b", "202612", missingID
	outs, err := s.AttachReports(t.Context(), editTenant, []estate.Report{a, later, b, lost, b, a})
	wantFates(t, "AttachReports", outs, err, domain.Created, domain.Created, domain.Updated, domain.Failed, domain.Unchanged, domain.Updated)
	wantReports(t, s, editTenant, 1, later, a)
	outs, err = s.AttachReports(t.Context(), editTenant, []estate.Report{b, a, b, a})
	wantFates(t, "AttachReports", outs, err, slices.Repeat([]domain.Fate{domain.Updated}, 4)...)
	wantReports(t, s, editTenant, 1, later, a)
}

func testUsesUpload(t *testing.T, s ReportStore) {
	uses := func(tenant domain.TenantID, upload string, want bool) {
		t.Helper()
		if got, err := s.UsesUpload(t.Context(), tenant, upload); err != nil || got != want {
			t.Errorf("UsesUpload(%s, %q) = %t, %v; want %t", tenant, upload, got, err, want)
		}
	}
	uses(editTenant, "u'1", false)
	attach(t, s, domain.Created,
		estate.Report{EstateID: 1, Month: "202611", Upload: "u'1"}, estate.Report{EstateID: 2, Month: "202611", Upload: "u'1"},
		estate.Report{EstateID: 3, Month: "202611", URL: "https://example.com/"})
	uses(editTenant, "u'1", true)
	uses(editTenant, "U'1", false)
	uses(editTenant, "https://example.com/", false)
	uses(editTenant, "", false) // a report elsewhere is no upload
	uses(otherTenant, "u'1", false)
	attach(t, s, domain.Updated, estate.Report{EstateID: 1, Month: "202611", Upload: "u2"})
	uses(editTenant, "u'1", true)
	attach(t, s, domain.Updated, estate.Report{EstateID: 2, Month: "202611", URL: "https://example.com/"})
	uses(editTenant, "u'1", false)
	uses(editTenant, "u2", true)
}

func testReportSnapshot(t *testing.T, s ReportStore) {
	outer := t.Context()
	err := s.Snapshot(outer, func(ctx context.Context) error {
		attach(t, s, domain.Created, estate.Report{EstateID: 1, Month: "202611", Upload: "u"})
		got, err := s.ListReports(ctx, editTenant, 1)
		used, usesErr := s.UsesUpload(ctx, editTenant, "u")
		if len(got) != 0 || used {
			t.Errorf("ListReports, UsesUpload in a snapshot = %+v, %t; want none as it was", got, used)
		}
		return errors.Join(err, usesErr)
	})
	if err != nil {
		t.Errorf("Snapshot = %v, want no error", err)
	}
}

// testRandomReports compares a store with the rule applied to one report after
// another.
func testRandomReports(t *testing.T, s ReportStore) {
	type key struct {
		id    int64
		month estate.Month
	}
	r := rand.New(rand.NewPCG(3, 4))
	model := map[key]*estate.Report{}
	months := []estate.Month{"202612", "202611", "202610"}
	for range 200 {
		list, want := make([]estate.Report, r.IntN(9)), []domain.Outcome{}
		for i := range list {
			report := estate.Report{EstateID: pick(r, []int64{1, 2, 3, missingID}), Month: pick(r, months)}
			if r.IntN(2) == 0 {
				report.URL = pick(r, []string{"https://a", "https://b"})
			} else {
				report.Upload = pick(r, []string{"a", "A"})
			}
			list[i] = report
			if report.EstateID == missingID {
				want = append(want, notFound(strconv.Itoa(missingID)))
				continue
			}
			k := key{report.EstateID, report.Month}
			want = append(want, report.Replacing(model[k]))
			model[k] = &report
		}
		outs, err := s.AttachReports(t.Context(), editTenant, list)
		wantSame(t, "AttachReports", outs, want, err)
		for id := int64(1); id <= 3; id++ {
			var left []estate.Report
			for _, month := range months {
				if report := model[key{id, month}]; report != nil {
					left = append(left, *report)
				}
			}
			wantReports(t, s, editTenant, id, left...)
		}
		if t.Failed() {
			t.Fatalf("after AttachReports(%+v)", list)
		}
	}
}
