package catalog_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/catalog"
	"github.com/batchport/batchport/domain/budget"
	"github.com/batchport/batchport/domain/estate"
)

// verbatim are expected words that are shown as they are: what a client has to
// send.
var verbatim = []string{"estate"}

// TestEveryWordHasEveryLanguage reads the reasons and the expected words out of
// the source.
func TestEveryWordHasEveryLanguage(t *testing.T) {
	t.Parallel()
	s := readSource(t)
	for kind, sample := range map[string][]string{
		"reason":   {"depth", "empty_list", "both_modes", "marked", "multipart", "tls", "broken", "xls", "zip", "bomb"},
		"expected": {"id", "integer", "amount", "all", "boolean", "month", "file"},
	} {
		found := map[string]map[string]string{"reason": s.reasons, "expected": s.expected}[kind]
		for _, word := range sample {
			if found[word] == "" {
				t.Errorf("the %s %q was not found in the source", kind, word)
			}
		}
		name := regexp.MustCompile(`^[a-z0-9_]+$`) // anything else is a description
		for _, locale := range locales {
			known := entries(t, "messages", locale)
			for word, place := range found {
				if known[kind+"."+word] == "" && name.MatchString(word) && !slices.Contains(verbatim, word) {
					t.Errorf("%s has no message %s.%s, which %s needs", locale, kind, word, place)
				}
			}
		}
	}
}

// TestCodesAreThoseOfTheSource looks the other way: for words that nobody needs
// any more.
func TestCodesAreThoseOfTheSource(t *testing.T) {
	t.Parallel()
	codes := readSource(t).codes
	for key := range entries(t, "messages", "en_US") {
		if !strings.Contains(key, ".") && codes[key] == "" {
			t.Errorf("there are messages for the code %q, which nothing has", key)
		}
	}
}

// TestMessagesMentionTheSame compares what the templates of the languages
// mention.
func TestMessagesMentionTheSame(t *testing.T) {
	t.Parallel()
	parameter := regexp.MustCompile(`\.([a-z_]+)`)
	action := regexp.MustCompile(`{{.*?}}`)
	mentioned := func(text string) []string {
		names := map[string]bool{}
		for _, a := range action.FindAllString(text, -1) {
			for _, m := range parameter.FindAllStringSubmatch(a, -1) {
				names[m[1]] = true
			}
		}
		return slices.Sorted(maps.Keys(names))
	}
	want := entries(t, "messages", "en_US")
	for _, locale := range locales {
		for key, text := range entries(t, "messages", locale) {
			if strings.HasPrefix(key, "text.") {
				continue // how languages join words is their own affair
			}
			if got, want := mentioned(text), mentioned(want[key]); !slices.Equal(got, want) {
				t.Errorf("%s of %s mentions %q, en_US mentions %q", key, locale, got, want)
			}
		}
	}
}

// TestEveryLabel reads the keys out of the source of the use cases.
func TestEveryLabel(t *testing.T) {
	t.Parallel()
	known := entries(t, "labels", "en_US")
	first := map[string]bool{}
	for key := range known {
		first[strings.SplitN(key, ".", 2)[0]] = true
	}
	asked := map[string]string{"yes": "", "no": "", "budget_sync.created": "", "budget_sync.updated": ""} // the last two httpapi asks for
	form := regexp.MustCompile(`^([a-z_]+)\.[a-z_.]*$`)
	for text, place := range readSource(t).literals {
		if m := form.FindStringSubmatch(text); m != nil && first[m[1]] {
			asked[text] = place
		}
	}
	// Keys that are put together.
	ends := map[string][]string{
		"sheet.": {"estates", "communities", "contracts", "repairs"}, "file.": {"estates", "communities", "contracts", "repairs"},
		"statement.":     {"estate_id", "item", "amount", "note", "code", "reason"},
		"budget_rule.":   ruleFields,
		"estate.status.": wordsOf(estate.Statuses()), "contract.state.": wordsOf(estate.ContractStates()), "repair.state.": wordsOf(estate.RepairStates()),
	}
	for text, place := range asked {
		if strings.HasSuffix(text, ".") {
			if len(ends[text]) == 0 {
				t.Errorf("%s puts keys together that begin with %q, and this test does not know them", place, text)
			}
			for _, end := range ends[text] {
				asked[text+end] = place
			}
			delete(asked, text)
		}
	}
	if len(asked) < 60 {
		t.Errorf("found only %d keys in the source", len(asked))
	}
	labels := catalog.NewLabels()
	for key, place := range asked {
		for _, locale := range locales {
			if got := labels.Label(locale, key); got == "" || got == key || strings.ContainsAny(got, "{}<>") {
				t.Errorf("Label(%s, %s) = %q, want words; %s asks for them", locale, key, got, place)
			}
		}
	}
	for key := range known {
		if _, needed := asked[key]; !needed {
			t.Errorf("there is a label %s, which nothing asks for", key)
		}
	}
}

// TestColumnsOfStatements keeps the titles apart, by which an import finds its
// columns in whatever language, and has messages call a column as its sheet does.
func TestColumnsOfStatements(t *testing.T) {
	t.Parallel()
	labels, owner := catalog.NewLabels(), map[string]string{}
	for _, locale := range locales {
		messages := entries(t, "messages", locale)
		for _, column := range []string{"estate_id", "item", "amount", "note", "code", "reason"} {
			title := labels.Label(locale, "statement."+column)
			if other := owner[title]; other != "" && other != column {
				t.Errorf("the title %q means %s and %s", title, column, other)
			}
			owner[title] = column
			if said, has := messages["field."+column]; has != (column != "reason") || has && said != title {
				t.Errorf("messages in %s call the column %s %q, its sheet %q", locale, column, said, title)
			}
		}
	}
}

// ruleFields are the columns of a sheet of budget rules.
var ruleFields = []string{
	budget.CodeField, budget.PriorityField, budget.BudgetField, budget.ConditionField, budget.BranchField, budget.EventField, budget.DeletedField,
}

// TestColumnsOfRules keeps the titles of a sheet of budget rules apart.
func TestColumnsOfRules(t *testing.T) {
	t.Parallel()
	labels, owner := catalog.NewLabels(), map[string]string{}
	for _, locale := range locales {
		messages := entries(t, "messages", locale)
		for _, column := range append(ruleFields, "error", "reason", "place") {
			title := labels.Label(locale, "budget_rule."+column)
			if other := owner[title]; other != "" && other != column {
				t.Errorf("the title %q means %s and %s", title, column, other)
			}
			owner[title] = column
			if said, has := messages["field.budget_rule."+column]; has != slices.Contains(ruleFields, column) || has && said != title {
				t.Errorf("messages in %s call the column %s %q, its sheet %q", locale, column, said, title)
			}
		}
	}
}

// TestCounts reads the sentences that the source interface prints, letter by
// letter.
func TestCounts(t *testing.T) {
	t.Parallel()
	labels := catalog.NewLabels()
	for _, c := range []struct {
		locale, key string
		n           int
		want        string
	}{
		{"zh_CN", "budget_sync.created", 1, "此次请求新建成功了1条数据"},
		{"zh_CN", "budget_sync.updated", 0, "此次请求更新成功了0条数据"},
		{"zh_TW", "budget_sync.created", 1, "此次請求新建成功了1筆資料"},
		{"zh_TW", "budget_sync.updated", 0, "此次請求更新成功了0筆資料"},
		{"en_US", "budget_sync.created", 1, "1 row created"},
		{"en_US", "budget_sync.created", 0, "0 rows created"},
		{"en_US", "budget_sync.updated", 0, "0 rows updated"},
		{"en_US", "budget_sync.updated", 10000, "10000 rows updated"},
		{"ja_JP", "budget_sync.created", 1, "1件を新規作成しました"},
		{"ja_JP", "budget_sync.updated", 0, "0件を更新しました"},
		{"fr_FR", "budget_sync.updated", 1, "1 row updated"},
		{"en_US", "budget_sync.unheard", 1, "budget_sync.unheard"},
	} {
		if got := labels.Count(c.locale, c.key, c.n); got != c.want {
			t.Errorf("Count(%q, %q, %d) = %q, want %q", c.locale, c.key, c.n, got, c.want)
		}
	}
}

// TestScripts looks for characters and terms of the other Chinese.
func TestScripts(t *testing.T) {
	t.Parallel()
	const pairs = `专專业業于於与與负負绝絕东東严嚴丢丟两兩个個临臨为為举舉义義书書买買产產亲親仅僅从從仓倉们們价價众眾优優会會伟偉传傳伤傷体體余餘侧側债債储儲儿兒关關兴興养養写寫农農决決况況准準减減凭憑击擊则則创創别別务務动動劳勞区區医醫协協单單卖賣却卻厂廠历歷压壓双雙发發变變叠疊号號后後吗嗎启啟员員响響团團园園围圍图圖场場块塊坏壞处處备備复復够夠头頭实實审審宽寬对對导導将將层層属屬岁歲币幣师師带帶库庫应應废廢开開异異弃棄张張当當录錄总總态態恶惡户戶执執扩擴扫掃护護报報拟擬择擇换換损損据據数數断斷无無旧舊时時显顯术術权權条條来來构構标標树樹样樣档檔检檢楼樓欢歡残殘气氣汇匯没沒沟溝测測济濟浏瀏润潤满滿灵靈点點热熱状狀独獨现現环環画畫码碼确確离離种種称稱积積稳穩竞競笔筆签簽简簡类類紧緊约約级級纪紀纯純纳納纸紙线線练練组組细細终終经經结結给給络絡统統继繼续續维維绿綠缓緩编編网網罗羅联聯职職聪聰胜勝脑腦节節获獲虑慮补補装裝规規视視览覽觉覺计計订訂认認让讓议議讯訊记記许許论論设設访訪证證评評识識词詞译譯试試话話该該详詳语語误誤说說请請读讀课課调調谁誰账帳货貨质質费費贴貼资資赔賠赖賴转轉轮輪软軟载載较較输輸达達过過运運还還这這进進远遠违違连連迟遲选選递遞逻邏遗遺邮郵释釋里裡针針钟鐘钮鈕钱錢铁鐵链鏈销銷锁鎖错錯键鍵长長门門闭閉问問间間闻聞阅閱队隊阶階际際陆陸险險随隨难難雾霧静靜页頁项項顺順须須预預领領频頻题題额額风風飞飛饭飯馆館验驗黄黃齐齊龄齡`
	letters := []rune(pairs)
	simplified, traditional := map[rune]bool{}, map[rune]bool{}
	for i := 0; i+1 < len(letters); i += 2 {
		if letters[i] != letters[i+1] {
			simplified[letters[i]], traditional[letters[i+1]] = true, true
		}
	}
	delete(simplified, '后') // of an empress, in Traditional
	delete(simplified, '里')
	delete(simplified, '准') // 批准
	delete(simplified, '余')
	for locale, foreign := range map[string]struct {
		letters map[rune]bool
		terms   string
	}{
		"zh_TW": {simplified, "用戶 服務器 網絡 字節 字符 信息 數據 軟件 硬件 默認 鏈接 登錄 工作簿 單元格 文本 緩存 保存文件 房源 小區 合同 賬單 打開 互聯網 條目 隊列"},
		"zh_CN": {traditional, "使用者 伺服器 网路 位元组 字元 讯息 资料 软体 预设 连结 活页簿 储存格 档案 栏位 逾时 标头 凭证 萤幕 程式 社区 合约 帐单 网际 巢状 笔数 金钥"},
	} {
		for _, folder := range []string{"messages", "labels"} {
			for key, text := range entries(t, folder, locale) {
				for _, r := range text {
					if foreign.letters[r] {
						t.Errorf("%s of %s has the character %q of the other script: %s", key, locale, r, text)
					}
				}
				for _, term := range strings.Fields(foreign.terms) {
					if strings.Contains(text, term) {
						t.Errorf("%s of %s has the term %s, which is not used there: %s", key, locale, term, text)
					}
				}
			}
		}
	}
}

// entries returns the texts of a language by their keys; those with several
// forms have them behind one another.
func entries(t *testing.T, folder, locale string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, strings.ReplaceAll(locale, "_", "-")+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var forms map[string]any
	if err := json.Unmarshal(content, &forms); err != nil {
		t.Fatalf("%s of %s: %v", folder, locale, err)
	}
	texts := make(map[string]string, len(forms))
	for key, form := range forms {
		texts[key] = fmt.Sprint(form)
	}
	return texts
}

func wordsOf[S ~string](values []S) (words []string) {
	for _, v := range values {
		words = append(words, string(v))
	}
	return words
}
