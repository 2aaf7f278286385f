package postgrestest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience bounds what the server is asked to do before and after a test.
const patience = 30 * time.Second

// server is the server of all tests of this process.
var server = sync.OnceValues(findServer)

// URL returns the URL of an empty schema, which is dropped when the test ends:
// it names the schema as search_path. Connections must be closed by then.
func URL(tb testing.TB) string {
	tb.Helper()
	base, err := server()
	if err != nil {
		if os.Getenv("BATCHPORT_TEST_REQUIRE") == "1" {
			tb.Fatalf("no PostgreSQL to test on: %v", err)
		}
		tb.Skipf("skipped, since there is no PostgreSQL to test on: %v", err)
	}
	address, err := url.Parse(base)
	if err != nil {
		tb.Fatalf("BATCHPORT_TEST_POSTGRES is not a URL: %v", err)
	}
	schema := "batchport_test_" + rand.Text()[:16]
	Exec(tb, base, fmt.Sprintf(`CREATE SCHEMA "%s"`, schema))
	tb.Cleanup(func() { Exec(tb, base, fmt.Sprintf(`DROP SCHEMA "%s" CASCADE`, schema)) })
	query := address.Query()
	query.Set("search_path", `"`+schema+`"`)
	address.RawQuery = query.Encode()
	return address.String()
}

// Exec runs statements on a connection of their own.
func Exec(tb testing.TB, url, statements string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := run(ctx, url, statements); err != nil {
		tb.Errorf("%s = %v, want no error", statements, err)
	}
}

func run(ctx context.Context, url, statements string) (err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() {
		if closing := conn.Close(ctx); err == nil {
			err = closing
		}
	}()
	_, err = conn.Exec(ctx, statements)
	return err
}
