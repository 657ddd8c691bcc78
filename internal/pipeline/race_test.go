package pipeline_test

import (
	"sync"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// Staff capture and void a hold while its customer cancels and somebody has it looked at, all at once. No matter which wins, the
// order ends legally, and the provider's ledger equals our books.
func TestCaptureAgainstVoidAgainstCancel(t *testing.T) {
	t.Parallel()
	b := setup(t, order.Policy{Expiry: time.Hour, AuthorizationExpiry: time.Hour, DeliveryDelay: time.Hour})
	staff := auth.Principal{CustomerID: id.ForCustomer("test", "sue"), Role: auth.RoleStaff}
	const n = 40
	orders := make([]*order.Order, n)
	for i := range orders {
		orders[i] = b.create(t, simulated.TokenApprove, payment.CaptureManual)
	}
	var wg sync.WaitGroup
	for i, o := range orders {
		b.await(t, o.ID, order.PaymentAuthorized)
		in := order.PaymentInput{PaymentID: o.Payments[0].ID}
		asks := []func() error{
			func() error {
				_, err := b.service.Capture(t.Context(), staff, order.CaptureInput{PaymentInput: in})
				return err
			},
			func() error { _, err := b.service.Void(t.Context(), staff, in); return err },
			func() error { _, err := b.service.RecheckPayment(t.Context(), auth.System, in.PaymentID); return err },
		}
		if i%2 == 0 {
			asks = append(asks, func() error {
				_, err := b.service.Cancel(t.Context(), b.customer, order.CancelInput{OrderID: o.ID})
				return err
			})
		}
		for _, ask := range asks {
			wg.Go(func() {
				err := ask()
				if _, refused := fault.UserErrors(err); err != nil && !refused {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	for i, o := range orders {
		if i%2 == 0 {
			b.await(t, o.ID, order.OrderCancelled)
			final, err := b.store.Order(t.Context(), auth.System, o.ID)
			if err != nil {
				t.Fatal(err)
			}
			b.checkLedger(t, o, final.Captured, final.Captured)
			continue
		}
		switch types := b.awaitAny(t, o.ID, order.PaymentConfirmed, order.PaymentVoided); types[len(types)-1] {
		case order.PaymentConfirmed:
			b.checkLedger(t, o, total, 0)
		default:
			b.checkLedger(t, o, 0, 0)
		}
	}
}
