package simulated_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

func nan() float64 { return math.NaN() }

// key is the same in every run.
func key(n int) id.Attempt { return id.Attempt(uuid.NewSHA1(uuid.NameSpaceOID, []byte{byte(n)})) }

// insist repeats a call until it is answered, and counts the failures.
func insist(t *testing.T, do func() (payment.Result, error)) (r payment.Result, failures int) {
	t.Helper()
	for ; failures < 200; failures++ {
		r, err := do()
		var unavailable *simulated.UnavailableError
		switch {
		case err == nil:
			return r, failures
		case !errors.As(err, &unavailable):
			t.Fatal(err)
		}
	}
	t.Fatal("200 failures")
	return r, failures
}

// With half of the calls failing, every payment is charged, refunded and looked up in the end, once.
func TestFailureRate(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{FailureRate: 0.5, TimeoutHold: 1})
	before, after, repeats := 0, 0, 0
	for i := range 40 {
		call := newCall(simulated.TokenApprove, payment.CaptureManual)
		call.Key = key(i)
		if _, err := b.provider.Authorize(t.Context(), call); err != nil {
			if balance(t, b.provider, call.PaymentID).Held == 0 {
				before++
			} else {
				after++
			}
		}
		r, n := insist(t, func() (payment.Result, error) { return b.client.Authorize(t.Context(), call) })
		repeats += n
		if r.Outcome != payment.Held {
			t.Fatalf("%+v", r)
		}
		for j, do := range []func(context.Context, payment.Call) (payment.Result, error){b.client.Capture, b.provider.Refund} {
			next := on(call, "")
			next.Key = id.Attempt(uuid.NewSHA1(uuid.UUID(call.Key), []byte{byte(j)}))
			_, n := insist(t, func() (payment.Result, error) { return do(t.Context(), next) })
			repeats += n
		}
		if r, _ := insist(t, func() (payment.Result, error) { return b.client.LookUp(t.Context(), call) }); r.Outcome != payment.Captured || r.Charge.Refunded != 1250 {
			t.Fatalf("%+v", r)
		}
		if got := balance(t, b.provider, call.PaymentID); got.Charges != 1 || got.Captured != 1250 || got.Refunded != 1250 {
			t.Errorf("the ledger has %+v", got)
		}
	}
	mustAudit(t, b.provider)
	// The keys of the first calls are the same in every run, so these are exact numbers in disguise.
	if repeats < 20 {
		t.Errorf("only %d calls were repeated", repeats)
	}
	if before < 5 || after < 5 || before+after > 35 {
		t.Errorf("of 40 first calls %d failed before and %d after the ledger was written, want about 10 each", before, after)
	}
}

// The same seed and keys fail alike, another seed does not.
func TestFailureRateIsSeeded(t *testing.T) {
	t.Parallel()
	run := func(seed int64) (failed [32]bool) {
		b := setup(t, simulated.Options{FailureRate: 0.5, Seed: seed})
		for i := range failed {
			call := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
			call.Key = key(i)
			_, err := b.provider.Authorize(t.Context(), call)
			failed[i] = err != nil
		}
		return failed
	}
	first := run(1)
	if again := run(1); again != first {
		t.Error("the same seed fails differently")
	}
	if other := run(2); other == first {
		t.Error("another seed fails alike")
	}
}

// With every call failing nothing is ever answered, and nothing is charged twice.
func TestFailureRateOne(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{FailureRate: 1})
	call := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
	for range 20 {
		_, err := b.provider.Authorize(t.Context(), call)
		var unavailable *simulated.UnavailableError
		if !errors.As(err, &unavailable) {
			t.Fatalf("%v, want an unknown outcome", err)
		}
		if _, err := b.provider.LookUp(t.Context(), call); err == nil {
			t.Fatal("a look-up got through")
		}
	}
	if got := balance(t, b.provider, call.PaymentID); got.Charges > 1 {
		t.Errorf("the ledger has %+v", got)
	}
	// What customers do is spared.
	call = newCall(simulated.TokenRequiresAction, payment.CaptureAutomatic)
	for balance(t, b.provider, call.PaymentID).Charges == 0 {
		_, _ = b.provider.Authorize(t.Context(), call)
	}
	if r, err := b.provider.Complete(t.Context(), call.PaymentID, true); err != nil || r.Outcome != payment.Captured {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{Latency: simulated.Latency{Min: 60 * time.Millisecond, Max: 80 * time.Millisecond}})
	call := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
	for name, do := range map[string]func(context.Context, payment.Call) (payment.Result, error){
		"authorize": b.provider.Authorize, "look-up": b.client.LookUp,
	} {
		begun := time.Now()
		if _, err := do(t.Context(), call); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took < 60*time.Millisecond {
			t.Errorf("%s took %v", name, took)
		}
	}
}

// A caller who gives up during the latency does not know what happened: before the ledger is written, or after.
func TestLatencyOutlastsTheCaller(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{Latency: simulated.Latency{Min: time.Hour, Max: time.Hour}})
	call := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond) // the test is about its end
	defer cancel()
	_, err := b.provider.Authorize(ctx, call)
	mustBeUnknown(t, err, simulated.CodeTimeout)
	if got := balance(t, b.provider, call.PaymentID); got.Charges != 0 {
		t.Errorf("the ledger has %+v", got)
	}
}
