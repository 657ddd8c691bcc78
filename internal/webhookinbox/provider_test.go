package webhookinbox_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
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
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/pipeline"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/product"
	"github.com/orderwire/orderwire/internal/webhookinbox"
)

// shop is a whole one: orders, pipeline, the simulated provider with its webhooks, the receiver over HTTP and two
// processors. The pipeline by itself looks at a payment that waits for its customer only after minutes.
type shop struct {
	*bundle
	provider *simulated.Provider
	gateway  payment.Gateway
	service  *order.Service
	product  id.Product
	customer auth.Principal
	// marked gets each payment whose recheck is committed.
	marked chan id.Payment
}

// open starts the shop. between, when set, stands between the pipeline and the provider.
func open(t *testing.T, webhooks simulated.Webhooks, between func(*shop) payment.Gateway) *shop {
	t.Helper()
	s := &shop{
		bundle:   &bundle{db: postgrestest.Open(t), counts: &webhookinbox.Counts{}, log: &logBuffer{}},
		customer: auth.Principal{CustomerID: id.ForCustomer("test", "ada"), Role: auth.RoleCustomer, Issuer: "test", Subject: "ada"},
		marked:   make(chan id.Payment, 1000),
	}
	s.store = postgres.NewInbox(s.db.Worker)
	var worker *pipeline.Worker
	s.orders = postgrestest.Store(t, s.db.Worker, func(commits []postgres.Committed) {
		for _, c := range commits {
			if c.DueAt != nil {
				worker.Wake(*c.DueAt)
			}
		}
	})
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	webhooks.URL, webhooks.Secrets = server.URL+"/webhooks/simulated", []string{"secret"}
	var err error
	if s.provider, err = simulated.New(s.db.DB, simulated.Options{Webhooks: webhooks}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.provider.Close() })
	s.gateway = s.provider
	if between != nil {
		s.gateway = between(s)
	}
	policy := order.Policy{Expiry: time.Hour, AuthorizationExpiry: time.Hour}
	providers := paymenttest.Registry(t, paymenttest.Through(s.provider.Describe(), s.gateway))
	worker = pipeline.New(s.orders, providers, policy, order.SystemClock, s.logger())
	products := product.NewService(postgrestest.Store(t, s.db.API, nil))
	mug, err := products.Upsert(t.Context(), auth.System, product.Input{SKU: "MUG", Name: "Mug", PriceMinor: 1800, Currency: "EUR"})
	if err != nil {
		t.Fatal(err)
	}
	s.product = mug.ID
	s.service = order.NewService(s.orders, products, providers, policy, order.SystemClock)
	s.recheck = func(ctx context.Context, paymentID id.Payment) error {
		_, err := s.service.RecheckPayment(ctx, auth.System, paymentID)
		if err == nil {
			s.marked <- paymentID
		}
		return err
	}
	processors := []*webhookinbox.Processor{s.processor(), s.processor()}
	mux.Handle("/webhooks/{provider}", webhookinbox.NewReceiver(webhookinbox.ReceiverConfig{
		Store: s.store, Verifiers: map[string]payment.WebhookVerifier{simulated.Name: s.provider},
		Stored: processors[0].Wake, Counts: s.counts, Now: time.Now, Log: s.logger(),
	}))
	run(t, worker.Run, s.provider.SendWebhooks, processors[0].Run, processors[1].Run)
	return s
}

// run starts the parts and ends them with the test.
func run(t *testing.T, parts ...func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, part := range parts {
		running.Go(func() {
			if err := part(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
}

func (s *shop) place(t *testing.T, token string) *order.Order {
	t.Helper()
	outcome, err := s.service.Create(t.Context(), s.customer, order.CreateInput{
		IdempotencyKey: uuid.NewString(), Items: []order.Item{{ProductID: s.product, Quantity: 1}}, PaymentToken: token,
		Capture: payment.CaptureAutomatic,
	})
	if err != nil {
		t.Fatal(err)
	}
	return outcome.Order
}

// await reads until the condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(eventually.Patience)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatal("never happened: " + what)
		}
	}
}

func (s *shop) now(t *testing.T, orderID id.Order) *order.Order {
	t.Helper()
	o, err := s.orders.Order(t.Context(), auth.System, orderID)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// Webhooks that come twice, late, in another order and before our own answer: every order ends as it has to, charged
// once, and nothing stays in the inbox.
func TestThroughChaos(t *testing.T) {
	t.Parallel()
	s := open(t, simulated.Webhooks{
		Mode: simulated.WebhooksOfAll, ChaosDelay: 60 * time.Millisecond, RetryAfter: 10 * time.Millisecond,
		Chaos: simulated.Chaos{Duplicate: true, Late: true, Reorder: true, Early: true},
	}, nil)
	ends := map[string]order.Status{
		"sim_approve": order.Delivered, "sim_requires_action": order.Delivered, "sim_decline": order.Created,
		"sim_timeout_charged": order.Delivered, "sim_error_once": order.Delivered,
	}
	wanted := map[id.Order]order.Status{}
	var acting []*order.Order
	for token, end := range ends {
		for range 3 {
			o := s.place(t, token)
			wanted[o.ID] = end
			if token == "sim_requires_action" {
				acting = append(acting, o)
			}
		}
	}
	for _, o := range acting {
		await(t, "the customer is asked to act", func() bool { return s.now(t, o.ID).Payments[0].Status == payment.RequiresAction })
		if _, err := s.provider.Complete(t.Context(), o.Payments[0].ID, true); err != nil {
			t.Fatal(err)
		}
	}
	for orderID, end := range wanted {
		await(t, "an order ends "+string(end), func() bool {
			o := s.now(t, orderID)
			return o.Status == end && !o.Payments[0].Status.Active()
		})
	}
	// The inbox has each event once, however often it was sent, and every one is processed.
	await(t, "all webhooks are worked on", func() bool {
		var left int
		err := s.db.GetContext(t.Context(), &left, `
			SELECT count(*) FROM simulated.events e LEFT JOIN webhook_inbox i ON i.event_id = e.id::text
			WHERE i.status IS DISTINCT FROM 'DONE'`)
		return err == nil && left == 0
	})
	if s.counts.Accepted.Load() == 0 || s.counts.Refused.Load() != 0 || s.counts.Failed.Load() != 0 || s.counts.Ignored.Load() != 0 {
		t.Errorf("accepted %d, refused %d, failed %d, ignored %d; log:\n%s", s.counts.Accepted.Load(), s.counts.Refused.Load(),
			s.counts.Failed.Load(), s.counts.Ignored.Load(), s.log)
	}
	if found, err := s.provider.Audit(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("%+v, %v", found, err)
	}
	for orderID := range wanted {
		o := s.now(t, orderID)
		if p := o.Payments[0]; p.Attention != nil || len(o.Payments) != 1 || o.Refunded != 0 {
			t.Errorf("%+v", o.State)
		}
	}
}

// overtaken is a provider whose answer to an authorization is overtaken by the webhook of what happens next: the customer
// completes the action, the provider tells, and the webhook is worked on, all before our own call is answered.
type overtaken struct {
	payment.Gateway
	shop *shop
}

func (o overtaken) Authorize(ctx context.Context, call payment.Call) (payment.Result, error) {
	result, err := o.Gateway.Authorize(ctx, call)
	if err != nil {
		return result, err
	}
	if _, err := o.shop.provider.Complete(ctx, call.PaymentID, true); err != nil {
		return payment.Result{}, err
	}
	for {
		select {
		case paymentID := <-o.shop.marked:
			if paymentID == call.PaymentID {
				return result, nil
			}
		case <-ctx.Done():
			return payment.Result{}, errors.New("no webhook was worked on")
		}
	}
}

func TestWebhookOvertakesOurAnswer(t *testing.T) {
	t.Parallel()
	s := open(t, simulated.Webhooks{Mode: simulated.WebhooksOfActions, RetryAfter: 10 * time.Millisecond},
		func(s *shop) payment.Gateway { return overtaken{s.provider, s} })
	o := s.place(t, "sim_requires_action")
	await(t, "the order is delivered", func() bool { return s.now(t, o.ID).Status == order.Delivered })
	request := order.EventPageRequest{OrderID: o.ID, Limit: 100}
	pages, err := s.orders.EventPages(t.Context(), auth.System, []order.EventPageRequest{request})
	if err != nil {
		t.Fatal(err)
	}
	want := []order.EventType{
		order.OrderCreated, order.PaymentProcessing, order.PaymentActionRequired, order.PaymentProcessing, order.PaymentConfirmed, order.OrderDelivered,
	}
	for i, e := range pages[request] {
		if len(pages[request]) != len(want) || e.Type != want[i] {
			t.Errorf("event %d of %d is %s", i+1, len(pages[request]), e.Type)
		}
	}
}
