package stripe_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/stripe"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
)

const (
	secretKey     = "sk_test_orderwire"
	webhookSecret = "whsec_new"
)

// bundle is a gateway whose Stripe is the fake.
type bundle struct {
	*stripe.Gateway
	fake *fakestripe.Stripe
}

func setup(t *testing.T, options ...func(*stripe.Options)) *bundle {
	t.Helper()
	fake := fakestripe.New(secretKey)
	server := httptest.NewServer(fake)
	// On a connection that was used before, Go's transport repeats a dropped request that has an Idempotency-Key by itself.
	server.Config.SetKeepAlivesEnabled(false)
	t.Cleanup(server.Close)
	o := stripe.Options{SecretKey: secretKey, APIBase: server.URL, WebhookSecrets: []string{webhookSecret}}
	for _, set := range options {
		set(&o)
	}
	gateway, err := stripe.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &bundle{Gateway: gateway, fake: fake}
}

func authorization(method string, capture payment.CaptureMethod) payment.Call {
	return payment.Call{
		Key: id.New[id.Attempt](), Operation: payment.OperationAuthorize, OrderID: id.New[id.Order](), PaymentID: id.New[id.Payment](), OrderNumber: "OW-12345678",
		Amount: money.New(1250, "EUR"), Capture: capture, Method: method,
	}
}

// follow is another operation on the charge of an earlier call.
func follow(call payment.Call, operation payment.Operation) payment.Call {
	call.Key, call.Operation = id.New[id.Attempt](), operation
	if operation == payment.OperationRefund {
		call.RefundID = id.New[id.Refund]()
	}
	return call
}

// prepare makes the PaymentIntent of a call and gives the call that confirms it.
func (b *bundle) prepare(t *testing.T, call payment.Call) payment.Call {
	t.Helper()
	r, err := b.Authorize(t.Context(), call)
	if err != nil || r.Outcome != payment.Prepared || r.Reference == "" {
		t.Fatalf("create: %+v, %v", r, err)
	}
	call.Reference = r.Reference
	return call
}

// authorize makes and confirms; the answer has to be the outcome.
func (b *bundle) authorize(t *testing.T, call payment.Call, want payment.Outcome) payment.Call {
	t.Helper()
	call = b.prepare(t, call)
	expect(t, want)(b.Authorize(t.Context(), call))
	return call
}

// expect takes the answer of a call.
func expect(t *testing.T, want payment.Outcome) func(payment.Result, error) payment.Result {
	t.Helper()
	return func(r payment.Result, err error) payment.Result {
		t.Helper()
		if err != nil || r.Outcome != want {
			t.Fatalf("got %+v, %v; want %s", r, err, want)
		}
		return r
	}
}

func expectUndecided(t *testing.T) func(payment.Result, error) *stripe.UndecidedError {
	t.Helper()
	return func(r payment.Result, err error) *stripe.UndecidedError {
		t.Helper()
		var undecided *stripe.UndecidedError
		var definite *payment.DefiniteError
		if !errors.As(err, &undecided) || errors.As(err, &definite) {
			t.Fatalf("got %+v, %v; want an undecided error", r, err)
		}
		return undecided
	}
}

func expectSpent(t *testing.T) func(payment.Result, error) *payment.SpentKeyError {
	t.Helper()
	return func(r payment.Result, err error) *payment.SpentKeyError {
		t.Helper()
		var spent *payment.SpentKeyError
		if !errors.As(err, &spent) {
			t.Fatalf("got %+v, %v; want a spent key", r, err)
		}
		silent(t, spent)
		return spent
	}
}

// unknown makes a call that must end without an outcome. It gives the call that may follow a look-up: the same one, or after a spent
// key one with a fresh key.
func (b *bundle) unknown(t *testing.T, call payment.Call, spent bool, do func(context.Context, payment.Call) (payment.Result, error)) payment.Call {
	t.Helper()
	if !spent {
		silent(t, expectUndecided(t)(do(t.Context(), call)))
		return call
	}
	expectSpent(t)(do(t.Context(), call))
	call.FreshKeys++
	return call
}

func expectDefinite(t *testing.T) func(payment.Result, error) *payment.DefiniteError {
	t.Helper()
	return func(r payment.Result, err error) *payment.DefiniteError {
		t.Helper()
		var definite *payment.DefiniteError
		if !errors.As(err, &definite) {
			t.Fatalf("got %+v, %v; want a definite error", r, err)
		}
		return definite
	}
}

// money that the fake has moved for one PaymentIntent.
func (b *bundle) ledger(t *testing.T, reference string) fakestripe.Intent {
	t.Helper()
	for _, i := range b.fake.Intents() {
		if i.ID == reference {
			return i
		}
	}
	t.Fatalf("no PaymentIntent %s", reference)
	return fakestripe.Intent{}
}
