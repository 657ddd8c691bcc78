package fault_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/sourcetree"
)

// compares are the functions that look into a text.
var compares = map[string]bool{
	"Contains": true, "ContainsAny": true, "HasPrefix": true, "HasSuffix": true, "EqualFold": true, "Index": true, "Cut": true,
	"CutPrefix": true, "CutSuffix": true, "MatchString": true, "FindString": true, "FindStringSubmatch": true,
}

// ofDatabase are the fields of a PostgreSQL error that it writes in the language of lc_messages. Its SQLSTATE, constraint, table and
// column are the same in all.
var ofDatabase = map[string]bool{"Severity": true, "Message": true, "Detail": true, "Hint": true, "Where": true}

// TestNoTextDecides: nothing is decided from the text of an error. PostgreSQL writes it in its own language, and other versions write it
// in other words. A line that has no other way says in a comment whose text it is.
func TestNoTextDecides(t *testing.T) {
	t.Parallel()
	for _, file := range sourcetree.Files(t) {
		if file.IsTest() || file.In("graph/generated") {
			continue
		}
		for _, line := range decidesByText(t, file.Name, file.Text) {
			t.Errorf("%s:%d looks into the text of an error: decide by its type, its SQLSTATE or its constraint", file.Name, line)
		}
	}
}

// TestDecidesByText shows that they are found.
func TestDecidesByText(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		`_ = strings.Contains(err.Error(), "does not exist")`:              1,
		`_ = strings.Contains(strings.ToLower(err.Error()), "duplicate")`:  1,
		`_ = pattern.MatchString(err.Error())`:                             1,
		`if err.Error() == "gone" {}`:                                      1,
		`switch err.Error() { case "gone": }`:                              1,
		`var e *pq.Error; _ = errors.As(err, &e) && e.Severity == "FATAL"`: 1,
		`var e *pq.Error; _ = strings.Contains(e.Message, "duplicate")`:    1,
		`var e *pq.Error; _ = errors.As(err, &e) && e.Code == "23505"`:     0,
		`_ = fmt.Sprint(err.Error())`:                                      0,
		`_ = strings.Contains(err.Error(), "x") // of this program's own`:  0,
	} {
		got := decidesByText(t, "p.go", []byte("package p\nfunc f() {\n"+line+"\n}\n"))
		if len(got) != want || want == 1 && got[0] != 3 {
			t.Errorf("%s: found at lines %v, want %d", line, got, want)
		}
	}
}

// decidesByText returns the lines of a file that look into the text of an error.
func decidesByText(t *testing.T, path string, source []byte) (lines []int) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	commented := map[int]bool{}
	for _, group := range file.Comments {
		commented[files.Position(group.Pos()).Line] = true
	}
	database := databaseErrors(file)
	found := map[int]bool{}
	look := func(parts ...ast.Expr) {
		for _, part := range parts {
			if part == nil || !hasText(part, database) {
				continue
			}
			if line := files.Position(part.Pos()).Line; !commented[line] && !found[line] {
				found[line] = true
				lines = append(lines, line)
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if function, ok := n.Fun.(*ast.SelectorExpr); ok && compares[function.Sel.Name] {
				look(n.Args...)
			}
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				look(n.X, n.Y)
			}
		case *ast.SwitchStmt:
			look(n.Tag)
		}
		return true
	})
	return lines
}

// databaseErrors are the names of the file's variables of type *pq.Error.
func databaseErrors(file *ast.File) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		var idents []*ast.Ident
		var of ast.Expr
		switch n := n.(type) {
		case *ast.ValueSpec:
			idents, of = n.Names, n.Type
		case *ast.Field:
			idents, of = n.Names, n.Type
		}
		pointer, ok := of.(*ast.StarExpr)
		if !ok {
			return true
		}
		if named, ok := pointer.X.(*ast.SelectorExpr); ok && named.Sel.Name == "Error" {
			if pkg, ok := named.X.(*ast.Ident); ok && pkg.Name == "pq" {
				for _, name := range idents {
					names[name.Name] = true
				}
			}
		}
		return true
	})
	return names
}

// hasText reports whether an expression holds the text of an error.
func hasText(expression ast.Expr, database map[string]bool) (has bool) {
	ast.Inspect(expression, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		of, isName := selector.X.(*ast.Ident)
		has = has || selector.Sel.Name == "Error" && isName && strings.HasPrefix(strings.ToLower(of.Name), "err") ||
			isName && database[of.Name] && ofDatabase[selector.Sel.Name]
		return true
	})
	return has
}
