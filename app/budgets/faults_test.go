package budgets_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/app/engine"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
	"github.com/batchport/batchport/ports"
)

// flaky is a store whose call of a name fails.
type flaky struct {
	store
	failing atomic.Pointer[string]
	err     error
}

func (s *flaky) fails(name string) error {
	if failing := s.failing.Load(); failing != nil && *failing == name {
		return s.err
	}
	return nil
}

func (s *flaky) ReserveKey(ctx context.Context, key ports.IdempotencyKey, since time.Time) (domain.JobID, error) {
	if err := s.fails("ReserveKey"); err != nil {
		return "", err
	}
	return s.store.ReserveKey(ctx, key, since)
}

func (s *flaky) Spend(ctx context.Context, tenant domain.TenantID, name string, windows []domain.Window) (domain.QuotaUse, error) {
	if err := s.fails("Spend"); err != nil {
		return domain.QuotaUse{}, err
	}
	return s.store.Spend(ctx, tenant, name, windows)
}

func (s *flaky) UpsertBudgetRules(ctx context.Context, tenant domain.TenantID, batch ports.RuleBatch, rules []ports.PlacedRule) ([]domain.Outcome, error) {
	outcomes, err := s.store.UpsertBudgetRules(ctx, tenant, batch, rules)
	if failed := s.fails("UpsertBudgetRules"); failed != nil {
		return nil, failed
	}
	return outcomes, err
}

func (s *flaky) KeepAnswer(ctx context.Context, tenant domain.TenantID, sync domain.JobID, answer []byte, at time.Time) error {
	if err := s.fails("KeepAnswer"); err != nil {
		return err
	}
	return s.store.KeepAnswer(ctx, tenant, sync, answer, at)
}

func (s *flaky) AddEvents(ctx context.Context, events []domain.Event) error {
	if err := s.fails("AddEvents"); err != nil {
		return err
	}
	return s.store.AddEvents(ctx, events)
}

// InTx loses the answer of a commit.
func (s *flaky) InTx(ctx context.Context, fn func(context.Context) error) error {
	if err := s.store.InTx(ctx, fn); err != nil {
		return err
	}
	return s.fails("commit")
}

const someRows = `{"code":"A","priority":1,"budget_code":"B","rule_condition":{"a":1}},{"code":"A","priority":-1}`

// TestFaultsLeaveNothing has the store fail at each step of a request: then
// neither rules nor the bizId, the quota, the answer and the event are there.
func TestFaultsLeaveNothing(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"ReserveKey", "Spend", "UpsertBudgetRules", "KeepAnswer", "AddEvents"} {
		for _, cause := range []error{domain.Unavailable(errors.New("lost")), errors.New("nobody foresaw it")} {
			s := &flaky{store: memory.NewStore(time.Now), err: cause}
			f, who := newFixture(t, options{store: s}), somebody()
			s.failing.Store(&step)
			_, err := f.budgets.Sync(t.Context(), who, valueOf(t, envelope("b", "1636600092809", []string{someRows})))
			if !errors.Is(err, cause) || domain.CodeOf(err) != domain.CodeOf(cause) {
				t.Errorf("%s fails: Sync() = %v, want %v", step, err, cause)
			}
			s.failing.Store(nil)
			if table := f.table(t, who, true); table != nil {
				t.Errorf("%s fails: the rules are %q, want none", step, table)
			}
			if use, err := f.budgets.Usage(t.Context(), who); err != nil || use.Windows[0].Left != 50 || use.Windows[1].Left != 150 {
				t.Errorf("%s fails: Usage() = %+v, %v; want nothing used", step, use, err)
			}
			if events, err := f.store.UnpublishedEvents(t.Context(), 10); err != nil || len(events) > 0 {
				t.Errorf("%s fails: the events are %v, %v; want none", step, events, err)
			}
			synced, err := f.budgets.Sync(t.Context(), who, valueOf(t, envelope("b", "1636600092809", []string{`{}`})))
			if err != nil || synced.Repeated || len(synced.Answer.Faulty) != 4 {
				t.Errorf("%s fails: Sync(other rows) = %+v, %v; want the bizId to be free", step, synced, err)
			}
		}
	}
}

// TestLostCommitsAreFoundAgain loses the answer of the commit: whoever asks
// again has the work done once.
func TestLostCommitsAreFoundAgain(t *testing.T) {
	t.Parallel()
	s := &flaky{store: memory.NewStore(time.Now), err: domain.Unavailable(errors.New("lost"))}
	f, who := newFixture(t, options{store: s}), somebody()
	body := valueOf(t, envelope("b", "1636600092809", []string{someRows}))
	step := "commit"
	s.failing.Store(&step)
	if _, err := f.budgets.Sync(t.Context(), who, body); !errors.Is(err, domain.CodeUnavailable) {
		t.Fatalf("Sync() = %v, want unavailable", err)
	}
	s.failing.Store(nil)
	synced, err := f.budgets.Sync(t.Context(), who, body)
	if err != nil || !synced.Repeated || synced.Answer.Created != 1 || len(synced.Answer.Faulty) != 2+1 || synced.Quota.Windows[0].Left != 49 {
		t.Errorf("Sync() again = %+v, %v; want the stored answer, and one use of the quota", synced, err)
	}
	if table := f.table(t, who, true); len(table) != 1 || !strings.HasSuffix(table[0], "after 1") {
		t.Errorf("the rules are %q, want one stored once", table)
	}
	if events, err := f.store.UnpublishedEvents(t.Context(), 10); err != nil || len(events) != 1 {
		t.Errorf("the events are %v, %v; want one", events, err)
	}
}

// TestIdentifiersThatAreTaken has the source of identifiers repeat itself.
func TestIdentifiersThatAreTaken(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 3, 21, 5, 6, 0, time.UTC)
	for _, c := range []struct {
		random []uint64
		taken  bool
	}{
		{[]uint64{1, 1, 2}, false},
		{[]uint64{1, 1, 1, 2}, false},
		{[]uint64{1, 1, 1, 1, 2}, true},
	} {
		next := 0
		f, who := newFixture(t, options{config: budgets.Config{
			Now:    func() time.Time { return now },
			Random: func() uint64 { next++; return c.random[next-1] },
		}}), somebody()
		if _, err := f.budgets.Sync(t.Context(), who, valueOf(t, envelope("b1", "1636600092809", nil))); err != nil {
			t.Fatalf("Sync() = %v", err)
		}
		synced, err := f.budgets.Sync(t.Context(), who, valueOf(t, envelope("b2", "1636600092809", []string{someRows})))
		if c.taken {
			if domain.CodeOf(err) != domain.CodeInternal || f.table(t, who, true) != nil {
				t.Errorf("Sync() with the identifiers %v = %v, want internal and nothing stored", c.random, err)
			}
			continue
		}
		if err != nil || synced.Repeated || synced.Answer.BizID != "b2" || synced.Quota.Windows[0].Left != 48 {
			t.Errorf("Sync() with the identifiers %v = %+v, %v; want an answer of its own", c.random, synced, err)
		}
	}
}

// TestAnswersAreKeptAsLongAsTheirKeys moves the clock: as long as a bizId
// holds, its answer is there, and later neither is.
func TestAnswersAreKeptAsLongAsTheirKeys(t *testing.T) {
	t.Parallel()
	const week = 7 * 24 * time.Hour
	for _, s := range []store{inMemory(t), onSQLite(t)} {
		began := time.Date(2026, 11, 3, 21, 5, 6, 0, time.UTC)
		now := began
		f, who, other := newFixture(t, options{store: s, config: budgets.Config{Unlimited: true, Now: func() time.Time { return now }}}), somebody(), somebody()
		body := valueOf(t, envelope("b", "1636600092809", []string{someRows}))
		sync := func(after time.Duration) (repeated bool, updated int) {
			t.Helper()
			now = began.Add(after)
			synced, err := f.budgets.Sync(t.Context(), who, body)
			if err != nil {
				t.Fatalf("Sync() after %v = %v", after, err)
			}
			if _, err := f.budgets.Sync(t.Context(), other, valueOf(t, envelope(fmt.Sprint(after.Nanoseconds()), "1636600092809", nil))); err != nil {
				t.Fatalf("Sync() of another after %v = %v", after, err)
			}
			if _, err := f.budgets.PurgeAnswers(t.Context(), 1000); err != nil {
				t.Fatalf("PurgeAnswers() after %v = %v", after, err)
			}
			return synced.Repeated, synced.Answer.Updated
		}
		for _, c := range []struct {
			after    time.Duration
			repeated bool
			updated  int
		}{
			{0, false, 0},
			{time.Second, true, 0},
			{week, true, 0},
			{week + time.Microsecond, false, 1},
			{2 * week, true, 1},
			{2*week + 2*time.Microsecond, false, 1},
		} {
			if repeated, updated := sync(c.after); repeated != c.repeated || updated != c.updated {
				t.Errorf("Sync() after %v: repeated %t, updated %d; want %t, %d", c.after, repeated, updated, c.repeated, c.updated)
			}
		}
		now = began.Add(5 * week)
		for _, want := range []bool{true, false} { // what a week alone has left, and then nothing
			if n, err := f.budgets.PurgeAnswers(t.Context(), 1000); err != nil || n > 0 != want {
				t.Errorf("PurgeAnswers() = %d, %v; want something purged: %t", n, err, want)
			}
		}
	}
}

// careless is a host that breaks its promises.
type careless struct {
	host
	verdicts func(codes []string) ([]*domain.Failure, error)
	columns  error
}

func (c careless) KnownColumns(context.Context, domain.TenantID) (budget.Catalog, error) {
	return nil, c.columns
}

func (c careless) CheckBudgetCodes(_ context.Context, _ domain.TenantID, codes []string) ([]*domain.Failure, error) {
	return c.verdicts(codes)
}

// TestHostsThatFail has the host fail to say what it knows: the request fails,
// and leaves nothing.
func TestHostsThatFail(t *testing.T) {
	t.Parallel()
	down := domain.Unavailable(errors.New("the host's service is down"))
	all := func(codes []string) ([]*domain.Failure, error) { return make([]*domain.Failure, len(codes)), nil }
	for name, c := range map[string]struct {
		careless
		want domain.Code
	}{
		"columns":                {careless{columns: down, verdicts: all}, domain.CodeUnavailable},
		"budgets":                {careless{verdicts: func([]string) ([]*domain.Failure, error) { return nil, down }}, domain.CodeUnavailable},
		"budgets, unclassified":  {careless{verdicts: func([]string) ([]*domain.Failure, error) { return nil, errors.New("x") }}, domain.CodeInternal},
		"nothing known, no harm": {careless{verdicts: all}, ""},
	} {
		s := memory.NewStore(time.Now)
		f, who := newHosted(t, s, c.careless), somebody()
		_, err := f.budgets.Sync(t.Context(), who, valueOf(t, envelope("b", "1636600092809", []string{someRows})))
		if domain.CodeOf(err) != c.want {
			t.Errorf("%s: Sync() = %v, want %q", name, err, c.want)
		}
		use, usage := f.budgets.Usage(t.Context(), who)
		if left := map[bool]int{true: 50, false: 49}[c.want != ""]; usage != nil || use.Windows[0].Left != left {
			t.Errorf("%s: Usage() = %+v, %v; want %d left", name, use, usage, left)
		}
	}
}

// newHosted is a fixture with a host of its own.
func newHosted(t *testing.T, s store, h careless) fixture {
	t.Helper()
	f := newFixture(t, options{store: s})
	eng, err := engine.New(engine.Deps{Store: s, Bell: memory.NewBell()}, engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	f.engine = eng
	if f.budgets, err = budgets.New(eng, budgets.Deps{
		Store: s, Rules: s, Uploads: f.uploads, Workbooks: noBooks{}, Sheets: books{}, Labels: labels, Messages: messages, Columns: h, Codes: h,
	}, budgets.Config{}); err != nil {
		t.Fatal(err)
	}
	return f
}

type noBooks struct{ ports.Workbooks }

// TestNew says all that is missing or wrong at once.
func TestNew(t *testing.T) {
	t.Parallel()
	eng, err := engine.New(engine.Deps{Store: memory.NewStore(time.Now), Bell: memory.NewBell()}, engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := budgets.New(eng, budgets.Deps{}, budgets.Config{PerHour: -1})
	if b != nil || err == nil {
		t.Fatalf("New() = %v, %v; want an error", b, err)
	}
	for _, part := range []string{"Store", "Rules", "Uploads", "Workbooks", "Sheets", "Labels", "Messages", "negative"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("New() = %v, want %s in it", err, part)
		}
	}
	for _, cfg := range []budgets.Config{{MaxRows: -1}, {MaxJobRows: -1}, {PerHour: -1}, {PerDay: -1}, {KeepAnswers: -1}, {KeepSources: -1}} {
		s := memory.NewStore(time.Now)
		f := newFixture(t, options{store: s})
		_, err := budgets.New(f.engine, budgets.Deps{
			Store: s, Rules: s, Uploads: f.uploads, Workbooks: noBooks{}, Sheets: books{}, Labels: labels, Messages: messages,
		}, cfg)
		if err == nil || !strings.Contains(err.Error(), "negative") {
			t.Errorf("New(%+v) = %v, want a negative setting refused", cfg, err)
		}
	}
}

// TestTwoSyncsOfTheSameCodes has many requests at once store the same rules in
// opposite orders: none waits for ever, each answers for its rows, and one of
// them has created each rule.
func TestTwoSyncsOfTheSameCodes(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) store{"memory": inMemory, "sqlite": onSQLite} {
		f, who := newFixture(t, options{store: open(t), config: budgets.Config{Unlimited: true}}), somebody()
		const requests, codes = 8, 300
		rows := make([]string, codes)
		for i := range rows {
			rows[i] = goodRowWith(fmt.Sprint("R", i), `"budget_event":"E"`)
		}
		answers := make(chan budgets.Answer, requests)
		for n := range requests {
			sent := slices.Clone(rows)
			if n%2 == 0 {
				slices.Reverse(sent)
			}
			body := valueOf(t, envelope(fmt.Sprint("b", n), "1636600092809", sent))
			go func() {
				synced, err := f.budgets.Sync(context.Background(), who, body)
				if err != nil {
					t.Errorf("%s: Sync() = %v", name, err)
				}
				answers <- synced.Answer
			}()
		}
		created, updated := 0, 0
		for range requests {
			a := <-answers
			created, updated = created+a.Created, updated+a.Updated
		}
		if table := f.table(t, who, true); created != codes || updated != codes*(requests-1) || len(table) != codes || !strings.HasSuffix(table[7], " after 8") {
			t.Errorf("%s: %d created, %d updated and %d rules, want each created once and stored 8 times", name, created, updated, len(table))
		}
	}
}
