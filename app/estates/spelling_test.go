package estates_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/app/estates"
	"github.com/batchport/batchport/domain"
)

// A node is a value of a request that can be written in more than one way.
type node interface {
	spell(t *rapid.T) string
}

type (
	raw     string          // one way only
	number  int64           // a number, or a string of digits
	truth   bool            // a flag in any of its three spellings
	anyOf   []node          // a list, whose order counts
	members map[string]node // an object in any order; PHP writes the empty one as a list
	keyed   map[int64]node  // entries by identifier: an object, or a list of entries that have it
)

func (r raw) spell(*rapid.T) string { return string(r) }

func (n number) spell(t *rapid.T) string {
	digits := strconv.FormatInt(int64(n), 10)
	return rapid.SampledFrom([]string{digits, `"` + digits + `"`}).Draw(t, "number")
}

func (b truth) spell(t *rapid.T) string {
	spellings := []string{"0", `"0"`, "false"}
	if b {
		spellings = []string{"1", `"1"`, "true"}
	}
	return rapid.SampledFrom(spellings).Draw(t, "flag")
}

func (l anyOf) spell(t *rapid.T) string {
	if len(l) == 1 && rapid.Bool().Draw(t, "scalar") {
		return l[0].spell(t)
	}
	texts := make([]string, len(l))
	for i, n := range l {
		texts[i] = n.spell(t)
	}
	return "[" + strings.Join(texts, ",") + "]"
}

func (m members) spell(t *rapid.T) string { return "{" + m.inner(t) + "}" }

// inner is what stands between the braces.
func (m members) inner(t *rapid.T) string {
	var texts []string
	for _, name := range rapid.Permutation(sortedNames(m)).Draw(t, "order") {
		texts = append(texts, strconv.Quote(name)+": "+m[name].spell(t))
	}
	return strings.Join(texts, ",")
}

// emptyable is an object that may be empty.
type emptyable members

func (e emptyable) spell(t *rapid.T) string {
	if len(e) == 0 && rapid.Bool().Draw(t, "PHP") {
		return "[]"
	}
	return members(e).spell(t)
}

func (k keyed) spell(t *rapid.T) string {
	list := rapid.Bool().Draw(t, "list")
	var texts []string
	for _, id := range rapid.Permutation(sortedNames(k)).Draw(t, "order") {
		entry := members{}
		for name, value := range k[id].(members) {
			entry[name] = value
		}
		if list || rapid.Bool().Draw(t, "own id") {
			entry["id"] = number(id)
		}
		text := entry.spell(t)
		if !list {
			text = fmt.Sprintf("%q:%s", strconv.FormatInt(id, 10), text)
		}
		texts = append(texts, text)
		if list && rapid.IntRange(0, 9).Draw(t, "twice") == 0 {
			texts = append(texts, text)
		}
	}
	if list {
		return "[" + strings.Join(texts, ",") + "]"
	}
	return "{" + strings.Join(texts, ",") + "}"
}

func sortedNames[K int64 | string, V any](m map[K]V) []K {
	names := make([]K, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// requests draws requests of every kind.
func requests(t *rapid.T) members {
	id := rapid.Custom(func(t *rapid.T) node { return number(rapid.Int64Range(1, 99).Draw(t, "id")) })
	ids := rapid.Custom(func(t *rapid.T) node { return anyOf(rapid.SliceOfN(id, 1, 3).Draw(t, "ids")) })
	list := rapid.Custom(func(t *rapid.T) node { // of objects, which has no scalar form
		return append(anyOf{id.Draw(t, "first"), id.Draw(t, "second")}, rapid.SliceOfN(id, 0, 3).Draw(t, "rest")...)
	})
	place := func() emptyable {
		options := emptyable{}
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"country", "district"}), rapid.ID).Draw(t, "options") {
			options[name] = ids.Draw(t, name)
		}
		return options
	}
	flags := func() emptyable {
		capabilities := emptyable{}
		for _, name := range rapid.SliceOf(rapid.SampledFrom([]string{"show_estate", "edit_repair", "show_report", "fly", "swim"})).Draw(t, "capabilities") {
			capabilities[name] = truth(rapid.Bool().Draw(t, name))
		}
		return capabilities
	}
	all := func(r members, field string) members {
		if field != "" {
			r[field] = raw(`"all"`)
		}
		r["total"], r["searchOptions"] = number(rapid.Int64Range(0, 9).Draw(t, "total")), place()
		return r
	}
	entries := func(field string, user ...node) keyed {
		data := keyed{}
		for range rapid.IntRange(1, 4).Draw(t, "entries") {
			entry := members{"editUserId": rapid.SampledFrom(user).Draw(t, "user")}
			if field != "" {
				entry[field] = flags()
			}
			data[rapid.Int64Range(1, 99).Draw(t, "key")] = entry
		}
		return data
	}
	name := func(kind domain.Kind) raw { return raw(strconv.Quote(string(kind))) }
	exports := map[domain.Kind]string{
		estates.OpenRent: "estatesIds", estates.CloseRent: "estatesIds", estates.Export: "estatesIds",
		estates.ExportCommunities: "communityIds", estates.ExportContracts: "contractIds", estates.ExportRepairs: "repairIds",
	}
	switch rapid.IntRange(0, 6).Draw(t, "form") {
	case 0, 1:
		kind := rapid.SampledFrom(sortedKinds(exports)).Draw(t, "kind")
		if rapid.Bool().Draw(t, "all") {
			return all(members{"job_name": name(kind)}, exports[kind])
		}
		return members{"job_name": name(kind), exports[kind]: list.Draw(t, "ids")}
	case 2:
		search := place()
		search["listed"] = anyOf{truth(rapid.Bool().Draw(t, "listed"))}
		return members{
			"job_name": name(estates.UploadReport), "estatesIds": raw(`"all"`), "total": number(3), "searchOptions": search,
			"publicUrl": raw(`"https://example.com/a"`), "date": number(202611),
		}
	case 3:
		return members{"job_name": name(estates.ImportStatement), "publicUrl": raw(`"https:\/\/example.com/a"`), "date": number(202611)}
	case 4:
		return members{"job_name": name(estates.EditLandlord), "data": entries("capabilities", number(21), number(22), raw("null"), raw(`""`))}
	case 5:
		return members{"job_name": name(estates.EditAgent), "action": raw(`"contract"`), "data": entries("", number(7), number(0))}
	}
	return all(members{
		"job_name": name(estates.EditLandlord), "action": raw(`"estate"`), "data": emptyable{}, "editUserId": number(21),
		"capabilitiesReplace": emptyable{"show_estate": truth(rapid.Bool().Draw(t, "on"))},
	}, "estatesIds")
}

func sortedKinds(m map[domain.Kind]string) (kinds []domain.Kind) {
	for kind := range m {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// TestSpellingsOfARequest writes a request twice, with its members in another
// order, maps as PHP and as JavaScript have them, numbers as text and flags in
// their spellings, and wants the same job: with an idempotency key they are
// one request.
func TestSpellingsOfARequest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		f, _ := newIdle(t, estates.Config{})
		f.load(t)
		request := requests(r)
		var jobs [2]*domain.BatchJob
		var stored, texts [2]string
		for i := range jobs {
			texts[i] = request.spell(r)
			body, err := document.Parse(texts[i])
			if err != nil {
				r.Fatalf("Parse(%s): %v", texts[i], err)
			}
			if jobs[i], err = f.estates.Submit(t.Context(), f.who, estates.Request{Body: body}); err != nil {
				r.Fatalf("Submit(%s): %v", texts[i], err)
			}
			stored[i] = fmt.Sprintf("%s %+v", jobs[i].Payload(), expected(jobs[i]))
			for chunk, err := range f.store.EachChunk(t.Context(), jobs[i].Ref()) {
				if err != nil {
					r.Fatalf("EachChunk: %v", err)
				}
				stored[i] += " " + string(chunk.Items)
			}
		}
		if stored[0] != stored[1] {
			r.Fatalf("two spellings of one request give two jobs:\n%s\n%s\n%s\n%s", texts[0], stored[0], texts[1], stored[1])
		}
		twin := func(text string) domain.JobID {
			body, err := document.Parse(text)
			if err != nil {
				r.Fatalf("Parse(%s): %v", text, err)
			}
			job, err := f.estates.Submit(t.Context(), f.who, estates.Request{Body: body, IdempotencyKey: "k"})
			if err != nil {
				r.Fatalf("Submit(%s) with a key: %v", text, err)
			}
			return job.ID()
		}
		if first, second := twin(texts[0]), twin(texts[1]); first != second {
			r.Fatalf("with one key, %s gives %s, and %s gives %s", texts[0], first, texts[1], second)
		}
	})
}

// expected is how many objects the caller saw, -1 when it named them.
func expected(job *domain.BatchJob) int {
	if s := job.Selection(); s.All && s.Expected != nil {
		return *s.Expected
	}
	return -1
}
