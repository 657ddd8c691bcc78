package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// preparing makes each charge first and confirms it by a second call, like Stripe. It confirms nothing whose reference
// is not committed.
type preparing struct {
	payment.Gateway
	b *bundle
	// loses the answers to the first confirmations, before they are made.
	loses     int32
	confirmed atomic.Int32
	lookedUp  atomic.Int32
}

func (g *preparing) Authorize(ctx context.Context, call payment.Call) (payment.Result, error) {
	if call.Reference == "" {
		return payment.Result{Outcome: payment.Prepared, Reference: "prepared-" + call.PaymentID.String()}, nil
	}
	var stored string
	if err := g.b.db.GetContext(ctx, &stored, `SELECT coalesce(provider_reference, '') FROM payments WHERE id = $1`, call.PaymentID); err != nil || stored != call.Reference {
		return payment.Result{}, &payment.DefiniteError{Message: "confirmed before its reference was committed"}
	}
	if g.confirmed.Add(1) <= g.loses {
		return payment.Result{}, errors.New("no answer")
	}
	call.Reference = ""
	return g.Gateway.Authorize(ctx, call)
}

func (g *preparing) LookUp(ctx context.Context, call payment.Call) (payment.Result, error) {
	g.lookedUp.Add(1)
	reference := call.Reference
	call.Reference = ""
	r, err := g.Gateway.LookUp(ctx, call)
	if r.Outcome == payment.NotFound {
		r = payment.Result{Outcome: payment.Prepared, Reference: reference}
	}
	return r, err
}

func TestPrepared(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ loses, lookUps int32 }{"OK": {0, 0}, "OKConfirmationLost": {2, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &preparing{loses: tt.loses}
			b := setupWith(t, instant, func(b *bundle) payment.Gateway {
				g.Gateway, g.b = b.provider, b
				return g
			})
			o := b.create(t, simulated.TokenApprove, payment.CaptureAutomatic)
			want := []order.EventType{order.OrderCreated, order.PaymentProcessing, order.PaymentConfirmed, order.OrderDelivered}
			if got := b.await(t, o.ID, order.OrderDelivered); !slices.Equal(got, want) {
				t.Errorf("walked %v, want %v", got, want)
			}
			if n, looks := g.confirmed.Load(), g.lookedUp.Load(); n != tt.loses+1 || looks != tt.lookUps {
				t.Errorf("confirmed %d times with %d look-ups, want %d with %d", n, looks, tt.loses+1, tt.lookUps)
			}
			b.checkLedger(t, o, total, 0)
		})
	}
}
