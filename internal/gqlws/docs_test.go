package gqlws_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestProtocolDocs checks docs/protocol.md against the tests of both transports: each test named there exists, and each test
// is named there.
func TestProtocolDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || strings.HasPrefix(strings.TrimSpace(cells[1]), "---") {
			continue
		}
		for _, quoted := range regexp.MustCompile("`[^`]+`").FindAllString(cells[len(cells)-2], -1) {
			named[strings.Trim(quoted, "`")] = true
		}
	}
	exists := map[string]bool{}
	for _, folder := range []string{".", "../gqlsse"} {
		for _, name := range testNames(t, folder) {
			if folder != "." {
				name = "sse " + name
			}
			exists[name] = true
		}
	}
	if len(exists) < 150 {
		t.Fatalf("found only %d tests; the search is broken", len(exists))
	}
	for _, name := range slices.Sorted(maps.Keys(exists)) {
		if !named[name] {
			t.Errorf("docs/protocol.md has no row with `%s`", name)
		}
		delete(named, name)
	}
	peers := map[string]string{}
	files, err := filepath.Glob("../../web/peers/*.test.ts")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of peers: %v", err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		peers[filepath.Base(file)] = string(source)
	}
	for name := range named {
		file, title, _ := strings.Cut(name, ": ")
		if title == "" || !strings.Contains(peers[file], title) {
			t.Errorf("docs/protocol.md names `%s`, which does not exist", name)
		}
	}
}

// testNames returns the tests of a folder: the subtests of each Test function, or the function itself when it has none. A
// subtest's name may be a literal, or the key or a field of an element of a literal that is ranged over.
func testNames(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(f.Name.Name, "Test") || f.Name.Name == "TestProtocolDocs" {
				continue
			}
			subtests, err := subtestNames(f.Body, nil)
			if err != nil {
				t.Fatalf("%s: %s: %v", path, f.Name.Name, err)
			}
			if len(subtests) == 0 {
				names = append(names, f.Name.Name)
			}
			for _, name := range subtests {
				names = append(names, f.Name.Name+"/"+name)
			}
		}
	}
	return names
}

// subtestNames returns the names of the t.Run calls under node. loops are the range statements around node, outermost first.
func subtestNames(node ast.Node, loops []*ast.RangeStmt) (names []string, err error) {
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.RangeStmt:
			if err == nil {
				var inner []string
				inner, err = subtestNames(n.Body, append(slices.Clip(loops), n))
				names = append(names, inner...)
			}
			return false
		case *ast.CallExpr:
			run, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || run.Sel.Name != "Run" || len(n.Args) != 2 || err != nil {
				return err == nil
			}
			var own []string
			own, err = values(n.Args[0], loops)
			names = append(names, own...)
			return false // subtests of subtests have no names of their own here
		}
		return true
	})
	return names, err
}

// values returns the values of an expression in the loops around it.
func values(e ast.Expr, loops []*ast.RangeStmt) ([]string, error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		value, err := strconv.Unquote(e.Value)
		return []string{value}, err
	case *ast.BinaryExpr:
		left, err := values(e.X, loops)
		if err != nil {
			return nil, err
		}
		right, err := values(e.Y, loops)
		var all []string
		for _, l := range left {
			for _, r := range right {
				all = append(all, l+r)
			}
		}
		return all, err
	case *ast.Ident:
		switch e.Name {
		case "modern":
			return []string{modern}, nil
		case "legacy":
			return []string{legacy}, nil
		}
		return ranged(e.Name, loops)
	case *ast.SelectorExpr:
		if element, ok := e.X.(*ast.Ident); ok && e.Sel.Name == "rule" {
			return ranged(element.Name, loops)
		}
	}
	return nil, fmt.Errorf("cannot tell what a subtest is named: %T", e)
}

// ranged returns the keys, the elements, or the first fields of the elements of the literal that the variable's loop ranges
// over.
func ranged(variable string, loops []*ast.RangeStmt) (all []string, err error) {
	for _, loop := range slices.Backward(loops) {
		key, _ := loop.Key.(*ast.Ident)
		value, _ := loop.Value.(*ast.Ident)
		literal, ok := loop.X.(*ast.CompositeLit)
		if !ok || (key == nil || key.Name != variable) && (value == nil || value.Name != variable) {
			continue
		}
		for _, element := range literal.Elts {
			name := element
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				name = pair.Key
			} else if fields, ok := element.(*ast.CompositeLit); ok {
				name = fields.Elts[0]
			}
			one, err := values(name, nil)
			if err != nil {
				return nil, err
			}
			all = append(all, one...)
		}
		return all, nil
	}
	return nil, fmt.Errorf("no loop over a literal has the variable %s", variable)
}
