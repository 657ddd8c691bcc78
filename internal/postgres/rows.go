package postgres

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// headColumns are the columns of orders that never change, headFields of them, for a record of "orders o". readHead reads them.
const (
	headColumns = `o.id, o.number, o.customer_id, o.currency, o.total_minor, o.lines, o.note, o.external_reference, o.metadata, o.created_at`
	headFields  = 10
)

// heads has the heads already read, since all versions of an order share one.
type heads map[uuid.UUID]*order.Head

// readHead reads a head, or takes it from known, which may be nil.
func readHead(r *record, known heads) *order.Head {
	h := &order.Head{ID: r.uuid()}
	if shared := known[h.ID]; shared != nil {
		r.skip(headFields - 1)
		return shared
	}
	h.Number = r.text()
	h.CustomerID = r.uuid()
	h.Total.Currency = r.text()
	h.Total.Minor = r.int8()
	r.json(&h.Lines)
	h.Note = nullableText[string](r)
	h.ExternalReference = nullableText[string](r)
	r.json(&h.Metadata)
	h.CreatedAt = r.time()
	if known != nil {
		known[h.ID] = h
	}
	return h
}

// orderRecord is a whole order in one column, with its payments and refunds, however many are read. A storedOrder reads it.
const orderRecord = `record_send(ROW(` + headColumns + `, o.status, o.version, o.captured_minor, o.refunded_minor, o.refund_pending_minor,
	o.cancel_reason, o.updated_at, o.expires_at, o.delivers_at,
	ARRAY(SELECT ROW(p.id, p.status, p.amount_minor, p.currency, p.captured_minor, p.refunded_minor, p.provider, p.provider_reference,
		p.capture_method, p.method, p.decline_code, p.next_action, p.next_step_at, p.goal, p.recheck_at, p.action_asked, p.attention,
		p.created_at, p.updated_at) FROM payments p WHERE p.order_id = o.id),
	ARRAY(SELECT ROW(r.id, r.payment_id, r.amount_minor, r.currency, r.status, r.reason, r.created_at, r.updated_at)
		FROM refunds r WHERE r.order_id = o.id)))`

// orderRecords are orderRecord with the parts of an order that are to be read; the others are empty.
var orderRecords = func() map[order.Parts]string {
	texts := map[order.Parts]string{}
	for i := range 8 {
		parts := order.Parts{Lines: i&1 != 0, Metadata: i&2 != 0, Refunds: i&4 != 0}
		text := orderRecord
		if !parts.Lines {
			text = strings.Replace(text, "o.lines", "'[]'::jsonb", 1)
		}
		if !parts.Metadata {
			text = strings.Replace(text, "o.metadata", "'[]'::jsonb", 1)
		}
		if !parts.Refunds {
			text = strings.Replace(text, "WHERE r.order_id = o.id", "WHERE false", 1)
		}
		texts[parts] = text
	}
	return texts
}()

// storedOrder implements sql.Scanner for orderRecord.
type storedOrder struct{ *order.Order }

func (s *storedOrder) Scan(src any) error {
	r, err := newRecord(src)
	if err != nil {
		return err
	}
	o := &order.Order{Head: readHead(r, nil), State: order.State{
		Status: word[order.Status](r), Version: r.int4(), Captured: r.int8(), Refunded: r.int8(), RefundPending: r.int8(),
		CancelReason: nullableWord[order.CancelReason](r), UpdatedAt: r.time(), ExpiresAt: r.nullableTime(), DeliversAt: r.nullableTime(),
	}}
	o.Payments = records(r, func(r *record) payment.Payment { return readPayment(r, o.ID) })
	refunds := records(r, func(r *record) payment.Refund { return readRefund(r, o.ID) })
	// Sorted here, which for one or two is nothing; a Sort in each of the statement's sub-selects is a sixth of it.
	slices.SortFunc(o.Payments, func(a, b payment.Payment) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	slices.SortFunc(refunds, func(a, b payment.Refund) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	if err := r.end(); err != nil {
		return fmt.Errorf("order %s: %w", o.ID, err)
	}
	if err := o.AttachRefunds(refunds); err != nil {
		return fmt.Errorf("order %s: %w", o.ID, err)
	}
	s.Order = o
	return nil
}

func readPayment(r *record, orderID uuid.UUID) payment.Payment {
	return payment.Payment{
		OrderID: orderID,
		ID:      r.uuid(), Status: word[payment.Status](r), Amount: money.Amount{Minor: r.int8(), Currency: r.text()},
		Captured: r.int8(), Refunded: r.int8(), Provider: r.text(), Reference: orZero(nullableText[string](r)),
		CaptureMethod: word[payment.CaptureMethod](r), Method: r.text(), DeclineCode: nullableText[string](r),
		NextAction: nullableJSON[payment.NextAction](r), NextStepAt: r.nullableTime(), Goal: orZero(nullableWord[payment.Status](r)),
		RecheckAt: r.nullableTime(), ActionAsked: r.bool(), Attention: nullableWord[payment.Attention](r),
		CreatedAt: r.time(), UpdatedAt: r.time(),
	}
}

func readRefund(r *record, orderID uuid.UUID) payment.Refund {
	return payment.Refund{
		OrderID: orderID,
		ID:      r.uuid(), PaymentID: r.uuid(), Amount: money.Amount{Minor: r.int8(), Currency: r.text()},
		Status: word[payment.RefundStatus](r), Reason: nullableText[string](r), CreatedAt: r.time(), UpdatedAt: r.time(),
	}
}

// attemptsRecord is the attempts of "payment_attempts a" that a condition names, oldest first, each with a message. storedAttempts reads it.
func attemptsRecord(message, condition string) string {
	return `record_send(ROW(ARRAY(SELECT ROW(a.id, a.order_id, a.payment_id, a.refund_id, a.operation, a.outcome, a.calls, a.look_up_only,
		` + message + `, a.started_at, a.finished_at, a.next_call_at) FROM payment_attempts a WHERE ` + condition + ` ORDER BY a.id)))`
}

// openMessage leaves out what was said of attempts that have ended: no change looks at it, and it is most of an order with many attempts.
// change.sql keeps it.
const openMessage = `CASE WHEN a.finished_at IS NULL THEN a.message ELSE '' END`

// storedAttempts implements sql.Scanner for attemptsRecord.
type storedAttempts []payment.Attempt

func (s *storedAttempts) Scan(src any) error {
	r, err := newRecord(src)
	if err != nil {
		return err
	}
	*s = records(r, readAttempt)
	if err := r.end(); err != nil {
		return fmt.Errorf("attempts: %w", err)
	}
	return nil
}

func readAttempt(r *record) payment.Attempt {
	return payment.Attempt{
		ID: r.uuid(), OrderID: r.uuid(), PaymentID: r.uuid(), RefundID: r.nullableUUID(), Operation: word[payment.Operation](r),
		Outcome: nullableWord[payment.AttemptOutcome](r), Calls: r.int4(), LookUpOnly: r.bool(), Message: r.text(),
		StartedAt: r.time(), FinishedAt: r.nullableTime(), NextCallAt: r.nullableTime(),
	}
}

// eventRecord is an event and its order's head in one column, of "order_events e" and "orders o". readEvent reads it, words that this
// version does not know included: what else a page of the log holds is good, and Event.Known tells.
const eventRecord = `record_send(ROW(` + headColumns + `, e.version, e.id, e.type, e.actor_kind, e.actor_id, e.request_id, e.occurred_at, e.data, e.state))`

func readEvent(raw []byte, known heads) (order.Event, error) {
	r, err := newRecord(raw)
	if err != nil {
		return order.Event{}, err
	}
	o := &order.Order{Head: readHead(r, known)}
	e := order.Event{
		Order: o, Version: r.int4(), ID: r.uuid(), Type: order.EventType(r.text()),
		Actor: order.Actor{Kind: order.ActorKind(r.text()), ID: orZero(r.nullableUUID())}, RequestID: r.text(), At: r.time(),
	}
	r.json(&e.Data)
	var state order.Document
	r.json(&state)
	err = r.end()
	if err == nil {
		o.State, err = state.State()
	}
	if err != nil {
		return order.Event{}, fmt.Errorf("event %d of order %s: %w", e.Version, o.ID, err)
	}
	return e, nil
}

// pastRecord is an event without the state and the head of its order, which an order's history does not show: with them a page is
// megabytes when the order has all that an order can have. readPast reads it.
const pastRecord = `record_send(ROW(o.id, o.customer_id, e.version, e.id, e.type, e.actor_kind, e.actor_id, e.request_id, e.occurred_at, e.data))`

func readPast(raw []byte) (order.Event, error) {
	r, err := newRecord(raw)
	if err != nil {
		return order.Event{}, err
	}
	e := order.Event{
		Order: &order.Order{Head: &order.Head{ID: r.uuid(), CustomerID: r.uuid()}}, Version: r.int4(), ID: r.uuid(), Type: word[order.EventType](r),
		Actor: order.Actor{Kind: word[order.ActorKind](r), ID: orZero(r.nullableUUID())}, RequestID: r.text(), At: r.time(),
	}
	r.json(&e.Data)
	if err := r.end(); err != nil {
		return order.Event{}, fmt.Errorf("event %d of order %s: %w", e.Version, e.Order.ID, err)
	}
	return e, nil
}

// paymentRow is a row of payments in JSON for change.sql: names are the columns'. What is left out is NULL.
type paymentRow struct {
	ID                uuid.UUID             `json:"id"`
	OrderID           uuid.UUID             `json:"order_id"`
	Status            payment.Status        `json:"status"`
	AmountMinor       int64                 `json:"amount_minor"`
	Currency          string                `json:"currency"`
	CapturedMinor     int64                 `json:"captured_minor"`
	RefundedMinor     int64                 `json:"refunded_minor"`
	Provider          string                `json:"provider"`
	ProviderReference string                `json:"provider_reference,omitempty"`
	CaptureMethod     payment.CaptureMethod `json:"capture_method"`
	Method            string                `json:"method"`
	DeclineCode       *string               `json:"decline_code"`
	NextAction        *payment.NextAction   `json:"next_action"`
	NextStepAt        *time.Time            `json:"next_step_at"`
	Goal              payment.Status        `json:"goal,omitempty"`
	RecheckAt         *time.Time            `json:"recheck_at"`
	ActionAsked       bool                  `json:"action_asked"`
	Attention         *payment.Attention    `json:"attention"`
	CreatedAt         time.Time             `json:"created_at"`
	UpdatedAt         time.Time             `json:"updated_at"`
}

func newPaymentRow(p *payment.Payment) paymentRow {
	return paymentRow{
		ID: p.ID, OrderID: p.OrderID, Status: p.Status,
		AmountMinor: p.Amount.Minor, Currency: p.Amount.Currency,
		CapturedMinor: p.Captured, RefundedMinor: p.Refunded,
		Provider: p.Provider, ProviderReference: p.Reference, CaptureMethod: p.CaptureMethod, Method: p.Method,
		DeclineCode: p.DeclineCode, NextAction: p.NextAction, NextStepAt: p.NextStepAt, Attention: p.Attention,
		Goal: p.Goal, RecheckAt: p.RecheckAt, ActionAsked: p.ActionAsked,
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
	}
}

// refundRow is a row of refunds in JSON.
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

func newRefundRow(r *payment.Refund) refundRow {
	return refundRow{
		ID: r.ID, OrderID: r.OrderID, PaymentID: r.PaymentID, AmountMinor: r.Amount.Minor, Currency: r.Amount.Currency,
		Status: r.Status, Reason: r.Reason, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

// attemptRow is a row of payment_attempts in JSON.
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

func newAttemptRow(a *payment.Attempt) attemptRow {
	return attemptRow{
		ID: a.ID, OrderID: a.OrderID, PaymentID: a.PaymentID, RefundID: a.RefundID, Operation: a.Operation,
		Outcome: a.Outcome, Calls: a.Calls, LookUpOnly: a.LookUpOnly, Message: a.Message,
		StartedAt: a.StartedAt, FinishedAt: a.FinishedAt, NextCallAt: a.NextCallAt,
	}
}
