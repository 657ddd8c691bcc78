package pipeline_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/paymenttest"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/pipeline"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/product"
)

// twoProviders are two simulated providers under two names, each with a ledger of its own.
type twoProviders struct {
	*bundle
	old, fresh             *payment.Provider
	oldLedger, freshLedger *simulated.Provider
}

// setupTwo has orders taken by the old provider, and payments worked on with the providers given by their names.
func setupTwo(t *testing.T, working ...string) *twoProviders {
	t.Helper()
	two := &twoProviders{}
	two.freshLedger = openLedger(t)
	two.fresh = two.freshLedger.Describe()
	two.fresh.Name = "fresh"
	two.bundle = setupProviders(t, instant, func(b *bundle) (*payment.Registry, *payment.Registry) {
		two.oldLedger, two.old = b.provider, b.provider.Describe()
		two.old.Name = "old"
		return two.registry(t, working...), two.registry(t, "old")
	})
	return two
}

func openLedger(t *testing.T) *simulated.Provider {
	t.Helper()
	provider, err := simulated.New(postgrestest.Open(t).DB, simulated.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Close() })
	return provider
}

func (two *twoProviders) registry(t *testing.T, names ...string) *payment.Registry {
	t.Helper()
	known := map[string]*payment.Provider{"old": two.old, "fresh": two.fresh}
	providers := make([]*payment.Provider, len(names))
	for i, name := range names {
		providers[i] = known[name]
	}
	return paymenttest.Registry(t, providers...)
}

// takes makes the providers those of the shop, the first for new payments.
func (two *twoProviders) takes(t *testing.T, names ...string) {
	t.Helper()
	two.service = order.NewService(two.store, product.NewService(postgrestest.Store(t, two.db.API, nil)), two.registry(t, names...), instant, order.SystemClock)
}

// charged wants what each provider has taken for the order.
func (two *twoProviders) charged(t *testing.T, orderID id.Order, old, fresh int64) {
	t.Helper()
	for name, of := range map[string]struct {
		ledger *simulated.Provider
		want   int64
	}{"old": {two.oldLedger, old}, "fresh": {two.freshLedger, fresh}} {
		balances, err := of.ledger.Ledger(t.Context(), simulated.Filter{OrderID: orderID})
		var got int64
		for _, balance := range balances {
			got += balance.Captured - balance.Refunded
		}
		if err != nil || got != of.want {
			t.Errorf("%s has taken %d of %s, %v; want %d", name, got, orderID, err, of.want)
		}
	}
}

// A shop switches its provider while payments of the old one are open: each is finished where it began, and a second try is made at the
// new one.
func TestSwitchOfProviders(t *testing.T) {
	t.Parallel()
	two := setupTwo(t, "fresh", "old")
	waiting := two.create(t, simulated.TokenRequiresAction, payment.CaptureAutomatic)
	held := two.create(t, simulated.TokenApprove, payment.CaptureManual)
	declined := two.create(t, simulated.TokenDecline, payment.CaptureAutomatic)
	two.await(t, waiting.ID, order.PaymentActionRequired)
	two.await(t, held.ID, order.PaymentAuthorized)
	two.await(t, declined.ID, order.PaymentDeclined)

	two.takes(t, "fresh", "old")
	bought := two.create(t, simulated.TokenApprove, payment.CaptureAutomatic)
	staff := auth.Principal{CustomerID: id.New[id.Customer](), Role: auth.RoleStaff, Issuer: "test", Subject: "sue"}
	if _, err := two.service.CompleteAction(t.Context(), two.customer, order.CompleteActionInput{PaymentID: waiting.Payment().ID, Outcome: order.ActionApprove}); err != nil {
		t.Fatal(err)
	}
	if _, err := two.service.Capture(t.Context(), staff, order.CaptureInput{PaymentInput: order.PaymentInput{PaymentID: held.Payment().ID}}); err != nil {
		t.Fatal(err)
	}
	retry := order.RetryInput{IdempotencyKey: "again", OrderID: declined.ID, PaymentToken: simulated.TokenApprove}
	if _, err := two.service.Retry(t.Context(), two.customer, retry); err != nil {
		t.Fatal(err)
	}
	for _, o := range []*order.Order{bought, waiting, held, declined} {
		two.await(t, o.ID, order.OrderDelivered)
	}
	two.charged(t, bought.ID, 0, total)
	two.charged(t, waiting.ID, total, 0)
	two.charged(t, held.ID, total, 0)
	two.charged(t, declined.ID, 0, total)

	if _, err := two.service.Refund(t.Context(), staff, order.RefundInput{IdempotencyKey: "back", OrderID: held.ID}); err != nil {
		t.Fatal(err)
	}
	two.await(t, held.ID, order.RefundSucceeded)
	two.charged(t, held.ID, 0, 0)
}

// Payments whose provider is not configured are never sent to another and are not lost: staff see why they wait, they can be
// cancelled, and they continue once the provider is configured again.
func TestProviderNotConfigured(t *testing.T) {
	t.Parallel()
	two := setupTwo(t, "fresh")
	paid, cancelled := two.create(t, simulated.TokenApprove, payment.CaptureAutomatic), two.create(t, simulated.TokenApprove, payment.CaptureAutomatic)
	for _, o := range []*order.Order{paid, cancelled} {
		a := two.untilMessage(t, o)
		if a.Calls != 0 || a.Outcome != nil || !strings.Contains(a.Message, "old is not configured; add it to PAYMENT_PROVIDER") {
			t.Errorf("the attempt is %+v", a)
		}
	}
	if _, err := two.service.Cancel(t.Context(), two.customer, order.CancelInput{OrderID: cancelled.ID}); err != nil {
		t.Fatal(err)
	}
	two.await(t, cancelled.ID, order.OrderCancelled)
	two.charged(t, paid.ID, 0, 0)

	two.stop()
	back := pipeline.New(two.store, two.registry(t, "fresh", "old"), instant, order.SystemClock, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- back.Run(ctx) }()
	two.await(t, paid.ID, order.OrderDelivered)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	two.charged(t, paid.ID, total, 0)
	two.charged(t, cancelled.ID, 0, 0)
}

// untilMessage waits until the attempt of the order's payment says something.
func (two *twoProviders) untilMessage(t *testing.T, o *order.Order) payment.Attempt {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	poll := time.NewTicker(10 * time.Millisecond) // a pause between attempts
	defer poll.Stop()
	for {
		attempts, err := two.store.AttemptsByPayment(ctx, auth.System, []id.Payment{o.Payment().ID})
		if err != nil {
			t.Fatal(err)
		}
		if of := attempts[o.Payment().ID]; len(of) > 0 && of[0].Message != "" {
			return of[0]
		}
		<-poll.C
	}
}
