package stripe_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
)

var walk = []order.EventType{order.OrderCreated, order.PaymentProcessing, order.PaymentConfirmed, order.OrderDelivered}

func TestOrderPaid(t *testing.T) {
	t.Parallel()
	s := openShop(t, nil)
	o := s.order(t, fakestripe.Visa, payment.CaptureAutomatic)
	if got := s.await(t, o.ID, order.OrderDelivered); !slices.Equal(got, walk) {
		t.Errorf("got %v", got)
	}
	s.webhooks(t) // all of them late
	s.checkMoney(t, o.ID, total, 0)
	p := s.get(t, o.ID).Payment()
	if i := s.fake.Intents()[0]; p.Provider != "stripe" || p.Reference != i.ID || i.Metadata["payment"] != p.ID.TypeID() {
		t.Errorf("payment %+v, PaymentIntent %+v", p, i)
	}
	// Refunded in parts, also after delivery.
	for n, minor := range []int64{1000, 2600} {
		if _, err := s.service.Refund(t.Context(), grace, order.RefundInput{IdempotencyKey: uuid.NewString(), OrderID: o.ID, AmountMinor: &minor}); err != nil {
			t.Fatal(err)
		}
		s.until(t, "the refund", func() bool {
			refunds := s.get(t, o.ID).Refunds()
			return len(refunds) == n+1 && refunds[n].Status == payment.RefundSucceeded
		})
	}
	s.checkMoney(t, o.ID, total, total)
}

func TestOrderDeclinedAndRetried(t *testing.T) {
	t.Parallel()
	s := openShop(t, nil)
	o := s.order(t, fakestripe.InsufficientFunds, payment.CaptureAutomatic)
	s.await(t, o.ID, order.PaymentDeclined)
	if p := s.get(t, o.ID).Payment(); p.DeclineCode == nil || *p.DeclineCode != "insufficient_funds" {
		t.Errorf("payment %+v", p)
	}
	s.webhooks(t)
	if _, err := s.service.Retry(t.Context(), ada, order.RetryInput{IdempotencyKey: uuid.NewString(), OrderID: o.ID, PaymentToken: fakestripe.Visa}); err != nil {
		t.Fatal(err)
	}
	s.await(t, o.ID, order.OrderDelivered)
	s.checkMoney(t, o.ID, total, 0)
	intents := s.fake.Intents()
	if len(intents) != 2 {
		t.Fatalf("%d PaymentIntents", len(intents))
	}
	// The declined one cannot be paid any more.
	if intents[0].Status != "canceled" || s.fake.PayInBrowser(intents[0].ClientSecret, fakestripe.Visa) {
		t.Errorf("it is %s", intents[0].Status)
	}
}

// The customer is asked to authenticate, and pays with another card instead.
func TestOrderPaidAnotherWay(t *testing.T) {
	t.Parallel()
	retry := func(t *testing.T, s *shop) *order.Order {
		t.Helper()
		o := s.order(t, fakestripe.Authenticate, payment.CaptureAutomatic)
		s.await(t, o.ID, order.PaymentActionRequired)
		in := order.RetryInput{IdempotencyKey: uuid.NewString(), OrderID: o.ID, PaymentToken: fakestripe.Visa}
		if _, err := s.service.Retry(t.Context(), ada, in); err != nil {
			t.Fatal(err)
		}
		return o
	}
	asked := []order.EventType{order.OrderCreated, order.PaymentProcessing, order.PaymentActionRequired, order.PaymentRetried}
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		s := openShop(t, nil)
		s.fake.Fail("cancel", fakestripe.BadGateway, fakestripe.DropAfter)
		o := retry(t, s)
		want := append(slices.Clone(asked), order.PaymentVoided, order.PaymentProcessing, order.PaymentConfirmed, order.OrderDelivered)
		if got := s.await(t, o.ID, order.OrderDelivered); !slices.Equal(got, want) {
			t.Errorf("got %v", got)
		}
		s.webhooks(t)
		s.checkMoney(t, o.ID, total, 0)
		if i := s.fake.Intents(); len(i) != 2 || i[0].Status != "canceled" || i[1].Captured != total {
			t.Errorf("PaymentIntents %+v", i)
		}
	})
	// The customer authenticates in the other tab while Stripe is asked to cancel.
	t.Run("OKAuthenticatedMeanwhile", func(t *testing.T) {
		t.Parallel()
		s := openShop(t, beforeVoid(func(fake *fakestripe.Stripe, reference string) { fake.Authenticate(reference, true) }))
		o := retry(t, s)
		want := append(slices.Clone(asked), order.PaymentProcessing, order.PaymentConfirmed, order.PaymentVoided, order.OrderDelivered)
		if got := s.await(t, o.ID, order.OrderDelivered); !slices.Equal(got, want) {
			t.Errorf("got %v", got)
		}
		s.webhooks(t)
		s.checkMoney(t, o.ID, total, 0)
		if n := len(s.fake.Intents()); n != 1 {
			t.Errorf("%d PaymentIntents: the second was sent", n)
		}
		if p := s.get(t, o.ID).Payment(); p.Status != payment.Confirmed {
			t.Errorf("the order shows a payment that is %s", p.Status)
		}
	})
}

// beforeVoid wraps a gateway whose customers act just before a charge is voided.
func beforeVoid(acts func(fake *fakestripe.Stripe, reference string)) func(payment.Gateway) payment.Gateway {
	return func(g payment.Gateway) payment.Gateway { return &quickCustomer{g.(*bundle), acts} }
}

type quickCustomer struct {
	*bundle
	acts func(fake *fakestripe.Stripe, reference string)
}

func (q *quickCustomer) Void(ctx context.Context, call payment.Call) (payment.Result, error) {
	q.acts(q.fake, call.Reference)
	return q.bundle.Void(ctx, call)
}

// Whatever goes wrong between Stripe and us, an order is charged once.
func TestOrderChargedOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		operation string
		faults    []fakestripe.Fault
	}{
		"CreateLost":           {"create", []fakestripe.Fault{fakestripe.DropAfter, fakestripe.BadGateway}},
		"CreateNotDone":        {"create", []fakestripe.Fault{fakestripe.RateLimited, fakestripe.DropBefore, fakestripe.ServerError}},
		"ConfirmLost":          {"confirm", []fakestripe.Fault{fakestripe.DropAfter}},
		"ConfirmLostInBetween": {"confirm", []fakestripe.Fault{fakestripe.ServerError, fakestripe.BadGateway}},
		"ConfirmNotDone":       {"confirm", []fakestripe.Fault{fakestripe.KeyInUse, fakestripe.DropBefore}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, nil)
			s.fake.Fail(tt.operation, tt.faults...)
			if name == "ConfirmLost" {
				s.fake.Fail("retrieve", fakestripe.BadGateway, fakestripe.DropBefore)
			}
			o := s.order(t, fakestripe.Visa, payment.CaptureAutomatic)
			if got := s.await(t, o.ID, order.OrderDelivered); !slices.Equal(got, walk) {
				t.Errorf("got %v", got)
			}
			s.checkMoney(t, o.ID, total, 0)
			if n := len(s.fake.Intents()); n != 1 {
				t.Errorf("%d PaymentIntents", n)
			}
		})
	}
}

// A customer does not wait for Stripe to answer the creation of a PaymentIntent: nobody can confirm one whose id was lost, so another
// payment takes its place at once.
func TestOrderRetriedWhileStripeIsAway(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]fakestripe.Fault{"OKNotDone": fakestripe.DropBefore, "OKLost": fakestripe.DropAfter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, nil)
			s.fake.GoDown(lost, time.Hour)
			o := s.order(t, fakestripe.Visa, payment.CaptureAutomatic)
			s.await(t, o.ID, order.PaymentProcessing)
			retry := order.RetryInput{IdempotencyKey: uuid.NewString(), OrderID: o.ID, PaymentToken: fakestripe.Visa}
			s.until(t, "another payment", func() bool {
				_, err := s.service.Retry(t.Context(), ada, retry)
				if err != nil && fault.CodeOf(err) != fault.NotAllowedInState {
					t.Fatal(err)
				}
				return err == nil
			})
			s.fake.GoDown(lost, 0)
			want := []order.EventType{
				order.OrderCreated, order.PaymentProcessing, order.PaymentVoided, order.PaymentRetried,
				order.PaymentProcessing, order.PaymentConfirmed, order.OrderDelivered,
			}
			if got := s.await(t, o.ID, order.OrderDelivered); !slices.Equal(got, want) {
				t.Errorf("got %v", got)
			}
			s.checkMoney(t, o.ID, total, 0)
		})
	}
}

// dying is a gateway whose process dies before its first confirmation is sent: the order's lease runs out, and another
// worker finds only what was committed.
type dying struct {
	payment.Gateway
	died atomic.Bool
}

func (d *dying) Authorize(ctx context.Context, call payment.Call) (payment.Result, error) {
	if call.Reference != "" && d.died.CompareAndSwap(false, true) {
		panic("killed between create and confirm")
	}
	return d.Gateway.Authorize(ctx, call)
}

func TestOrderKilledBetweenCreateAndConfirm(t *testing.T) {
	t.Parallel()
	s := openShop(t, func(g payment.Gateway) payment.Gateway { return &dying{Gateway: g} })
	o := s.order(t, fakestripe.Visa, payment.CaptureAutomatic)
	if got := s.await(t, o.ID, order.OrderDelivered); !slices.Equal(got, walk) {
		t.Errorf("got %v", got)
	}
	s.checkMoney(t, o.ID, total, 0)
	if creates, confirms := s.fake.Calls("create"), s.fake.Calls("confirm"); creates != 1 || confirms != 1 {
		t.Errorf("%d creates, %d confirms", creates, confirms)
	}
}

// The customer pays in the browser, where no token is needed here.
func TestOrderPaidInBrowser(t *testing.T) {
	t.Parallel()
	s := openShop(t, nil)
	o := s.order(t, "", payment.CaptureAutomatic)
	s.await(t, o.ID, order.PaymentActionRequired)
	action := s.get(t, o.ID).Payment().NextAction
	if action == nil || action.Type != payment.ActionClientSecret {
		t.Fatalf("action %+v", action)
	}
	if !s.fake.PayInBrowser(action.ClientSecret, fakestripe.Declined) || !s.fake.PayInBrowser(action.ClientSecret, fakestripe.Visa) {
		t.Fatal("the browser could not pay")
	}
	s.webhooks(t)
	want := []order.EventType{order.OrderCreated, order.PaymentProcessing, order.PaymentActionRequired, order.PaymentProcessing, order.PaymentConfirmed, order.OrderDelivered}
	if got := s.await(t, o.ID, order.OrderDelivered); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	s.checkMoney(t, o.ID, total, 0)
}

func TestOrderAuthenticated(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		success bool
		until   order.EventType
		kept    int64
	}{"OK": {true, order.PaymentConfirmed, total}, "ErrRefused": {false, order.PaymentDeclined, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, nil)
			o := s.order(t, fakestripe.Authenticate, payment.CaptureAutomatic)
			s.await(t, o.ID, order.PaymentActionRequired)
			if !s.fake.Authenticate(s.get(t, o.ID).Payment().Reference, tt.success) {
				t.Fatal("nobody was asked to authenticate")
			}
			s.webhooks(t)
			s.await(t, o.ID, tt.until)
			s.checkMoney(t, o.ID, tt.kept, 0)
		})
	}
}

func TestOrderHeld(t *testing.T) {
	t.Parallel()
	t.Run("OKCaptured", func(t *testing.T) {
		t.Parallel()
		s := openShop(t, nil)
		s.fake.Fail("capture", fakestripe.DropAfter)
		o := s.order(t, fakestripe.Visa, payment.CaptureManual)
		s.await(t, o.ID, order.PaymentAuthorized)
		s.checkMoney(t, o.ID, 0, 0)
		if _, err := s.service.Capture(t.Context(), grace, order.CaptureInput{PaymentInput: order.PaymentInput{PaymentID: o.Payment().ID}}); err != nil {
			t.Fatal(err)
		}
		s.await(t, o.ID, order.OrderDelivered)
		s.checkMoney(t, o.ID, total, 0)
	})
	// Stripe captures once: a part is the last one, and the rest is released. The lost answer is found by a look-up.
	t.Run("OKCapturedInPart", func(t *testing.T) {
		t.Parallel()
		s := openShop(t, nil)
		s.fake.Fail("capture", fakestripe.DropAfter)
		o := s.order(t, fakestripe.Visa, payment.CaptureManual)
		s.await(t, o.ID, order.PaymentAuthorized)
		in := order.CaptureInput{PaymentInput: order.PaymentInput{PaymentID: o.Payment().ID}, AmountMinor: new(int64(total + 1))}
		if _, err := s.service.Capture(t.Context(), grace, in); fault.CodeOf(err) != fault.AmountOutOfRange {
			t.Errorf("more than is held: %v", err)
		}
		in.AmountMinor = new(int64(total - 300))
		if _, err := s.service.Capture(t.Context(), grace, in); err != nil {
			t.Fatal(err)
		}
		s.await(t, o.ID, order.OrderDelivered)
		s.checkMoney(t, o.ID, total-300, 0)
		if now := s.get(t, o.ID); now.Payment().Capturable() != 0 || now.Payment().Attention != nil || s.service.CapturesInParts(now.Payment()) {
			t.Errorf("%+v", now.Payment())
		}
	})
	t.Run("OKCancelled", func(t *testing.T) {
		t.Parallel()
		s := openShop(t, nil)
		s.fake.Fail("cancel", fakestripe.BadGateway)
		o := s.order(t, fakestripe.Visa, payment.CaptureManual)
		s.await(t, o.ID, order.PaymentAuthorized)
		if _, err := s.service.Cancel(t.Context(), ada, order.CancelInput{OrderID: o.ID}); err != nil {
			t.Fatal(err)
		}
		s.await(t, o.ID, order.OrderCancelled)
		s.checkMoney(t, o.ID, 0, 0)
		if i := s.fake.Intents()[0]; i.Status != "canceled" {
			t.Errorf("PaymentIntent %+v", i)
		}
	})
	// Stripe gave the hold up by itself, and its webhook says so.
	t.Run("OKExpiredAtStripe", func(t *testing.T) {
		t.Parallel()
		s := openShop(t, nil)
		o := s.order(t, fakestripe.Visa, payment.CaptureManual)
		s.await(t, o.ID, order.PaymentAuthorized)
		s.fake.Expire(s.get(t, o.ID).Payment().Reference)
		s.webhooks(t)
		s.await(t, o.ID, order.PaymentExpired)
		s.checkMoney(t, o.ID, 0, 0)
	})
}

// What is cancelled cannot be paid in the browser any more.
func TestOrderCancelledWhileWaitingInBrowser(t *testing.T) {
	t.Parallel()
	s := openShop(t, nil)
	o := s.order(t, "", payment.CaptureAutomatic)
	s.await(t, o.ID, order.PaymentActionRequired)
	secret := s.get(t, o.ID).Payment().NextAction.ClientSecret
	if _, err := s.service.Cancel(t.Context(), ada, order.CancelInput{OrderID: o.ID}); err != nil {
		t.Fatal(err)
	}
	s.await(t, o.ID, order.OrderCancelled)
	if s.fake.PayInBrowser(secret, fakestripe.Visa) {
		t.Error("a cancelled order was paid")
	}
	s.checkMoney(t, o.ID, 0, 0)
}

// A refund that Stripe keeps pending is pending here too, until its webhook; one that fails gives its amount back.
func TestOrderRefunded(t *testing.T) {
	t.Parallel()
	for name, settle := range map[string][]bool{"OK": {true}, "OKAfterAFailure": {false, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, nil)
			o := s.order(t, fakestripe.PendingRefund, payment.CaptureManual)
			s.await(t, o.ID, order.PaymentAuthorized)
			if _, err := s.service.Capture(t.Context(), grace, order.CaptureInput{PaymentInput: order.PaymentInput{PaymentID: o.Payment().ID}}); err != nil {
				t.Fatal(err)
			}
			s.await(t, o.ID, order.OrderDelivered)
			if _, err := s.service.Refund(t.Context(), grace, order.RefundInput{IdempotencyKey: uuid.NewString(), OrderID: o.ID}); err != nil {
				t.Fatal(err)
			}
			reference := s.get(t, o.ID).Payment().Reference
			for n, success := range settle {
				if n > 0 { // the failed one gave its amount back
					if _, err := s.service.Refund(t.Context(), grace, order.RefundInput{IdempotencyKey: uuid.NewString(), OrderID: o.ID}); err != nil {
						t.Fatal(err)
					}
				}
				s.until(t, "the refund at Stripe", func() bool { return len(s.fake.Refunds(reference)) == n+1 })
				s.fake.SettleRefund(s.fake.Refunds(reference)[n], success)
				s.webhooks(t)
				if !success {
					s.await(t, o.ID, order.RefundFailed)
				}
			}
			s.await(t, o.ID, order.RefundSucceeded)
			s.checkMoney(t, o.ID, total, total)
		})
	}
}

// The bank refused, the payment is over here, and then the customer pays the same PaymentIntent with another card: that
// money is booked and goes back.
func TestOrderPaidTooLate(t *testing.T) {
	t.Parallel()
	s := openShop(t, beforeVoid(func(fake *fakestripe.Stripe, _ string) {
		if !fake.PayInBrowser(fake.Intents()[0].ClientSecret, fakestripe.Visa) {
			t.Error("the browser could not pay")
		}
	}))
	o := s.order(t, fakestripe.Authenticate, payment.CaptureAutomatic)
	s.await(t, o.ID, order.PaymentActionRequired)
	s.fake.Authenticate(s.get(t, o.ID).Payment().Reference, false)
	s.webhooks(t)
	s.await(t, o.ID, order.PaymentDeclined)
	s.await(t, o.ID, order.RefundSucceeded)
	s.webhooks(t)
	s.checkMoney(t, o.ID, total, total)
	if now := s.get(t, o.ID); now.Status != order.Created || now.Payment().Status != payment.Declined {
		t.Errorf("order %s, payment %s", now.Status, now.Payment().Status)
	}
}

// A refund that fails after it had succeeded gives its amount back to the balance, and staff are told.
func TestOrderRefundFailsLate(t *testing.T) {
	t.Parallel()
	s := openShop(t, nil)
	o := s.order(t, fakestripe.Visa, payment.CaptureAutomatic)
	s.await(t, o.ID, order.OrderDelivered)
	if _, err := s.service.Refund(t.Context(), grace, order.RefundInput{IdempotencyKey: uuid.NewString(), OrderID: o.ID}); err != nil {
		t.Fatal(err)
	}
	s.await(t, o.ID, order.RefundSucceeded)
	s.webhooks(t)
	s.fake.SettleRefund(s.fake.Refunds(s.get(t, o.ID).Payment().Reference)[0], false)
	s.webhooks(t)
	s.await(t, o.ID, order.PaymentNeedsAttention)
	now := s.get(t, o.ID)
	if now.Refunded != 0 || *now.Payment().Attention != payment.RefundReversed || now.Payment().Refunds[0].Status != payment.RefundFailed {
		t.Errorf("refunded %d, attention %v", now.Refunded, *now.Payment().Attention)
	}
	s.checkMoney(t, o.ID, total, 0)
}
