package catalog

import (
	"strings"

	"golang.org/x/text/language"
)

// Locale returns the reader's locale: zh_TW, zh_CN, en_US or ja_JP.
//
// header is the value of the request's header "locale". When there is one, it
// alone decides; "zh-tw" means zh_TW, "ja" ja_JP, and one that is not known gives
// otherwise. Without it, acceptLanguage decides (RFC 9110, 12.5.4), by the
// first of its languages that the catalogue has. Without that too, it is
// otherwise, whatever that is.
func Locale(header, acceptLanguage, otherwise string) string {
	if header = strings.TrimSpace(header); header != "" {
		if locale := canonical(header); locale != "" {
			return locale
		}
		return otherwise
	}
	// Languages come in the order of their weights, without those that are not
	// wanted. A list that is broken gives none.
	tags, _, _ := language.ParseAcceptLanguage(acceptLanguage)
	for _, tag := range tags {
		if locale := match(tag); locale != "" {
			return locale
		}
	}
	return otherwise
}

// canonical returns the locale that name means, in whatever case and with
// whatever separator, or "".
func canonical(name string) string {
	if _, ok := locales[name]; ok {
		return name
	}
	for locale := range locales {
		if strings.EqualFold(strings.ReplaceAll(name, "-", "_"), locale) {
			return locale
		}
	}
	// Such as "ja", or "zh_HK"; but "zh" alone says nothing of the script.
	tag, err := language.Parse(strings.ReplaceAll(name, "_", "-"))
	if err != nil || tag == language.Chinese {
		return ""
	}
	return match(tag)
}

var (
	matched = []string{"zh_CN", "zh_TW", "en_US", "ja_JP"}
	matcher = language.NewMatcher([]language.Tag{
		language.SimplifiedChinese, language.TraditionalChinese, language.English, language.Japanese,
	})
)

// match returns the locale for a language, or "". It is asked for one language
// at a time: out of "zh-HK,zh;q=0.8" the matcher would take the "zh", and show
// Simplified Chinese to readers of Traditional.
func match(tag language.Tag) string {
	_, index, confidence := matcher.Match(tag)
	if confidence == language.No {
		return ""
	}
	return matched[index]
}
