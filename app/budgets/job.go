package budgets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/app/options"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
	"github.com/batchport/batchport/ports"
)

// SyncJob is the payload of a job that syncs rules: which workbook has them,
// unless they were sent with the request. Preparing it reads the header.
type SyncJob struct {
	Upload  string  `json:"upload,omitempty"`
	Columns *layout `json:"columns,omitempty"` // nil until it was prepared
}

// Row is a row of a job.
type Row struct {
	Index   int               `json:"index"`             // in the job, from 0
	Sheet   int               `json:"sheet,omitempty"`   // of a workbook, as people see it, from 1; 0 for one that was sent with the request
	Sent    json.RawMessage   `json:"sent"`              // the row, an object where it is good
	Broken  map[string]string `json:"broken,omitempty"`  // by field: what formulas in cells of the row have come to
	Earlier *int              `json:"earlier,omitempty"` // where the nearest earlier row of the same code is: its number in the sheet, else its index; nil when there is none
}

// key names the row to people: by its number in the sheet, else by its code.
func (r Row) key() string {
	if r.Sheet > 0 {
		return strconv.Itoa(r.Sheet)
	}
	v, err := document.Parse(string(r.Sent))
	if err != nil {
		return ""
	}
	if code := codeOf(v); code != nil {
		return *code
	}
	return ""
}

// place is where people find the row: its number in the sheet, else its index.
func (r Row) place() int {
	if r.Sheet > 0 {
		return r.Sheet
	}
	return r.Index
}

// repeated is the warning about a row with an earlier one of its code.
func (r Row) repeated(code string) domain.Failure {
	if r.Sheet == 0 {
		return budget.Repeated(code, *r.Earlier)
	}
	return domain.NewFailure(domain.CodeDuplicate, budget.CodeField, code, "earlier_row", strconv.Itoa(*r.Earlier))
}

func (b *Budgets) kind() engine.Kind[SyncJob, Row] {
	return engine.Kind[SyncJob, Row]{
		Name:     Sync,
		Resource: "budget_rules",
		Key:      Row.key,
		Prepare:  b.prepare,
		Select:   b.rows,
		Apply:    b.applyRows,
		Foresee:  foresee,

		TriedTogether: b.cfg.MaxRows,
		ApplySize:     applySize,
		Admit: func(ctx context.Context, who domain.Principal) error {
			_, err := b.spend(ctx, who.Tenant)
			return err
		},
		Announce: announce,
	}
}

// foresee makes updates of rows that were tried as the first of their codes,
// where a chunk before theirs has a good row of the code.
func foresee(rows []Row, outcomes []domain.Outcome) {
	for i, row := range rows {
		if row.Earlier != nil && *row.Earlier < rows[0].place() && outcomes[i].Fate == domain.Created {
			outcomes[i].Fate = domain.Updated
		}
	}
}

// announce tells what a job has synced. One that only validated, or failed
// before it came to its rows, has synced nothing.
func announce(job *domain.BatchJob) ([]domain.Event, error) {
	report := job.Report()
	if job.Options().ValidateOnly || job.State() == domain.JobFailed && report.Succeeded() == 0 {
		return nil, nil
	}
	event, err := syncedEvent(job.Tenant(), job.ID(), job.Snapshot().EndedAt, syncedData{
		Sync: job.ID(), Job: job.ID(), User: job.User(),
		Total: report.Total, Created: report.Created, Updated: report.Updated,
	})
	if err != nil {
		return nil, err
	}
	return []domain.Event{event}, nil
}

// JobRequest is a request for a job.
type JobRequest struct {
	Body           document.Value    // the JSON document
	Locale         string            // the caller's language, such as "zh_TW"; "" when unknown
	IdempotencyKey string            // "" when the request is new each time
	Options        domain.JobOptions // those in the document come before them
	RetryOf        domain.JobID      // the job that the request has corrections of; "" for none

	// Upload says which upload of the tenant a URL leads to, if it is one that
	// this installation gave out for an upload. A URL of another tenant's upload
	// gives ok and no identifier. Nil means that no URL does.
	Upload func(url string) (id string, ok bool)
}

// Submit stores a job that syncs the rows of a request, which are in it or in a
// workbook that was uploaded, and returns it. It counts as one request of the
// quota, unless an idempotency key gives a job that is there. What is wrong with
// the request comes back all at once, in an error of [domain.CodeInvalid] or
// [domain.CodeTooMany]; [domain.CodeRateLimited] is a quota that is used up.
// Beyond that it fails as [engine.Jobs.Submit] does.
func (b *Budgets) Submit(ctx context.Context, who domain.Principal, r JobRequest) (*domain.BatchJob, error) {
	if err := b.jobs.Allowed(who); err != nil {
		return nil, err
	}
	request, err := b.readJob(ctx, who, r)
	if err != nil {
		return nil, err
	}
	job, err := b.jobs.Submit(ctx, who, request)
	b.noteRefusal(err)
	if err == nil && request.Payload.Upload != "" {
		// The job is stored, whatever comes of this: it keeps its workbook again
		// before it reads it.
		_ = b.deps.Uploads.Keep(ctx, who.Tenant, request.Payload.Upload, b.now().Add(b.cfg.KeepSources))
	}
	return job, err
}

// Correct submits a job that syncs rows of a job of the caller's tenant that
// failed from a workbook in which they were corrected: an upload at workbookURL.
// The job has the options of that job. Of r the body, the options and RetryOf
// do not matter. It fails as [Budgets.Submit] does.
func (b *Budgets) Correct(ctx context.Context, who domain.Principal, job *domain.BatchJob, workbookURL string, r JobRequest) (*domain.BatchJob, error) {
	r.Body = document.Value{Kind: document.Object, Members: []document.Member{
		{Name: urlField, Value: document.Value{Kind: document.String, Text: workbookURL}},
	}}
	r.Options, r.RetryOf = job.Options(), job.ID()
	return b.Submit(ctx, who, r)
}

// readJob reads a request for a job, and reports all that is wrong with it.
func (b *Budgets) readJob(ctx context.Context, who domain.Principal, r JobRequest) (engine.Request[SyncJob, Row], error) {
	none := engine.Request[SyncJob, Row]{}
	if r.Body.Kind != document.Object {
		return none, domain.Fail(domain.NewFailure(domain.CodeInvalid, "", r.Body.Sent(), "expected", "object"))
	}
	request := engine.Request[SyncJob, Row]{
		Locale: r.Locale, IdempotencyKey: r.IdempotencyKey, Options: r.Options, RetryOf: r.RetryOf,
	}
	var wrong []domain.Failure
	add := func(f domain.Failure) {
		if len(wrong) < maxWrong {
			wrong = append(wrong, f)
		}
	}
	for _, m := range r.Body.Members {
		if !slices.Contains([]string{dataField, urlField}, m.Name) && !slices.Contains(jobOptions, m.Name) {
			add(domain.NewFailure(domain.CodeUnknownField, document.ShortName(m.Name), m.Value.Sent()))
		}
	}
	treatment, faults := options.Read(r.Body, jobOptions...)
	for _, f := range faults {
		add(f)
	}
	if treatment != (domain.JobOptions{}) {
		request.Options = treatment
	}
	code := domain.CodeInvalid
	data, url := r.Body.Member(dataField), r.Body.Member(urlField)
	switch {
	case data.Kind != document.Null && url.Kind != document.Null:
		add(domain.NewFailure(domain.CodeDuplicate, urlField, url.Sent(), "other", dataField))
	case url.Kind != document.Null:
		id, f, err := b.readUpload(ctx, who, url, r.Upload)
		if err != nil {
			return none, err
		}
		if f != nil {
			add(*f)
		}
		request.All, request.Payload.Upload = true, id
	default:
		rows, faults := readRows(r.Body, b.cfg.MaxJobRows)
		if data.Kind == document.List && len(data.List) == 0 {
			faults = []domain.Failure{domain.NewFailure(domain.CodeRequired, dataField, "", "reason", "empty_list")}
		}
		for _, f := range faults {
			if add(f); f.Code == domain.CodeTooMany {
				code = f.Code
			}
		}
		request.Items = itemsOf(rows)
	}
	return request, domain.FailAll(code, wrong)
}

// jobOptions are the options that a job that syncs may have.
var jobOptions = []string{options.ValidateOnly, options.FailLimit}

// maxWrong bounds what is said about one request for a job.
const maxWrong = 1_000

// readUpload reads which upload of the tenant a URL leads to.
func (b *Budgets) readUpload(ctx context.Context, who domain.Principal, v document.Value, upload func(string) (string, bool)) (id string, wrong *domain.Failure, err error) {
	fail := func(code domain.Code, value string, pairs ...string) (string, *domain.Failure, error) {
		f := domain.NewFailure(code, urlField, value, pairs...)
		return "", &f, nil
	}
	if v.Kind != document.String || upload == nil {
		return fail(domain.CodeInvalid, v.Sent(), "expected", "upload")
	}
	plain, _, _ := strings.Cut(v.Text, "?") // behind it is a signature
	id, ok := upload(v.Text)
	switch {
	case !ok:
		return fail(domain.CodeInvalid, plain, "expected", "upload")
	case id == "":
		return fail(domain.CodeNotFound, plain)
	}
	_, err = b.deps.Uploads.Find(ctx, who.Tenant, id)
	if errors.Is(err, domain.CodeNotFound) {
		return fail(domain.CodeNotFound, plain)
	}
	return id, nil, err
}

// itemsOf are the rows of a request as items of a job.
func itemsOf(rows []document.Value) []Row {
	items := make([]Row, len(rows))
	seen := make(lastRows, len(rows))
	for i, v := range rows {
		items[i] = Row{Index: i, Sent: v.Append(nil)}
		items[i].Earlier = seen.earlier(items[i], v)
	}
	return items
}

// lastRows finds the nearest earlier row of a code among those that are good.
// It remembers a hash of each code: a workbook may have a million.
type lastRows map[uint64]int

var codeSeed = maphash.MakeSeed()

// earlier returns where the nearest good row before this one is that has its
// code, if it is good itself, and remembers it.
func (l lastRows) earlier(r Row, v document.Value) *int {
	judged := r.judge(v, nil)
	if judged.Faults != nil {
		return nil
	}
	hash := maphash.String(codeSeed, judged.Rule.Code)
	at, found := l[hash]
	l[hash] = r.place()
	if !found {
		return nil
	}
	return &at
}

// judge says what the row, which was sent as v, comes to.
func (r Row) judge(v document.Value, catalog budget.Catalog) budget.Checked {
	judged := judge(v, catalog)
	if len(r.Broken) == 0 {
		return judged
	}
	return budget.Checked{Rule: judged.Rule, Faults: r.withBroken(judged.Faults)}
}

// withBroken are the faults of a row without those that say that what a
// formula should give is missing, and with what it gave instead.
func (r Row) withBroken(faults []domain.Failure) (all []domain.Failure) {
	for _, field := range sheetFields {
		if value, broken := r.Broken[field]; broken {
			all = append(all, domain.NewFailure(domain.CodeInvalid, field, value, "expected", expectedOf(field)))
		}
	}
	for _, f := range faults {
		if _, broken := r.Broken[f.Field]; !broken {
			all = append(all, f)
		}
	}
	return all
}

// expectedOf is what a field should have, as its faults name it.
func expectedOf(field string) string {
	switch field {
	case budget.PriorityField:
		return "integer"
	case budget.ConditionField:
		return "condition"
	case budget.DeletedField:
		return "Y, N"
	}
	return "string"
}

// minNotes is how much may be said of a row by itself: all that there is
// ([budget.Check]).
const minNotes = 1_000

// applyRows stores those of the rows that can be.
func (b *Budgets) applyRows(ctx context.Context, job *domain.BatchJob, p SyncJob, rows []Row) ([]domain.Outcome, error) {
	catalog, err := b.catalog(ctx, job.Tenant())
	if err != nil {
		return nil, err
	}
	outcomes := make([]domain.Outcome, len(rows))
	good, place := make([]goodRow, 0, len(rows)), make([]int, 0, len(rows))
	room := max(minNotes, maxNotes/applySize*len(rows))
	for i, row := range rows {
		v, err := document.Parse(string(row.Sent))
		if err != nil {
			return nil, fmt.Errorf("read row %d: %w", row.Index, &domain.Error{Code: domain.CodeInternal, Err: err})
		}
		judged := row.judge(v, catalog)
		if judged.Faults != nil {
			outcomes[i] = domain.FailedWith(domain.Together(p.located(row, within(&room, judged.Faults))))
			continue
		}
		g := goodRow{index: row.Index, rule: judged.Rule, warnings: p.located(row, within(&room, judged.Warnings))}
		if row.Earlier != nil {
			g.warnings = append(g.warnings[:len(g.warnings):len(g.warnings)], row.repeated(judged.Rule.Code))
		}
		good, place = append(good, g), append(place, i)
	}
	wrong, err := b.checkBudgets(ctx, job.Tenant(), good)
	if err != nil {
		return nil, err
	}
	placed, at := make([]ports.PlacedRule, 0, len(good)), make([]int, 0, len(good))
	for k, g := range good {
		if f, bad := wrong[k]; bad {
			outcomes[place[k]] = domain.FailedWith(domain.Together(p.located(rows[place[k]], []domain.Failure{f})))
			continue
		}
		placed, at = append(placed, ports.PlacedRule{Position: g.index, Rule: g.rule}), append(at, k)
	}
	stored, err := b.deps.Rules.UpsertBudgetRules(ctx, job.Tenant(), ports.RuleBatch{ID: string(job.ID()), At: b.now()}, placed)
	if err != nil {
		return nil, err
	}
	for n, k := range at {
		if warnings := good[k].warnings; len(warnings) > 0 {
			warning := domain.Together(warnings)
			stored[n].Warning = &warning
		}
		outcomes[place[k]] = stored[n]
	}
	return outcomes, nil
}

// located says of the failures of a row of a workbook where they are.
func (p SyncJob) located(row Row, failures []domain.Failure) []domain.Failure {
	if row.Sheet == 0 || p.Columns == nil {
		return failures
	}
	for i, f := range failures {
		failures[i] = p.Columns.locate(f, row.Sheet)
	}
	return failures
}

// rows yields the rows of the job's workbook in their order.
func (b *Budgets) rows(ctx context.Context, job *domain.BatchJob, p SyncJob) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		// What is remembered of a million rows is much, for one workbook at a time.
		select {
		case b.planning <- struct{}{}:
			defer func() { <-b.planning }()
		case <-ctx.Done():
			yield(Row{}, ctx.Err())
			return
		}
		seen := lastRows{}
		index := 0
		err := b.open(ctx, job.Tenant(), p.Upload, func(book ports.WorkbookReader) error {
			for cells, err := range dataRows(ctx, book) {
				if err != nil {
					return err
				}
				row, v := p.Columns.read(cells, index)
				row.Earlier = seen.earlier(row, v)
				index++
				if !yield(row, nil) {
					return nil
				}
			}
			return nil
		})
		if err != nil {
			yield(Row{}, err)
		}
	}
}
