package budgets

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
)

// The fields of a request.
const (
	bizField       = "bizId"
	timestampField = "timestamp"
	dataField      = "data"
	urlField       = "url"
)

// maxBizID is the longest bizId, in bytes of UTF-8.
const maxBizID = 36

// request is a synchronous request that can be one.
type request struct {
	bizID string
	rows  []document.Value
	print string // see fingerprint
}

// BizID returns the bizId of a request, or false when it has none that one can
// be, for an answer that refuses it.
func BizID(body document.Value) (string, bool) {
	v := body.Member(bizField)
	return v.Text, v.Kind == document.String && fitsBizID(v.Text)
}

func fitsBizID(s string) bool { return strings.TrimSpace(s) != "" && len(s) <= maxBizID }

// readRequest reads the envelope, and reports all that is wrong with it. Other
// fields than its own are passed over.
func (b *Budgets) readRequest(body document.Value) (request, error) {
	if body.Kind != document.Object {
		return request{}, domain.Fail(domain.NewFailure(domain.CodeInvalid, "", body.Sent(), "expected", "object"))
	}
	var wrong []domain.Failure
	add := func(code domain.Code, field string, v document.Value, pairs ...string) {
		wrong = append(wrong, domain.NewFailure(code, field, v.Sent(), pairs...))
	}
	biz := body.Member(bizField)
	switch {
	case biz.Kind == document.Null, biz.Kind == document.String && strings.TrimSpace(biz.Text) == "":
		wrong = append(wrong, domain.NewFailure(domain.CodeRequired, bizField, ""))
	case biz.Kind != document.String:
		add(domain.CodeInvalid, bizField, biz, "expected", "string")
	case len(biz.Text) > maxBizID:
		add(domain.CodeTooLong, bizField, biz, "max", strconv.Itoa(maxBizID))
	}
	switch at := body.Member(timestampField); {
	case at.Kind == document.Null:
		wrong = append(wrong, domain.NewFailure(domain.CodeRequired, timestampField, ""))
	case at.Kind != document.Number || !isMilliseconds(at.Text):
		add(domain.CodeInvalid, timestampField, at, "expected", "milliseconds")
	}
	code := domain.CodeInvalid
	rows, faults := readRows(body, b.cfg.MaxRows)
	for _, f := range faults {
		if f.Code == domain.CodeTooMany {
			code = f.Code
		}
	}
	return request{bizID: biz.Text, rows: rows}, domain.FailAll(code, append(wrong, faults...))
}

// readRows reads the rows of a request.
func readRows(body document.Value, most int) ([]document.Value, []domain.Failure) {
	data := body.Member(dataField)
	var f domain.Failure
	switch {
	case data.Kind == document.Null:
		f = domain.NewFailure(domain.CodeRequired, dataField, "")
	case data.Kind != document.List:
		f = domain.NewFailure(domain.CodeInvalid, dataField, data.Sent(), "expected", "list")
	case len(data.List) > most:
		f = domain.NewFailure(domain.CodeTooMany, dataField, "", "max", strconv.Itoa(most), "found", strconv.Itoa(len(data.List)))
	default:
		return data.List, nil
	}
	return nil, []domain.Failure{f}
}

// isMilliseconds reports whether a number is a time in milliseconds since 1970
// of the length that the interface wants: 13 digits, from 2001 to 2286.
func isMilliseconds(literal string) bool {
	return len(literal) == 13 && literal[0] != '0' && strings.Trim(literal, "0123456789") == ""
}

// fingerprint tells requests of one bizId apart, by their rows as parsed: the
// order of an object's members does not count.
func (r request) fingerprint() string {
	h := sha256.New()
	var text []byte
	for _, row := range r.rows {
		text = append(row.AppendCanonical(text[:0]), '\n')
		_, _ = h.Write(text) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil))
}
