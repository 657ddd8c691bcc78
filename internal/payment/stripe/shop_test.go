package stripe_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/paymenttest"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
	"github.com/orderwire/orderwire/internal/pipeline"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/product"
)

var (
	ada   = auth.Principal{CustomerID: id.ForCustomer("test", "ada"), Role: auth.RoleCustomer, Issuer: "test", Subject: "ada"}
	grace = auth.Principal{CustomerID: id.ForCustomer("test", "grace"), Role: auth.RoleStaff, Issuer: "test", Subject: "grace"}
)

// total of the orders that a shop takes: two mugs.
const total = 3600

// shop is the real pipeline over a fresh PostgreSQL, paid through the gateway.
type shop struct {
	*bundle
	store   *postgres.Store
	service *order.Service
	product id.Product
	heard   int // events of the fake that were passed on

	mu      sync.Mutex
	events  map[id.Order][]order.Event
	changed chan struct{}
}

// openShop starts it. wrapped may stand between pipeline and gateway.
func openShop(t *testing.T, wrapped func(payment.Gateway) payment.Gateway) *shop {
	t.Helper()
	s := &shop{bundle: setup(t), events: map[id.Order][]order.Event{}, changed: make(chan struct{}, 1)}
	gateway := payment.Gateway(s.bundle)
	if wrapped != nil {
		gateway = wrapped(gateway)
	}
	policy := order.Policy{Expiry: time.Hour, AuthorizationExpiry: time.Hour}
	var worker *pipeline.Worker
	db := postgrestest.Open(t)
	s.store = postgrestest.Store(t, db.Worker, func(commits []postgres.Committed) {
		for _, c := range commits {
			s.record(c.Events)
			if c.DueAt != nil {
				worker.Wake(*c.DueAt)
			}
		}
	})
	providers := paymenttest.Registry(t, paymenttest.Through(s.Describe(), gateway))
	worker = pipeline.New(s.store, providers, policy, order.SystemClock, slog.New(slog.NewTextHandler(t.Output(), nil)))
	products := product.NewService(postgrestest.Store(t, db.API, nil))
	p, err := products.Upsert(t.Context(), auth.System, product.Input{SKU: "MUG", Name: "Mug", PriceMinor: total / 2, Currency: "EUR"})
	if err != nil {
		t.Fatal(err)
	}
	s.product = p.ID
	s.service = order.NewService(s.store, products, providers, policy, order.SystemClock)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *shop) record(events []order.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		s.events[e.OrderID()] = append(s.events[e.OrderID()], e)
	}
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *shop) order(t *testing.T, method string, capture payment.CaptureMethod) *order.Order {
	t.Helper()
	outcome, err := s.service.Create(t.Context(), ada, order.CreateInput{
		IdempotencyKey: uuid.NewString(), Items: []order.Item{{ProductID: s.product, Quantity: 2}}, PaymentToken: method, Capture: capture,
	})
	if err != nil {
		t.Fatal(err)
	}
	return outcome.Order
}

// until waits for a condition that a commit brings about.
func (s *shop) until(t *testing.T, what string, met func() bool) {
	t.Helper()
	timeout := time.After(eventually.Patience)
	for !met() {
		select {
		case <-s.changed:
		case <-timeout:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// await waits for an event of the order, and gives the types of all up to it.
func (s *shop) await(t *testing.T, orderID id.Order, until order.EventType) (types []order.EventType) {
	t.Helper()
	s.until(t, string(until), func() bool {
		s.mu.Lock()
		events := slices.Clone(s.events[orderID])
		s.mu.Unlock()
		slices.SortFunc(events, func(x, y order.Event) int { return x.Version - y.Version })
		types = nil
		for i, e := range events {
			if e.Version != i+1 {
				break
			}
			types = append(types, e.Type)
			if e.Type == until {
				return true
			}
		}
		return false
	})
	return types
}

// get is the order as committed.
func (s *shop) get(t *testing.T, orderID id.Order) *order.Order {
	t.Helper()
	o, err := s.store.Order(t.Context(), auth.System, orderID)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// webhooks passes what happened at Stripe on, as the inbox does.
func (s *shop) webhooks(t *testing.T) {
	t.Helper()
	now := time.Now()
	events := s.fake.Events()
	for _, e := range events[s.heard:] {
		notice, err := s.VerifyWebhook(map[string][]string{"Stripe-Signature": {fakestripe.Sign(e.Body, webhookSecret, now)}}, e.Body, now)
		if err != nil {
			t.Fatal(err)
		}
		paymentID := notice.PaymentID
		if paymentID.IsNil() { // disputes and fraud warnings name only the charge, by which the inbox finds the payment
			if paymentID, err = id.Parse[id.Payment](s.ledger(t, notice.Reference).Metadata["payment"]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.service.RecheckPayment(t.Context(), auth.System, paymentID); err != nil {
			t.Fatal(err)
		}
	}
	s.heard = len(events)
}

// checkMoney compares our books with Stripe's, and finds at most one charge that took money.
func (s *shop) checkMoney(t *testing.T, orderID id.Order, captured, refunded int64) {
	t.Helper()
	o := s.get(t, orderID)
	if o.Captured != captured || o.Refunded != refunded || o.RefundPending != 0 {
		t.Errorf("we believe captured %d, refunded %d, pending %d; want %d, %d, 0", o.Captured, o.Refunded, o.RefundPending, captured, refunded)
	}
	var charges int
	var got, back int64
	for _, i := range s.fake.Of(orderID.TypeID()) {
		got, back = got+i.Captured, back+i.Refunded
		if i.Captured > 0 {
			charges++
		}
	}
	if got != captured || back != refunded || charges > 1 {
		t.Errorf("Stripe has captured %d in %d charges, refunded %d; want %d, %d", got, charges, back, captured, refunded)
	}
}
