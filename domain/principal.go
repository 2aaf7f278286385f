package domain

import (
	"regexp"
	"slices"
)

// TenantID names a tenant: 1 to 64 of a-z, 0-9 and '-'. It is part of event
// subjects, which is why nothing else is allowed.
type TenantID string

// UserID names a user within a tenant: 1 to 64 printable ASCII characters
// without spaces.
type UserID string

// Permission names what a principal may do: a kind's permission, or [All].
type Permission string

// All is the permission that includes every other.
const All Permission = "*"

var (
	tenantForm     = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
	userForm       = regexp.MustCompile(`^[!-~]{1,64}$`)
	permissionForm = regexp.MustCompile(`^(\*|[A-Za-z][A-Za-z0-9_.:-]{0,63})$`)
)

// Principal is who calls: a user of a tenant, with permissions. It is always
// an explicit argument and never hides in a context.
type Principal struct {
	Tenant      TenantID
	User        UserID
	Permissions []Permission
}

// May reports whether the principal holds the permission, by name or by [All].
func (p Principal) May(permission Permission) bool {
	return slices.Contains(p.Permissions, All) || slices.Contains(p.Permissions, permission)
}

// ParseTenant checks a tenant's name. It fails with [CodeRequired] or
// [CodeInvalid].
func ParseTenant(s string) (TenantID, error) {
	return parse[TenantID](s, "tenant", tenantForm)
}

// ParseUser checks a user's name. It fails with [CodeRequired] or
// [CodeInvalid].
func ParseUser(s string) (UserID, error) {
	return parse[UserID](s, "user", userForm)
}

// ParsePermission checks a permission's name. It fails with [CodeRequired]
// or [CodeInvalid].
func ParsePermission(s string) (Permission, error) {
	return parse[Permission](s, "permission", permissionForm)
}

func parse[S ~string](s, field string, form *regexp.Regexp) (S, error) {
	switch {
	case s == "":
		return "", Fail(NewFailure(CodeRequired, field, ""))
	case !form.MatchString(s):
		return "", Fail(NewFailure(CodeInvalid, field, s, "form", form.String()))
	}
	return S(s), nil
}
