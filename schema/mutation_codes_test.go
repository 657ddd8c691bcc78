package schema_test

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/sourcetree"
	"github.com/orderwire/orderwire/schema"
)

// replaced are codes that a mutation's functions name and that it never returns, because it replaces them by one of its own.
var replaced = map[string][]string{
	"ProductUpsert": {"CARD_NUMBER_REFUSED", "TEXT_INVALID"}, // freetext.Check's, by NAME_INVALID
}

// byKey are codes that internal/postgres gives to a mutation with an idempotency key, in a batch, which is stored in a field.
var byKey = []string{"IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_IN_PROGRESS"}

// TestMutationCodes checks that each mutation's enum of user errors has every code that the mutation can return, which would otherwise become
// INTERNAL at run time, and no other. A mutation can return the codes named in the functions that its resolver refers to, directly or
// through others. Functions that are stored in a field are not followed.
func TestMutationCodes(t *testing.T) {
	t.Parallel()
	program := load(t)
	enums := schema.Parse().Types
	checked := 0
	for _, resolver := range program.methods {
		if resolver.receiver != "mutationResolver" {
			continue
		}
		name := resolver.declared.Name.Name
		enum := enums[name+"ErrorCode"]
		if enum == nil {
			continue // the domain never refuses it
		}
		checked++
		has := map[string]bool{}
		for _, value := range enum.EnumValues {
			has[value.Name] = true
		}
		reached := program.codesFrom(resolver)
		if reached["IDEMPOTENCY_KEY_INVALID"] != nil {
			for _, code := range byKey {
				reached[code] = []string{"internal/postgres, for its key"}
			}
		}
		for code, way := range reached {
			if has[code] == slices.Contains(replaced[name], code) {
				t.Errorf("%s can return %s, which %s lacks: %s", name, code, enum.Name, strings.Join(way, ", "))
			}
		}
		for code := range has {
			if reached[code] == nil {
				t.Errorf("%s has %s, which %s cannot return", enum.Name, code, name)
			}
		}
	}
	if checked < 15 {
		t.Errorf("checked %d mutations", checked)
	}
}

// program has the functions of the packages that mutations run.
type program struct {
	codes     map[types.Object]string // the constants of codes.generated.go
	functions map[types.Object]*function
	// methods are those of functions that have a receiver.
	methods []*function
}

// function is a function or a method, or a package's variable with its value.
type function struct {
	name, receiver string
	declared       *ast.FuncDecl
	uses           []types.Object
}

// load type-checks the module's own packages. Packages of other modules and graph/generated are left empty, so that it takes a second.
// Errors of type are ignored: what depends on those packages has no type then, and no user error does.
func load(t *testing.T) *program {
	t.Helper()
	l := &loader{
		t: t, files: map[string][]*ast.File{}, set: token.NewFileSet(), loaded: map[string]*types.Package{},
		program: &program{codes: map[types.Object]string{}, functions: map[types.Object]*function{}},
	}
	for _, file := range sourcetree.Files(t) {
		if !file.IsTest() && !strings.HasPrefix(file.Name, "graph/generated/") {
			folder := path.Dir(file.Name)
			parsed, err := parser.ParseFile(l.set, file.Name, file.Text, 0)
			if err != nil {
				t.Fatal(err)
			}
			l.files[folder] = append(l.files[folder], parsed)
		}
	}
	for _, folder := range []string{"graph", "internal/postgres"} {
		if _, err := l.Import(module + folder); err != nil {
			t.Fatal(err)
		}
	}
	return l.program
}

const module = "github.com/orderwire/orderwire/"

type loader struct {
	t       *testing.T
	files   map[string][]*ast.File
	set     *token.FileSet
	loaded  map[string]*types.Package
	program *program
}

// Import implements types.Importer.
func (l *loader) Import(name string) (*types.Package, error) {
	if p := l.loaded[name]; p != nil {
		return p, nil
	}
	folder, own := strings.CutPrefix(name, module)
	if !own || l.files[folder] == nil {
		p := types.NewPackage(name, path.Base(name))
		p.MarkComplete()
		l.loaded[name] = p
		return p, nil
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: l, Error: func(error) {}}
	p, _ := config.Check(name, l.set, l.files[folder], info)
	l.loaded[name] = p
	for _, file := range l.files[folder] {
		l.add(file, folder, info)
	}
	return p, nil
}

// add adds a file's functions, variables and constants.
func (l *loader) add(file *ast.File, folder string, info *types.Info) {
	generated := strings.HasSuffix(l.set.Position(file.Pos()).Filename, "codes.generated.go")
	for _, declared := range file.Decls {
		switch declared := declared.(type) {
		case *ast.FuncDecl:
			f := &function{name: path.Base(folder) + "." + declared.Name.Name, declared: declared, uses: used(declared, info)}
			l.program.functions[info.Defs[declared.Name]] = f
			if declared.Recv != nil {
				f.receiver = receiver(declared)
				l.program.methods = append(l.program.methods, f)
			}
		case *ast.GenDecl:
			for _, spec := range declared.Specs {
				values, is := spec.(*ast.ValueSpec)
				if !is {
					continue
				}
				for _, name := range values.Names {
					if folder == "internal/fault" && generated {
						l.program.codes[info.Defs[name]] = constant.StringVal(info.Defs[name].(*types.Const).Val())
					}
					l.program.functions[info.Defs[name]] = &function{name: path.Base(folder) + "." + name.Name, uses: used(values, info)}
				}
			}
		}
	}
}

// used returns what a declaration refers to.
func used(n ast.Node, info *types.Info) (objects []types.Object) {
	ast.Inspect(n, func(n ast.Node) bool {
		if name, is := n.(*ast.Ident); is && info.Uses[name] != nil {
			objects = append(objects, info.Uses[name])
		}
		return true
	})
	return objects
}

// receiver is the name of a method's type.
func receiver(f *ast.FuncDecl) string {
	t := f.Recv.List[0].Type
	if pointer, is := t.(*ast.StarExpr); is {
		t = pointer.X
	}
	if name, is := t.(*ast.Ident); is {
		return name.Name
	}
	return ""
}

// codesFrom returns the codes that a function leads to, each with the functions on the way.
func (p *program) codesFrom(from *function) map[string][]string {
	codes := map[string][]string{}
	ways := map[*function][]string{from: {from.name}}
	for queue := []*function{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, object := range at.uses {
			if code, is := p.codes[object]; is && codes[code] == nil {
				codes[code] = ways[at]
			}
			for _, next := range p.called(object) {
				if ways[next] == nil {
					ways[next] = append(slices.Clone(ways[at]), next.name)
					queue = append(queue, next)
				}
			}
		}
	}
	return codes
}

// called returns the functions behind an object: for a method of an interface, all methods with its name.
func (p *program) called(object types.Object) (functions []*function) {
	if generic, is := object.(*types.Func); is {
		object = generic.Origin()
	}
	if f := p.functions[object]; f != nil {
		return []*function{f}
	}
	method, is := object.(*types.Func)
	if !is || method.Signature().Recv() == nil || !types.IsInterface(method.Signature().Recv().Type()) {
		return nil
	}
	for _, f := range p.methods {
		if f.declared.Name.Name == method.Name() {
			functions = append(functions, f)
		}
	}
	return functions
}
