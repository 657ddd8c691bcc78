package stripe_test

import (
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/order/ordertest"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/stripe"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
)

// life is one order without a database, whose days pass at once. It asks the fake over HTTP, through the gateway, at the times and in the
// way of the pipeline, and hears the fake's webhooks.
type life struct {
	*testing.T
	*bundle
	o      *order.Order
	policy order.Policy
	now    time.Time
	heard  int
	// deaf: webhooks are lost.
	deaf bool
}

func newLife(t *testing.T, method string, capture payment.CaptureMethod, minor int64) *life {
	t.Helper()
	l := &life{T: t, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), policy: order.Policy{
		StepDelay: 3 * time.Second, DeliveryDelay: time.Hour, Expiry: 30 * time.Minute, AuthorizationExpiry: 144 * time.Hour,
		KeyLife: func(string) time.Duration { return 24 * time.Hour },
	}}
	l.bundle = setup(t, func(o *stripe.Options) { o.Clock = func() time.Time { return l.now } })
	l.fake.Stop(l.now)
	price := money.New(minor, "EUR")
	l.o = order.New(l.cause(), l.policy, order.Draft{
		Head: order.Head{
			CustomerID: id.New[id.Customer](), Total: price,
			Lines: []order.Line{{ProductID: id.New[id.Product](), Name: "Mug", Quantity: 1, UnitPrice: price, Total: price}},
		},
		Method: order.PaymentMethod{Provider: stripe.Name, Token: method, Capture: capture},
	})
	return l
}

func (l *life) cause() order.Cause { return order.Cause{Now: l.now} }

func (l *life) payment() *payment.Payment { return l.o.Payment() }

func (l *life) reference() string { return l.payment().Reference }

// pass lets time pass, with all that is due meanwhile.
func (l *life) pass(d time.Duration) {
	l.Helper()
	end := l.now.Add(d)
	for range 20_000 {
		l.hear()
		work, err := l.o.Advance(l.cause(), l.policy)
		if err != nil {
			l.Fatal(err)
		}
		if work != nil {
			r, err := l.perform(work)
			if err := l.o.Settle(l.cause(), l.policy, work, r, err); err != nil {
				l.Fatal(err)
			}
			continue
		}
		due := l.o.DueAt()
		if due == nil || due.After(end) {
			l.move(end)
			if err := ordertest.CheckHistory(l.o.Events()); err != nil {
				l.Fatal(err)
			}
			return
		}
		l.move(*due)
	}
	l.Fatalf("there is no end: %+v, attempts %+v", l.o.State, l.payment().Attempts)
}

func (l *life) move(to time.Time) {
	l.now = to
	l.fake.Stop(to)
}

// perform asks as the pipeline's worker does.
func (l *life) perform(work *payment.Work) (payment.Result, error) {
	ctx, call := l.Context(), work.Call
	if work.LookUpFirst || work.LookUpOnly {
		r, err := l.LookUp(ctx, call)
		prepared := r.Outcome == payment.Prepared && r.Reference == call.Reference
		if work.LookUpOnly || err != nil || r.Outcome != payment.NotFound && !prepared {
			return r, err
		}
	}
	switch call.Operation {
	case payment.OperationAuthorize:
		return l.Authorize(ctx, call)
	case payment.OperationCapture:
		return l.Capture(ctx, call)
	case payment.OperationVoid:
		return l.Void(ctx, call)
	case payment.OperationRefund:
		return l.Refund(ctx, call)
	}
	l.Fatalf("unknown operation %q", call.Operation)
	return payment.Result{}, nil
}

// hear takes the webhooks that came, as the inbox does: by the payment's id or by its charge.
func (l *life) hear() {
	l.Helper()
	events := l.fake.Events()
	for _, e := range events[l.heard:] {
		header := map[string][]string{stripe.SignatureHeader: {fakestripe.Sign(e.Body, webhookSecret, l.now)}}
		notice, err := l.VerifyWebhook(header, e.Body, l.now)
		if err != nil {
			l.Fatal(err)
		}
		for i := range l.o.Payments {
			if p := &l.o.Payments[i]; !l.deaf && (p.ID == notice.PaymentID || p.Reference == notice.Reference) {
				l.o.RequestRecheck(l.cause(), p.ID)
			}
		}
	}
	l.heard = len(events)
}

// happens lets something happen at Stripe, and the next minute.
func (l *life) happens(what bool) {
	l.Helper()
	if !what {
		l.Fatal("it could not happen at Stripe")
	}
	l.pass(time.Minute)
}

// reconcile looks at the charge as the reconciler does, for what no webhook told.
func (l *life) reconcile() {
	l.Helper()
	for _, p := range l.o.Payments {
		l.o.RequestRecheck(l.cause(), p.ID)
	}
	l.pass(time.Minute)
}

func (l *life) cancel() {
	l.Helper()
	if err := l.o.Cancel(l.cause(), order.CancelledByCustomer); err != nil {
		l.Fatal(err)
	}
}

func (l *life) refund(minor int64) {
	l.Helper()
	if _, err := l.o.Refund(l.cause(), minor, nil, nil); err != nil {
		l.Fatal(err)
	}
}

// is wants the statuses of the order and of its payment.
func (l *life) is(o order.Status, p payment.Status) {
	l.Helper()
	if l.o.Status != o || l.payment().Status != p {
		l.Fatalf("%s, payment %s; want %s, %s; attempts %+v", l.o.Status, l.payment().Status, o, p, l.payment().Attempts)
	}
}

// asks wants the payment's reason for attention, "" for none.
func (l *life) asks(want payment.Attention) {
	l.Helper()
	got := payment.Attention("")
	if a := l.payment().Attention; a != nil {
		got = *a
	}
	if got != want {
		l.Errorf("attention %q, want %q", got, want)
	}
}

// books wants our books to have the amounts, and Stripe's the same.
func (l *life) books(captured, refunded, disputed int64) {
	l.Helper()
	p := l.payment()
	pending := p.RefundsIn(payment.RefundPending)
	if l.o.Captured != captured || l.o.Refunded != refunded || p.Disputed() != disputed {
		l.Errorf("we believe captured %d, refunded %d, disputed %d; want %d, %d, %d", l.o.Captured, l.o.Refunded, p.Disputed(), captured, refunded, disputed)
	}
	var took, back, withdrawn int64
	for _, i := range l.fake.Intents() {
		took, back, withdrawn = took+i.Captured, back+i.Refunded, withdrawn+i.Disputed
	}
	if took != captured || back != refunded+pending || withdrawn != disputed {
		l.Errorf("Stripe has captured %d, refunded %d, disputed %d; want %d, %d, %d", took, back, withdrawn, captured, refunded+pending, disputed)
	}
}

// bounded wants few rows: attempts and refunds of the payment, events of the order.
func (l *life) bounded(attempts, refunds, events int) {
	l.Helper()
	if a, r, e := len(l.payment().Attempts), len(l.payment().Refunds), len(l.o.Events()); a > attempts || r > refunds || e > events {
		l.Errorf("%d attempts, %d refunds, %d events; want at most %d, %d, %d", a, r, e, attempts, refunds, events)
	}
}
