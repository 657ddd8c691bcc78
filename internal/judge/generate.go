package judge

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Generator makes documents and values of a schema, the same ones for the same seed.
type Generator struct {
	Schema *ast.Schema
	*rand.Rand
	// Calls are, for a type's field with arguments, the texts of the arguments that are written. Nil: any that the schema allows.
	Calls map[string][]string
	// Values are, for the name of an argument, of an input field or else of a scalar, what most such places get, as literals and as
	// JSON. The argument id of a field order counts as orderId. Nil: only the generator's own.
	Values map[string][]string

	// variables of the document under way, with their definitions.
	variables []string
	fragments []string
	names     int
	// place is the name of the argument or input field whose value is made.
	place string
}

// NewGenerator starts a generator.
func NewGenerator(schema *ast.Schema, seed uint64) *Generator {
	return &Generator{Schema: schema, Rand: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // it is to be repeated
}

// one reports true one time in n.
func (g *Generator) one(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g *Generator, list []T) T { return list[g.IntN(len(list))] }

func (g *Generator) name(prefix string) string {
	g.names++
	return prefix + strconv.Itoa(g.names)
}

// Document is a text that is mostly valid, with variables that are mostly used rightly. With Calls it is a query.
func (g *Generator) Document() string {
	switch {
	case g.Calls != nil:
	case g.one(5):
		return g.document("mutation", g.Schema.Mutation)
	case g.one(8):
		return g.Subscription()
	}
	return g.document("query", g.Schema.Query)
}

// Subscription is as Document.
func (g *Generator) Subscription() string { return g.document("subscription", g.Schema.Subscription) }

func (g *Generator) document(kind string, root *ast.Definition) string {
	g.variables, g.fragments, g.names = nil, nil, 0
	selection := g.selection(root, 4, kind == "query")
	head := kind + " Q"
	if len(g.variables) > 0 {
		head += "(" + strings.Join(g.variables, ", ") + ")"
	}
	return head + " " + selection + strings.Join(g.fragments, "")
}

// selection of an object or interface type.
func (g *Generator) selection(def *ast.Definition, depth int, many bool) string {
	fields := slices.DeleteFunc(slices.Clone(def.Fields), func(f *ast.FieldDefinition) bool {
		_, called := g.Calls[def.Name+"."+f.Name]
		return strings.HasPrefix(f.Name, "__") || g.Calls != nil && (len(f.Arguments) > 0 || def == g.Schema.Query) && !called ||
			depth <= 1 && g.composite(f.Type)
	})
	var parts []string
	for n := 1 + g.IntN(4); n > 0 && len(fields) > 0; n-- {
		if !many && len(parts) > 0 {
			break
		}
		parts = append(parts, g.field(def, pick(g, fields), depth))
	}
	if many && g.one(3) {
		parts = append(parts, pick(g, []string{"__typename", "is: __typename"}))
	}
	if many && g.one(3) {
		parts = append(parts, g.fragment(def, depth))
	}
	if len(parts) == 0 {
		parts = append(parts, "__typename")
	}
	return "{ " + strings.Join(parts, " ") + " }"
}

func (g *Generator) composite(t *ast.Type) bool { return g.Schema.Types[t.Name()].IsCompositeType() }

func (g *Generator) field(def *ast.Definition, field *ast.FieldDefinition, depth int) string {
	text := field.Name
	called, given := g.Calls[def.Name+"."+field.Name]
	// A field that is selected twice has to be called alike, so one with arguments has a name of its own.
	if g.one(6) || len(field.Arguments) > 0 {
		text = g.name("a") + ": " + text
	}
	if given {
		text += pick(g, called)
	} else {
		text += g.arguments(field)
	}
	text += g.directive()
	if g.composite(field.Type) {
		text += " " + g.selection(g.Schema.Types[field.Type.Name()], depth-1, true)
	}
	return text
}

func (g *Generator) directive() string {
	if !g.one(12) {
		return ""
	}
	g.place = "if"
	condition := pick(g, []string{"true", "false", ""})
	if condition == "" {
		condition = g.variable(ast.NonNullNamedType("Boolean", nil))
	}
	return " @" + pick(g, []string{"skip", "include"}) + "(if: " + condition + ")"
}

// fragment spreads one on the type itself, on an interface of it, or on a type that implements it.
func (g *Generator) fragment(def *ast.Definition, depth int) string {
	on := append([]string{def.Name}, def.Interfaces...)
	for _, possible := range g.Schema.PossibleTypes[def.Name] {
		on = append(on, possible.Name)
	}
	condition := g.Schema.Types[pick(g, on)]
	inner := g.selection(condition, depth, true)
	if g.one(2) {
		return "... on " + condition.Name + g.directive() + " " + inner
	}
	name := g.name("F")
	g.fragments = append(g.fragments, " fragment "+name+" on "+condition.Name+" "+inner)
	return "..." + name + g.directive()
}

func (g *Generator) arguments(field *ast.FieldDefinition) string {
	var parts []string
	for _, a := range field.Arguments {
		if g.place = a.Name; a.Name == "id" {
			g.place = field.Name + "Id"
		}
		if a.Type.NonNull && a.DefaultValue == nil && !g.one(40) || g.one(2) {
			parts = append(parts, a.Name+": "+g.Literal(a.Type, 4))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// variable defines one that mostly fits a place of type t.
func (g *Generator) variable(t *ast.Type) string {
	name, written := "$"+g.name(g.place), t.String()
	definition := written
	switch g.IntN(24) {
	case 0:
		definition = strings.TrimSuffix(written, "!")
	case 1, 2, 3, 4, 5, 6: // a nullable variable with a default fits where null does not
		definition = strings.TrimSuffix(written, "!") + " = " + g.Literal(t, 0)
	case 7:
		definition = written + " = " + g.Literal(t, 0)
	}
	g.variables = append(g.variables, name+": "+definition)
	return name
}

// Literal is a value for a place of type t; of each so many, one is a variable, and few do not fit. 0: no variables.
func (g *Generator) Literal(t *ast.Type, variables int) string {
	switch {
	case variables > 0 && g.one(variables):
		return g.variable(t)
	case g.one(80):
		return pick(g, junkLiterals)
	case !t.NonNull && g.one(10):
		return "null"
	case t.Elem != nil && !g.one(5):
		parts := make([]string, g.IntN(3))
		for i := range parts {
			parts[i] = g.Literal(t.Elem, variables)
		}
		return "[" + strings.Join(parts, pick(g, []string{", ", " "})) + "]"
	case t.Elem != nil:
		return g.Literal(t.Elem, variables)
	}
	def := g.Schema.Types[t.NamedType]
	if def.Kind != ast.InputObject {
		return pick(g, g.literalsOf(def))
	}
	var parts []string
	for _, f := range def.Fields {
		g.place = f.Name
		if f.Type.NonNull && !g.one(40) || g.one(3) {
			parts = append(parts, f.Name+": "+g.Literal(f.Type, variables))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

var junkLiterals = []string{
	`"2026-12-30T23:59:60Z"`, `"2026-02-29T00:00:00Z"`, `"eur"`, "EUR", "1.0", `"9223372036854775808"`,
	`"text"`, `""`, "5", "-0", "1.5", "1e3", "3000000000", "99999999999999999999", "true", "null", "MANUAL", "manual", "{}", "[]", "[[1]]", `{a: 1}`, `"""block"""`, "[null]",
}

// known are the Values of this place.
func (g *Generator) known(def *ast.Definition) []string {
	if values, ok := g.Values[g.place]; ok {
		return values
	}
	return g.Values[def.Name]
}

func (g *Generator) literalsOf(def *ast.Definition) []string {
	if values := g.known(def); values != nil && !g.one(10) {
		return values
	}
	if def.Kind == ast.Enum {
		var names []string
		for _, v := range def.EnumValues {
			names = append(names, v.Name)
		}
		return names
	}
	switch def.Name {
	case "Int":
		return []string{"0", "7", "-1", "2147483647", "-2147483648"}
	case "Boolean":
		return []string{"true", "false"}
	case "ID":
		return []string{`"order_1"`, "12", "-5", "99999999999999999999", `""`}
	case "Int64":
		return []string{`"12"`, "12", `"-9223372036854775808"`, "-7"}
	case "DateTime":
		return []string{`"2026-11-05T14:03:09Z"`, `"2026-11-05t14:03:09.5z"`, `"2026-12-31T23:59:60Z"`}
	case "CurrencyCode":
		return []string{`"EUR"`, `"JPY"`}
	default:
		return []string{`"text"`, `""`, `"\u00e9\ud83d\ude00"`, `"""block"""`, "\"\"\"\n    a\n      b\n\"\"\"", `"\n\"\\"`}
	}
}

// Value returns random JSON for a variable of type t. On average one value in junk is a junk value.
func (g *Generator) Value(t *ast.Type, junk int) string {
	switch {
	case g.one(junk):
		return pick(g, junkValues)
	case !t.NonNull && g.one(8):
		return "null"
	case t.Elem != nil && !g.one(5):
		parts := make([]string, g.IntN(3))
		for i := range parts {
			parts[i] = g.Value(t.Elem, junk)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case t.Elem != nil:
		return g.Value(t.Elem, junk)
	}
	def := g.Schema.Types[t.NamedType]
	if def.Kind != ast.InputObject {
		return pick(g, g.valuesOf(def))
	}
	var parts []string
	for _, f := range def.Fields {
		g.place = f.Name
		if f.Type.NonNull && !g.one(30) || g.one(3) {
			parts = append(parts, fmt.Sprintf("%q:%s", f.Name, g.Value(f.Type, junk)))
		}
	}
	if g.one(25) {
		parts = append(parts, pick(g, []string{`"__typename":"X"`, `"unknown":1`, `"__proto__":{}`, `"constructor":null`, `"ID":"x"`, `"":1`, `"toString":1`}))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

var junkValues = []string{
	"null", "0", "-0", "1", "1.0", "1.5", "1e0", "1e3", "1e400", "-1e400", "1e-400", "2147483648", "9007199254740993", "123456789012345678901234567890", "1e21", "true", "false",
	`""`, `"x"`, `"5"`, `"true"`, `"null"`, `"manual"`, `"MANUAL"`, `"Manual "`, `"\u0000"`, `"\ud83d\ude00"`, "{}", "[]", "[[]]", "[null]", "[[null]]", `["x"]`, `[{}]`, `{"a":1}`, `{"a":1,"a":2}`,
	`{"token":null}`, `{"key":"a","value":"b"}`, `{"from":"2026-11-05T14:03:09Z"}`, `[1,"a",null]`,
}

func (g *Generator) valuesOf(def *ast.Definition) []string {
	if values := g.known(def); values != nil && !g.one(10) {
		return values
	}
	if def.Kind == ast.Enum {
		var values []string
		for _, v := range def.EnumValues {
			values = append(values, strconv.Quote(v.Name), strconv.Quote(v.Name))
			if g.Values == nil || g.one(10) {
				values = append(values, strconv.Quote(strings.ToLower(v.Name)))
			}
		}
		if g.Values != nil {
			return values
		}
		return append(values, "0", "1", `""`)
	}
	switch def.Name {
	case "Int":
		return []string{"0", "7", "-1", "2147483647", "-2147483648", "2147483648", "1.0", "1e0", "1.5", `"7"`}
	case "Boolean":
		return []string{"true", "false", "0", "1", `"true"`}
	case "ID":
		return []string{`"order_1"`, "12", "-5", "1.0", "1.5", "1e3", "1e21", "-0", `""`, "true"}
	case "Int64":
		return []string{`"12"`, "12", `"-9223372036854775808"`, `"9223372036854775807"`, `"9223372036854775808"`, `"1.0"`, `"01"`, `"-0"`, "1.5", `"١"`}
	case "DateTime":
		return []string{
			`"2026-11-05T14:03:09Z"`, `"2026-11-05t14:03:09.5z"`, `"2026-12-31T23:59:60Z"`, `"2027-01-01T00:59:60.25+01:00"`, `"2026-12-30T23:59:60Z"`, `"2026-02-29T00:00:00Z"`,
			`"2024-02-29T00:00:00-23:59"`, `"2026-11-05T24:00:00Z"`, `"2026-11-05T14:03:09+24:00"`, `"2026-11-05T14:03:09+00:60"`, `"2026-11-05T14:03:61Z"`, `"0000-01-01T00:00:00Z"`, "1700000000",
			`"2026-11-05 14:03:09Z"`, `"2026-11-05T14:03:09"`, `"2026-11-05T14:03Z"`,
		}
	case "CurrencyCode":
		return []string{`"EUR"`, `"eur"`, `"EURO"`, `""`}
	default:
		return []string{`"text"`, `""`, `"\u00e9\ud83d\ude00"`, "5", "true"}
	}
}

// VariablesOf are JSON for the variables of an operation, which mostly fit; some are absent.
func (g *Generator) VariablesOf(operation *ast.OperationDefinition) string {
	var parts []string
	for _, v := range operation.VariableDefinitions {
		g.place = strings.TrimRight(v.Variable, "0123456789") // as variable has named it
		switch {
		case g.one(30):
		case !v.Type.NonNull && g.one(2):
			parts = append(parts, strconv.Quote(v.Variable)+":null")
		default:
			parts = append(parts, strconv.Quote(v.Variable)+":"+g.Value(v.Type, 200))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}
