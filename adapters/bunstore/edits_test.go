package bunstore_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/bunstore"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// keyStep finds rows by the tenant and more, or goes over the statement's own.
var keyStep = regexp.MustCompile(`^SEARCH \w+ USING (PRIMARY KEY|COVERING INDEX batchport_reports_upload) \(tenant=\? AND .+\)|^SCAN (v|\d.*|CONSTANT ROW)$|^(MATERIALIZE|CO-ROUTINE|(LIST|SCALAR) SUBQUERY) `)

// What edits read and write must be found by key, however much is stored: the
// plan of each statement names a primary key or the index of uploads.
func TestEditsReadKeysAlone(t *testing.T) {
	t.Parallel()
	db := openFile(t, filepath.Join(t.TempDir(), "batchport.db"))
	storeOn(t, parts(db))
	log := new(statements)
	store, err := bunstore.New(db.Write.WithQueryHook(log), bunstore.Config{ReadDB: db.Read.WithQueryHook(log)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.UpsertUsers(t.Context(), "a", []estate.User{{ID: 7, Role: estate.Agent}, {ID: 8, Role: estate.Landlord}}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.UpsertEstates(t.Context(), "a", []estate.Estate{{ID: 1, Status: estate.Vacant}, {ID: 2, Status: estate.Vacant}}); err != nil {
		t.Fatal(err)
	}
	log.mu.Lock()
	log.ran = nil
	log.mu.Unlock()
	for name, call := range map[string]func() ([]domain.Outcome, error){
		"SetEstateAgents": func() ([]domain.Outcome, error) {
			return store.SetEstateAgents(t.Context(), "a", []estate.AgentEdit{{ID: 1, AgentID: 7}, {ID: 2, AgentID: 7}})
		},
		"EditGrants": func() ([]domain.Outcome, error) {
			return store.EditGrants(t.Context(), "a", []estate.GrantEdit{{EstateID: 1, UserID: 8}, {EstateID: 2, UserID: 8}})
		},
		"AttachReports": func() ([]domain.Outcome, error) {
			return store.AttachReports(t.Context(), "a", []estate.Report{{EstateID: 1, Month: "202611", Upload: "u"}, {EstateID: 2, Month: "202611", Upload: "u"}})
		},
		"UpsertStatementLines": func() ([]domain.Outcome, error) {
			lines := []estate.StatementLine{{EstateID: 1, Month: "202611", Item: "x"}, {EstateID: 2, Month: "202611", Item: "x"}}
			if _, err := store.UpsertStatementLines(t.Context(), "a", lines); err != nil {
				return nil, err
			}
			lines[0].Amount, lines[1].Amount = 1, 1
			return store.UpsertStatementLines(t.Context(), "a", lines)
		},
	} {
		if outs, err := call(); err != nil || outs[0].Failure != nil {
			t.Errorf("%s = %v, %v; want an edit", name, outs, err)
		}
	}
	for _, month := range []estate.Month{"", "202610", "202611"} {
		after := estate.StatementLine{Month: "202610", Item: "x"}
		if _, err := store.ListStatementLines(t.Context(), "a", 1, month, after, 10); err != nil {
			t.Error(err)
		}
	}
	if _, err := store.ListReports(t.Context(), "a", 1); err != nil {
		t.Error(err)
	}
	if used, err := store.UsesUpload(t.Context(), "a", "u"); err != nil || !used {
		t.Errorf("UsesUpload = %t, %v; want true", used, err)
	}
	log.mu.Lock()
	ran := log.ran
	log.mu.Unlock()
	if len(ran) < 16 {
		t.Fatalf("%d statements ran, want those of every edit", len(ran))
	}
	for _, statement := range ran {
		if strings.HasPrefix(statement, "SAVEPOINT") || strings.HasPrefix(statement, "RELEASE") {
			continue
		}
		for _, step := range planOf(t, db.Read, statement) {
			if !keyStep.MatchString(step) {
				t.Errorf("plan has the step %q, want a key of the tenant's and more, in\n%s", step, statement)
			}
		}
	}
}
