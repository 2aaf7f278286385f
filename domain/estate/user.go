package estate

import (
	"strconv"

	"github.com/batchport/batchport/domain"
)

// CodeUnknownUser is a person who is a user of the tenant, but not in the role
// that the place asks for.
const CodeUnknownUser domain.Code = "unknown_user"

// Role is what a user is to the estates.
type Role string

// The roles.
const (
	Agent    Role = "agent"    // in charge of estates and contracts
	Landlord Role = "landlord" // has capabilities on estates
	Staff    Role = "staff"
)

// Roles lists every role.
func Roles() []Role { return []Role{Agent, Landlord, Staff} }

// User is a person who has to do with estates.
type User struct {
	ID   int64
	Name string
	Role Role
}

// Faults returns all that is wrong with the record, nil for a good one.
func (u User) Faults() []domain.Failure {
	var f faults
	f.id("id", u.ID)
	f.name("name", u.Name)
	oneOf(&f, "role", u.Role, Roles())
	return f.list
}

// WrongRole returns the failure of a field that names a user who is not in the
// role.
func WrongRole(field string, id int64, role Role) domain.Failure {
	return domain.NewFailure(CodeUnknownUser, field, strconv.FormatInt(id, 10), "role", string(role))
}
