package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// envelopeWith is a request with one good row whose fields are given as JSON; ""
// leaves one out.
func envelopeWith(bizID, timestamp, data string) string {
	var members []string
	for _, m := range [][2]string{{"bizId", bizID}, {"timestamp", timestamp}, {"data", data}} {
		if m[1] != "" {
			members = append(members, fmt.Sprintf("%q:%s", m[0], m[1]))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestWireBudgetEnvelope(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	rows := "[" + rule() + "]"
	const biz = `"b1"`
	for _, c := range []struct {
		sentence, body string
		bizID          string // in the answer
		want           []string
	}{
		{"bizId: required", envelopeWith("", timestamp, rows), "-", []string{"- - bizId required"}},
		{"bizId: required, and null is none", envelopeWith("null", timestamp, rows), "-", []string{"- - bizId required"}},
		{"bizId: required, and empty is none", envelopeWith(`""`, timestamp, rows), "-", []string{"- - bizId required"}},
		{"bizId: required, and blank is none", envelopeWith(`" \t　"`, timestamp, rows), "-", []string{"- - bizId required"}},
		{"bizId: string, no number", envelopeWith("5", timestamp, rows), "-", []string{"- - bizId invalid"}},
		{"bizId: string, no boolean", envelopeWith("true", timestamp, rows), "-", []string{"- - bizId invalid"}},
		{"bizId: string, no list", envelopeWith(`["b1"]`, timestamp, rows), "-", []string{"- - bizId invalid"}},
		{"bizId: string, no object", envelopeWith(`{}`, timestamp, rows), "-", []string{"- - bizId invalid"}},
		{"bizId: at most 36 bytes", envelopeWith(text("x", 37), timestamp, rows), "-", []string{"- - bizId too_long"}},
		{"bizId: at most 36 bytes, not characters", envelopeWith(text("預", 13), timestamp, rows), "-", []string{"- - bizId too_long"}},
		{"bizId: at most 36 bytes, not characters", envelopeWith(`"`+strings.Repeat("x", 34)+`預"`, timestamp, rows), "-", []string{"- - bizId too_long"}},
		{"bizId: at most 36 bytes, not UTF-16", envelopeWith(text("😀", 10), timestamp, rows), "-", []string{"- - bizId too_long"}},
		{"timestamp: required", envelopeWith(biz, "", rows), "b1", []string{"- - timestamp required"}},
		{"timestamp: required, and null is none", envelopeWith(biz, "null", rows), "b1", []string{"- - timestamp required"}},
		{"timestamp: 13 digits, not 12", envelopeWith(biz, "163660009280", rows), "b1", []string{"- - timestamp invalid"}},
		{"timestamp: 13 digits, not 14", envelopeWith(biz, "16366000928090", rows), "b1", []string{"- - timestamp invalid"}},
		{"timestamp: 13 digits without a sign", envelopeWith(biz, "-163660009280", rows), "b1", []string{"- - timestamp invalid"}},
		{"timestamp: 13 digits without a sign", envelopeWith(biz, "-1636600092809", rows), "b1", []string{"- - timestamp invalid"}},
		{"timestamp: integer, no fraction", envelopeWith(biz, "1636600092809.0", rows), "b1", []string{"- - timestamp invalid"}},
		{"timestamp: integer, no fraction of 13 characters", envelopeWith(biz, "16366000928.9", rows), "b1", []string{"- - timestamp invalid"}},
		{"timestamp: integer, no exponent", envelopeWith(biz, "1.636600092e12", rows), "b1", []string{"- - timestamp invalid"}},
		{"timestamp: integer, no exponent of 13 characters", envelopeWith(biz, "16366000928e2", rows), "b1", []string{"- - timestamp invalid"}},
		{"timestamp: integer, no text", envelopeWith(biz, `"`+timestamp+`"`, rows), "b1", []string{"- - timestamp invalid"}},
		{"timestamp: integer, no boolean", envelopeWith(biz, "false", rows), "b1", []string{"- - timestamp invalid"}},
		{"data: required", envelopeWith(biz, timestamp, ""), "b1", []string{"- - data required"}},
		{"data: required, and null is none", envelopeWith(biz, timestamp, "null"), "b1", []string{"- - data required"}},
		{"data: list, no object", envelopeWith(biz, timestamp, "{}"), "b1", []string{"- - data invalid"}},
		{"data: list, not one row", envelopeWith(biz, timestamp, rule()), "b1", []string{"- - data invalid"}},
		{"data: list, no text", envelopeWith(biz, timestamp, `"[]"`), "b1", []string{"- - data invalid"}},
		{"data: list, no number", envelopeWith(biz, timestamp, "0"), "b1", []string{"- - data invalid"}},
		{"all that is wrong at once", envelopeWith(text("x", 40), "1", "5"), "-", []string{"- - bizId too_long", "- - timestamp invalid", "- - data invalid"}},
		{"all that is missing at once", "{}", "-", []string{"- - bizId required", "- - timestamp required", "- - data required"}},
		{"an object, no list", "[" + envelopeWith(biz, timestamp, rows) + "]", "-", []string{"- - - invalid"}},
		{"an object, not null", "null", "-", []string{"- - - invalid"}},
		{"an object, no text", `"x"`, "-", []string{"- - - invalid"}},
		{"names are case-sensitive", `{"bizid":"b1","Timestamp":1636600092809,"DATA":[]}`, "-", []string{"- - bizId required", "- - timestamp required", "- - data required"}},
	} {
		got := refusedSync(t, c.sentence+"\n"+c.body, w.send(c.body), http.StatusBadRequest, c.bizID)
		if !slices.Equal(got.faulty, c.want) {
			t.Errorf("%s\nPOST %.300s gives %q, want %q", c.sentence, c.body, got.faulty, c.want)
		}
	}
	w.wantRules("a refused request changes nothing")

	for _, c := range []struct{ sentence, body, bizID string }{
		{"bizId: 1 byte", envelopeWith(`"x"`, timestamp, rows), "x"},
		{"bizId: 36 bytes", envelopeWith(text("x", 36), timestamp, rows), strings.Repeat("x", 36)},
		{"bizId: 36 bytes of 12 characters", envelopeWith(text("預", 12), timestamp, rows), strings.Repeat("預", 12)},
		{"bizId: 36 bytes of 9 characters", envelopeWith(text("😀", 9), timestamp, rows), strings.Repeat("😀", 9)},
		{"bizId: any text, as sent", envelopeWith(`" <a>&\u0001\"\\ "`, timestamp, rows), " <a>&\x01\"\\ "},
		{"timestamp: the first of 13 digits", envelopeWith(`"t1"`, "1000000000000", rows), "t1"},
		{"timestamp: the last of 13 digits", envelopeWith(`"t2"`, "9999999999999", rows), "t2"},
		{"data: may be empty", envelopeWith(`"d1"`, timestamp, "[]"), "d1"},
		{"unknown fields of the envelope are passed over", `{"x":{"y":[1]},"sign":"s",` + envelopeWith(`"u1"`, timestamp, rows)[1:], "u1"},
	} {
		got := w.send(c.body)
		if a := answerOf(t, got); got.status != http.StatusOK || a.resCode != 200000 || a.resMsg != "success" || a.bizID != c.bizID {
			t.Errorf("%s\nPOST %.300s = %d %s, want 200 and the bizId %q", c.sentence, c.body, got.status, got.body, c.bizID)
		}
	}
	wantSaid(t, "data: may be empty", w.synced(), said{counts: "0+0"})
}

// TestWireBudgetMostRows sends as many rows as there may be, and one more.
func TestWireBudgetMostRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	rows := make([]string, 10_001)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"code":"R%d","priority":1,"budget_code":"B","rule_condition":{"a":1}}`, i)
	}
	got := refusedSync(t, "10,000 rows in one budget sync", w.send(batch("most", rows...)), http.StatusRequestEntityTooLarge, "most")
	if want := []string{"- - data too_many"}; !slices.Equal(got.faulty, want) {
		t.Errorf("10,001 rows give %q, want %q", got.faulty, want)
	}
	w.wantRules("10,001 rows change nothing")
	if got := w.send(batch("most", rows[:10_000]...)); answerOf(t, got).counts() != "10000+0" {
		t.Errorf("10,000 rows = %d %.300s, want all created", got.status, got.body)
	}
	both := refusedSync(t, "all that is wrong at once, of which the number of rows decides",
		w.send(strings.Replace(batch("most", rows...), timestamp, `"x"`, 1)), http.StatusRequestEntityTooLarge, "most")
	if want := []string{"- - timestamp invalid", "- - data too_many"}; !slices.Equal(both.faulty, want) {
		t.Errorf("10,001 rows and a bad timestamp give %q, want %q", both.faulty, want)
	}
}

func TestWireBudgetHostileJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	in := func(value string) string { return batch("b1", rule("x", value)) }
	deep := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	for _, c := range []struct{ sentence, body, want string }{
		{"an empty body", "", "- - - malformed"},
		{"a blank body", " \n", "- - - malformed"},
		{"no JSON", "bizId=b1", "- - - malformed"},
		{"a byte order mark", "\ufeff" + batch("b1"), "- - - malformed"},
		{"half a document", batch("b1")[:30], "- - timestamp malformed"},
		{"reject invalid UTF-8", in("\"\xff\""), "- - - malformed"},
		{"reject invalid UTF-8: a surrogate as bytes", in("\"\xed\xa0\x80\""), "- - - malformed"},
		{"reject NUL characters, plain", in("\"\x00\""), "- - - malformed"},
		{"reject NUL characters, escaped", in(`"\u0000"`), "- - data[0].x malformed"},
		{"reject lone surrogates, high", in(`"\ud800"`), "- - data[0].x malformed"},
		{"reject lone surrogates, low", in(`"\udc00x"`), "- - data[0].x malformed"},
		{"reject duplicate keys", `{"bizId":"b1",` + batch("b1")[1:], "- - bizId duplicate"},
		{"reject duplicate keys in a row", batch("b1", `{"code":"R1",`+rule()[1:]), "- - data[0].code duplicate"},
		{"reject duplicate keys, spelt with an escape", batch("b1", `{"c\u006fde":"R1",`+rule()[1:]), "- - data[0].code duplicate"},
		{"reject duplicate keys in a condition", batch("b1", rule("rule_condition", `{"a":1,"a":1}`)), "- - data[0].rule_condition.a duplicate"},
		{"reject nesting deeper than 16", in(deep(14)), "- - data[0].x" + strings.Repeat("[0]", 13) + " malformed"},
		{"reject trailing bytes", batch("b1") + "x", "- - - malformed"},
		{"reject trailing bytes: a second document", batch("b1") + "{}", "- - - malformed"},
		{"reject numbers that are not finite", in("1e999"), "- - data[0].x malformed"},
		{"reject numbers that are not finite: below", in("-1e999"), "- - data[0].x malformed"},
		{"reject numbers that are not finite: words", in("NaN"), "- - data[0].x malformed"},
	} {
		got := refusedSync(t, c.sentence, w.send(c.body), http.StatusBadRequest, "-")
		if !slices.Equal(got.faulty, []string{c.want}) {
			t.Errorf("%s\nPOST %.300q gives %q, want %q", c.sentence, c.body, got.faulty, c.want)
		}
	}
	w.wantRules("change nothing")
	for _, c := range []struct{ sentence, value string }{
		{"nesting of 16 is not deeper than 16", deep(13)},
		{"surrogates in pairs", `"\ud83d\ude00"`},
		{"numbers that are finite", "[1e308,-0,1.5E-400]"},
	} {
		wantSaid(t, c.sentence, w.synced(rule("code", `"`+c.sentence+`"`, "x", c.value)), said{
			counts: "1+0", warnings: []string{"0 " + c.sentence + " x unknown_field"},
		})
	}
	for _, ct := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8"} {
		if got := w.send(batch("ct", rule()), "Content-Type", ct); got.status != http.StatusOK {
			t.Errorf("the body is read as JSON whatever its Content-Type says: %q gives %d %s", ct, got.status, got.body)
		}
	}
}
