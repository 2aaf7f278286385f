package budgets

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

// Synced is how a synchronous request was answered.
type Synced struct {
	Answer   Answer
	Repeated bool            // it is the stored answer to an earlier request of the same bizId
	Quota    domain.QuotaUse // what is left of the tenant's quota; no windows when requests are not counted
}

// Sync stores the rules of a request of the source interface, each by itself,
// and answers what became of its rows: also when all of them failed. In one
// transaction it counts the request, stores what can be stored, keeps the
// answer and adds the event that tells of it; after an error nothing of that is
// there, except after [domain.CodeUnavailable], when it may be: the same request
// again finds out, since one bizId does its work once.
//
// What is wrong with the envelope comes back all at once, in an error of
// [domain.CodeInvalid] or, with more rows than [Config.MaxRows], of
// [domain.CodeTooMany]. [domain.CodeForbidden] is a caller who may not sync,
// [domain.CodeConflict] a bizId that came before with other rows, and
// [domain.CodeRateLimited] a tenant whose quota is used up; with that one
// Synced says so too.
func (b *Budgets) Sync(ctx context.Context, who domain.Principal, body document.Value) (Synced, error) {
	if err := b.jobs.Allowed(who); err != nil {
		return Synced{}, err
	}
	r, err := b.readRequest(body)
	if err != nil {
		return Synced{}, err
	}
	print := make(chan string, 1)
	go func() { print <- r.fingerprint() }() // which takes about as long as the check
	c, err := b.check(ctx, who.Tenant, r)
	if r.print = <-print; err != nil {
		return Synced{}, err
	}
	var s Synced
	for range 3 { // until an identifier is free
		s, err = b.store(ctx, who, r, c)
		if !errors.Is(err, errTaken) {
			break
		}
	}
	b.noteRefusal(err)
	if err != nil {
		return s, fmt.Errorf("sync budget rules: %w", err)
	}
	return s, nil
}

// errTaken is an identifier that another sync has.
var errTaken = &domain.Error{Code: domain.CodeInternal, Err: errors.New("the identifier of a sync is taken")}

// checked are the rows of a request before the store has seen them.
type checked struct {
	good   []goodRow
	faulty notes
}

// check judges the rows.
func (b *Budgets) check(ctx context.Context, tenant domain.TenantID, r request) (checked, error) {
	catalog, err := b.catalog(ctx, tenant)
	if err != nil {
		return checked{}, err
	}
	room := maxNotes
	c := checked{good: make([]goodRow, 0, len(r.rows)), faulty: notes{room: &room}}
	warned := maxNotes // so that good rows, too, hold no more than their first
	for i, row := range r.rows {
		judged := judge(row, catalog)
		if judged.Faults != nil {
			c.faulty.add(i, codeOf(row), judged.Faults...)
			continue
		}
		c.good = append(c.good, goodRow{index: i, rule: judged.Rule, warnings: within(&warned, judged.Warnings)})
	}
	warnRepeats(c.good)
	return c, nil
}

// store does all that a request leaves behind, or finds what it left before.
func (b *Budgets) store(ctx context.Context, who domain.Principal, r request, c checked) (s Synced, err error) {
	now := b.now()
	id := domain.NewJobID(now, b.cfg.Random())
	err = b.engine.InTx(ctx, func(ctx context.Context) error {
		s = Synced{} // in case that the transaction is tried again
		taken, err := b.deps.Store.ReserveKey(ctx, ports.IdempotencyKey{
			Tenant: who.Tenant, Key: keyOf(r.bizID), Fingerprint: r.print, Job: id, At: now,
		}, now.Add(-b.cfg.KeepAnswers))
		if errors.Is(err, domain.CodeMismatch) {
			return &domain.Error{Code: domain.CodeConflict, Failures: []domain.Failure{domain.NewFailure(domain.CodeMismatch, bizField, r.bizID)}}
		}
		if err != nil {
			return err
		}
		if taken != id {
			s, err = b.again(ctx, who, taken)
			return err
		}
		if s.Quota, err = b.spend(ctx, who.Tenant); err != nil {
			return err
		}
		if s.Answer, err = b.apply(ctx, who.Tenant, ports.RuleBatch{ID: string(id), At: now}, r, c); err != nil {
			return err
		}
		return b.keep(ctx, who, id, now, len(r.rows), s.Answer)
	})
	return s, err
}

// keyOf is the idempotency key of a bizId. No header can hold it, and so no
// other request has it.
func keyOf(bizID string) string { return "budget\x1f" + bizID }

// again answers as the sync of the identifier was answered.
func (b *Budgets) again(ctx context.Context, who domain.Principal, sync domain.JobID) (Synced, error) {
	text, err := b.deps.Store.FindAnswer(ctx, who.Tenant, sync)
	if err != nil {
		return Synced{}, fmt.Errorf("find the answer of sync %s: %w", sync, err)
	}
	s := Synced{Repeated: true}
	if s.Answer, err = decodeAnswer(text); err != nil {
		return Synced{}, err
	}
	s.Quota, err = b.Usage(ctx, who)
	return s, err
}

// apply stores the good rows and answers for all.
func (b *Budgets) apply(ctx context.Context, tenant domain.TenantID, batch ports.RuleBatch, r request, c checked) (Answer, error) {
	wrong, err := b.checkBudgets(ctx, tenant, c.good)
	if err != nil {
		return Answer{}, err
	}
	room := *c.faulty.room
	faulty, refused, warnings := notes{list: c.faulty.list[:len(c.faulty.list):len(c.faulty.list)], room: &room}, notes{room: &room}, notes{room: &room}
	good := make([]goodRow, 0, len(c.good))
	for i, row := range c.good {
		if f, bad := wrong[i]; bad {
			faulty.add(row.index, codeOf(r.rows[row.index]), f)
			continue
		}
		good = append(good, row)
	}
	outcomes, err := b.upsert(ctx, tenant, batch, good)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{BizID: r.bizID}
	for i, o := range outcomes {
		code := &good[i].rule.Code
		switch o.Fate {
		case domain.Failed:
			refused.add(good[i].index, code, *o.Failure)
			continue
		case domain.Created:
			a.Created++
		default:
			a.Updated++
		}
		warnings.add(good[i].index, code, good[i].warnings...)
	}
	a.Faulty, a.Refused, a.Warnings = faulty.sorted(), refused.sorted(), warnings.sorted()
	return a, nil
}

// keep stores the answer and the event of a sync.
func (b *Budgets) keep(ctx context.Context, who domain.Principal, id domain.JobID, now time.Time, total int, a Answer) error {
	text, err := a.encode()
	if err != nil {
		return err
	}
	if err := b.deps.Store.KeepAnswer(ctx, who.Tenant, id, text, now); err != nil {
		if errors.Is(err, domain.CodeConflict) {
			return errTaken
		}
		return err
	}
	event, err := syncedEvent(who.Tenant, id, now, syncedData{
		Sync: id, BizID: a.BizID, User: who.User, Total: total, Created: a.Created, Updated: a.Updated,
	})
	if err != nil {
		return err
	}
	return b.engine.AddEvents(ctx, event)
}

// PurgeAnswers removes up to limit answers that nobody can ask for any more,
// and returns how many. The engine calls it.
func (b *Budgets) PurgeAnswers(ctx context.Context, limit int) (int, error) {
	// An hour later than their keys, so that no key is left without its answer.
	return b.deps.Store.PurgeAnswers(ctx, b.now().Add(-b.cfg.KeepAnswers-time.Hour), limit)
}

// SyncedTopic is what the event of a sync is about.
const SyncedTopic = "budget.synced"

// syncedData is what the event of a sync says of it.
type syncedData struct {
	Sync    domain.JobID  `json:"sync"`
	BizID   string        `json:"bizId,omitempty"` // of a synchronous request
	Job     domain.JobID  `json:"job,omitempty"`   // of one that was a job
	User    domain.UserID `json:"user"`
	Total   int           `json:"total"`
	Created int           `json:"created"`
	Updated int           `json:"updated"`
	Failed  int           `json:"failed"` // rows that were not stored
}

// syncedEvent returns the event of a sync, of which there is one.
func syncedEvent(tenant domain.TenantID, sync domain.JobID, at time.Time, data syncedData) (domain.Event, error) {
	data.Failed = data.Total - data.Created - data.Updated
	text, err := json.Marshal(data)
	if err != nil {
		return domain.Event{}, fmt.Errorf("encode the event of sync %s: %w", sync, err)
	}
	return domain.Event{
		ID: string(sync) + "-synced", Tenant: tenant, Topic: SyncedTopic, Subject: string(cmp.Or(data.Job, sync)),
		Sequence: 1, Time: at, Data: text,
	}, nil
}
