package schema_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/schema"
)

// TestContract holds the schema against the names and types promised to clients (testdata/contract.graphqls).
// Existing names must be equal. Missing ones are listed in testdata/missing.txt, one place a line in byte order; delete the line
// when you build one.
func TestContract(t *testing.T) {
	t.Parallel()
	promised, err := os.ReadFile("testdata/contract.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	listed, err := os.ReadFile("testdata/missing.txt")
	if err != nil {
		t.Fatal(err)
	}

	differing, missing := compare(parse(t, "schema", schema.SDL()), parse(t, "contract", string(promised)))
	for _, difference := range differing {
		t.Error(difference)
	}

	want := strings.FieldsFunc(string(listed), func(r rune) bool { return r == '\n' })
	if !slices.IsSorted(want) {
		t.Error("testdata/missing.txt is not sorted")
	}
	for _, place := range missing {
		if !slices.Contains(want, place) {
			t.Errorf("the contract has %q, the schema lacks it, and testdata/missing.txt does not say so", place)
		}
	}
	for _, place := range want {
		if !slices.Contains(missing, place) {
			t.Errorf("testdata/missing.txt says %q is missing, but it is not: delete the line", place)
		}
	}
}

// compare says in which places ours contradicts the contract, and which places of the contract ours lacks, both sorted.
// A place is "type Stats", "Query.stats", "Query.orders(first)" or "OrderStatus.CREATED"; of a type that is lacking
// altogether only the type is named. Ours may have more, except for inputs that a client of the contract would not send.
func compare(ours, contract *ast.Schema) (differing, missing []string) {
	differ := func(format string, args ...any) { differing = append(differing, fmt.Sprintf(format, args...)) }
	miss := func(format string, args ...any) { missing = append(missing, fmt.Sprintf(format, args...)) }
	mine := own(ours)
	for name, want := range own(contract) {
		got := mine[name]
		if got == nil {
			miss("%s %s", keyword(want.Kind), name)
			continue
		}
		if got.Kind != want.Kind {
			differ("%s is %s, in the contract %s", name, keyword(got.Kind), keyword(want.Kind))
			continue
		}
		for _, implemented := range want.Interfaces {
			if !slices.Contains(got.Interfaces, implemented) {
				differ("%s does not implement %s", name, implemented)
			}
		}
		for _, value := range want.EnumValues {
			if got.EnumValues.ForName(value.Name) == nil {
				miss("%s.%s", name, value.Name)
			}
		}
		for _, wantField := range want.Fields {
			if introspection(wantField) {
				continue
			}
			place := name + "." + wantField.Name
			gotField := got.Fields.ForName(wantField.Name)
			if gotField == nil {
				miss("%s", place)
				continue
			}
			compareTypes(differ, place, gotField.Type, wantField.Type, gotField.DefaultValue, wantField.DefaultValue)
			for _, wantArg := range wantField.Arguments {
				argPlace := place + "(" + wantArg.Name + ")"
				gotArg := gotField.Arguments.ForName(wantArg.Name)
				if gotArg == nil {
					miss("%s", argPlace)
					continue
				}
				compareTypes(differ, argPlace, gotArg.Type, wantArg.Type, gotArg.DefaultValue, wantArg.DefaultValue)
			}
			for _, gotArg := range gotField.Arguments {
				if wantField.Arguments.ForName(gotArg.Name) == nil && gotArg.Type.NonNull && gotArg.DefaultValue == nil {
					differ("%s(%s) is required, but is not in the contract", place, gotArg.Name)
				}
			}
		}
		for _, gotField := range got.Fields {
			if got.Kind == ast.InputObject && want.Fields.ForName(gotField.Name) == nil &&
				gotField.Type.NonNull && gotField.DefaultValue == nil {
				differ("%s.%s is required, but is not in the contract", name, gotField.Name)
			}
		}
	}
	slices.Sort(differing)
	slices.Sort(missing)
	return differing, missing
}

// compareTypes reports a type, its nullability included, or a default value that is not the contract's.
func compareTypes(differ func(string, ...any), place string, got, want *ast.Type, gotDefault, wantDefault *ast.Value) {
	if got.String() != want.String() {
		differ("%s is %s, in the contract %s", place, got, want)
	}
	if gotDefault.String() != wantDefault.String() {
		differ("%s has the default %s, in the contract %s (nil: none)", place, gotDefault, wantDefault)
	}
}

// keyword is the word that starts a definition of this kind in a schema file.
func keyword(kind ast.DefinitionKind) string {
	switch kind {
	case ast.Scalar:
		return "scalar"
	case ast.Object:
		return "type"
	case ast.Interface:
		return "interface"
	case ast.Union:
		return "union"
	case ast.Enum:
		return "enum"
	case ast.InputObject:
		return "input"
	}
	return string(kind)
}

func TestCompare(t *testing.T) {
	t.Parallel()
	const contract = `
		interface Named { name: String }
		enum Colour { RED GREEN }
		input In { a: Int! b: Int }
		type Thing implements Named { name: String size: Int! tags: [String!] }
		type Query { thing(id: ID!, max: Int): Thing things: [Thing!]! }`
	tests := map[string]struct {
		replace, by        string // the change that makes ours from the contract
		differing, missing []string
	}{
		"OKEqual":            {"RED", "RED", nil, nil},
		"OKMore":             {"size: Int!", "size: Int! weight: Int!", nil, nil},
		"OKOptionalArgument": {"max: Int", "max: Int, min: Int", nil, nil},
		"ErrNullability":     {"size: Int!", "size: Int", []string{"Thing.size is Int, in the contract Int!"}, nil},
		"ErrListNullability": {"[Thing!]!", "[Thing]!", []string{"Query.things is [Thing]!, in the contract [Thing!]!"}, nil},
		"ErrArgumentType":    {"id: ID!", "id: Int!", []string{"Query.thing(id) is Int!, in the contract ID!"}, nil},
		"ErrDefault":         {"max: Int", "max: Int = 1", []string{"Query.thing(max) has the default 1, in the contract <nil> (nil: none)"}, nil},
		"ErrRequiredArgument": {
			"max: Int", "max: Int, min: Int!",
			[]string{"Query.thing(min) is required, but is not in the contract"},
			nil,
		},
		"ErrRequiredInput": {"b: Int", "b: Int c: Int!", []string{"In.c is required, but is not in the contract"}, nil},
		"ErrInterface":     {"Thing implements Named", "Thing", []string{"Thing does not implement Named"}, nil},
		"ErrKind":          {"enum Colour { RED GREEN }", "scalar Colour", []string{"Colour is scalar, in the contract enum"}, nil},
		"MissingValue":     {"RED GREEN", "RED", nil, []string{"Colour.GREEN"}},
		"MissingField":     {"tags: [String!]", "", nil, []string{"Thing.tags"}},
		"MissingArgument":  {", max: Int", "", nil, []string{"Query.thing(max)"}},
		"MissingType":      {"enum Colour { RED GREEN }", "", nil, []string{"enum Colour"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(contract, test.replace) {
				t.Fatalf("the contract has no %q to replace", test.replace)
			}
			ours := strings.Replace(contract, test.replace, test.by, 1)
			differing, missing := compare(parse(t, "ours", ours), parse(t, "contract", contract))
			if !slices.Equal(differing, test.differing) {
				t.Errorf("differing = %q, want %q", differing, test.differing)
			}
			if !slices.Equal(missing, test.missing) {
				t.Errorf("missing = %q, want %q", missing, test.missing)
			}
		})
	}
}
