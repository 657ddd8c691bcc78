package stripe_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/stripe"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
)

func TestAuthorize(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		method  string
		capture payment.CaptureMethod
		outcome payment.Outcome
		code    string
	}{
		{fakestripe.Visa, payment.CaptureAutomatic, payment.Captured, ""},
		{fakestripe.Visa, payment.CaptureManual, payment.Held, ""},
		{fakestripe.Declined, payment.CaptureAutomatic, payment.Refused, "card_declined"},
		{fakestripe.InsufficientFunds, payment.CaptureAutomatic, payment.Refused, "insufficient_funds"},
		{fakestripe.StolenCard, payment.CaptureAutomatic, payment.Refused, "card_declined"}, // not for its holder to know
		{fakestripe.Authenticate, payment.CaptureAutomatic, payment.ActionRequired, ""},
	} {
		t.Run(tt.method+" "+string(tt.capture), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			call := b.prepare(t, authorization(tt.method, tt.capture))
			if i := b.ledger(t, call.Reference); i.Captured != 0 || i.Status != "requires_confirmation" {
				t.Fatalf("the create moved money: %+v", i)
			}
			expect(t, payment.Prepared)(b.LookUp(t.Context(), call))
			for range 2 { // the second time it is a repeat
				if r := expect(t, tt.outcome)(b.Authorize(t.Context(), call)); r.Code != tt.code || r.Reference != call.Reference {
					t.Errorf("got %+v", r)
				}
				if r := expect(t, tt.outcome)(b.LookUp(t.Context(), call)); r.Code != tt.code || r.Reference != call.Reference || r.Charge == nil {
					t.Errorf("looked up %+v", r)
				}
			}
			if n := len(b.fake.Intents()); n != 1 {
				t.Errorf("%d PaymentIntents", n)
			}
		})
	}
}

// A declined PaymentIntent is open, and both the decline and a look-up say so, until it is voided.
func TestDeclinedIsPayable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.prepare(t, authorization(fakestripe.Declined, payment.CaptureAutomatic))
	for _, ask := range []func(context.Context, payment.Call) (payment.Result, error){b.Authorize, b.LookUp, b.Authorize} {
		if r := expect(t, payment.Refused)(ask(t.Context(), call)); !r.Payable {
			t.Errorf("got %+v", r)
		}
	}
	expect(t, payment.Released)(b.Void(t.Context(), follow(call, payment.OperationVoid)))
	if b.fake.PayInBrowser(b.ledger(t, call.Reference).ClientSecret, fakestripe.Visa) {
		t.Error("the customer could still pay")
	}
	if r := expect(t, payment.Released)(b.LookUp(t.Context(), call)); r.Payable {
		t.Errorf("looked up %+v", r)
	}
}

func TestCreateSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := authorization(fakestripe.Visa, payment.CaptureAutomatic)
	call.Installation = uuid.New()
	call = b.prepare(t, call)
	m := b.ledger(t, call.Reference).Metadata
	if m["order"] != call.OrderID.TypeID() || m["payment"] != call.PaymentID.TypeID() ||
		m["attempt"] != call.Key.TypeID() || m["installation"] != call.Installation.String() || len(m) != 4 {
		t.Errorf("metadata %v", m)
	}
}

// A create whose answer was lost leaves at most an unconfirmed PaymentIntent, and with the same key not even two.
func TestCreateRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fake.Fail("create", fakestripe.DropAfter)
	call := authorization(fakestripe.Visa, payment.CaptureAutomatic)
	expectUndecided(t)(b.Authorize(t.Context(), call))
	expect(t, payment.NotFound)(b.LookUp(t.Context(), call))
	b.authorize(t, call, payment.Captured)
	if n := len(b.fake.Intents()); n != 1 {
		t.Errorf("%d PaymentIntents", n)
	}
}

func TestClientConfirms(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.prepare(t, authorization("", payment.CaptureAutomatic))
	for _, ask := range []func() (payment.Result, error){
		func() (payment.Result, error) { return b.Authorize(t.Context(), call) },
		func() (payment.Result, error) { return b.LookUp(t.Context(), call) },
	} {
		r := expect(t, payment.ActionRequired)(ask())
		if r.Action == nil || r.Action.Type != payment.ActionClientSecret || r.Action.ClientSecret != b.ledger(t, call.Reference).ClientSecret {
			t.Errorf("action %+v", r.Action)
		}
	}
	secret := b.ledger(t, call.Reference).ClientSecret
	if !b.fake.PayInBrowser(secret, fakestripe.Declined) {
		t.Fatal("the browser could not pay")
	}
	// Declined in the browser, the customer may try another card there.
	expect(t, payment.ActionRequired)(b.LookUp(t.Context(), call))
	if !b.fake.PayInBrowser(secret, fakestripe.Visa) {
		t.Fatal("the browser could not pay")
	}
	expect(t, payment.Captured)(b.LookUp(t.Context(), call))
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	t.Run("OKInBrowser", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		call := b.prepare(t, authorization(fakestripe.Authenticate, payment.CaptureAutomatic))
		r := expect(t, payment.ActionRequired)(b.Authorize(t.Context(), call))
		if r.Action.Type != payment.ActionClientSecret || r.Action.ClientSecret == "" || r.Action.URL != "" {
			t.Errorf("action %+v", r.Action)
		}
		b.fake.Authenticate(call.Reference, true)
		expect(t, payment.Captured)(b.LookUp(t.Context(), call))
	})
	t.Run("OKRedirect", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(o *stripe.Options) { o.ReturnURL = "https://shop.example/order/{order}" })
		call := b.prepare(t, authorization(fakestripe.Authenticate, payment.CaptureManual))
		r := expect(t, payment.ActionRequired)(b.Authorize(t.Context(), call))
		if r.Action.Type != payment.ActionRedirect || r.Action.URL == "" || r.Action.ClientSecret != "" {
			t.Errorf("action %+v", r.Action)
		}
		if got, want := b.ledger(t, call.Reference).ReturnURL, "https://shop.example/order/"+call.OrderID.TypeID(); got != want {
			t.Errorf("return URL %q, want %q", got, want)
		}
		b.fake.Authenticate(call.Reference, true)
		expect(t, payment.Held)(b.LookUp(t.Context(), call))
	})
	t.Run("ErrRefused", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		call := b.authorize(t, authorization(fakestripe.Authenticate, payment.CaptureAutomatic), payment.ActionRequired)
		b.fake.Authenticate(call.Reference, false)
		if r := expect(t, payment.Refused)(b.LookUp(t.Context(), call)); r.Code != "payment_intent_authentication_failure" {
			t.Errorf("code %q", r.Code)
		}
	})
}

func TestProcessing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		success bool
		want    payment.Outcome
	}{"OK": {true, payment.Captured}, "ErrDeclined": {false, payment.Refused}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			call := b.prepare(t, authorization(fakestripe.Processing, payment.CaptureAutomatic))
			for range 2 { // the second time it is a repeat
				expect(t, payment.Pending)(b.Authorize(t.Context(), call))
				expect(t, payment.Pending)(b.LookUp(t.Context(), call))
			}
			if !b.fake.Decide(call.Reference, tt.success) {
				t.Fatal("it was not being processed")
			}
			expect(t, tt.want)(b.LookUp(t.Context(), call))
		})
	}
}

func TestCapture(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		held := b.authorize(t, authorization(fakestripe.Visa, payment.CaptureManual), payment.Held)
		call := follow(held, payment.OperationCapture)
		expect(t, payment.NotFound)(b.LookUp(t.Context(), call))
		expect(t, payment.Captured)(b.Capture(t.Context(), call))
		expect(t, payment.Captured)(b.Capture(t.Context(), call))
		expect(t, payment.Captured)(b.LookUp(t.Context(), call))
		expect(t, payment.Captured)(b.LookUp(t.Context(), held))
		// Another attempt finds it captured.
		expect(t, payment.Captured)(b.Capture(t.Context(), follow(held, payment.OperationCapture)))
		if i := b.ledger(t, held.Reference); i.Captured != 1250 {
			t.Errorf("captured %d", i.Captured)
		}
	})
	t.Run("ErrHoldRanOut", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		held := b.authorize(t, authorization(fakestripe.Visa, payment.CaptureManual), payment.Held)
		b.fake.Expire(held.Reference)
		call := follow(held, payment.OperationCapture)
		expect(t, payment.Released)(b.Capture(t.Context(), call))
		expect(t, payment.Released)(b.LookUp(t.Context(), call))
		if r := expect(t, payment.Released)(b.LookUp(t.Context(), held)); r.Charge.Totals != (payment.Totals{}) {
			t.Errorf("a released hold counts as money: %+v", r.Charge.Totals)
		}
	})
}

func TestVoid(t *testing.T) {
	t.Parallel()
	for name, method := range map[string]string{"OKHeld": fakestripe.Visa, "OKWaitsForCustomer": fakestripe.Authenticate} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			call := b.prepare(t, authorization(method, payment.CaptureManual))
			if _, err := b.Authorize(t.Context(), call); err != nil {
				t.Fatal(err)
			}
			void := follow(call, payment.OperationVoid)
			expect(t, payment.NotFound)(b.LookUp(t.Context(), void))
			expect(t, payment.Released)(b.Void(t.Context(), void))
			expect(t, payment.Released)(b.LookUp(t.Context(), void))
			expect(t, payment.Released)(b.Void(t.Context(), follow(call, payment.OperationVoid)))
			if b.fake.Authenticate(call.Reference, true) {
				t.Error("the customer could still pay")
			}
		})
	}
	t.Run("OKNeverCreated", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		r := expect(t, payment.Released)(b.Void(t.Context(), follow(authorization(fakestripe.Visa, payment.CaptureManual), payment.OperationVoid)))
		if !r.Unasked {
			t.Error("the answer counts as Stripe's")
		}
	})
	t.Run("ErrCaptured", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		void := follow(b.authorize(t, authorization(fakestripe.Visa, payment.CaptureAutomatic), payment.Captured), payment.OperationVoid)
		expect(t, payment.Captured)(b.Void(t.Context(), void))
		expect(t, payment.Captured)(b.LookUp(t.Context(), void))
	})
	// Stripe cancels nothing while a bank decides, and answers this key the same for a day, so another attempt has to follow.
	for name, tt := range map[string]struct {
		capture payment.CaptureMethod
		success bool
		decided payment.Outcome // as the look-up tells
		again   payment.Outcome // of another attempt
	}{
		"OKHeldAfterProcessing":       {payment.CaptureManual, true, payment.NotFound, payment.Released},
		"OKRefusedAfterProcessing":    {payment.CaptureManual, false, payment.NotFound, payment.Released},
		"ErrCapturedAfterProcessing":  {payment.CaptureAutomatic, true, payment.Captured, payment.Captured},
		"OKRefusedAfterProcessingAll": {payment.CaptureAutomatic, false, payment.NotFound, payment.Released},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			call := b.prepare(t, authorization(fakestripe.Processing, tt.capture))
			expect(t, payment.Pending)(b.Authorize(t.Context(), call))
			void := follow(call, payment.OperationVoid)
			for range 2 {
				expect(t, payment.Pending)(b.Void(t.Context(), void))
				expect(t, payment.Pending)(b.LookUp(t.Context(), void))
			}
			b.fake.Decide(call.Reference, tt.success)
			expect(t, payment.Pending)(b.Void(t.Context(), void))
			expect(t, tt.decided)(b.LookUp(t.Context(), void))
			expect(t, tt.again)(b.Void(t.Context(), follow(call, payment.OperationVoid)))
		})
	}
	// A void that was authorized in between is Refused to the confirmation that comes late.
	t.Run("ErrConfirmAfterwards", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		call := b.prepare(t, authorization(fakestripe.Visa, payment.CaptureAutomatic))
		expect(t, payment.Released)(b.Void(t.Context(), follow(call, payment.OperationVoid)))
		if r := expect(t, payment.Refused)(b.Authorize(t.Context(), call)); r.Code != "canceled" {
			t.Errorf("code %q", r.Code)
		}
	})
}

func TestRefund(t *testing.T) {
	t.Parallel()
	t.Run("OKInParts", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		paid := b.authorize(t, authorization(fakestripe.Visa, payment.CaptureAutomatic), payment.Captured)
		refund := follow(paid, payment.OperationRefund)
		refund.Amount = money.New(400, "EUR")
		expect(t, payment.NotFound)(b.LookUp(t.Context(), refund))
		for range 2 {
			expect(t, payment.Refunded)(b.Refund(t.Context(), refund))
			expect(t, payment.Refunded)(b.LookUp(t.Context(), refund))
		}
		rest := follow(paid, payment.OperationRefund)
		rest.Amount = money.New(850, "EUR")
		expect(t, payment.NotFound)(b.LookUp(t.Context(), rest))
		expect(t, payment.Refunded)(b.Refund(t.Context(), rest))
		if r := expect(t, payment.Captured)(b.LookUp(t.Context(), paid)); r.Charge.Totals != (payment.Totals{Captured: 1250, Refunded: 1250}) {
			t.Errorf("totals %+v", r.Charge.Totals)
		}
		expectDefinite(t)(b.Refund(t.Context(), follow(paid, payment.OperationRefund)))
	})
	t.Run("OKAnswerLost", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		paid := b.authorize(t, authorization(fakestripe.Visa, payment.CaptureAutomatic), payment.Captured)
		b.fake.Fail("refund", fakestripe.DropAfter)
		refund := follow(paid, payment.OperationRefund)
		expectUndecided(t)(b.Refund(t.Context(), refund))
		expect(t, payment.Refunded)(b.LookUp(t.Context(), refund))
	})
	for name, tt := range map[string]struct {
		success bool
		want    payment.Outcome
		left    int64
	}{"OKPending": {true, payment.Refunded, 1250}, "ErrPendingFails": {false, payment.Refused, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			paid := b.authorize(t, authorization(fakestripe.PendingRefund, payment.CaptureAutomatic), payment.Captured)
			refund := follow(paid, payment.OperationRefund)
			for range 2 {
				expect(t, payment.Pending)(b.Refund(t.Context(), refund))
				expect(t, payment.Pending)(b.LookUp(t.Context(), refund))
			}
			b.fake.SettleRefund(b.fake.Refunds(paid.Reference)[0], tt.success)
			if r := expect(t, tt.want)(b.LookUp(t.Context(), refund)); tt.want == payment.Refused && r.Code != "refund_failed" {
				t.Errorf("code %q tells of a stolen card", r.Code)
			}
			if r := expect(t, payment.Captured)(b.LookUp(t.Context(), paid)); r.Charge.Refunded != tt.left {
				t.Errorf("totals %+v", r.Charge.Totals)
			}
		})
	}
	// More refunds than Stripe lists on one page.
	t.Run("OKLookedUpAmongMany", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		paid := b.authorize(t, authorization(fakestripe.Visa, payment.CaptureAutomatic), payment.Captured)
		var first payment.Call
		for n := range 102 {
			refund := follow(paid, payment.OperationRefund)
			refund.Amount = money.New(1, "EUR")
			expect(t, payment.Refunded)(b.Refund(t.Context(), refund))
			if n == 0 {
				first = refund
			}
		}
		expect(t, payment.Refunded)(b.LookUp(t.Context(), first))
		if n := b.fake.Calls("list"); n != 2 {
			t.Errorf("%d pages", n)
		}
	})
}
