package bunstore

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/batchport/batchport/domain"
)

// The columns of a job. What it was submitted as never changes, but for the
// payload, which SavePayload writes; the rest is its life, which SaveJob writes.
const (
	jobSpecColumns = "tenant, id, user_id, kind, resource, whole, locale, select_all, expected, items, submitted_at, payload, traceparent, " +
		"validate_only, all_or_nothing, fail_items, fail_percent, retry_of, select_failed"
	jobLifeColumns = "state, total, created, updated, unchanged, deleted, exported, failed, skipped, cancelled, " +
		"processed, cancel_requested, epoch, suspect, strikes, sequence, started_at, ended_at, ended, needs_worker, cause, file"
	jobColumns    = jobSpecColumns + ", " + jobLifeColumns
	jobAllColumns = jobColumns + ", purged_to, bare" // with what [Store.PurgeItems] alone writes
)

// jobLifeSets assigns every column of jobLifeColumns.
var jobLifeSets = strings.ReplaceAll(jobLifeColumns, ", ", " = ?, ") + " = ?"

// failureDocument is a failure as it is stored, in JSON.
type failureDocument struct {
	Key    string            `json:"key,omitempty"`
	Code   domain.Code       `json:"code"`
	Field  string            `json:"field,omitempty"`
	Value  string            `json:"value,omitempty"`
	Params map[string]string `json:"params"`
	Also   []failureDocument `json:"also,omitempty"`
}

func failureDocumentOf(key string, f domain.Failure) failureDocument {
	d := failureDocument{Key: key, Code: f.Code, Field: f.Field, Value: f.Value, Params: f.Params}
	for _, also := range f.Also {
		d.Also = append(d.Also, failureDocumentOf("", also))
	}
	return d
}

func (d failureDocument) failure() domain.Failure {
	f := domain.Failure{Code: d.Code, Field: d.Field, Value: d.Value, Params: d.Params}
	for _, also := range d.Also {
		f.Also = append(f.Also, also.failure())
	}
	return f
}

// fileDocument is a job's file as it is stored, in JSON.
type fileDocument struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Size int64  `json:"size"`
}

// jobSpecArgs returns the values of jobSpecColumns.
func jobSpecArgs(s domain.JobSnapshot) []any {
	var expected any
	if s.Selection.Expected != nil {
		expected = *s.Selection.Expected
	}
	return []any{
		string(s.Tenant), string(s.ID), string(s.User), string(s.Kind), s.Resource, flag(s.Whole), s.Locale,
		flag(s.Selection.All), expected, s.Items, micros(s.SubmittedAt), text(s.Payload), optional(s.Trace),
		flag(s.Options.ValidateOnly), flag(s.Options.AllOrNothing), s.Options.FailLimit.Items, s.Options.FailLimit.Percent, string(s.RetryOf), flag(s.Selection.Failed),
	}
}

// jobLifeArgs returns the values of jobLifeColumns.
func jobLifeArgs(job *domain.BatchJob) ([]any, error) {
	s := job.Snapshot()
	var cause, file []byte
	var err error
	if s.Cause != nil {
		if cause, err = json.Marshal(failureDocumentOf("", *s.Cause)); err != nil {
			return nil, err
		}
	}
	if s.File != nil {
		if file, err = json.Marshal(fileDocument(*s.File)); err != nil {
			return nil, err
		}
	}
	r := s.Report
	return []any{
		string(s.State), r.Total, r.Created, r.Updated, r.Unchanged, r.Deleted, r.Exported, r.Failed, r.Skipped, r.Cancelled,
		s.Processed, flag(s.CancelRequested), s.Epoch, flag(s.Suspect), s.Strikes, s.Sequence,
		micros(s.StartedAt), micros(s.EndedAt), flag(s.State.Ended()), flag(job.NeedsWorker()), text(cause), text(file),
	}, nil
}

// scanJob reads the jobAllColumns of a row.
func scanJob(rows *sql.Rows) (*domain.BatchJob, error) {
	var (
		s                             domain.JobSnapshot
		expected                      sql.NullInt64
		trace                         sql.NullString
		submittedAt, started, endedAt int64
		ended, needsWorker            bool // what the state says already
		cause, file                   []byte
		purgedTo                      int
	)
	r := &s.Report
	if err := rows.Scan(
		&s.Tenant, &s.ID, &s.User, &s.Kind, &s.Resource, &s.Whole, &s.Locale,
		&s.Selection.All, &expected, &s.Items, &submittedAt, &s.Payload, &trace,
		&s.Options.ValidateOnly, &s.Options.AllOrNothing, &s.Options.FailLimit.Items, &s.Options.FailLimit.Percent, &s.RetryOf, &s.Selection.Failed,
		&s.State, &r.Total, &r.Created, &r.Updated, &r.Unchanged, &r.Deleted, &r.Exported, &r.Failed, &r.Skipped, &r.Cancelled,
		&s.Processed, &s.CancelRequested, &s.Epoch, &s.Suspect, &s.Strikes, &s.Sequence,
		&started, &endedAt, &ended, &needsWorker, &cause, &file, &purgedTo, &s.ItemsPurged,
	); err != nil {
		return nil, err
	}
	s.ItemsPurged = s.ItemsPurged || purgedTo > 0
	if expected.Valid {
		n := int(expected.Int64)
		s.Selection.Expected = &n
	}
	s.Trace = domain.TraceParent(trace.String)
	s.SubmittedAt, s.StartedAt, s.EndedAt = instant(submittedAt), instant(started), instant(endedAt)
	if cause != nil {
		var d failureDocument
		if err := json.Unmarshal(cause, &d); err != nil {
			return nil, fmt.Errorf("decode the cause of job %s: %w", s.ID, err)
		}
		f := d.failure()
		s.Cause = &f
	}
	if file != nil {
		var d fileDocument
		if err := json.Unmarshal(file, &d); err != nil {
			return nil, fmt.Errorf("decode the file of job %s: %w", s.ID, err)
		}
		f := domain.JobFile(d)
		s.File = &f
	}
	return domain.LoadJob(s)
}
