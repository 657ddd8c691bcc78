package postgres_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// Two replicas make a new payment at the same time, while the first waits for its customer: one succeeds. The database takes neither a second
// active payment nor a second one that waits, whatever a replica believes.
func TestOneActiveOneWaiting(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	replicas := []*postgres.Store{postgrestest.Store(t, db.API, nil), postgrestest.Store(t, db.API, nil)}
	o := create(t, replicas[0], ada)
	step(t, replicas[0], o.ID, payment.Result{Outcome: payment.ActionRequired, Reference: "first"})

	var made atomic.Int32
	var both sync.WaitGroup
	errRefused := errors.New("refused")
	for _, replica := range replicas {
		both.Go(func() {
			_, err := replica.ChangeOrder(t.Context(), auth.System, o.ID, order.Change{Apply: func(o *order.Order) (uuid.UUID, error) {
				if !o.CanRetry() {
					return uuid.Nil, errRefused
				}
				paymentID, err := o.Retry(byStaff(), quick, order.PaymentMethod{Provider: "test", Token: "another", Capture: payment.CaptureAutomatic})
				return uuid.UUID(paymentID), err
			}})
			switch {
			case err == nil:
				made.Add(1)
			case !errors.Is(err, errRefused):
				t.Error(err)
			}
		})
	}
	both.Wait()
	if n := made.Load(); n != 1 {
		t.Errorf("%d payments were made", n)
	}
	for _, waits := range []bool{false, true} {
		_, err := db.ExecContext(t.Context(), `
			INSERT INTO payments (id, customer_id, order_id, status, amount_minor, currency, provider, capture_method, method, waits, created_at, updated_at)
			SELECT gen_random_uuid(), customer_id, order_id, 'INITIALIZING', amount_minor, currency, provider, capture_method, method, waits, created_at, updated_at
			FROM payments WHERE order_id = $1 AND waits = $2`, o.ID, waits)
		if err == nil || !strings.Contains(err.Error(), "payments_one_active_one_waiting") {
			t.Errorf("waits %t: %v", waits, err)
		}
	}

	got := step(t, replicas[1], o.ID, payment.Result{Outcome: payment.Released, Reference: "first"})
	if got.Payments[0].Status != payment.Voided || !got.Payments[1].Waits {
		t.Errorf("payments %+v", got.Payments)
	}
	got = step(t, replicas[0], o.ID, payment.Result{Outcome: payment.Captured, Reference: "second"})
	if got.Status != order.Confirmed || got.Payments[1].Waits || got.Payments[1].Reference != "second" {
		t.Errorf("the order is %s, payments %+v", got.Status, got.Payments)
	}
}
