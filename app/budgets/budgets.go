package budgets

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Sync is the kind of the job that syncs rules, and the permission to sync
// them in either way.
const Sync domain.Kind = "budget_rule_sync"

// Read is the permission to read rules. Whoever may sync them may read them too.
const Read domain.Permission = "budget_rule_read"

// Store is what the store of the engine does for syncs, besides what it does
// for the engine: all of it takes part in its transactions.
type Store interface {
	ports.Transactions
	ports.IdempotencyKeys
	ports.SyncAnswers
	ports.Quotas
}

// Uploads keeps the files that clients sent: [uploads.Uploads].
type Uploads interface {
	Find(ctx context.Context, tenant domain.TenantID, id string) (ports.Upload, error)
	Open(ctx context.Context, tenant domain.TenantID, id string) (ports.Upload, ports.FileReader, error)
	Keep(ctx context.Context, tenant domain.TenantID, id string, until time.Time) error
}

// Deps is what syncs work with. All but Columns, Codes and Telemetry is required.
type Deps struct {
	Store     Store             // the engine's
	Rules     ports.BudgetRules // takes part in the transactions of Store
	Uploads   Uploads
	Workbooks ports.Workbooks      // makes workbooks
	Sheets    ports.WorkbookSource // reads those of others
	Labels    ports.Labels
	Messages  ports.Messages
	Columns   ports.BudgetColumns // nil: conditions may name any column
	Codes     ports.BudgetCodes   // nil: rules may name any budget
	Telemetry ports.Telemetry     // told of requests that the quota refuses; nil when nobody watches
}

// Config is how syncs work. The zero value is good.
type Config struct {
	MaxRows     int           // rows of one synchronous request. Zero means 10,000.
	MaxJobRows  int           // rows of one job that are sent with its request. Zero means 100,000.
	PerHour     int           // requests of one tenant in any 60 minutes. Zero means 50.
	PerDay      int           // requests of one tenant in any 24 hours. Zero means 150.
	Unlimited   bool          // requests are not counted
	KeepAnswers time.Duration // how long a bizId gives the same answer; no longer than the engine's KeepKeys. Zero means as long as these.
	KeepSources time.Duration // how long the workbook behind a job is kept at least, from its submission. Zero means 30 days.

	Now    func() time.Time // Zero means time.Now.
	Random func() uint64    // makes identifiers. Zero means math/rand/v2.
}

func (c Config) withDefaults(keepKeys time.Duration) Config {
	set(&c.MaxRows, 10_000)
	set(&c.MaxJobRows, 100_000)
	set(&c.PerHour, 50)
	set(&c.PerDay, 150)
	set(&c.KeepAnswers, keepKeys)
	set(&c.KeepSources, 30*24*time.Hour)
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the one place where the clock comes in
	}
	if c.Random == nil {
		c.Random = rand.Uint64
	}
	return c
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Budgets syncs rules and shows them. It is safe for concurrent use.
type Budgets struct {
	engine *engine.Engine
	deps   Deps
	cfg    Config
	jobs   *engine.Jobs[SyncJob, Row]

	planning chan struct{} // has a token while the rows of a workbook are read
}

// New registers the kind with an engine that does not run yet. What is missing
// in deps or wrong in cfg is reported together.
func New(e *engine.Engine, deps Deps, cfg Config) (b *Budgets, err error) {
	if err := errors.Join(deps.complete(), cfg.valid()); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults(e.KeepKeys())
	if cfg.KeepAnswers > e.KeepKeys() {
		return nil, fmt.Errorf("budgets: Config.KeepAnswers is %v, longer than the engine's KeepKeys, which is %v: a bizId would be forgotten before its answer",
			cfg.KeepAnswers, e.KeepKeys())
	}
	b = &Budgets{engine: e, deps: deps, cfg: cfg, planning: make(chan struct{}, 1)}
	if b.jobs, err = engine.Register(e, b.kind()); err != nil {
		return nil, err
	}
	return b, e.AddPurge(engine.Purge{What: "answers of budget syncs", Step: b.PurgeAnswers})
}

func (d Deps) complete() error {
	var problems []error
	for _, dep := range []struct {
		name    string
		missing bool
	}{
		{"Store", d.Store == nil},
		{"Rules", d.Rules == nil},
		{"Uploads", d.Uploads == nil},
		{"Workbooks", d.Workbooks == nil},
		{"Sheets", d.Sheets == nil},
		{"Labels", d.Labels == nil},
		{"Messages", d.Messages == nil},
	} {
		if dep.missing {
			problems = append(problems, errors.New("budgets: Deps."+dep.name+" is missing"))
		}
	}
	return errors.Join(problems...)
}

func (c Config) valid() error {
	if c.MaxRows < 0 || c.MaxJobRows < 0 || c.PerHour < 0 || c.PerDay < 0 || c.KeepAnswers < 0 || c.KeepSources < 0 {
		return errors.New("budgets: a setting of Config is negative")
	}
	return nil
}

// now is the time as every store keeps it.
func (b *Budgets) now() time.Time { return b.cfg.Now().UTC().Truncate(time.Microsecond) }
