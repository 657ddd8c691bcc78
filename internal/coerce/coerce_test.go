package coerce_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/orderwire/orderwire/internal/coerce"
)

// schema has a type of each kind. Our own has no Float, no @oneOf and few defaults; package judge tests what it has.
var schema = gqlparser.MustLoadSchema(&ast.Source{Input: `
	scalar Int64
	scalar DateTime
	scalar Foreign
	enum Color { RED GREEN }
	input Point { x: Int! y: Int = 7 color: Color tags: [String!] inner: Point }
	input Either @oneOf { a: Int b: String }
	type Query {
		f(int: Int, float: Float, text: String, flag: Boolean, id: ID, color: Color, point: Point, either: Either, list: [Int!], deep: [[Int]],
			big: Int64, at: DateTime, foreign: Foreign, must: Int! = 3): Query
		need(x: Int!): Query
	}`})

func operation(t *testing.T, text string) *ast.OperationDefinition {
	t.Helper()
	document, err := parser.ParseQuery(&ast.Source{Input: text})
	if err != nil {
		t.Fatal(err)
	}
	_ = validator.ValidateWithRules(schema, document, rules.NewDefaultRules()) // for the definitions that it fills in
	return document.Operations[0]
}

func decoded(t *testing.T, text string) (variables map[string]any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&variables); err != nil {
		t.Fatal(err)
	}
	return variables
}

func TestVariables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		definition, given string
		want              any // of v; nil: null or absent
		refused           string
	}{
		{"Int", `{"v":1e0}`, int64(1), ""},
		{"Int", `{"v":-2147483648}`, int64(-2147483648), ""},
		{"Int", `{"v":2147483648}`, nil, "32-bit"},
		{"Int", `{"v":1.5}`, nil, "non-integer"},
		{"Int", `{"v":1e999}`, nil, "32-bit"},
		{"Int", `{"v":"1"}`, nil, "non-integer"},
		{"Int", `{"v":true}`, nil, "non-integer"},
		{"Int = 5", `{}`, int64(5), ""},
		{"Int = 5", `{"v":null}`, nil, ""},
		{"Int!", `{}`, nil, `of required type "Int!" was not provided`},
		{"Int!", `{"v":null}`, nil, "must not be null"},
		{"Float", `{"v":1}`, 1.0, ""},
		{"Float", `{"v":"1"}`, nil, "non numeric"},
		{"Float", `{"v":1e999}`, nil, "non numeric"},
		{"String", `{"v":""}`, "", ""},
		{"String", `{"v":5}`, nil, "non string"},
		{"String", `{"v":{}}`, nil, "non string"},
		{"Boolean", `{"v":false}`, false, ""},
		{"Boolean", `{"v":0}`, nil, "non boolean"},
		{"ID", `{"v":12345678901234567890}`, "12345678901234567890", ""},
		{"ID", `{"v":1.0}`, "1", ""},
		{"ID", `{"v":-0}`, "0", ""},
		{"ID", `{"v":1e21}`, "1e+21", ""},
		{"ID", `{"v":1.5}`, nil, "non-integer"},
		{"ID", `{"v":true}`, nil, "non-integer"},
		{"Color", `{"v":"RED"}`, "RED", ""},
		{"Color", `{"v":"red"}`, nil, `does not exist in "Color"`},
		{"Color", `{"v":"RED "}`, nil, "does not exist"},
		{"Color", `{"v":0}`, nil, "non-string"},
		{"Int64", `{"v":"9223372036854775807"}`, "9223372036854775807", ""},
		{"Int64", `{"v":"9223372036854775808"}`, nil, "Int64"},
		{"Int64", `{"v":[1]}`, nil, "cannot represent"},
		{"DateTime", `{"v":"2026-11-05t14:03:09z"}`, "2026-11-05t14:03:09z", ""},
		{"DateTime", `{"v":"yesterday"}`, nil, "DateTime"},
		{"Foreign", `{"v":"x"}`, nil, "not for input"},
		{"[Int!]", `{"v":1}`, []any{int64(1)}, ""},
		{"[Int!]", `{"v":[]}`, []any{}, ""},
		{"[Int!]", `{"v":[1,null]}`, nil, `"v[1]"`},
		{"[[Int]]", `{"v":[[1,null],null]}`, []any{[]any{int64(1), nil}, nil}, ""},
		{"[[Int]]", `{"v":1}`, []any{[]any{int64(1)}}, ""},
		{"Point", `{"v":{"x":1}}`, map[string]any{"x": int64(1), "y": int64(7)}, ""},
		{"Point", `{"v":{"x":1,"y":null,"tags":"a"}}`, map[string]any{"x": int64(1), "y": nil, "tags": []any{"a"}}, ""},
		{"Point", `{"v":{"x":1,"inner":{"x":"no"}}}`, nil, `"v.inner.x"`},
		{"Point", `{"v":{}}`, nil, `Field "x" of required type "Int!" was not provided`},
		{"Point", `{"v":{"x":1,"X":2}}`, nil, "is not defined"},
		{"Point", `{"v":[]}`, nil, "to be an object"},
		{"Point", `{"v":"x"}`, nil, "to be an object"},
		{"Either", `{"v":{"a":1}}`, map[string]any{"a": int64(1)}, ""},
		{"Either", `{"v":{}}`, nil, "xactly one"},
		{"Either", `{"v":{"a":1,"b":"x"}}`, nil, "xactly one"},
		{"Either", `{"v":{"a":null}}`, nil, "non-null"},
	} {
		coerced, errs := coerce.Variables(schema, operation(t, "query ($v: "+c.definition+") { __typename }"), decoded(t, c.given), 5)
		if c.refused != "" {
			if len(errs) != 1 || !strings.Contains(errs[0].Message, c.refused) || errs[0].Extensions["code"] != "BAD_USER_INPUT" || errs[0].Locations[0].Column != 8 || coerced != nil {
				t.Errorf("%s %s: %v, %v; want %q", c.definition, c.given, coerced, errs, c.refused)
			}
			continue
		}
		if errs != nil || !reflect.DeepEqual(coerced["v"], c.want) {
			t.Errorf("%s %s: %#v, %v; want %#v", c.definition, c.given, coerced["v"], errs, c.want)
		}
	}
	t.Run("Absent", func(t *testing.T) {
		t.Parallel()
		coerced, errs := coerce.Variables(schema, operation(t, "query ($v: Int) { __typename }"), decoded(t, `{"more":1}`), 5)
		if errs != nil || len(coerced) != 0 {
			t.Errorf("%v, %v", coerced, errs)
		}
	})
	t.Run("ErrMany", func(t *testing.T) {
		t.Parallel()
		_, errs := coerce.Variables(schema, operation(t, "query ($v: [Int]) { __typename }"), decoded(t, `{"v":["a","b","c","d"]}`), 2)
		if len(errs) != 2 {
			t.Errorf("%v", errs)
		}
	})
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		document, variables, want string // want: the coerced arguments as JSON
		column                    int    // of the refusal
	}{
		{`{ f(int: 1, color: RED, id: 5) }`, `{}`, `{"color":"RED","id":"5","int":1,"must":3}`, 0},
		{`query ($v: Int) { f(int: $v, list: [1]) }`, `{}`, `{"list":[1],"must":3}`, 0},
		{`query ($v: Int) { f(int: $v) }`, `{"v":null}`, `{"int":null,"must":3}`, 0},
		{`query ($v: Int) { f(must: $v) }`, `{}`, `{"must":3}`, 0},
		{`query ($v: Int) { f(must: $v) }`, `{"v":null}`, ``, 27},
		{`query ($v: Int = 1) { need(x: $v) }`, `{"v":null}`, ``, 31},
		{`query ($v: Int) { need(x: $v) }`, `{}`, ``, 27},
		{`{ need }`, `{}`, ``, 3},
		{`query ($v: Int = 1) { f(point: {x: $v}) }`, `{"v":null}`, ``, 32},
		{`query ($v: Int = 1) { f(point: {x: $v}) }`, `{}`, `{"must":3,"point":{"x":1,"y":7}}`, 0},
		{`query ($v: Int) { f(point: {x: 1, y: $v}) }`, `{}`, `{"must":3,"point":{"x":1,"y":7}}`, 0},
		{`query ($v: Int = 1) { f(list: [$v]) }`, `{"v":null}`, ``, 31},
		{`query ($v: Int) { f(deep: [$v, [$v]]) }`, `{}`, `{"deep":[null,[null]],"must":3}`, 0},
		{`query ($v: String) { f(either: {b: $v}) }`, `{"v":null}`, ``, 32},
		{`query ($v: String) { f(either: {b: $v}) }`, `{"v":"x"}`, `{"either":{"b":"x"},"must":3}`, 0},
	} {
		op := operation(t, c.document)
		variables, errs := coerce.Variables(schema, op, decoded(t, c.variables), 5)
		if errs != nil {
			t.Fatal(c.document, errs)
		}
		field, _ := op.SelectionSet[0].(*ast.Field)
		got, err := coerce.Arguments(schema, field, variables)
		if c.column > 0 {
			if err == nil || err.Locations[0].Column != c.column || err.Extensions["code"] != "BAD_USER_INPUT" {
				t.Errorf("%s %s: %v, %v", c.document, c.variables, got, err)
			}
			continue
		}
		if raw, _ := json.Marshal(got); err != nil || string(raw) != c.want {
			t.Errorf("%s %s: %s, %v", c.document, c.variables, raw, err)
		}
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	for document, refused := range map[string]bool{
		`query ($v: Boolean = true) { f @skip(if: $v) { __typename } }`:                                                  true,
		`query ($v: Boolean = true) { ...F } fragment F on Query { ... on Query @include(if: $v) { f { __typename } } }`: true,
		`query ($v: Boolean = true) { ...F @skip(if: $v) } fragment F on Query { f { __typename } }`:                     true,
		`query ($v: Boolean = true) { f(flag: $v) { __typename } }`:                                                      false,
	} {
		op := operation(t, document)
		variables, _ := coerce.Variables(schema, op, map[string]any{"v": nil}, 5)
		if err := coerce.Conditions(op, variables); (err != nil) != refused {
			t.Errorf("%s: %v", document, err)
		}
		variables, _ = coerce.Variables(schema, op, nil, 5)
		if err := coerce.Conditions(op, variables); err != nil {
			t.Errorf("%s, by default: %v", document, err)
		}
	}
}

func TestLiterals(t *testing.T) {
	t.Parallel()
	own := rules.NewRules()
	own.AddRule("Literals", coerce.Literals(schema, true))
	for argument, wrong := range map[string]string{
		`int: 1`: "", `int: 1.0`: "non-integer", `int: "1"`: "non-integer", `int: 2147483648`: "32-bit", `int: null`: "", `must: null`: "found null",
		`float: 1`: "", `float: 1.5`: "", `float: "1"`: "non numeric", `text: "a"`: "", `text: """a"""`: "", `text: A`: "non string", `text: {}`: "Expected value",
		`flag: true`: "", `flag: 1`: "non boolean", `id: 1`: "", `id: "a"`: "", `id: 1.5`: "non-integer", `id: A`: "non-integer",
		`color: RED`: "", `color: "RED"`: "non-enum", `color: RID`: `Did you mean the enum value "RED"`, `color: [RED]`: "Expected value",
		`list: 1`: "", `list: [1, null]`: "found null", `deep: [[1], null]`: "", `big: 1`: "", `big: "x"`: "Int64", `big: 1.5`: "Int64", `at: 5`: "DateTime",
		`point: {x: 1}`: "", `point: {}`: "was not provided", `point: {x: 1, tag: 2}`: `Did you mean "tags"`, `point: 5`: "Expected value",
		`either: {a: 1}`: "", `either: {a: 1, b: "x"}`: "exactly one", `either: {a: null}`: "must be non-null",
	} {
		document, err := parser.ParseQuery(&ast.Source{Input: "{ f(" + argument + ") { __typename } }"})
		if err != nil {
			t.Fatal(err)
		}
		errs := validator.ValidateWithRules(schema, document, own)
		if (wrong == "") != (len(errs) == 0) || wrong != "" && !strings.Contains(errs[0].Message, wrong) {
			t.Errorf("%s: %v, want %q", argument, errs, wrong)
		}
	}
}
