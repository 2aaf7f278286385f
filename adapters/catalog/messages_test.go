package catalog_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/catalog"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

var locales = []string{"zh_TW", "zh_CN", "en_US", "ja_JP"}

func TestMessages(t *testing.T) {
	portstest.Messages(t, func(*testing.T) ports.Messages { return catalog.NewMessages() })
}

// kindCodes are the codes of kinds and of the edge that the domain does not declare.
var kindCodes = []domain.Code{
	"cancelled", "link_expired", "method_not_allowed", "not_rentable", "rate_limited", "superseded", "unknown_capability", "unknown_job_name", "unknown_kind", "unknown_user",
}

// paramSets are the parameters that failures carry, in all sorts of company.
var paramSets = []map[string]string{
	nil,
	{"max": "64"},
	{"max": "1"},
	{"min": "0"},
	{"min": "0", "max": "9999"},
	{"max": "100", "found": "101"},
	{"found": "7"},
	{"expected": "5", "found": "6"},
	{"expected": "integer"},
	{"expected": "ids"},
	{"expected": "flag"},
	{"expected": "decimal_text"},
	{"expected": "something"},
	{"form": "^[a-z]+$"},
	{"state": "running"},
	{"state": "unheard"},
	{"pending": "3"},
	{"permission": "estate.export"},
	{"reason": "depth"},
	{"reason": "empty_list"},
	{"reason": "unheard"},
	{"constraint": "estates_pkey"},
	{"role": "agent"},
	{"retry_after": "17"},
	{"retry_after": "1"},
	{"status": "closed"},
}

// TestEveryCodeHasEveryLanguage reads the codes out of the domain's source, so
// that a new one cannot be forgotten.
func TestEveryCodeHasEveryLanguage(t *testing.T) {
	t.Parallel()
	codes := append(declaredCodes(t), kindCodes...)
	if len(codes) < 20 {
		t.Fatalf("found only the codes %q in the domain", codes)
	}
	messages := catalog.NewMessages()
	unfilled := regexp.MustCompile(`<no value>|[{}]|%!|\^|  |“”|「」|（）|\(\)|[，；,;:：]。|[,;:]\.`)
	for _, code := range codes {
		for _, locale := range locales {
			for _, params := range paramSets {
				for _, f := range []domain.Failure{
					{Code: code, Params: params},
					{Code: code, Params: params, Field: "searchOptions.rent_min"},
					{Code: code, Params: params, Value: "abc"},
					{Code: code, Params: params, Field: "rent", Value: "-1"},
				} {
					text := messages.Text(locale, f)
					if end := strings.HasSuffix(text, "。") || strings.HasSuffix(text, "."); !end || unfilled.MatchString(text) {
						t.Errorf("Text(%s, %s, value %q) = %q, want a complete sentence", locale, f, f.Value, text)
					}
				}
			}
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	fail := domain.NewFailure
	for _, c := range []struct {
		locale  string
		failure domain.Failure
		want    string
	}{
		{"zh_TW", fail(domain.CodeTotalMismatch, "total", "120", "expected", "120", "found", "118"), "符合條件的筆數已變動：送出時為 120 筆，實際為 118 筆，因此未做任何變更。"},
		{"zh_CN", fail(domain.CodeTotalMismatch, "total", "120", "expected", "120", "found", "118"), "符合条件的条数已变化：提交时为 120 条，实际为 118 条，因此未做任何更改。"},
		{"en_US", fail(domain.CodeTotalMismatch, "total", "120", "expected", "120", "found", "118"), "The selection has changed: 120 expected, 118 found. Nothing was changed."},
		{"ja_JP", fail(domain.CodeTotalMismatch, "total", "120", "expected", "120", "found", "118"), "対象の件数が変わりました（送信時 120 件、実際 118 件）。変更は行われませんでした。"},
		{"zh_TW", fail(domain.CodeOutOfRange, "priority", "10000", "min", "0", "max", "9999"), "「priority」的值「10000」超出範圍，應介於 0 與 9999 之間。"},
		{"zh_CN", fail(domain.CodeOutOfRange, "priority", "-1", "min", "0"), "“priority”的值“-1”超出范围，不能小于 0。"},
		{"en_US", fail(domain.CodeOutOfRange, "priority", "10000", "max", "9999"), "priority “10000” must be at most 9999."},
		{"ja_JP", fail(domain.CodeOutOfRange, "", ""), "値が範囲外です。"},
		{"zh_TW", fail(domain.CodeInvalid, "rent", "abc", "expected", "integer"), "「rent」的值「abc」格式不正確，應為整數。"},
		{"en_US", fail(domain.CodeInvalid, "rent", "abc", "expected", "integer"), "rent “abc” is not valid; expected a whole number."},
		{"ja_JP", fail(domain.CodeInvalid, "rent", "abc", "expected", "integer"), "「rent」の値「abc」の形式が正しくありません。整数を指定してください。"},
		{"zh_CN", fail(domain.CodeInvalid, "tenant", "A B", "form", "^[a-z]+$"), "“tenant”的值“A B”格式不正确。"},
		{"en_US", fail(domain.CodeTooLong, "code", "", "max", "64"), "code is too long; the limit is 64 bytes."},
		{"en_US", fail(domain.CodeTooLong, "code", "", "max", "1"), "code is too long; the limit is 1 byte."},
		{"zh_TW", fail(domain.CodeTooLong, "code", "", "max", "64"), "「code」過長，上限為 64 個位元組。"},
		{"zh_TW", fail(domain.CodeTooLarge, "", "", "max", "16777216"), "內容過大，上限為 16 MiB。"},
		{"en_US", fail(domain.CodeTooLarge, "", "", "max", "1000"), "The content is too large; the limit is 1000 B."},
		{"zh_TW", fail(domain.CodeTooMany, "items", "", "max", "100000", "found", "100001"), "筆數過多（共 100001 筆），上限為 100000 筆。"},
		{"zh_TW", fail(domain.CodeConflict, "", "completed", "state", "completed"), "目前的狀態（已完成）不允許此操作。"},
		{"en_US", fail(domain.CodeMalformed, "", "", "reason", "depth"), "The content cannot be read: it is nested too deeply."},
		{"en_US", fail(domain.CodeMalformed, "", "", "reason", "unheard"), "The content cannot be read."},
		{"en_US", fail(domain.CodeRequired, "estatesIds", "", "reason", "empty_list"), "estatesIds is required: the list is empty."},
		{"zh_TW", fail(domain.CodeRequired, "estatesIds", "", "reason", "empty_list"), "「estatesIds」為必填：清單是空的。"},
		{"ja_JP", fail(domain.CodeRequired, "estatesIds", "", "reason", "empty_list"), "「estatesIds」は必須です（リストが空です）。"},
		{"en_US", fail(domain.CodeRequired, "total", "", "reason", "unheard"), "total is required."},
		{"zh_CN", fail(domain.CodeRequired, "total", ""), "“total”为必填项。"},
		{"en_US", fail(domain.CodeInvalid, "estatesIds", "ALL", "expected", "ids"), "estatesIds “ALL” is not valid; expected a list of ids, or \"all\"."},
		{"zh_TW", fail(domain.CodeInvalid, "estatesIds", "ALL", "expected", "ids"), "「estatesIds」的值「ALL」格式不正確，應為編號清單，或 \"all\"。"},
		{"en_US", fail(domain.CodeInvalid, "searchOptions.listed", "2", "expected", "flag"), "searchOptions.listed “2” is not valid; expected true or false without quotes, or 1 or 0."},
		{"en_US", fail(domain.CodeInvalid, "area", "32.5", "expected", "decimal_text"), "area “32.5” is not valid; expected a decimal in quotes with at most two decimals, such as \"32.50\"."},
		{"en_US", fail(domain.CodeForbidden, "", "", "permission", "estate_export"), "You do not have permission to do this (estate_export)."},
		{"zh_TW", fail(domain.CodeForbidden, "", "", "permission", "estate_export"), "您沒有執行此操作的權限（estate_export）。"},
		{"zh_CN", fail(domain.CodeForbidden, "", ""), "您没有执行此操作的权限。"},
		{"ja_JP", fail(domain.CodeForbidden, "", "", "permission", "estate_export"), "この操作を行う権限（estate_export）がありません。"},
		{"en_US", fail("link_expired", "", ""), "This link has expired or is damaged. Ask for the status of the job again to get a new one."},
		{"zh_TW", fail("link_expired", "", ""), "此連結已過期或已損壞，請重新查詢作業狀態以取得新的連結。"},
		{"zh_TW", fail("method_not_allowed", "", ""), "此網址不接受這種請求方法，可用的方法請見 Allow 標頭。"},
		{"zh_TW", fail("unknown_user", "editUserId", "5", "role", "landlord"), "使用者「5」不存在，或不具備所需的身分（大房東）。"},
		{"zh_TW", fail("superseded", "", ""), "同一筆資料在後面的列再次出現，以後面的列為準，此列未採用。"},
		{"en_US", fail("rate_limited", "", "", "retry_after", "1"), "Too many requests. Please try again in 1 second."},
		{"zh-tw", fail(domain.CodeNotFound, "", "4711"), "找不到「4711」。"},
		{"en_US", fail(domain.CodeNotFound, "", "a\nb\u202ec"), "“a\uFFFDb\uFFFDc” does not exist."},
		{"en_US", fail("state.running", "", ""), "state.running"},
		{"en_US", fail("text.subject", "", ""), "text.subject"},
	} {
		if got := catalog.NewMessages().Text(c.locale, c.failure); got != c.want {
			t.Errorf("Text(%s, %s) = %q, want %q", c.locale, c.failure, got, c.want)
		}
	}
}

// declaredCodes returns the constants of the type Code that the domain and
// its kinds declare.
func declaredCodes(t *testing.T) (codes []domain.Code) {
	t.Helper()
	root := filepath.Join("..", "..", "domain")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && isCode(spec.Type) {
				for _, value := range spec.Values {
					if literal, ok := value.(*ast.BasicLit); ok {
						code, err := strconv.Unquote(literal.Value)
						if err != nil {
							t.Errorf("%s: %v", path, err)
						}
						codes = append(codes, domain.Code(code))
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatalf("read the domain: %v", err)
	}
	return codes
}

// isCode reports whether a type is written Code or domain.Code.
func isCode(expr ast.Expr) bool {
	if selector, ok := expr.(*ast.SelectorExpr); ok {
		expr = selector.Sel
	}
	name, ok := expr.(*ast.Ident)
	return ok && name.Name == "Code"
}
