package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// heads are the heads that were read, by order id: all versions of an order share one.
type heads map[id.Order]*order.Head

// readHead reads a head, or returns the known one of the order. known may be nil.
func readHead(r *record, known heads) *order.Head {
	h := &order.Head{}
	id, others := headTable.columns[0], headTable.columns[1:]
	id.read(r, h)
	if shared := known[h.ID]; shared != nil {
		r.skip(len(others))
		return shared
	}
	for i := range others {
		others[i].read(r, h)
	}
	if known != nil {
		known[h.ID] = h
	}
	return h
}

// orderRecord is the expression of a whole order with its payments and refunds as one column of "orders o". A storedOrder reads it.
var orderRecord = orderRecordOf(order.AllParts)

// orderRecords are orderRecord with only some parts of the order. The others are empty.
var orderRecords = func() map[order.Parts]string {
	texts := map[order.Parts]string{}
	for i := range 8 {
		parts := order.Parts{Lines: i&1 != 0, Metadata: i&2 != 0, Refunds: i&4 != 0}
		texts[parts] = orderRecordOf(parts)
	}
	return texts
}()

func orderRecordOf(parts order.Parts) string {
	instead, refunds := map[string]string{}, `r.order_id = o.id`
	if !parts.Lines {
		instead["lines"] = `'[]'::jsonb`
	}
	if !parts.Metadata {
		instead["metadata"] = `'[]'::jsonb`
	}
	if !parts.Refunds {
		refunds = `false`
	}
	return `record_send(ROW(` + headTable.record("o", instead) + `, ` + stateTable.record("o", nil) + `,
		ARRAY(SELECT ROW(` + paymentTable.record("p", nil) + `) FROM payments p WHERE p.order_id = o.id),
		ARRAY(SELECT ROW(` + refundTable.record("r", nil) + `) FROM refunds r WHERE ` + refunds + `)))`
}

// storedOrder implements sql.Scanner for orderRecord.
type storedOrder struct{ *order.Order }

func (s *storedOrder) Scan(src any) error {
	r, err := newRecord(src)
	if err != nil {
		return err
	}
	o := &order.Order{Head: readHead(r, nil)}
	stateTable.read(r, o)
	o.Payments = records(r, func(r *record, p *payment.Payment) {
		p.OrderID = o.ID
		paymentTable.read(r, p)
	})
	refunds := records(r, func(r *record, refund *payment.Refund) {
		refund.OrderID = o.ID
		refundTable.read(r, refund)
	})
	// Sorted here: there are one or two, and a Sort in each of the statement's sub-selects is a sixth of its time.
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

// attemptsRecord is the expression of the attempts that match a condition on "payment_attempts a", oldest first. message is the expression
// of their message. storedAttempts reads it.
func attemptsRecord(message, condition string) string {
	return `record_send(ROW(ARRAY(SELECT ROW(` + attemptTable.record("a", map[string]string{"message": message}) + `)
		FROM payment_attempts a WHERE ` + condition + ` ORDER BY a.id)))`
}

// openMessage leaves out the messages of attempts that have ended: no change needs them, and they are most of an order with many
// attempts. change.sql keeps the stored message of such an attempt.
const openMessage = `CASE WHEN a.finished_at IS NULL THEN a.message ELSE '' END`

// storedAttempts implements sql.Scanner for attemptsRecord.
type storedAttempts []payment.Attempt

func (s *storedAttempts) Scan(src any) error {
	r, err := newRecord(src)
	if err != nil {
		return err
	}
	*s = records(r, attemptTable.read)
	if err := r.end(); err != nil {
		return fmt.Errorf("attempts: %w", err)
	}
	return nil
}

// eventRecord is the expression of an event with its order's head as one column of "order_events e" and "orders o". readEvent reads it,
// also if it has values that this version does not know: Event.Known reports them, and the other events of a page stay readable.
var eventRecord = `record_send(ROW(` + headTable.record("o", nil) + `, ` + eventTable.record("e", nil) + `))`

func readEvent(raw []byte, known heads) (order.Event, error) {
	r, err := newRecord(raw)
	if err != nil {
		return order.Event{}, err
	}
	e := order.Event{Order: &order.Order{Head: readHead(r, known)}}
	eventTable.read(r, &e)
	return endOfEvent(r, &e)
}

// endOfEvent ends the record of an event.
func endOfEvent(r *record, e *order.Event) (order.Event, error) {
	if err := r.end(); err != nil {
		return order.Event{}, fmt.Errorf("event %d of order %s: %w", e.Version, e.Order.ID, err)
	}
	return *e, nil
}

// pastTable is eventTable without the state.
var pastTable = eventTable.without("state")

// pastRecord is the expression of an event without the state and the head of its order, which an order's history does not show. With
// them a page of a very large order is megabytes. readPast reads it.
var pastRecord = `record_send(ROW(o.id, o.customer_id, ` + pastTable.record("e", nil) + `))`

// readPast fails when this version does not know the type of the event or of its actor.
func readPast(raw []byte) (order.Event, error) {
	r, err := newRecord(raw)
	if err != nil {
		return order.Event{}, err
	}
	e := order.Event{Order: &order.Order{Head: &order.Head{ID: id.Order(r.uuid()), CustomerID: id.Customer(r.uuid())}}}
	pastTable.read(r, &e)
	if r.err == nil {
		if err := errors.Join(fault.Known(e.Type), fault.Known(e.Actor.Kind)); err != nil {
			r.fail(err)
		}
	}
	return endOfEvent(r, &e)
}
