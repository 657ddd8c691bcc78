package reconcile_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/reconcile"
)

// books stand before the provider's.
type books struct {
	payment.ChargeBooks
	// lists and asks count the questions. charges and charge, when set, stand before the provider.
	lists, asks int
	charges     func(payment.ChargeRange) error
	charge      func(reference string) error
}

func (b *books) Charges(ctx context.Context, r payment.ChargeRange) (payment.ChargePage, error) {
	b.lists++
	if b.charges != nil {
		if err := b.charges(r); err != nil {
			return payment.ChargePage{}, err
		}
	}
	return b.ChargeBooks.Charges(ctx, r)
}

func (b *books) Charge(ctx context.Context, reference string) (payment.Charge, error) {
	b.asks++
	if b.charge != nil {
		if err := b.charge(reference); err != nil {
			return payment.Charge{}, err
		}
	}
	return b.ChargeBooks.Charge(ctx, reference)
}

// installation is that of the bundle's database.
func (b *bundle) installation(t *testing.T) uuid.UUID {
	t.Helper()
	installation, err := b.store.Installation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return installation
}

// walker is one more replica's. A round is always due, and charges are looked for at once.
func (b *bundle) walker(t *testing.T, of payment.ChargeBooks) *reconcile.Walker {
	t.Helper()
	return reconcile.NewWalker(reconcile.WalkConfig{
		Store: b.orphans(uuid.NewString()), Books: of, Installation: b.installation(t), Interval: time.Nanosecond,
		Limiter: rate.NewLimiter(rate.Inf, 1), Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
}

func (b *bundle) orphans(holder string) *postgres.Orphans {
	return postgres.NewOrphans(b.db.Worker, b.db.API, simulated.Name, holder)
}

func walkTurn(t *testing.T, w *reconcile.Walker) {
	t.Helper()
	if err := reconcile.WalkTurn(w, t.Context()); err != nil {
		t.Fatal(err)
	}
}

// lost charges as an order of an installation that nothing here knows of any more.
func (b *bundle) lost(t *testing.T, installation uuid.UUID, token string, capture payment.CaptureMethod) payment.Call {
	t.Helper()
	call := payment.Call{
		Key: id.New[id.Attempt](), Operation: payment.OperationAuthorize, OrderID: id.New[id.Order](), PaymentID: id.New[id.Payment](), Installation: installation,
		Amount: money.New(price, "EUR"), Capture: capture, Method: token,
	}
	result, err := b.provider.Authorize(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	call.Reference = result.Reference
	return call
}

// found are the references of the orphaned charges, the oldest first; all: resolved ones too.
func found(t *testing.T, w *reconcile.Walker, all bool) (references []string) {
	t.Helper()
	for _, o := range orphanList(t, w, all) {
		references = append(references, o.Reference)
	}
	slices.Reverse(references)
	return references
}

func orphanList(t *testing.T, w *reconcile.Walker, all bool) []reconcile.Orphan {
	t.Helper()
	result, err := w.List(t.Context(), staff, pagination.Request{Limit: pagination.Max}, all)
	if err != nil {
		t.Fatal(err)
	}
	return result.Items
}
