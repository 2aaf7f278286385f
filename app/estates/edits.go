package estates

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/batchport/batchport/app/document"
	"github.com/batchport/batchport/domain"
	"github.com/batchport/batchport/domain/estate"
)

// The fields of the jobs that edit who is in charge.
const (
	dataField         = "data"
	userField         = "editUserId"
	capabilitiesField = "capabilities"
	replaceField      = "capabilitiesReplace"
)

// expectAll is what the field of identifiers of an edit must be when it is sent.
const expectAll = "all"

// isBatch tells in which mode a request to edit is: in batch mode, one edit
// for all objects that a search finds, or in individual mode, with an edit for
// each. A request in both modes or in neither is reported. idsField is where
// the source form may say "all" besides.
func isBatch(p *problems, body document.Value, idsField string) (batch bool) {
	if p.form == TypedForm {
		return p.byOneEdit(body)
	}
	data := body.Member(dataField)
	individual := !blank(data) && !empty(data)
	field, ids := idsOf(p, body, idsField)
	if !blank(ids) && !isAll(ids) && !individual {
		p.add(domain.CodeInvalid, field, ids, "expected", expectAll)
	}
	var sent []string // what a request in batch mode has and one in individual mode has not
	for _, name := range []string{searchField, userField, replaceField} {
		if v := body.Member(name); !blank(v) && !empty(v) {
			sent = append(sent, name)
		}
	}
	if isAll(ids) {
		sent = append(sent, field)
	}
	switch {
	case individual && len(sent) > 0:
		p.add(domain.CodeDuplicate, dataField, data, "reason", "both_modes", "other", sent[0])
		return false
	case individual || len(sent) > 0:
		return !individual
	}
	for _, name := range []string{"total", searchField, userField, replaceField} {
		if _, named := body.Lookup(name); named {
			return true
		}
	}
	if !blank(data) {
		p.addText(domain.CodeRequired, dataField, "", "reason", "empty_list")
	} else {
		p.missing(dataField)
	}
	return false
}

// empty reports whether v is a map without entries, in either form.
func empty(v document.Value) bool {
	return v.Kind == document.Object && len(v.Members) == 0 || v.Kind == document.List && len(v.List) == 0
}

// readData reads the edits of a request in individual mode: a map keyed by
// identifier, or as PHP and the typed form write it, a list of entries that
// have their own.
// Two entries for one identifier are reported, unless read makes the same of
// them. What is wrong within an entry is for read to keep: it fails the item.
// A map has no order, so the items are in that of their identifiers: the same
// request gives the same job however it is written.
func readData[I any](p *problems, body document.Value, most int,
	read func(p *problems, faults *faultKeeper, id int64, entry document.Value) I,
) (items []I) {
	list, data := p.names.data, body.Member(p.names.data)
	if p.form == SourceForm && blank(data) || data.Kind == document.Null {
		return nil // reported
	}
	if p.form == TypedForm && data.Kind != document.List {
		p.add(domain.CodeInvalid, list, data, "expected", "list")
		return nil
	}
	if p.form == TypedForm && empty(data) {
		p.addText(domain.CodeRequired, list, "", "reason", "empty_list")
		return nil
	}
	faults := new(faultKeeper)
	count := len(data.Members) + len(data.List)
	seen := make(map[int64]int, min(count, most)) // where the item of an identifier is
	add := func(field string, id int64, entry document.Value) bool {
		item := read(newProblems(p.form), faults, id, entry)
		if i, again := seen[id]; again {
			if !reflect.DeepEqual(items[i], item) {
				p.addText(domain.CodeDuplicate, field, strconv.FormatInt(id, 10))
			}
			return true
		}
		if len(items) == most {
			p.tooMany(list, most, count)
			return false
		}
		seen[id] = len(items)
		items = append(items, item)
		return true
	}
	switch data.Kind {
	case document.Object:
		for _, m := range data.Members {
			field := path(list, m.Name)
			id, ok := p.id(field, document.Value{Kind: document.String, Text: m.Name})
			if ok && p.agrees(field, id, m.Value) && !add(field, id, m.Value) {
				return items
			}
		}
	case document.List:
		for i, entry := range data.List {
			field := at(list, i)
			own := entry.Member("id")
			switch {
			case entry.Kind != document.Object:
				p.add(domain.CodeInvalid, field, entry, "expected", "object")
			case blank(own):
				p.missing(path(field, "id"))
			default:
				if id, ok := p.id(path(field, "id"), own); ok && !add(field, id, entry) {
					return items
				}
			}
		}
	case document.Null, document.Bool, document.Number, document.String:
		p.add(domain.CodeInvalid, list, data, "expected", "object")
	}
	ids := slices.Sorted(maps.Keys(seen))
	sorted := make([]I, len(ids))
	for i, id := range ids {
		sorted[i] = items[seen[id]]
	}
	return sorted
}

// agrees reports an entry whose own identifier, if it has one, is not the
// one that it is kept under.
func (p *problems) agrees(field string, key int64, entry document.Value) bool {
	own := entry.Member("id")
	if blank(own) {
		return true
	}
	field = path(field, "id")
	id, ok := p.id(field, own)
	if ok && id != key {
		p.add(domain.CodeInvalid, field, own, "expected", strconv.FormatInt(key, 10))
		ok = false
	}
	return ok
}

// entryOf returns the members of an entry of data, which in the typed form are
// those that are known. PHP sends the empty one as a list.
func entryOf(p *problems, v document.Value, known []string) document.Value {
	if v.Kind != document.Object && !empty(v) {
		p.add(domain.CodeInvalid, p.names.data, v, "expected", "object")
	}
	if p.form == TypedForm {
		p.known("", v, known)
	}
	return v
}

// readPerson reads who is meant by an edit. A form field that was left empty
// means nobody, which is reported.
func readPerson(p *problems, v document.Value) int64 {
	if n, ok := v.Integer(); blank(v) || ok && n == 0 {
		p.missing(p.names.user)
		return 0
	}
	id, _ := p.id(p.names.user, v)
	return id
}

// checkUser reports a person who cannot be what a request in batch mode wants
// to make of them.
func (s *Estates) checkUser(ctx context.Context, p *problems, who domain.Principal, id int64, role estate.Role) error {
	if id == 0 {
		return nil // reported, or nobody is meant
	}
	users, err := s.deps.Users.ListUsers(ctx, who.Tenant, []int64{id})
	if err != nil {
		return err
	}
	if len(users) == 0 || users[0].Role != role {
		wrong := estate.WrongRole(p.names.user, id, role)
		p.addText(wrong.Code, wrong.Field, wrong.Value, pairsOf(wrong)...)
	}
	return nil
}

// each returns the outcomes of items: what apply says of those without
// faults, which it gets in order, and a failure for all others.
func each[I, E any](items []I, faults func(I) []domain.Failure, edit func(I) E, apply func([]E) ([]domain.Outcome, error)) ([]domain.Outcome, error) {
	outcomes := make([]domain.Outcome, len(items))
	good := make([]E, 0, len(items))
	places := make([]int, 0, len(items))
	for i, item := range items {
		if wrong := faults(item); len(wrong) > 0 {
			outcomes[i] = domain.FailedWith(domain.Together(wrong))
			continue
		}
		good, places = append(good, edit(item)), append(places, i)
	}
	if len(good) == 0 {
		return outcomes, nil
	}
	applied, err := apply(good)
	if err != nil {
		return nil, err
	}
	for i, o := range applied {
		outcomes[places[i]] = o
	}
	return outcomes, nil
}
