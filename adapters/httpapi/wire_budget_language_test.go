package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"
)

func TestWireBudgetLanguages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{budgets: lifted})
	const (
		cn = "此次请求新建成功了1条数据 此次请求更新成功了0条数据 “priority”的值“10000”超出范围，应在 0 到 9999 之间。"
		tw = "此次請求新建成功了1筆資料 此次請求更新成功了0筆資料 「priority」的值「10000」超出範圍，應介於 0 與 9999 之間。"
		en = "1 row created 0 rows updated priority “10000” must be between 0 and 9999."
		jp = "1件を新規作成しました 0件を更新しました 「priority」の値「10000」が範囲外です。0 から 9999 の間で指定してください。"
	)
	for i, c := range []struct{ sentence, locale, accept, want string }{
		{"zh_CN is the default", "", "", cn},
		{"header locale: zh_CN", "zh_CN", "ja", cn},
		{"header locale: zh_TW", "zh_TW", "", tw},
		{"header locale: en_US", "en_US", "ja", en},
		{"header locale: ja_JP", "ja_JP", "en", jp},
		{"without it, Accept-Language", "", "ja, en;q=0.5", jp},
		{"without it, Accept-Language", "", "en-GB", en},
		{"an unknown locale falls back to the default", "fr_FR", "en", cn},
		{"an unknown Accept-Language falls back to the default", "", "fr", cn},
		{"zh-HK means zh_TW", "", "zh-HK,zh;q=0.8", tw},
		{"zh-MO means zh_TW", "", "zh-MO", tw},
		{"zh_HK means zh_TW", "zh_HK", "", tw},
	} {
		got := w.call(http.MethodPost, syncPath, batch(fmt.Sprint("l", i), rule("code", fmt.Sprintf(`"L%d"`, i)), rule("priority", "10000")),
			"X-API-Key", w.admin, "locale", c.locale, "Accept-Language", c.accept)
		a := answerOf(t, got)
		if said := a.created + " " + a.updated + " " + a.messages[0]; said != c.want {
			t.Errorf("%s (locale %q, Accept-Language %q)\n%s\nwant\n%s", c.sentence, c.locale, c.accept, said, c.want)
		}
	}
}
