package bunstore_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// atOnce runs n calls of run at once and waits for all.
func atOnce(n int, run func(i int)) {
	start, group := make(chan struct{}), sync.WaitGroup{}
	for i := range n {
		group.Go(func() {
			<-start
			run(i)
		})
	}
	close(start)
	group.Wait()
}

// Eight writers store the same keys in opposite orders, and two of them also
// lock rows of a host's own crosswise, which does deadlock: nobody hears of it,
// and every key is new once.
func TestWritersInOppositeOrders(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		const writers, keys, rounds = 8, 300, 4
		stores, db := on.crowd(t)
		estatesForBenchmark(t, stores[0], keys)
		run(t, db.Write, "CREATE TABLE counters (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
		run(t, db.Write, "INSERT INTO counters VALUES (0, 0), (1, 0)")
		var mu sync.Mutex
		fates := map[domain.Fate]int{}
		atOnce(writers, func(w int) {
			store := stores[w%2]
			for round := range rounds {
				lines := make([]estate.StatementLine, keys)
				for i := range lines {
					lines[i] = estate.StatementLine{EstateID: int64(i + 1), Month: "202611", Item: fmt.Sprint("round ", round), Amount: estate.Money(w)}
				}
				if w%2 == 1 {
					slices.Reverse(lines)
				}
				var outs []domain.Outcome
				if err := store.InTx(t.Context(), func(ctx context.Context) (err error) {
					for k := range 2 {
						if w >= 2 {
							break
						}
						if _, err := bunstore.Tx(ctx).ExecContext(ctx, "UPDATE counters SET n = n + 1 WHERE id = ?", (w+k)%2); err != nil {
							return err
						}
					}
					outs, err = store.UpsertStatementLines(ctx, "tenant-a", lines)
					return err
				}); err != nil {
					t.Errorf("InTx(writer %d, round %d) = %v, want no error", w, round, err)
				}
				mu.Lock()
				for _, o := range outs {
					fates[o.Fate]++
				}
				mu.Unlock()
			}
		})
		if fates[domain.Created] != keys*rounds || fates[domain.Created]+fates[domain.Updated]+fates[domain.Unchanged] != writers*keys*rounds {
			t.Errorf("the outcomes are %v, want each of %d keys created once, and %d in all", fates, keys*rounds, writers*keys*rounds)
		}
		if got := number(t, db.Write, "SELECT sum(n) FROM counters"); got != 2*2*rounds {
			t.Errorf("the counters add up to %d, want %d: each transaction once", got, 2*2*rounds)
		}
	})
}

// Records that several add at once are new for one of them alone.
func TestCreatedOnce(t *testing.T) {
	onEach(t, func(t *testing.T, on engine) {
		const writers, records = 8, 40
		stores, _ := on.crowd(t)
		estatesForBenchmark(t, stores[0], records)
		if _, err := stores[0].UpsertUsers(t.Context(), "tenant-a", []estate.User{{ID: 7, Role: estate.Landlord}}); err != nil {
			t.Fatal(err)
		}
		for what, upsert := range map[string]func(ctx context.Context, store *bunstore.Store, w int) ([]domain.Outcome, error){
			"users": func(ctx context.Context, store *bunstore.Store, w int) ([]domain.Outcome, error) {
				all := make([]estate.User, records)
				for i := range all {
					all[i] = estate.User{ID: int64(100 + (i+w*records/writers)%records), Name: fmt.Sprint(w), Role: estate.Agent}
				}
				return store.UpsertUsers(ctx, "tenant-a", all)
			},
			"reports": func(ctx context.Context, store *bunstore.Store, w int) ([]domain.Outcome, error) {
				all := make([]estate.Report, records)
				for i := range all {
					all[i] = estate.Report{EstateID: int64(1 + (i+w*records/writers)%records), Month: "202611", URL: fmt.Sprint("https://x/", w)}
				}
				return store.AttachReports(ctx, "tenant-a", all)
			},
			"grants": func(ctx context.Context, store *bunstore.Store, w int) ([]domain.Outcome, error) {
				all := make([]estate.GrantEdit, records)
				for i := range all {
					all[i] = estate.GrantEdit{EstateID: int64(1 + (i+w*records/writers)%records), UserID: 7}
				}
				return store.EditGrants(ctx, "tenant-a", all)
			},
		} {
			var created atomic.Int64
			atOnce(writers, func(w int) {
				outs, err := upsert(t.Context(), stores[w%2], w)
				if err != nil {
					t.Errorf("%s of writer %d = %v, want no error", what, w, err)
				}
				for _, o := range outs {
					if o.Fate == domain.Created {
						created.Add(1)
					}
				}
			})
			if want := int64(records); what != "grants" && created.Load() != want {
				t.Errorf("%d %s were created, want each of %d once", created.Load(), what, want)
			}
		}
	})
}
