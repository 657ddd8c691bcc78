package stripe_test

import (
	"slices"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
)

const day = 24 * time.Hour

// heardOrLost runs a life twice: once with Stripe's webhooks, and once without any, with the reconciler after each step.
func heardOrLost(t *testing.T, live func(t *testing.T, lost bool)) {
	t.Helper()
	for name, lost := range map[string]bool{"WithWebhooks": false, "WithoutWebhooks": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live(t, lost)
		})
	}
}

// From 3-D Secure to a refund that fails after the dispute: https://docs.stripe.com/payments/paymentintents/lifecycle,
// https://docs.stripe.com/disputes/how-disputes-work, https://docs.stripe.com/refunds#failed-refunds
func TestLifeOfACharge(t *testing.T) {
	t.Parallel()
	heardOrLost(t, func(t *testing.T, lost bool) {
		for decision, disputed := range map[string]int64{"won": 0, "lost": 400} {
			l := newLife(t, fakestripe.Authenticate, payment.CaptureManual, 1250)
			l.deaf = lost
			step := func(what bool) {
				t.Helper()
				l.happens(what)
				if lost {
					l.reconcile()
				}
			}
			l.pass(time.Minute)
			l.is(order.Created, payment.RequiresAction)
			step(l.fake.Authenticate(l.reference(), true))
			l.is(order.Created, payment.Authorized)
			step(l.fake.CaptureInDashboard(l.reference(), 700))
			l.is(order.Confirmed, payment.Confirmed)
			l.books(700, 0, 0)

			refund := l.fake.RefundPartInDashboard(l.reference(), 300)
			step(true)
			l.books(700, 300, 0)
			if r := l.o.Refunds(); len(r) != 1 || r[0].Origin != payment.RefundOfProvider || r[0].Status != payment.RefundSucceeded {
				t.Errorf("refunds %+v", r)
			}
			l.pass(day)
			l.is(order.Confirmed, payment.Confirmed) // not delivered by its timer
			if hold := l.o.DeliveryHold(); hold != order.HeldByRefund {
				t.Errorf("delivery is held by %q", hold)
			}

			dispute := l.fake.Dispute(l.reference(), 400, false)
			step(true)
			l.asks(payment.Disputed)
			l.books(700, 300, 400)
			if l.o.CanRefund() {
				t.Error("money that a bank has withdrawn can be refunded")
			}
			l.fake.MoveDispute(dispute, "under_review")
			step(true)
			l.asks("")
			l.pass(60 * day)
			l.books(700, 300, 400)
			l.fake.MoveDispute(dispute, decision)
			step(true)
			l.asks("")
			l.books(700, 300, disputed)

			l.fake.SettleRefund(refund, false)
			step(true)
			l.asks(payment.RefundReversed)
			l.books(700, 0, disputed)
			l.refund(300)
			l.pass(time.Minute)
			again := int64(300)
			if decision == "lost" { // Stripe refunds no charge with a lost dispute, not even the rest: the refund fails
				again = 0
			}
			l.books(700, again, disputed)
			l.bounded(2, 2, 15)
			if charges := len(l.fake.Intents()); charges != 1 {
				t.Errorf("%d charges", charges)
			}
		}
	})
}

// What is captured of a hold that others have captured, cancelled or let run out: https://docs.stripe.com/api/payment_intents/capture
func TestLifeOfAHold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		outside  func(f *fakestripe.Stripe, reference string) bool
		status   payment.Status
		captured int64
	}{
		"OK":               {func(*fakestripe.Stripe, string) bool { return true }, payment.Confirmed, 1250},
		"OKCapturedInPart": {func(f *fakestripe.Stripe, r string) bool { return f.CaptureInDashboard(r, 700) }, payment.Confirmed, 700},
		"ErrCancelled":     {(*fakestripe.Stripe).CancelInDashboard, payment.Voided, 0},
		"ErrRunOut":        {(*fakestripe.Stripe).Expire, payment.Expired, 0},
		"ErrRunOutAtBank":  {(*fakestripe.Stripe).ExpireAtBank, payment.Expired, 0},
		"ErrRunOutAndForgotten": {func(f *fakestripe.Stripe, r string) bool {
			f.Fail("capture", fakestripe.DropBefore)
			return f.Expire(r)
		}, payment.Expired, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLife(t, fakestripe.Visa, payment.CaptureManual, 1250)
			l.pass(time.Minute)
			l.is(order.Created, payment.Authorized)
			l.deaf = true
			if !tt.outside(l.fake, l.reference()) {
				t.Fatal("it could not happen")
			}
			l.o.Capture(l.cause(), l.payment())
			l.pass(5 * time.Minute)
			if got := l.payment().Status; got != tt.status {
				t.Errorf("payment %s, want %s", got, tt.status)
			}
			l.asks("")
			l.books(tt.captured, 0, 0)
			l.bounded(2, 0, 6)
		})
	}
}

// A bank debit takes days: https://docs.stripe.com/payments/sepa-debit
func TestLifeOfADebit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		success, cancelled bool
		order              order.Status
		payment            payment.Status
		captured           int64
	}{
		"OK":           {true, false, order.Delivered, payment.Confirmed, 1250},
		"ErrRefused":   {false, false, order.Cancelled, payment.Declined, 0}, // expired: nobody has paid by other means
		"OKCancelled":  {true, true, order.Cancelled, payment.Confirmed, 1250},
		"ErrCancelled": {false, true, order.Cancelled, payment.Declined, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			heardOrLost(t, func(t *testing.T, lost bool) {
				l := newLife(t, fakestripe.Processing, payment.CaptureAutomatic, 1250)
				l.deaf = lost
				l.pass(time.Minute)
				if l.is(order.Created, payment.Processing); !l.payment().Delayed {
					t.Error("nobody is told that the bank takes its time")
				}
				if tt.cancelled {
					l.cancel()
				}
				l.pass(8 * day)
				if want := map[bool]order.Status{false: order.Created, true: order.Cancelling}[tt.cancelled]; l.o.Status != want {
					t.Errorf("after days it is %s", l.o.Status)
				}
				l.asks("")
				if asked := l.fake.Calls("retrieve"); asked > 300 || l.fake.Calls("confirm") != 1 || l.fake.Calls("cancel") != 0 {
					t.Errorf("%d look-ups, %d confirmations, %d cancellations", asked, l.fake.Calls("confirm"), l.fake.Calls("cancel"))
				}
				l.happens(l.fake.Decide(l.reference(), tt.success))
				l.pass(90 * time.Minute) // a look-up, and the delivery
				if tt.order == order.Delivered {
					l.pass(time.Hour)
				}
				l.is(tt.order, tt.payment)
				l.asks("")
				refunded := int64(0)
				if tt.cancelled {
					refunded = tt.captured
				}
				l.books(tt.captured, refunded, 0)
				l.bounded(2, 1, 9)
			})
		})
	}
	// The customer pays by debit in the browser while the order is cancelled, and nobody tells us: Stripe refuses to cancel what is
	// processing, and remembers that under the key. https://docs.stripe.com/api/payment_intents/cancel
	for name, success := range map[string]bool{"OKCancelledBefore": true, "ErrCancelledBefore": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLife(t, "", payment.CaptureAutomatic, 1250)
			l.deaf = true
			l.pass(time.Minute)
			l.is(order.Created, payment.RequiresAction)
			if !l.fake.PayInBrowser(l.payment().NextAction.ClientSecret, fakestripe.Processing) {
				t.Fatal("the browser could not pay")
			}
			l.cancel()
			l.pass(8 * day)
			l.is(order.Cancelling, payment.RequiresAction)
			l.asks("")
			if n := l.fake.Calls("cancel"); n != 1 {
				t.Errorf("asked %d times to cancel what cannot be cancelled", n)
			}
			l.happens(l.fake.Decide(l.reference(), success))
			l.pass(2 * time.Hour)
			if l.o.Status != order.Cancelled || l.o.Captured != l.o.Refunded {
				t.Errorf("%s, captured %d, refunded %d", l.o.Status, l.o.Captured, l.o.Refunded)
			}
			l.asks("")
			l.books(l.o.Captured, l.o.Captured, 0)
			l.bounded(4, 1, 9)
		})
	}
	// Refused after days, the customer may pay in the browser by other means, and has the usual time for it.
	t.Run("ErrRefusedInBrowser", func(t *testing.T) {
		t.Parallel()
		l := newLife(t, "", payment.CaptureAutomatic, 1250)
		l.pass(time.Minute)
		l.happens(l.fake.PayInBrowser(l.payment().NextAction.ClientSecret, fakestripe.Processing))
		l.is(order.Created, payment.Processing)
		l.pass(8 * day)
		l.happens(l.fake.Decide(l.reference(), false))
		l.is(order.Created, payment.RequiresAction)
		l.pass(31 * time.Minute)
		if l.o.Status != order.Cancelled {
			t.Errorf("%s, expires at %v", l.o.Status, l.o.ExpiresAt)
		}
		l.asks("")
		l.books(0, 0, 0)
	})
}

// A voucher can be paid for days, however the customer got it: https://docs.stripe.com/payments/boleto
func TestLifeOfAVoucher(t *testing.T) {
	t.Parallel()
	for name, inBrowser := range map[string]bool{"OKByToken": false, "OKInBrowser": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, paid := range []bool{true, false} {
				l := newLife(t, map[bool]string{false: fakestripe.Voucher}[inBrowser], payment.CaptureAutomatic, 1250)
				l.pass(time.Minute)
				if inBrowser {
					l.happens(l.fake.PayInBrowser(l.payment().NextAction.ClientSecret, fakestripe.Voucher))
				}
				l.is(order.Created, payment.RequiresAction)
				if a := l.payment().NextAction; a == nil || a.ExpiresAt == nil || l.o.ExpiresAt == nil || !l.o.ExpiresAt.Equal(a.ExpiresAt.Add(time.Minute)) {
					t.Fatalf("action %+v, the order expires at %v", a, l.o.ExpiresAt)
				}
				l.pass(3*day - time.Hour)
				l.is(order.Created, payment.RequiresAction)
				if paid {
					l.happens(l.fake.PayVoucher(l.reference()))
					l.is(order.Confirmed, payment.Confirmed)
					l.books(1250, 0, 0)
					continue
				}
				l.pass(2 * time.Hour)
				if s := l.payment().Status; s.Active() {
					t.Errorf("payment %s after the voucher's end", s)
				}
				l.asks("")
				l.books(0, 0, 0)
				if l.fake.PayVoucher(l.reference()) {
					t.Error("it can still be paid")
				}
			}
		})
	}
}

// Half an hour without Stripe costs no order and needs nobody: five minutes after its end all is done once.
// https://docs.stripe.com/error-low-level
func TestLifeThroughAnOutage(t *testing.T) {
	t.Parallel()
	for _, fault := range []fakestripe.Fault{
		fakestripe.DropBefore, fakestripe.DropAfter, fakestripe.Unavailable, fakestripe.BadGateway, fakestripe.RateLimited, fakestripe.ServerError, fakestripe.ErrorRemembered,
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			down := func(l *life) {
				l.fake.GoDown(fault, 30*time.Minute)
				l.pass(35 * time.Minute)
				l.asks("")
			}
			l := newLife(t, fakestripe.Visa, payment.CaptureAutomatic, 1250)
			down(l)
			l.is(order.Confirmed, payment.Confirmed)
			if types := typesOf(l.o); !slices.Equal(types, walk[:3]) {
				t.Errorf("events %q", types)
			}
			l.cancel()
			down(l)
			l.is(order.Cancelled, payment.Confirmed)
			l.books(1250, 1250, 0)
			l.bounded(2, 1, 7)

			held := newLife(t, fakestripe.Visa, payment.CaptureManual, 1250)
			held.pass(time.Minute)
			held.o.Capture(held.cause(), held.payment())
			down(held)
			held.is(order.Confirmed, payment.Confirmed)
			held.books(1250, 0, 0)

			voided := newLife(t, fakestripe.Visa, payment.CaptureManual, 1250)
			voided.pass(time.Minute)
			voided.cancel()
			down(voided)
			voided.is(order.Cancelled, payment.Voided)
			voided.books(0, 0, 0)
		})
	}
}

func typesOf(o *order.Order) (types []order.EventType) {
	for _, e := range o.Events() {
		types = append(types, e.Type)
	}
	return types
}

// A failure that Stripe remembers under a key delays an operation, and a fresh key ends it: https://docs.stripe.com/api/idempotent_requests
func TestLifeWithSpentKeys(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakestripe.Fault{"OKNothingDone": fakestripe.ErrorRemembered, "OKDone": fakestripe.ErrorRememberedAfter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, operation := range []string{"create", "confirm", "capture", "refund", "cancel"} {
				l := newLife(t, fakestripe.Visa, payment.CaptureManual, 1250)
				l.fake.Fail(operation, fault, fault)
				l.pass(time.Minute)
				l.is(order.Created, payment.Authorized)
				if operation == "cancel" {
					l.cancel()
					l.pass(time.Minute)
					l.is(order.Cancelled, payment.Voided)
					l.books(0, 0, 0)
					continue
				}
				l.o.Capture(l.cause(), l.payment())
				l.pass(time.Minute)
				l.is(order.Confirmed, payment.Confirmed)
				l.refund(1000)
				l.pass(time.Minute)
				l.asks("")
				l.books(1250, 1000, 0)
				l.bounded(3, 1, 6)
			}
		})
	}
	// The key was used for another amount, as by a version that sent other parameters.
	t.Run("OKOtherParameters", func(t *testing.T) {
		t.Parallel()
		l := newLife(t, fakestripe.Visa, payment.CaptureAutomatic, 1250)
		l.pass(3 * time.Second)
		used := authorization(fakestripe.Visa, payment.CaptureAutomatic)
		used.Key, used.Amount = l.payment().Attempts[0].ID, money.New(1249, "EUR")
		expect(t, payment.Prepared)(l.Authorize(t.Context(), used))
		l.pass(time.Minute)
		l.is(order.Confirmed, payment.Confirmed)
		l.asks("")
		if a := l.payment().Attempts; len(a) != 1 || a[0].FreshKeys != 1 {
			t.Errorf("attempts %+v", a)
		}
		l.books(1250, 0, 0)
	})
	// Stripe fails for longer than it remembers keys.
	t.Run("ErrForEver", func(t *testing.T) {
		t.Parallel()
		l := newLife(t, fakestripe.Visa, payment.CaptureAutomatic, 1250)
		l.fake.Fail("create", slices.Repeat([]fakestripe.Fault{fakestripe.ErrorRemembered}, 5000)...)
		l.pass(22 * time.Hour)
		l.is(order.Created, payment.Processing)
		l.asks("")
		l.pass(2 * day) // nothing can have been charged, so the order ends
		if l.o.Status != order.Cancelled {
			t.Errorf("it is %s", l.o.Status)
		}
		l.bounded(2, 0, 6)
		if n := l.payment().Attempts[0].FreshKeys; n < 1000 || n > 1850 {
			t.Errorf("%d fresh keys", n)
		}
	})
}

// A cancel gives back what is left, no matter which of them was faster: https://docs.stripe.com/error-codes
func TestLifeOfACancel(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		outside  func(l *life)
		after    func(l *life) // decides a dispute
		refunds  int           // at Stripe
		refunded int64
		disputed int64
	}{
		"OK":               {func(*life) {}, nil, 1, 1250, 0},
		"OKRefundedInPart": {func(l *life) { l.fake.RefundPartInDashboard(l.reference(), 300) }, nil, 2, 1250, 0},
		"OKRefunded":       {func(l *life) { l.fake.RefundInDashboard(l.reference()) }, nil, 1, 1250, 0},
		"OKDisputeWon":     {func(l *life) { l.fake.Dispute(l.reference(), 1250, false) }, func(l *life) { l.decideDispute("won") }, 1, 1250, 0},
		"OKDisputeLost":    {func(l *life) { l.fake.Dispute(l.reference(), 1250, false) }, func(l *life) { l.decideDispute("lost") }, 0, 0, 1250},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			heardOrLost(t, func(t *testing.T, lost bool) {
				l := newLife(t, fakestripe.Visa, payment.CaptureAutomatic, 1250)
				l.pass(time.Minute)
				l.is(order.Confirmed, payment.Confirmed)
				l.deaf = lost
				tt.outside(l)
				l.cancel()
				l.pass(10 * time.Minute)
				if tt.after != nil {
					l.is(order.Cancelling, payment.Confirmed)
					l.asks(payment.Disputed)
					l.pass(30 * day)
					l.is(order.Cancelling, payment.Confirmed)
					tt.after(l)
					l.pass(8 * day) // looked up by itself, once a week
				}
				l.is(order.Cancelled, payment.Confirmed)
				l.asks("")
				l.books(1250, tt.refunded, tt.disputed)
				if n := len(l.fake.Refunds(l.reference())); n != tt.refunds {
					t.Errorf("%d refunds at Stripe, want %d", n, tt.refunds)
				}
				l.bounded(4, 3, 14)
			})
		})
	}
}

func (l *life) decideDispute(status string) {
	l.fake.MoveDispute(l.fake.DisputesOf(l.reference())[0].ID, status)
}

// A warning of fraud holds the delivery and asks for staff, until the charge is refunded or disputed:
// https://docs.stripe.com/disputes/measuring#early-fraud-warnings
func TestLifeOfAWarning(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		then               func(l *life)
		after              time.Duration
		attention          payment.Attention
		refunded, disputed int64
		hold               order.DeliveryHold
	}{
		"OKRefundedByStaff":     {func(l *life) { l.refund(1250) }, time.Minute, "", 1250, 0, order.HeldByRefund},
		"OKRefundedInDashboard": {func(l *life) { l.fake.RefundInDashboard(l.reference()) }, time.Minute, "", 1250, 0, order.HeldByRefund},
		"OKDisputed":            {func(l *life) { l.fake.Dispute(l.reference(), 1250, false) }, time.Minute, payment.Disputed, 0, 1250, order.HeldByDispute},
		"OKNothingFollows":      {func(*life) {}, 128 * day, "", 0, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			heardOrLost(t, func(t *testing.T, lost bool) {
				l := newLife(t, fakestripe.Visa, payment.CaptureAutomatic, 1250)
				l.pass(time.Minute)
				l.fake.Warn(l.reference())
				l.pass(time.Minute)
				l.asks(payment.Disputed)
				l.pass(day)
				l.is(order.Confirmed, payment.Confirmed)
				l.deaf = lost
				tt.then(l)
				l.pass(tt.after)
				if lost {
					l.pass(8 * day) // looked up by itself, once a week
				}
				l.asks(tt.attention)
				l.books(1250, tt.refunded, tt.disputed)
				if hold := l.o.DeliveryHold(); hold != tt.hold {
					t.Errorf("delivery is held by %q, want %q", hold, tt.hold)
				}
				l.bounded(2, 1, 10)
			})
		})
	}
}

// An amount below Stripe's smallest moves nothing, also when it was not refused before: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
func TestLifeOfASmallAmount(t *testing.T) {
	t.Parallel()
	l := newLife(t, fakestripe.Visa, payment.CaptureAutomatic, 49)
	l.pass(time.Minute)
	l.is(order.Created, payment.Declined)
	l.asks("")
	l.pass(time.Hour)
	if l.o.Status != order.Cancelled || len(l.fake.Intents()) != 0 {
		t.Errorf("%s, %d PaymentIntents", l.o.Status, len(l.fake.Intents()))
	}
}
