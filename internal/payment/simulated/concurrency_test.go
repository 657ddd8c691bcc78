package simulated_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// together runs n calls of do at once and waits for them.
func together(n int, do func(i int)) {
	var done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		done.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	done.Wait()
}

// gateways are three ways to one ledger: the provider, a second one as of another process, and HTTP.
func (b bundle) gateways(t testing.TB) []gateway {
	t.Helper()
	second, err := simulated.New(b.db, simulated.Options{TimeoutHold: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	})
	return []gateway{b.provider, second, b.client}
}

func TestParallelIdenticalCalls(t *testing.T) {
	t.Parallel()
	const calls = 50
	for _, c := range []struct {
		token   string
		unknown int // how many of the calls have to fail so
	}{
		{simulated.TokenApprove, 0},
		{simulated.TokenTimeoutCharged, 1},
		{simulated.TokenTimeoutNotCharged, 1},
		{simulated.TokenErrorOnce, 1},
	} {
		t.Run(c.token, func(t *testing.T) {
			t.Parallel()
			b := setup(t, simulated.Options{TimeoutHold: 1})
			gateways := b.gateways(t)
			call := newCall(c.token, payment.CaptureAutomatic)
			results := make([]payment.Result, calls)
			errs := make([]error, calls)
			together(calls, func(i int) {
				results[i], errs[i] = gateways[i%len(gateways)].Authorize(t.Context(), call)
			})
			failed := 0
			for i, err := range errs {
				var unavailable *simulated.UnavailableError
				switch {
				case errors.As(err, &unavailable):
					failed++
				case err != nil:
					t.Errorf("call %d: %v", i, err)
				case results[i].Outcome != payment.Captured:
					t.Errorf("call %d: %+v", i, results[i])
				}
			}
			if failed != c.unknown {
				t.Errorf("%d calls failed, want %d", failed, c.unknown)
			}
			if got := balance(t, b.provider, call.PaymentID); got.Charges != 1 || got.Captured != 1250 {
				t.Errorf("the ledger has %+v, want one charge of 1250", got)
			}
			mustCount(t, b, calls, `SELECT calls FROM simulated.operations WHERE key = $1`, call.Key)
			mustCount(t, b, 1, `SELECT count(*) FROM simulated.entries`)
			mustAudit(t, b.provider)
		})
	}
}

func TestParallelRefunds(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	gateways := b.gateways(t)
	call := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
	if _, err := b.provider.Authorize(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	// 20 refunds of 1.00, each asked for three times at once; 12 fit into 12.50.
	const refunds, repeats = 20, 3
	asked := make([]payment.Call, refunds)
	for i := range asked {
		asked[i] = on(call, payment.OperationRefund)
		asked[i].RefundID, asked[i].Amount.Minor = id.New[id.Refund](), 100
	}
	var mu sync.Mutex
	made := map[int]int{}
	together(refunds*repeats, func(i int) {
		r, err := gateways[i%len(gateways)].Refund(t.Context(), asked[i%refunds])
		var refused *simulated.RejectedError
		switch {
		case errors.As(err, &refused) && refused.Code == simulated.CodeRefundExceedsCaptured:
		case err != nil || r.Outcome != payment.Refunded:
			t.Errorf("%+v, %v", r, err)
		default:
			mu.Lock()
			made[i%refunds]++
			mu.Unlock()
		}
	})
	if len(made) != 12 {
		t.Errorf("%d refunds were made, want 12", len(made))
	}
	for i, n := range made {
		if n != repeats {
			t.Errorf("refund %d was granted in %d of %d answers", i, n, repeats)
		}
	}
	if got := balance(t, b.provider, call.PaymentID); got.Refunded != 1200 {
		t.Errorf("the ledger has %+v", got)
	}
	mustAudit(t, b.provider)
}

// A void and an authorization that race end in one of two ways: charged, and the void says so; or never charged.
func TestVoidAgainstAuthorize(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	gateways := b.gateways(t)
	for i := range 40 {
		method := payment.CaptureAutomatic
		if i%2 == 1 {
			method = payment.CaptureManual
		}
		call := newCall(simulated.TokenApprove, method)
		results := make([]payment.Result, 2)
		errs := make([]error, 2)
		together(2, func(j int) {
			g := gateways[(i+j)%len(gateways)]
			if j == 0 {
				results[j], errs[j] = g.Authorize(t.Context(), call)
			} else {
				results[j], errs[j] = g.Void(t.Context(), on(call, payment.OperationVoid))
			}
		})
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		authorized, voided := results[0].Outcome, results[1].Outcome
		got := balance(t, b.provider, call.PaymentID)
		switch {
		case authorized == payment.Captured && voided == payment.Captured && got.Captured == 1250:
		case authorized == payment.Held && voided == payment.Released && got.Captured == 0 && got.Held == 0:
		case authorized == payment.Refused && voided == payment.Released && got.Charges == 0:
		default:
			t.Errorf("authorize: %s, void: %s, ledger: %+v", authorized, voided, got)
		}
	}
	mustAudit(t, b.provider)
}

// mustCount fails the test unless the query gives n.
func mustCount(t testing.TB, b bundle, n int, query string, args ...any) {
	t.Helper()
	var got int
	if err := b.db.GetContext(t.Context(), &got, query, args...); err != nil {
		t.Fatal(err)
	}
	if got != n {
		t.Errorf("%s: %d, want %d", query, got, n)
	}
}
