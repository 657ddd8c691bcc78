package simulated_test

import (
	"context"
	"errors"
	"testing"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// gateway has the methods of both implementations.
type gateway interface {
	payment.Gateway
	Describe() *payment.Provider
	Complete(ctx context.Context, paymentID id.Payment, approve bool) (payment.Result, error)
}

func TestGateway(t *testing.T) {
	t.Parallel()
	t.Run("in process", func(t *testing.T) {
		t.Parallel()
		b := setup(t, simulated.Options{})
		testGateway(t, b.provider, b.provider)
	})
	t.Run("over HTTP", func(t *testing.T) {
		t.Parallel()
		b := setup(t, simulated.Options{TimeoutHold: 1})
		testGateway(t, b.client, b.provider)
	})
}

// What a step does. Steps with the same key number use the same idempotency key; key 0 is a new one. A look-up is of
// the operation that the key was used for first.
const (
	authorize = payment.OperationAuthorize
	capture   = payment.OperationCapture
	void      = payment.OperationVoid
	refund    = payment.OperationRefund
	lookUp    = payment.Operation("LOOK UP")
	approve   = payment.Operation("APPROVE")
	deny      = payment.Operation("DENY")
)

type step struct {
	do     payment.Operation
	key    int
	amount int64 // 0: the payment's
	final  bool  // of a capture
	want   any   // payment.Outcome; or a code of simulated, for an error
	total  int64 // captured in all, as the answer says; 0 is not looked at
	code   string
}

// rejectedWith and unknown are the errors a step may want.
type (
	rejectedWith string
	unknown      string
)

type scenario struct {
	name    string
	token   string
	capture payment.CaptureMethod
	steps   []step
	// the ledger in the end
	captured, refunded, held int64
	charges                  int
}

var scenarios = []scenario{
	{
		name: "approved", token: simulated.TokenApprove, captured: 1250, charges: 1,
		steps: []step{
			{do: lookUp, key: 1, want: payment.NotFound},
			{do: authorize, key: 1, want: payment.Captured},
			{do: authorize, key: 1, want: payment.Captured},
			{do: lookUp, key: 1, want: payment.Captured},
			{do: capture, want: payment.Captured},
			{do: void, want: payment.Captured},
			{do: authorize, want: payment.Refused, code: simulated.CodeVoided}, // no second charge after a void
			{do: authorize, key: 1, want: payment.Captured},
		},
	},
	{
		name: "declined", token: simulated.TokenDecline, charges: 1,
		steps: []step{
			{do: authorize, key: 1, want: payment.Refused, code: simulated.CodeCardDeclined},
			{do: authorize, key: 1, want: payment.Refused, code: simulated.CodeCardDeclined},
			{do: lookUp, key: 1, want: payment.Refused, code: simulated.CodeCardDeclined},
			{do: capture, want: payment.Refused, code: simulated.CodeCardDeclined},
			{do: refund, want: rejectedWith(simulated.CodeNotCaptured)},
			{do: void, want: payment.Released},
		},
	},
	{
		name: "held, then captured", token: simulated.TokenApprove, capture: payment.CaptureManual, captured: 1250, charges: 1,
		steps: []step{
			{do: authorize, key: 1, want: payment.Held},
			{do: lookUp, key: 1, want: payment.Held},
			{do: refund, want: rejectedWith(simulated.CodeNotCaptured)},
			{do: capture, key: 2, amount: 1431, want: rejectedWith(simulated.CodeAmountMismatch)}, // 1.15 times what is held is the most
			{do: capture, key: 3, want: payment.Captured},
			{do: capture, key: 3, want: payment.Captured},
			{do: capture, key: 4, want: payment.Captured},
			{do: lookUp, key: 3, want: payment.Captured},
			{do: authorize, key: 1, want: payment.Held}, // as it was told then
			{do: lookUp, key: 1, want: payment.Captured},
			{do: void, want: payment.Captured},
		},
	},
	{
		name: "captured in parts", token: simulated.TokenApprove, capture: payment.CaptureManual, captured: 1250, refunded: 1000, charges: 1,
		steps: []step{
			{do: authorize, key: 1, want: payment.Held},
			{do: capture, key: 2, amount: 500, want: payment.Captured, total: 500},
			{do: capture, key: 2, amount: 500, want: payment.Captured, total: 500},
			{do: capture, key: 2, amount: 501, want: rejectedWith(simulated.CodeKeyReused)},
			{do: capture, key: 2, amount: 500, final: true, want: rejectedWith(simulated.CodeKeyReused)},
			{do: lookUp, key: 1, want: payment.Held},
			{do: capture, key: 3, amount: 250, want: payment.Captured, total: 750},
			{do: refund, amount: 700, want: payment.Refunded},
			{do: lookUp, key: 1, want: payment.Held},
			{do: capture, key: 4, amount: 576, want: rejectedWith(simulated.CodeAmountMismatch)},
			{do: capture, key: 5, amount: 500, want: payment.Captured, total: 1250},
			{do: lookUp, key: 2, want: payment.Captured, total: 500},
			{do: lookUp, key: 1, want: payment.Captured},
			{do: refund, amount: 300, want: payment.Refunded},
			{do: void, want: payment.Captured, total: 1250},
		},
	},
	{
		name: "the last part", token: simulated.TokenApprove, capture: payment.CaptureManual, captured: 500, charges: 1,
		steps: []step{
			{do: authorize, key: 1, want: payment.Held},
			{do: capture, key: 2, amount: 500, final: true, want: payment.Captured, total: 500},
			{do: capture, key: 3, amount: 700, want: payment.Captured, total: 500}, // as it is
			{do: lookUp, key: 1, want: payment.Captured},
		},
	},
	{
		name: "a part, then voided", token: simulated.TokenApprove, capture: payment.CaptureManual, captured: 500, charges: 1,
		steps: []step{
			{do: authorize, key: 1, want: payment.Held},
			{do: capture, amount: 500, want: payment.Captured, total: 500},
			{do: void, key: 2, want: payment.Released, total: 500},
			{do: lookUp, key: 2, want: payment.Released, total: 500},
			{do: void, key: 2, want: payment.Released, total: 500},
			{do: lookUp, key: 1, want: payment.Captured},
		},
	},
	{
		name: "a part stays held", token: simulated.TokenApprove, capture: payment.CaptureManual, captured: 500, held: 750, charges: 1,
		steps: []step{{do: authorize, want: payment.Held}, {do: capture, amount: 500, want: payment.Captured, total: 500}},
	},
	{
		name: "more than is held", token: simulated.TokenApprove, capture: payment.CaptureManual, captured: 1430, charges: 1,
		steps: []step{{do: authorize, want: payment.Held}, {do: capture, amount: 1430, want: payment.Captured, total: 1430}},
	},
	{
		name: "held, then voided", token: simulated.TokenApprove, capture: payment.CaptureManual, charges: 1,
		steps: []step{
			{do: authorize, key: 1, want: payment.Held},
			{do: void, key: 2, want: payment.Released},
			{do: void, key: 2, want: payment.Released},
			{do: void, key: 3, want: payment.Released},
			{do: lookUp, key: 2, want: payment.Released},
			{do: lookUp, key: 1, want: payment.Released},
			{do: capture, want: payment.Released},
			{do: authorize, want: payment.Refused, code: simulated.CodeVoided},
		},
	},
	{
		name: "held", token: simulated.TokenApprove, capture: payment.CaptureManual, held: 1250, charges: 1,
		steps: []step{{do: authorize, want: payment.Held}},
	},
	{
		name: "voided before the provider saw it", token: simulated.TokenApprove,
		steps: []step{
			{do: void, key: 1, want: payment.Released},
			{do: authorize, key: 2, want: payment.Refused, code: simulated.CodeVoided},
			{do: authorize, key: 2, want: payment.Refused, code: simulated.CodeVoided},
			{do: lookUp, key: 2, want: payment.Refused, code: simulated.CodeVoided},
			{do: void, key: 1, want: payment.Released},
		},
	},
	{
		name: "timeout after the charge", token: simulated.TokenTimeoutCharged, captured: 1250, charges: 1,
		steps: []step{
			{do: authorize, key: 1, want: unknown(simulated.CodeTimeout)},
			{do: lookUp, key: 1, want: payment.Captured},
			{do: authorize, key: 1, want: payment.Captured},
			{do: authorize, key: 1, want: payment.Captured},
		},
	},
	{
		name: "timeout after the hold", token: simulated.TokenTimeoutCharged, capture: payment.CaptureManual, charges: 1,
		steps: []step{
			{do: authorize, key: 1, want: unknown(simulated.CodeTimeout)},
			{do: void, want: payment.Released},
			{do: lookUp, key: 1, want: payment.Released},
		},
	},
	{
		name: "timeout before the charge", token: simulated.TokenTimeoutNotCharged, captured: 1250, charges: 1,
		steps: []step{
			{do: authorize, key: 1, want: unknown(simulated.CodeTimeout)},
			{do: lookUp, key: 1, want: payment.NotFound},
			{do: lookUp, key: 1, want: payment.NotFound},
			{do: authorize, key: 1, want: payment.Captured},
			{do: lookUp, key: 1, want: payment.Captured},
			{do: authorize, key: 1, want: payment.Captured},
		},
	},
	{
		name: "timeout before the charge, never repeated", token: simulated.TokenTimeoutNotCharged,
		steps: []step{{do: authorize, want: unknown(simulated.CodeTimeout)}},
	},
	{
		name: "timeout before the charge, voided before the repeat", token: simulated.TokenTimeoutNotCharged,
		steps: []step{
			{do: authorize, key: 1, want: unknown(simulated.CodeTimeout)},
			{do: void, want: payment.Released},
			{do: authorize, key: 1, want: payment.Refused, code: simulated.CodeVoided},
		},
	},
	{
		name: "error once", token: simulated.TokenErrorOnce, capture: payment.CaptureManual, held: 1250, charges: 1,
		steps: []step{
			{do: authorize, key: 1, want: unknown(simulated.CodeServerError)},
			{do: lookUp, key: 1, want: payment.NotFound},
			{do: authorize, key: 1, want: payment.Held},
			{do: lookUp, key: 1, want: payment.Held},
		},
	},
	{
		name: "error once, then another request under the key", token: simulated.TokenErrorOnce,
		steps: []step{
			{do: authorize, key: 1, want: unknown(simulated.CodeServerError)},
			{do: authorize, key: 1, amount: 1, want: rejectedWith(simulated.CodeKeyReused)},
		},
	},
	{
		name: "action approved", token: simulated.TokenRequiresAction, captured: 1250, charges: 1,
		steps: []step{
			{do: authorize, key: 1, want: payment.ActionRequired},
			{do: authorize, key: 1, want: payment.ActionRequired},
			{do: lookUp, key: 1, want: payment.ActionRequired},
			{do: capture, want: payment.Refused, code: simulated.CodeActionRequired},
			{do: approve, want: payment.Captured},
			{do: approve, want: payment.Captured},
			{do: deny, want: payment.Captured}, // too late
			{do: lookUp, key: 1, want: payment.Captured},
			{do: authorize, key: 1, want: payment.ActionRequired}, // as it was told then
		},
	},
	{
		name: "action approved, capture manual", token: simulated.TokenRequiresAction, capture: payment.CaptureManual, captured: 1250, charges: 1,
		steps: []step{
			{do: authorize, key: 1, want: payment.ActionRequired},
			{do: approve, want: payment.Held},
			{do: lookUp, key: 1, want: payment.Held},
			{do: capture, want: payment.Captured},
		},
	},
	{
		name: "action refused", token: simulated.TokenRequiresAction, charges: 1,
		steps: []step{
			{do: authorize, key: 1, want: payment.ActionRequired},
			{do: deny, want: payment.Refused, code: simulated.CodeActionRefused},
			{do: approve, want: payment.Refused, code: simulated.CodeActionRefused},
			{do: lookUp, key: 1, want: payment.Refused, code: simulated.CodeActionRefused},
		},
	},
	{
		name: "action voided", token: simulated.TokenRequiresAction, charges: 1,
		steps: []step{
			{do: authorize, key: 1, want: payment.ActionRequired},
			{do: void, want: payment.Released},
			{do: approve, want: payment.Released},
			{do: lookUp, key: 1, want: payment.Released},
		},
	},
	{
		name: "action of an unknown payment", token: simulated.TokenRequiresAction,
		steps: []step{{do: approve, want: rejectedWith(simulated.CodeChargeNotFound)}},
	},
	{
		name: "refunds up to what was captured", token: simulated.TokenApprove, captured: 1250, refunded: 1250, charges: 1,
		steps: []step{
			{do: authorize, want: payment.Captured},
			{do: refund, key: 2, amount: 300, want: payment.Refunded},
			{do: refund, key: 2, amount: 300, want: payment.Refunded}, // the same one
			{do: refund, key: 2, amount: 301, want: rejectedWith(simulated.CodeKeyReused)},
			{do: refund, key: 3, amount: 951, want: rejectedWith(simulated.CodeRefundExceedsCaptured)},
			{do: refund, key: 4, amount: 900, want: payment.Refunded},
			{do: refund, key: 5, amount: 50, want: payment.Refunded},
			{do: refund, key: 6, amount: 1, want: rejectedWith(simulated.CodeRefundExceedsCaptured)},
			{do: lookUp, key: 2, want: payment.Refunded},
			{do: lookUp, key: 6, want: rejectedWith(simulated.CodeRefundExceedsCaptured)},
			{do: lookUp, key: 7, want: payment.NotFound},
			{do: void, want: payment.Captured},
		},
	},
	{
		name: "what was rejected stays rejected under its key", token: simulated.TokenApprove, capture: payment.CaptureManual, captured: 1250, charges: 1,
		steps: []step{
			{do: capture, key: 2, want: rejectedWith(simulated.CodeChargeNotFound)},
			{do: refund, key: 3, want: rejectedWith(simulated.CodeChargeNotFound)},
			{do: authorize, key: 1, want: payment.Held},
			{do: capture, key: 2, want: rejectedWith(simulated.CodeChargeNotFound)},
			{do: capture, key: 4, want: payment.Captured},
			{do: refund, key: 3, want: rejectedWith(simulated.CodeChargeNotFound)},
		},
	},
	{
		name: "a key of another operation", token: simulated.TokenApprove, captured: 1250, charges: 1,
		steps: []step{
			{do: authorize, key: 1, want: payment.Captured},
			{do: refund, key: 1, want: rejectedWith(simulated.CodeKeyReused)},
			{do: void, key: 1, want: rejectedWith(simulated.CodeKeyReused)},
			{do: authorize, key: 1, amount: 1, want: rejectedWith(simulated.CodeKeyReused)},
			{do: authorize, key: 1, want: payment.Captured},
		},
	},
}

// testGateway holds a gateway to the contract of payment.Gateway and to what each token promises, and the ledger to the
// truth.
func testGateway(t *testing.T, g gateway, ledger *simulated.Provider) {
	t.Helper()
	d := g.Describe()
	if d.Name != "simulated" {
		t.Errorf("the name is %q", d.Name)
	}
	if !d.ValidMethod("") || !d.ValidMethod(simulated.TokenRandom) || d.ValidMethod("tok_visa") {
		t.Error("the valid methods are not the tokens")
	}
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			sc.run(t, g, ledger)
		})
	}
}

func (sc scenario) run(t *testing.T, g gateway, ledger *simulated.Provider) {
	t.Helper()
	if sc.capture == "" {
		sc.capture = payment.CaptureAutomatic
	}
	base := newCall(sc.token, sc.capture)
	keys := map[int]payment.Call{}
	for i, s := range sc.steps {
		call, used := keys[s.key]
		if s.key == 0 || !used {
			call = base
			call.Key = id.New[id.Attempt]()
		}
		if s.do != lookUp {
			call.Operation = s.do
			call.Amount, call.Final = base.Amount, s.final
			if s.amount != 0 {
				call.Amount.Minor = s.amount
			}
			if !used {
				keys[s.key] = call
			}
		}
		result, err := s.make(t.Context(), g, call)
		s.check(t, i+1, result, err)
	}
	got := balance(t, ledger, base.PaymentID)
	if got.Captured != sc.captured || got.Refunded != sc.refunded || got.Held != sc.held || got.Charges != sc.charges {
		t.Errorf("the ledger has %+v, want captured %d, refunded %d, held %d in %d charges", got, sc.captured, sc.refunded, sc.held, sc.charges)
	}
}

func (s step) make(ctx context.Context, g gateway, call payment.Call) (payment.Result, error) {
	switch s.do {
	case authorize:
		return g.Authorize(ctx, call)
	case capture:
		return g.Capture(ctx, call)
	case void:
		return g.Void(ctx, call)
	case refund:
		return g.Refund(ctx, call)
	case lookUp:
		return g.LookUp(ctx, call)
	default:
		return g.Complete(ctx, call.PaymentID, s.do == approve)
	}
}

func (s step) check(t *testing.T, number int, result payment.Result, err error) {
	t.Helper()
	switch want := s.want.(type) {
	case payment.Outcome:
		if err != nil {
			t.Fatalf("step %d, %s: %v", number, s.do, err)
		}
		if result.Outcome != want || result.Code != s.code {
			t.Fatalf("step %d, %s: %s %q, want %s %q", number, s.do, result.Outcome, result.Code, want, s.code)
		}
		if s.total != 0 && (result.Captured == nil || *result.Captured != s.total) {
			t.Errorf("step %d, %s: captured %v, want %d", number, s.do, result.Captured, s.total)
		}
		if action := result.Action; want == payment.ActionRequired {
			if action == nil || action.Type != payment.ActionSimulated || action.ExpiresAt == nil {
				t.Errorf("step %d, %s: the action is %+v", number, s.do, action)
			}
		} else if action != nil {
			t.Errorf("step %d, %s: %s with an action", number, s.do, want)
		}
	case rejectedWith:
		mustReject(t, err, string(want))
	case unknown:
		var unavailable *simulated.UnavailableError
		var definite *payment.DefiniteError
		if !errors.As(err, &unavailable) || unavailable.Code != string(want) || errors.As(err, &definite) {
			t.Fatalf("step %d, %s: %v (%+v), want an unknown outcome: %s", number, s.do, err, result, want)
		}
		if unavailable.Timeout() != (want == simulated.CodeTimeout) {
			t.Errorf("step %d, %s: Timeout() is %v", number, s.do, unavailable.Timeout())
		}
	}
}

// mustReject fails the test unless err is definite and has the code.
func mustReject(t testing.TB, err error, code string) {
	t.Helper()
	var refused *simulated.RejectedError
	var definite *payment.DefiniteError
	if !errors.As(err, &refused) || !errors.As(err, &definite) {
		t.Fatalf("the error is %v, want a definite one", err)
	}
	if refused.Code != code || definite.Message != refused.Message || refused.Message == "" {
		t.Fatalf("rejected with %q, %q, want %q", refused.Code, refused.Message, code)
	}
}
