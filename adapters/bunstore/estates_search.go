package bunstore

import (
	"strings"

	"github.com/batchport/batchport/domain/estate"
)

// conditions are what a search adds to a statement over the objects o.
type conditions struct {
	join string // tables besides the objects' own
	text string // for WHERE
	args []any
}

func (c *conditions) and(condition string, args ...any) {
	c.text += " AND " + condition
	c.args = append(c.args, args...)
}

// anyOf wants the expression to be one of the numbers, if there are any.
func (c *conditions) anyOf(expression string, numbers []int64) {
	if len(numbers) > 0 {
		c.and(expression + " IN " + list(numbers))
	}
}

// anyText wants the expression to be one of the texts, if there are any.
func anyText[S ~string](c *conditions, expression string, texts []S) {
	if len(texts) == 0 {
		return
	}
	args := make([]any, len(texts))
	for i, text := range texts {
		args[i] = string(text)
	}
	c.and(expression+" IN ("+placeholders(len(args))+")", args...)
}

// between wants the expression to be after the one day and before the other,
// where they are given.
func (c *conditions) between(expression string, after, before estate.Date) {
	if after != "" {
		c.and(expression+" > ?", string(after))
	}
	if before != "" {
		c.and(expression+" < ?", string(before))
	}
}

// place wants the estate of the objects to be in the place.
func (c *conditions) place(p estate.Place) {
	if len(p.Countries)+len(p.Districts) == 0 {
		return
	}
	c.join = " JOIN {p}estates AS e ON e.tenant = o.tenant AND e.id = o.estate_id"
	c.anyOf("e.country", p.Countries)
	c.anyOf("e.district", p.Districts)
}

// estateConditions says in SQL what [estate.Filter.Matches] says.
func estateConditions(f estate.Filter) conditions {
	var c conditions
	c.anyOf("o.country", f.Countries)
	c.anyOf("o.district", f.Districts)
	c.anyOf("o.community_id", f.CommunityIDs)
	c.anyOf("o.agent_id", f.AgentIDs)
	anyText(&c, "o.status", f.Statuses)
	listed := make([]int64, len(f.Listed))
	for i, l := range f.Listed {
		listed[i] = int64(flag(l))
	}
	c.anyOf("o.listed", listed)
	if f.RentMin != nil {
		c.and("o.rent >= ?", *f.RentMin)
	}
	if f.RentMax != nil {
		c.and("o.rent <= ?", *f.RentMax)
	}
	if len(f.LandlordIDs) > 0 {
		c.and("EXISTS (SELECT 1 FROM {p}grants AS l WHERE l.tenant = o.tenant AND l.estate_id = o.id AND l.user_id IN " +
			list(f.LandlordIDs) + ")")
	}
	c.mention(f.Keywords, "o.name", "o.address")
	return c
}

// communityConditions says what [estate.CommunityFilter.Matches] says.
func communityConditions(f estate.CommunityFilter) conditions {
	var c conditions
	c.anyOf("o.country", f.Countries)
	c.anyOf("o.district", f.Districts)
	c.mention(f.Keywords, "o.name", "o.address")
	return c
}

// contractConditions says what [estate.ContractFilter.Matches] says.
func contractConditions(f estate.ContractFilter) conditions {
	var c conditions
	c.anyOf("o.estate_id", f.EstateIDs)
	c.anyOf("o.agent_id", f.AgentIDs)
	anyText(&c, "o.state", f.States)
	c.between("o.ends_on", f.EndsAfter, f.EndsBefore)
	c.place(f.Place)
	c.mention(f.Keywords, "o.tenant_name")
	return c
}

// repairConditions says what [estate.RepairFilter.Matches] says.
func repairConditions(f estate.RepairFilter) conditions {
	var c conditions
	c.anyOf("o.estate_id", f.EstateIDs)
	anyText(&c, "o.state", f.States)
	anyText(&c, "o.category", f.Categories)
	c.between("o.reported_on", f.ReportedAfter, f.ReportedBefore)
	c.place(f.Place)
	c.mention(f.Keywords, "o.description")
	return c
}

// mention wants one of the keywords, if there are any, to be part of one of
// the columns. It comes last, because it costs most.
func (c *conditions) mention(keywords []string, columns ...string) {
	if len(keywords) == 0 {
		return
	}
	var either []string
	var args []any
	for _, keyword := range keywords {
		pattern := "%" + likeEscapes.Replace(keyword) + "%"
		for _, column := range columns {
			either = append(either, `{fold}`+column+`{/fold} LIKE {fold}?{/fold} ESCAPE '\'`)
			args = append(args, pattern)
		}
	}
	c.and("("+strings.Join(either, " OR ")+")", args...)
}

var likeEscapes = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
