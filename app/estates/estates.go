package estates

import (
	"context"
	"errors"
	"time"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// The kinds of jobs, by their names in the source interface.
const (
	OpenRent  domain.Kind = "estate_batch_open_rent"  // advertises estates
	CloseRent domain.Kind = "estate_batch_close_rent" // withdraws the advertisements
	Export    domain.Kind = "estate_export"           // writes estates into a workbook
)

// CodeUnknownJob is a job_name that names no kind.
const CodeUnknownJob domain.Code = "unknown_job_name"

// Deps is what the kinds work with. All of it is required.
type Deps struct {
	Selector  ports.EstateSelector
	Reader    ports.EstateReader
	Listings  ports.Listings
	Workbooks ports.Workbooks
	Labels    ports.Labels
}

// Config is how the kinds work. The zero value is good.
type Config struct {
	// MaxNamed is how many estates a request may name one by one. Zero means 100,000.
	MaxNamed int

	// IgnoredOptions are search options that are passed over, because they say
	// how a list is shown and not what is in it. Nil means page, per_page,
	// limit, sort and order.
	IgnoredOptions []string

	// Zone is where the days in names of files begin. Nil means UTC.
	Zone *time.Location
}

func (c Config) withDefaults() Config {
	if c.MaxNamed == 0 {
		c.MaxNamed = 100_000
	}
	if c.IgnoredOptions == nil {
		c.IgnoredOptions = []string{"page", "per_page", "limit", "sort", "order"}
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	return c
}

// Estates submits jobs on estates. It is safe for concurrent use.
type Estates struct {
	cfg   Config
	kinds map[domain.Kind]submitter
}

// submitter reads the rest of a request for one kind and submits it.
type submitter func(ctx context.Context, who domain.Principal, r Request) (*domain.BatchJob, error)

// New registers the kinds with an engine that does not run yet. What is
// missing in deps is reported together.
func New(e *engine.Engine, deps Deps, cfg Config) (*Estates, error) {
	if err := deps.complete(); err != nil {
		return nil, err
	}
	if cfg.MaxNamed < 0 {
		return nil, errors.New("estates: Config.MaxNamed is negative")
	}
	s := &Estates{cfg: cfg.withDefaults(), kinds: map[domain.Kind]submitter{}}
	for kind, listed := range map[domain.Kind]bool{OpenRent: true, CloseRent: false} {
		jobs, err := engine.Register(e, listingKind(kind, listed, deps))
		if err != nil {
			return nil, err
		}
		s.kinds[kind] = s.selecting(jobs)
	}
	jobs, err := engine.RegisterExport(e, exporter{Deps: deps, zone: s.cfg.Zone}.kind())
	if err != nil {
		return nil, err
	}
	s.kinds[Export] = s.selecting(jobs)
	return s, nil
}

func (d Deps) complete() error {
	var problems []error
	for _, dep := range []struct {
		name    string
		missing bool
	}{
		{"Selector", d.Selector == nil},
		{"Reader", d.Reader == nil},
		{"Listings", d.Listings == nil},
		{"Workbooks", d.Workbooks == nil},
		{"Labels", d.Labels == nil},
	} {
		if dep.missing {
			problems = append(problems, errors.New("estates: Deps."+dep.name+" is missing"))
		}
	}
	return errors.Join(problems...)
}
