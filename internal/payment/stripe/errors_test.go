package stripe_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/stripe"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
)

// Whatever goes wrong on the way: the call is undecided, the look-up tells, a repeat ends it, with a fresh key where Stripe may
// remember the failure, and money moves once.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault        fakestripe.Fault
		acted, spent bool
	}{
		{fakestripe.DropBefore, false, false},
		{fakestripe.RateLimited, false, false},
		{fakestripe.Locked, false, false},
		{fakestripe.KeyInUse, false, false},
		{fakestripe.Unavailable, false, false},
		{fakestripe.RetryableError, false, false},
		{fakestripe.ServerError, false, true},
		{fakestripe.ErrorRemembered, false, true},
		{fakestripe.ErrorRememberedAfter, true, true},
		{fakestripe.DropAfter, true, false},
		{fakestripe.BadGateway, true, false},
	} {
		seen := func(after payment.Outcome, before payment.Outcome) payment.Outcome {
			if tt.acted {
				return after
			}
			return before
		}
		t.Run(string(tt.fault), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for _, operation := range []string{"create", "confirm", "capture", "refund", "cancel"} {
				b.fake.Fail(operation, tt.fault)
			}
			call := authorization(fakestripe.Visa, payment.CaptureManual)
			call = b.unknown(t, call, tt.spent, b.Authorize)
			expect(t, payment.NotFound)(b.LookUp(t.Context(), call))
			call = b.prepare(t, call)
			call = b.unknown(t, call, tt.spent, b.Authorize)
			expect(t, seen(payment.Held, payment.Prepared))(b.LookUp(t.Context(), call))
			expect(t, payment.Held)(b.Authorize(t.Context(), call))

			capture := b.unknown(t, follow(call, payment.OperationCapture), tt.spent, b.Capture)
			expect(t, seen(payment.Captured, payment.NotFound))(b.LookUp(t.Context(), capture))
			expect(t, payment.Captured)(b.Capture(t.Context(), capture))

			refund := b.unknown(t, follow(call, payment.OperationRefund), tt.spent, b.Refund)
			expect(t, seen(payment.Refunded, payment.NotFound))(b.LookUp(t.Context(), refund))
			if !tt.acted || !tt.spent { // otherwise the look-up was the answer: a fresh key would refund again
				expect(t, payment.Refunded)(b.Refund(t.Context(), refund))
			}
			if i := b.ledger(t, call.Reference); i.Captured != 1250 || i.Refunded != 1250 {
				t.Errorf("ledger %+v", b.fake.Intents())
			}

			other := b.authorize(t, authorization(fakestripe.Visa, payment.CaptureManual), payment.Held)
			void := b.unknown(t, follow(other, payment.OperationVoid), tt.spent, b.Void)
			expect(t, seen(payment.Released, payment.NotFound))(b.LookUp(t.Context(), void))
			expect(t, payment.Released)(b.Void(t.Context(), void))
		})
	}
}

// silent checks that an error shows neither a key nor a body.
func silent(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{"sk_test", "4242", "html"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows %q: %v", secret, err)
		}
	}
}

func TestTimeoutAfterCharge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.prepare(t, authorization(fakestripe.Visa, payment.CaptureAutomatic))
	b.fake.Fail("confirm", fakestripe.HangAfter)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		select {
		case <-b.fake.Hung(): // the money has moved
		case <-ctx.Done():
		}
		cancel()
	}()
	if err := expectUndecided(t)(b.Authorize(ctx, call)); !errors.Is(err, context.Canceled) {
		t.Errorf("cause of %v", err)
	}
	expect(t, payment.Captured)(b.LookUp(t.Context(), call))
	expect(t, payment.Captured)(b.Authorize(t.Context(), call))
	if i := b.ledger(t, call.Reference); i.Captured != 1250 || b.fake.Calls("confirm") != 2 {
		t.Errorf("ledger %+v", i)
	}
}

func TestErrRefusedRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	err := expectDefinite(t)(b.Authorize(t.Context(), authorization("pm_unknown", payment.CaptureAutomatic)))
	for _, want := range []string{"resource_missing", "payment_method", "req_fake"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %s", err, want)
		}
	}
	silent(t, err)
	if err.Unasked {
		t.Error("Stripe's answer does not count as its own")
	}
	if own := expectDefinite(t)(b.Authorize(t.Context(), authorization("sim_approve", payment.CaptureAutomatic))); !own.Unasked {
		t.Error("our refusal counts as Stripe's answer")
	}
	if n := b.fake.Calls("create"); n != 1 {
		t.Errorf("%d calls: another provider's token was sent to Stripe", n)
	}
}

// The key came back with another request: the first one's effect is looked up, and a fresh key continues.
func TestErrKeyReused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := authorization(fakestripe.Visa, payment.CaptureAutomatic)
	b.prepare(t, call)
	call.Amount = money.New(1251, "EUR")
	if err := expectSpent(t)(b.Authorize(t.Context(), call)); !strings.Contains(err.Error(), "idempotency_error") {
		t.Error(err)
	}
	call.FreshKeys++
	b.authorize(t, call, payment.Captured)
}

// A key of another account sees none of our charges. That says nothing about the money.
func TestErrOtherAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	paid := b.authorize(t, authorization(fakestripe.Visa, payment.CaptureAutomatic), payment.Captured)
	other := setup(t)
	expectUndecided(t)(other.LookUp(t.Context(), paid))
	expectUndecided(t)(other.Authorize(t.Context(), paid))
	expectUndecided(t)(other.Capture(t.Context(), follow(paid, payment.OperationCapture)))
	expectUndecided(t)(other.Void(t.Context(), follow(paid, payment.OperationVoid)))
	expectUndecided(t)(other.Refund(t.Context(), follow(paid, payment.OperationRefund)))
}

func TestErrWrongKeyAndNobodyThere(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(fakestripe.New("sk_test_another"))
	gateway, err := stripe.New(stripe.Options{SecretKey: secretKey, APIBase: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	call := authorization(fakestripe.Visa, payment.CaptureAutomatic)
	silent(t, expectUndecided(t)(gateway.Authorize(t.Context(), call)))
	server.Close()
	if gateway, err = stripe.New(stripe.Options{SecretKey: secretKey, APIBase: server.URL}); err != nil {
		t.Fatal(err) // the first has a connection, on which something may have been sent
	}
	_, err = gateway.Authorize(t.Context(), call)
	if unsent, ok := errors.AsType[*payment.NotSentError](err); !ok || !strings.Contains(unsent.Message, "refused") {
		t.Errorf("%v, want that it was not sent", err)
	}
	silent(t, err)
}

// A key that may not do something yet may be allowed to, so nothing is over.
func TestErrNotPermitted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.prepare(t, authorization(fakestripe.Visa, payment.CaptureAutomatic))
	for _, operation := range []string{"confirm", "retrieve"} {
		b.fake.Deny(operation)
	}
	silent(t, expectUndecided(t)(b.Authorize(t.Context(), call)))
	silent(t, expectUndecided(t)(b.LookUp(t.Context(), call)))
}

// Stripe says how long it wants to be left alone, of calls as of look-ups: https://docs.stripe.com/rate-limits.
func TestBusy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.prepare(t, authorization(fakestripe.Visa, payment.CaptureAutomatic))
	for fault, want := range map[fakestripe.Fault]time.Duration{
		fakestripe.RateLimited: 3 * time.Second, fakestripe.Unavailable: 30 * time.Second, fakestripe.Locked: 0, fakestripe.DropBefore: 0,
	} {
		b.fake.Fail("confirm", fault)
		b.fake.Fail("retrieve", fault)
		for _, ask := range []func(context.Context, payment.Call) (payment.Result, error){b.Authorize, b.LookUp} {
			r, err := ask(t.Context(), call)
			var asked time.Duration
			if busy, ok := errors.AsType[*payment.BusyError](err); ok {
				asked = busy.RetryAfter
			}
			expectUndecided(t)(r, err)
			silent(t, err)
			if asked != want {
				t.Errorf("%s: a pause of %s, want %s", fault, asked, want)
			}
		}
	}
}

// A redirect is not followed: the key would be sent to another address.
func TestErrRedirect(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed") }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	gateway, err := stripe.New(stripe.Options{SecretKey: secretKey, APIBase: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	expectUndecided(t)(gateway.Authorize(t.Context(), authorization(fakestripe.Visa, payment.CaptureAutomatic)))
}

func TestErrNew(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "whsec_hidden", "pk_test_hidden", "sk_hidden", "sk_testhidden"} {
		if _, err := stripe.New(stripe.Options{SecretKey: key}); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: %v", key, err)
		}
	}
	for _, key := range []string{"sk_live_x", "rk_live_x"} {
		_, err := stripe.New(stripe.Options{SecretKey: key})
		if live, ok := stripe.KeyMode(key); err != nil || !live || !ok {
			t.Errorf("%q: %v, live %v, ok %v", key, err, live, ok)
		}
	}
}

func TestValidMethod(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for token, want := range map[string]bool{
		"": true, "pm_card_visa": true, "pm_1PqZ0a2eZvKYlo2C": true,
		"pm_": false, "sim_approve": false, "tok_visa": false, "4242424242424242": false, "pm_a/../b": false, "pm_ä": false,
		"pm_" + strings.Repeat("x", 255): false,
	} {
		if got := b.ValidMethod(token); got != want {
			t.Errorf("%q: %v", token, got)
		}
	}
}

// A look-up of an attempt that never reached Stripe asks nobody.
func TestLookUpWithoutReference(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, operation := range []payment.Operation{payment.OperationAuthorize, payment.OperationCapture, payment.OperationVoid, payment.OperationRefund} {
		r := expect(t, payment.NotFound)(b.LookUp(t.Context(), payment.Call{Key: id.New[id.Attempt](), Operation: operation}))
		if !r.Unasked {
			t.Errorf("%s: the answer counts as Stripe's", operation)
		}
	}
	if n := b.fake.Calls("retrieve") + b.fake.Calls("list"); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// A creation without an answer can take no money, whether or not Stripe has it. The confirmation can.
func TestUnansweredCreate(t *testing.T) {
	t.Parallel()
	for _, fault := range []fakestripe.Fault{fakestripe.DropBefore, fakestripe.DropAfter, fakestripe.BadGateway} {
		b := setup(t)
		b.fake.Fail("create", fault)
		b.fake.Fail("confirm", fault)
		call := authorization(fakestripe.Visa, payment.CaptureAutomatic)
		_, err := b.Authorize(t.Context(), call)
		if unmoved, ok := errors.AsType[*payment.UnmovedError](err); !ok || unmoved.Message == "" {
			t.Errorf("%s: the creation ended with %v", fault, err)
		}
		_, err = b.Authorize(t.Context(), b.prepare(t, call))
		if _, ok := errors.AsType[*payment.UnmovedError](err); ok || err == nil {
			t.Errorf("%s: the confirmation ended with %v", fault, err)
		}
	}
}
