package httpapi

import (
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/domain"
)

// soonest and latest are in how many seconds whoever polls is to ask again.
const soonest, latest = 1, 30

// askAgain is the header Retry-After of an answer about a job: in how many
// seconds it is worth asking again; "" when the job has ended. It is when the
// job will have ended if it goes on as until now. Of a job of which that is not
// known it is the longer, the longer it has been waiting.
func askAgain(job *domain.BatchJob, now time.Time) string {
	if job.State().Ended() {
		return ""
	}
	seconds := int(now.Sub(job.SubmittedAt()).Seconds() / 10)
	if _, eta := speedOf(job, now); eta != nil {
		seconds = *eta
	}
	return strconv.Itoa(min(max(seconds, soonest), latest))
}

// tellsWhenToAskAgain describes [askAgain] as the number that it is; the
// handler has it as text, so that there can be none.
func (a *api) tellsWhenToAskAgain(path string) {
	least, most := float64(soonest), float64(latest)
	a.huma.OpenAPI().Paths[path].Get.Responses["200"].Headers["Retry-After"] = &huma.Param{
		Description: "In how many seconds it is worth asking again. Not sent when the job has ended.",
		Schema:      &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most},
	}
}
