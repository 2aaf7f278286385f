package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
)

// submission is how jobs of a kind are submitted.
type submission struct {
	kind     domain.Kind
	slug     string // in the path and in the name of the operation
	summary  string
	does     string
	body     bodySchema
	examples []string // bodies that are accepted; the first is what most send
}

// submissions lists the kinds that are submitted in the typed form, each with
// an operation of its own.
func submissions() []submission {
	return []submission{
		{
			estates.OpenRent, "estate-batch-open-rent", "Advertise estates for rent",
			"One that is closed cannot be advertised, and fails with not_rentable.", selecting("OpenRentRequest", "EstateFilter", byRows, bySets),
			[]string{
				`{"ids":[100001,100002,7]}`,
				`{"filter":{"community_id":[3001],"status":["vacant"],"listed":[false],"rent_max":45000},"total":12,"validate_only":true}`,
				`{"ids":[100001,100002],"all_or_nothing":true}`,
			},
		},
		{
			estates.CloseRent, "estate-batch-close-rent", "Withdraw the advertisements of estates",
			"Of those that are advertised; the others stay as they are.", selecting("CloseRentRequest", "EstateFilter", byRows, bySets),
			[]string{
				`{"ids":[100001,100002]}`,
				`{"filter":{"status":["rented","maintenance"],"listed":[true]},"total":7,"fail_limit":{"items":5,"percent":10}}`,
			},
		},
		{
			estates.UploadReport, "estate-batch-upload-monthly-report", "Attach a monthly report to estates",
			"The same document to each of them; again for the same month replaces it.", selecting("MonthlyReportRequest", "EstateFilter", ofDocument, byRows),
			[]string{
				`{"ids":[100001,100002],"url":"https://files.example.com/2026-11.pdf","month":"202611"}`,
				`{"filter":{"agent_id":[1001]},"total":40,"url":"https://files.example.com/2026-11.pdf","month":"202611"}`,
			},
		},
		{
			estates.ImportStatement, "estate-import-monthly-statement", "Import the lines of monthly statements",
			"From a workbook with the columns of GET /v1/templates/monthly-statement.xlsx, a line a row. One elsewhere is fetched when the job runs.",
			bodySchema{"MonthlyStatementRequest", []reflect.Type{ofDocument, byRows}, nil},
			[]string{
				`{"url":"https://files.example.com/statement.xlsx","month":"202611"}`,
				`{"url":"https://files.example.com/statement.xlsx","month":"202611","validate_only":true,"fail_limit":{"percent":20}}`,
			},
		},
		{
			estates.EditLandlord, "estate-batch-edit-big-landlord", "Give, change or remove the big landlords of estates",
			"With an edit for each estate, or one for all that a filter finds.",
			bodySchema{"BigLandlordEditRequest", []reflect.Type{reflect.TypeFor[bigLandlordEdits](), byRows, bySets}, []string{"EstateFilter"}},
			[]string{
				`{"edits":[{"id":100001,"user_id":2001,"capabilities":{"show_estate":true,"edit_repair":false}},{"id":100002,"user_id":null}]}`,
				`{"filter":{"landlord_id":[2001]},"total":3,"user_id":2002,"capabilities":{"show_report":true}}`,
				`{"filter":{"landlord_id":[2001]},"total":3,"user_id":null,"all_or_nothing":true}`,
			},
		},
		{
			estates.EditAgent, "estate-batch-edit-agent", "Put agents in charge of estates or contracts",
			"With an edit for each object, or one for all that a filter finds. An agent can be replaced and not removed.",
			bodySchema{"AgentEditRequest", []reflect.Type{reflect.TypeFor[agentEdits](), byRows, bySets}, []string{"EstateFilter", "ContractFilter"}},
			[]string{
				`{"object":"estate","edits":[{"id":100001,"user_id":1002},{"id":100002,"user_id":1001}]}`,
				`{"object":"contract","filter":{"agent_id":[1001],"state":["active"]},"total":25,"user_id":1002}`,
			},
		},
		{
			estates.Export, "estate-export", "Export estates into a workbook", inTheirOrder, selecting("EstateExportRequest", "EstateFilter"),
			[]string{`{"filter":{},"total":2000}`, `{"ids":[100001,100002]}`, `{"filter":{"country":[1],"district":[10,11],"rent_min":10000},"total":80}`},
		},
		{
			estates.ExportCommunities, "community-export", "Export communities into a workbook", inTheirOrder, selecting("CommunityExportRequest", "CommunityFilter"),
			[]string{`{"filter":{},"total":50}`, `{"ids":[3001,3002]}`, `{"filter":{"keyword":["花園"]},"total":2}`},
		},
		{
			estates.ExportContracts, "contract-export", "Export contracts into a workbook", inTheirOrder, selecting("ContractExportRequest", "ContractFilter"),
			[]string{
				`{"filter":{"state":["active"],"ends_after":"2026-11-30","ends_before":"2027-01-01"},"total":31}`,
				`{"ids":[400001]}`,
			},
		},
		{
			estates.ExportRepairs, "repair-export", "Export repairs into a workbook", inTheirOrder, selecting("RepairExportRequest", "RepairFilter"),
			[]string{
				`{"filter":{"state":["open","doing"],"category":["水電"],"reported_after":"2026-09-30"},"total":9}`,
				`{"ids":[500001,500002]}`,
			},
		},
	}
}

const inTheirOrder = "In the order of their ids. The file is that of the job, once it has ended."

// registerSubmissions adds an operation for each kind of jobs on estates.
func (a *api) registerSubmissions() {
	for name, parts := range filterSchemas() {
		a.composed(name, parts)
	}
	for _, s := range submissions() {
		path := jobsPath + "/" + s.slug
		register(a, huma.Operation{
			OperationID:   "submit-" + s.slug,
			Method:        http.MethodPost,
			Path:          path,
			Summary:       s.summary,
			Description:   s.does + " Answers before any item is worked on. Needs the permission " + string(s.kind) + ".",
			Tags:          []string{"Jobs"},
			Security:      secured,
			DefaultStatus: http.StatusAccepted,
			Responses: refusals(a.huma, problem{}, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden,
				http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
				http.StatusInternalServerError, http.StatusServiceUnavailable),
		}, a.submitTyped(s.kind))
		a.huma.OpenAPI().Paths[path].Post.RequestBody = a.submissionBody(s)
	}
}

// submissionBody documents a body. The use case judges it, all of it; Huma
// never does, since it would refuse in its own words.
func (a *api) submissionBody(s submission) *huma.RequestBody {
	body := jsonBody(a.describeBody(s.body))
	body.Content["application/json"].Example = json.RawMessage(s.examples[0])
	return body
}

type submissionInput struct {
	exchange
	Locale         string `header:"locale" doc:"Language of messages and files: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says."`
	IdempotencyKey string `header:"Idempotency-Key" doc:"Makes the same request, sent again within 7 days, give the same job."`
}

type submissionOutput struct {
	Location string `header:"Location" doc:"Where to ask how far the job is."`
	Body     jobView
}

// submitTyped returns what takes submissions of a kind.
func (a *api) submitTyped(kind domain.Kind) func(context.Context, *submissionInput) (*submissionOutput, error) {
	return func(ctx context.Context, in *submissionInput) (*submissionOutput, error) {
		who, err := a.deps.Authenticate(in.r)
		if err != nil {
			return nil, err
		}
		memory := a.budget.open()
		defer memory.release()
		body, err := a.readDocument(in.w, in.r, memory, 1, 0)
		if err != nil {
			return nil, err
		}
		job, err := a.deps.Estates.SubmitTyped(ctx, who, kind, estates.Request{
			Body: body, Locale: a.locale(in.r), IdempotencyKey: in.IdempotencyKey, Upload: a.uploadOf(in.r, who),
		})
		if err != nil {
			return nil, err
		}
		return &submissionOutput{Location: a.base(in.r) + jobsPath + "/" + string(job.ID()), Body: a.jobViewOf(in.r, job)}, nil
	}
}
