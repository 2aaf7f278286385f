package httpapi

import (
	"net/http"
	"strings"

	"github.com/batchport/batchport/app/access"
	"github.com/batchport/batchport/domain"
)

// Authenticator tells who sent a request. It fails with
// [domain.CodeUnauthorized] when the request does not say, or not truly. It
// must not read the body. A host brings its own, or uses [APIKeys].
type Authenticator func(r *http.Request) (domain.Principal, error)

// APIKeys authenticates by keys, sent as "Authorization: Bearer KEY" or as
// "X-API-Key: KEY". Keys that differ are refused: which one counts would be
// anybody's guess. Authorization under another scheme is not ours and is
// passed over, since a proxy in front may need it for itself.
func APIKeys(keys *access.Keys) Authenticator {
	return func(r *http.Request) (domain.Principal, error) {
		token, ok := tokenOf(r.Header)
		if !ok {
			return domain.Principal{}, domain.Fail(domain.Failure{Code: domain.CodeUnauthorized})
		}
		return keys.Authenticate(r.Context(), token)
	}
}

// tokenOf returns the one key that the headers hold.
func tokenOf(h http.Header) (string, bool) {
	given := h.Values("X-API-Key")
	for _, value := range h.Values("Authorization") {
		scheme, token, _ := strings.Cut(value, " ")
		if strings.EqualFold(scheme, "Bearer") {
			given = append(given[:len(given):len(given)], token)
		}
	}
	token := ""
	for i, one := range given {
		one = strings.TrimSpace(one)
		if one == "" || i > 0 && one != token {
			return "", false
		}
		token = one
	}
	return token, token != ""
}
