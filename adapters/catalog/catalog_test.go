package catalog_test

import (
	"strings"
	"testing"

	"github.com/batchport/batchport/adapters/catalog"
	"github.com/batchport/batchport/ports"
	"github.com/batchport/batchport/ports/portstest"
)

// TestLanguagesAreComplete compares the files: what one language has, all have.
func TestLanguagesAreComplete(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"messages", "labels"} {
		want := entries(t, folder, "en_US")
		for _, locale := range locales {
			got := entries(t, folder, locale)
			for key := range want {
				if got[key] == "" {
					t.Errorf("%s in %s lack %s", folder, locale, key)
				}
			}
			for key := range got {
				if want[key] == "" {
					t.Errorf("%s in %s have %s, which en_US lacks", folder, locale, key)
				}
			}
		}
	}
}

func TestLabels(t *testing.T) {
	portstest.Labels(t, func(*testing.T) ports.Labels { return catalog.NewLabels() })
}

func TestLabel(t *testing.T) {
	t.Parallel()
	labels := catalog.NewLabels()
	for _, c := range []struct{ locale, key, want string }{
		{"zh_TW", "estate.id", "物件編號"},
		{"zh_CN", "estate.id", "房源编号"},
		{"en_US", "estate.id", "Estate ID"},
		{"ja_JP", "estate.id", "物件番号"},
		{"zh_TW", "file.estates", "物件匯出"},
		{"zh_TW", "estate.status", "狀態"},
		{"zh_TW", "estate.status.vacant", "待租"},
		{"zh_TW", "statement.estate_id", "物件編號"},
		{"zh_TW", "statement.item", "項目"},
		{"zh_TW", "statement.amount", "金額"},
		{"zh_TW", "statement.note", "備註"},
		{"en_US", "statement.item", "Item"},
		{"ja_JP", "repair.state.doing", "対応中"},
		{"zh_CN", "file.contracts", "合同导出"},
		{"", "yes", "Yes"},
		{"fr_FR", "no", "No"},
		{"zh_TW", "estate.unheard", "estate.unheard"},
		{"zh_TW", "", ""},
	} {
		if got := labels.Label(c.locale, c.key); got != c.want {
			t.Errorf("Label(%q, %q) = %q, want %q", c.locale, c.key, got, c.want)
		}
	}
}

func TestLocale(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ header, accept, want string }{
		{"zh_TW", "", "zh_TW"},
		{"zh_CN", "ja", "zh_CN"},
		{"en_US", "", "en_US"},
		{"ja_JP", "zh-TW", "ja_JP"},
		{"zh-tw", "", "zh_TW"},
		{"JA-jp", "", "ja_JP"},
		{" en_US ", "", "en_US"},
		{"fr_FR", "ja", "default"}, // a header that is not known is not overruled
		{"zh", "", "default"},
		{"", "", "default"},
		{"", "zh-TW,zh;q=0.9,en;q=0.8", "zh_TW"},
		{"", "zh-HK,zh;q=0.8", "zh_TW"},
		{"", "zh-MO", "zh_TW"},
		{"", "zh-Hant", "zh_TW"},
		{"", "zh-Hant-HK", "zh_TW"},
		{"", "zh-Hans-HK", "zh_CN"},
		{"", "zh", "zh_CN"},
		{"ja", "", "ja_JP"},
		{"EN", "", "en_US"},
		{"zh_HK", "", "zh_TW"},
		{"fr", "zh-TW", "default"},
		{"", "zh-CN", "zh_CN"},
		{"", "zh-SG", "zh_CN"},
		{"", "en", "en_US"},
		{"", "en-GB,zh-TW;q=0.9", "en_US"},
		{"", "fr-FR, ja;q=0.5, en;q=0.4", "ja_JP"},
		{"", "en;q=0.1, ja", "ja_JP"},
		{"", "en;q=0, ja;q=0.2", "ja_JP"},
		{"", "fr", "default"},
		{"", "*", "default"},
		{"", "und", "default"},
		{"", "fr, *;q=0.5", "default"},
		{"", ";;;,,,q=", "default"},
		{"", strings.Repeat("-", 5000), "default"},
		{"", strings.Repeat("fr,", 5000) + "ja", "ja_JP"},
	} {
		if got := catalog.Locale(c.header, c.accept, "default"); got != c.want {
			t.Errorf("Locale(%q, %.60q) = %q, want %q", c.header, c.accept, got, c.want)
		}
	}
}
