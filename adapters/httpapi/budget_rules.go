package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/budget"
)

// maxRules is how many budget rules one answer lists.
const maxRules = 1000

const (
	rulesPath        = "/v1/budget-rules"
	ruleTemplatePath = "/v1/templates/budget-rules.xlsx"
)

// registerBudgetRules adds what shows which rules are stored.
func (a *api) registerBudgetRules() {
	register(a, huma.Operation{
		OperationID: "list-budget-rules",
		Method:      http.MethodGet,
		Path:        rulesPath,
		Summary:     "List budget rules",
		Description: "By code, page by page: ask again with after set to next, until next is null. Rules that are marked as deleted are listed too. Needs the permission budget_rule_read or budget_rule_sync.",
		Tags:        []string{"Budget rules"},
		Security:    secured,
		Responses: refusals(a.huma, problem{}, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden,
			http.StatusInternalServerError, http.StatusServiceUnavailable),
	}, a.rules)
	for _, param := range a.huma.OpenAPI().Paths[rulesPath].Get.Parameters {
		switch param.Name { // they are read as text, since Huma would refuse other text in its own words
		case "limit":
			param.Schema = &huma.Schema{Type: huma.TypeInteger, Minimum: new(1.0), Maximum: new(float64(maxRules)), Default: maxRules}
		case "deleted_flag":
			param.Schema = &huma.Schema{Type: huma.TypeString, Enum: []any{"Y", "N"}}
		}
	}
	register(a, huma.Operation{
		OperationID: "get-budget-rule",
		Method:      http.MethodGet,
		Path:        rulesPath + "/{code}",
		Summary:     "Read a budget rule",
		Description: "Also one that is marked as deleted. Needs the permission budget_rule_read or budget_rule_sync.",
		Tags:        []string{"Budget rules"},
		Security:    secured,
		Responses: refusals(a.huma, problem{}, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
			http.StatusInternalServerError, http.StatusServiceUnavailable),
	}, a.rule)
	register(a, huma.Operation{
		OperationID: "download-budget-rules-template",
		Method:      http.MethodGet,
		Path:        ruleTemplatePath,
		Summary:     "Download an empty workbook for a job that syncs budget rules",
		Description: "With the columns' names in the caller's language. A job understands them in any, and by the names of the fields.",
		Tags:        []string{"Files"},
		Security:    secured,
		Responses: withWorkbook(refusals(a.huma, problem{}, http.StatusUnauthorized,
			http.StatusInternalServerError, http.StatusServiceUnavailable)),
	}, a.ruleTemplate)
}

type rulesInput struct {
	exchange
	Locale      string `header:"locale" doc:"Language of messages: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says."`
	BudgetCode  string `query:"budget_code" doc:"Only rules of this budget."`
	BranchCode  string `query:"branch_code" doc:"Only rules of this branch."`
	BudgetEvent string `query:"budget_event" doc:"Only rules of this event."`
	DeletedFlag string `query:"deleted_flag" doc:"Only rules that are marked as deleted (Y), or that are not (N)."`
	After       string `query:"after" doc:"What next was on the page before."`
	Limit       string `query:"limit" doc:"How many rules to list at most."`
}

type rulesOutput struct {
	Body rulePage
}

type rulePage struct {
	Rules []ruleView `json:"rules" nullable:"false"`
	Next  *string    `json:"next" doc:"What after has to be for the next page; null when there is none."`
}

// ruleView is a rule as it is stored.
type ruleView struct {
	Code          string        `json:"code"`
	Priority      int           `json:"priority" minimum:"0" maximum:"9999"`
	BudgetCode    string        `json:"budget_code"`
	RuleCondition conditionView `json:"rule_condition"`
	BranchCode    *string       `json:"branch_code" doc:"Null when none was sent."`
	BudgetEvent   *string       `json:"budget_event" doc:"Null when none was sent."`
	DeletedFlag   string        `json:"deleted_flag" enum:"Y,N"`
	Revision      int64         `json:"revision" minimum:"1" doc:"How often the rule was stored."`
	StoredAt      time.Time     `json:"stored_at" doc:"When it was stored last."`
}

// conditionView is a condition as it was sent, sorted by its columns.
type conditionView struct{ condition budget.Condition }

// MarshalJSON writes the condition.
func (v conditionView) MarshalJSON() ([]byte, error) { return []byte(v.condition.Text()), nil }

// Schema describes it to Huma.
func (conditionView) Schema(schemas huma.Registry) *huma.Schema { return ruleCondition(schemas) }

func ruleViewOf(r budget.StoredRule) ruleView {
	flag := "N"
	if r.Deleted {
		flag = "Y"
	}
	return ruleView{
		Code: r.Code, Priority: r.Priority, BudgetCode: r.BudgetCode, RuleCondition: conditionView{r.Condition},
		BranchCode: optionalText(r.BranchCode, r.BranchCode != ""), BudgetEvent: optionalText(r.BudgetEvent, r.BudgetEvent != ""),
		DeletedFlag: flag, Revision: r.Revision, StoredAt: r.StoredAt,
	}
}

func (a *api) rules(ctx context.Context, in *rulesInput) (*rulesOutput, error) {
	who, err := a.deps.Authenticate(in.r)
	if err != nil {
		return nil, err
	}
	filter, after, limit, err := in.search()
	if err != nil {
		return nil, err
	}
	stored, err := a.deps.Budgets.List(ctx, who, filter, after, limit+1) // one more tells whether there is a next page
	if err != nil {
		return nil, err
	}
	page := rulePage{Rules: make([]ruleView, 0, min(limit, len(stored)))}
	if len(stored) > limit {
		stored = stored[:limit]
		next := base64.RawURLEncoding.EncodeToString([]byte(stored[limit-1].Code))
		page.Next = &next
	}
	for _, r := range stored {
		page.Rules = append(page.Rules, ruleViewOf(r))
	}
	return &rulesOutput{Body: page}, nil
}

// search reads what is asked for, and reports all that is wrong with that at
// once.
func (in *rulesInput) search() (filter budget.Filter, after string, limit int, err error) {
	var faults []domain.Failure
	filter = budget.Filter{BudgetCode: in.BudgetCode, BranchCode: in.BranchCode, BudgetEvent: in.BudgetEvent}
	for _, given := range [][2]string{
		{budget.BudgetField, in.BudgetCode}, {budget.BranchField, in.BranchCode}, {budget.EventField, in.BudgetEvent},
	} {
		checkText(&faults, given[0], given[1])
	}
	switch in.DeletedFlag {
	case "":
	case "Y", "N":
		deleted := in.DeletedFlag == "Y"
		filter.Deleted = &deleted
	default:
		faults = append(faults, domain.NewFailure(domain.CodeInvalid, "deleted_flag", in.DeletedFlag, "expected", "Y, N"))
	}
	code, broken := base64.RawURLEncoding.DecodeString(in.After)
	if after = string(code); broken != nil || !storable(after) {
		faults = append(faults, domain.NewFailure(domain.CodeInvalid, "after", in.After))
	}
	limit = readInteger(&faults, "limit", in.Limit, 1, maxRules, maxRules)
	return filter, after, limit, domain.FailAll(domain.CodeInvalid, faults)
}

type ruleInput struct {
	exchange
	Locale string `header:"locale" doc:"Language of messages: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says."`
	Code   string `path:"code" doc:"The code of the rule." example:"R1"`
}

type ruleOutput struct {
	Body ruleView
}

func (a *api) rule(ctx context.Context, in *ruleInput) (*ruleOutput, error) {
	who, err := a.deps.Authenticate(in.r)
	if err != nil {
		return nil, err
	}
	if !storable(in.Code) {
		return nil, domain.CodeNotFound // no rule can have such a code
	}
	stored, err := a.deps.Budgets.Find(ctx, who, in.Code)
	if errors.Is(err, domain.CodeNotFound) {
		return nil, domain.CodeNotFound // the same bytes whatever the store said of it
	}
	if err != nil {
		return nil, err
	}
	return &ruleOutput{Body: ruleViewOf(stored)}, nil
}

func (a *api) ruleTemplate(_ context.Context, in *templateInput) (*downloadOutput, error) {
	if _, err := a.deps.Authenticate(in.r); err != nil {
		return nil, err
	}
	locale := a.locale(in.r)
	return a.workbook(in.exchange, a.deps.Budgets.TemplateName(locale), "budget-rules", func(w io.Writer) error {
		return a.deps.Budgets.WriteTemplate(locale, w)
	}), nil
}
