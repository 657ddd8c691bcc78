package postgres

import (
	"context"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

//go:embed change.sql
var changeSQL string

var changeStatement = newParted(changeSQL)

// changeDocument is change.sql's first parameter: the rows of all parts.
type changeDocument struct {
	Orders   []changeRow     `json:"orders"`
	Payments []paymentRow    `json:"payments,omitempty"`
	Refunds  []refundRow     `json:"refunds,omitempty"`
	Attempts []attemptRow    `json:"attempts,omitempty"`
	Events   []savedEventRow `json:"events,omitempty"`
	Keys     []keyRow        `json:"keys,omitempty"`
	Audits   []auditRow      `json:"audits,omitempty"`
	Outcomes []outcomeRow    `json:"outcomes,omitempty"`
}

// changeRow is one order of it.
type changeRow struct {
	ID                 uuid.UUID           `json:"id"`
	Revision           int64               `json:"revision"`
	Server             time.Time           `json:"server"`
	Token              *int64              `json:"token"`    // of the worker's lease
	Lease              *int64              `json:"lease"`    // token of a lease to be had if there is none
	HoldFor            *float64            `json:"hold_for"` // how long either is to last, in seconds
	DueAt              *time.Time          `json:"due_at"`
	Status             order.Status        `json:"status"`
	Version            int                 `json:"version"`
	CapturedMinor      int64               `json:"captured_minor"`
	RefundedMinor      int64               `json:"refunded_minor"`
	RefundPendingMinor int64               `json:"refund_pending_minor"`
	CancelReason       *order.CancelReason `json:"cancel_reason"`
	CancelNote         *string             `json:"cancel_note"`
	UpdatedAt          time.Time           `json:"updated_at"`
	ExpiresAt          *time.Time          `json:"expires_at"`
	DeliversAt         *time.Time          `json:"delivers_at"`
	Retried            bool                `json:"retried,omitempty"` // a payment is new, made from Source
	Source             *uuid.UUID          `json:"source,omitempty"`
}

type savedEventRow struct {
	OrderID    uuid.UUID       `json:"order_id"`
	Version    int             `json:"version"`
	ID         uuid.UUID       `json:"id"`
	Type       order.EventType `json:"type"`
	ActorKind  order.ActorKind `json:"actor_kind"`
	ActorID    *uuid.UUID      `json:"actor_id"`
	RequestID  string          `json:"request_id"`
	OccurredAt time.Time       `json:"occurred_at"`
	Data       order.EventData `json:"data"`
	State      order.Document  `json:"state"`
}

type keyRow struct {
	Actor       uuid.UUID `json:"actor"`
	Operation   string    `json:"operation"`
	Key         string    `json:"key"`
	RequestHash string    `json:"request_hash"`
	OrderID     uuid.UUID `json:"order_id"`
	EntityID    uuid.UUID `json:"entity_id"`
}

type auditRow struct {
	OrderID uuid.UUID `json:"order_id"`
	*audit.Entry
}

// save runs change.sql and returns which orders were saved, each with the fencing token of its lease if one was asked for, or 0.
func (s *Store) save(ctx context.Context, changes []changing) (map[uuid.UUID]int64, error) {
	d := changeDocument{Orders: make([]changeRow, 0, len(changes))}
	settings := make([]string, len(changes))
	for i := range changes {
		settings[i] = settingOf(changes[i].call.In.principal)
		d.add(&changes[i], s.attempts)
	}
	document, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	stmt, err := s.db.prepared(ctx, principalSet(2)+changeStatement.text(d.parts())) //nolint:sqlclosecheck // it is kept
	if err != nil {
		return nil, err
	}
	var rows []struct {
		ID    uuid.UUID `db:"id"`
		Token int64     `db:"token"`
	}
	if err := stmt.SelectContext(ctx, &rows, string(document), settingOfAll(settings)); err != nil {
		return nil, err
	}
	saved := make(map[uuid.UUID]int64, len(rows))
	for _, r := range rows {
		saved[r.ID] = r.Token
	}
	return saved, nil
}

func (d *changeDocument) add(ch *changing, attempts AttemptLimits) {
	in, o := ch.call.In, ch.after
	row := changeRow{
		ID: o.ID, Revision: ch.before.revision.Number, Server: ch.before.revision.Server, DueAt: o.DueAt(), Status: o.Status, Version: o.Version,
		CapturedMinor: o.Captured, RefundedMinor: o.Refunded, RefundPendingMinor: o.RefundPending,
		CancelReason: o.CancelReason, CancelNote: o.CancelNote,
		UpdatedAt: o.UpdatedAt, ExpiresAt: o.ExpiresAt, DeliversAt: o.DeliversAt,
	}
	hold := LeaseTime.Seconds()
	if lease := in.change.Lease; lease != nil {
		row.Token = &lease.Token
		if lease.Hold {
			row.HoldFor = &hold
		}
	}
	if ch.lease != nil {
		row.Lease, row.HoldFor = &ch.lease.Token, &hold
	}
	if row.Retried = len(o.Payments) > len(ch.before.order.Payments); row.Retried && o.Source != uuid.Nil {
		row.Source = &o.Source
	}
	d.Orders = append(d.Orders, row)
	d.Outcomes = attempts.appendOutcomes(d.Outcomes, ch.before.order, o)
	d.addPayments(ch.before.order.Payments, o.Payments)
	for _, e := range o.Events() {
		d.Events = append(d.Events, newSavedEventRow(&e))
	}
	if key := in.change.Key; key.Key != "" {
		d.Keys = append(d.Keys, keyRow{
			Actor: in.principal.CustomerID, Operation: key.Operation, Key: key.Key,
			RequestHash: hex.EncodeToString(key.Hash[:]), OrderID: o.ID, EntityID: ch.entityID,
		})
	}
	if in.change.Audit != nil {
		d.Audits = append(d.Audits, auditRow{OrderID: o.ID, Entry: in.change.Audit})
	}
}

// parts are those of change.sql that there is something for.
func (d *changeDocument) parts() map[string]bool {
	parts := map[string]bool{
		"payments": len(d.Payments) > 0, "refunds": len(d.Refunds) > 0, "attempts": len(d.Attempts) > 0,
		"events": len(d.Events) > 0, "keys": len(d.Keys) > 0, "audits": len(d.Audits) > 0,
		"outcomes": len(d.Outcomes) > 0,
		"unleased": true,
	}
	for i := range d.Orders {
		if d.Orders[i].DueAt != nil {
			parts["due"] = true
		} else {
			parts["done"] = true
		}
		if d.Orders[i].Lease != nil {
			parts["leased"], parts["unleased"] = true, false
		}
	}
	return parts
}

// addPayments adds the rows of what is new or differs from before. Payments are only ever appended to an order, refunds and attempts
// to a payment.
func (d *changeDocument) addPayments(before, after []payment.Payment) {
	for i := range after {
		var was payment.Payment
		if i < len(before) {
			was = before[i]
		}
		if row := newPaymentRow(&after[i]); row != newPaymentRow(&was) {
			d.Payments = append(d.Payments, row)
		}
		d.Refunds = appendChanged(d.Refunds, was.Refunds, after[i].Refunds, newRefundRow)
		d.Attempts = appendChanged(d.Attempts, was.Attempts, after[i].Attempts, newAttemptRow)
	}
}

func appendChanged[T comparable, R any](rows []R, before, after []T, row func(*T) R) []R {
	for i := range after {
		if i >= len(before) || before[i] != after[i] {
			rows = append(rows, row(&after[i]))
		}
	}
	return rows
}

func newSavedEventRow(e *order.Event) savedEventRow {
	r := savedEventRow{
		OrderID: e.OrderID(), Version: e.Version, ID: e.ID, Type: e.Type, ActorKind: e.Actor.Kind,
		RequestID: e.RequestID, OccurredAt: e.At, Data: e.Data, State: e.Order.Document(),
	}
	if e.Actor.ID != uuid.Nil {
		r.ActorID = &e.Actor.ID
	}
	return r
}
