package domain_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/batchport/batchport/domain"
)

func TestACloneSharesNothing(t *testing.T) {
	t.Parallel()
	expected := 3
	snapshot := func() domain.JobSnapshot {
		s := domain.JobSnapshot{JobSpec: spec(), State: domain.JobFailed, File: &domain.JobFile{Name: "a"}, Cause: &domain.Failure{
			Code: "a", Params: map[string]string{"a": "a"}, Also: []domain.Failure{{Code: "a", Params: map[string]string{"a": "a"}}},
		}}
		s.Payload, s.Selection.Expected = []byte("a"), &expected
		return s
	}
	job, err := domain.LoadJob(snapshot())
	require.NoError(t, err)
	clone := job.Clone()
	assert.Equal(t, snapshot(), clone.Snapshot())
	got := clone.Snapshot()
	got.Payload[0] = 'b'
	*got.Selection.Expected = 4
	got.File.Name = "b"
	got.Cause.Code, got.Cause.Params["a"] = "b", "b"
	got.Cause.Also[0].Code, got.Cause.Also[0].Params["a"] = "b", "b"
	assert.Equal(t, snapshot(), job.Snapshot())
	plain := newJob(t, nil)
	assert.Equal(t, plain.Snapshot(), plain.Clone().Snapshot(), "with nothing to share")
}
