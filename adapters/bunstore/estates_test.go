package bunstore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/bunstore/sqlite"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// openForEstates returns a migrated store in a file of its own.
func openForEstates(tb testing.TB) (*bunstore.Store, *sqlite.DB) {
	tb.Helper()
	db, err := sqlite.Open(filepath.Join(tb.TempDir(), "batchport.db"))
	if err != nil {
		tb.Fatalf("Open: %v", err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	store, err := bunstore.New(db.Write, bunstore.Config{ReadDB: db.Read})
	if err != nil {
		tb.Fatalf("New: %v", err)
	}
	if err := store.Migrate(context.Background()); err != nil {
		tb.Fatalf("Migrate: %v", err)
	}
	return store, db
}

// TestContractsAndRepairsAreStored reads the tables: columns that are swapped
// in writing and in reading come back as they were.
func TestContractsAndRepairsAreStored(t *testing.T) {
	t.Parallel()
	store, db := openForEstates(t)
	ctx := t.Context()
	must := func(outs []domain.Outcome, err error) {
		t.Helper()
		if err != nil || len(outs) != 1 || outs[0].Fate != domain.Created {
			t.Fatalf("upsert = %v, %v; want one created", outs, err)
		}
	}
	must(store.UpsertUsers(ctx, "a", []estate.User{{ID: 7, Name: "王", Role: estate.Agent}}))
	must(store.UpsertCommunities(ctx, "a", []estate.Community{{ID: 5, Name: "河岸", Country: 1, District: 2, Address: "路", Households: 3}}))
	must(store.UpsertEstates(ctx, "a", []estate.Estate{{ID: 1, Name: "flat", Status: estate.Vacant}}))
	must(store.UpsertContracts(ctx, "a", []estate.Contract{{
		ID: 2, EstateID: 1, TenantName: "李", AgentID: 7, StartsOn: "2026-01-02", EndsOn: "2026-12-30", Rent: 20, Deposit: 40, State: estate.ContractDraft,
	}}))
	must(store.UpsertRepairs(ctx, "a", []estate.Repair{{
		ID: 3, EstateID: 1, Category: "水電", Description: "漏水", ReportedOn: "2026-02-28", State: estate.RepairDoing, Cost: 9,
	}}))
	for query, want := range map[string]string{
		`SELECT concat_ws('|', tenant, id, role, name) FROM batchport_users`:                                                                     "a|7|agent|王",
		`SELECT concat_ws('|', tenant, id, name, country, district, address, households) FROM batchport_communities`:                             "a|5|河岸|1|2|路|3",
		`SELECT concat_ws('|', tenant, id, estate_id, tenant_name, agent_id, starts_on, ends_on, rent, deposit, state) FROM batchport_contracts`: "a|2|1|李|7|2026-01-02|2026-12-30|20|40|draft",
		`SELECT concat_ws('|', tenant, id, estate_id, category, description, reported_on, state, cost) FROM batchport_repairs`:                   "a|3|1|水電|漏水|2026-02-28|doing|9",
	} {
		var got string
		if err := db.Read.QueryRowContext(ctx, query).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", query, got, err, want)
		}
	}
}

// TestUpsertKeepsTheCapabilitiesOfALandlordWhoStays writes them into the
// table itself: the load must not go through the port that edits them.
func TestUpsertKeepsTheCapabilitiesOfALandlordWhoStays(t *testing.T) {
	t.Parallel()
	store, db := openForEstates(t)
	ctx := t.Context()
	if _, err := store.UpsertUsers(ctx, "a", []estate.User{{ID: 1, Name: "n", Role: estate.Landlord}, {ID: 2, Name: "n", Role: estate.Landlord}}); err != nil {
		t.Fatalf("UpsertUsers: %v", err)
	}
	for _, c := range []struct {
		landlord int64
		want     []estate.Capability
	}{{1, nil}, {1, []estate.Capability{"edit_estate", "show_estate"}}, {2, nil}} {
		e := estate.Estate{ID: 1, Name: "flat", Status: estate.Vacant, LandlordID: c.landlord}
		if _, err := store.UpsertEstates(ctx, "a", []estate.Estate{e}); err != nil {
			t.Fatalf("UpsertEstates: %v", err)
		}
		grants, err := store.ListGrants(ctx, "a", []int64{1})
		if want := []estate.Grant{{EstateID: 1, UserID: c.landlord, Capabilities: c.want}}; err != nil || !reflect.DeepEqual(grants, want) {
			t.Errorf("ListGrants = %+v, %v; want %+v", grants, err, want)
		}
		if _, err := db.Write.ExecContext(ctx, `UPDATE batchport_grants SET capabilities = '["edit_estate","show_estate"]'`); err != nil {
			t.Fatal(err)
		}
	}
}

// estatesForBenchmark stores n estates of a tenant.
func estatesForBenchmark(tb testing.TB, store *bunstore.Store, n int) {
	tb.Helper()
	estates := make([]estate.Estate, 0, 1000)
	for i := range n {
		estates = append(estates, estate.Estate{
			ID: int64(i + 1), Name: fmt.Sprintf("河岸社區 flat %d", i), Address: fmt.Sprintf("臺北市中山路 %d 號", i),
			Country: int64(i % 20), District: int64(i % 50), Status: estate.Vacant, Rent: 20_000, Area: 3500,
		})
		if len(estates) == cap(estates) || i == n-1 {
			if _, err := store.UpsertEstates(context.Background(), "tenant-a", estates); err != nil {
				tb.Fatalf("UpsertEstates: %v", err)
			}
			estates = estates[:0]
		}
	}
}

// BenchmarkSetListedBare is the statement that BenchmarkSetListed cannot do
// without, for comparison.
func BenchmarkSetListedBare(b *testing.B) {
	store, db := openForEstates(b)
	estatesForBenchmark(b, store, 20_000)
	ctx := context.Background()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		ids := make([]string, 1000)
		for k := range ids {
			ids[k] = strconv.Itoa(i*1000%20_000 + k + 1)
		}
		err := db.Write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE batchport_estates SET listed = ? WHERE tenant = ? AND id IN ("+strings.Join(ids, ",")+")",
				1-i/20%2, "tenant-a")
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSetListed lists 1,000 estates in a transaction: all of which change,
// half, or none.
func BenchmarkSetListed(b *testing.B) {
	const stored, chunk = 20_000, 1000
	for name, stride := range map[string]int{"all change": 1, "half change": 2, "none changes": 0} {
		b.Run(name, func(b *testing.B) {
			store, _ := openForEstates(b)
			estatesForBenchmark(b, store, stored)
			ids := make([]int64, chunk)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				for k := range ids {
					ids[k] = int64(i*chunk%stored + k + 1)
				}
				listed := i/(stored/chunk)%2 == 0 && stride > 0
				if stride == 2 {
					b.StopTimer()
					half := make([]int64, 0, chunk/2)
					for k := 0; k < chunk; k += 2 {
						half = append(half, ids[k])
					}
					if _, err := store.SetListed(context.Background(), "tenant-a", half, listed); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
				err := store.InTx(context.Background(), func(ctx context.Context) error {
					_, err := store.SetListed(ctx, "tenant-a", ids, listed)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/chunk, "µs/item")
		})
	}
}

// BenchmarkUpsertEstates loads 1,000 new estates in a transaction.
func BenchmarkUpsertEstates(b *testing.B) {
	store, _ := openForEstates(b)
	estates := make([]estate.Estate, 1000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		for k := range estates {
			estates[k] = estate.Estate{ID: int64(i*1000 + k + 1), Name: "河岸社區 flat", Address: "臺北市中山路 1 號", Status: estate.Vacant}
		}
		if _, err := store.UpsertEstates(context.Background(), "tenant-a", estates); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSelectEstates searches 100,000 estates.
func BenchmarkSelectEstates(b *testing.B) {
	store, _ := openForEstates(b)
	estatesForBenchmark(b, store, 100_000)
	for name, filter := range map[string]estate.Filter{
		"all": {}, "country": {Countries: []int64{3}}, "landlord": {LandlordIDs: []int64{9}}, "keyword": {Keywords: []string{"路 77"}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for _, err := range store.SelectEstates(context.Background(), "tenant-a", filter) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
