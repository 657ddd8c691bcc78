package stripe_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
)

// Whatever customers, staff, people at Stripe's dashboard, banks and outages do, in any order and with webhooks that are lost: after a quiet
// time our books equal Stripe's, or the payment's attention says why. Rows stay few, and an order is charged once.
func TestLivesOfAnyKind(t *testing.T) {
	t.Parallel()
	did := map[string]int{}
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(16, seed)) //nolint:gosec // not for secrets
			methods := []string{
				fakestripe.Visa, fakestripe.Visa, fakestripe.PendingRefund, fakestripe.ActionRefund, fakestripe.Processing, fakestripe.Authenticate,
				fakestripe.Voucher, fakestripe.InsufficientFunds, "",
			}
			captures := []payment.CaptureMethod{payment.CaptureAutomatic, payment.CaptureManual}
			l := newLife(t, methods[random.IntN(len(methods))], captures[random.IntN(2)], 1250)
			story := []string{l.payment().Method, string(l.payment().CaptureMethod)}
			if random.IntN(3) > 0 {
				l.pass(time.Minute)
			}
			for range 14 {
				what := l.anything(random)
				did[what]++
				story = append(story, what)
				l.pass(time.Duration(random.Int64N(int64([]time.Duration{time.Second, time.Minute, time.Hour, day}[random.IntN(4)]))))
			}
			l.quiet()
			if problem := l.disagree(); problem != "" {
				t.Errorf("%q: %s", story, problem)
			}
		})
	}
	for _, what := range []string{"cancel", "capture", "refund", "outside refund", "outside dispute", "outside capture", "down", "browser"} {
		if did[what] == 0 {
			t.Errorf("never happened: %s (%v)", what, did)
		}
	}
}

// anything is one deed of somebody's.
func (l *life) anything(random *rand.Rand) string {
	l.Helper()
	p := l.payment()
	if p.Status == payment.RequiresAction && random.IntN(2) == 0 {
		return l.act(random)
	}
	switch random.IntN(10) {
	case 0:
		l.deaf = !l.deaf
		return "webhooks"
	case 1:
		faults := []fakestripe.Fault{fakestripe.DropBefore, fakestripe.DropAfter, fakestripe.ErrorRemembered, fakestripe.Unavailable, fakestripe.RateLimited, fakestripe.BadGateway}
		l.fake.GoDown(faults[random.IntN(len(faults))], time.Duration(random.Int64N(int64(40*time.Minute))))
		return "down"
	case 2:
		for _, operation := range []string{"create", "confirm", "capture", "cancel", "refund"} {
			l.fake.Fail(operation, []fakestripe.Fault{fakestripe.ErrorRemembered, fakestripe.ErrorRememberedAfter, fakestripe.DropAfter}[random.IntN(3)])
		}
		return "faults"
	case 3:
		if random.IntN(2) > 0 || l.o.Cancel(l.cause(), order.CancelledByCustomer) != nil {
			return "nothing"
		}
		return "cancel"
	case 4:
		if !l.o.CanCapture(p) {
			return "nothing"
		}
		l.o.Capture(l.cause(), p)
		return "capture"
	case 5:
		if most := l.o.RefundableAtOnce(); l.o.CanRefund() && most > 0 {
			l.refund(1 + random.Int64N(most))
			return "refund"
		}
		return "nothing"
	default:
		if p.Reference == "" {
			return "nothing"
		}
		return "outside " + l.fake.Outside(p.Reference, random)
	}
}

// act is the customer's next action, in the browser or at the bank.
func (l *life) act(random *rand.Rand) string {
	p := l.payment()
	methods := []string{fakestripe.Visa, fakestripe.Declined, fakestripe.Processing, fakestripe.Voucher}
	if p.NextAction != nil && p.NextAction.ClientSecret != "" && l.fake.PayInBrowser(p.NextAction.ClientSecret, methods[random.IntN(len(methods))]) {
		return "browser"
	}
	if l.fake.Authenticate(p.Reference, random.IntN(3) > 0) {
		return "authenticate"
	}
	return "nothing"
}

// quiet lets a week pass in which nobody does anything but the reconciler, and banks, which decide all but disputes.
func (l *life) quiet() {
	l.Helper()
	l.deaf = false
	for range 7 {
		for _, i := range l.fake.Intents() {
			l.fake.Decide(i.ID, true)
			for _, r := range l.fake.RefundsOf(i.ID) {
				if r.Status == "pending" || r.Status == "requires_action" {
					l.fake.SettleRefund(r.ID, true)
				}
			}
		}
		l.pass(day)
		l.reconcile()
	}
}

// disagree says how our books differ from Stripe's though nobody is asked to look; "" if they do not.
func (l *life) disagree() string {
	charges := 0
	var took, back, withdrawn int64
	for _, i := range l.fake.Intents() {
		took, withdrawn = took+i.Captured, withdrawn+i.Disputed
		for _, r := range l.fake.RefundsOf(i.ID) {
			if r.Status == "succeeded" {
				back += r.Amount
			}
		}
		if i.Captured > 0 {
			charges++
		}
	}
	p := l.payment()
	switch {
	case charges > 1:
		return fmt.Sprintf("%d charges", charges)
	case len(p.Attempts) > 150 || len(l.o.Events()) > 100: // a refund that must happen and is refused has some 50 tries in a week
		return fmt.Sprintf("%d attempts, %d events", len(p.Attempts), len(l.o.Events()))
	case p.Attention != nil:
		return ""
	case l.o.Captured != took || l.o.Refunded != back || p.Disputed() != withdrawn:
		return fmt.Sprintf("captured %d, refunded %d (pending %d), disputed %d; Stripe has %d, %d, %d; attempts %+v",
			l.o.Captured, l.o.Refunded, l.o.RefundPending, p.Disputed(), took, back, withdrawn, p.Attempts)
	case l.o.Status == order.Cancelling && !p.HasOpenDispute():
		return fmt.Sprintf("it stays CANCELLING: %+v, attempts %+v", l.o.State, p.Attempts)
	}
	return ""
}
