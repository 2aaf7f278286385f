package httpapi

import (
	"net/http"
	"strconv"

	"github.com/batchport/batchport/domain"
)

// unfinished says of a job that it has not ended.
type unfinished struct {
	BatchCode domain.JobID `json:"batch_code"`
	Process   int          `json:"process" minimum:"0" maximum:"99" doc:"Whole percent; it never falls."`
	Success   bool         `json:"success" enum:"false" doc:"Not ended yet."`
}

// ended says how a job ended.
type ended struct {
	Code    int       `json:"code" enum:"200,204,400,403,500" doc:"200: every item succeeded, or some did. 204: none did. 400: the input turned out malformed. 403: the submitting user has lost the permission. 500: a fault of the server, or data that failed verification."`
	Success bool      `json:"success" enum:"true" doc:"Ended, whatever the code."`
	Data    endedData `json:"data"`
}

type endedData struct {
	BatchCode domain.JobID `json:"batch_code"`
	URL       string       `json:"url,omitempty" doc:"The file that the job made. Works with the caller's key, and for some time without one."`
	FileName  string       `json:"file_name,omitempty"`
	Process   int          `json:"process" minimum:"100" maximum:"100"`
	Failed    int          `json:"failed_estates_amount,omitempty" doc:"How many items failed, of whatever kind."`
	Message   string       `json:"message,omitempty" doc:"Why the code is 400, 403 or 500, or that the job was stopped, in the caller's language; without one, in the job's own."`
}

// codeNoneSucceeded is the code of a job of which no item succeeded. It is in
// the body alone: with it as the HTTP status there would be no body.
const codeNoneSucceeded = http.StatusNoContent

// statusOf returns what a job is, for the caller.
func (a *api) statusOf(r *http.Request, job *domain.BatchJob) any {
	if !job.State().Ended() {
		return unfinished{BatchCode: job.ID(), Process: job.Percent()}
	}
	answer := ended{Code: endedCode(job), Success: true, Data: endedData{
		BatchCode: job.ID(), Process: job.Percent(), Failed: job.Report().Failed,
	}}
	if file := job.File(); file != nil {
		answer.Data.URL = a.linkOf(r, job, file)
		answer.Data.FileName = file.Name
	}
	if why := whyEnded(job); why != nil {
		answer.Data.Message = a.inWords(a.localeFor(r, job), *why)
	}
	return answer
}

// endedCode returns the code of a job that has ended.
func endedCode(job *domain.BatchJob) int {
	cause := job.Cause()
	switch {
	case job.State() != domain.JobFailed && job.Report().Succeeded() > 0:
		return http.StatusOK
	case job.State() != domain.JobFailed:
		return codeNoneSucceeded
	case cause == nil:
		return http.StatusInternalServerError
	case cause.Code == domain.CodeForbidden:
		return http.StatusForbidden
	case cause.Code == domain.CodeTotalMismatch || !domain.DataFault(cause.Code):
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// whyEnded returns what a reader has to know about the end of a job, or nil.
func whyEnded(job *domain.BatchJob) *domain.Failure {
	switch job.State() {
	case domain.JobCancelled:
		if cause := job.Cause(); cause != nil {
			return cause
		}
		report := job.Report()
		f := domain.NewFailure(domain.Code(domain.Cancelled), "", "",
			"cancelled", strconv.Itoa(report.Cancelled), "total", strconv.Itoa(report.Total))
		return &f
	case domain.JobFailed:
		if cause := job.Cause(); cause != nil {
			return cause
		}
		return &domain.Failure{Code: domain.CodeInternal}
	case domain.JobQueued, domain.JobPlanning, domain.JobRunning, domain.JobFinishing, domain.JobCompleted:
	}
	return nil
}

// inWords returns all that is wrong, a line for each thing.
func (a *api) inWords(locale string, f domain.Failure) string {
	text := a.deps.Messages.Text(locale, f)
	for _, also := range f.Also {
		text += "\n" + a.deps.Messages.Text(locale, also)
	}
	return text
}
