package guard_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/coerce"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/guard/guardtest"
)

// FuzzDocument: the guard accepts any text, or refuses it with a code and a short message; an accepted document can be coerced and
// counted.
func FuzzDocument(f *testing.F) {
	for _, text := range []string{
		board, bomb(9), nested(12), nested(13), introspection(20), "query A($n: Int = 1) { orders(first: $n) { nodes { id } } } query B { viewer { id } }",
		`{ orders(filter: {status: [CREATED], search: "\u00e9\ud83d\ude00", createdAt: {from: null}}) @include(if: true) { nodes { ...F ... on Order { id } } } } fragment F on Order { __typename }`,
		"mutation($i: OrderCreateInput!) { orderCreate(input: $i) { order { id } } }", "subscription { orderFeed { cursor } }", "\ufeff{viewer{id}}#\n", "\"\"\"d\"\"\" query { viewer { id } }",
	} {
		f.Add(text, `{"n": 3, "i": {}}`)
	}
	for _, d := range guardtest.Documents(f, ".") {
		f.Add(d.Text, "{}")
	}
	loud, silent := newGuard(), newGuard(quiet)
	f.Fuzz(func(t *testing.T, text, values string) {
		var variables map[string]any
		decoder := json.NewDecoder(strings.NewReader(values))
		decoder.UseNumber()
		_ = decoder.Decode(&variables) // without an object there are no variables
		document, errs := loud.Document(text)
		size := 0
		for _, err := range errs {
			if known, ok := errors.AsType[*fault.Error](err); !ok || known.Code == fault.Internal || known.Code == "" {
				t.Errorf("%q: %#v", text, err)
			}
			size += len(err.Message)
		}
		if (document == nil) != (len(errs) > 0) || len(errs) > 5 || size > 3<<10 {
			t.Fatalf("%q: %v, %d errors in %d bytes", text, document, len(errs), size)
		}
		if again, _ := silent.Document(text); again != nil && document == nil {
			t.Fatalf("%q: without introspection it is accepted", text)
		}
		if document == nil {
			return
		}
		for _, operation := range document.Query.Operations {
			coerced, errs := coerce.Variables(orderwire, operation, variables, 5)
			if errs != nil {
				continue
			}
			if cost, _ := document.Cost(operation, coerced); cost.Requested < 0 || cost.Bytes < 0 {
				t.Errorf("%q costs %d", text, cost)
			}
		}
	})
}
