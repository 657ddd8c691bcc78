package soak

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// CheckLedger compares the simulated provider's ledger with the orders, and returns a sentence for each difference: an order
// charged twice, a ledger that is not the sum of its journal, other balances than ours, an order that is not final. Both schemas
// must be in db, and every order must have had time to end.
func CheckLedger(ctx context.Context, db *sqlx.DB) (problems []string, err error) {
	provider, err := simulated.New(db, simulated.Options{})
	if err != nil {
		return nil, err
	}
	discrepancies, err := provider.Audit(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range discrepancies {
		problems = append(problems, fmt.Sprintf("the provider's audit: %s of %s", d.Kind, d.Subject))
	}
	type balance struct{ captured, refunded int64 }
	balances := map[string]balance{}
	for filter := (simulated.Filter{}); ; {
		page, err := provider.Ledger(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, b := range page {
			sum := balances[b.OrderID.String()]
			balances[b.OrderID.String()] = balance{sum.captured + b.Captured, sum.refunded + b.Refunded}
			filter.After = b.PaymentID
		}
		if len(page) == 0 {
			break
		}
	}
	var orders []struct {
		ID       string `db:"id"`
		Captured int64  `db:"captured_minor"`
		Refunded int64  `db:"refunded_minor"`
		Status   string `db:"status"`
	}
	if err := db.SelectContext(ctx, &orders, `SELECT id, captured_minor, refunded_minor, status FROM orders`); err != nil {
		return nil, err
	}
	for _, o := range orders {
		if got, want := balances[o.ID], (balance{o.Captured, o.Refunded}); got != want {
			problems = append(problems, fmt.Sprintf("order %s (%s): the provider captured and refunded %v, we believe %v", o.ID, o.Status, got, want))
		}
		if !final(o.Status) {
			problems = append(problems, fmt.Sprintf("order %s is %s", o.ID, o.Status))
		}
		delete(balances, o.ID)
	}
	for orderID, b := range balances {
		problems = append(problems, fmt.Sprintf("the provider captured and refunded %v for order %s, which does not exist", b, orderID))
	}
	return problems, nil
}

// final tells whether an order goes no further.
func final(status string) bool { return status == "DELIVERED" || status == "CANCELLED" }
