package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// maxLines is how many lines of statements one answer lists.
const maxLines = 1000

const statementsPath = "/v1/estates/{id}/statements"

// registerEstates adds what shows what jobs have made of an estate.
func (a *api) registerEstates() {
	register(a, huma.Operation{
		OperationID: "get-estate",
		Method:      http.MethodGet,
		Path:        "/v1/estates/{id}",
		Summary:     "Read an estate",
		Description: "With what the jobs have made of it. Needs the permission estate_read, or that of any job on estates.",
		Tags:        []string{"Estates"},
		Security:    secured,
		Responses: refusals(a.huma, problem{}, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
			http.StatusInternalServerError, http.StatusServiceUnavailable),
	}, a.estate)
	register(a, huma.Operation{
		OperationID: "list-statement-lines",
		Method:      http.MethodGet,
		Path:        statementsPath,
		Summary:     "List the lines of the statements of an estate",
		Description: "By month and item, page by page: ask again with after set to next, until next is null. Needs the permission estate_read, or that of any job on estates.",
		Tags:        []string{"Estates"},
		Security:    secured,
		Responses: refusals(a.huma, problem{}, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
			http.StatusInternalServerError, http.StatusServiceUnavailable),
	}, a.statements)
	for _, param := range a.huma.OpenAPI().Paths[statementsPath].Get.Parameters {
		if param.Name == "limit" { // it is read as text, since Huma would refuse other text in its own words
			param.Schema = &huma.Schema{Type: huma.TypeInteger, Minimum: new(1.0), Maximum: new(float64(maxLines)), Default: maxLines}
		}
	}
}

type estateInput struct {
	exchange
	Locale string `header:"locale" doc:"Language of messages: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says."`
	ID     string `path:"id" doc:"Identifier of the estate." example:"100001"`
}

type estateOutput struct {
	Body estateView
}

// estateView is an estate with what jobs have made of it.
type estateView struct {
	ID          int64         `json:"id" minimum:"1"`
	CommunityID *int64        `json:"community_id" doc:"Null when it belongs to none."`
	Name        string        `json:"name"`
	Country     int64         `json:"country" doc:"Number of the city or county."`
	District    int64         `json:"district" doc:"Number of the district within it."`
	Address     string        `json:"address"`
	Status      estate.Status `json:"status"`
	Rent        int64         `json:"rent" doc:"Whole TWD a month."`
	Area        string        `json:"area" doc:"In ping, with two decimals." example:"35.50"`
	Listed      bool          `json:"listed" doc:"Advertised for rent."`
	Agent       *person       `json:"agent" doc:"In charge; null when nobody is."`
	Landlord    *landlord     `json:"landlord" doc:"The big landlord; null when there is none."`
	Reports     []reportView  `json:"reports" nullable:"false" doc:"The monthly reports, the latest first."`
}

type person struct {
	ID   int64  `json:"id" minimum:"1"`
	Name string `json:"name"`
}

type landlord struct {
	ID           int64           `json:"id" minimum:"1"`
	Name         string          `json:"name"`
	Capabilities map[string]bool `json:"capabilities" doc:"Every capability that there is, and whether the landlord has it."`
}

type reportView struct {
	Month estate.Month `json:"month" doc:"YYYYmm" example:"202611"`
	URL   string       `json:"url" doc:"Where the report is. That of an upload works with a key of the tenant, and for some time without one."`
}

func (a *api) estate(ctx context.Context, in *estateInput) (*estateOutput, error) {
	who, err := a.deps.Authenticate(in.r)
	if err != nil {
		return nil, err
	}
	id, err := estateID(in.ID)
	if err != nil {
		return nil, err
	}
	o, err := a.deps.Estates.Overview(ctx, who, id)
	if err != nil {
		return nil, err
	}
	e := o.Estate
	view := estateView{
		ID: e.ID, Name: e.Name, Country: e.Country, District: e.District, Address: e.Address, Status: e.Status,
		Rent: e.Rent, Area: e.Area.String(), Listed: e.Listed, Reports: make([]reportView, len(o.Reports)),
	}
	if e.CommunityID != 0 {
		view.CommunityID = &e.CommunityID
	}
	if o.Agent != nil {
		view.Agent = &person{ID: o.Agent.ID, Name: o.Agent.Name}
	}
	if o.Landlord != nil {
		view.Landlord = &landlord{ID: o.Landlord.ID, Name: o.Landlord.Name, Capabilities: map[string]bool{}}
		for capability, on := range o.Capabilities {
			view.Landlord.Capabilities[string(capability)] = on
		}
	}
	for i, r := range o.Reports {
		url, err := a.reportURL(ctx, in.r, who, r)
		if err != nil {
			return nil, err
		}
		view.Reports[i] = reportView{Month: r.Month, URL: url}
	}
	return &estateOutput{Body: view}, nil
}

// reportURL returns where a report is. An upload that is not there any more,
// removed by hand perhaps, has no URL.
func (a *api) reportURL(ctx context.Context, r *http.Request, who domain.Principal, report estate.Report) (string, error) {
	if report.Upload == "" {
		return report.URL, nil
	}
	upload, err := a.deps.Uploads.Find(ctx, who.Tenant, report.Upload)
	switch {
	case errors.Is(err, domain.CodeNotFound):
		return "", nil
	case err != nil:
		return "", err
	}
	return a.link(r, fileRef{tenant: upload.Tenant, id: upload.ID, name: upload.Name}), nil
}

// estateID reads the identifier in a path. What cannot be one is of no estate.
func estateID(text string) (int64, error) {
	id, err := strconv.ParseUint(text, 10, 53)
	if err != nil || id == 0 {
		return 0, domain.CodeNotFound
	}
	return int64(id), nil
}

type statementsInput struct {
	exchange
	Locale string `header:"locale" doc:"Language of messages: zh_TW, zh_CN, en_US or ja_JP. Without it, Accept-Language says."`
	ID     string `path:"id" doc:"Identifier of the estate." example:"100001"`
	Month  string `query:"month" doc:"YYYYmm; without it, the lines of all months." example:"202611"`
	After  string `query:"after" doc:"The next of the page before; without it, the first page."`
	Limit  string `query:"limit" doc:"How many lines to list at most."`
}

type statementsOutput struct {
	Body statementPage
}

type statementPage struct {
	Lines []statementLine `json:"lines" nullable:"false"`
	Next  *string         `json:"next" doc:"What after has to be for the next page; null when there is none."`
}

type statementLine struct {
	Month  estate.Month `json:"month" doc:"YYYYmm" example:"202611"`
	Item   string       `json:"item" example:"管理費"`
	Amount string       `json:"amount" doc:"In TWD, with two decimals; it may be negative." example:"-1250.50"`
	Note   string       `json:"note"`
}

func (a *api) statements(ctx context.Context, in *statementsInput) (*statementsOutput, error) {
	who, err := a.deps.Authenticate(in.r)
	if err != nil {
		return nil, err
	}
	month, after, limit, err := in.page()
	if err != nil {
		return nil, err
	}
	id, err := estateID(in.ID)
	if err != nil {
		return nil, err
	}
	lines, err := a.deps.Estates.StatementLines(ctx, who, id, month, after, limit+1) // one more tells whether there is a next page
	if err != nil {
		return nil, err
	}
	page := statementPage{Lines: make([]statementLine, 0, min(limit, len(lines)))}
	if len(lines) > limit {
		lines = lines[:limit]
		page.Next = new(cursorOf(lines[limit-1]))
	}
	for _, l := range lines {
		page.Lines = append(page.Lines, statementLine{Month: l.Month, Item: l.Item, Amount: l.Amount.String(), Note: l.Note})
	}
	return &statementsOutput{Body: page}, nil
}

// page reads which part of the list is asked for, and reports all that is
// wrong with that at once.
func (in *statementsInput) page() (month estate.Month, after estate.StatementLine, limit int, err error) {
	var faults []domain.Failure
	if in.Month != "" {
		var ok bool
		if month, ok = estate.ParseMonth(in.Month); !ok {
			faults = append(faults, domain.NewFailure(domain.CodeInvalid, "month", in.Month, "expected", "month"))
		}
	}
	if in.After != "" {
		var ok bool
		if after, ok = readCursor(in.After); !ok {
			faults = append(faults, domain.NewFailure(domain.CodeInvalid, "after", in.After))
		}
	}
	limit = readInteger(&faults, "limit", in.Limit, 1, maxLines, maxLines)
	return month, after, limit, domain.FailAll(domain.CodeInvalid, faults)
}

// cursorOf names a line so that a list can go on behind it.
func cursorOf(l estate.StatementLine) string {
	return base64.RawURLEncoding.EncodeToString([]byte(string(l.Month) + " " + l.Item))
}

func readCursor(text string) (estate.StatementLine, bool) {
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	month, item, ok := strings.Cut(string(decoded), " ")
	m, valid := estate.ParseMonth(month)
	line := estate.StatementLine{EstateID: 1, Month: m, Item: item}
	return line, err == nil && ok && valid && len(line.Faults()) == 0 // no other line can be on a page
}
