package httpapi

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/batchport/batchport/domain/estate"
)

// The types in this file and in submission_bodies.go describe the bodies of
// submissions to generators of clients. Nothing is read into them: the use case
// reads a request by itself, and says all that is wrong with it at once.

// filterSchemas are the filters of the resources, by the names of their
// schemas, each made of parts.
func filterSchemas() map[string][]reflect.Type {
	common := reflect.TypeFor[commonFilter]()
	return map[string][]reflect.Type{
		"EstateFilter":    {common, reflect.TypeFor[estateFilter]()},
		"CommunityFilter": {common},
		"ContractFilter":  {common, reflect.TypeFor[contractFilter]()},
		"RepairFilter":    {common, reflect.TypeFor[repairFilter]()},
	}
}

// objectID identifies an object.
type objectID int64

// Schema describes it to Huma.
func (objectID) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: new(1.0), Maximum: new(float64(estate.MaxID))}
}

// placeNumber is the number of a city or a district.
type placeNumber int64

// Schema describes it to Huma.
func (placeNumber) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: new(0.0), Maximum: new(float64(estate.MaxNumber))}
}

// amount is a number of whole TWD.
type amount int64

// Schema describes it to Huma.
func (amount) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: new(0.0), Maximum: new(float64(estate.MaxAmount))}
}

// commonFilter is what the filters of all objects have.
type commonFilter struct {
	Keywords  []string      `json:"keyword,omitempty" minItems:"1" maxItems:"20" minLength:"1" doc:"Any of these is in its name, address or description (of a contract: the name of who rents); ASCII letters in either case. Up to 300 bytes each."`
	Countries []placeNumber `json:"country,omitempty" minItems:"1" maxItems:"1000" doc:"It is in one of these cities or counties; a contract or repair: its estate is."`
	Districts []placeNumber `json:"district,omitempty" minItems:"1" maxItems:"1000" doc:"It is in one of these districts; a contract or repair: its estate is."`
}

// estateFilter is what the filter of estates has besides.
type estateFilter struct {
	CommunityIDs []objectID      `json:"community_id,omitempty" minItems:"1" maxItems:"1000" doc:"It belongs to one of these communities."`
	Statuses     []estate.Status `json:"status,omitempty" minItems:"1" maxItems:"1000" enum:"vacant,rented,maintenance,closed"`
	Listed       []bool          `json:"listed,omitempty" minItems:"1" maxItems:"1000" doc:"Whether it is advertised for rent."`
	AgentIDs     []objectID      `json:"agent_id,omitempty" minItems:"1" maxItems:"1000" doc:"One of these agents is in charge of it."`
	LandlordIDs  []objectID      `json:"landlord_id,omitempty" minItems:"1" maxItems:"1000" doc:"One of these is its big landlord."`
	RentMin      *amount         `json:"rent_min,omitempty" doc:"It has at least this rent a month, in whole TWD."`
	RentMax      *amount         `json:"rent_max,omitempty" doc:"It has at most this rent a month, in whole TWD."`
}

// contractFilter is what the filter of contracts has besides.
type contractFilter struct {
	EstateIDs  []objectID             `json:"estate_id,omitempty" minItems:"1" maxItems:"1000" doc:"It is about one of these estates."`
	AgentIDs   []objectID             `json:"agent_id,omitempty" minItems:"1" maxItems:"1000" doc:"One of these agents is in charge of it."`
	States     []estate.ContractState `json:"state,omitempty" minItems:"1" maxItems:"1000" enum:"draft,active,ended,cancelled"`
	EndsAfter  string                 `json:"ends_after,omitempty" format:"date" doc:"Its last day is later than this day."`
	EndsBefore string                 `json:"ends_before,omitempty" format:"date" doc:"Its last day is earlier than this day."`
}

// repairFilter is what the filter of repairs has besides.
type repairFilter struct {
	EstateIDs      []objectID           `json:"estate_id,omitempty" minItems:"1" maxItems:"1000" doc:"It is about one of these estates."`
	States         []estate.RepairState `json:"state,omitempty" minItems:"1" maxItems:"1000" enum:"open,doing,done"`
	Categories     []string             `json:"category,omitempty" minItems:"1" maxItems:"1000" minLength:"1" doc:"It is of exactly one of these categories."`
	ReportedAfter  string               `json:"reported_after,omitempty" format:"date" doc:"It was reported later than this day."`
	ReportedBefore string               `json:"reported_before,omitempty" format:"date" doc:"It was reported earlier than this day."`
}
