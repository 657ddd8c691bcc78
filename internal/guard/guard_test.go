package guard_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/schema"
)

var orderwire = gqlparser.MustLoadSchema(&ast.Source{Name: "schema", Input: schema.SDL()})

// newGuard has the default limits, and none of a document's text can be remembered from another test.
func newGuard(change ...func(*guard.Config)) *guard.Guard {
	cfg := guard.Config{Schema: orderwire, Limits: guard.Defaults(), Introspection: true, CacheBytes: 1 << 20}
	for _, c := range change {
		c(&cfg)
	}
	return guard.New(cfg)
}

func quiet(cfg *guard.Config) { cfg.Introspection = false }

// refused checks that the document is refused with one error of the code, and returns its message.
func refused(t *testing.T, g *guard.Guard, text string, code fault.Code) string {
	t.Helper()
	document, errs := g.Document(text)
	if document != nil || len(errs) != 1 {
		t.Fatalf("%.100s: got %v, %v; want one %s", text, document, errs, code)
	}
	checkError(t, errs[0], code)
	return errs[0].Message
}

func checkError(t *testing.T, err *gqlerror.Error, code fault.Code) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Code != code || f.Message != err.Message || err.Message == "" || err.Extensions["code"] != string(code) {
		t.Fatalf("the error is %#v with %#v, want %s", err, f, code)
	}
}

func accepted(t *testing.T, g *guard.Guard, text string) *guard.Document {
	t.Helper()
	document, errs := g.Document(text)
	if errs != nil {
		t.Fatalf("%.100s: %v", text, errs)
	}
	return document
}

// nested is a document of so many fields inside each other.
func nested(depth int) string {
	return "{ order(id: 1) " + strings.Repeat("{ payment { order ", (depth-2)/2) + strings.Repeat("{ payment ", depth%2) + "{ id }" +
		strings.Repeat(" } }", (depth-2)/2) + strings.Repeat(" }", depth%2) + " }"
}

// repeated joins n texts.
func repeated(n int, format string) string {
	var b strings.Builder
	for i := range n {
		if strings.Contains(format, "%") {
			fmt.Fprintf(&b, format, i)
		} else {
			b.WriteString(format)
		}
	}
	return b.String()
}

// bomb expands to 2^n fields.
func bomb(n int) string {
	var b strings.Builder
	b.WriteString("{ viewer { ...f0 } }")
	for i := range n {
		fmt.Fprintf(&b, "fragment f%d on Viewer{...f%d ...f%d}", i, i+1, i+1)
	}
	fmt.Fprintf(&b, "fragment f%d on Viewer{id}", n)
	return b.String()
}

func TestLimits(t *testing.T) {
	t.Parallel()
	const tooLarge, tooComplex = fault.DocumentTooLarge, fault.DocumentTooComplex
	for name, c := range map[string]struct {
		allowed, above string
		code           fault.Code
		message        string
	}{
		"Tokens":           {"{viewer{id}}" + repeated(994, "#\n"), "{viewer{id}}" + repeated(995, "#\n"), tooLarge, "1000 tokens"},
		"Name":             {"{ viewer { " + strings.Repeat("a", 128) + ": id } }", "{ viewer { " + strings.Repeat("a", 129) + ": id } }", tooLarge, "128"},
		"Depth":            {nested(12), nested(13), tooComplex, "12 deep"},
		"DepthOfFragment":  {"{ ...F } fragment F on Query " + nested(12), "{ ...F } fragment F on Query " + nested(13), tooComplex, "12 deep"},
		"Introspection":    {introspection(20), introspection(21), tooComplex, "20 deep"},
		"Aliases":          {"{ viewer { " + repeated(15, "a%d: id ") + "} }", "{ viewer { " + repeated(16, "a%d: id ") + "} }", tooComplex, "15 aliases"},
		"Repetitions":      {"{ viewer { id" + repeated(15, " id") + "} }", "{ viewer { id" + repeated(16, " id") + "} }", tooComplex, "15 aliases"},
		"Typenames":        {"{ __typename" + repeated(15, " __typename") + "}", "{ __typename" + repeated(500, " __typename") + "}", tooComplex, "15 aliases"},
		"AliasesExpanded":  {"{ viewer { ...F } v: viewer { ...F } } fragment F on Viewer { " + repeated(7, "a%d: id ") + "}", "{ viewer { ...F } v: viewer { ...F } } fragment F on Viewer { " + repeated(8, "a%d: id ") + "}", tooComplex, "15 aliases"},
		"Directives":       {"{ viewer { id" + repeated(1, " @skip(if: false)") + " name @skip(if: true) } }", "{ viewer { id" + repeated(11, " @skip(if: false)") + "} }", tooComplex, "10 directives"},
		"DirectivesSpread": {"{ viewer { ...F @skip(if: true) } } fragment F on Viewer { id }", "{ viewer { " + repeated(11, "... @skip(if: true) { id } ") + "} }", tooComplex, "10 directives"},
		"DirectivesOnRoot": {"{ viewer { id } }", "query" + repeated(11, " @a") + " { viewer { id } }", tooComplex, "10 directives"},
		"DirectivesOnVars": {"{ viewer { id } }", "query($a: Int" + repeated(11, " @a") + ") { viewer { id } }", tooComplex, "10 directives"},
		"DirectivesOnFrag": {"{ viewer { id } }", "{ viewer { ...F } } fragment F on Viewer" + repeated(11, " @a") + " { id }", tooComplex, "10 directives"},
		"RootFields":       {"{ " + repeated(5, "v%d: viewer { id } ") + "__typename }", "{ " + repeated(6, "v%d: viewer { id } ") + "}", tooComplex, "5 root fields"},
		"RootFieldsSpread": {"{ ...F __typename } fragment F on Query { " + repeated(5, "v%d: viewer { id } ") + "}", "{ ...F ...F } fragment F on Query { " + repeated(3, "v%d: viewer { id } ") + "}", tooComplex, "5 root fields"},
		"Mutations":        {"mutation { viewerSignOut { signedOutAt } __typename }", "mutation { viewerSignOut { signedOutAt } v: viewerSignOut { signedOutAt } }", tooComplex, "only one root field"},
		"Fields":           {bomb(7), bomb(9), tooComplex, "500 fields"},
		"FieldsSaturate":   {bomb(8), bomb(70), tooComplex, "500 fields"},
		"UnusedFragment":   {"{ viewer { id } }", "{ viewer { id } } fragment F on Viewer { " + repeated(16, "a%d: id ") + "}", tooComplex, "15 aliases"},
		"SecondOperation":  {"query A { viewer { id } } query B { viewer { id } }", "query A { viewer { id } } query B { viewer { " + repeated(16, "a%d: id ") + "} }", tooComplex, "15 aliases"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuard()
			accepted(t, g, c.allowed)
			if message := refused(t, g, c.above, c.code); !strings.Contains(message, c.message) {
				t.Errorf("message %q does not say %q", message, c.message)
			}
		})
	}
	// 2^70 fields are 0 modulo 2^64, and no fragment of them alone is above such a limit: only a sum that saturates is.
	t.Run("Saturates", func(t *testing.T) {
		t.Parallel()
		g := newGuard(func(cfg *guard.Config) { cfg.Limits.Fields = math.MaxInt - 1 })
		accepted(t, g, bomb(20))
		refused(t, g, bomb(70), fault.DocumentTooComplex)
	})
	t.Run("None", func(t *testing.T) {
		t.Parallel()
		g := guard.New(guard.Config{Schema: orderwire})
		accepted(t, g, nested(101))
		accepted(t, g, "{ viewer { id"+repeated(300, " id")+"} }")
	})
}

// introspection nests fields so many deep from __schema on.
func introspection(depth int) string {
	return "{ __schema { types { fields { type" + strings.Repeat(" { ofType", depth-5) + " { name }" + strings.Repeat(" }", depth-2) + " }"
}

// Nothing that nests reaches a parser: two megabytes of braces would overflow its stack, which nobody can recover from.
func TestDeepNesting(t *testing.T) {
	t.Parallel()
	g := newGuard()
	for _, unit := range []string{"{", "{a", "{a(b:[", "{a(b:{c:", "...{", "query($a:["} {
		refused(t, g, "{a"+strings.Repeat(unit, 2<<20/len(unit)), fault.DocumentTooLarge)
	}
	// Without a limit of tokens, the parser's own one holds.
	unlimited := guard.New(guard.Config{Schema: orderwire})
	for _, unit := range []string{"{a", "[", "{b:"} {
		refused(t, unlimited, "{a"+map[bool]string{true: "", false: "(x:"}[unit == "{a"]+strings.Repeat(unit, 1<<15), fault.ParseFailed)
	}
}

// Documents that cost a validator its time are refused before it, or after few mistakes.
func TestBombs(t *testing.T) {
	t.Parallel()
	g := newGuard()
	if small := bomb(28); len(small) > 1100 {
		t.Fatalf("%d bytes", len(small))
	}
	refused(t, g, bomb(28), fault.DocumentTooComplex)
	for name, text := range map[string]string{
		"Self":       "{ viewer { ...F } } fragment F on Viewer { ...F }",
		"Pair":       "{ viewer { ...F } } fragment F on Viewer { ...G } fragment G on Viewer { id ...F }",
		"Nested":     "{ node(id: 1) { ...F } } fragment F on Order { payment { order { ...F } } }",
		"Unused":     "{ viewer { id } } fragment F on Viewer { ... { ...F } }",
		"Expanding":  "{ viewer { ...F } } fragment F on Viewer { ...F ...F }",
		"Many":       "{ viewer { ...F0 } }" + repeated(100, "fragment F%d on Viewer { ...F0 } "),
		"Directives": "{ viewer { ...F } } fragment F on Viewer { ...F @skip(if: true) }",
	} {
		t.Run("Cycle"+name, func(t *testing.T) {
			t.Parallel()
			if message := refused(t, g, text, fault.ValidationFailed); !strings.Contains(message, "spreads itself") {
				t.Errorf("message %q", message)
			}
		})
	}
	t.Run("ManyMistakes", func(t *testing.T) {
		t.Parallel()
		_, errs := g.Document("{ viewer { " + repeated(400, "unknown%d ") + "} }")
		if len(errs) != 5 {
			t.Fatalf("%d errors, want 5", len(errs))
		}
		for _, err := range errs {
			checkError(t, err, fault.ValidationFailed)
			if len(err.Locations) != 1 {
				t.Errorf("%v has no place", err)
			}
		}
	})
}

func TestMessages(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for name, c := range map[string]struct {
		text, want string
		code       fault.Code
	}{
		"Token":        {`{ viewer "hunter2" }`, "found String", fault.ParseFailed},
		"Name":         {`{ viewer { id } } hunter2`, "line 1, column 19: Unexpected Name", fault.ParseFailed},
		"Keyword":      {`fragment F hunter2 Viewer { id }`, `Expected "on", found Name`, fault.ParseFailed},
		"Kind":         {`{ viewer(a: ) { id } }`, "Unexpected )", fault.ParseFailed},
		"Escape":       {`{ order(id: "\u12 hunter2") { id } }`, "Invalid character escape sequence", fault.ParseFailed},
		"ShortEscape":  {`{ order(id: "\uhunter2`, "Invalid character escape sequence", fault.ParseFailed},
		"Unterminated": {`{ order(id: "hunter2`, "Unterminated string", fault.ParseFailed},
		"Number":       {`{ order(id: 01) { id } }`, "Invalid number", fault.ParseFailed},
		"Character":    {"{ viewer { id } } \x00 hunter2", "invalid character", fault.ParseFailed},
		"Empty":        {"", "no operation", fault.ValidationFailed},
		"Comment":      {"# hunter2", "no operation", fault.ValidationFailed},
		"Schema":       {"type Query { a: Int }", "Unexpected Name", fault.ParseFailed},
		"Field":        {"{ viewer { nobody } }", `"nobody" on type "Viewer"`, fault.ValidationFailed},
		"Int":          {`{ products(first: "hunter2") { nodes { id } } }`, "Int cannot represent non-integer value.", fault.ValidationFailed},
		"ID":           {`{ order(id: true) { id } }`, "cannot represent", fault.ValidationFailed},
		"Enum":         {`{ orders(filter: {status: "hunter2 value: "}) { nodes { id } } }`, `Enum "OrderStatus" cannot represent non-enum value.`, fault.ValidationFailed},
		"EnumValue":    {`{ orders(filter: {status: hunter2}) { nodes { id } } }`, "The value does not exist in", fault.ValidationFailed},
		"Object":       {`{ orders(filter: "hunter2, found ") { nodes { id } } }`, `Expected value of type "OrderFilter".`, fault.ValidationFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := refused(t, newGuard(), c.text, c.code)
			if !strings.Contains(message, c.want) || strings.Contains(message, secret) {
				t.Errorf("message %q, want %q and no %s", message, c.want, secret)
			}
		})
	}
	t.Run("Length", func(t *testing.T) {
		t.Parallel()
		text := "query($a: " + strings.Repeat("[", 300) + "Int" + strings.Repeat("]", 300) + ") { products(first: $a) { nodes { id } } }"
		if message := refused(t, newGuard(), text, fault.ValidationFailed); len(message) > 410 {
			t.Errorf("%d bytes: %s", len(message), message)
		}
	})
	t.Run("Suggestions", func(t *testing.T) {
		t.Parallel()
		for text, suggestion := range map[string]string{
			"{ viewr { id } }":           "viewer",
			`{ order(idd: "x") { id } }`: "id",
			"{ viewer }":                 "viewer {",
			"{ orders(filter: {statu: CREATED}) { nodes { id } } }":    "status",
			"{ orders(filter: {status: CREATE}) { nodes { id } } }":    "CREATED",
			`{ orders(filter: {status: "CREATED"}) { nodes { id } } }`: "",
		} {
			if loud := refused(t, newGuard(), text, fault.ValidationFailed); strings.Contains(loud, "Did you mean") != (suggestion != "") || !strings.Contains(loud, suggestion) {
				t.Errorf("%s: message %q does not suggest %q", text, loud, suggestion)
			}
			if message := refused(t, newGuard(quiet), text, fault.ValidationFailed); strings.Contains(message, "Did you mean") {
				t.Errorf("%s: message %q suggests something", text, message)
			}
		}
	})
}

func TestSubscriptionHasOneRoot(t *testing.T) {
	t.Parallel()
	g := newGuard()
	for _, text := range []string{
		"subscription { orderFeed { cursor } orderFeed { kind } }",
		"subscription { ...F ... { orderFeed { kind } } } fragment F on Subscription { orderFeed { cursor } }",
		"subscription($s: Boolean!) { orderFeed { cursor @skip(if: $s) kind } }",
	} {
		accepted(t, g, text)
	}
	for _, text := range []string{
		"subscription { orderFeed { cursor } b: orderFeed { cursor } }",
		"subscription { ...F b: orderFeed { cursor } } fragment F on Subscription { orderFeed { cursor } }",
		"subscription { orderFeed @skip(if: true) { cursor } }",
		"subscription($i: Boolean!) { ... @include(if: $i) { orderFeed { cursor } } }",
		"subscription($i: Boolean!) { ...F @include(if: $i) } fragment F on Subscription { orderFeed { cursor } }",
		"subscription($i: Boolean!) { ...F } fragment F on Subscription { orderFeed @include(if: $i) { cursor } }",
		"subscription { __typename }",
		"subscription { __typename orderFeed { cursor } }",
	} {
		refused(t, g, text, fault.ValidationFailed)
	}
}

// A schema's lists multiply: six levels of them are millions of objects.
func TestIntrospectionInCircles(t *testing.T) {
	t.Parallel()
	g := newGuard()
	refused(t, g, "query cop { __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }", fault.ValidationFailed)
	refused(t, g, `{ __type(name: "Order") { ...T } } fragment T on __Type { fields { type { ...U } } }
		fragment U on __Type { fields { type { possibleTypes { interfaces { fields { name } } } } } }`, fault.ValidationFailed)
	// The introspection query of graphql-js ends with such a fragment.
	deep := func(n int) string {
		return "{ __schema { types { fields { type { ...T } } } } } fragment T on __Type { kind" + strings.Repeat(" ofType { kind", n) + strings.Repeat(" }", n) + " }"
	}
	accepted(t, g, deep(15))
	refused(t, g, deep(16), fault.DocumentTooComplex)
	accepted(t, g, `{ __type(name: "Order") { fields { name type { ofType { fields { name } } } } } }`)
}

func TestIntrospectionOff(t *testing.T) {
	t.Parallel()
	g := newGuard(quiet)
	for _, text := range []string{
		"{ __schema { queryType { name } } }",
		`{ __type(name: "Order") { name } }`,
		"{ a: __schema { queryType { name } } viewer { id } }",
		"{ ...F } fragment F on Query { __schema { queryType { name } } }",
		"query A { viewer { id } } query B { ... { __schema { queryType { name } } } }",
	} {
		if message := refused(t, g, text, fault.ValidationFailed); !strings.Contains(message, "Introspection is switched off") {
			t.Errorf("%s: message %q", text, message)
		}
	}
	accepted(t, g, "{ __typename viewer { __typename } }")
}

func TestOperation(t *testing.T) {
	t.Parallel()
	document := accepted(t, newGuard(), "query A { viewer { id } } query B { viewer { name } }")
	if operation, err := document.Operation("B"); err != nil || operation.Name != "B" {
		t.Errorf("got %v, %v", operation, err)
	}
	for _, name := range []string{"", "C", strings.Repeat("hunter2", 1000)} {
		_, err := document.Operation(name)
		checkError(t, err, fault.ValidationFailed)
		if strings.Contains(err.Message, "hunter2") {
			t.Errorf("message %q", err.Message)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	g := newGuard(func(cfg *guard.Config) { cfg.CacheBytes = 40_000 })
	const text = "{ viewer { id } }"
	first := accepted(t, g, text)
	if accepted(t, g, text) != first {
		t.Error("the document was parsed again")
	}
	for i := range 200 {
		accepted(t, g, fmt.Sprintf("{ viewer { a%d: id } }", i))
	}
	if accepted(t, g, text) == first {
		t.Error("it is kept, whatever came since")
	}
	large := "{ viewer { id } }" + strings.Repeat(" ", 40_000)
	if first = accepted(t, g, large); accepted(t, g, large) == first {
		t.Error("a document larger than the cache was kept")
	}
}
