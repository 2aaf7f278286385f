package bunstore

import (
	"strings"

	"github.com/batchport/batchport/domain/estate"
)

// conditions are what a search adds to WHERE, with their arguments.
type conditions struct {
	text string
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

// estateConditions says in SQL what [estate.Filter.Matches] says, of the
// estates e.
func estateConditions(f estate.Filter) conditions {
	var c conditions
	c.anyOf("e.country", f.Countries)
	c.anyOf("e.district", f.Districts)
	c.anyOf("e.community_id", f.CommunityIDs)
	c.anyOf("e.agent_id", f.AgentIDs)
	if len(f.Statuses) > 0 {
		args := make([]any, len(f.Statuses))
		for i, status := range f.Statuses {
			args[i] = string(status)
		}
		c.and("e.status IN ("+placeholders(len(args))+")", args...)
	}
	listed := make([]int64, len(f.Listed))
	for i, l := range f.Listed {
		listed[i] = int64(flag(l))
	}
	c.anyOf("e.listed", listed)
	if f.RentMin != nil {
		c.and("e.rent >= ?", *f.RentMin)
	}
	if f.RentMax != nil {
		c.and("e.rent <= ?", *f.RentMax)
	}
	if len(f.LandlordIDs) > 0 {
		c.and("EXISTS (SELECT 1 FROM {p}grants AS l WHERE l.tenant = e.tenant AND l.estate_id = e.id AND l.user_id IN " +
			list(f.LandlordIDs) + ")")
	}
	c.mention(f.Keywords)
	return c
}

// mention wants one of the keywords, if there are any, to be part of the name
// or the address. It comes last, because it costs most.
func (c *conditions) mention(keywords []string) {
	if len(keywords) == 0 {
		return
	}
	var either []string
	var args []any
	for _, keyword := range keywords {
		// SQLite's LIKE takes ASCII letters alone in either case, which is what
		// a search means: https://sqlite.org/lang_expr.html#like.
		pattern := "%" + likeEscapes.Replace(keyword) + "%"
		either = append(either, `e.name LIKE ? ESCAPE '\' OR e.address LIKE ? ESCAPE '\'`)
		args = append(args, pattern, pattern)
	}
	c.and("("+strings.Join(either, " OR ")+")", args...)
}

var likeEscapes = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
