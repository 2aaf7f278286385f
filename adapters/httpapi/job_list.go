package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
)

const (
	jobsPath = "/v1/jobs"

	// maxJobs and someJobs are how many jobs a page has at most, and when
	// nothing is said.
	maxJobs, someJobs = 200, 50

	// maxChoices is how many values one filter takes.
	maxChoices = 50
)

// registerJobList adds the list of jobs.
func (a *api) registerJobList() {
	register(a, huma.Operation{
		OperationID: "list-jobs",
		Method:      http.MethodGet,
		Path:        jobsPath,
		Summary:     "List jobs",
		Description: "Those of your tenant, the newest first, page by page: ask again with cursor set to next, until next is null.",
		Tags:        []string{"Jobs"},
		Security:    secured,
		Responses: refusals(a.huma, problem{}, http.StatusBadRequest, http.StatusUnauthorized,
			http.StatusInternalServerError, http.StatusServiceUnavailable),
	}, a.jobs)
	text := func(values []string) *huma.Schema {
		items := &huma.Schema{Type: huma.TypeString}
		for _, v := range values {
			items.Enum = append(items.Enum, v)
		}
		return &huma.Schema{Type: huma.TypeArray, Items: items, MaxItems: new(maxChoices)}
	}
	schemas := map[string]*huma.Schema{
		"kind":   text(nil),
		"state":  text(words(domain.JobStates())),
		"result": text(words(domain.JobResults())),
		"limit":  {Type: huma.TypeInteger, Minimum: new(1.0), Maximum: new(float64(maxJobs)), Default: someJobs},
	}
	for _, param := range a.huma.OpenAPI().Paths[jobsPath].Get.Parameters {
		// They are read as text, since Huma would refuse other text in its own words.
		switch schema := schemas[param.Name]; {
		case strings.HasPrefix(param.Name, "submitted_"):
			param.Schema = &huma.Schema{Type: huma.TypeString, Format: "date-time"}
		case schema != nil:
			param.Schema, param.Explode = schema, nil
			if schema.Type == huma.TypeArray {
				param.Style, param.Explode = "form", new(false)
			}
		}
	}
}

func words[S ~string](list []S) (words []string) {
	for _, w := range list {
		words = append(words, string(w))
	}
	return words
}

type jobsInput struct {
	exchange
	Locale          string `header:"locale" doc:"Language of the messages: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says; without both, each job's own language."`
	Kind            string `query:"kind" doc:"Jobs of any of these kinds, with commas between them; the parameter may also be repeated."`
	State           string `query:"state" doc:"Jobs in any of these states."`
	Result          string `query:"result" doc:"Jobs that ended so."`
	User            string `query:"user" doc:"Jobs of this user."`
	SubmittedFrom   string `query:"submitted_from" doc:"Jobs that were submitted then or later."`
	SubmittedBefore string `query:"submitted_before" doc:"Jobs that were submitted earlier."`
	Limit           string `query:"limit" doc:"How many jobs to list at most."`
	Cursor          string `query:"cursor" doc:"What next was on the page before; begin without it."`
}

type jobsOutput struct {
	Body jobPage
}

type jobPage struct {
	Jobs []jobView `json:"jobs" nullable:"false"`
	Next *string   `json:"next" doc:"What cursor has to be for the next page; null when there is none."`
}

func (a *api) jobs(ctx context.Context, in *jobsInput) (*jobsOutput, error) {
	who, err := a.deps.Authenticate(in.r)
	if err != nil {
		return nil, err
	}
	filter, err := readJobFilter(in.r.URL.Query())
	if err != nil {
		return nil, err
	}
	limit := filter.Limit
	filter.Limit++ // one more tells whether there is a next page
	jobs, err := a.deps.Engine.List(ctx, who, filter)
	if err != nil {
		return nil, err
	}
	page := jobPage{Jobs: make([]jobView, 0, len(jobs))}
	for _, job := range jobs[:min(limit, len(jobs))] {
		page.Jobs = append(page.Jobs, a.jobViewOf(in.r, job))
	}
	if len(jobs) > limit {
		next := string(jobs[limit-1].ID())
		page.Next = &next
	}
	return &jobsOutput{Body: page}, nil
}

// readJobFilter reads which jobs are asked for, and reports all that is wrong
// with that at once. A parameter that is not known is reported too, and so is a
// second value of one that has one: a filter that is passed over would show other
// jobs than were asked for.
func readJobFilter(query url.Values) (ports.JobFilter, error) {
	var faults []domain.Failure
	f := ports.JobFilter{
		Kinds:           readChoices[domain.Kind](&faults, "kind", query, nil),
		States:          readChoices(&faults, "state", query, domain.JobStates()),
		Results:         readChoices(&faults, "result", query, domain.JobResults()),
		User:            domain.UserID(query.Get("user")),
		SubmittedFrom:   readTime(&faults, "submitted_from", query),
		SubmittedBefore: readTime(&faults, "submitted_before", query),
		Limit:           readInteger(&faults, "limit", query.Get("limit"), 1, maxJobs, someJobs),
	}
	checkText(&faults, "user", query.Get("user"))
	if cursor := query.Get("cursor"); cursor != "" {
		id, err := domain.ParseJobID(cursor)
		if err != nil {
			faults = append(faults, domain.NewFailure(domain.CodeInvalid, "cursor", cursor, "expected", "cursor"))
		}
		f.Before = id
	}
	return f, domain.FailAll(domain.CodeInvalid, faults)
}

// readChoices reads values of a parameter that may be repeated and may hold
// several with commas between them. Of nil, any value may be chosen.
func readChoices[S ~string](faults *[]domain.Failure, field string, query url.Values, of []S) (chosen []S) {
	for _, value := range strings.Split(strings.Join(query[field], ","), ",") {
		switch {
		case value == "" || slices.Contains(chosen, S(value)):
		case len(chosen) == maxChoices:
			*faults = append(*faults, domain.NewFailure(domain.CodeOutOfRange, field, "", "max", "50"))
			return chosen
		case of == nil && !storable(value):
			checkText(faults, field, value)
		case of != nil && !slices.Contains(of, S(value)):
			*faults = append(*faults, domain.NewFailure(domain.CodeInvalid, field, value, "expected", strings.Join(words(of), ", ")))
		default:
			chosen = append(chosen, S(value))
		}
	}
	return chosen
}

// readTime reads a time as RFC 3339 writes it.
func readTime(faults *[]domain.Failure, field string, query url.Values) time.Time {
	text := query.Get(field)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		*faults = append(*faults, domain.NewFailure(domain.CodeInvalid, field, text, "expected", "time"))
		return time.Time{}
	}
	return t
}
