package estates

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

// The kinds of jobs, by their names in the source interface.
const (
	OpenRent          domain.Kind = "estate_batch_open_rent"             // advertises estates
	CloseRent         domain.Kind = "estate_batch_close_rent"            // withdraws the advertisements
	UploadReport      domain.Kind = "estate_batch_upload_monthly_report" // attaches a monthly report to estates
	ImportStatement   domain.Kind = "estate_import_monthly_statement"    // stores the lines of a workbook
	EditLandlord      domain.Kind = "estate_batch_edit_bigLandlord"      // gives, changes and removes big landlords
	EditAgent         domain.Kind = "estate_batch_edit_agent"            // puts agents in charge of estates or contracts
	Export            domain.Kind = "estate_export"                      // writes estates into a workbook
	ExportCommunities domain.Kind = "community_export"
	ExportContracts   domain.Kind = "contract_export"
	ExportRepairs     domain.Kind = "repair_export"
)

// Kinds lists the kinds of jobs.
func Kinds() []domain.Kind {
	return []domain.Kind{
		OpenRent, CloseRent, UploadReport, ImportStatement, EditLandlord, EditAgent,
		Export, ExportCommunities, ExportContracts, ExportRepairs,
	}
}

// CodeUnknownJob is a job_name that names no kind.
const CodeUnknownJob domain.Code = "unknown_job_name"

// Uploads keeps the files that clients sent, and those that were fetched for
// them: [uploads.Uploads].
type Uploads interface {
	Find(ctx context.Context, tenant domain.TenantID, id string) (ports.Upload, error)
	Open(ctx context.Context, tenant domain.TenantID, id string) (ports.Upload, ports.FileReader, error)
	Keep(ctx context.Context, tenant domain.TenantID, id string, until time.Time) error
	Write(ctx context.Context, tenant domain.TenantID, user domain.UserID, name string, write func(io.Writer) error) (ports.Upload, error)
}

// Contracts finds and reads contracts.
type Contracts interface {
	ports.ContractSelector
	ports.ContractReader
}

// Deps is what the kinds work with. All of it is required.
type Deps struct {
	Selector    ports.EstateSelector
	Reader      ports.EstateReader
	Communities ports.CommunityReader
	Contracts   Contracts
	Repairs     ports.RepairReader
	Users       ports.Users
	Listings    ports.Listings
	Agents      ports.Agents
	Grants      ports.Grants
	Reports     ports.Reports
	Statements  ports.Statements
	Uploads     Uploads
	Fetcher     ports.Fetcher
	Workbooks   ports.Workbooks      // makes workbooks
	Sheets      ports.WorkbookSource // reads those of others
	Labels      ports.Labels
	Messages    ports.Messages
}

// Config is how the kinds work. The zero value is good.
type Config struct {
	// MaxNamed is how many objects a request may name one by one. Zero means 100,000.
	MaxNamed int

	// IgnoredOptions are search options that are passed over, because they say
	// how a list is shown and not what is in it. Nil means page, per_page,
	// limit, sort and order.
	IgnoredOptions []string

	// Capabilities are what a big landlord may be given. Nil means
	// [estate.Capabilities].
	Capabilities []estate.Capability

	// KeepSources is how long the workbook behind a job is kept at least, from
	// its submission: as long, its failed rows can be had as they were. Zero
	// means 30 days.
	KeepSources time.Duration

	// Zone is where the days in names of files begin. Nil means UTC.
	Zone *time.Location

	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

func (c Config) withDefaults() Config {
	if c.MaxNamed == 0 {
		c.MaxNamed = 100_000
	}
	if c.IgnoredOptions == nil {
		c.IgnoredOptions = []string{"page", "per_page", "limit", "sort", "order"}
	}
	if c.Capabilities == nil {
		c.Capabilities = estate.Capabilities()
	}
	if c.KeepSources == 0 {
		c.KeepSources = 30 * 24 * time.Hour
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the one place where the clock comes in
	}
	return c
}

func (c Config) valid() error {
	var problems []error
	if c.MaxNamed < 0 || c.KeepSources < 0 {
		problems = append(problems, errors.New("estates: a setting of Config is negative"))
	}
	for _, capability := range c.Capabilities {
		if !capability.WellFormed() {
			problems = append(problems, fmt.Errorf("estates: Config.Capabilities: %q is no name of a capability", capability))
		}
	}
	return errors.Join(problems...)
}

// Estates submits jobs on estates and on what belongs to them, and tells what
// they have done. It is safe for concurrent use.
type Estates struct {
	deps  Deps
	cfg   Config
	kinds map[domain.Kind]submitter
}

// New registers the kinds with an engine that does not run yet. What is
// missing in deps or wrong in cfg is reported together.
func New(e *engine.Engine, deps Deps, cfg Config) (*Estates, error) {
	if err := errors.Join(deps.complete(), cfg.valid()); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &Estates{deps: deps, cfg: cfg, kinds: map[domain.Kind]submitter{}}
	if err := errors.Join(
		add(s, e, listingKind(OpenRent, true, deps), func(jobs *engine.Jobs[Search, int64]) submitter {
			return searching(s, jobs, estateIDs, setOptions, s.readSearch)
		}),
		add(s, e, listingKind(CloseRent, false, deps), func(jobs *engine.Jobs[Search, int64]) submitter {
			return searching(s, jobs, estateIDs, setOptions, s.readSearch)
		}),
		add(s, e, reportKind(deps), s.uploadingReports),
		add(s, e, s.importer().kind(), s.importingStatements),
		add(s, e, landlordKind(deps), s.editingLandlords),
		add(s, e, agentKind(deps), s.editingAgents),
		addExport(s, e, s.estateExport(), estateIDs, s.readSearch),
		addExport(s, e, s.communityExport(), communityIDs, s.readCommunitySearch),
		addExport(s, e, s.contractExport(), contractIDs, s.readContractSearch),
		addExport(s, e, s.repairExport(), repairIDs, s.readRepairSearch),
	); err != nil {
		return nil, err
	}
	return s, nil
}

// add registers a kind, whose requests submit reads.
func add[P, I any](s *Estates, e *engine.Engine, kind engine.Kind[P, I], submit func(*engine.Jobs[P, I]) submitter) error {
	jobs, err := engine.Register(e, kind)
	if err == nil {
		s.kinds[kind.Name] = submit(jobs)
	}
	return err
}

// addExport registers an export, whose requests have the objects in the field,
// or a search that read reads.
func addExport[P, R any](s *Estates, e *engine.Engine, x exporter[P, R], field string, read func(*problems, document.Value) P) error {
	jobs, err := engine.RegisterExport(e, x.kind())
	if err == nil {
		s.kinds[x.name] = searching(s, jobs, field, nil, read)
	}
	return err
}

func (d Deps) complete() error {
	var problems []error
	for _, dep := range []struct {
		name    string
		missing bool
	}{
		{"Selector", d.Selector == nil},
		{"Reader", d.Reader == nil},
		{"Communities", d.Communities == nil},
		{"Contracts", d.Contracts == nil},
		{"Repairs", d.Repairs == nil},
		{"Users", d.Users == nil},
		{"Listings", d.Listings == nil},
		{"Agents", d.Agents == nil},
		{"Grants", d.Grants == nil},
		{"Reports", d.Reports == nil},
		{"Statements", d.Statements == nil},
		{"Uploads", d.Uploads == nil},
		{"Fetcher", d.Fetcher == nil},
		{"Workbooks", d.Workbooks == nil},
		{"Sheets", d.Sheets == nil},
		{"Labels", d.Labels == nil},
		{"Messages", d.Messages == nil},
	} {
		if dep.missing {
			problems = append(problems, errors.New("estates: Deps."+dep.name+" is missing"))
		}
	}
	return errors.Join(problems...)
}
