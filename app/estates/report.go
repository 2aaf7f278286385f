package estates

import (
	"context"
	"iter"
	"net/url"
	"strconv"
	"strings"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// maxURL is the longest URL of a document, in bytes.
const maxURL = 2048

const urlField = "publicUrl"

// ReportUpload is the payload of a job that attaches one report to many
// estates.
type ReportUpload struct {
	Search Search       `json:"search,omitzero"`
	Month  estate.Month `json:"month"`
	Source Source       `json:"source"`
}

func (u ReportUpload) check() error { return u.Search.check() }

// Source is where a document is.
type Source struct {
	URL    string `json:"url,omitempty"`    // elsewhere; or
	Upload string `json:"upload,omitempty"` // an upload of the tenant
}

// reportKind attaches the monthly report to estates.
func reportKind(deps Deps) engine.Kind[ReportUpload, int64] {
	return engine.Kind[ReportUpload, int64]{
		Name:     UploadReport,
		Resource: "estate_reports",
		Check:    ReportUpload.check,
		Select: func(ctx context.Context, job *domain.BatchJob, u ReportUpload) iter.Seq2[int64, error] {
			return deps.Selector.SelectEstates(ctx, job.Tenant(), u.Search.Filter())
		},
		Apply: func(ctx context.Context, job *domain.BatchJob, u ReportUpload, ids []int64) ([]domain.Outcome, error) {
			reports := make([]estate.Report, len(ids))
			for i, id := range ids {
				reports[i] = estate.Report{EstateID: id, Month: u.Month, URL: u.Source.URL, Upload: u.Source.Upload}
			}
			return deps.Reports.AttachReports(ctx, job.Tenant(), reports)
		},
	}
}

// documentMembers are the members of a typed request that say which document.
var documentMembers = []string{TypedForm.names().url, TypedForm.names().month}

// uploadingReports returns the submitter of reports.
func (s *Estates) uploadingReports(jobs *engine.Jobs[ReportUpload, int64]) submitter {
	submit := selecting(s, jobs, estateIDs, documentMembers, rowOptions, func(p *problems, r Request, all bool) (u ReportUpload) {
		if all {
			u.Search = s.readSearch(p, r.Body.Member(p.names.search))
		}
		u.Source = readSource(p, r)
		u.Month = readMonth(p, r)
		return u
	})
	return s.keepingUpload(submit)
}

// readMonth reads the month that a document is for.
func readMonth(p *problems, r Request) estate.Month {
	v := r.Body.Member(p.names.month)
	if blank(v) {
		p.missing(p.names.month)
		return ""
	}
	m, ok := estate.ParseMonth(v.Text)
	if !ok || v.Kind != document.String && v.Kind != document.Number {
		p.add(domain.CodeInvalid, p.names.month, v, "expected", "month")
	}
	return m
}

// readSource reads where a document is: an upload of the tenant, or elsewhere.
func readSource(p *problems, r Request) (s Source) {
	field := p.names.url
	v := r.Body.Member(field)
	switch {
	case blank(v):
		p.missing(field)
		return s
	case v.Kind != document.String:
		p.add(domain.CodeInvalid, field, v, "expected", "url")
		return s
	}
	if r.Upload != nil {
		if id, ok := r.Upload(v.Text); ok {
			if id == "" {
				plain, _, _ := strings.Cut(v.Text, "?") // behind it is a signature
				p.addText(domain.CodeNotFound, field, plain)
			}
			return Source{Upload: id}
		}
	}
	u, err := url.Parse(v.Text)
	switch {
	case len(v.Text) > maxURL:
		p.add(domain.CodeTooLong, field, v, "max", strconv.Itoa(maxURL))
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || !isPort(u.Port()):
		p.add(domain.CodeInvalid, field, v, "expected", "url")
	}
	return Source{URL: v.Text}
}

// isPort reports whether a URL can have the port; "" is that of its scheme.
func isPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}

// keepingUpload makes sure that the upload that a request names is there and,
// once the job is accepted, that it stays until the job has been done and its
// failures were looked at.
func (s *Estates) keepingUpload(next submitter) submitter {
	submit := next.submit
	next.submit = func(ctx context.Context, who domain.Principal, r Request) (*domain.BatchJob, error) {
		v := r.Body.Member(r.form.names().url)
		if v.Kind != document.String || r.Upload == nil {
			return submit(ctx, who, r)
		}
		id, ok := r.Upload(v.Text)
		if !ok || id == "" {
			return submit(ctx, who, r)
		}
		_, err := s.deps.Uploads.Find(ctx, who.Tenant, id)
		switch domain.CodeOf(err) {
		case "":
		case domain.CodeNotFound:
			// Let the rest of the request be read too, so that all that is wrong is said at once.
			r.Upload = func(string) (string, bool) { return "", true }
		default:
			return nil, err
		}
		job, err := submit(ctx, who, r)
		if err == nil {
			// The job is stored, whatever comes of this: an import keeps its
			// workbook again before it reads it, and a report is in use.
			_ = s.deps.Uploads.Keep(ctx, who.Tenant, id, s.cfg.Now().Add(s.cfg.KeepSources))
		}
		return job, err
	}
	return next
}
