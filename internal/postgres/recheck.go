package postgres

import (
	"context"
	_ "embed"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

//go:embed recheck.sql
var recheckSQL string

// recheckBatch is the largest number of orders that are locked at once, for some milliseconds.
const recheckBatch = 50

// candidate is a payment that may have to be looked up.
type candidate struct {
	ID        id.Payment        `db:"id"`
	OrderID   id.Order          `db:"order_id"`
	Attention payment.Attention `db:"attention"`
}

// RecheckAttention implements order.Store, with a transaction for each recheckBatch orders. What is committed stays so when a later one
// fails.
func (s *Store) RecheckAttention(ctx context.Context, p auth.Principal, r order.BulkRecheck) (done order.Rechecked, err error) {
	if err := auth.RequireStaff(p); err != nil {
		return done, err
	}
	var found []candidate
	// By the partial index payments_needing_attention. The kind of attention is compared here, so that a call reads no more than its limit.
	if err := s.db.all(ctx, p, &found, `SELECT id, order_id, attention FROM payments WHERE attention IS NOT NULL AND id > $1 ORDER BY id LIMIT $2`,
		r.After.ID, r.Limit+1); err != nil {
		return done, err
	}
	if len(found) > r.Limit {
		found = found[:r.Limit]
		done.Next = id.Some(uuid.UUID(found[r.Limit-1].ID))
	}
	found = slices.DeleteFunc(found, func(c candidate) bool { return r.Attention != nil && c.Attention != *r.Attention })
	for batch := range slices.Chunk(found, recheckBatch) {
		n, err := s.recheck(ctx, p, batch, r)
		if err != nil {
			return done, err
		}
		done.Count += n
		r.At = r.At.Add(time.Duration(len(batch)) * r.Pace)
	}
	return done, nil
}

// recheck commits a batch, and returns the number of its payments that are looked up.
func (s *Store) recheck(ctx context.Context, p auth.Principal, batch []candidate, r order.BulkRecheck) (n int, err error) {
	payments, orders := make([]id.Payment, len(batch)), make([]id.Order, len(batch))
	for i, c := range batch {
		payments[i], orders[i] = c.ID, c.OrderID
	}
	err = s.db.tx(ctx, p, func(tx *sqlx.Tx) error {
		var rechecked []id.Payment
		if err := tx.SelectContext(ctx, &rechecked, recheckSQL, uuidArray(payments), uuidArray(orders), r.At, r.Pace.Seconds()); err != nil {
			return err
		}
		n = len(rechecked)
		entries := make([]*audit.Entry, n)
		for i, paymentID := range rechecked {
			entries[i] = r.Audit(paymentID)
		}
		return addAudit(ctx, tx, entries...)
	})
	return n, err
}
