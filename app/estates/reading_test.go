package estates_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

func TestOverview(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{Capabilities: []estate.Capability{"a", "b"}})
	f.loadPeople(t)
	f.finish(t, `{"job_name":"estate_batch_edit_bigLandlord","data":{"1":{"editUserId":21,"capabilities":{"b":1}}}}`)
	got, err := f.estates.Overview(t.Context(), f.who, 1)
	if err != nil {
		t.Fatalf("Overview: %v", err)
	}
	if got.Estate.ID != 1 || got.Agent == nil || got.Agent.ID != 7 || got.Landlord == nil || got.Landlord.Name != "l" {
		t.Errorf("Overview = %+v with %+v and %+v, want estate 1 with agent 7 and landlord l", got.Estate, got.Agent, got.Landlord)
	}
	if want := map[estate.Capability]bool{"a": false, "b": true}; !maps.Equal(got.Capabilities, want) {
		t.Errorf("capabilities %v, want %v", got.Capabilities, want)
	}
	bare, err := f.estates.Overview(t.Context(), f.who, 3)
	if err != nil || bare.Agent != nil || bare.Landlord != nil || bare.Capabilities != nil || len(bare.Reports) != 0 {
		t.Errorf("Overview(3) = %+v, %v; want nobody and nothing", bare, err)
	}
}

func TestReadingNeedsAPermission(t *testing.T) {
	t.Parallel()
	f := newFixture(t, estates.Config{})
	f.load(t, flat(1))
	for _, c := range []struct {
		who  domain.Principal
		id   int64
		want error
	}{
		{domain.Principal{Tenant: "tenant-a", User: "u", Permissions: []domain.Permission{"estate_read"}}, 1, nil},
		{domain.Principal{Tenant: "tenant-a", User: "u", Permissions: []domain.Permission{"repair_export"}}, 1, nil},
		{domain.Principal{Tenant: "tenant-a", User: "u", Permissions: []domain.Permission{"other"}}, 1, domain.CodeForbidden},
		{domain.Principal{Tenant: "tenant-b", User: "u", Permissions: []domain.Permission{"*"}}, 1, domain.CodeNotFound},
		{domain.Principal{Tenant: "tenant-a", User: "u", Permissions: []domain.Permission{"*"}}, 2, domain.CodeNotFound},
	} {
		if _, err := f.estates.Overview(t.Context(), c.who, c.id); !errors.Is(err, c.want) {
			t.Errorf("Overview(%v, %d) = %v, want %v", c.who, c.id, err, c.want)
		}
		if _, err := f.estates.StatementLines(t.Context(), c.who, c.id, "", estate.StatementLine{}, 10); !errors.Is(err, c.want) {
			t.Errorf("StatementLines(%v, %d) = %v, want %v", c.who, c.id, err, c.want)
		}
	}
}
