package bunstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/batchport/batchport/domain/estate"
)

// BenchmarkUpsertStatementLines stores 100,000 lines in transactions of 2,500:
// new ones, the same again, and again with other amounts, in the order of their
// estates and in none. Each round does so also with bare upserts, which is the
// least that storing them costs; the medians of both are compared.
func BenchmarkUpsertStatementLines(b *testing.B) {
	measureEach(b, func(b *testing.B, on engine) {
		sorted := linesForBenchmark(100_000)
		shuffled := slices.Clone(sorted)
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		for name, lines := range map[string][]estate.StatementLine{"by estate": sorted, "in no order": shuffled} {
			b.Run(name, func(b *testing.B) {
				other := slices.Clone(lines)
				for i := range other {
					other[i].Amount++
				}
				steps := []struct {
					name  string
					lines []estate.StatementLine
				}{{"first", lines}, {"again", lines}, {"other", other}}
				took, bare := map[string][]time.Duration{}, map[string][]time.Duration{}
				for range b.N {
					db, bareDB := on.open(b, on.place(b)), on.open(b, on.place(b))
					store := storeOn(b, db)
					estatesForBenchmark(b, store, len(lines)/4)
					storeOn(b, bareDB)
					for _, step := range steps {
						took[step.name] = append(took[step.name], inChunks(b, step.lines, func(ctx context.Context, chunk []estate.StatementLine) error {
							return store.InTx(ctx, func(ctx context.Context) error {
								_, err := store.UpsertStatementLines(ctx, "tenant-a", chunk)
								return err
							})
						}))
						bare[step.name] = append(bare[step.name], inChunks(b, step.lines, func(ctx context.Context, chunk []estate.StatementLine) error {
							return upsertBare(ctx, bareDB, chunk)
						}))
					}
				}
				for _, step := range steps {
					mine, least := median(took[step.name]), median(bare[step.name])
					b.ReportMetric(float64(mine.Milliseconds()), step.name+"-ms")
					b.ReportMetric(float64(least.Milliseconds()), step.name+"-bare-ms")
					b.ReportMetric(float64(mine)/float64(least), step.name+"-ratio")
				}
			})
		}
	})
}

func median(all []time.Duration) time.Duration { return slices.Sorted(slices.Values(all))[len(all)/2] }

// inChunks returns how long do takes for all lines.
func inChunks(b *testing.B, lines []estate.StatementLine, do func(context.Context, []estate.StatementLine) error) time.Duration {
	b.Helper()
	begin := time.Now()
	for chunk := range slices.Chunk(lines, 2_500) {
		if err := do(b.Context(), chunk); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(begin)
}

// upsertBare stores lines with nothing but the statements.
func upsertBare(ctx context.Context, db database, lines []estate.StatementLine) error {
	return db.Write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		for run := range slices.Chunk(lines, 500) {
			args := make([]any, 0, 6*len(run))
			for _, l := range run {
				args = append(args, "tenant-a", l.EstateID, string(l.Month), l.Item, int64(l.Amount), l.Note)
			}
			_, err := tx.ExecContext(ctx, "INSERT INTO batchport_statement_lines (tenant, estate_id, month, item, amount, note) VALUES "+
				strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?, ?), ", len(run)), ", ")+
				" ON CONFLICT (tenant, estate_id, month, item) DO UPDATE SET amount = excluded.amount, note = excluded.note", args...)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// linesForBenchmark returns four lines for each of n/4 estates.
func linesForBenchmark(n int) []estate.StatementLine {
	items := []string{"管理費", "水費", "停車位租金", "修繕分攤"}
	lines := make([]estate.StatementLine, n)
	for i := range lines {
		lines[i] = estate.StatementLine{
			EstateID: int64(i/4 + 1), Month: "202611", Item: items[i%4], Amount: estate.Money(100*i + 50), Note: fmt.Sprintf("第 %d 期應繳", i%12),
		}
	}
	return lines
}
