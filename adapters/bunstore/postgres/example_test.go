package postgres_test

import (
	"context"
	"log"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/adapters/bunstore/postgres"
)

// A host keeps batchport's tables in its own database, here in a schema of their
// own.
func Example() {
	ctx := context.Background()
	db, err := postgres.Open(ctx, "postgres://app@db.example/app?search_path=batchport,public", postgres.Config{})
	if err != nil {
		log.Print(err)
		return
	}
	defer db.Close()
	store, err := bunstore.New(db, bunstore.Config{})
	if err != nil {
		log.Print(err)
		return
	}
	if err := store.Migrate(ctx); err != nil {
		log.Print(err)
	}
	// engine.New(engine.Deps{Store: store, …}, …)
}
