package graph_test

import (
	"testing"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/render"
)

// introspectionTree grows by a factor with each level: types have fields, which have types.
const introspectionTree = `{ __schema { types { name description fields { name description type { name description fields { name description type { name description } } } } } } }`

// TestAnswerBytes requests answers above the limit. No part of one is sent, whether it is written by the renderers, by gqlgen field
// by field, or by introspection.
func TestAnswerBytes(t *testing.T) {
	w := setup(t)
	w.handler = w.serve(graph.Settings{Introspection: true, AnswerBytes: 64 << 10})
	orderID := w.order(ada, w.product("A", 1000, "EUR"), "sim_approve")
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = orderID
	}
	tooLarge := func(t *testing.T, query string, variables vars) {
		t.Helper()
		got := w.in(t).do(ada, query, variables).refused("ANSWER_TOO_LARGE")
		if got.Data != nil || len(got.Errors) != 1 {
			t.Errorf("data is %v with %d errors", got.Data, len(got.Errors))
		}
	}
	const repeated = `query($ids: [ID!]!) { nodes(ids: $ids) { ... on Order { id number customerId createdAt updatedAt a: customerId b: customerId c: customerId
		d: customerId e: customerId f: customerId g: customerId h: customerId i: customerId j: customerId k: customerId l: customerId m: customerId } } }`
	for _, off := range []bool{false, true} {
		name := "Rendered"
		if off {
			name = "Executed"
		}
		t.Run(name, func(t *testing.T) {
			render.Off.Store(off)
			defer render.Off.Store(false)
			tooLarge(t, repeated, vars{"ids": ids})
			w.in(t).do(ada, repeated, vars{"ids": ids[:10]}).ok()
		})
	}
	t.Run("Introspection", func(t *testing.T) { tooLarge(t, introspectionTree, nil) })
	t.Run("Errors", func(t *testing.T) {
		// Each order has an error with a path; the answer is cut to a few of them, and stays small.
		w := w.in(t)
		w.handler = w.serve(graph.Settings{AnswerBytes: 64 << 10, Limits: guard.Limits{Errors: 5}})
		w.do(ada, `{ orders { nodes { events(after: "x") { nodes { id } } } } }`, nil).refused("INVALID_CURSOR")
	})
}
