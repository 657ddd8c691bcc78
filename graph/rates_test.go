package graph_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/ratelimit"
)

// limited is a copy of the world whose rates are bounded.
func (w *world) limited(cfg ratelimit.Config) *world {
	inner := *w
	cfg.Address = func(r *http.Request) string { return r.RemoteAddr }
	inner.handler = w.serve(graph.Settings{Limits: guard.Defaults(), Rates: ratelimit.New(cfg)})
	return &inner
}

// Over a limit the status is 429, whatever was asked for, and the body and the header say when to come again.
func TestRateLimited(t *testing.T) {
	t.Parallel()
	w := setup(t)
	check := func(t *testing.T, a *answer) {
		t.Helper()
		a.refused("RATE_LIMITED")
		seconds, _ := a.Errors[0].Extensions["retryAfter"].(float64)
		if a.Status != 429 || seconds < 1 || a.Header.Get("Retry-After") != strconv.Itoa(int(seconds)) {
			t.Errorf("%d, retryAfter %v, Retry-After %q", a.Status, a.Errors[0].Extensions["retryAfter"], a.Header.Get("Retry-After"))
		}
	}
	t.Run("PerUser", func(t *testing.T) {
		t.Parallel()
		// One each second: nothing else on this machine takes as long as it would take to fill up in between.
		w := w.in(t).limited(ratelimit.Config{PerUser: 1})
		for limited := false; !limited; {
			a := w.do(ada, `{ viewer { id } }`, nil, "Accept", "application/json")
			if limited = len(a.Errors) > 0; limited {
				check(t, a)
			}
		}
		for limited := false; !limited; {
			a := w.do(bob, `{ this is not GraphQL`, nil, "Accept", "application/graphql-response+json")
			if limited = a.Status == 429; limited {
				check(t, a)
			}
		}
	})
	t.Run("Cost", func(t *testing.T) {
		t.Parallel()
		w := w.in(t).limited(ratelimit.Config{CostPerUser: 1000})
		const dear = `{ orders(first: 90) { nodes { id payments { id } refunds { id } } } }` // dearer than all of a second's
		for limited := false; !limited; {
			a := w.do(ada, dear, nil)
			if limited = len(a.Errors) > 0; limited {
				check(t, a)
			}
		}
		w.do(bob, dear, nil).ok()
	})
	t.Run("Orders", func(t *testing.T) {
		t.Parallel()
		leased := 0
		w := w.in(t).limited(ratelimit.Config{Orders: ratelimit.NewShared(1, func(context.Context, id.Customer, int) (time.Duration, error) {
			leased++
			if leased == 1 {
				return 0, nil
			}
			return 7 * time.Second, nil
		})})
		mug := w.product("limited", 100, "EUR")
		document := `mutation($p: ID!, $k: String!) { ...F } fragment F on Mutation {
			again: orderCreate(input: {idempotencyKey: $k, items: [{productId: $p, quantity: 1}]}) { order { id } userErrors { code } } }`
		for i := range 2 { // the one of the minute, and the tenth that a replica may exceed it by
			w.do(ada, document, vars{"p": mug, "k": "limited-" + strconv.Itoa(i)}).ok().want("again.userErrors", []any{})
		}
		a := w.do(ada, document, vars{"p": mug, "k": "limited-2"})
		check(t, a)
		if seconds, _ := a.Errors[0].Extensions["retryAfter"].(float64); seconds > 7 {
			t.Errorf("retryAfter %v, want the database's, 7 s", seconds)
		}
		w.do(ada, `{ viewer { id } }`, nil).ok()
		w.do(staff, document, vars{"p": mug, "k": "limited-3"}).ok()
	})
	t.Run("OrdersErrDatabase", func(t *testing.T) {
		t.Parallel()
		w := w.in(t).limited(ratelimit.Config{Orders: ratelimit.NewShared(1, func(context.Context, id.Customer, int) (time.Duration, error) {
			return 0, errors.New("password authentication failed for user orderwire")
		})})
		mug := w.product("unavailable", 100, "EUR")
		document := `mutation($p: ID!, $k: String!) { orderCreate(input: {idempotencyKey: $k, items: [{productId: $p, quantity: 1}]}) { order { id } } }`
		w.do(ada, document, vars{"p": mug, "k": "unavailable-1"}).ok()
		for _, accept := range []string{"application/json", "application/graphql-response+json"} {
			a := w.do(ada, document, vars{"p": mug, "k": "unavailable-2"}, "Accept", accept)
			a.refused("UNAVAILABLE")
			if strings.Contains(a.Errors[0].Message, "password") || a.Status != 503 || a.Header.Get("Retry-After") == "" {
				t.Errorf("%d, Retry-After %q, %+v", a.Status, a.Header.Get("Retry-After"), a.Errors)
			}
		}
	})
	t.Run("Address", func(t *testing.T) {
		t.Parallel()
		w := w.in(t)
		limits := ratelimit.New(ratelimit.Config{PerAddress: 1, Address: func(r *http.Request) string { return r.RemoteAddr }})
		handler := limits.Middleware(w.serve(graph.Settings{Limits: guard.Defaults(), Rates: limits}))
		for limited := false; !limited; {
			r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(`{"query":"{ viewer { id } }"}`))
			r.Header.Set("Content-Type", "application/json")
			a := w.send(handler, anonymous, r)
			if limited = a.Status == 429; limited {
				check(t, a)
			}
		}
	})
}
