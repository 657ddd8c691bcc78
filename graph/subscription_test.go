package graph_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/stream"
)

const (
	watchOrder = `subscription($id: ID!, $after: EventCursor) { orderEvents(orderId: $id, after: $after) { kind cursor
		event { __typename type version orderId actor { id kind } ... on PaymentConfirmed { paymentId amount { amountMinor } } }
		order { status version captured { amount } lines { product { sku } } availableActions
			payment { status providerReference nextAction { type } attempts { operation } order { version } } } } }`
	watchFeed = `subscription($filter: OrderFeedFilter, $after: EventCursor) { orderFeed(filter: $filter, after: $after) { kind cursor order { id } } }`
)

// executorOf is the transport that our watchers drive: it does nothing but hand the executor out.
type executorOf struct{ exec graphql.GraphExecutor }

func (*executorOf) Supports(*http.Request) bool { return true }

func (e *executorOf) Do(w http.ResponseWriter, _ *http.Request, exec graphql.GraphExecutor) {
	e.exec = exec
	w.WriteHeader(http.StatusNoContent)
}

// watcher drives a subscription as our transports do.
type watcher struct {
	t       *testing.T
	ctx     context.Context
	reader  *stream.Reader // nil when the subscription was refused
	refused *graphql.Response
	cancel  context.CancelFunc
}

// subscribe starts a subscription.
func (w *world) subscribe(p auth.Principal, document string, variables vars, lastCursor string) *watcher {
	w.t.Helper()
	return w.watch(w.executor(), p, document, variables, lastCursor)
}

// executor returns the executor that the world's transports get.
func (w *world) executor() graphql.GraphExecutor {
	w.t.Helper()
	transport := &executorOf{}
	w.send(w.serve(graph.Settings{Transports: []graphql.Transport{transport}, AnswerBytes: mostCompared}), anonymous, httptest.NewRequest(http.MethodGet, "/graphql", nil))
	return transport.exec
}

// watch starts a subscription at an executor.
func (w *world) watch(executor graphql.GraphExecutor, p auth.Principal, document string, variables vars, lastCursor string) *watcher {
	w.t.Helper()
	s := &watcher{t: w.t}
	ctx, cancel := context.WithCancel(w.t.Context())
	w.t.Cleanup(cancel)
	s.cancel = cancel
	s.ctx = graphql.StartOperationTrace(auth.NewContext(stream.WithLastCursor(ctx, lastCursor), p))
	operation, errs := w.operation(s.ctx, executor, document, variables)
	if errs != nil {
		s.refused = executor.DispatchError(graphql.WithOperationContext(s.ctx, operation), errs)
		return s
	}
	watched, refused := stream.Subscribe(s.ctx, executor, operation)
	if s.refused = refused; refused == nil {
		context.AfterFunc(ctx, watched.Close)
		s.reader = stream.NewReader(watched)
	}
	return s
}

// operation is one with variables as they come over a socket.
func (w *world) operation(ctx context.Context, exec graphql.GraphExecutor, document string, variables vars) (*graphql.OperationContext, gqlerror.List) {
	w.t.Helper()
	sent, err := json.Marshal(variables)
	if err != nil {
		w.t.Fatal(err)
	}
	params := &graphql.RawParams{Query: document}
	if err := json.Unmarshal(sent, &params.Variables); err != nil {
		w.t.Fatal(err)
	}
	return exec.CreateOperationContext(ctx, params)
}

// response is the next item as it is sent, or the refusal, with the transport's cursor.
func (s *watcher) response() (cursor string, response *graphql.Response) {
	s.t.Helper()
	if s.reader == nil {
		return "", s.refused
	}
	ctx, cancel := context.WithTimeout(s.ctx, eventually.Patience)
	defer cancel()
	item, err := s.reader.Next(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return item.Cursor, item.Response
}

// next is the next item, or the refusal. The transport's cursor must be the item's.
func (s *watcher) next() *answer {
	s.t.Helper()
	cursor, response := s.response()
	raw, err := json.Marshal(response)
	if err != nil {
		s.t.Fatal(err)
	}
	a := &answer{t: s.t}
	if err := json.Unmarshal(raw, a); err != nil {
		s.t.Fatal(err)
	}
	if data, ok := a.Data.(map[string]any); ok && cursor != "" {
		for _, update := range data {
			if shown := update.(map[string]any)["cursor"]; shown != nil && shown != cursor {
				s.t.Errorf("the transport's cursor is %q, the item's %q", cursor, shown)
			}
		}
	}
	return a
}

func TestOrderEvents(t *testing.T) {
	t.Parallel()
	w := setup(t)
	product := w.product("mug", 1250, "EUR")
	t.Run("OK", func(t *testing.T) {
		w := w.in(t)
		orderID := w.order(ada, product, "sim_approve")
		sub := w.subscribe(ada, watchOrder, vars{"id": orderID}, "")
		first := sub.next().ok().want("orderEvents.kind", "SNAPSHOT").want("orderEvents.event", nil)
		first.want("orderEvents.order.status", "CREATED").want("orderEvents.order.version", 1)
		w.walk(orderID)
		sub.next().ok().want("orderEvents.event.__typename", "PaymentProcessing").want("orderEvents.order.payment.order.version", 2)
		last := sub.next().ok().want("orderEvents.event.__typename", "PaymentConfirmed").want("orderEvents.kind", "EVENT")
		last.want("orderEvents.event.amount.amountMinor", "2500").want("orderEvents.event.actor", vars{"id": nil, "kind": "PROVIDER"})
		last.want("orderEvents.order.captured.amount", "25.00").want("orderEvents.order.lines.0.product.sku", "mug")
		last.want("orderEvents.order.payment.status", "CONFIRMED").want("orderEvents.order.payment.providerReference", nil)
		last.want("orderEvents.order.payment.attempts", []any{}).want("orderEvents.order.availableActions", []string{"CANCEL"})

		resumed := w.subscribe(ada, watchOrder, vars{"id": orderID, "after": first.at("orderEvents.cursor")}, "")
		second := resumed.next().ok().want("orderEvents.event.version", 2)
		// Last-Event-ID is newer than the argument of the first request.
		again := w.subscribe(ada, watchOrder, vars{"id": orderID, "after": first.at("orderEvents.cursor")}, second.text("orderEvents.cursor"))
		again.next().ok().want("orderEvents.event.version", 3)
	})
	t.Run("OKStaff", func(t *testing.T) {
		w := w.in(t)
		orderID := w.order(ada, product, "sim_requires_action")
		w.walk(orderID)
		got := w.subscribe(staff, watchOrder, vars{"id": orderID}, "").next().ok()
		got.want("orderEvents.order.payment.attempts", []vars{{"operation": "AUTHORIZE"}})
		// The customer's next action never enters a stream, not even the owner's.
		got = w.subscribe(ada, watchOrder, vars{"id": orderID}, "").next().ok()
		got.want("orderEvents.order.payment.status", "REQUIRES_ACTION").want("orderEvents.order.payment.nextAction", nil)
	})
	orderID := w.order(ada, product, "sim_approve")
	// gqlgen's way, a channel of items, does not exist: nothing of ours would know when such a subscription ends.
	t.Run("ErrDispatched", func(t *testing.T) {
		w := w.in(t)
		exec := w.executor()
		ctx := graphql.StartOperationTrace(auth.NewContext(t.Context(), ada))
		operation, errs := w.operation(ctx, exec, watchOrder, vars{"id": orderID})
		if errs != nil {
			t.Fatal(errs)
		}
		respond, ctx := exec.DispatchOperation(ctx, operation)
		if response := respond(ctx); len(response.Data) > 0 || len(response.Errors) != 1 || response.Errors[0].Extensions["code"] != "INTERNAL" {
			t.Errorf("%+v", response)
		}
		if n := w.hub.Subscribers(); n != 0 {
			t.Errorf("%d subscribers", n)
		}
	})
	t.Run("ErrEvents", func(t *testing.T) {
		w := w.in(t)
		const query = `subscription($id: ID!) { orderEvents(orderId: $id) { order { events { nodes { id } } } } }`
		w.subscribe(ada, query, vars{"id": orderID}, "").next().refused("BAD_USER_INPUT")
	})
	feedCursor := w.subscribe(ada, watchFeed, nil, "").next().ok().text("orderFeed.cursor")
	for name, c := range map[string]struct {
		principal auth.Principal
		variables vars
		code      string
	}{
		"ErrForeign":   {bob, vars{"id": orderID}, "NOT_FOUND"},
		"ErrMissing":   {ada, vars{"id": id.New[id.Order]().TypeID()}, "NOT_FOUND"},
		"ErrAnonymous": {anonymous, vars{"id": orderID}, "UNAUTHENTICATED"},
		"ErrMalformed": {ada, vars{"id": "x"}, "BAD_USER_INPUT"},
		"ErrCursor":    {ada, vars{"id": orderID, "after": "x"}, "INVALID_CURSOR"},
		"ErrEmpty":     {ada, vars{"id": orderID, "after": ""}, "INVALID_CURSOR"},
		"ErrFeeds":     {ada, vars{"id": orderID, "after": feedCursor}, "INVALID_CURSOR"},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			w.subscribe(c.principal, watchOrder, c.variables, "").next().refused(c.code)
		})
	}
}

func TestOrderFeed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	orderID := w.order(ada, w.product("mug", 1250, "EUR"), "sim_approve")
	orderCursor := w.subscribe(ada, watchOrder, vars{"id": orderID}, "").next().ok().text("orderEvents.cursor")
	filter := vars{"filter": vars{"customerId": ada.CustomerID.TypeID(), "orderStatus": []string{"CREATED"}, "eventTypes": []string{"ORDER_CREATED"}}}
	w.subscribe(ada, watchFeed, nil, "").next().ok().want("orderFeed.kind", "SNAPSHOT").want("orderFeed.order", nil)
	w.subscribe(staff, watchFeed, filter, "").next().ok().want("orderFeed.kind", "SNAPSHOT")
	w.subscribe(ada, watchFeed, filter, "").next().refused("FORBIDDEN")
	zeros := vars{"filter": vars{"customerId": id.Customer(uuid.Nil).TypeID()}}
	w.subscribe(ada, watchFeed, zeros, "").next().refused("FORBIDDEN")
	nobodys := w.subscribe(staff, watchFeed, zeros, "")
	nobodys.next().ok().want("orderFeed.kind", "SNAPSHOT")
	w.subscribe(staff, watchFeed, vars{"filter": vars{"customerId": "x"}}, "").next().refused("BAD_USER_INPUT")
	w.subscribe(anonymous, watchFeed, nil, "").next().refused("UNAUTHENTICATED")
	w.subscribe(ada, watchFeed, vars{"after": orderCursor}, "").next().refused("INVALID_CURSOR")
}

// TestStreamEnds checks that a subscriber that leaves is forgotten.
func TestStreamEnds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	orderID := w.order(ada, w.product("mug", 1250, "EUR"), "sim_approve")
	s := w.subscribe(ada, watchOrder, vars{"id": orderID}, "")
	s.next().ok()
	if n := w.hub.Subscribers(); n != 1 {
		t.Fatalf("%d subscribers", n)
	}
	s.cancel()
	ctx, stop := context.WithTimeout(t.Context(), eventually.Patience)
	defer stop()
	for w.hub.Subscribers() != 0 {
		if ctx.Err() != nil {
			t.Fatal("the subscriber is still there")
		}
		runtime.Gosched()
	}
}

// TestItemErrors has a field of an item fail: the item comes with null in the field's place, and with the error, whose path begins at
// the response's root (GraphQL specification, section 7.1.2).
func TestItemErrors(t *testing.T) {
	t.Parallel()
	w := setup(t)
	orderID := w.order(ada, w.product("mug", 1250, "EUR"), "sim_approve")
	s := w.subscribe(ada, `subscription($id: ID!) { watched: orderEvents(orderId: $id) { kind order { lines { product { sku } } } } }`, vars{"id": orderID}, "")
	if err := w.api.Close(); err != nil {
		t.Fatal(err)
	}
	got := s.next().refused("UNAVAILABLE").want("watched", vars{"kind": "SNAPSHOT", "order": nil})
	if path := got.Errors[0].Path; !sameJSON(path, []any{"watched", "order", "lines", 0, "product"}) {
		t.Errorf("the error's path is %v", path)
	}
}
