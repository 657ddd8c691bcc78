package naive

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

type orderRow struct {
	ID            id.Order            `db:"id"`
	Number        string              `db:"number"`
	CustomerID    id.Customer         `db:"customer_id"`
	Status        order.Status        `db:"status"`
	Version       int                 `db:"version"`
	Currency      string              `db:"currency"`
	TotalMinor    int64               `db:"total_minor"`
	CapturedMinor int64               `db:"captured_minor"`
	RefundedMinor int64               `db:"refunded_minor"`
	CancelReason  *order.CancelReason `db:"cancel_reason"`
	Lines         []byte              `db:"lines"`
	Note          *string             `db:"note"`
	CreatedAt     time.Time           `db:"created_at"`
	UpdatedAt     time.Time           `db:"updated_at"`
	ExpiresAt     *time.Time          `db:"expires_at"`
	DeliversAt    *time.Time          `db:"delivers_at"`
}

type paymentRow struct {
	ID            id.Payment            `db:"id"`
	OrderID       id.Order              `db:"order_id"`
	Status        payment.Status        `db:"status"`
	AmountMinor   int64                 `db:"amount_minor"`
	Currency      string                `db:"currency"`
	CapturedMinor int64                 `db:"captured_minor"`
	Provider      string                `db:"provider"`
	Reference     *string               `db:"provider_reference"`
	Capture       payment.CaptureMethod `db:"capture_method"`
	Method        string                `db:"method"`
	DeclineCode   *string               `db:"decline_code"`
	NextStepAt    *time.Time            `db:"next_step_at"`
	CreatedAt     time.Time             `db:"created_at"`
	UpdatedAt     time.Time             `db:"updated_at"`
}

type attemptRow struct {
	ID         id.Attempt              `db:"id"`
	OrderID    id.Order                `db:"order_id"`
	PaymentID  id.Payment              `db:"payment_id"`
	Operation  payment.Operation       `db:"operation"`
	Outcome    *payment.AttemptOutcome `db:"outcome"`
	Calls      int                     `db:"calls"`
	Message    string                  `db:"message"`
	StartedAt  time.Time               `db:"started_at"`
	FinishedAt *time.Time              `db:"finished_at"`
	NextCallAt *time.Time              `db:"next_call_at"`
}

// load reads orders with their payments in two statements.
func load(ctx context.Context, q sqlx.QueryerContext, where string, args ...any) ([]*order.Order, error) {
	var rows []orderRow
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT id, number, customer_id, status, version, currency, total_minor, captured_minor, refunded_minor, cancel_reason,
			lines, note, created_at, updated_at, expires_at, delivers_at
		FROM orders WHERE `+where, args...)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	orders, ids, byID := make([]*order.Order, len(rows)), make([]string, len(rows)), map[id.Order]*order.Order{}
	for i, r := range rows {
		o := &order.Order{
			Head: &order.Head{
				ID: r.ID, Number: r.Number, CustomerID: r.CustomerID, Note: r.Note, CreatedAt: r.CreatedAt,
				Total: money.New(r.TotalMinor, r.Currency),
			},
			State: order.State{
				Status: r.Status, Version: r.Version, CancelReason: r.CancelReason, Captured: r.CapturedMinor, Refunded: r.RefundedMinor,
				UpdatedAt: r.UpdatedAt, ExpiresAt: r.ExpiresAt, DeliversAt: r.DeliversAt,
			},
		}
		if err := json.Unmarshal(r.Lines, &o.Lines); err != nil {
			return nil, err
		}
		orders[i], ids[i], byID[r.ID] = o, r.ID.String(), o
	}
	var payments []paymentRow
	err = sqlx.SelectContext(ctx, q, &payments, `
		SELECT id, order_id, status, amount_minor, currency, captured_minor, provider, provider_reference, capture_method, method,
			decline_code, next_step_at, created_at, updated_at
		FROM payments WHERE order_id = ANY($1) ORDER BY id`, pq.Array(ids))
	for _, r := range payments {
		p := payment.Payment{
			ID: r.ID, OrderID: r.OrderID, Status: r.Status, Amount: money.New(r.AmountMinor, r.Currency), Captured: r.CapturedMinor,
			Provider: r.Provider, CaptureMethod: r.Capture, Method: r.Method, DeclineCode: r.DeclineCode, NextStepAt: r.NextStepAt,
			CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
		}
		if r.Reference != nil {
			p.Reference = *r.Reference
		}
		byID[r.OrderID].Payments = append(byID[r.OrderID].Payments, p)
	}
	return orders, err
}

// loadAttempts completes an order that is to be changed.
func loadAttempts(ctx context.Context, q sqlx.QueryerContext, o *order.Order) error {
	var rows []attemptRow
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT id, order_id, payment_id, operation, outcome, calls, message, started_at, finished_at, next_call_at
		FROM payment_attempts WHERE order_id = $1 ORDER BY id`, o.ID)
	for _, r := range rows {
		p := o.PaymentByID(r.PaymentID)
		p.Attempts = append(p.Attempts, payment.Attempt{
			ID: r.ID, OrderID: r.OrderID, PaymentID: r.PaymentID, Operation: r.Operation, Outcome: r.Outcome, Calls: r.Calls,
			Message: r.Message, StartedAt: r.StartedAt, FinishedAt: r.FinishedAt, NextCallAt: r.NextCallAt,
		})
	}
	return err
}
