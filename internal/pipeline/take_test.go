package pipeline_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/pipeline"
	"github.com/orderwire/orderwire/internal/postgres"
)

// closedGateway lets no authorization through until it is opened.
type closedGateway struct {
	payment.Gateway
	open chan struct{}
}

func (g closedGateway) Authorize(ctx context.Context, call payment.Call) (payment.Result, error) {
	select {
	case <-g.open:
	case <-ctx.Done():
		return payment.Result{}, ctx.Err()
	}
	return g.Gateway.Authorize(ctx, call)
}

// TestBacklog places more orders that are due at once than may wait for a provider: the worker releases the rest, so that others could
// claim them, and continues them itself when there is room.
func TestBacklog(t *testing.T) {
	t.Parallel()
	open := make(chan struct{})
	b := setupWith(t, order.Policy{Expiry: time.Hour, AuthorizationExpiry: time.Hour}, func(b *bundle) payment.Gateway {
		return closedGateway{b.provider, open}
	}, postgres.LeaseDue())
	const beyond = 3
	var placing sync.WaitGroup
	ids := make([]id.Order, pipeline.MostAtOnce+beyond)
	for i := range ids {
		placing.Go(func() { ids[i] = b.create(t, "sim_approve", payment.CaptureAutomatic).ID })
	}
	placing.Wait()
	for released := 0; released < len(ids)-pipeline.Slots; {
		err := b.db.GetContext(t.Context(), &released, `SELECT count(*) FROM pg_sleep(0.1), order_work WHERE lane = 'simulated' AND leased_until IS NULL`)
		if err != nil {
			t.Fatal(err)
		}
	}
	close(open)
	for _, id := range ids {
		b.await(t, id, order.OrderDelivered)
	}
}
