package graph_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGeneratedIsUsed holds the resolvers against the schema: a resolver calls each function that is generated for a payload or a
// connection, and none is still gqlgen's stub.
func TestGeneratedIsUsed(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	generated, used := map[string]bool{}, map[string]bool{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(source), `panic(fmt.Errorf("not implemented:`) {
			t.Errorf("%s has a resolver that gqlgen made and nobody wrote", path)
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, ".generated.go") {
			for _, declared := range file.Decls {
				if function, is := declared.(*ast.FuncDecl); is {
					generated[function.Name.Name] = true
				}
			}
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if name, is := n.(*ast.Ident); is {
				used[name.Name] = true
			}
			return true
		})
	}
	if len(generated) < 20 {
		t.Errorf("%d functions are generated", len(generated))
	}
	for name := range generated {
		if !used[name] {
			t.Errorf("no resolver calls %s", name)
		}
	}
}
