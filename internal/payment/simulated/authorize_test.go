package simulated_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	if n := len(simulated.Tokens()); n != 8 {
		t.Errorf("there are %d tokens, want 8", n)
	}
	for _, token := range simulated.Tokens() {
		if !simulated.ValidToken(token) || simulated.Describe(token) == "" {
			t.Errorf("%s: valid %v, %q", token, simulated.ValidToken(token), simulated.Describe(token))
		}
	}
	if !simulated.ValidToken("") {
		t.Error("no token is the default, so valid")
	}
	for _, token := range []string{"sim_", "SIM_APPROVE", "sim_approve ", "tok_visa", "4242424242424242", "\x00"} {
		if simulated.ValidToken(token) || simulated.Describe(token) != "" {
			t.Errorf("%q is no token", token)
		}
	}
}

// What the description says of amounts is what an authorization takes.
func TestAmounts(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{Amounts: payment.Amounts{Smallest: 100, Largest: 500}})
	limits := b.provider.Describe().Limits
	for minor, taken := range map[int64]bool{99: false, 100: true, 500: true, 501: false} {
		for _, currency := range []string{"EUR", "JPY"} {
			call := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
			call.Amount = money.New(minor, currency)
			_, err := b.provider.Authorize(t.Context(), call)
			rejected, _ := errors.AsType[*simulated.RejectedError](err)
			if taken && err != nil || !taken && (rejected == nil || rejected.Code != simulated.CodeAmountNotSupported) || (limits.Refusal(call.Amount) == "") != taken {
				t.Errorf("%s: %v, described as %q", call.Amount, err, limits.Refusal(call.Amount))
			}
		}
	}
	if limits.TakesCurrency("XXQ") {
		t.Error("a currency that there is not is taken")
	}
}

func TestAuthorizeRandom(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	outcomes := map[payment.Outcome]int{}
	for i := range 64 {
		call := newCall(simulated.TokenRandom, payment.CaptureAutomatic)
		call.PaymentID = id.Payment(uuid.NewSHA1(uuid.NameSpaceOID, []byte(strconv.Itoa(i))))
		first, err := b.provider.Authorize(t.Context(), call)
		if err != nil {
			t.Fatal(err)
		}
		outcomes[first.Outcome]++
		// No token is the same token, and another attempt for the payment goes the same way.
		call.Method = ""
		if again, err := b.provider.Authorize(t.Context(), call); err != nil || again != first {
			t.Fatalf("the same call without a token: %+v, %v, want %+v", again, err, first)
		}
		call.Key = id.New[id.Attempt]()
		if again, err := b.provider.Authorize(t.Context(), call); err != nil || again.Outcome != first.Outcome {
			t.Fatalf("another attempt: %+v, %v, want %s", again, err, first.Outcome)
		}
	}
	if captured, refused := outcomes[payment.Captured], outcomes[payment.Refused]; captured+refused != 64 || captured < 2*refused || refused < 8 {
		t.Errorf("of 64 payments: %v, want about three captured for one refused", outcomes)
	}
}

// Whatever is wrong with a call in itself is refused the same way by both, before the ledger is touched.
func TestInvalidCalls(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	for name, c := range map[string]struct {
		change func(*payment.Call)
		code   string
	}{
		"unknown token":        {func(c *payment.Call) { c.Method = "tok_visa" }, simulated.CodeTokenUnknown},
		"null byte in token":   {func(c *payment.Call) { c.Method = "sim_approve\x00" }, simulated.CodeTokenUnknown},
		"no amount":            {func(c *payment.Call) { c.Amount.Minor = 0 }, simulated.CodeRequestInvalid},
		"negative amount":      {func(c *payment.Call) { c.Amount.Minor = -1 }, simulated.CodeRequestInvalid},
		"unknown currency":     {func(c *payment.Call) { c.Amount.Currency = "XXZ" }, simulated.CodeRequestInvalid},
		"no currency":          {func(c *payment.Call) { c.Amount.Currency = "" }, simulated.CodeRequestInvalid},
		"no order":             {func(c *payment.Call) { c.OrderID = id.Order{} }, simulated.CodeRequestInvalid},
		"no payment":           {func(c *payment.Call) { c.PaymentID = id.Payment{} }, simulated.CodeRequestInvalid},
		"no key":               {func(c *payment.Call) { c.Key = id.Attempt{} }, simulated.CodeRequestInvalid},
		"no capture method":    {func(c *payment.Call) { c.Capture = "" }, simulated.CodeRequestInvalid},
		"another operation":    {func(c *payment.Call) { c.Operation = payment.OperationRefund }, simulated.CodeRequestInvalid},
		"a very unusual token": {func(c *payment.Call) { c.Method = "\xff'; drop table" }, simulated.CodeTokenUnknown},
	} {
		t.Run("Err "+name, func(t *testing.T) {
			t.Parallel()
			call := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
			c.change(&call)
			for _, g := range []gateway{b.provider, b.client} {
				_, err := g.Authorize(t.Context(), call)
				mustReject(t, err, c.code)
			}
			if !call.Key.IsNil() && !call.PaymentID.IsNil() {
				call.Operation = payment.OperationAuthorize
				if r, err := b.provider.LookUp(t.Context(), call); err != nil || r.Outcome != payment.NotFound {
					t.Errorf("the ledger knows the call: %+v, %v", r, err)
				}
			}
		})
	}
}

// One key is one request: whatever differs, the second is refused and the first stands.
func TestKeyReused(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	call := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
	if _, err := b.provider.Authorize(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	give := on(call, payment.OperationRefund)
	give.RefundID, give.Amount.Minor = id.New[id.Refund](), 100
	if _, err := b.provider.Refund(t.Context(), give); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*payment.Call){
		"payment":        func(c *payment.Call) { c.PaymentID = id.New[id.Payment]() },
		"order":          func(c *payment.Call) { c.OrderID = id.New[id.Order]() },
		"amount":         func(c *payment.Call) { c.Amount.Minor++ },
		"currency":       func(c *payment.Call) { c.Amount.Currency = "USD" },
		"token":          func(c *payment.Call) { c.Method = simulated.TokenDecline },
		"capture method": func(c *payment.Call) { c.Capture = payment.CaptureManual },
	} {
		other := call
		change(&other)
		t.Run("Err another "+name, func(t *testing.T) {
			t.Parallel()
			_, err := b.client.Authorize(t.Context(), other)
			mustReject(t, err, simulated.CodeKeyReused)
			if got := balance(t, b.provider, other.PaymentID); got.Charges > 1 || other.PaymentID != call.PaymentID && got.Charges != 0 {
				t.Errorf("the ledger has %+v", got)
			}
		})
	}
	t.Run("Err another refund", func(t *testing.T) {
		t.Parallel()
		other := give
		other.RefundID = id.New[id.Refund]()
		_, err := b.client.Refund(t.Context(), other)
		mustReject(t, err, simulated.CodeKeyReused)
	})
	t.Run("OK the reference, learnt meanwhile, makes no difference", func(t *testing.T) {
		t.Parallel()
		same := give
		r, err := b.client.LookUp(t.Context(), call)
		if err != nil {
			t.Fatal(err)
		}
		same.Reference = r.Reference
		if r, err := b.client.Refund(t.Context(), same); err != nil || r.Outcome != payment.Refunded || r.Reference != same.Reference {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestLookUp(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	call := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
	made, err := b.provider.Authorize(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("OK by the reference", func(t *testing.T) {
		t.Parallel()
		other := on(call, payment.OperationAuthorize)
		other.Reference = made.Reference
		r, err := b.client.LookUp(t.Context(), other)
		if err != nil || r.Charge == nil || r.Charge.Captured != 1250 {
			t.Errorf("%+v, %v, want the totals of the charge", r, err)
		}
		if r.Charge = nil; r != made {
			t.Errorf("%+v, want %+v", r, made)
		}
	})
	t.Run("OK an unseen operation on a known charge is not found", func(t *testing.T) {
		t.Parallel()
		other := on(call, payment.OperationRefund)
		other.Reference = made.Reference
		if r, err := b.client.LookUp(t.Context(), other); err != nil || r.Outcome != payment.NotFound {
			t.Errorf("%+v, %v, want NOT_FOUND", r, err)
		}
	})
	t.Run("OK the reference of another payment finds nothing", func(t *testing.T) {
		t.Parallel()
		other := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
		for _, other.Reference = range []string{"sim_ch_", "sim_ch_\x00", "pi_123", made.Reference} {
			if r, err := b.client.LookUp(t.Context(), other); err != nil || r.Outcome != payment.NotFound {
				t.Errorf("%q: %+v, %v, want NOT_FOUND", other.Reference, r, err)
			}
		}
		_, err := b.client.Refund(t.Context(), on(other, payment.OperationRefund))
		mustReject(t, err, simulated.CodeChargeNotFound)
	})
	t.Run("Err the key of another payment", func(t *testing.T) {
		t.Parallel()
		other := call
		other.PaymentID = id.New[id.Payment]()
		_, err := b.client.LookUp(t.Context(), other)
		mustReject(t, err, simulated.CodeKeyReused)
	})
}

func TestActionExpires(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{ActionExpiry: 1000}) // a microsecond: over at the next statement
	call := newCall(simulated.TokenRequiresAction, payment.CaptureAutomatic)
	if r, err := b.provider.Authorize(t.Context(), call); err != nil || r.Outcome != payment.ActionRequired {
		t.Fatalf("%+v, %v", r, err)
	}
	for name, do := range map[string]func() (payment.Result, error){
		"look-up": func() (payment.Result, error) { return b.provider.LookUp(t.Context(), call) },
		"approve": func() (payment.Result, error) { return b.provider.Complete(t.Context(), call.PaymentID, true) },
		"capture": func() (payment.Result, error) {
			return b.provider.Capture(t.Context(), on(call, payment.OperationCapture))
		},
	} {
		if r, err := do(); err != nil || r.Outcome != payment.Refused || r.Code != simulated.CodeActionExpired {
			t.Errorf("%s: %+v, %v, want REFUSED, action_expired", name, r, err)
		}
	}
	if r, err := b.provider.Void(t.Context(), on(call, payment.OperationVoid)); err != nil || r.Outcome != payment.Released {
		t.Errorf("void: %+v, %v", r, err)
	}
	if got := balance(t, b.provider, call.PaymentID); got.Captured != 0 || got.Held != 0 {
		t.Errorf("money moved: %+v", got)
	}
}
