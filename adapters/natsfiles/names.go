package natsfiles

import (
	"crypto/rand"
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/batchport/batchport/domain"
)

// The lack of '/' is what keeps an id apart from the tenant before it.
var idForm = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$`)

// names are what the subjects of one bucket are called.
type names struct{ bucket string }

func namesOf(prefix string) names { return names{strings.ToUpper(prefix) + "_FILES"} }

func (n names) stream() string { return "OBJ_" + n.bucket }

// chunks is the subject of an attempt's chunks; of ">", with all others.
func (n names) chunks(token string) string { return "$O." + n.bucket + ".C." + token }

// begun is the subject of the mark that an attempt may still be committed.
func (n names) begun(token string) string { return n.chunks(token) + ".begun" }

// meta is the subject of an object's description; of "", with all others.
func (n names) meta(object string) string {
	if object == "" {
		return "$O." + n.bucket + ".M.>"
	}
	return "$O." + n.bucket + ".M." + base64.URLEncoding.EncodeToString([]byte(object))
}

// tokenOf returns which attempt a subject of chunks or of a mark is of.
func (n names) tokenOf(subject string) string {
	return strings.TrimSuffix(strings.TrimPrefix(subject, n.chunks("")), ".begun")
}

// objectAt returns which object a subject of descriptions is of.
func (n names) objectAt(subject string) (string, bool) {
	name, err := base64.URLEncoding.DecodeString(strings.TrimPrefix(subject, "$O."+n.bucket+".M."))
	return string(name), err == nil
}

// objectName returns what the object of a file is called, or false when there
// can be no such file.
func objectName(tenant domain.TenantID, id string) (string, bool) {
	if _, err := domain.ParseTenant(string(tenant)); err != nil || !idForm.MatchString(id) {
		return "", false
	}
	return string(tenant) + "/" + id, true
}

// fileOf takes the name of an object apart, or returns false when it is not
// that of a file of this package.
func fileOf(object string) (tenant domain.TenantID, id string, ok bool) {
	before, id, found := strings.Cut(object, "/")
	tenant, err := domain.ParseTenant(before)
	return tenant, id, found && err == nil && idForm.MatchString(id)
}

// newToken names an attempt at a file. Whoever finds its chunks knows from it
// when they were begun and what they would have become.
func newToken(now time.Time, object string) string {
	return strconv.FormatInt(now.UnixNano(), 10) + "-" + rand.Text() + "-" + base64.RawURLEncoding.EncodeToString([]byte(object))
}

// parseToken returns false for tokens that this package did not make.
func parseToken(token string) (begun time.Time, object string, ok bool) {
	parts := strings.SplitN(token, "-", 3)
	if len(parts) != 3 {
		return time.Time{}, "", false
	}
	nanoseconds, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return time.Time{}, "", false
	}
	name, err := base64.RawURLEncoding.DecodeString(parts[2])
	_, _, named := fileOf(string(name))
	return time.Unix(0, nanoseconds), string(name), err == nil && named
}
