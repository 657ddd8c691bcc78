package simulated

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
)

// Balance has the captured and refunded amounts of one payment, in minor units of Currency.
type Balance struct {
	PaymentID id.Payment `db:"payment_id" json:"paymentId"`
	OrderID   id.Order   `db:"order_id" json:"orderId"`
	Currency  string     `db:"currency" json:"currency"`
	// Captured and Refunded are summed over the payment's charges; what is kept is their difference.
	Captured int64 `db:"captured" json:"captured"`
	Refunded int64 `db:"refunded" json:"refunded"`
	// Disputed is the amount that open and lost disputes have withdrawn.
	Disputed int64 `db:"disputed" json:"disputed"`
	// Held waits for capture.
	Held int64 `db:"held" json:"held"`
	// Charges counts them all, refused and released ones too; CapturedCharges those that took money. A payment or an
	// order with more than one captured charge was charged twice.
	Charges         int `db:"charges" json:"charges"`
	CapturedCharges int `db:"captured_charges" json:"capturedCharges"`
}

// Filter selects balances. The zero value selects the first page of all.
type Filter struct {
	// PaymentID and OrderID narrow to one payment, one order.
	PaymentID id.Payment
	OrderID   id.Order
	// After is the last payment id of the page before.
	After id.Payment
	// Limit is the most balances to return; default and at most 1000.
	Limit int
}

// maxBalances is the size of a page of the ledger.
const maxBalances = 1000

// Ledger gives the balances of the payments that have a charge, ordered by payment id. A payment that was only voided,
// or only seen failing, has none. (Charges of one payment in two currencies would give two balances.)
func (p *Provider) Ledger(ctx context.Context, f Filter) ([]Balance, error) {
	if f.Limit <= 0 || f.Limit > maxBalances {
		f.Limit = maxBalances
	}
	balances := []Balance{}
	err := p.db.SelectContext(ctx, &balances, `
		SELECT payment_id, order_id, currency,
			sum(captured)::bigint AS captured, sum(refunded)::bigint AS refunded,
			coalesce(sum((SELECT sum(d.amount) FROM simulated.disputes d
				WHERE d.charge = c.reference AND d.status IN ('NEEDS_RESPONSE', 'UNDER_REVIEW', 'LOST'))), 0)::bigint AS disputed,
			coalesce(sum(amount - captured) FILTER (WHERE status = 'HELD'), 0)::bigint AS held,
			count(*) AS charges, count(*) FILTER (WHERE captured > 0) AS captured_charges
		FROM simulated.charges c
		WHERE ($1::uuid IS NULL OR payment_id = $1) AND ($2::uuid IS NULL OR order_id = $2)
			AND ($3::uuid IS NULL OR payment_id > $3)
		GROUP BY payment_id, order_id, currency
		ORDER BY payment_id, order_id, currency
		LIMIT $4`,
		optional(f.PaymentID), optional(f.OrderID), optional(f.After), f.Limit)
	if err != nil {
		return nil, fmt.Errorf("simulated ledger: %w", err)
	}
	return balances, nil
}

// Total has the captured and refunded amounts in one currency, in its minor units.
type Total struct {
	Currency        string `db:"currency" json:"currency"`
	Captured        int64  `db:"captured" json:"captured"`
	Refunded        int64  `db:"refunded" json:"refunded"`
	Held            int64  `db:"held" json:"held"`
	Charges         int    `db:"charges" json:"charges"`
	CapturedCharges int    `db:"captured_charges" json:"capturedCharges"`
}

// Totals sums the whole ledger by currency, in the order of the codes.
func (p *Provider) Totals(ctx context.Context) ([]Total, error) {
	totals := []Total{}
	err := p.db.SelectContext(ctx, &totals, `
		SELECT currency, sum(captured)::bigint AS captured, sum(refunded)::bigint AS refunded,
			coalesce(sum(amount - captured) FILTER (WHERE status = 'HELD'), 0)::bigint AS held,
			count(*) AS charges, count(*) FILTER (WHERE captured > 0) AS captured_charges
		FROM simulated.charges GROUP BY currency ORDER BY currency`)
	if err != nil {
		return nil, fmt.Errorf("simulated ledger: %w", err)
	}
	return totals, nil
}

// Discrepancy is something that must never be in the ledger.
type Discrepancy struct {
	// Kind is "double_charge" (Subject is an order id: more than one of its charges took money) or "unbalanced"
	// (Subject is a charge's reference: its balances are not the sums of its journal).
	Kind    string `db:"kind" json:"kind"`
	Subject string `db:"subject" json:"subject"`
}

// Audit searches the whole ledger for discrepancies. None is a good ledger. An order whose second charge was refunded
// since is still reported: it was charged twice.
func (p *Provider) Audit(ctx context.Context) ([]Discrepancy, error) {
	found := []Discrepancy{}
	err := p.db.SelectContext(ctx, &found, `
		SELECT 'double_charge' AS kind, order_id::text AS subject
		FROM simulated.charges WHERE captured > 0 GROUP BY order_id HAVING count(*) > 1
		UNION ALL
		SELECT 'unbalanced', c.reference
		FROM simulated.charges c LEFT JOIN simulated.entries e ON e.charge = c.reference
		GROUP BY c.reference
		HAVING c.captured <> coalesce(sum(e.amount) FILTER (WHERE e.kind = 'CAPTURE'), 0)
			OR c.refunded <> coalesce(sum(CASE e.kind WHEN 'REFUND' THEN e.amount WHEN 'REVERSAL' THEN -e.amount END), 0)
		ORDER BY kind, subject`)
	if err != nil {
		return nil, fmt.Errorf("simulated ledger: %w", err)
	}
	return found, nil
}

// optional is NULL for the zero id.
func optional[I id.UUID](u I) id.Null[I] {
	return id.Null[I]{ID: u, Valid: uuid.UUID(u) != uuid.Nil}
}
