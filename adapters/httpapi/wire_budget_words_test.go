package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
)

// languages are those of the interface; a message about a priority out of range
// has the words.
var languages = []struct{ locale, words string }{
	{"zh_CN", "应在 0 到 9999 之间"}, {"zh_TW", "應介於 0 與 9999 之間"}, {"en_US", "must be between 0 and 9999"}, {"ja_JP", "0 から 9999 の間"},
}

func TestWireBudgetSentences(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	for _, c := range []struct {
		locale string
		want   [5]string // of none and none, one and none, none and one, several, and more
	}{
		{"zh_CN", [5]string{
			"此次请求新建成功了0条数据 此次请求更新成功了0条数据", "此次请求新建成功了1条数据 此次请求更新成功了0条数据", "此次请求新建成功了0条数据 此次请求更新成功了1条数据",
			"此次请求新建成功了2条数据 此次请求更新成功了3条数据", "此次请求新建成功了0条数据 此次请求更新成功了1001条数据",
		}},
		{"zh_TW", [5]string{
			"此次請求新建成功了0筆資料 此次請求更新成功了0筆資料", "此次請求新建成功了1筆資料 此次請求更新成功了0筆資料", "此次請求新建成功了0筆資料 此次請求更新成功了1筆資料",
			"此次請求新建成功了2筆資料 此次請求更新成功了3筆資料", "此次請求新建成功了0筆資料 此次請求更新成功了1001筆資料",
		}},
		{"en_US", [5]string{
			"0 rows created 0 rows updated", "1 row created 0 rows updated", "0 rows created 1 row updated",
			"2 rows created 3 rows updated", "0 rows created 1001 rows updated",
		}},
		{"ja_JP", [5]string{
			"0件を新規作成しました 0件を更新しました", "1件を新規作成しました 0件を更新しました", "0件を新規作成しました 1件を更新しました",
			"2件を新規作成しました 3件を更新しました", "0件を新規作成しました 1001件を更新しました",
		}},
	} {
		row := func(code string) string { return rule("code", `"`+c.locale+code+`"`) }
		thousand := make([]string, 1001)
		for i := range thousand {
			thousand[i] = row("1")
		}
		for i, rows := range [][]string{{}, {row("1")}, {row("1")}, {row("1"), row("1"), row("1"), row("2"), row("3")}, thousand} {
			got := answerOf(t, w.send(batch(c.locale+string(rune('a'+i)), rows...), "locale", c.locale))
			if sentences := got.created + " " + got.updated; sentences != c.want[i] || got.resMsg != "success" {
				t.Errorf("created and updated are sentences: in %s %q with resMsg %q, want %q and success", c.locale, sentences, got.resMsg, c.want[i])
			}
		}
	}
}

func TestWireBudgetLanguage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	body := batch("language", rule("priority", "10000"))
	for _, c := range []struct {
		sentence, want string
		headers        []string
	}{
		{"header locale: zh_CN", "zh_CN", []string{"locale", "zh_CN"}},
		{"header locale: en_US", "en_US", []string{"locale", "en_US"}},
		{"header locale: ja_JP", "ja_JP", []string{"locale", "ja_JP"}},
		{"header locale: zh_TW", "zh_TW", []string{"locale", "zh_TW"}},
		{"header locale: the name of the header in any case", "zh_TW", []string{"LOCALE", "zh_TW"}},
		{"zh_CN is the default", "zh_CN", nil},
		{"an empty locale is none", "zh_CN", []string{"locale", ""}},
		{"an empty locale is none", "ja_JP", []string{"locale", " ", "Accept-Language", "ja"}},
		{"header locale over Accept-Language", "en_US", []string{"locale", "en_US", "Accept-Language", "ja"}},
		{"header locale over Accept-Language", "zh_CN", []string{"locale", "zh_CN", "Accept-Language", "en"}},
		{"without it, Accept-Language", "en_US", []string{"Accept-Language", "en"}},
		{"without it, Accept-Language", "en_US", []string{"Accept-Language", "en-GB,en;q=0.9"}},
		{"without it, Accept-Language", "zh_TW", []string{"Accept-Language", "zh-TW,zh;q=0.9,en;q=0.8"}},
		{"without it, Accept-Language", "zh_CN", []string{"Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8"}},
		{"Accept-Language by its weights", "ja_JP", []string{"Accept-Language", "en;q=0.5, ja;q=0.7"}},
		{"Accept-Language by the first that is known", "en_US", []string{"Accept-Language", "fr, de;q=0.9, en;q=0.1"}},
		{"Accept-Language that is not known", "zh_CN", []string{"Accept-Language", "fr, de;q=0.9"}},
		{"Accept-Language that is broken", "zh_CN", []string{"Accept-Language", ";;q=x"}},
		{"an unknown locale falls back to the default", "zh_CN", []string{"locale", "fr_FR"}},
		{"an unknown locale falls back to the default", "zh_CN", []string{"locale", "../../etc"}},
		{"an unknown locale falls back to the default, whatever Accept-Language says", "zh_CN", []string{"locale", "xx_XX", "Accept-Language", "en"}},
		{"zh-HK means zh_TW", "zh_TW", []string{"Accept-Language", "zh-HK"}},
		{"zh-HK means zh_TW, before any Chinese", "zh_TW", []string{"Accept-Language", "zh-HK,zh;q=0.8,en;q=0.7"}},
		{"zh-HK means zh_TW", "zh_TW", []string{"locale", "zh_HK"}},
		{"zh-MO means zh_TW", "zh_TW", []string{"Accept-Language", "zh-MO"}},
		{"zh-MO means zh_TW", "zh_TW", []string{"locale", "zh-MO"}},
	} {
		got := answerOf(t, w.send(body, c.headers...))
		for _, l := range languages {
			if is := strings.Contains(strings.Join(got.messages, "\n"), l.words); is != (l.locale == c.want) {
				t.Errorf("%s\n%q gives %q; in %s: %t, want %s", c.sentence, c.headers, got.messages, l.locale, is, c.want)
			}
		}
	}
}

// TestWireBudgetEveryMessage has one of each kind in every list, in every
// language.
func TestWireBudgetEveryMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted, columns: columns{}})
	rows := []string{
		rule("priority", "10000"), rule("code", ""), rule("code", text("x", 65)), rule("budget_code", "5"), rule("priority", `"x"`), rule("rule_condition", "5"),
		rule("rule_condition", `{"1":1}`), rule("rule_condition", `{"a":null}`), rule("rule_condition", `{"a":[]}`), rule("rule_condition_json", "{}"),
		rule("deleted_flag", `"y"`), "5", rule("code", `"dear"`, "priority", "6666"), rule("x", "1"), rule(),
	}
	seen := map[string]string{}
	for _, l := range languages {
		got := answerOf(t, w.send(batch("every "+l.locale, rows...), "locale", l.locale))
		if len(got.messages) != len(rows)-2+4 { // the last two rows are good, with two warnings each
			t.Fatalf("%d rows give %d messages: %q", len(rows), len(got.messages), got.messages)
		}
		for _, m := range got.messages {
			if other, again := seen[m]; again && other != l.locale {
				t.Errorf("%s says %q, as %s does", l.locale, m, other)
			}
			seen[m] = l.locale
			if strings.Contains(m, "{{") || strings.Contains(m, "<no value>") {
				t.Errorf("%s: %q is not filled in", l.locale, m)
			}
		}
	}
}

func TestWireBudgetRefusalsSpeak(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	for _, c := range []struct {
		want    string
		headers []string
	}{
		{"缺少密钥，或密钥无效。", nil},
		{"缺少密钥，或密钥无效。", []string{"locale", "xx"}},
		{"The API key is missing or not valid.", []string{"locale", "en_US"}},
		{"The API key is missing or not valid.", []string{"Accept-Language", "en"}},
		{"缺少金鑰", []string{"Accept-Language", "zh-HK"}},
	} {
		got := answerOf(t, w.call(http.MethodPost, syncPath, batch("b1"), c.headers...))
		if !strings.Contains(got.resMsg, c.want) {
			t.Errorf("a refusal with %q says %q, want %q", c.headers, got.resMsg, c.want)
		}
	}
	got := answerOf(t, w.send(batch("", rule()), "locale", "ja_JP"))
	if len(got.messages) != 1 || !strings.Contains(got.messages[0], "必須") || got.resMsg != got.messages[0] || got.created != "0件を新規作成しました" || got.updated != "0件を更新しました" {
		t.Errorf("a refusal in Japanese is %+v, want its message and sentences of 0 in Japanese", got)
	}
}
