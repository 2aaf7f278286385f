package xlsxfile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// The kinds of relations that are followed: the last words of their types,
// whose beginnings differ between the transitional and the strict format.
const (
	relWorkbook = "officeDocument"
	relSheet    = "worksheet"
	relStyles   = "styles"
	relStrings  = "sharedStrings"
)

// relation leads from a part to another one.
type relation struct{ id, kind, target string }

// relations reads where a part's relations lead: those of the kinds above,
// within the archive. "" stands for the archive as a whole.
func (c *container) relations(ctx context.Context, name string) ([]relation, error) {
	dir, base := path.Split(name)
	of := dir + "_rels/" + base + ".rels"
	if !c.has(of) {
		return nil, nil
	}
	s, err := c.scan(ctx, of)
	if err != nil {
		return nil, err
	}
	if !s.root("Relationships") {
		return nil, s.orParts("no relations")
	}
	var all []relation
	for s.child() {
		kind := s.attrText("Type")
		r := relation{id: s.attrText("Id"), kind: kind[strings.LastIndexByte(kind, '/')+1:]}
		switch r.kind {
		case relWorkbook, relSheet, relStyles, relStrings:
			if mode, _ := s.attr("TargetMode"); string(mode) != "External" {
				r.target = c.resolve(dir, s.attrText("Target"))
				all = append(all, r)
			}
		}
		if len(all) > c.limits.Entries {
			return nil, tooMany("entries", c.limits.Entries)
		}
		s.skip()
	}
	return all, s.finishAll()
}

// resolve returns the part that a target names, seen from a folder: "" when
// it leads out of the archive.
func (c *container) resolve(dir, target string) string {
	target = strings.ReplaceAll(target, `\`, "/")
	if strings.HasPrefix(target, "/") {
		dir = ""
	}
	name := path.Join(dir, strings.TrimLeft(target, "/"))
	if name == ".." || strings.HasPrefix(name, "../") {
		return ""
	}
	if plain, err := url.PathUnescape(name); err == nil && !c.has(name) && c.has(plain) {
		return plain
	}
	return name
}

// first returns the target of the first relation of a kind, or "".
func first(all []relation, kind string) string {
	for _, r := range all {
		if r.kind == kind {
			return r.target
		}
	}
	return ""
}

// workbookPart finds the part that names the sheets, and tells what the file
// is when there is none.
func (c *container) workbookPart(ctx context.Context) (string, error) {
	all, err := c.relations(ctx, "")
	if err != nil {
		return "", err
	}
	name := first(all, relWorkbook)
	if name == "" {
		name = "xl/workbook.xml"
	}
	switch {
	case strings.HasSuffix(strings.ToLower(name), ".bin"), !c.has(name) && c.has("xl/workbook.bin"):
		return "", notWorkbook(reasonXLSB, nil)
	case c.has(name):
		return name, nil
	case c.openDocument(ctx):
		return "", notWorkbook(reasonODS, nil)
	}
	return "", notWorkbook(reasonParts, errors.New("there is no workbook in it"))
}

// openDocument reports whether this is an archive of that format.
func (c *container) openDocument(ctx context.Context) bool {
	in, err := c.open(ctx, "mimetype")
	if err != nil {
		return c.has("content.xml") && c.has("META-INF/manifest.xml")
	}
	kind, err := io.ReadAll(io.LimitReader(in, 128))
	return err == nil && bytes.HasPrefix(kind, []byte("application/vnd.oasis.opendocument"))
}

// contents are what a workbook says of its sheets.
type contents struct {
	sheet    string // the part of the first sheet
	styles   string // the part of the styles, or ""
	strings  string // the part of the shared strings, or ""
	from1904 bool   // dates count from 1904
}

// readContents reads the part that names the sheets. The first sheet is the
// first one with cells, also if it is hidden: there are sheets that
// have a chart, or macros of old.
func (c *container) readContents(ctx context.Context, name string) (contents, error) {
	all, err := c.relations(ctx, name)
	if err != nil {
		return contents{}, err
	}
	targets := make(map[string]string, len(all))
	for _, r := range all {
		if r.kind == relSheet && c.has(r.target) {
			targets[r.id] = r.target
		}
	}
	s, err := c.scan(ctx, name)
	if err != nil {
		return contents{}, err
	}
	if !s.root("workbook") {
		return contents{}, s.orParts("the document is no workbook")
	}
	found := contents{styles: first(all, relStyles), strings: first(all, relStrings)}
	for s.child() {
		switch string(s.name) {
		case "workbookPr":
			since, _ := s.attr("date1904")
			found.from1904 = string(since) == "1" || string(since) == "true"
			s.skip()
		case "sheets":
			for s.child() {
				if found.sheet == "" {
					found.sheet = targets[s.relationID()]
				}
				s.skip()
			}
		default:
			s.skip()
		}
	}
	switch err := s.finishAll(); {
	case err != nil:
		return contents{}, err
	case found.sheet == "":
		return contents{}, notWorkbook(reasonParts, errors.New("there is no sheet in it"))
	}
	return found, nil
}

// relationID returns the attribute "id" of the namespace of relations, which
// is the only one of the name that has a prefix.
func (s *scanner) relationID() string {
	for _, a := range s.attrs {
		if strings.HasSuffix(string(a.name), ":id") {
			return s.attrText(string(a.name))
		}
	}
	return ""
}

// orParts returns why the scan has failed, or that the document is another one
// than it should be.
func (s *scanner) orParts(what string) error {
	if s.err == nil {
		s.fail(notWorkbook(reasonParts, errors.New(what)))
	}
	return s.err
}

// readStyles reads which of the cells' styles show dates.
func (c *container) readStyles(ctx context.Context, name string) (dates []bool, err error) {
	if name == "" || !c.has(name) {
		return nil, nil
	}
	s, err := c.scan(ctx, name)
	if err != nil {
		return nil, err
	}
	if !s.root("styleSheet") {
		return nil, s.orParts("the document has no styles")
	}
	formats := map[int]bool{} // by number, whether it shows dates
	for s.child() {
		switch string(s.name) {
		case "numFmts":
			for s.child() {
				if id, err := strconv.Atoi(s.attrText("numFmtId")); err == nil {
					formats[id] = dateFormat(s.attrText("formatCode"))
				}
				if len(formats) > c.limits.Styles {
					return nil, tooMany("styles", c.limits.Styles)
				}
				s.skip()
			}
		case "cellXfs":
			for s.child() {
				if len(dates) == c.limits.Styles {
					return nil, tooMany("styles", c.limits.Styles)
				}
				id, err := strconv.Atoi(s.attrText("numFmtId"))
				shows, own := formats[id]
				dates = append(dates, err == nil && (own && shows || !own && builtinDateFormat(id)))
				s.skip()
			}
		default:
			s.skip()
		}
	}
	return dates, s.finishAll()
}
