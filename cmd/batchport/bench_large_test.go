package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/adapters/bunstore/postgres/postgrestest"
	"github.com/batchport/batchport/domain"
)

// benchLarge is an installation on which tenants have many estates.
type benchLarge struct {
	b       *testing.B
	at      location
	broker  string
	keys    map[domain.TenantID]string
	front   *serving
	workers []*serving
	open    map[domain.TenantID]bool
}

func newBenchLarge(b *testing.B, store faultStore, estates map[domain.TenantID]int) *benchLarge {
	b.Helper()
	if runtime.GOOS != "linux" {
		b.Skip("reads the peak of memory from /proc")
	}
	l := &benchLarge{b: b, at: location{data: b.TempDir()}, keys: map[domain.TenantID]string{}, open: map[domain.TenantID]bool{}}
	where := []string{"--data", l.at.data}
	if store == onPostgres {
		l.at.database, l.broker = postgrestest.URL(b), startBroker(b, "", "")
		where = append(where, "--database", l.at.database)
	}
	loading := l.at
	if store == onPostgres {
		loading.database += "&statement_timeout=0"
	}
	db, err := loading.open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for tenant, n := range estates {
		stdout, _ := call(b, exitOK, append([]string{"keys", "create", "--tenant", string(tenant), "--user", "1", "--all"}, where...)...)
		l.keys[tenant] = strings.TrimSpace(stdout)
		if err := floorOf(db).addEstates(b.Context(), string(tenant), n); err != nil {
			b.Fatal(err)
		}
	}
	if store == onPostgres {
		if _, err := db.db.Write.ExecContext(b.Context(), "VACUUM ANALYZE batchport_estates"); err != nil {
			b.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	if store == onSQLite {
		l.front = startServing(b, l.at.data)
		return l
	}
	l.front = l.start(roleAPI)
	return l
}

func (l *benchLarge) start(r role) *serving {
	l.b.Helper()
	return startServing(l.b, l.at.data, "--database", l.at.database, "--nats", l.broker, "--role", string(r))
}

// submit sends a job over all n estates of the tenant, each undoing the one
// before.
func (l *benchLarge) submit(tenant domain.TenantID, n int) (code string) {
	l.b.Helper()
	l.open[tenant] = !l.open[tenant]
	name := map[bool]string{true: "estate_batch_open_rent", false: "estate_batch_close_rent"}[l.open[tenant]]
	return l.front.submit(l.b, l.keys[tenant], fmt.Sprintf(`{"job_name":%q,"estatesIds":"all","total":%d,"searchOptions":{}}`, name, n))
}

// job runs one, and calls meanwhile until it has ended.
func (l *benchLarge) job(tenant domain.TenantID, n int, meanwhile func()) time.Duration {
	l.b.Helper()
	began, code := time.Now(), l.submit(tenant, n)
	for {
		var answer status
		if _, err := l.front.request(l.b.Context(), "GET", "/api2/getBatchStatus?batch_code="+code, l.keys[tenant], "", &answer); err != nil {
			l.b.Fatal(err)
		}
		if answer.Success {
			if answer.Data.Failed != 0 {
				l.b.Fatalf("job %s ended as %+v, want nothing failed", code, answer)
			}
			return time.Since(began)
		}
		meanwhile()
		time.Sleep(10 * time.Millisecond)
	}
}

// BenchmarkLargeJob edits 5,000,000 estates in one job, beside jobs of one item
// of another tenant, and compares with 1,000,000.
func BenchmarkLargeJob(b *testing.B) {
	const million = 1_000_000
	for _, store := range []faultStore{onSQLite, onPostgres} {
		b.Run(string(store), func(b *testing.B) {
			l := newBenchLarge(b, store, map[domain.TenantID]int{"one": million, "five": 5 * million, "small": 1})
			processes := []*serving{l.front}
			if store == onPostgres {
				processes = append(processes, l.start(roleWorker))
			}
			for b.Loop() {
				one := l.job("one", million, func() {})
				var waits []float64
				next := time.Now()
				five := l.job("five", 5*million, func() {
					if time.Now().Before(next) {
						return
					}
					next = time.Now().Add(time.Second)
					waits = append(waits, l.job("small", 1, func() {}).Seconds())
				})
				slices.Sort(waits)
				b.ReportMetric(one.Seconds(), "s/1M")
				b.ReportMetric(five.Seconds(), "s/5M")
				b.ReportMetric(five.Seconds()/(5*one.Seconds()), "5M/5x1M")
				b.ReportMetric(1000*median(waits), "ms-small-p50")
				b.ReportMetric(1000*waits[len(waits)-1], "ms-small-max")
			}
			peak := 0.0
			for _, s := range processes {
				peak = max(peak, peakMiB(b, s.cmd.Process.Pid))
			}
			b.ReportMetric(peak, "peak-MiB")
		})
	}
}

// BenchmarkWorkers edits 500,000 estates on PostgreSQL with one process that
// works, and with two, in turns.
func BenchmarkWorkers(b *testing.B) {
	const items = 500_000
	l := newBenchLarge(b, onPostgres, map[domain.TenantID]int{"acme": items})
	first := l.start(roleWorker)
	l.job("acme", items, func() {})
	var one, two []float64
	for b.Loop() {
		one = append(one, l.job("acme", items, func() {}).Seconds())
		second := l.start(roleWorker)
		two = append(two, l.job("acme", items, func() {}).Seconds())
		second.stop(b)
	}
	first.stop(b)
	b.ReportMetric(items/median(one), "items/s-one")
	b.ReportMetric(items/median(two), "items/s-two")
	b.ReportMetric(ratio(one, two), "two/one")
}
