package graph_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/persisted"
)

func TestCost(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.handler = w.serve(graph.Settings{Introspection: true, Limits: guard.Limits{Cost: 5100}})
	const query = `query($n: Int) { products(first: $n) { nodes { id price { amount } } } }`
	if got := w.do(ada, query, vars{"n": 10}).ok(); got.Extensions != nil {
		t.Errorf("extensions are %v for one who has not asked", got.Extensions)
	}
	cost := func(e map[string]any, requested float64) bool {
		shown, _ := e["cost"].(map[string]any)
		return shown["requested"] == requested && shown["allowed"] == 5100.0 && shown["bytes"].(float64) > requested
	}
	for n, want := range map[int]float64{10: 10*50 + 21, 50: 50*50 + 101} {
		got := w.do(ada, query, vars{"n": n}, graph.CostHeader, "1").ok()
		if !cost(got.Extensions, want) {
			t.Errorf("first: %d: extensions are %v, want a cost of %v", n, got.Extensions, want)
		}
	}
	got := w.do(ada, query, vars{"n": 100}, graph.CostHeader, "1").refused("COST_EXCEEDED")
	if !cost(got.Extensions, 100*50+201) || !cost(got.Errors[0].Extensions, 100*50+201) {
		t.Errorf("extensions are %v, the error's %v", got.Extensions, got.Errors[0].Extensions)
	}
	// The resolver reports its own refusal; the guard does not hide it.
	w.do(ada, `{ products(first: 101) { pageInfo { hasNextPage } } }`, nil).refused("BAD_USER_INPUT")
}

// request is a POST of any JSON.
func request(body vars) *http.Request {
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(string(raw)))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func automatic(hash persisted.Reference) vars {
	return vars{"persistedQuery": vars{"version": 1, "sha256Hash": hash}}
}

func TestAutomaticPersistedQueries(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const query = `{ viewer { name } }`
	hash := persisted.Hash(query)
	got := w.send(w.handler, ada, request(vars{"extensions": automatic(hash)})).refused("PERSISTED_QUERY_NOT_FOUND")
	if got.Errors[0].Message != "PersistedQueryNotFound" { // what Apollo's and urql's clients compare with
		t.Errorf("the message is %q", got.Errors[0].Message)
	}
	w.send(w.handler, ada, request(vars{"query": query, "extensions": automatic(persisted.Hash("{ other }"))})).refused("BAD_USER_INPUT")
	w.send(w.handler, ada, request(vars{"query": query, "extensions": automatic(hash)})).ok().want("viewer.name", "ada")
	w.send(w.handler, ada, request(vars{"extensions": automatic(hash)})).ok().want("viewer.name", "ada")
	w.send(w.handler, ada, request(vars{"documentId": "sha256:" + hash})).ok().want("viewer.name", "ada")
	raw, _ := json.Marshal(automatic(hash))
	w.send(w.handler, ada, httptest.NewRequest(http.MethodGet, "/graphql?extensions="+url.QueryEscape(string(raw)), nil)).ok().want("viewer.name", "ada")
	t.Run("ErrInvalidIsNotKept", func(t *testing.T) {
		w := w.in(t)
		const invalid = `{ nothing }`
		w.send(w.handler, ada, request(vars{"query": invalid, "extensions": automatic(persisted.Hash(invalid))})).refused("GRAPHQL_VALIDATION_FAILED")
		w.send(w.handler, ada, request(vars{"extensions": automatic(persisted.Hash(invalid))})).refused("PERSISTED_QUERY_NOT_FOUND")
	})
	t.Run("ErrReference", func(t *testing.T) {
		w := w.in(t)
		w.send(w.handler, ada, request(vars{"query": query, "extensions": vars{"persistedQuery": vars{"version": 2, "sha256Hash": hash}}})).refused("BAD_USER_INPUT")
		w.send(w.handler, ada, request(vars{"extensions": vars{"persistedQuery": "x"}})).refused("BAD_USER_INPUT")
	})
	t.Run("Off", func(t *testing.T) {
		w := w.in(t)
		handler := w.serve(graph.Settings{})
		w.send(handler, ada, request(vars{"query": query, "extensions": automatic(hash)})).ok()
		w.send(handler, ada, request(vars{"extensions": automatic(hash)})).refused("PERSISTED_QUERY_NOT_FOUND")
	})
}

// The web app's own documents, as its client sends them, are the only ones that run.
func TestTrustedDocuments(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.product("a", 100, "EUR")
	var text strings.Builder
	if err := persisted.Build(&text, "../web/src"); err != nil {
		t.Fatal(err)
	}
	manifest, err := persisted.ReadManifest(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	w.handler = w.serve(graph.Settings{Trusted: manifest, Limits: guard.Defaults()})
	// The generated documents are another tool's print of the same operations.
	generated, err := os.ReadFile("../web/src/gql/gql.ts")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(generated), "typeof types."); manifest.Len() < 8 || manifest.Len() > n {
		t.Errorf("the manifest has %d documents, of %d in the web app", manifest.Len(), n)
	}
	w.do(ada, `{ viewer { id } }`, nil).refused("PERSISTED_QUERY_NOT_FOUND")
	w.do(ada, `{ __schema { queryType { name } } }`, nil).refused("PERSISTED_QUERY_NOT_FOUND")
	// Of a stranger's document nothing is parsed that is over the limit of tokens.
	w.do(ada, `{`+strings.Repeat(" id", guard.Defaults().Tokens)+`}`, nil).refused("DOCUMENT_TOO_LARGE")
	var documents map[string]string
	if err := json.Unmarshal([]byte(text.String()), &documents); err != nil {
		t.Fatal(err)
	}
	for hash, document := range documents {
		if !strings.HasPrefix(document, "query Products") {
			continue
		}
		w.do(ada, document, vars{"first": 1}).ok()
		w.send(w.handler, ada, request(vars{"documentId": hash, "variables": vars{"first": 1}})).ok()
		w.send(w.handler, ada, request(vars{"extensions": automatic(persisted.Reference(hash)), "variables": vars{"first": 1}})).ok()
		withTypename := strings.Replace(document, "nodes {", "nodes { __typename", 1)
		w.do(ada, "# as urql sends it\n"+withTypename, vars{"first": 1}).ok()
		w.do(ada, strings.Replace(document, "nodes {", "nodes { archived", 1), nil).refused("PERSISTED_QUERY_NOT_FOUND")
		return
	}
	t.Errorf("no query Products in %s", text.String())
}
