package catalog_test

import (
	"regexp"
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

// silent are codes without words, each with the reason why nobody misses them.
var silent = map[string]string{
	string(domain.CodeClaimLost): "never leaves the engine",
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
	{"reason": "status", "status": "404"},
	{"reason": "both_modes", "other": "searchOptions"},
	{"reason": "both", "other": "filter"},
	{"reason": "neither", "other": "filter"},
	{"other": "contractIds"},
	{"expected": "estate, contract"},
	{"row": "17", "column": "C"},
	{"row": "17", "column": "C", "max": "3000"},
	{"row": "17", "column": "C", "min": "1", "max": "9"},
	{"row": "17", "column": "C", "expected": "amount"},
	{"row": "17", "column": "C", "later": "20"},
	{"row": "17"},
}

// TestEveryCodeHasEveryLanguage reads the codes out of the source, so that a
// new one cannot be forgotten.
func TestEveryCodeHasEveryLanguage(t *testing.T) {
	t.Parallel()
	codes := readSource(t).codes
	if len(codes) < 30 {
		t.Fatalf("found only the codes %v in the source", codes)
	}
	messages := catalog.NewMessages()
	unfilled := regexp.MustCompile(`<no value>|[{}]|%!|\^|  |“”|「」|（）|\(\)|[，；,;:：]。|[,;:]\.`)
	for code, place := range codes {
		if silent[code] != "" {
			continue
		}
		for _, locale := range locales {
			for _, params := range paramSets {
				for _, f := range []domain.Failure{
					{Params: params},
					{Params: params, Field: "searchOptions.rent_min"},
					{Params: params, Value: "abc"},
					{Params: params, Field: "amount", Value: "-1"},
				} {
					f.Code = domain.Code(code)
					text := messages.Text(locale, f)
					if end := strings.HasSuffix(text, "。") || strings.HasSuffix(text, "."); !end || unfilled.MatchString(text) {
						t.Errorf("Text(%s, %s, value %q) = %q, want a complete sentence; the code is from %s", locale, f, f.Value, text, place)
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
		{"en_US", fail(domain.CodeRequired, "ids", "", "reason", "neither", "other", "filter"), "ids is required: send either ids or filter."},
		{"en_US", fail(domain.CodeDuplicate, "ids", "[…]", "reason", "both", "other", "filter"), "The request is ambiguous: it has both ids and filter, which exclude each other; send one of them."},
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
		{"en_US", fail(domain.CodeInvalid, "action", "x", "expected", "estate, contract"), "action “x” is not valid; expected one of: estate, contract."},
		{"zh_TW", fail(domain.CodeInvalid, "data.5.id", "6", "expected", "5"), "「data.5.id」的值「6」格式不正確，應為「5」。"},
		{"en_US", fail(domain.CodeInvalid, "rent", "x", "expected", "a leap year"), "rent “x” is not valid; expected a leap year."},
		{"en_US", fail(domain.CodeTooMany, "rows", "", "max", "1048576"), "The sheet has too many rows; the limit is 1048576."},
		{"zh_TW", fail(domain.CodeTooMany, "searchOptions.keyword", "21", "max", "20"), "「searchOptions.keyword」的筆數過多，上限為 20 筆。"},
		{"zh_CN", fail(domain.CodeTooLarge, "workbook", "", "max", "2147483648"), "工作簿过大，上限为 2 GiB。"},
		{"en_US", fail(domain.CodeTooLarge, "publicUrl", "https://x.example/a.xlsx", "max", "67108864"), "“https://x.example/a.xlsx” is too large; the limit is 64 MiB."},
		{"zh_TW", fail(domain.CodeNotWorkbook, "workbook", "", "reason", "xls"), "無法將此檔案讀取為 Excel 活頁簿（.xlsx）：這是舊版 Excel 檔案（.xls），或設有密碼保護，請移除密碼並另存為 .xlsx。"},
		{"en_US", fail(domain.CodeNotWorkbook, "workbook", "", "reason", "unheard"), "This file cannot be read as an Excel workbook (.xlsx)."},
		{"en_US", fail(domain.CodeUnreachable, "publicUrl", "https://x.example/a", "reason", "status", "status", "404"), "“https://x.example/a” cannot be downloaded: the server answered with status 404; the link must lead to the file without a login."},
		{"zh_CN", fail(domain.CodeUnreachable, "publicUrl", "https://x.example/a", "reason", "dns"), "无法下载“https://x.example/a”：找不到该主机名。"},
		{"ja_JP", fail(domain.CodeDuplicate, "data", "{…}", "reason", "both_modes", "other", "editUserId"), "リクエストの内容があいまいです。個別編集の内容（data）と一括編集の項目（editUserId）が同時に指定されています。どちらか一方のみを送信してください。"},
		{"zh_TW", fail("unknown_capability", "capabilities.fly", "fly"), "沒有「fly」這項權限項目。"},
		{"zh_TW", fail("unknown_field", "", ""), "沒有此欄位或搜尋條件。"},
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

// TestRows renders what is wrong with rows of sheets: it says where, in the
// words of whoever looks at the sheet.
func TestRows(t *testing.T) {
	t.Parallel()
	at := func(row, column string, code domain.Code, field, value string, pairs ...string) domain.Failure {
		return domain.NewFailure(code, field, value, append(pairs, "row", row, "column", column)...)
	}
	for _, c := range []struct {
		locale  string
		failure domain.Failure
		want    string
	}{
		{"zh_TW", at("17", "C", domain.CodeInvalid, "amount", "abc", "expected", "amount"), "金額（C17）「abc」必須是數字，小數最多兩位，例如 1250.50。"},
		{"zh_CN", at("17", "C", domain.CodeInvalid, "amount", "abc", "expected", "amount"), "金额（C17）“abc”必须是数字，小数最多两位，例如 1250.50。"},
		{"en_US", at("17", "C", domain.CodeInvalid, "amount", "abc", "expected", "amount"), "Amount (C17) “abc” must be a number with at most two decimals, such as 1250.50."},
		{"ja_JP", at("17", "C", domain.CodeInvalid, "amount", "abc", "expected", "amount"), "金額（C17）「abc」の形式が正しくありません。小数点以下 2 桁までの数値（例：1250.50）を入力してください。"},
		{"en_US", at("2", "AA", domain.CodeNotFound, "estate_id", "100"), "Estate ID (AA2) “100” does not exist."},
		{"zh_TW", at("2", "A", domain.CodeNotFound, "estate_id", "100"), "找不到物件編號（A2）「100」。"},
		{"zh_TW", at("2", "B", domain.CodeRequired, "item", ""), "項目（B2）為必填。"},
		{"ja_JP", at("2", "B", domain.CodeRequired, "item", ""), "項目（B2）は必須です。"},
		{"en_US", at("2", "A", domain.CodeOutOfRange, "estate_id", "0", "min", "1", "max", "9"), "Estate ID (A2) “0” must be between 1 and 9."},
		{"zh_CN", at("2", "D", domain.CodeTooLong, "note", "…", "max", "3000"), "备注（D2）过长，上限为 3000 个字节（约 1000 个汉字）。"},
		{"zh_TW", at("2", "B", "superseded", "item", "管理費", "later", "9"), "項目（B2）「管理費」未採用：同一筆資料在第 9 列再次出現，以後面的列為準。"},
		{"zh_TW", at("2", "E", "superseded", "code", "superseded", "reason", "marked"), "錯誤代碼（E2）「superseded」未採用：此列在先前匯入時已由另一列取代；若仍要採用，請清空此儲存格。"},
		{"ja_JP", at("2", "B", "superseded", "item", "管理費", "later", "9"), "項目（B2）「管理費」は使用しませんでした。同じデータが 9 行目にもあるため、後の行を採用しました。"},
		{"en_US", at("2", "A", domain.CodeRejected, "estate_id", ""), "Estate ID (A2): the database refused this row."},
		{"en_US", at("1", "D", domain.CodeDuplicate, "item", "項目"), "Item (D1) “項目” is given more than once, so it is unclear which one is meant."},
		{"zh_TW", at("17", "", domain.CodeInvalid, "amount", "abc"), "金額（第 17 列）「abc」格式不正確。"},
		{"zh_CN", at("17", "", domain.CodeInvalid, "amount", "abc"), "金额（第 17 行）“abc”格式不正确。"},
		{"en_US", at("17", "C", domain.CodeInvalid, "colour", "abc"), "colour (C17) “abc” is not valid."}, // not a column that is known
		{"en_US", domain.NewFailure(domain.CodeInvalid, "amount", "abc"), "amount “abc” is not valid."},   // no row: a path, for programs
		{"zh_TW", domain.NewFailure("missing_column", "amount", ""), "工作表缺少「金額」欄位，第一列必須是各欄的名稱。"},
		{"zh_CN", domain.NewFailure("missing_column", "amount", ""), "工作表缺少“金额”列，第一行必须是各列的标题。"},
		{"en_US", domain.NewFailure("missing_column", "estate_id", ""), "The sheet lacks the column “Estate ID”. Its first row must hold the titles of the columns."},
	} {
		if got := catalog.NewMessages().Text(c.locale, c.failure); got != c.want {
			t.Errorf("Text(%s, %s) = %q, want %q", c.locale, c.failure, got, c.want)
		}
	}
}
