package bunstore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/bunstore/sqlite"
	"github.com/batchport/batchport/domain"
)

// A host keeps batchport's tables beside its own, and writes both in one
// transaction.
func Example() {
	if err := keepBoth(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output: 1 account, 1 event
}

func keepBoth(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "batchport")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	db, err := sqlite.Open(filepath.Join(folder, "host.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	store, err := bunstore.New(db.Write, bunstore.Config{ReadDB: db.Read})
	if err != nil {
		return err
	}
	if err := store.Migrate(ctx); err != nil {
		return err
	}
	if _, err := db.Write.ExecContext(ctx, "CREATE TABLE accounts (name TEXT PRIMARY KEY)"); err != nil {
		return err
	}
	if err := store.InTx(ctx, func(ctx context.Context) error {
		if _, err := bunstore.Tx(ctx).ExecContext(ctx, "INSERT INTO accounts VALUES (?)", "ann"); err != nil {
			return err
		}
		return store.AddEvents(ctx, []domain.Event{{ID: "e1", Tenant: "acme", Topic: "account.opened"}})
	}); err != nil {
		return err
	}
	accounts, err := db.Read.NewSelect().Table("accounts").Count(ctx)
	if err != nil {
		return err
	}
	events, err := store.UnpublishedEvents(ctx, 10)
	fmt.Printf("%d account, %d event\n", accounts, len(events))
	return err
}
