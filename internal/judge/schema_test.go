package judge_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/judge"
	"github.com/orderwire/orderwire/schema"
)

// introspect asks a server of the schema for everything there is to know of it.
func introspect(t *testing.T, query string) json.RawMessage {
	t.Helper()
	handler := graph.NewHandler(&graph.Resolver{}, graph.Settings{Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Introspection: true, Limits: guard.Defaults()})
	body, err := json.Marshal(map[string]any{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(string(body)))
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	var answer struct {
		Data   json.RawMessage
		Errors []json.RawMessage
	}
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil || len(answer.Errors) > 0 {
		t.Fatalf("%v: %s", err, answer.Errors)
	}
	return answer.Data
}

// TestIntrospection: /schema.graphql and introspection describe the same schema.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	j := judge.Open(t, root)
	answer := judge.Ask[struct{ Served, Told string }](j, "compare", map[string]any{
		"sdl": schema.SDL(), "introspection": introspect(t, judge.Ask[string](j, "introspection", map[string]any{})),
	})
	served, told := strings.Split(answer.Served, "\n"), strings.Split(answer.Told, "\n")
	if len(served) < 1000 {
		t.Errorf("the schema has only %d lines", len(served))
	}
	for i := range min(len(served), len(told)) {
		if served[i] != told[i] {
			t.Fatalf("line %d is %q in /schema.graphql, and %q by introspection, after\n%s", i+1, served[i], told[i], strings.Join(served[max(0, i-10):i], "\n"))
		}
	}
	if len(served) != len(told) {
		t.Errorf("%d lines are served, %d told", len(served), len(told))
	}
}

// TestServedSchema: /schema.graphql can be read from its start.
func TestServedSchema(t *testing.T) {
	t.Parallel()
	j := judge.Open(t, root)
	if places := judge.Ask[[]string](j, "order", map[string]any{"sdl": schema.SDL()}); len(places) > 0 {
		t.Errorf("types are extended before they are defined: %s", strings.Join(places, ", "))
	}
	if directive := schema.Parse().Directives["defer"]; directive != nil {
		t.Error("@defer is declared, and not executed")
	}
	if got := judge.Ask[[]string](j, "order", map[string]any{"sdl": "extend type A { b: Int } type A { c: Int }"}); !slices.Equal(got, []string{"A at line 1"}) {
		t.Errorf("a type that is extended first is found as %v", got)
	}
}
