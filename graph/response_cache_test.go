package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/stream"
)

// crowd subscribes through one handler, as all subscribers of a server do.
type crowd struct {
	*world
	exec graphql.GraphExecutor
}

func (w *world) crowd() *crowd {
	w.t.Helper()
	transport := &executorOf{}
	w.send(w.serve(graph.Settings{Transports: []graphql.Transport{transport}}), ada, httptest.NewRequest(http.MethodGet, "/graphql", nil))
	return &crowd{w, transport.exec}
}

// first subscribes and returns the first item.
func (c *crowd) first(p auth.Principal, document string, variables vars) (string, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), eventually.Patience)
	defer cancel()
	ctx = graphql.StartOperationTrace(auth.NewContext(ctx, p))
	operation, errs := c.exec.CreateOperationContext(ctx, &graphql.RawParams{Query: document, Variables: variables})
	if errs != nil {
		return "", errs
	}
	watched, refused := stream.Subscribe(ctx, c.exec, operation)
	if refused != nil {
		return "", refused.Errors
	}
	defer watched.Close()
	item, err := stream.NewReader(watched).Next(ctx)
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(item.Response)
	return string(raw), err
}

// Subscribers of the same response cost one execution, and nobody gets a response of another role or selection.
func TestSharing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	orderID := w.order(ada, w.product("mug", 1250, "EUR"), "sim_approve")
	const document = `subscription($id: ID!, $after: EventCursor) { orderEvents(orderId: $id, after: $after) {
		order { version availableActions lines { product { sku } } payment { attempts { operation } } } } }`
	w.walk(orderID) // a confirmed order shows staff more than its owner
	c := w.crowd()
	if _, err := c.first(ada, `subscription($id: ID!) { orderEvents(orderId: $id) { kind } }`, vars{"id": orderID}); err != nil {
		t.Fatal(err) // the hub learns where the log stands
	}

	const n = 50
	answers := make([]string, n)
	statements := w.counter.during(func() {
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				var err error
				if answers[i], err = c.first(ada, document, vars{"id": orderID}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
	for _, answer := range answers {
		if answer == "" || answer != answers[0] {
			t.Errorf("answers differ:\n%s\n%s", answer, answers[0])
		}
	}
	// Each reads its own snapshot of the order, which authorizes it; the products are loaded once.
	if alone := w.counter.during(func() {
		if _, err := w.crowd().first(ada, document, vars{"id": orderID}); err != nil {
			t.Error(err)
		}
	}); statements > n*(alone-1)+1 {
		t.Errorf("%d subscribers ran %d statements, one alone runs %d", n, statements, alone)
	}

	staffs, err := c.first(staff, document, vars{"id": orderID})
	if err != nil || staffs == answers[0] {
		t.Errorf("staff get a customer's response: %s, %v", staffs, err)
	}
	for i, other := range []string{
		`subscription($id: ID!) { orderEvents(orderId: $id) { order { version } } }`,
		`subscription($id: ID!) { orderEvents(orderId: $id) { order { number } } }`,
	} {
		answer, err := c.first(ada, other, vars{"id": orderID})
		if err != nil || answer == answers[0] {
			t.Errorf("selection %d: %s, %v", i, answer, err)
		}
	}
	const included = `subscription($id: ID!, $with: Boolean!) { orderEvents(orderId: $id) { kind order @include(if: $with) { version } } }`
	seen := map[string]bool{}
	for _, with := range []bool{true, false} {
		answer, err := c.first(ada, included, vars{"id": orderID, "with": with})
		if err != nil {
			t.Error(err)
		}
		seen[answer] = true
	}
	if len(seen) != 2 {
		t.Errorf("other variables, the same answer: %v", fmt.Sprint(seen))
	}
}
