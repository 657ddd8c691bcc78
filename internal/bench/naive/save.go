package naive

import (
	"context"
	"encoding/json"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// insert writes a new order, a statement for each row.
func insert(ctx context.Context, tx *sqlx.Tx, o *order.Order) error {
	lines, err := json.Marshal(o.Lines)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, lines, note, created_at, updated_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)`,
		o.ID, o.Number, o.CustomerID, o.Status, o.Version, o.Total.Currency, o.Total.Minor, string(lines), o.Note, o.CreatedAt, o.ExpiresAt); err != nil {
		return err
	}
	p := o.Payment()
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO payments (id, order_id, status, amount_minor, currency, provider, capture_method, method, next_step_at, created_at, updated_at, customer_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)`,
		p.ID, o.ID, p.Status, p.Amount.Minor, p.Amount.Currency, p.Provider, p.CaptureMethod, p.Method, p.NextStepAt, p.CreatedAt, o.CustomerID); err != nil {
		return err
	}
	if err := insertEvents(ctx, tx, o); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO order_work (order_id, customer_id, due_at) VALUES ($1, $2, $3)`, o.ID, o.CustomerID, o.DueAt())
	return err
}

func insertEvents(ctx context.Context, tx *sqlx.Tx, o *order.Order) error {
	for _, e := range o.Events() {
		data, err := json.Marshal(e.Data)
		if err != nil {
			return err
		}
		state, err := json.Marshal(e.Order.State)
		if err != nil {
			return err
		}
		var actor *id.Customer
		if !e.Actor.ID.IsNil() {
			actor = &e.Actor.ID
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, actor_id, request_id, occurred_at, data, state, log_epoch)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1)`,
			o.ID, e.Version, e.ID, e.Type, o.CustomerID, e.Actor.Kind, actor, e.RequestID, e.At, string(data), string(state)); err != nil {
			return err
		}
	}
	return nil
}

// update writes the columns that a change may have changed.
func update(ctx context.Context, tx *sqlx.Tx, o *order.Order) error {
	if _, err := tx.ExecContext(ctx, `
		UPDATE orders SET revision = revision + 1, status = $2, version = $3, captured_minor = $4, cancel_reason = $5, updated_at = $6,
			expires_at = $7, delivers_at = $8 WHERE id = $1`,
		o.ID, o.Status, o.Version, o.Captured, o.CancelReason, o.UpdatedAt, o.ExpiresAt, o.DeliversAt); err != nil {
		return err
	}
	for i := range o.Payments {
		p := &o.Payments[i]
		if _, err := tx.ExecContext(ctx, `
			UPDATE payments SET status = $2, captured_minor = $3, provider_reference = nullif($4, ''), decline_code = $5, next_step_at = $6,
				updated_at = $7 WHERE id = $1`,
			p.ID, p.Status, p.Captured, p.Reference, p.DeclineCode, p.NextStepAt, p.UpdatedAt); err != nil {
			return err
		}
		for j := range p.Attempts {
			if err := upsertAttempt(ctx, tx, o, &p.Attempts[j]); err != nil {
				return err
			}
		}
	}
	if err := insertEvents(ctx, tx, o); err != nil {
		return err
	}
	if due := o.DueAt(); due != nil {
		_, err := tx.ExecContext(ctx, `UPDATE order_work SET due_at = $2 WHERE order_id = $1`, o.ID, due)
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM order_work WHERE order_id = $1`, o.ID)
	return err
}

func upsertAttempt(ctx context.Context, tx *sqlx.Tx, o *order.Order, a *payment.Attempt) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO payment_attempts (id, order_id, payment_id, operation, outcome, calls, message, started_at, finished_at, next_call_at, customer_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (id) DO UPDATE SET outcome = EXCLUDED.outcome, calls = EXCLUDED.calls, message = EXCLUDED.message,
			finished_at = EXCLUDED.finished_at, next_call_at = EXCLUDED.next_call_at`,
		a.ID, a.OrderID, a.PaymentID, a.Operation, a.Outcome, a.Calls, a.Message, a.StartedAt, a.FinishedAt, a.NextCallAt, o.CustomerID)
	return err
}
