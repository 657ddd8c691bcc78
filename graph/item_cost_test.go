package graph_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/ratelimit"
	"github.com/orderwire/orderwire/internal/stream"
)

// woken is a stream.Waker that remembers one call.
type woken chan struct{}

func (w woken) Wake() {
	select {
	case w <- struct{}{}:
	default:
	}
}

// replay watches an order from a cursor to its version 3, as soon as the rates allow it, and returns the items in their order and
// whether one of them had to wait for its turn.
func (c *crowd) replay(p auth.Principal, document string, variables vars) (items []string, held bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), eventually.Patience)
	defer cancel()
	ctx = graphql.StartOperationTrace(auth.NewContext(ctx, p))
	operation, errs := c.exec.CreateOperationContext(ctx, &graphql.RawParams{Query: document, Variables: variables})
	for errs != nil {
		if ctx.Err() != nil || errs[0].Extensions["code"] != "RATE_LIMITED" {
			c.t.Fatal(errs)
		}
		time.Sleep(10 * time.Millisecond) // a pause between attempts
		operation, errs = c.exec.CreateOperationContext(ctx, &graphql.RawParams{Query: document, Variables: variables})
	}
	watched, refused := stream.Subscribe(ctx, c.exec, operation)
	if refused != nil {
		c.t.Fatal(refused.Errors)
	}
	defer watched.Close()
	waker := make(woken, 1)
	watched.Notify(waker)
	for len(items) < 2 {
		item, ok, err := watched.Next(ctx)
		switch {
		case err != nil:
			c.t.Fatal(err)
		case ok:
			items = append(items, string(item.Response.Data))
			continue
		}
		held = held || graph.Held(watched)
		select {
		case <-waker:
		case <-ctx.Done():
			c.t.Fatalf("after %v: %v", items, ctx.Err())
		}
	}
	return items, held
}

// The items of subscriptions count for their customer's costs as operations do, and are delayed above the limit: nothing is
// lost and nothing is refused.
func TestItemsCost(t *testing.T) {
	t.Parallel()
	w := setup(t)
	orderID := w.order(ada, w.product("watched", 1250, "EUR"), "sim_approve")
	after := w.subscribe(ada, watchOrder, vars{"id": orderID}, "").next().ok().text("orderEvents.cursor")
	w.walk(orderID)
	transport := &executorOf{}
	// Each operation and each item takes all that a second brings.
	rates := ratelimit.New(ratelimit.Config{CostPerUser: 1, Address: func(r *http.Request) string { return r.RemoteAddr }})
	w.send(w.serve(graph.Settings{Limits: guard.Defaults(), Rates: rates, Transports: []graphql.Transport{transport}}), ada, httptest.NewRequest(http.MethodGet, "/graphql", nil))
	c := &crowd{w, transport.exec}
	variables := vars{"id": orderID, "after": after}
	document := func(i int) string {
		return fmt.Sprintf(`subscription($id: ID!, $after: EventCursor) { orderEvents(orderId: $id, after: $after) { a%d: kind event { version } } }`, i)
	}
	check := func(i int, items []string) {
		t.Helper()
		for n, item := range items {
			if want := fmt.Sprintf(`{"orderEvents":{"a%d":"EVENT","event":{"version":%d}}}`, i, n+2); item != want {
				t.Errorf("item %d is %s, want %s", n, item, want)
			}
		}
	}
	last, waited := 0, false
	for ; !waited && last < 20; last++ { // once, but on a machine that takes a second for an item
		var items []string
		items, waited = c.replay(ada, document(last), variables)
		check(last, items)
	}
	if !waited {
		t.Error("items wait for no turn")
	}
	items, held := c.replay(ada, document(last-1), variables)
	check(last-1, items)
	if held {
		t.Error("an item that was executed already is delayed")
	}
	items, held = c.replay(staff, document(last), variables)
	check(last, items)
	if held {
		t.Error("staff wait for their turn")
	}
}
