package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// nested is a good request with a list in it, so many levels deep with the
// request itself.
func nested(levels int) string {
	return `{"job_name":"estate_batch_open_rent","estatesIds":[1],"x":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + `}`
}

// with is a good request with one more field.
func with(field string) string {
	return `{"job_name":"estate_batch_open_rent","estatesIds":[1],` + field + `}`
}

func TestWireJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.refuses([]refused{
		{"reject invalid UTF-8", with("\"x\":\"\xff\""), 400, []string{"malformed"}},
		{"reject invalid UTF-8: a surrogate as bytes", with("\"x\":\"\xed\xa0\x80\""), 400, []string{"malformed"}},
		{"reject invalid UTF-8: an overlong form", with("\"x\":\"\xc0\xaf\""), 400, []string{"malformed"}},
		{"reject NUL characters, escaped", with(`"x":"a\u0000b"`), 400, []string{"x malformed"}},
		{"reject NUL characters, plain", with("\"x\":\"a\x00b\""), 400, []string{"malformed"}},
		{"reject NUL characters, in a key", with(`"x\u0000":1`), 400, []string{"malformed"}},
		{"reject lone surrogates, high", with(`"x":"\ud800"`), 400, []string{"x malformed"}},
		{"reject lone surrogates, low", with(`"x":"\udc00"`), 400, []string{"x malformed"}},
		{"reject lone surrogates, two high ones", with(`"x":"\ud800\ud800"`), 400, []string{"x malformed"}},
		{"reject duplicate keys", with(`"estatesIds":[2]`), 400, []string{"estatesIds duplicate"}},
		{"reject duplicate keys, spelt with an escape", with(`"\u0065statesIds":[2]`), 400, []string{"estatesIds duplicate"}},
		{"reject duplicate keys, deep inside", with(`"x":[{"a":1,"b":2,"a":1}]`), 400, []string{"x[0].a duplicate"}},
		{"reject nesting deeper than 16", nested(17), 400, []string{"x" + strings.Repeat("[0]", 15) + " malformed"}},
		{"reject trailing bytes", openOne + "x", 400, []string{"malformed"}},
		{"reject trailing bytes: a second document", openOne + openOne, 400, []string{"malformed"}},
		{"reject numbers that are not finite", with(`"x":1e400`), 400, []string{"x malformed"}},
		{"reject numbers that are not finite: below", with(`"x":-1e400`), 400, []string{"x malformed"}},
		{"reject numbers that are not finite: digits alone", with(`"x":1` + strings.Repeat("0", 400)), 400, []string{"x malformed"}},
		{"reject numbers that are not finite: words", with(`"x":NaN`), 400, []string{"x malformed"}},
		{"reject numbers that are not finite: words", with(`"x":Infinity`), 400, []string{"x malformed"}},
	})
	w.nothing() // change nothing
	for _, c := range []struct{ sentence, body string }{
		{"nesting of 16 is not deeper than 16", nested(16)},
		{"JSON in UTF-8, with any white space", " \t\r\n" + openOne + "\r\n"},
		{"surrogates in pairs", with(`"x":"\ud83d\ude00 😀 \u00e9"`)},
		{"numbers that are finite", with(`"x":[1e308,-0,1.5E-400,123456789012345678901234567890]`)},
		{"one key in two objects", with(`"x":[{"a":1},{"a":1}]`)},
		{"fields of other kinds", with(`"publicUrl":"","date":"","communityIds":[],"searchOptions":5,"total":{}`)},
	} {
		if got := w.post(c.body); got.status != http.StatusOK {
			t.Errorf("%s\nPOST %.200s = %d %s, want 200", c.sentence, c.body, got.status, got.body)
		}
	}
}

func TestWireCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	w.run()
	code := w.submit(openOne)
	w.ended(code)
	exporter := w.key("acme", "estate_export")
	const post, status = "/api2/getBatchCode", "/api2/getBatchStatus?batch_code="
	for _, c := range []struct {
		sentence, method, path, body string
		headers                      []string
		want                         int
	}{
		{"Authorization: Bearer KEY", "POST", post, openOne, []string{"Authorization", "Bearer " + w.admin}, 200},
		{"X-API-Key: KEY", "POST", post, openOne, []string{"X-API-Key", w.admin}, 200},
		{"Authorization: Bearer KEY", "GET", status + code, "", []string{"Authorization", "Bearer " + w.admin}, 200},
		{"X-API-Key: KEY", "GET", status + code, "", []string{"X-API-Key", w.admin}, 200},
		{"no key: 401", "POST", post, openOne, nil, 401},
		{"no key: 401", "GET", status + code, "", nil, 401},
		{"a wrong key: 401", "POST", post, openOne, []string{"X-API-Key", w.admin + "0"}, 401},
		{"a wrong key: 401", "GET", status + code, "", []string{"Authorization", "Bearer x"}, 401},
		{"an empty key: 401", "POST", post, openOne, []string{"Authorization", "Bearer "}, 401},
		{"a missing permission: 403", "POST", post, openOne, []string{"X-API-Key", exporter}, 403},
		{"a missing permission: 403, before the request is judged", "POST", post, `{"job_name":"repair_export"}`, []string{"X-API-Key", exporter}, 403},
		{"the permission: 200", "POST", post, `{"job_name":"estate_export","estatesIds":[1]}`, []string{"X-API-Key", exporter}, 200},
		{"unknown or foreign code: 404", "GET", status + code, "", []string{"X-API-Key", w.foreign}, 404},
		{"unknown or foreign code: 404", "GET", status + "6552e15d743264.42384055", "", []string{"X-API-Key", w.foreign}, 404},
	} {
		got := w.call(c.method, c.path, c.body, c.headers...)
		if got.status != c.want {
			t.Errorf("%s\n%s %s with %q = %d %s, want %d", c.sentence, c.method, c.path, c.headers, got.status, got.body, c.want)
		}
	}
	foreign := w.call(http.MethodGet, status+code, "", "X-API-Key", w.foreign)
	if unknown := w.call(http.MethodGet, status+"6552e15d743264.42384055", "", "X-API-Key", w.foreign); unknown.body != foreign.body {
		t.Errorf("404, the same bytes as for an unknown id: %s and %s", foreign.body, unknown.body)
	}

	// Data of another tenant does not exist.
	for _, c := range []struct{ body, want string }{
		{`{"job_name":"estate_batch_open_rent","estatesIds":[1,51]}`, "51 not_found"},
		{`{"job_name":"estate_export","estatesIds":[51,1]}`, "51 not_found"},
		{`{"job_name":"estate_batch_edit_agent","action":"estate","data":{"1":{"editUserId":57},"3":{"editUserId":7}}}`, "1 unknown_user editUserId"},
		{`{"job_name":"estate_batch_edit_bigLandlord","data":{"1":{"editUserId":71},"3":{"editUserId":21}}}`, "1 unknown_user editUserId"},
		{`{"job_name":"estate_batch_upload_monthly_report","estatesIds":[1,51],"publicUrl":"https://example.com/a.pdf","date":"202611"}`, "51 not_found"},
	} {
		if code, _, failed := w.done(c.body); code != 200 || !slices.Equal(failed, []string{c.want}) {
			t.Errorf("data of another tenant does not exist\n%s = %d with %q, want 200 with %q", c.body, code, failed, c.want)
		}
	}
	if code, ids := w.exported(`{"job_name":"estate_export","estatesIds":"all","total":1,"searchOptions":{"keyword":"Riverside"}}`); code != 200 || !slices.Equal(ids, []int64{1}) {
		t.Errorf("a search finds what is of the tenant alone: %d %v", code, ids)
	}
}

func TestWireIdentifiers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.estates(1, 1<<53-1)
	w.run()
	const each = `{"job_name":"estate_batch_close_rent","estatesIds":[%s]}`
	for _, id := range []string{"1", `"1"`, "9007199254740991", `"9007199254740991"`, `"0001"`} {
		if code, _, failed := w.done(fmt.Sprintf(each, id)); code != 200 {
			t.Errorf("an id may arrive as a number or as a string of digits\n%s = %d %q, want 200", id, code, failed)
		}
	}
	const outside, not = "out_of_range", "invalid"
	for id, want := range map[string]string{
		"0": outside, `"0"`: outside, "-1": outside, "-0": outside, "9007199254740992": outside, `"9007199254740992"`: outside,
		"18446744073709551617": outside, `"18446744073709551617"`: outside, "1.0": not, "1.5": not, "1e0": not, `"1.0"`: not, `"1e0"`: not,
		`"+1"`: not, `"-1"`: not, `" 1"`: not, `"1 "`: not, `"0x1"`: not, `"１"`: not, `"1_0"`: not, `"x"`: not, `""`: not,
		"null": not, "true": not, "[1]": not, "{}": not,
	} {
		w.refuses([]refused{{"an id is a positive integer up to 2^53-1", fmt.Sprintf(each, "1,"+id), 400, []string{"estatesIds[1] " + want}}})
	}
	for _, c := range []struct{ body, want string }{
		{`{"job_name":"estate_batch_edit_agent","action":"estate","data":{"0":{"editUserId":7}}}`, "data.0 out_of_range"},
		{`{"job_name":"estate_batch_edit_agent","action":"estate","data":{"1.0":{"editUserId":7}}}`, "data.1.0 invalid"},
		{`{"job_name":"estate_batch_edit_agent","action":"estate","data":[{"id":9007199254740992,"editUserId":7}]}`, "data[0].id out_of_range"},
		{`{"job_name":"estate_batch_edit_agent","action":"estate","total":1,"searchOptions":[],"editUserId":1.5}`, "editUserId invalid"},
		{`{"job_name":"estate_export","estatesIds":"all","total":1,"searchOptions":{"agent_id":"1.0"}}`, "searchOptions.agent_id invalid"},
	} {
		w.refuses([]refused{{"an id is a positive integer, wherever it is", c.body, 400, []string{c.want}}})
	}
}

// TestWireFlags puts every spelling of a flag in every place that has one.
func TestWireFlags(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.population()
	w.run()
	for spelling, on := range map[string]bool{"0": false, "1": true, "true": true, "false": false, `"0"`: false, `"1"`: true} {
		want := map[bool]string{false: "21", true: "21 show_estate"}[on]
		for _, body := range []string{
			`{"job_name":"estate_batch_edit_bigLandlord","data":{"3":{"editUserId":21,"capabilities":{"show_estate":%s}}}}`,
			`{"job_name":"estate_batch_edit_bigLandlord","total":1,"searchOptions":{"district":20},"editUserId":21,"capabilitiesReplace":{"show_estate":%s}}`,
		} {
			w.done(`{"job_name":"estate_batch_edit_bigLandlord","data":{"3":{"editUserId":null}}}`)
			if code, _, failed := w.done(fmt.Sprintf(body, spelling)); code != 200 || w.landlord(3) != want {
				t.Errorf("a flag may be %s: %s ended %d %q with the landlord %q, want %q", spelling, body, code, failed, w.landlord(3), want)
			}
		}
		want3 := map[bool][]int64{false: {1, 3, 4}, true: {2}}[on]
		for _, value := range []string{spelling, "[" + spelling + "]"} {
			body := fmt.Sprintf(`{"job_name":"estate_export","estatesIds":"all","total":%d,"searchOptions":{"listed":%s}}`, len(want3), value)
			if code, ids := w.exported(body); code != 200 || !slices.Equal(ids, want3) {
				t.Errorf("a flag may be %s: listed finds %v (%d), want %v", value, ids, code, want3)
			}
		}
	}
	for _, spelling := range []string{"2", "-1", "1.0", `"true"`, `"false"`, `"yes"`, `"2"`, `" 1"`, "[1]", "{}", "null", `""`} {
		w.refuses([]refused{{
			"a flag may be nothing else",
			`{"job_name":"estate_batch_edit_bigLandlord","total":1,"searchOptions":{},"editUserId":21,"capabilitiesReplace":{"show_estate":` + spelling + `}}`,
			400,
			[]string{"capabilitiesReplace.show_estate invalid"},
		}})
	}
}
