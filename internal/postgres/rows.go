package postgres

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// headColumns are the columns of orders that never change, for a SELECT from "orders o" into a headRow.
const headColumns = `o.id, o.number, o.customer_id, o.currency, o.total_minor, o.lines, o.note, o.external_reference, o.metadata, o.created_at`

// headRow is an order.Head as stored.
type headRow struct {
	ID                uuid.UUID `db:"id"`
	Number            string    `db:"number"`
	CustomerID        uuid.UUID `db:"customer_id"`
	Currency          string    `db:"currency"`
	TotalMinor        int64     `db:"total_minor"`
	Lines             []byte    `db:"lines"`
	Note              *string   `db:"note"`
	ExternalReference *string   `db:"external_reference"`
	Metadata          []byte    `db:"metadata"`
	CreatedAt         time.Time `db:"created_at"`
}

func (r *headRow) head() (*order.Head, error) {
	h := &order.Head{
		ID:                r.ID,
		Number:            r.Number,
		CustomerID:        r.CustomerID,
		Total:             money.Amount{Minor: r.TotalMinor, Currency: r.Currency},
		Note:              r.Note,
		ExternalReference: r.ExternalReference,
		CreatedAt:         r.CreatedAt.UTC(),
	}
	if err := decode(r.Lines, &h.Lines); err != nil {
		return nil, fmt.Errorf("lines of order %s: %w", r.ID, err)
	}
	if err := decode(r.Metadata, &h.Metadata); err != nil {
		return nil, fmt.Errorf("metadata of order %s: %w", r.ID, err)
	}
	return h, nil
}

// orderColumns are headColumns and what changes, with payments and refunds in their order as JSON, so that a whole order
// is one row of one statement however many are read.
const orderColumns = headColumns + `, o.status, o.version, o.captured_minor, o.refunded_minor, o.refund_pending_minor,
	o.cancel_reason, o.updated_at, o.expires_at, o.delivers_at,
	(SELECT coalesce(json_agg(p ORDER BY p.id), '[]') FROM payments p WHERE p.order_id = o.id) AS payments,
	(SELECT coalesce(json_agg(r ORDER BY r.id), '[]') FROM refunds r WHERE r.order_id = o.id) AS refunds`

// orderRow is an order as read by orderColumns.
type orderRow struct {
	headRow
	Status             order.Status        `db:"status"`
	Version            int                 `db:"version"`
	CapturedMinor      int64               `db:"captured_minor"`
	RefundedMinor      int64               `db:"refunded_minor"`
	RefundPendingMinor int64               `db:"refund_pending_minor"`
	CancelReason       *order.CancelReason `db:"cancel_reason"`
	UpdatedAt          time.Time           `db:"updated_at"`
	ExpiresAt          *time.Time          `db:"expires_at"`
	DeliversAt         *time.Time          `db:"delivers_at"`
	Payments           []byte              `db:"payments"`
	Refunds            []byte              `db:"refunds"`
}

func (r *orderRow) order() (*order.Order, error) {
	head, err := r.head()
	if err != nil {
		return nil, err
	}
	o := &order.Order{Head: head, State: order.State{
		Status:        r.Status,
		Version:       r.Version,
		CancelReason:  r.CancelReason,
		Captured:      r.CapturedMinor,
		Refunded:      r.RefundedMinor,
		RefundPending: r.RefundPendingMinor,
		UpdatedAt:     r.UpdatedAt.UTC(),
		ExpiresAt:     utc(r.ExpiresAt),
		DeliversAt:    utc(r.DeliversAt),
	}}
	var payments []paymentRow
	if err := decode(r.Payments, &payments); err != nil {
		return nil, fmt.Errorf("payments of order %s: %w", r.ID, err)
	}
	o.Payments = make([]payment.Payment, len(payments))
	for i := range payments {
		o.Payments[i] = payments[i].payment()
	}
	var refunds []refundRow
	if err := decode(r.Refunds, &refunds); err != nil {
		return nil, fmt.Errorf("refunds of order %s: %w", r.ID, err)
	}
	o.Refunds = make([]payment.Refund, len(refunds))
	for i := range refunds {
		o.Refunds[i] = refunds[i].refund()
	}
	return o, nil
}

// paymentRow is a row of payments in JSON, both ways: names are the columns'.
type paymentRow struct {
	ID                uuid.UUID             `json:"id"`
	OrderID           uuid.UUID             `json:"order_id"`
	Status            payment.Status        `json:"status"`
	AmountMinor       int64                 `json:"amount_minor"`
	Currency          string                `json:"currency"`
	CapturedMinor     int64                 `json:"captured_minor"`
	RefundedMinor     int64                 `json:"refunded_minor"`
	Provider          string                `json:"provider"`
	ProviderReference *string               `json:"provider_reference"`
	CaptureMethod     payment.CaptureMethod `json:"capture_method"`
	Method            string                `json:"method"`
	DeclineCode       *string               `json:"decline_code"`
	NextAction        *payment.NextAction   `json:"next_action"`
	NextStepAt        *time.Time            `json:"next_step_at"`
	Goal              *payment.Status       `json:"goal"`
	RecheckAt         *time.Time            `json:"recheck_at"`
	ActionAsked       bool                  `json:"action_asked"`
	Attention         *payment.Attention    `json:"attention"`
	CreatedAt         time.Time             `json:"created_at"`
	UpdatedAt         time.Time             `json:"updated_at"`
}

func (r *paymentRow) payment() payment.Payment {
	p := payment.Payment{
		ID: r.ID, OrderID: r.OrderID, Status: r.Status,
		Amount:   money.Amount{Minor: r.AmountMinor, Currency: r.Currency},
		Captured: r.CapturedMinor, Refunded: r.RefundedMinor,
		Provider: r.Provider, CaptureMethod: r.CaptureMethod, Method: r.Method,
		DeclineCode: r.DeclineCode, NextAction: r.NextAction, NextStepAt: utc(r.NextStepAt), Attention: r.Attention,
		RecheckAt: utc(r.RecheckAt), ActionAsked: r.ActionAsked,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
	if r.Goal != nil {
		p.Goal = *r.Goal
	}
	if r.ProviderReference != nil {
		p.Reference = *r.ProviderReference
	}
	return p
}

func newPaymentRow(p *payment.Payment) paymentRow {
	r := paymentRow{
		ID: p.ID, OrderID: p.OrderID, Status: p.Status,
		AmountMinor: p.Amount.Minor, Currency: p.Amount.Currency,
		CapturedMinor: p.Captured, RefundedMinor: p.Refunded,
		Provider: p.Provider, CaptureMethod: p.CaptureMethod, Method: p.Method,
		DeclineCode: p.DeclineCode, NextAction: p.NextAction, NextStepAt: p.NextStepAt, Attention: p.Attention,
		RecheckAt: p.RecheckAt, ActionAsked: p.ActionAsked,
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
	}
	if p.Goal != "" {
		r.Goal = &p.Goal
	}
	if p.Reference != "" {
		r.ProviderReference = &p.Reference
	}
	return r
}

// refundRow is a row of refunds in JSON, both ways.
type refundRow struct {
	ID          uuid.UUID            `json:"id"`
	OrderID     uuid.UUID            `json:"order_id"`
	PaymentID   uuid.UUID            `json:"payment_id"`
	AmountMinor int64                `json:"amount_minor"`
	Currency    string               `json:"currency"`
	Status      payment.RefundStatus `json:"status"`
	Reason      *string              `json:"reason"`
	CreatedAt   time.Time            `json:"created_at"`
	UpdatedAt   time.Time            `json:"updated_at"`
}

func (r *refundRow) refund() payment.Refund {
	return payment.Refund{
		ID: r.ID, OrderID: r.OrderID, PaymentID: r.PaymentID,
		Amount: money.Amount{Minor: r.AmountMinor, Currency: r.Currency},
		Status: r.Status, Reason: r.Reason, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

func newRefundRow(r *payment.Refund) refundRow {
	return refundRow{
		ID: r.ID, OrderID: r.OrderID, PaymentID: r.PaymentID, AmountMinor: r.Amount.Minor, Currency: r.Amount.Currency,
		Status: r.Status, Reason: r.Reason, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

// attemptRow is a row of payment_attempts in JSON, both ways.
type attemptRow struct {
	ID         uuid.UUID               `json:"id"`
	OrderID    uuid.UUID               `json:"order_id"`
	PaymentID  uuid.UUID               `json:"payment_id"`
	RefundID   *uuid.UUID              `json:"refund_id"`
	Operation  payment.Operation       `json:"operation"`
	Outcome    *payment.AttemptOutcome `json:"outcome"`
	Calls      int                     `json:"calls"`
	LookUpOnly bool                    `json:"look_up_only"`
	Message    string                  `json:"message"`
	StartedAt  time.Time               `json:"started_at"`
	FinishedAt *time.Time              `json:"finished_at"`
	NextCallAt *time.Time              `json:"next_call_at"`
}

func (r *attemptRow) attempt() payment.Attempt {
	return payment.Attempt{
		ID: r.ID, OrderID: r.OrderID, PaymentID: r.PaymentID, RefundID: r.RefundID, Operation: r.Operation,
		Outcome: r.Outcome, Calls: r.Calls, LookUpOnly: r.LookUpOnly, Message: r.Message,
		StartedAt: r.StartedAt.UTC(), FinishedAt: utc(r.FinishedAt), NextCallAt: utc(r.NextCallAt),
	}
}

func newAttemptRow(a *payment.Attempt) attemptRow {
	return attemptRow{
		ID: a.ID, OrderID: a.OrderID, PaymentID: a.PaymentID, RefundID: a.RefundID, Operation: a.Operation,
		Outcome: a.Outcome, Calls: a.Calls, LookUpOnly: a.LookUpOnly, Message: a.Message,
		StartedAt: a.StartedAt, FinishedAt: a.FinishedAt, NextCallAt: a.NextCallAt,
	}
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
