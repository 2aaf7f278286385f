package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/app/budgets"
	"github.com/batchport/batchport/domain"
)

// syncPath is that of the budget rule sync, which answers in an envelope of its
// own, whatever happens, and in Simplified Chinese unless it is told otherwise.
const (
	syncPath   = "/common/budgets/v2/glBudgetRuleJson/batch"
	syncLocale = "zh_CN"
)

// codeSynced is the resCode of a success; that of a refusal is its HTTP status
// times resCodes.
const (
	codeSynced = http.StatusOK * resCodes
	resCodes   = 1000
)

// registerBudgetSync adds the budget rule sync.
func (a *api) registerBudgetSync() {
	register(a, huma.Operation{
		OperationID: "sync-budget-rules",
		Method:      http.MethodPost,
		Path:        syncPath,
		Summary:     "Insert or replace budget rules, each by itself",
		Description: "The answer is 200 however many rows failed. The same bizId with the same data gives the stored answer again for 7 days. The body is read as JSON whatever its Content-Type says.",
		Tags:        []string{"Budget rules"},
		Security:    secured,
		Responses: refusals(a.huma, syncAnswer{}, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden,
			http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests,
			http.StatusInternalServerError, http.StatusServiceUnavailable),
	}, a.sync)
	a.huma.OpenAPI().Paths[syncPath].Post.RequestBody = a.syncRequest()
}

type syncInput struct {
	exchange
	Locale string `header:"locale" doc:"Language of messages and sentences: zh_CN (the default), zh_TW, en_US or ja_JP. Without it, Accept-Language says."`
}

type syncOutput struct {
	Policy string `header:"RateLimit-Policy" doc:"How many requests a tenant may make in which time. Not sent when they are not counted."`
	Left   string `header:"RateLimit" doc:"How many are left, and in how many seconds there will be more."`
	Body   syncAnswer
}

// syncAnswer is every answer of the budget rule sync.
type syncAnswer struct {
	ResCode int      `json:"resCode" doc:"200000, or the HTTP status of a refusal times 1000." example:"200000"`
	ResMsg  string   `json:"resMsg" doc:"success, or what is wrong, in the caller's language." example:"success"`
	BizID   *string  `json:"bizId" doc:"As sent; null when there is none."`
	Data    syncRows `json:"data"`
}

type syncRows struct {
	ValidatorErrors []syncFault `json:"validatorErrors" nullable:"false" doc:"Rows that were not stored because of what is wrong with them; of a refusal, what is wrong with the request."`
	Created         string      `json:"created" doc:"How many rules were new, in words."`
	Warnings        []syncFault `json:"warnings" nullable:"false" doc:"What is doubtful about rows that were stored all the same."`
	DBErrors        []syncFault `json:"dbErrors" nullable:"false" doc:"Rows that the database refused."`
	Updated         string      `json:"updated" doc:"How many rules were there already, in words."`
}

type syncFault struct {
	Index     *int        `json:"index" doc:"Position of the row in data, from 0; null when the request as a whole is to blame."`
	Code      *string     `json:"code" doc:"The code of the rule, as sent; null when no text was."`
	Field     *string     `json:"field" doc:"Path of the value at fault within the row, such as rule_condition.type_id; null when none is to blame."`
	ErrorCode domain.Code `json:"errorCode" doc:"The class of the fault, for programs." example:"out_of_range"`
	Message   string      `json:"message" doc:"What is wrong, in the caller's language."`
}

func (a *api) sync(ctx context.Context, in *syncInput) (*syncOutput, error) {
	who, err := a.deps.Authenticate(in.r)
	if err != nil {
		return nil, err
	}
	memory := a.budget.open()
	defer memory.release()
	// Once as it was parsed, and once as rules.
	body, err := a.readDocument(in.w, in.r, memory, 2, 0)
	if err != nil {
		return nil, err
	}
	synced, err := a.deps.Budgets.Sync(ctx, who, body)
	if err != nil {
		id, named := budgets.BizID(body)
		return nil, &syncError{error: &quotaError{error: err, quota: synced.Quota}, bizID: optionalText(id, named)}
	}
	out := &syncOutput{Body: a.syncAnswer(a.locale(in.r), synced.Answer)}
	out.Policy, out.Left = quotaHeaders(synced.Quota)
	return out, nil
}

func optionalText(s string, there bool) *string {
	if !there {
		return nil
	}
	return &s
}

// syncError is why a sync was refused whose body could be read.
type syncError struct {
	error
	bizID *string
}

// Unwrap returns the error itself.
func (e *syncError) Unwrap() error { return e.error }

// syncAnswer words what became of the rows.
func (a *api) syncAnswer(locale string, answer budgets.Answer) syncAnswer {
	return syncAnswer{ResCode: codeSynced, ResMsg: "success", BizID: &answer.BizID, Data: syncRows{
		ValidatorErrors: a.syncFaults(locale, answer.Faulty),
		Created:         a.deps.Counts.Count(locale, "budget_sync.created", answer.Created),
		Warnings:        a.syncFaults(locale, answer.Warnings),
		DBErrors:        a.syncFaults(locale, answer.Refused),
		Updated:         a.deps.Counts.Count(locale, "budget_sync.updated", answer.Updated),
	}}
}

func (a *api) syncFaults(locale string, list []budgets.RowNote) []syncFault {
	faults := make([]syncFault, len(list))
	for i := range list {
		n := &list[i]
		faults[i] = a.syncFault(locale, n.Failure)
		faults[i].Index, faults[i].Code = &n.Index, n.Code
	}
	return faults
}

func (a *api) syncFault(locale string, f domain.Failure) syncFault {
	return syncFault{Field: optionalText(f.Field, f.Field != ""), ErrorCode: f.Code, Message: a.deps.Messages.Text(locale, f)}
}

// refusedSync is the body of a refusal. What is wrong with the request is
// listed; who calls, and how often, is not of the request.
func (a *api) refusedSync(status int, message, locale string, failures []domain.Failure, err error) syncAnswer {
	refused := a.syncAnswer(locale, budgets.Answer{})
	refused.ResCode, refused.ResMsg, refused.BizID = status*resCodes, message, nil
	var known *syncError
	if errors.As(err, &known) {
		refused.BizID = known.bizID
	}
	switch status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge:
		for _, f := range failures {
			refused.Data.ValidatorErrors = append(refused.Data.ValidatorErrors, a.syncFault(locale, f))
		}
	}
	return refused
}
