package fault_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/orderwire/orderwire/internal/sourcetree"
)

// TestUserErrorCodes holds the code against the schema's enums of user errors: the program gives each of their values, and names it by its
// constant, so that a value that no enum has does not compile.
func TestUserErrorCodes(t *testing.T) {
	t.Parallel()
	files := sourcetree.Files(t)
	codes := map[string]string{}
	for _, file := range files {
		if file.Name == "internal/fault/codes.generated.go" {
			codes = constants(t, file)
		}
	}
	if len(codes) < 30 {
		t.Fatalf("the schema has %d codes", len(codes))
	}
	used := map[string]bool{}
	for _, file := range files {
		if file.IsTest() || file.IsGenerated() || file.In("internal/payment/stripe/fakestripe") {
			continue
		}
		names, texts := codesIn(t, file, codes)
		for _, name := range names {
			used[name] = true
		}
		for line, text := range texts {
			t.Errorf("%s:%d: write the constant of package fault for %q; the schema's enum of the mutation must have it", file.Name, line, text)
		}
	}
	for text, name := range codes {
		if !used[name] {
			t.Errorf("the schema has the code %s, and nothing gives fault.%s", text, name)
		}
	}
}

// TestCodesIn shows that they are found.
func TestCodesIn(t *testing.T) {
	t.Parallel()
	source := "package p\nvar _ = fault.User(fault.Conflict, \"x\")\nvar _ = fault.User(\"NEW\")\nvar _ = add(\"CONFLICT\")\nvar _ = add(\"OTHER\")\n"
	names, texts := codesIn(t, sourcetree.File{Name: "p.go", Text: []byte(source)}, map[string]string{"CONFLICT": "Conflict"})
	if len(names) != 3 || names[1] != "Conflict" || len(texts) != 2 || texts[3] != "NEW" || texts[4] != "CONFLICT" {
		t.Errorf("found %v and %v", names, texts)
	}
}

// constants are the names of a file's constants by their texts.
func constants(t *testing.T, file sourcetree.File) map[string]string {
	t.Helper()
	byText := map[string]string{}
	ast.Inspect(parse(t, file, token.NewFileSet()), func(n ast.Node) bool {
		if declared, is := n.(*ast.ValueSpec); is {
			text, err := strconv.Unquote(declared.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			byText[text] = declared.Names[0].Name
		}
		return true
	})
	return byText
}

// codesIn returns the names of package fault that a file uses, and by line the texts that stand for a code: what a user error is made of, and
// first arguments of any call that are the text of a known one.
func codesIn(t *testing.T, file sourcetree.File, known map[string]string) (names []string, texts map[int]string) {
	t.Helper()
	set, texts := token.NewFileSet(), map[int]string{}
	ast.Inspect(parse(t, file, set), func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if pkg, is := n.X.(*ast.Ident); is && pkg.Name == "fault" {
				names = append(names, n.Sel.Name)
			}
		case *ast.CallExpr:
			if text, is := firstText(n); is && (known[text] != "" || makesUserError(n)) {
				texts[set.Position(n.Pos()).Line] = text
			}
		}
		return true
	})
	return names, texts
}

// makesUserError reports whether a call is one of fault.User or fault.UserLater.
func makesUserError(call *ast.CallExpr) bool {
	function, is := call.Fun.(*ast.SelectorExpr)
	if !is || function.Sel.Name != "User" && function.Sel.Name != "UserLater" {
		return false
	}
	pkg, is := function.X.(*ast.Ident)
	return is && pkg.Name == "fault"
}

// firstText is the first argument of a call if it is a text.
func firstText(call *ast.CallExpr) (string, bool) {
	if len(call.Args) == 0 {
		return "", false
	}
	literal, is := call.Args[0].(*ast.BasicLit)
	if !is || literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}

func parse(t *testing.T, file sourcetree.File, set *token.FileSet) *ast.File {
	t.Helper()
	parsed, err := parser.ParseFile(set, file.Name, file.Text, 0)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
