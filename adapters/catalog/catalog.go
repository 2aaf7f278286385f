// Package catalog renders failures and labels in words: Traditional Chinese
// as written in Taiwan (zh_TW), Simplified Chinese (zh_CN), American English
// (en_US) and Japanese (ja_JP).
//
// The words are in messages and labels, one go-i18n file a language. A
// message is a template over the parameters of its failure, and these:
//
//	field, value   of the failure
//	name           the field, worded: “rent”, or in a sheet Amount (C17)
//	subject        name and value, worded: “rent” “abc”
//	place, label   of a value in a sheet: C17, and what its column is called
//	characters     how many fit into max bytes of a cell
//	many, large    what there is too much of, where the field is known
//
// Every one may be missing, so a message must read well without it. The values
// of some parameters are words of the wire (state, reason, role and, for
// invalid, expected); they are translated by the messages of the same name,
// such as "state.running". In the same way "field.budget_rule.code" is what a
// column of a sheet is called that the parameter sheet names, "field.amount" is what a column is
// called, and "many.rows" and "large.row" begin the messages of too_many and
// too_large for these fields.
//
// A failure with the parameter row is about a row of a sheet, which people
// look at: its message names the column as the sheet does, and the cell. The
// field of any other failure is a path, which programs look at, and stays.
package catalog

import (
	"embed"
	"encoding/json"
	"fmt"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/nicksnyder/go-i18n/v2/i18n/template"
	"golang.org/x/text/language"
)

//go:embed messages/*.json labels/*.json
var files embed.FS

// fallback is the locale for readers whose locale is not known.
const fallback = "en_US"

// locales are the languages of the catalogue by their names on the wire.
var locales = map[string]language.Tag{
	"zh_TW": language.MustParse("zh-TW"),
	"zh_CN": language.MustParse("zh-CN"),
	"en_US": language.AmericanEnglish,
	"ja_JP": language.MustParse("ja-JP"),
}

// words are the messages of one language.
type words struct {
	localizer *i18n.Localizer
	known     map[string]bool
}

// load reads the words of every language from a folder of files, and panics
// when one is not there or is broken: they are part of the program.
func load(folder string) map[string]words {
	all := make(map[string]words, len(locales))
	for locale, tag := range locales {
		// A bundle a language: what one lacks must not be looked up in another.
		bundle := i18n.NewBundle(tag)
		name := folder + "/" + tag.String() + ".json"
		content, err := files.ReadFile(name)
		if err != nil {
			panic("catalog: " + err.Error())
		}
		messages, err := bundle.ParseMessageBytes(tag, content, json.Unmarshal)
		if err != nil {
			panic(fmt.Sprintf("catalog: %s: %v", name, err))
		}
		w := words{localizer: i18n.NewLocalizer(bundle, tag.String()), known: make(map[string]bool, len(messages))}
		for _, m := range messages {
			w.known[m.ID] = true
		}
		all[locale] = w
	}
	return all
}

// in returns the words of the locale, or of the fallback.
func in(all map[string]words, locale string) words {
	if w, ok := all[canonical(locale)]; ok {
		return w
	}
	return all[fallback]
}

// parser makes a parameter that is missing render as nothing.
var parser template.Parser = &template.TextParser{Option: "missingkey=zero"}

// render returns the message, or false when there is none. A count that is
// not nil picks the form for one thing or for several.
func (w words) render(id string, data map[string]string, count any) (string, bool) {
	if !w.known[id] {
		return "", false
	}
	text, err := w.localizer.Localize(&i18n.LocalizeConfig{
		MessageID: id, TemplateData: data, PluralCount: count, TemplateParser: parser,
	})
	return text, err == nil && text != ""
}
