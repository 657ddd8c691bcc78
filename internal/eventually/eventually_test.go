package eventually_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"

	"github.com/orderwire/orderwire/internal/sourcetree"
)

// waits are the functions whose duration can decide a test's result.
var waits = map[string]bool{
	"time.Sleep": true, "time.After": true, "time.NewTimer": true, "time.AfterFunc": true, "context.WithTimeout": true,
	"SetDeadline": true, "SetReadDeadline": true, "SetWriteDeadline": true,
}

// Tests do not depend on how fast the machine is. A wait with a time of its own is refused, unless a comment on its line says why the time
// does not matter: it is in a bubble (testing/synctest), it is a pause between attempts, or the test is about its end.
func TestNoDeadlineOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, file := range sourcetree.Files(t) {
		if !file.IsTest() || file.In("internal/bench") { // benchmarks measure time
			continue
		}
		for _, line := range ownDeadlines(t, file.Name, file.Text) {
			t.Errorf("%s:%d waits by the clock: wait for eventually.Patience, or say in a comment on the line why the time does not matter", file.Name, line)
		}
	}
}

// TestOwnDeadlines shows that they are found.
func TestOwnDeadlines(t *testing.T) {
	t.Parallel()
	const head = "package p\nfunc f() {\n"
	for line, want := range map[string]int{
		"time.Sleep(time.Second)":                                        1,
		"time.Sleep(5 * time.Millisecond) // a pause between attempts":   0,
		"ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)": 1,
		"ctx, cancel := context.WithTimeout(ctx, eventually.Patience)":   0,
		"select { case <-time.After(3 * time.Second): }":                 1,
		"_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))":        1,
		"deadline := time.Now().Add(30 * time.Second)":                   1,
		"_ = c.SetReadDeadline(time.Time{})":                             0,
	} {
		if got := ownDeadlines(t, "p_test.go", []byte(head+line+"\n}\n")); len(got) != want || want == 1 && got[0] != 3 {
			t.Errorf("%s: found at lines %v, want %d", line, got, want)
		}
	}
}

// ownDeadlines returns the lines of a file that wait for a time written there.
func ownDeadlines(t *testing.T, path string, source []byte) (lines []int) {
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
	ast.Inspect(file, func(n ast.Node) bool {
		if n != nil && isDeadline(n) && !commented[files.Position(n.Pos()).Line] {
			lines = append(lines, files.Position(n.Pos()).Line)
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		function, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		name := function.Sel.Name
		if of, ok := function.X.(*ast.Ident); ok && !waits[name] {
			name = of.Name + "." + name
		}
		if line := files.Position(call.Pos()).Line; waits[name] && !commented[line] && hasLiteral(call.Args) {
			lines = append(lines, line)
		}
		return true
	})
	return lines
}

// isDeadline reports whether n is of the form deadline := time.Now().Add(30 * time.Second).
func isDeadline(n ast.Node) bool {
	assigned, ok := n.(*ast.AssignStmt)
	if !ok || len(assigned.Lhs) != 1 || len(assigned.Rhs) != 1 {
		return false
	}
	name, ok := assigned.Lhs[0].(*ast.Ident)
	call, is := assigned.Rhs[0].(*ast.CallExpr)
	return ok && is && name.Name == "deadline" && hasLiteral(call.Args)
}

// hasLiteral reports whether arguments have a duration that is written there: time.Second, or a number times it.
func hasLiteral(arguments []ast.Expr) (found bool) {
	for _, argument := range arguments {
		ast.Inspect(argument, func(n ast.Node) bool {
			if unit, ok := n.(*ast.SelectorExpr); ok {
				of, ok := unit.X.(*ast.Ident)
				switch unit.Sel.Name {
				case "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour":
					found = found || ok && of.Name == "time"
				}
			}
			_, nested := n.(*ast.FuncLit)
			return !nested
		})
	}
	return found
}
