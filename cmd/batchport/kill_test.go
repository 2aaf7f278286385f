package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/batchport/batchport/domain"
)

// killedItems is how many estates the killed job has, and killedRows how many
// rows the killed import.
const killedItems, killedRows = 40_000, 20_000

// TestKill kills the real binary with SIGKILL at random moments while it works
// jobs off, and deletes the JetStream folder between two of the kills. Each
// job ends, every item takes effect once, and its progress never falls.
//
// An advertisement that was published twice would show as "unchanged", and so
// would a line of a statement that was stored twice; so the report alone tells. BATCHPORT_TORTURE_KILLS
// says how many kills, 20 unless set; one job takes some dozens, and more jobs follow.
func TestKill(t *testing.T) {
	kills := 20
	if s := os.Getenv("BATCHPORT_TORTURE_KILLS"); s != "" {
		var err error
		if kills, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	k := &killing{t: t, data: t.TempDir(), random: rand.New(rand.NewPCG(seed, 0))}
	k.prepare()
	// Each round undoes what the one before did, so that all items change again.
	edit := func(name string) func(*serving) string {
		return func(s *serving) string {
			return s.submit(t, k.key, fmt.Sprintf(`{"job_name":%q,"estatesIds":"all","total":%d,"searchOptions":{}}`, name, killedItems))
		}
	}
	edited := domain.Report{Total: killedItems, Updated: killedItems}
	sheet := statementSheet(t, killedRows, killedItems)
	for round := 0; round == 0 || k.kills < kills; round++ {
		k.run(200*time.Millisecond, edit("estate_batch_open_rent"), edited)
		// A plan that is lost begins anew, and reading the workbook takes a while.
		k.run(1500*time.Millisecond, func(s *serving) string {
			url := s.upload(t, k.key, "十一月.xlsx", sheet)
			return s.submit(t, k.key, fmt.Sprintf(`{"job_name":"estate_import_monthly_statement","publicUrl":%q,"date":"%d"}`, url, 190001+100*round))
		}, domain.Report{Total: killedRows, Created: killedRows - killedRows/100, Failed: killedRows / 100})
		k.run(200*time.Millisecond, edit("estate_batch_close_rent"), edited)
	}
	t.Logf("%d kills, %d of them while the job ran, over %d lives", k.kills, k.during, k.lives)
	tellFaults(t, faultResult{"the only process is killed, early and late (SIGKILL)", onSQLite, k.kills, k.lost, k.repeated, k.worst})
}

type killing struct {
	t      *testing.T
	data   string
	key    string
	random *rand.Rand
	kills  int // in all
	during int // while the job had not ended
	lives  int

	lost, repeated int           // items
	killed         time.Time     // when it was the last time
	worst          time.Duration // from a kill to the end of a job
}

func (k *killing) prepare() {
	stdout, _ := call(k.t, exitOK, "keys", "create", "--data", k.data, "--tenant", "acme", "--user", "7", "--all")
	k.key = strings.TrimSpace(stdout)
	file := filepath.Join(k.t.TempDir(), "estates.ndjson")
	var lines strings.Builder
	for id := 1; id <= killedItems; id++ {
		fmt.Fprintf(&lines, `{"id":%d,"community_id":null,"name":"n","country":1,"district":1,"address":"a","status":"vacant","rent":1,"area":"1.00","listed":false,"agent_id":null,"landlord_id":null}`+"\n", id)
	}
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		k.t.Fatal(err)
	}
	call(k.t, exitOK, "load", "--data", k.data, "--tenant", "acme", "estates", file)
}

// run submits one job and kills its process until it has ended anyway, each
// time after longest at most. That is for a machine that starts the process
// in 60 ms: a slower one gets more, else none of the lives would come far.
func (k *killing) run(longest time.Duration, submit func(*serving) string, want domain.Report) {
	t := k.t
	s := startServing(t, k.data)
	k.lives++
	code := submit(s)
	process := 0
	for life := 0; ; life++ {
		slow := max(1, float64(s.ready)/float64(60*time.Millisecond))
		moment := time.Millisecond + time.Duration(k.random.Float64()*slow*float64(longest))
		ended, percent := k.watch(s, code, process, moment)
		if percent < process {
			t.Fatalf("life %d: progress fell from %d to %d", life, process, percent)
		}
		process = percent
		if ended {
			break
		}
		k.killed = time.Now()
		s.kill()
		k.kills++
		k.during++
		if life == 5 {
			if err := os.RemoveAll(filepath.Join(k.data, "jetstream")); err != nil {
				t.Fatal(err)
			}
		}
		if life > 2000 {
			t.Fatalf("job %s has not ended after %d lives", code, life)
		}
		s = startServing(t, k.data)
		k.lives++
	}
	if got := s.await(t, k.key, code); got.Code != 200 || got.Data.Failed != want.Failed {
		t.Errorf("status %+v, want 200 and %d failed", got, want.Failed)
	}
	if !k.killed.IsZero() {
		k.worst = max(k.worst, time.Since(k.killed))
		k.killed = time.Time{}
	}
	k.checkReport(code, want)
	s.stop(t)
}

// watch polls the job for a while and returns whether it has ended and how
// far it is.
func (k *killing) watch(s *serving, code string, process int, moment time.Duration) (bool, int) {
	for end := time.Now().Add(moment); time.Now().Before(end); {
		var got status
		if _, err := s.request(k.t.Context(), http.MethodGet, "/api2/getBatchStatus?batch_code="+code, k.key, "", &got); err != nil {
			k.t.Fatalf("GET getBatchStatus: %v", err)
		}
		if got.Success {
			return true, 100
		}
		if got.Process < process {
			return false, got.Process
		}
		process = got.Process
	}
	return false, process
}

// checkReport reads the job's counts: had an item taken effect twice, the second
// time would have found it unchanged.
func (k *killing) checkReport(code string, want domain.Report) {
	folder, err := openDataFolder(k.t.Context(), k.data)
	if err != nil {
		k.t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	job, err := folder.store.FindJob(k.t.Context(), jobRef("acme", code))
	if err != nil {
		k.t.Fatal(err)
	}
	if got := job.Report(); got != want {
		k.t.Errorf("report of %s is %+v, want %+v", job.Kind(), got, want)
		// What is done again changes nothing any more.
		k.repeated += got.Unchanged
		k.lost += max(want.Succeeded()-got.Succeeded(), 0)
	}
}

func jobRef(tenant domain.TenantID, code string) domain.JobRef {
	return domain.JobRef{Tenant: tenant, ID: domain.JobID(code)}
}
