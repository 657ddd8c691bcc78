package reconcile_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/paymenttest"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/reconcile"
)

// silent answers nothing.
type silent struct{ payment.Gateway }

func (silent) LookUp(context.Context, payment.Call) (payment.Result, error) {
	return payment.Result{}, errors.New("no answer")
}

// Each payment is compared with the provider that took it. While one provider does not answer, the payments of others are compared all the
// same, and its own are left to the next round. Payments of a provider that is not configured are left out.
func TestSeveralProviders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	// More than a page of the provider that does not answer, and before the payment of the one that does.
	var others []id.Payment
	for range 40 {
		others = append(others, b.order(t, simulated.TokenDecline).Payments[0].ID)
	}
	b.exec(t, `UPDATE payments SET provider = 'other'`)
	gone := b.order(t, simulated.TokenApprove)
	b.exec(t, `UPDATE payments SET provider = 'gone' WHERE id = $1`, gone.Payments[0].ID)
	b.move(t, gone, 0, 0)
	differing := b.order(t, simulated.TokenApprove)
	b.move(t, differing, price, 500)

	other := b.provider.Describe()
	other.Name = "other"
	round := func(otherGateway payment.Gateway) (*reconcile.Reconciler, error) {
		providers := paymenttest.Registry(t, paymenttest.Through(other, otherGateway), paymenttest.Through(b.provider.Describe(), asked{b.provider, b}))
		r := reconcile.New(reconcile.Config{
			Store: postgres.NewReconciliation(b.db.Worker, b.db.API, uuid.NewString()), Providers: providers,
			RequestRecheck: func(ctx context.Context, paymentID id.Payment) error {
				_, err := b.orders.RecheckPayment(ctx, auth.System, paymentID)
				return err
			},
			Interval: time.Nanosecond, Window: time.Hour, Rate: 1_000_000, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		})
		return r, reconcile.Turn(r, t.Context())
	}
	r, err := round(silent{b.provider})
	if err == nil || !strings.Contains(err.Error(), "payments could be compared: no answer") {
		t.Errorf("the silent provider: %v", err)
	}
	if n := r.Counts().Checked.Load(); n != 1 {
		t.Errorf("%d payments compared", n)
	}
	if entries := b.entries(t, r); len(entries) != 1 || entries[0].PaymentID != differing.Payments[0].ID {
		t.Errorf("found %+v", entries)
	}
	if r, err = round(b.provider); err != nil || r.Counts().Checked.Load() != int64(len(others))+1 {
		t.Errorf("with both answering: %d compared, %v", r.Counts().Checked.Load(), err)
	}
}
