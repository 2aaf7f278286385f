package estates_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/batchport/batchport/adapters/memory"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
	"github.com/batchport/batchport/ports"
)

const tenant domain.TenantID = "tenant-a"

// load loads text into the store and returns the failures as "line field code".
func load(t *testing.T, loads ports.EstateLoads, kind estates.LoadKind, text string) (estates.Counts, []string) {
	t.Helper()
	var said []string
	counts, err := estates.NewLoader(loads).Load(t.Context(), tenant, kind, strings.NewReader(text), func(f estates.LineFailure) error {
		said = append(said, strings.TrimSpace(strings.Join(strings.Fields(fmt.Sprintf("%d %s %s", f.Line, f.Failure.Field, f.Failure.Code)), " ")))
		return nil
	})
	if err != nil {
		t.Fatalf("Load(%s): %v", kind, err)
	}
	return counts, said
}

const (
	usersFile       = `{"id":7,"name":"王","role":"agent"}` + "\n" + `{"id":"21","name":"陳","role":"landlord"}` + "\n"
	communitiesFile = `{"id":5,"name":"河岸","country":1,"district":2,"address":"路","households":120}`
	estateLine      = `{"id":1,"community_id":5,"name":"12F","country":1,"district":2,"address":"路 1","status":"vacant","rent":20000,"area":"35.50","listed":true,"agent_id":7,"landlord_id":21}`
	contractLine    = `{"id":1,"estate_id":1,"tenant_name":"李","agent_id":7,"starts_on":"2026-01-01","ends_on":"2026-12-31","rent":1,"deposit":2,"state":"active"}`
	repairLine      = `{"id":1,"estate_id":1,"category":"水電","description":"","reported_on":"2026-02-28","state":"open","cost":0}`
)

func TestLoadEveryKind(t *testing.T) {
	t.Parallel()
	store := memory.NewStore(time.Now)
	files := map[estates.LoadKind]string{
		estates.LoadUsers: usersFile, estates.LoadCommunities: communitiesFile, estates.LoadEstates: estateLine,
		estates.LoadContracts: contractLine, estates.LoadRepairs: repairLine,
	}
	for _, kind := range estates.LoadKinds() {
		n := strings.Count(strings.TrimSpace(files[kind]), "\n") + 1
		if got, said := load(t, store, kind, files[kind]); got != (estates.Counts{Created: n}) || said != nil {
			t.Errorf("Load(%s) = %+v %q, want %d created", kind, got, said, n)
		}
		if got, said := load(t, store, kind, files[kind]); got != (estates.Counts{Updated: n}) || said != nil {
			t.Errorf("Load(%s) again = %+v %q, want %d updated", kind, got, said, n)
		}
	}
	want := estate.Estate{
		ID: 1, CommunityID: 5, Name: "12F", Country: 1, District: 2, Address: "路 1", Status: estate.Vacant,
		Rent: 20000, Area: 3550, Listed: true, AgentID: 7, LandlordID: 21,
	}
	for got, err := range store.EachEstate(t.Context(), tenant, estate.Filter{}) {
		if err != nil || got != want {
			t.Errorf("EachEstate = %+v, %v; want %+v", got, err, want)
		}
	}
	grants, err := store.ListGrants(t.Context(), tenant, []int64{1})
	if err != nil || len(grants) != 1 || grants[0].UserID != 21 || len(grants[0].Capabilities) != 0 {
		t.Errorf("ListGrants = %+v, %v; want one of user 21 with no capability", grants, err)
	}
}

// TestLoadSaysHowAnAreaIsWritten sends an area as a number, and with too many
// decimals.
func TestLoadSaysHowAnAreaIsWritten(t *testing.T) {
	t.Parallel()
	for _, area := range []string{`35.50`, `"35.505"`} {
		line := strings.Replace(estateLine, `"35.50"`, area, 1)
		var said []string
		_, err := estates.NewLoader(memory.NewStore(time.Now)).Load(t.Context(), tenant, estates.LoadEstates, strings.NewReader(line), func(f estates.LineFailure) error {
			said = append(said, f.Failure.Field+" "+f.Failure.Params["expected"])
			return nil
		})
		if err != nil || !slices.Equal(said, []string{"area decimal_text"}) {
			t.Errorf("Load(area %s) = %v with %q, want that a decimal as text is expected", area, err, said)
		}
	}
}

func TestLoadSaysAllThatIsWrongWithALine(t *testing.T) {
	t.Parallel()
	store := memory.NewStore(time.Now)
	load(t, store, estates.LoadUsers, usersFile)
	with := func(changes ...string) string { return strings.NewReplacer(changes...).Replace(estateLine) }
	load(t, store, estates.LoadCommunities, communitiesFile)
	for _, c := range []struct {
		line string
		want []string
	}{
		{with(`"community_id":5,`, ``, `"agent_id":7,"landlord_id":21`, `"agent_id":null,"landlord_id":null`), nil},
		{`{}`, []string{
			"1 id required", "1 name required", "1 country required", "1 district required", "1 address required",
			"1 status required", "1 rent required", "1 area required", "1 listed required",
		}},
		{
			`{"id":0,"community_id":0,"name":5,"country":"1","district":1.5,"address":null,"status":"gone","rent":-1,"area":35.5,"listed":1,"agent_id":true,"landlord_id":"x","extra":[{}]}`,
			[]string{
				"1 community_id out_of_range", "1 name invalid", "1 country invalid", "1 district invalid", "1 address required", "1 area invalid",
				"1 listed invalid", "1 agent_id invalid", "1 landlord_id invalid", "1 id out_of_range", "1 status invalid", "1 rent out_of_range",
				"1 extra unknown_field",
			},
		},
		{with(`"id":1,`, `"ID":1,"id":1,`), []string{"1 ID unknown_field"}},
		{with(`"id":1,`, `"id":1,"id":1,`), []string{"1 id duplicate"}},
		{with(`20000`, `99999999999999999999`), []string{"1 rent out_of_range"}},
		{with(`35.50`, `35.505`), []string{"1 area invalid"}},
		{with(`vacant`, `closed`), []string{"1 listed not_rentable"}},
		{with(`"agent_id":7`, `"agent_id":21`), []string{"1 agent_id unknown_user"}},
		{with(`"landlord_id":21`, `"landlord_id":404`), []string{"1 landlord_id not_found"}},
		{with(`12F`, `a\u0000b`), []string{"1 name malformed"}},
		{with(`12F`, `\ud83d`), []string{"1 name malformed"}},
		{with(`12F`, `\ud83d\u0041`), []string{"1 name malformed"}},
		{with(`12F`, `\ude00`), []string{"1 name malformed"}},
		{with(`12F`, `\\ud83d \ud83d\ude00 \"`), nil},
		{with(`12F`, "\xff"), []string{"1 malformed"}},
		{estateLine + `{}`, []string{"1 malformed"}},
		{estateLine + `,`, []string{"1 malformed"}},
		{`{"id":1`, []string{"1 id malformed"}},
		{`{"x":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`, []string{"1 x" + strings.Repeat("[0]", 15) + " malformed"}},
		{with(`20000`, `1e999`), []string{"1 rent malformed"}},
		{with(`20000`, `1e3`), []string{"1 rent invalid"}},
		{`[1]`, []string{"1 invalid"}},
		{`null`, []string{"1 invalid"}},
	} {
		counts, got := load(t, store, estates.LoadEstates, c.line)
		if !slices.Equal(got, c.want) || counts.Failed != min(len(c.want), 1) {
			t.Errorf("Load(%s)\ngot  %+v %q\nwant %q", c.line, counts, got, c.want)
		}
	}
}

func TestLoadLines(t *testing.T) {
	t.Parallel()
	user := func(id int) string { return fmt.Sprintf(`{"id":%d,"name":"n","role":"staff"}`, id) }
	long := func(n int) string { // a line of n bytes
		return user(9)[:len(user(9))-1] + strings.Repeat(" ", n-len(user(9))) + "}"
	}
	for name, c := range map[string]struct {
		text   string
		counts estates.Counts
		want   []string
	}{
		"empty":              {"", estates.Counts{}, nil},
		"blank lines":        {"\n \t\n\r\n" + user(1) + "\n\n", estates.Counts{Created: 1}, nil},
		"byte order mark":    {"\xef\xbb\xbf" + user(1), estates.Counts{Created: 1}, nil},
		"mark in the middle": {user(1) + "\n\xef\xbb\xbf" + user(2), estates.Counts{Created: 1, Failed: 1}, []string{"2 malformed"}},
		"CRLF":               {user(1) + "\r\n" + user(2) + "\r\n", estates.Counts{Created: 2}, nil},
		"bad lines among good": {"x\n" + user(1) + "\n{}\n\n" + user(2) + "\ny", estates.Counts{Created: 2, Failed: 3}, []string{
			"1 malformed", "3 id required", "3 name required", "3 role required", "6 malformed",
		}},
		"a line of 1 MiB":        {user(1) + "\n" + long(1<<20) + "\r\n" + user(2), estates.Counts{Created: 3}, nil},
		"a line over 1 MiB":      {user(1) + "\n" + long(1<<20+1) + "\n" + user(2), estates.Counts{Created: 2, Failed: 1}, []string{"2 too_long"}},
		"a line of 3 MiB":        {user(1) + "\n" + long(3<<20) + "\n" + user(2), estates.Counts{Created: 2, Failed: 1}, []string{"2 too_long"}},
		"the last line of 3 MiB": {user(1) + "\n" + long(3<<20), estates.Counts{Created: 1, Failed: 1}, []string{"2 too_long"}},
		"the same twice":         {user(1) + "\n" + user(1), estates.Counts{Created: 1, Updated: 1}, nil},
	} {
		counts, got := load(t, memory.NewStore(time.Now), estates.LoadUsers, c.text)
		if counts != c.counts || !slices.Equal(got, c.want) {
			t.Errorf("Load(%s) = %+v %q, want %+v %q", name, counts, got, c.counts, c.want)
		}
	}
}

func TestLoadInBatches(t *testing.T) {
	t.Parallel()
	store := &countingLoads{Store: memory.NewStore(time.Now)}
	var text strings.Builder
	var want []string
	for i := 1; i <= 2500; i++ {
		if i%100 == 0 {
			text.WriteString("bad\n")
			want = append(want, fmt.Sprintf("%d malformed", i))
			continue
		}
		fmt.Fprintf(&text, `{"id":%d,"name":"n","role":"staff"}`+"\n", i)
	}
	counts, got := load(t, store, estates.LoadUsers, text.String())
	if counts != (estates.Counts{Created: 2475, Failed: 25}) || !slices.Equal(got, want) {
		t.Errorf("Load(2,500 lines, 25 bad) = %+v %q", counts, got)
	}
	if want := []int{990, 990, 495}; !slices.Equal(store.batches, want) {
		t.Errorf("users were stored in batches of %v, want %v", store.batches, want)
	}
}

// TestLoadKeepsNoLine loads long lines, of which a record or failures are kept
// until they are stored: these must not keep the lines. It measures the heap,
// so it runs alone.
func TestLoadKeepsNoLine(t *testing.T) {
	const lines, size, most = 32, 1 << 18, 2 << 20
	spaces, text := strings.Repeat(" ", size), strings.Repeat("a", size)
	for name, line := range map[string]string{
		"a record":         `{"id":1,"name":"n","role":"staff"` + spaces + `}`,
		"a fault":          `{"id":1,"name":"n","role":"king"` + spaces + `}`,
		"a wrong type":     `{"id":"x","name":"n","role":"staff"` + spaces + `}`,
		"an unknown field": `{"id":1,"name":"n","role":"staff","x":1` + spaces + `}`,
		"a huge field":     `{"` + text + `":1}`,
		"a huge value":     `{"id":1,"name":"n","role":"` + text + `"}`,
		"a huge string":    `"` + text + `"`,
		"a key twice":      `{"id":1,"id":1` + spaces + `}`,
		"no JSON":          `{"id":1,` + spaces + `x}`,
	} {
		file := strings.Repeat(line+"\n", lines) + `{"id":2,"name":"n","role":"staff"}`
		store := &heapLoads{Store: memory.NewStore(time.Now)}
		before := heap()
		load(t, store, estates.LoadUsers, file)
		if kept := int64(store.heap) - int64(before); kept > most {
			t.Errorf("Load(%d lines of %d KiB with %s) keeps %d KiB, want at most %d", lines, size>>10, name, kept>>10, most>>10)
		}
		runtime.KeepAlive(file)
	}
}

// heapLoads measures the heap when users are stored.
type heapLoads struct {
	*memory.Store
	heap uint64
}

func (h *heapLoads) UpsertUsers(ctx context.Context, tenant domain.TenantID, users []estate.User) ([]domain.Outcome, error) {
	h.heap = heap()
	return h.Store.UpsertUsers(ctx, tenant, users)
}

// heap returns how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// countingLoads notes how many users each call brings.
type countingLoads struct {
	*memory.Store
	batches []int
}

func (c *countingLoads) UpsertUsers(ctx context.Context, tenant domain.TenantID, users []estate.User) ([]domain.Outcome, error) {
	c.batches = append(c.batches, len(users))
	return c.Store.UpsertUsers(ctx, tenant, users)
}

// pickyLoads refuses calls with the user 13, as a database does.
type pickyLoads struct{ *memory.Store }

func (p pickyLoads) UpsertUsers(ctx context.Context, tenant domain.TenantID, users []estate.User) ([]domain.Outcome, error) {
	if slices.ContainsFunc(users, func(u estate.User) bool { return u.ID == 13 }) {
		return nil, domain.Fail(domain.NewFailure(domain.CodeRejected, "", "13"))
	}
	return p.Store.UpsertUsers(ctx, tenant, users)
}

func TestLoadIsolatesWhatTheStoreRefuses(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := 1; i <= 100; i++ {
		fmt.Fprintf(&text, `{"id":%d,"name":"n","role":"staff"}`+"\n", i)
	}
	counts, got := load(t, pickyLoads{memory.NewStore(time.Now)}, estates.LoadUsers, text.String())
	if counts != (estates.Counts{Created: 99, Failed: 1}) || !slices.Equal(got, []string{"13 rejected"}) {
		t.Errorf("Load = %+v %q, want 99 created and line 13 rejected", counts, got)
	}
}

func TestLoadFails(t *testing.T) {
	t.Parallel()
	loader := estates.NewLoader(memory.NewStore(time.Now))
	ignore := func(estates.LineFailure) error { return nil }
	if _, err := loader.Load(t.Context(), tenant, "cats", strings.NewReader(""), ignore); domain.CodeOf(err) != domain.CodeInvalid {
		t.Errorf("Load(cats) = %v, want invalid", err)
	}
	broken := errors.New("broken")
	text := strings.Repeat(`{"id":1,"name":"n","role":"staff"}`+"\n", 1500)
	counts, err := loader.Load(t.Context(), tenant, estates.LoadUsers, io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), ignore)
	if !errors.Is(err, broken) || counts != (estates.Counts{Created: 1, Updated: 999}) {
		t.Errorf("Load from a broken reader = %+v, %v; want the first 1,000 counted and why it broke", counts, err)
	}
	_, err = loader.Load(t.Context(), tenant, estates.LoadUsers, strings.NewReader("bad"), func(estates.LineFailure) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("Load with a report that fails = %v, want its error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := loader.Load(ctx, tenant, estates.LoadUsers, strings.NewReader(text), ignore); !errors.Is(err, context.Canceled) {
		t.Errorf("Load with an ended context = %v, want context.Canceled", err)
	}
}
