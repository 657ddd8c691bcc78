package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/dbclock"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/paymenttest"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/product"
	"github.com/orderwire/orderwire/internal/reconcile"
	"github.com/orderwire/orderwire/internal/requestid"
	"github.com/orderwire/orderwire/internal/session"
	"github.com/orderwire/orderwire/internal/stats"
	"github.com/orderwire/orderwire/internal/webhook"
)

var (
	anonymous = auth.Principal{}
	ada       = person("ada", auth.RoleCustomer)
	bob       = person("bob", auth.RoleCustomer)
	staff     = person("sue", auth.RoleStaff)
)

func person(name string, role auth.Role) auth.Principal {
	return auth.Principal{
		CustomerID: id.ForCustomer("test", name), Role: role, Issuer: "test", Subject: name, Name: name,
		ExpiresAt: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

// maxEndpoints of webhooks there may be unless a test says otherwise.
const maxEndpoints = 4

// world is a whole service without the network: the schema over a real database and the simulated provider.
type world struct {
	t        *testing.T
	db       *postgrestest.DB
	api      *sqlx.DB
	counter  *counter
	store    *postgres.Store
	gateway  payment.Gateway
	provider *payment.Provider
	policy   order.Policy
	// endpoints of webhooks there may be.
	endpoints int
	hub       *event.Hub
	sessions  *session.Registry
	handler   http.Handler
	resolver  *graph.Resolver
	log       *logBuffer
	// open: the handlers do not use package access.
	open bool
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, counter: &counter{}, log: &logBuffer{}, endpoints: maxEndpoints}
	w.policy = order.Policy{DeliveryDelay: time.Hour, Expiry: time.Hour, AuthorizationExpiry: time.Hour}
	w.db = postgrestest.Open(t)
	provider, err := simulated.New(w.db.DB, simulated.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Close() })
	w.gateway, w.provider = provider, provider.Describe()
	w.wire(w.counter.open(t, w.db.URL))
	return w
}

// wire connects the service over a pool of the API.
func (w *world) wire(api *sqlx.DB) {
	w.t.Helper()
	w.api = api
	var hub *event.Hub
	w.store = postgrestest.Store(w.t, api, func(commits []postgres.Committed) {
		for _, c := range commits {
			hub.Publish(c.Events)
		}
	})
	hub = event.NewHub(postgres.NewLog(api), event.Config{})
	w.hub = hub
	var err error
	w.sessions, err = session.NewRegistry(w.t.Context(), postgres.NewRevocations(api, w.db.Worker, dbclock.New(nil)), nil, session.Config{})
	if err != nil {
		w.t.Fatal(err)
	}
	products := product.NewService(w.store, product.PricesWithin(w.provider.Limits))
	began := order.SystemClock()
	w.resolver = &graph.Resolver{
		OrderService:   order.NewService(w.store, products, paymenttest.Registry(w.t, w.provider), w.policy, order.SystemClock),
		ProductService: products,
		Reconciler:     reconcile.New(reconcile.Config{Store: postgres.NewReconciliation(w.db.Worker, api, "test")}),
		Walker:         reconcile.NewWalker(reconcile.WalkConfig{Store: postgres.NewOrphans(w.db.Worker, api, "simulated", "test")}),
		WebhookService: webhook.NewService(postgres.NewWebhooks(api), postgres.NewLog(api), webhook.Destinations{Loopback: true}, w.endpoints, order.SystemClock, func() {}),
		Stats:          stats.NewService(w.store, w.hub.Subscribers, func() time.Time { return began }), // two answers are of one moment
		Audit:          w.store,
		Hub:            w.hub,
		Sessions:       w.sessions,
	}
	w.handler = w.serve(graph.Settings{Introspection: true, Limits: guard.Defaults(), DocumentCacheBytes: 1 << 20, PersistedQueryBytes: 1 << 20})
}

// in is the same world for a subtest.
func (w *world) in(t *testing.T) *world {
	inner := *w
	inner.t = t
	return &inner
}

func (w *world) serve(settings graph.Settings) http.Handler {
	settings.Logger = slog.New(slog.NewTextHandler(w.log, nil))
	handler := graph.NewHandler(w.resolver, settings)
	if w.open {
		handler.WithoutAccess()
	}
	return graph.IdempotencyKeyHeader(handler)
}

// answer is a GraphQL response.
type answer struct {
	t          *testing.T
	Status     int
	Header     http.Header
	Data       any
	Extensions map[string]any
	Errors     []struct {
		Message    string
		Path       []any
		Extensions map[string]any
	}
}

type vars map[string]any

// do runs a document as p, over HTTP.
func (w *world) do(p auth.Principal, document string, variables vars, headers ...string) *answer {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return w.send(w.handler, p, r)
}

func (w *world) send(handler http.Handler, p auth.Principal, r *http.Request) *answer {
	w.t.Helper()
	ctx := requestid.NewContext(auth.NewContext(r.Context(), p), "request-of-the-test")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r.WithContext(ctx))
	a := &answer{t: w.t, Status: recorder.Code, Header: recorder.Header()}
	raw, err := io.ReadAll(recorder.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, a); err != nil {
			w.t.Fatalf("%s: %v", raw, err)
		}
	}
	return a
}

// ok fails the test when the response has errors.
func (a *answer) ok() *answer {
	a.t.Helper()
	if len(a.Errors) > 0 {
		a.t.Fatalf("errors: %+v", a.Errors)
	}
	return a
}

// at is the value at a path such as "orders.nodes.0.id".
func (a *answer) at(path string) any {
	a.t.Helper()
	v := a.Data
	for _, part := range strings.Split(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			value, ok := in[part]
			if !ok {
				a.t.Fatalf("no %q of %q in %v", part, path, a.Data)
			}
			v = value
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(in) {
				a.t.Fatalf("no %q of %q in %v", part, path, a.Data)
			}
			v = in[i]
		default:
			a.t.Fatalf("no %q of %q in %v", part, path, a.Data)
		}
	}
	return v
}

func (a *answer) text(path string) string {
	a.t.Helper()
	s, ok := a.at(path).(string)
	if !ok {
		a.t.Fatalf("%s is %v, no text", path, a.at(path))
	}
	return s
}

func (a *answer) want(path string, value any) *answer {
	a.t.Helper()
	if got := a.at(path); !sameJSON(got, value) {
		a.t.Errorf("%s = %v, want %v", path, got, value)
	}
	return a
}

// refused expects exactly one top-level error with the code.
func (a *answer) refused(code string) *answer {
	a.t.Helper()
	if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != code {
		a.t.Fatalf("errors are %+v, want one %s (data %v)", a.Errors, code, a.Data)
	}
	return a
}

func sameJSON(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

const upsert = `mutation($input: ProductUpsertInput!) { productUpsert(input: $input) {
	product { id sku name description price { amountMinor amount currency } image archived } userErrors { field message code } } }`

// product puts something into the catalogue and returns its id.
func (w *world) product(sku string, priceMinor int64, currency string) string {
	w.t.Helper()
	a := w.do(staff, upsert, vars{"input": vars{"sku": sku, "name": "The " + sku, "priceMinor": priceMinor, "currency": currency}}).ok()
	return a.text("productUpsert.product.id")
}

const create = `mutation($input: OrderCreateInput!) { orderCreate(input: $input) {
	order { id number status version payment { id status } } replayed userErrors { field message code } currentTotal { amountMinor amount currency } } }`

// order places an order of one product and returns its id.
func (w *world) order(p auth.Principal, productID, token string, capture ...string) string {
	w.t.Helper()
	input := vars{
		"idempotencyKey": uuid.NewString(), "paymentMethod": vars{"token": token},
		"items": []any{vars{"productId": productID, "quantity": 2}},
	}
	if len(capture) > 0 {
		input["captureMethod"] = capture[0]
	}
	return w.do(p, create, vars{"input": input}).ok().text("orderCreate.order.id")
}

// walk takes an order as far as it gets by itself, as the pipeline does.
func (w *world) walk(orderID string) {
	w.t.Helper()
	key, err := id.Parse[id.Order](orderID)
	if err != nil {
		w.t.Fatal(err)
	}
	var settle func(*order.Order) error
	for {
		var todo *payment.Work
		_, err := w.store.ChangeOrder(w.t.Context(), auth.System, key, order.Change{Apply: func(o *order.Order) (uuid.UUID, error) {
			if settle != nil {
				if err := settle(o); err != nil {
					return uuid.Nil, err
				}
			}
			var err error
			todo, err = o.Advance(order.Cause{Now: order.SystemClock()}, w.policy)
			return uuid.Nil, err
		}})
		if err != nil {
			w.t.Fatal(err)
		}
		if todo == nil {
			return
		}
		result, callErr := w.call(w.t.Context(), todo)
		settle = func(o *order.Order) error {
			return o.Settle(order.Cause{Now: order.SystemClock()}, w.policy, todo, result, callErr)
		}
	}
}

func (w *world) call(ctx context.Context, work *payment.Work) (payment.Result, error) {
	call := work.Call
	if work.LookUpOnly {
		return w.gateway.LookUp(ctx, call)
	}
	switch call.Operation {
	case payment.OperationAuthorize:
		return w.gateway.Authorize(ctx, call)
	case payment.OperationCapture:
		return w.gateway.Capture(ctx, call)
	case payment.OperationVoid:
		return w.gateway.Void(ctx, call)
	case payment.OperationRefund:
		return w.gateway.Refund(ctx, call)
	default:
		return payment.Result{}, fmt.Errorf("unknown operation %q", call.Operation)
	}
}

// logBuffer collects the log.
type logBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
