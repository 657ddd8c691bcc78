package reconcile_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/paymenttest"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/product"
	"github.com/orderwire/orderwire/internal/reconcile"
)

const price = 1800

var (
	ada    = auth.Principal{CustomerID: id.ForCustomer("test", "ada"), Role: auth.RoleCustomer, Issuer: "test", Subject: "ada"}
	staff  = auth.Principal{CustomerID: id.ForCustomer("test", "sue"), Role: auth.RoleStaff, Issuer: "test", Subject: "sue"}
	policy = order.Policy{DeliveryDelay: time.Hour, Expiry: time.Hour, AuthorizationExpiry: time.Hour}
)

// bundle is a shop and its simulated provider over a fresh database. Nothing runs by itself.
type bundle struct {
	db       *postgrestest.DB
	store    *postgres.Store
	provider *simulated.Provider
	orders   *order.Service
	product  id.Product

	mu       sync.Mutex
	lookedUp map[id.Payment]int // by payment
	// lookUp, when set, stands before the provider.
	lookUp func(ctx context.Context, call payment.Call) (payment.Result, error)
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{db: postgrestest.Open(t), lookedUp: map[id.Payment]int{}}
	b.store = postgrestest.Store(t, b.db.Worker, nil)
	var err error
	if b.provider, err = simulated.New(b.db.DB, simulated.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.provider.Close() })
	products := product.NewService(postgrestest.Store(t, b.db.API, nil))
	mug, err := products.Upsert(t.Context(), auth.System, product.Input{SKU: "MUG", Name: "Mug", PriceMinor: price, Currency: "EUR"})
	if err != nil {
		t.Fatal(err)
	}
	b.product = mug.ID
	b.orders = order.NewService(b.store, products, paymenttest.Registry(t, b.provider.Describe()), policy, order.SystemClock)
	return b
}

// asked stands before the provider.
type asked struct {
	payment.Gateway
	b *bundle
}

func (a asked) LookUp(ctx context.Context, call payment.Call) (payment.Result, error) {
	a.b.mu.Lock()
	a.b.lookedUp[call.PaymentID]++
	a.b.mu.Unlock()
	if a.b.lookUp != nil {
		return a.b.lookUp(ctx, call)
	}
	return a.Gateway.LookUp(ctx, call)
}

func (b *bundle) lookUps() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range b.lookedUp {
		n += one
	}
	return n
}

// reconciler is one more replica's. A round is always due.
func (b *bundle) reconciler(t *testing.T) *reconcile.Reconciler {
	t.Helper()
	return reconcile.New(reconcile.Config{
		Store:     postgres.NewReconciliation(b.db.Worker, b.db.API, uuid.NewString()),
		Providers: paymenttest.Registry(t, paymenttest.Through(b.provider.Describe(), asked{b.provider, b})),
		RequestRecheck: func(ctx context.Context, paymentID id.Payment) error {
			_, err := b.orders.RecheckPayment(ctx, auth.System, paymentID)
			return err
		},
		Interval: time.Nanosecond, Window: time.Hour, Rate: 1_000_000, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
}

func (b *bundle) turn(t *testing.T, r *reconcile.Reconciler) {
	t.Helper()
	if err := reconcile.Turn(r, t.Context()); err != nil {
		t.Fatal(err)
	}
}

// order places one and walks it as far as it gets by itself.
func (b *bundle) order(t *testing.T, token string) *order.Order {
	t.Helper()
	return b.orderOf(t, token, payment.CaptureAutomatic)
}

func (b *bundle) orderOf(t *testing.T, token string, capture payment.CaptureMethod) *order.Order {
	t.Helper()
	outcome, err := b.orders.Create(t.Context(), ada, order.CreateInput{
		IdempotencyKey: uuid.NewString(), Items: []order.Item{{ProductID: b.product, Quantity: 1}}, PaymentToken: token,
		Capture: capture,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.walk(t, outcome.Order.ID)
}

// walk runs the pipeline until nothing is due.
func (b *bundle) walk(t *testing.T, orderID id.Order) *order.Order {
	t.Helper()
	var answered func(*order.Order) error
	for {
		var todo *payment.Work
		outcome := b.change(t, orderID, func(o *order.Order) error {
			if answered != nil {
				if err := answered(o); err != nil {
					return err
				}
			}
			var err error
			todo, err = o.Advance(order.Cause{Now: order.SystemClock()}, policy)
			return err
		})
		if todo == nil {
			return outcome
		}
		work := todo
		result, callErr := b.call(t.Context(), work)
		answered = func(o *order.Order) error {
			return o.Settle(order.Cause{Now: order.SystemClock()}, policy, work, result, callErr)
		}
	}
}

func (b *bundle) change(t *testing.T, orderID id.Order, change func(*order.Order) error) *order.Order {
	t.Helper()
	outcome, err := b.store.ChangeOrder(t.Context(), auth.System, orderID, order.Change{Apply: func(o *order.Order) (uuid.UUID, error) {
		return uuid.Nil, change(o)
	}})
	if err != nil {
		t.Fatal(err)
	}
	return outcome.Order
}

func (b *bundle) call(ctx context.Context, work *payment.Work) (payment.Result, error) {
	switch {
	case work.LookUpOnly && b.lookUp != nil:
		return b.lookUp(ctx, work.Call)
	case work.LookUpOnly:
		return b.provider.LookUp(ctx, work.Call)
	case work.Call.Operation == payment.OperationAuthorize:
		return b.provider.Authorize(ctx, work.Call)
	case work.Call.Operation == payment.OperationRefund:
		return b.provider.Refund(ctx, work.Call)
	default:
		panic("not made in these tests: " + work.Call.Operation)
	}
}

// move changes the provider's ledger behind our back.
func (b *bundle) move(t *testing.T, o *order.Order, captured, refunded int64) {
	t.Helper()
	b.exec(t, `UPDATE simulated.charges SET captured = $2, refunded = $3,
		status = CASE WHEN $2::bigint > 0 THEN 'CAPTURED' ELSE 'REFUSED' END WHERE payment_id = $1`, o.Payments[0].ID, captured, refunded)
}

func (b *bundle) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	result, err := b.db.ExecContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := result.RowsAffected(); n == 0 || err != nil {
		t.Fatalf("%d rows changed, %v: %s", n, err, query)
	}
}

func (b *bundle) entries(t *testing.T, r *reconcile.Reconciler) []reconcile.Entry {
	t.Helper()
	result, err := r.List(t.Context(), staff, pagination.Request{Limit: pagination.Max})
	if err != nil {
		t.Fatal(err)
	}
	return result.Items
}

// events are the types of an order's events after a version.
func (b *bundle) events(t *testing.T, orderID id.Order, after int) (types []order.EventType) {
	t.Helper()
	request := order.EventPageRequest{OrderID: orderID, After: after, Limit: 100}
	pages, err := b.store.EventPages(t.Context(), auth.System, []order.EventPageRequest{request})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range pages[request] {
		types = append(types, e.Type)
	}
	return types
}
