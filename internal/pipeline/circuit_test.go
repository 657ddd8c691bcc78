package pipeline_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/pipeline"
	"github.com/orderwire/orderwire/internal/postgres"
)

// until waits for a condition.
func until(t *testing.T, condition func() bool) {
	t.Helper()
	timeout, tick := time.After(eventually.Patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-timeout:
			t.Fatal("it did not happen")
		case <-tick.C:
		}
	}
}

// switchable is a provider that can be cut off. It counts the calls that are tried meanwhile.
type switchable struct {
	payment.Gateway
	down  *atomic.Bool
	tried *atomic.Int64
}

func (g switchable) Authorize(ctx context.Context, call payment.Call) (payment.Result, error) {
	if g.down.Load() {
		g.tried.Add(1)
		return payment.Result{}, &payment.NotSentError{Message: "cut off"}
	}
	return g.Gateway.Authorize(ctx, call)
}

// While a provider is out of reach, its orders wait in the database and cost nothing: few calls are tried, and the log of the order is not
// written again. When it is back, all are paid.
func TestOutage(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	var tried atomic.Int64
	down.Store(true)
	b := setupWith(t, order.Policy{Expiry: time.Hour, AuthorizationExpiry: time.Hour}, func(b *bundle) payment.Gateway {
		return switchable{b.provider, &down, &tried}
	}, postgres.LeaseDue())
	const n = 60
	ids := make([]id.Order, n)
	for i := range ids {
		ids[i] = b.create(t, simulated.TokenApprove, payment.CaptureAutomatic).ID
	}
	changes := func() (sum int) {
		if err := b.db.GetContext(t.Context(), &sum, `SELECT sum(revision) FROM orders`); err != nil {
			t.Fatal(err)
		}
		return sum
	}
	until(t, func() bool { return b.worker.CircuitOpen(simulated.Name) && tried.Load() > pipeline.TripAfter })
	// Steps that need no provider, and calls that were tried before the circuit opened, have to be saved first.
	until(t, func() bool {
		var waiting int
		if err := b.db.GetContext(t.Context(), &waiting, `SELECT count(*) FROM order_work WHERE lane = $1 AND leased_until IS NULL`, simulated.Name); err != nil {
			t.Fatal(err)
		}
		return waiting >= n-1 // one may be leased for a probe
	})
	before, asked := changes(), tried.Load()
	until(t, func() bool { return tried.Load() >= asked+2 }) // probes
	probes := int(tried.Load() - asked)
	if now := changes(); now-before > 3*(probes+2) {
		t.Errorf("%d probes made %d changes of orders", probes, now-before)
	}
	down.Store(false)
	for _, id := range ids {
		b.await(t, id, order.OrderDelivered)
	}
	if b.worker.CircuitOpen(simulated.Name) {
		t.Error("the circuit is open after the provider has answered")
	}
}

// A provider that hangs delays nothing that needs no provider: deliveries, and the first steps of new orders.
func TestHangingProviderDelaysNothingElse(t *testing.T) {
	t.Parallel()
	open := make(chan struct{})
	var hangs atomic.Bool
	b := setupWith(t, order.Policy{Expiry: time.Hour, AuthorizationExpiry: time.Hour, DeliveryDelay: time.Second}, func(b *bundle) payment.Gateway {
		return hanging{b.provider, open, &hangs}
	}, postgres.LeaseDue())
	paid := b.create(t, simulated.TokenApprove, payment.CaptureAutomatic).ID
	b.await(t, paid, order.PaymentConfirmed)
	hangs.Store(true)
	defer close(open)
	var placing sync.WaitGroup
	for range pipeline.Slots + 10 {
		placing.Go(func() { b.create(t, simulated.TokenApprove, payment.CaptureAutomatic) })
	}
	placing.Wait()
	b.await(t, paid, order.OrderDelivered)
	expiring := b.create(t, simulated.TokenApprove, payment.CaptureAutomatic).ID
	b.await(t, expiring, order.PaymentProcessing)
}

type hanging struct {
	payment.Gateway
	open  chan struct{}
	hangs *atomic.Bool
}

func (g hanging) Authorize(ctx context.Context, call payment.Call) (payment.Result, error) {
	if g.hangs.Load() {
		<-g.open // however long
	}
	return g.Gateway.Authorize(ctx, call)
}

// A worker that is cut off leaves its orders to others.
func TestCutOffReplica(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	var tried atomic.Int64
	down.Store(true)
	b := setupWith(t, order.Policy{Expiry: time.Hour, AuthorizationExpiry: time.Hour}, func(b *bundle) payment.Gateway {
		return switchable{b.provider, &down, &tried}
	}, postgres.LeaseDue())
	ids := make([]id.Order, 30)
	for i := range ids {
		ids[i] = b.create(t, simulated.TokenApprove, payment.CaptureAutomatic).ID
	}
	until(t, func() bool { return b.worker.CircuitOpen(simulated.Name) })
	b.another(t)
	for _, id := range ids {
		b.await(t, id, order.OrderDelivered)
	}
}
