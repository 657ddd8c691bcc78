package graph_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/render"
)

// TestRenderedAsExecuted asks for random selections of every type that queries reach, twice: rendered, and executed by
// gqlgen field by field. Both must be the same text, errors included.
func TestRenderedAsExecuted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.handler = f.serve(f.settings())
	routes := f.routes()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // any will do
	compared := 0
	for _, name := range slices.Sorted(maps.Keys(routes)) {
		if !strings.HasPrefix(routes[name]("x"), "query") {
			continue
		}
		for range 6 {
			document := routes[name](f.randomSelection(random, f.schema.Types[name], 3))
			for _, p := range []auth.Principal{ada, staff} {
				rendered, executed := f.raw(p, document), f.executed(p, document)
				if !bytes.Equal(rendered, executed) {
					t.Errorf("%s\nis rendered as\n%s\nand executed as\n%s", document, rendered, executed)
				}
				compared++
			}
		}
	}
	if compared < 100 {
		t.Errorf("only %d answers were compared", compared)
	}
}

// executed is the answer without renderers. Other tests that run meanwhile do without them, too.
func (f *fixture) executed(p auth.Principal, document string) []byte {
	render.Off.Store(true)
	defer render.Off.Store(false)
	return f.raw(p, document)
}

func (f *fixture) raw(p auth.Principal, document string) []byte {
	f.t.Helper()
	body, err := json.Marshal(map[string]any{"query": document})
	if err != nil {
		f.t.Fatal(err)
	}
	return f.post(p, body)
}

// post is the answer to a request as it comes.
func (w *world) post(p auth.Principal, body []byte) []byte {
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r.WithContext(auth.NewContext(r.Context(), p)))
	return recorder.Body.Bytes()
}

// randomSelection selects some fields, under keys of their own or not, in fragments or not, repeated or not, so many levels
// deep. It always has one.
func (f *fixture) randomSelection(random *rand.Rand, object *ast.Definition, depth int) string {
	parts := []string{"__typename"}
	for i, field := range object.Fields {
		if strings.HasPrefix(field.Name, "__") || random.IntN(4) == 0 {
			continue
		}
		part := field.Name
		if random.IntN(4) == 0 {
			part = fmt.Sprintf("k%d: %s", i, part)
		}
		if arguments := f.arguments[object.Name+"."+field.Name]; arguments != "" {
			part += "(" + arguments + ")"
		}
		if of := f.schema.Types[field.Type.Name()]; !of.IsLeafType() {
			if depth == 0 {
				continue
			}
			below := "__typename"
			if of.Kind == ast.Object {
				below = f.randomSelection(random, of, depth-1)
			} else if of.Name == "OrderEvent" {
				below = "id type __typename version ... on PaymentConfirmed { id payment { id } amount { amount } } ... on OrderEvent { actor { kind id } }"
			}
			part += " { " + below + " }"
		}
		switch random.IntN(8) {
		case 0:
			part = "... on " + object.Name + " { " + part + " }"
		case 1:
			part += " @include(if: true)"
			if strings.Contains(part, "{") {
				part = "... @include(if: true) { " + strings.TrimSuffix(part, " @include(if: true)") + " }"
			}
		case 2:
			part = "... @skip(if: true) { " + part + " }"
		case 3:
			parts = append(parts, part)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " ")
}
