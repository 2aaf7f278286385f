package httpapi_test

import (
	"strings"
	"testing"
)

func TestWireBudgetCondition(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	long := strings.Repeat("x", 65)
	for _, c := range []struct {
		sentence, value string
		want            []string // field and errorCode
	}{
		{"required: absent", "", []string{" required"}},
		{"required: null", "null", []string{" required"}},
		{"required: empty text", `""`, []string{" required"}},
		{"at least one entry: an object", "{}", []string{" required"}},
		{"at least one entry: as PHP encodes it", "[]", []string{" required"}},
		{"at least one entry: text", `"{}"`, []string{" required"}},
		{"at least one entry: text, as PHP encodes it", `" [ ] "`, []string{" required"}},
		{"an object: no list", `["a"]`, []string{" invalid"}},
		{"an object: no list of objects", `[{"a":1}]`, []string{" invalid"}},
		{"an object: no list of pairs", `[["a",1]]`, []string{" invalid"}},
		{"an object: no number", "5", []string{" invalid"}},
		{"an object: no boolean", "true", []string{" invalid"}},
		{"a string holding one: any text", `"type_id=T026"`, []string{" invalid"}},
		{"a string holding one: half of it", `"{\"a\":1"`, []string{" invalid"}},
		{"a string holding one: something behind it", `"{\"a\":1}x"`, []string{" invalid"}},
		{"a string holding one: duplicate keys", `"{\"a\":1,\"a\":1}"`, []string{" invalid"}},
		{"a string holding one: a list", `"[{\"a\":1}]"`, []string{" invalid"}},
		{"a string holding one: a number", `"5"`, []string{" invalid"}},
		{"a string holding one: null", `"null"`, []string{" invalid"}},
		{"a string holding one: text in text", `"\"{\\\"a\\\":1}\""`, []string{" invalid"}},
		{"a string holding one: its entries are judged", `"{\"1\":1,\"a\":null}"`, []string{".1 invalid", ".a invalid"}},
		{"key: begins with a letter, no digit", `{"1a":1}`, []string{".1a invalid"}},
		{"key: begins with a letter, no underscore", `{"_a":1}`, []string{"._a invalid"}},
		{"key: no hyphen", `{"a-b":1}`, []string{".a-b invalid"}},
		{"key: no space", `{"a b":1}`, []string{".a b invalid"}},
		{"key: no space at the end", `{"a ":1}`, []string{".a  invalid"}},
		{"key: no newline at the end", `{"a\n":1}`, []string{".a\n invalid"}},
		{"key: no point", `{"a.b":1}`, []string{".a.b invalid"}},
		{"key: not empty", `{"":1}`, []string{". invalid"}},
		{"key: of ASCII", `{"é":1}`, []string{".é invalid"}},
		{"key: of ASCII", `{"費用":1}`, []string{".費用 invalid"}},
		{"key: at most 64", `{"` + long + `":1}`, []string{"." + long[:64] + "… invalid"}},
		{"value: no null", `{"a":null}`, []string{".a invalid"}},
		{"value: no object", `{"a":{"b":1}}`, []string{".a invalid"}},
		{"value: no empty object", `{"a":{}}`, []string{".a invalid"}},
		{"value: string ≤64", `{"a":"` + long + `"}`, []string{".a too_long"}},
		{"value: string ≤64 bytes, not characters", `{"a":` + text("預", 22) + `}`, []string{".a too_long"}},
		{"value: string ≤64 bytes, at the edge", `{"a":"` + strings.Repeat("預", 21) + `xx"}`, []string{".a too_long"}},
		{"list: not empty", `{"a":[]}`, []string{".a required"}},
		{"list: of those, no null", `{"a":["x",null]}`, []string{".a[1] invalid"}},
		{"list: of those, no list", `{"a":[["x"]]}`, []string{".a[0] invalid"}},
		{"list: of those, no object", `{"a":["x","y",{}]}`, []string{".a[2] invalid"}},
		{"list: string ≤64", `{"a":["x","` + long + `"]}`, []string{".a[1] too_long"}},
		{"all that is wrong with it, in the order as sent", `{"z":null,"a":1,"9":1,"b":["` + long + `",null]}`, []string{".z invalid", ".9 invalid", ".b[0] too_long", ".b[1] invalid"}},
	} {
		for _, field := range []string{"rule_condition", "rule_condition_json"} {
			want := make([]string, len(c.want))
			for i, f := range c.want {
				want[i] = "R1 rule_condition" + f
			}
			w.wantFaulty("rule_condition: "+c.sentence, rule("rule_condition", "", field, c.value), want...)
		}
	}
	for _, c := range []struct{ sentence, one, other string }{
		{"both at once is an error", `{"a":1}`, `{"b":1}`},
		{"both at once is an error, also when they are equal", `{"a":1}`, `{"a":1}`},
		{"both at once is an error, also as text", `"{\"a\":1}"`, `{"a":1}`},
		{"both at once is an error, also when one has no entry", `{"a":1}`, "{}"},
	} {
		w.wantFaulty(c.sentence, rule("rule_condition", c.one, "rule_condition_json", c.other), "R1 rule_condition_json duplicate")
	}
	w.wantRules("hard: the row is not stored")
}

func TestWireBudgetConditionsThatAreGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	name := "a" + strings.Repeat("B", 61) + "_9"
	for _, c := range []struct{ sentence, field, value, want string }{
		{"an object", "rule_condition", `{"type_id":"T026"}`, `{"type_id":"T026"}`},
		{"the same field, as the sample spells it", "rule_condition_json", `{"charge_department":"D1","header_column22":"claim"}`, `{"charge_department":"D1","header_column22":"claim"}`},
		{"a string holding one", "rule_condition", `"{\"type_id\": \"T026\"}"`, `{"type_id":"T026"}`},
		{"a string holding one, as the sample spells it", "rule_condition_json", `" {\"a\":[1,true]}\n"`, `{"a":[1,true]}`},
		{"each value a string, a number or a boolean", "rule_condition", `{"a":"x","b":1,"c":-1.50,"d":true,"e":false}`, `{"a":"x","b":1,"c":-1.50,"d":true,"e":false}`},
		{"a string may be empty", "rule_condition", `{"a":""}`, `{"a":""}`},
		{"a string stays as sent", "rule_condition", `{"a":" 1\u002f<\"\\\t"}`, `{"a":" 1/<\"\\\u0009"}`},
		{"or a list of those", "rule_condition", `{"a":["x",1,true,"x"]}`, `{"a":["x",1,true,"x"]}`},
		{"a list of one is that value", "rule_condition", `{"a":["x"]}`, `{"a":"x"}`},
		{"each name ≤64", "rule_condition", `{"` + name + `":1}`, `{"` + name + `":1}`},
		{"each value ≤64", "rule_condition", `{"a":"` + strings.Repeat("預", 21) + `x"}`, `{"a":"` + strings.Repeat("預", 21) + `x"}`},
		{"each value of a list ≤64", "rule_condition", `{"a":[` + text("x", 64) + `,` + text("y", 64) + `]}`, `{"a":[` + text("x", 64) + `,` + text("y", 64) + `]}`},
		{"columns of head, department, project and line", "rule_condition", `{"header_x":1,"charge_department_x":1,"project_x":1,"x":1}`, `{"charge_department_x":1,"header_x":1,"project_x":1,"x":1}`},
		{"bare names are columns of the line", "rule_condition", `{"project":1,"charge_department":2,"header_":3}`, `{"charge_department":2,"header_":3,"project":1}`},
		{"names are case-sensitive", "rule_condition", `{"a":1,"A":2}`, `{"A":2,"a":1}`},
	} {
		wantSaid(t, c.sentence, w.synced(rule("rule_condition", "", c.field, c.value, "code", `"`+c.sentence+`"`)), said{counts: "1+0"})
		if got, want := w.rule(c.sentence), "66000 1 "+c.want+" - - N"; got != want {
			t.Errorf("%s\n%s %s is stored as %q, want %q", c.sentence, c.field, c.value, got, want)
		}
	}
	for _, none := range []string{"null", `""`} {
		for _, fields := range [][]string{
			{"rule_condition", none, "rule_condition_json", `{"a":1}`},
			{"rule_condition", `{"a":1}`, "rule_condition_json", none},
		} {
			if got := w.synced(rule(fields...)); len(got.faulty)+len(got.warnings) > 0 || w.rule("R1") != `66000 1 {"a":1} - - N` {
				t.Errorf("what is null or empty was not sent: %q gives %q and %q, want it stored", fields, got.faulty, w.rule("R1"))
			}
		}
	}
}

func TestWireBudgetCatalogue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted, columns: columns{"type_id", "header_type_id", "charge_department", "project_a"}})
	for _, c := range []struct {
		sentence, condition string
		unknown             []string
	}{
		{"a column that the catalogue has", `{"type_id":1,"header_type_id":1,"charge_department":1,"project_a":1}`, nil},
		{"a column that it does not have", `{"type":1}`, []string{"type"}},
		{"each column that it does not have", `{"z":1,"type_id":1,"y":[1,2]}`, []string{"y", "z"}},
		{"a column of the department is none of the line", `{"charge_department_type_id":1}`, []string{"charge_department_type_id"}},
		{"a column of the project is none of the line", `{"project_type_id":1,"a":1}`, []string{"a", "project_type_id"}},
		{"names are case-sensitive", `{"Type_id":1}`, []string{"Type_id"}},
	} {
		want := said{counts: "1+0"}
		for _, name := range c.unknown {
			want.warnings = append(want.warnings, "0 "+c.sentence+" rule_condition."+name+" unknown_field")
		}
		wantSaid(t, "weak: "+c.sentence, w.synced(rule("code", `"`+c.sentence+`"`, "rule_condition", c.condition)), want)
		if w.rule(c.sentence) == "" {
			t.Errorf("%s\nthe row is not stored", c.sentence)
		}
	}
}
