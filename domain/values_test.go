package domain_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/batchport/batchport/domain"
)

// The form of the source's own sample, sorted by time.
func TestJobIDs(t *testing.T) {
	t.Parallel()
	sample := time.Unix(0x6552e15d, 0x74326*1000)
	assert.Equal(t, domain.JobID("6552e15d743264.42384055"), domain.NewJobID(sample, 423840554))
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(0, 1<<51).Draw(t, "at"))
		later := at.Add(time.Duration(rapid.Int64Range(1, 1e12).Draw(t, "later")) * time.Microsecond)
		a, b := domain.NewJobID(at, rapid.Uint64().Draw(t, "a")), domain.NewJobID(later, rapid.Uint64().Draw(t, "b"))
		if later.Unix() <= 1<<32-1 && a >= b {
			t.Fatalf("ids of %v and %v = %s, %s; want them in order", at, later, a, b)
		}
		if parsed, err := domain.ParseJobID(string(a)); err != nil || parsed != a {
			t.Fatalf("ParseJobID(%s) = %s, %v; want itself", a, parsed, err)
		}
	})
	for _, bad := range []string{"6552e15d743264", "6552e15d743264.4238405", "6552E15d743264.42384055", "6552e15d743264.42384055\n", "x"} {
		_, err := domain.ParseJobID(bad)
		require.ErrorIs(t, err, domain.CodeInvalid, bad)
	}
}

func TestPrincipals(t *testing.T) {
	t.Parallel()
	who := domain.Principal{Permissions: []domain.Permission{"estate_export"}}
	assert.True(t, who.May("estate_export"))
	assert.False(t, who.May("estate_exports"))
	assert.True(t, domain.Principal{Permissions: []domain.Permission{domain.All}}.May("anything"))
	for _, bad := range []string{"A", "a.b", "a b", "租戶", strings.Repeat("a", 65), "a\n"} {
		_, err := domain.ParseTenant(bad)
		require.ErrorIs(t, err, domain.CodeInvalid, bad)
	}
	_, err := domain.ParseTenant("")
	require.ErrorIs(t, err, domain.CodeRequired)
	tenant, err := domain.ParseTenant("acme-2")
	require.NoError(t, err)
	assert.Equal(t, domain.TenantID("acme-2"), tenant)
}

// Whatever a chunk is split into holds the same items, in order.
func TestSplitKeepsTheItems(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.String(), 1, 300).Draw(t, "items")
		first := rapid.IntRange(0, 1000).Draw(t, "first")
		chunk, err := domain.NewChunk(first, items)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := chunk.Split()
		if err != nil {
			t.Fatal(err)
		}
		next, joined := first, ""
		for _, part := range parts {
			if part.First != next || part.Len < 1 || len(items) > 1 && part.Len >= len(items) {
				t.Fatalf("part %+v of a chunk of %d items at %d", part, len(items), next)
			}
			next += part.Len
			joined += strings.Trim(string(part.Items), "[]") + ","
		}
		if whole := strings.Trim(string(chunk.Items), "[]") + ","; next != first+len(items) || joined != whole && !strings.ContainsAny(whole, "[]") {
			t.Fatalf("the parts hold %q up to %d, want %q", joined, next, whole)
		}
	})
	_, err := domain.NewChunk(0, []int{})
	require.ErrorIs(t, err, domain.CodeInvalid)
}

// The items of a chunk are two splits from being alone.
func TestSplitIsSteep(t *testing.T) {
	t.Parallel()
	chunk, err := domain.NewChunk(0, make([]int, 2500))
	require.NoError(t, err)
	parts, err := chunk.Split()
	require.NoError(t, err)
	assert.Len(t, parts, 50)
	alone, err := parts[0].Split()
	require.NoError(t, err)
	assert.Len(t, alone, 50)
	singles, err := domain.Chunk{Len: 3, Items: []byte("[1,2,3]")}.Split()
	require.NoError(t, err)
	assert.Len(t, singles, 3)
}

func TestReportsSum(t *testing.T) {
	t.Parallel()
	f := domain.NewFailure(domain.CodeNotFound, "id", "9")
	r := domain.ReportOf([]domain.Outcome{{Fate: domain.Created}, {Fate: domain.Updated}, {Fate: domain.Unchanged}, domain.FailedWith(f), {Fate: domain.Skipped}})
	assert.Equal(t, domain.Report{Total: 5, Created: 1, Updated: 1, Unchanged: 1, Failed: 1, Skipped: 1}, r)
	assert.Equal(t, 3, r.Succeeded())
	assert.Zero(t, r.Pending())
	sum := 0
	for _, fate := range domain.Fates() {
		sum += r.Count(fate)
	}
	assert.Equal(t, r.Total, sum)
	assert.Panics(t, func() { domain.ReportOf([]domain.Outcome{{Fate: "fine"}}) })
}

func TestCodesOfErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk")
	wrapped := fmt.Errorf("store: %w", domain.Unavailable(cause))
	require.ErrorIs(t, wrapped, domain.CodeUnavailable)
	require.ErrorIs(t, wrapped, cause)
	assert.Equal(t, domain.CodeUnavailable, domain.CodeOf(wrapped))
	assert.Equal(t, domain.CodeInternal, domain.CodeOf(cause))
	assert.Empty(t, domain.CodeOf(nil))
	assert.Equal(t, domain.Failure{Code: domain.CodeInternal}, domain.FailureOf(cause))

	for err, fault := range map[error]bool{
		domain.CodeRejected: true, domain.Fail(domain.NewFailure(domain.CodeNotFound, "", "")): true, domain.Code("a_hosts_own"): true,
		cause: false, wrapped: false, domain.CodeClaimLost: false, context.Canceled: false, context.DeadlineExceeded: false,
	} {
		assert.Equal(t, fault, domain.DataFault(err), "%v", err)
	}
	assert.False(t, domain.DataFault(nil))
	assert.NoError(t, domain.FailAll(domain.CodeInvalid, nil))
}

// What a hostile client sent is not kept at full length.
func TestRejectedValuesAreShortened(t *testing.T) {
	t.Parallel()
	f := domain.NewFailure(domain.CodeTooLong, "name", strings.Repeat("臺", 5000), "max", "64")
	assert.Equal(t, strings.Repeat("臺", 200), f.Value)
	assert.Equal(t, `name: too_long max="64"`, f.String())
	assert.Panics(t, func() { domain.NewFailure(domain.CodeInvalid, "", "", "lonely") })
}
