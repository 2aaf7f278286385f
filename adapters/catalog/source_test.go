package catalog_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source is what the code of the module says, without its tests: the codes and
// the words that the catalogue must know, each with a place where it stands.
type source struct {
	t      *testing.T
	fset   *token.FileSet
	files  []sourceFile
	consts map[string]string // by package and name, such as "domain.CodeInvalid"
	params map[string][]int  // by kind, package and function: the positions of the parameters that are of the kind

	codes    map[string]string
	reasons  map[string]string
	expected map[string]string
	literals map[string]string // strings of app
}

type sourceFile struct {
	ast *ast.File
	app bool
}

// The kinds of what is looked for: a parameter of the type Code, or of one of
// these names.
const (
	kindCode     = "code"
	kindReason   = "reason"
	kindExpected = "expected"
)

func readSource(t *testing.T) *source {
	t.Helper()
	s := &source{
		t: t, fset: token.NewFileSet(), consts: map[string]string{}, params: map[string][]int{},
		codes: map[string]string{}, reasons: map[string]string{}, expected: map[string]string{}, literals: map[string]string{},
	}
	root := filepath.Join("..", "..")
	for _, layer := range []string{"domain", "ports", "app", "adapters", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, layer), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() && (entry.Name() == "portstest" || entry.Name() == "testdata") {
				return cmpOr(err, fs.SkipDir)
			}
			if entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			file, err := parser.ParseFile(s.fset, path, nil, parser.SkipObjectResolution)
			s.files = append(s.files, sourceFile{file, layer == "app"})
			return err
		})
		if err != nil {
			t.Fatalf("read the source: %v", err)
		}
	}
	for _, file := range s.files {
		s.declarations(file.ast)
	}
	for _, file := range s.files {
		s.uses(file)
	}
	return s
}

func cmpOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// declarations notes constants, and the parameters of functions.
func (s *source) declarations(file *ast.File) {
	pkg := file.Name.Name
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if i >= len(n.Values) {
					break
				}
				if text, ok := s.text(pkg, n.Values[i]); ok {
					s.consts[pkg+"."+name.Name] = text
					if isCode(n.Type) {
						s.note(s.codes, text, n)
					}
				}
			}
		case *ast.FuncDecl:
			s.signature(pkg, n.Name.Name, n.Type.Params)
		case *ast.AssignStmt:
			if literal, ok := n.Rhs[0].(*ast.FuncLit); ok {
				if name, ok := n.Lhs[0].(*ast.Ident); ok {
					s.signature(pkg, name.Name, literal.Type.Params)
				}
			}
		}
		return true
	})
}

func (s *source) signature(pkg, function string, params *ast.FieldList) {
	position := 0
	for _, field := range params.List {
		for _, name := range field.Names {
			kind := name.Name
			if isCode(field.Type) {
				kind = kindCode
			}
			key := kind + " " + pkg + "." + function
			s.params[key] = append(s.params[key], position)
			position++
		}
		position += max(0, 1-len(field.Names))
	}
}

// uses notes which codes and words a file hands on.
func (s *source) uses(file sourceFile) {
	pkg := file.ast.Name.Name
	ast.Inspect(file.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if text, ok := s.text(pkg, n); ok && file.app {
				s.note(s.literals, text, n)
			}
		case *ast.CallExpr:
			s.call(pkg, n)
			s.pairs(pkg, n.Args)
		case *ast.CompositeLit:
			s.pairs(pkg, n.Elts)
		case *ast.KeyValueExpr:
			s.pair(pkg, nameOf(n.Key), n.Value)
		case *ast.FuncDecl:
			s.results(pkg, n)
		}
		return true
	})
}

// call notes what is handed to the parameters of a function, and conversions.
func (s *source) call(pkg string, call *ast.CallExpr) {
	in, name := pkg, nameOf(call.Fun)
	if selector, ok := call.Fun.(*ast.SelectorExpr); ok && nameOf(selector.X) == "domain" {
		in = "domain"
	}
	if isCode(call.Fun) && len(call.Args) == 1 {
		s.pair(pkg, "Code", call.Args[0])
	}
	for kind, found := range map[string]map[string]string{kindCode: s.codes, kindReason: s.reasons, kindExpected: s.expected} {
		for _, position := range s.params[kind+" "+in+"."+name] {
			if position < len(call.Args) {
				if text, ok := s.text(pkg, call.Args[position]); ok {
					s.note(found, text, call)
				}
			}
		}
	}
}

// pairs notes the values behind the names of parameters in a list of both.
func (s *source) pairs(pkg string, list []ast.Expr) {
	for i := 0; i+1 < len(list); i++ {
		if literal, ok := list[i].(*ast.BasicLit); ok {
			s.pair(pkg, nameOf(literal), list[i+1])
		}
	}
}

func (s *source) pair(pkg, name string, value ast.Expr) {
	found := map[string]map[string]string{"Code": s.codes, kindReason: s.reasons, kindExpected: s.expected}[name]
	if text, ok := s.text(pkg, value); ok && found != nil {
		s.note(found, text, value)
	}
}

// results notes what a function returns as a result of the name reason.
func (s *source) results(pkg string, function *ast.FuncDecl) {
	if function.Type.Results == nil || function.Body == nil {
		return
	}
	position := slices.IndexFunc(function.Type.Results.List, func(f *ast.Field) bool {
		return len(f.Names) == 1 && f.Names[0].Name == kindReason
	})
	ast.Inspect(function.Body, func(n ast.Node) bool {
		if ret, ok := n.(*ast.ReturnStmt); ok && position >= 0 && position < len(ret.Results) {
			s.pair(pkg, kindReason, ret.Results[position])
		}
		return true
	})
}

// text returns the string that an expression is, where that can be seen.
func (s *source) text(pkg string, expr ast.Expr) (string, bool) {
	switch e := expr.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		text, ok := s.consts[pkg+"."+e.Name]
		return text, ok
	case *ast.SelectorExpr:
		text, ok := s.consts[nameOf(e.X)+"."+e.Sel.Name]
		return text, ok
	}
	return "", false
}

func (s *source) note(found map[string]string, text string, n ast.Node) {
	if text != "" && found[text] == "" {
		found[text] = s.fset.Position(n.Pos()).String()
	}
}

// isCode reports whether a type is written Code or domain.Code.
func isCode(expr ast.Expr) bool { return nameOf(expr) == "Code" }

// nameOf returns the last name of an expression, or the text of a literal.
func nameOf(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	}
	return ""
}
