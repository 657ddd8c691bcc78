package pipeline_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/paymenttest"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/pipeline"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/product"
)

// bundle is a running pipeline over a fresh database, with what a test needs to watch it.
type bundle struct {
	db       *postgrestest.DB
	store    *postgres.Store
	provider *simulated.Provider
	worker   *pipeline.Worker
	policy   order.Policy
	// stop ends the pipeline.
	stop     func()
	service  *order.Service
	customer auth.Principal
	product  id.Product

	mu      sync.Mutex
	events  map[id.Order][]order.Event
	changed chan struct{}
}

func setup(t *testing.T, policy order.Policy, options ...postgres.StoreOption) *bundle {
	t.Helper()
	return setupWith(t, policy, func(b *bundle) payment.Gateway { return b.provider }, options...)
}

// setupWith runs the pipeline with another gateway, which may use what the bundle has.
func setupWith(t *testing.T, policy order.Policy, gateway func(*bundle) payment.Gateway, options ...postgres.StoreOption) *bundle {
	t.Helper()
	return setupProviders(t, policy, func(b *bundle) (*payment.Registry, *payment.Registry) {
		described := b.provider.Describe()
		return paymenttest.Registry(t, paymenttest.Through(described, gateway(b))), paymenttest.Registry(t, described)
	}, options...)
}

// setupProviders runs the pipeline with the first registry, and takes orders with the second.
func setupProviders(t *testing.T, policy order.Policy, registries func(*bundle) (working, taking *payment.Registry), options ...postgres.StoreOption) *bundle {
	t.Helper()
	b := &bundle{
		db: postgrestest.Open(t), events: map[id.Order][]order.Event{}, changed: make(chan struct{}, 1),
		customer: auth.Principal{CustomerID: id.ForCustomer("test", "ada"), Role: auth.RoleCustomer, Issuer: "test", Subject: "ada"},
	}
	var worker *pipeline.Worker
	b.store = postgrestest.Store(t, b.db.Worker, func(commits []postgres.Committed) {
		for _, c := range commits {
			b.record(c.Events)
			switch {
			case c.Lease != nil:
				worker.Submit(*c.Lease, c.Outcome)
			case c.DueAt != nil:
				worker.Wake(*c.DueAt)
			}
		}
	}, options...)
	var err error
	if b.provider, err = simulated.New(b.db.DB, simulated.Options{}); err != nil {
		t.Fatal(err)
	}
	working, taking := registries(b)
	worker = pipeline.New(b.store, working, policy, order.SystemClock, slog.New(slog.NewTextHandler(t.Output(), nil)))
	b.worker, b.policy = worker, policy
	products := product.NewService(postgrestest.Store(t, b.db.API, nil))
	p, err := products.Upsert(t.Context(), auth.System, product.Input{SKU: "MUG", Name: "Mug", PriceMinor: 1800, Currency: "EUR"})
	if err != nil {
		t.Fatal(err)
	}
	b.product = p.ID
	b.service = order.NewService(b.store, products, taking, policy, order.SystemClock)
	b.stop = run(t, worker)
	return b
}

// run runs a worker until the test ends, or until it is stopped.
func run(t *testing.T, worker *pipeline.Worker) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := worker.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// another runs a second worker, as another replica does, which reaches the provider.
func (b *bundle) another(t *testing.T) {
	t.Helper()
	store := postgrestest.Store(t, b.db.Worker, func(commits []postgres.Committed) {
		for _, c := range commits {
			b.record(c.Events)
		}
	})
	run(t, pipeline.New(store, paymenttest.Registry(t, b.provider.Describe()), b.policy, order.SystemClock, slog.New(slog.DiscardHandler)))
}

func (b *bundle) record(events []order.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range events {
		b.events[e.OrderID()] = append(b.events[e.OrderID()], e)
	}
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

func (b *bundle) create(t *testing.T, token string, capture payment.CaptureMethod) *order.Order {
	t.Helper()
	outcome, err := b.service.Create(t.Context(), b.customer, order.CreateInput{
		IdempotencyKey: uuid.NewString(), Items: []order.Item{{ProductID: b.product, Quantity: 2}}, PaymentToken: token, Capture: capture,
	})
	if err != nil {
		t.Fatal(err)
	}
	return outcome.Order
}

// await waits until the order has an event of the type, and returns all its event types up to it.
func (b *bundle) await(t *testing.T, orderID id.Order, until order.EventType) []order.EventType {
	t.Helper()
	return b.awaitAny(t, orderID, until)
}

func (b *bundle) awaitAny(t *testing.T, orderID id.Order, until ...order.EventType) []order.EventType {
	t.Helper()
	timeout := time.After(eventually.Patience)
	for {
		b.mu.Lock()
		events := slices.Clone(b.events[orderID])
		b.mu.Unlock()
		slices.SortFunc(events, func(x, y order.Event) int { return x.Version - y.Version })
		var types []order.EventType
		for i, e := range events {
			if e.Version != i+1 {
				break
			}
			types = append(types, e.Type)
			if slices.Contains(until, e.Type) {
				return types
			}
		}
		select {
		case <-b.changed:
		case <-timeout:
			t.Fatalf("none of %v; got %v", until, types)
		}
	}
}

func (b *bundle) checkLedger(t *testing.T, o *order.Order, captured, refunded int64) {
	t.Helper()
	now, err := b.store.Order(t.Context(), auth.System, o.ID)
	if err != nil {
		t.Fatal(err)
	}
	if now.Captured != captured || now.Refunded != refunded || now.RefundPending != 0 {
		t.Errorf("we believe captured %d, refunded %d, pending %d; want %d, %d, 0", now.Captured, now.Refunded, now.RefundPending, captured, refunded)
	}
	balances, err := b.provider.Ledger(t.Context(), simulated.Filter{OrderID: o.ID})
	if err != nil {
		t.Fatal(err)
	}
	var gotCaptured, gotRefunded int64
	for _, balance := range balances {
		gotCaptured += balance.Captured
		gotRefunded += balance.Refunded
	}
	if gotCaptured != captured || gotRefunded != refunded {
		t.Errorf("the provider has captured %d, refunded %d; want %d, %d (%+v)", gotCaptured, gotRefunded, captured, refunded, balances)
	}
}

var instant = order.Policy{Expiry: time.Hour, AuthorizationExpiry: time.Hour}

const total = 3600

func TestWalk(t *testing.T) {
	t.Parallel()
	delivered := []order.EventType{order.OrderCreated, order.PaymentProcessing, order.PaymentConfirmed, order.OrderDelivered}
	declined := []order.EventType{order.OrderCreated, order.PaymentProcessing, order.PaymentDeclined}
	for token, tt := range map[string]struct {
		until    order.EventType
		want     []order.EventType
		captured int64
	}{
		simulated.TokenApprove:           {order.OrderDelivered, delivered, total},
		simulated.TokenTimeoutCharged:    {order.OrderDelivered, delivered, total},
		simulated.TokenTimeoutNotCharged: {order.OrderDelivered, delivered, total},
		simulated.TokenErrorOnce:         {order.OrderDelivered, delivered, total},
		simulated.TokenDecline:           {order.PaymentDeclined, declined, 0},
	} {
		for _, leased := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s leased when due %v", token, leased), func(t *testing.T) {
				t.Parallel()
				var options []postgres.StoreOption
				if leased {
					options = append(options, postgres.LeaseDue())
				}
				b := setup(t, instant, options...)
				o := b.create(t, token, payment.CaptureAutomatic)
				if o.Total != money.New(total, "EUR") {
					t.Errorf("total %v", o.Total)
				}
				if got := b.await(t, o.ID, tt.until); !slices.Equal(got, tt.want) {
					t.Errorf("walked %v, want %v", got, tt.want)
				}
				b.checkLedger(t, o, tt.captured, 0)
			})
		}
	}
}

func TestRetryAfterDecline(t *testing.T) {
	t.Parallel()
	b := setup(t, instant)
	o := b.create(t, simulated.TokenDecline, payment.CaptureAutomatic)
	b.await(t, o.ID, order.PaymentDeclined)
	in := order.RetryInput{IdempotencyKey: "retry-1", OrderID: o.ID, PaymentToken: simulated.TokenApprove}
	first, err := b.service.Retry(t.Context(), b.customer, in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.service.Retry(t.Context(), b.customer, in)
	if err != nil || !again.Replayed || again.EntityID != first.EntityID {
		t.Errorf("replay: %+v, %v", again, err)
	}
	b.await(t, o.ID, order.OrderDelivered)
	b.checkLedger(t, o, total, 0)
}

// With manual delivery a paid order waits for staff, also one whose timer was set by a replica that has another setting.
func TestManualDelivery(t *testing.T) {
	t.Parallel()
	manual := instant
	manual.ManualDelivery = true
	b := setup(t, manual)
	paid := []order.EventType{order.OrderCreated, order.PaymentProcessing, order.PaymentConfirmed}
	o := b.create(t, simulated.TokenApprove, payment.CaptureAutomatic)
	if got := b.await(t, o.ID, order.PaymentConfirmed); !slices.Equal(got, paid) {
		t.Fatalf("walked %v", got)
	}
	_, err := b.store.ChangeOrder(t.Context(), auth.System, o.ID, order.Change{Apply: func(o *order.Order) (uuid.UUID, error) {
		due := order.SystemClock()
		o.DeliversAt = &due
		return uuid.Nil, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	staff := auth.Principal{CustomerID: id.ForCustomer("test", "sam"), Role: auth.RoleStaff, Issuer: "test", Subject: "sam"}
	for end := time.Now().Add(eventually.Patience); ; {
		now, err := b.store.Order(t.Context(), auth.System, o.ID)
		if err != nil || now.Status != order.Confirmed || time.Now().After(end) {
			t.Fatalf("%+v, %v", now, err)
		}
		if now.DeliversAt == nil {
			break
		}
	}
	if _, err := b.service.Deliver(t.Context(), staff, order.DeliverInput{OrderID: o.ID}); err != nil {
		t.Fatal(err)
	}
	if got := b.await(t, o.ID, order.OrderDelivered); !slices.Equal(got, append(paid, order.OrderDelivered)) {
		t.Errorf("walked %v", got)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	hour := order.Policy{StepDelay: time.Hour, DeliveryDelay: time.Hour, Expiry: 2 * time.Hour, AuthorizationExpiry: time.Hour}
	held := order.Policy{DeliveryDelay: time.Hour, Expiry: 2 * time.Hour, AuthorizationExpiry: time.Hour}
	for name, tt := range map[string]struct {
		policy   order.Policy
		token    string
		capture  payment.CaptureMethod
		after    order.EventType
		want     []order.EventType
		captured int64
	}{
		"OKBeforeAnyCall": {
			hour, simulated.TokenApprove, payment.CaptureAutomatic, order.OrderCreated,
			[]order.EventType{order.OrderCreated, order.OrderCancelling, order.PaymentVoided, order.OrderCancelled},
			0,
		},
		"OKConfirmed": {
			held, simulated.TokenApprove, payment.CaptureAutomatic, order.PaymentConfirmed,
			[]order.EventType{order.OrderCreated, order.PaymentProcessing, order.PaymentConfirmed, order.OrderCancelling, order.RefundCreated, order.RefundSucceeded, order.OrderCancelled},
			total,
		},
		"OKAuthorized": {
			held, simulated.TokenApprove, payment.CaptureManual, order.PaymentAuthorized,
			[]order.EventType{order.OrderCreated, order.PaymentProcessing, order.PaymentAuthorized, order.OrderCancelling, order.PaymentVoided, order.OrderCancelled},
			0,
		},
		"OKRequiresAction": {
			held, simulated.TokenRequiresAction, payment.CaptureAutomatic, order.PaymentActionRequired,
			[]order.EventType{order.OrderCreated, order.PaymentProcessing, order.PaymentActionRequired, order.OrderCancelling, order.PaymentVoided, order.OrderCancelled},
			0,
		},
		"OKDeclined": {
			held, simulated.TokenDecline, payment.CaptureAutomatic, order.PaymentDeclined,
			[]order.EventType{order.OrderCreated, order.PaymentProcessing, order.PaymentDeclined, order.OrderCancelling, order.OrderCancelled},
			0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, tt.policy)
			o := b.create(t, tt.token, tt.capture)
			b.await(t, o.ID, tt.after)
			if _, err := b.service.Cancel(t.Context(), b.customer, order.CancelInput{OrderID: o.ID}); err != nil {
				t.Fatal(err)
			}
			if got := b.await(t, o.ID, order.OrderCancelled); !slices.Equal(got, tt.want) {
				t.Errorf("walked %v, want %v", got, tt.want)
			}
			b.checkLedger(t, o, tt.captured, tt.captured)
			again, err := b.service.Cancel(t.Context(), b.customer, order.CancelInput{OrderID: o.ID})
			if err != nil || again.Status != order.Cancelled {
				t.Errorf("cancelling again: %+v, %v", again, err)
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	b := setup(t, order.Policy{Expiry: time.Millisecond, StepDelay: time.Hour})
	o := b.create(t, simulated.TokenApprove, payment.CaptureAutomatic)
	want := []order.EventType{order.OrderCreated, order.OrderCancelling, order.PaymentExpired, order.OrderCancelled}
	if got := b.await(t, o.ID, order.OrderCancelled); !slices.Equal(got, want) {
		t.Errorf("walked %v, want %v", got, want)
	}
}

func TestAuthorizationExpiry(t *testing.T) {
	t.Parallel()
	b := setup(t, order.Policy{Expiry: time.Hour})
	o := b.create(t, simulated.TokenApprove, payment.CaptureManual)
	want := []order.EventType{order.OrderCreated, order.PaymentProcessing, order.PaymentAuthorized, order.PaymentExpired}
	if got := b.await(t, o.ID, order.PaymentExpired); !slices.Equal(got, want) {
		t.Errorf("walked %v, want %v", got, want)
	}
	b.checkLedger(t, o, 0, 0)
}

// Cancels race the confirmation of many orders at once; every order ends legally and the ledger agrees.
func TestCancelAgainstConfirm(t *testing.T) {
	t.Parallel()
	b := setup(t, instant, postgres.LeaseDue())
	const n = 200 // more than there are slots
	var wg sync.WaitGroup
	orders := make([]*order.Order, n)
	for i := range n {
		wg.Go(func() {
			orders[i] = b.create(t, simulated.TokenApprove, payment.CaptureAutomatic)
			_, err := b.service.Cancel(t.Context(), b.customer, order.CancelInput{OrderID: orders[i].ID})
			if err != nil && fmt.Sprint(err) == "" {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, o := range orders {
		final, err := b.store.Order(t.Context(), auth.System, o.ID)
		if err != nil {
			t.Fatal(err)
		}
		if final.CancelReason != nil {
			b.await(t, o.ID, order.OrderCancelled)
			final, _ = b.store.Order(t.Context(), auth.System, o.ID)
			b.checkLedger(t, o, final.Captured, final.Captured)
			continue
		}
		b.await(t, o.ID, order.OrderDelivered)
		b.checkLedger(t, o, total, 0)
	}
}
