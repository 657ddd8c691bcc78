package judge_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/orderwire/orderwire/internal/coerce"
	"github.com/orderwire/orderwire/internal/gqlrequest"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/judge"
	"github.com/orderwire/orderwire/schema"
)

// valuesOfType are as many values as each form of each input type is given.
const valuesOfType = 16

// allowedValues are the intended differences from graphql-js in the coerced values of variables.
var allowedValues = []struct {
	reason string
	fits   func(raw string) bool
}{
	{
		"numbers beyond 2^53 keep their digits as an ID or an Int64; JavaScript has lost them when it has read the JSON",
		regexp.MustCompile(`[0-9]{16}`).MatchString,
	},
	{
		"an Int64 is written without a fraction and an exponent: 1.0 may have lost digits on its way, and JavaScript cannot tell it from 1",
		regexp.MustCompile(`[0-9](\.[0-9]|[eE])`).MatchString,
	},
	{
		"-0 as an Int64 is refused, which JavaScript cannot tell from 0",
		regexp.MustCompile(`-0\b`).MatchString,
	},
}

func allowedValue(raw string) string {
	for _, a := range allowedValues {
		if a.fits(raw) {
			return a.reason
		}
	}
	return ""
}

// variablesIn reads variables as every transport does.
func variablesIn(t *testing.T, raw string) map[string]any {
	t.Helper()
	params, err := gqlrequest.JSON([]byte(`{"query":"{ a }","variables":` + raw + `}`))
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return params.Variables
}

// plain is a coerced value as JSON has it, to be compared.
func plain(t *testing.T, v any) any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		t.Fatal(err)
	}
	return plain
}

// forms of an input type.
func forms(name string) []*ast.Type {
	of := func(nonNull bool) *ast.Type { return &ast.Type{NamedType: name, NonNull: nonNull} }
	list := func(t *ast.Type, nonNull bool) *ast.Type { return &ast.Type{Elem: t, NonNull: nonNull} }
	return []*ast.Type{of(false), of(true), list(of(false), false), list(of(true), true), list(list(of(false), false), false)}
}

// TestVariables: every input type of the schema takes the values that it takes with graphql-js, and makes the same of them.
func TestVariables(t *testing.T) {
	t.Parallel()
	j := judge.Open(t, root)
	parsed := schema.Parse()
	names := judge.Ask[[]string](j, "schema", map[string]any{"sdl": schema.SDL()})
	slices.Sort(names)
	g := judge.NewGenerator(parsed, seed)
	var cases []judge.Case
	for _, name := range names {
		if strings.HasPrefix(name, "__") {
			continue
		}
		for _, form := range forms(name) {
			cases = append(cases, judge.Case{Text: "query ($v: " + form.String() + ") { a }", Raw: "{}"})
			for range valuesOfType {
				text := "query ($v: " + form.String() + ") { a }"
				cases = append(cases, judge.Case{Text: text, Raw: `{"v":` + g.Value(form, 6) + `}`})
			}
		}
	}
	theirs := j.Variables(cases)
	differences, refused := map[string]int{}, 0
	for i, c := range cases {
		query, err := parser.ParseQuery(&ast.Source{Input: c.Text})
		if err != nil {
			t.Fatal(err)
		}
		ours, errs := coerce.Variables(parsed, query.Operations[0], variablesIn(t, c.Raw), 5)
		if theirs[i].Message != "" {
			refused++
		}
		if (errs != nil) == (theirs[i].Message != "") && (errs != nil || reflect.DeepEqual(plain(t, ours), plain(t, theirs[i].Coerced))) {
			checkErrors(t, c, errs)
			continue
		}
		if reason := allowedValue(c.Raw); reason != "" {
			differences[reason]++
			continue
		}
		t.Errorf("%s %s\nours: %v %v\ntheirs: %+v", c.Text, c.Raw, ours, errs, theirs[i])
	}
	t.Logf("%d values of %d input types: graphql-js refuses %d%s", len(cases), len(names), refused, listed(differences))
	if refused < len(cases)/5 || refused > len(cases)*4/5 {
		t.Errorf("%d of %d values are refused: the generator does not try both", refused, len(cases))
	}
}

// checkErrors holds what clients rely on: a code, the place of the variable's definition, no path, and a short message.
func checkErrors(t *testing.T, c judge.Case, errs gqlerror.List) {
	t.Helper()
	for _, err := range errs {
		if err.Extensions["code"] != "BAD_USER_INPUT" || len(err.Locations) != 1 || err.Path != nil || len(err.Message) > 400 || !strings.Contains(err.Message, `"$v"`) {
			t.Errorf("%s %s: the error is %#v", c.Text, c.Raw, err)
		}
	}
}

// TestArguments: the arguments of executed fields are those of graphql-js, with literals, variables, defaults and null.
func TestArguments(t *testing.T) {
	t.Parallel()
	j := judge.Open(t, root)
	parsed := schema.Parse()
	checker := guard.New(guard.Config{Schema: parsed, Introspection: true})
	g := judge.NewGenerator(parsed, seed+1)
	var cases []judge.Case
	var documents []*guard.Document
	for len(cases) < 1500 {
		text := g.Document()
		document, ours := verdict(checker, text)
		if ours.Verdict != "" || len(document.Query.Operations[0].VariableDefinitions) == 0 {
			continue
		}
		for range 2 {
			cases = append(cases, judge.Case{Text: text, Raw: g.VariablesOf(document.Query.Operations[0])})
			documents = append(documents, document)
		}
	}
	theirs := j.Arguments(cases)
	differences := map[string]int{}
	fields, refused, failed := 0, 0, 0
	for i, c := range cases {
		query := documents[i].Query
		ours, errs := coerce.Variables(parsed, query.Operations[0], variablesIn(t, c.Raw), 5)
		if theirs[i].Message != "" {
			refused++
		}
		same := (errs != nil) == (theirs[i].Message != "")
		if same && errs == nil {
			number := 0
			eachField(query, func(field *ast.Field) {
				their := theirs[i].Fields[number]
				number++
				fields++
				values, err := coerce.Arguments(parsed, field, ours)
				if err != nil || their.Message != "" {
					failed++
					same = same && err != nil && their.Message != "" && err.Extensions["code"] == "BAD_USER_INPUT" &&
						err.Locations[0].Line == their.Line && err.Locations[0].Column == their.Column
					return
				}
				same = same && reflect.DeepEqual(plain(t, values), plain(t, their.Values))
			})
		}
		if same {
			continue
		}
		if reason := allowedValue(c.Raw + c.Text); reason != "" {
			differences[reason]++
			continue
		}
		t.Errorf("%s %s\nours: %v %v\ntheirs: %+v", c.Text, c.Raw, ours, errs, theirs[i])
	}
	t.Logf("%d operations with variables: graphql-js refuses %d; %d fields, the arguments of %d are refused%s", len(cases), refused, fields, failed, listed(differences))
	if failed < 20 || refused < 100 || len(cases)-refused < 100 {
		t.Error("the generator does not try both")
	}
}

// eachField walks a document as it is written.
func eachField(query *ast.QueryDocument, visit func(*ast.Field)) {
	var walk func(set ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, selection := range set {
			switch selection := selection.(type) {
			case *ast.Field:
				visit(selection)
				walk(selection.SelectionSet)
			case *ast.InlineFragment:
				walk(selection.SelectionSet)
			case *ast.FragmentSpread: // its definition is walked by itself
			}
		}
	}
	for _, operation := range query.Operations {
		walk(operation.SelectionSet)
	}
	for _, fragment := range query.Fragments {
		walk(fragment.SelectionSet)
	}
}

// TestLiteralText: strings have the values that they have with graphql-js.
func TestLiteralText(t *testing.T) {
	t.Parallel()
	j := judge.Open(t, root)
	parsed := schema.Parse()
	checker := guard.New(guard.Config{Schema: parsed})
	var cases []judge.Case
	var documents []*guard.Document
	for _, literal := range []string{
		`"a"`, `"\u00e9\ud83d\ude00\u{1F600}\/\b"`, "\"\x01\t\x7f\"", `""""""`, `"""a"b""c\""" """`, "\"\"\"a\n    b\n  c\"\"\"", "\"\"\"\n\n    a\r\n      b\r\tc\n  \n\"\"\"", "\"\"\"  a\x01\n \"\"\"",
		"\"\"\"é\n  😀\"\"\"", "# é\x02\n\"\"\"\n x\n  y\"\"\"",
	} {
		text := "{ product(id: " + literal + ") { id } }"
		document, ours := verdict(checker, text)
		if ours.Verdict != "" {
			t.Fatalf("%q: %+v", text, ours)
		}
		cases, documents = append(cases, judge.Case{Text: text, Raw: "{}"}), append(documents, document)
	}
	for i, their := range j.Arguments(cases) {
		field, _ := documents[i].Query.Operations[0].SelectionSet[0].(*ast.Field)
		ours, err := coerce.Arguments(parsed, field, nil)
		if err != nil || ours["id"] != their.Fields[0].Values["id"] {
			t.Errorf("%q: ours %q (%v), theirs %q", cases[i].Text, ours["id"], err, their.Fields[0].Values["id"])
		}
	}
}
