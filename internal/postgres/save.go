package postgres

import (
	"context"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// changeParts are the parts of change.sql that a batch has rows for.
type changeParts struct {
	Payments, Refunds, Attempts, Events, Keys, Audits, Outcomes bool
	// Due: an order has a timer. Done: an order has none any more. Leased: a lease is requested.
	Due, Done, Leased bool
	// Replaced: a payment ends and another takes its place.
	Replaced bool
}

// changeDocument is change.sql's first parameter: the rows of each part.
type changeDocument struct {
	orders, payments, refunds, attempts, events, keys, audits, outcomes jsonRows
	// traits has only Due, Done, Leased and Replaced set.
	traits changeParts
}

// save runs change.sql and returns the saved orders, each with the fencing token of its lease if one was requested, or 0.
func (s *Store) save(ctx context.Context, changes []changing) (map[id.Order]int64, error) {
	var d changeDocument
	settings := make([]string, len(changes))
	for i := range changes {
		settings[i] = settingOf(changes[i].call.In.principal)
		d.add(&changes[i], s.attempts)
	}
	document, err := d.text()
	if err != nil {
		return nil, err
	}
	stmt, err := s.db.prepared(ctx, principalSet(2)+changeStatement.text(d.parts())) //nolint:sqlclosecheck // it is kept
	if err != nil {
		return nil, err
	}
	var rows []struct {
		ID    id.Order `db:"id"`
		Token int64    `db:"token"`
	}
	if err := stmt.SelectContext(ctx, &rows, document, settingOfAll(settings)); err != nil {
		return nil, err
	}
	saved := make(map[id.Order]int64, len(rows))
	for _, r := range rows {
		saved[r.ID] = r.Token
	}
	return saved, nil
}

// add adds the rows of a change.
func (d *changeDocument) add(ch *changing, attempts AttemptLimits) {
	in, o := &ch.call.In, ch.after
	d.addOrder(ch)
	for _, outcome := range attempts.outcomes(ch.before.order, o) {
		outcomeInput.appendJSON(&d.outcomes, &outcome)
	}
	d.addPayments(ch.before.order.Payments, o.Payments)
	for i := range o.Events() {
		eventTable.appendJSON(&d.events, &o.Events()[i])
	}
	if in.change.Key.Key != "" {
		keyTable.appendJSON(&d.keys, &keyRow{actor: in.principal.CustomerID, orderID: o.ID, entityID: ch.entityID, Idempotency: in.change.Key})
	}
	if in.change.Audit != nil {
		auditInput.appendJSON(&d.audits, &auditRow{o.ID, in.change.Audit})
	}
}

func (d *changeDocument) addOrder(ch *changing) {
	o := ch.after
	row := changeRow{order: o, due: o.Due(), from: ch.before.revision}
	if lease := ch.call.In.change.Lease; lease != nil {
		row.token = &lease.Token
		if lease.Hold {
			row.holdFor = LeaseTime.Seconds()
		}
	}
	if ch.lease != nil {
		row.lease, row.holdFor = &ch.lease.Token, LeaseTime.Seconds()
	}
	if row.retried = len(o.Payments) > len(ch.before.order.Payments); row.retried {
		row.source = o.Source
		d.traits.Replaced = true
	}
	changeTable.appendJSON(&d.orders, &row)
	d.traits.Due = d.traits.Due || row.due.At != nil
	d.traits.Done = d.traits.Done || row.due.At == nil
	d.traits.Leased = d.traits.Leased || row.lease != nil
}

// addPayments adds the rows of what is new or differs from before. Payments are only ever appended to an order, refunds and attempts
// to a payment.
func (d *changeDocument) addPayments(before, after []payment.Payment) {
	appendChanged(&d.payments, paymentTable, before, after)
	for i := range after {
		var was payment.Payment
		if i < len(before) {
			was = before[i]
		}
		appendChanged(&d.refunds, refundTable, was.Refunds, after[i].Refunds)
		appendChanged(&d.attempts, attemptTable, was.Attempts, after[i].Attempts)
	}
}

func appendChanged[R any](rows *jsonRows, t *table[R], before, after []R) {
	for i := range after {
		if i >= len(before) || !t.equal(&before[i], &after[i]) {
			t.appendJSON(rows, &after[i])
		}
	}
}

// parts are those of change.sql that there are rows for.
func (d *changeDocument) parts() changeParts {
	parts := d.traits
	parts.Payments, parts.Refunds, parts.Attempts = d.payments.n > 0, d.refunds.n > 0, d.attempts.n > 0
	parts.Events, parts.Keys, parts.Audits, parts.Outcomes = d.events.n > 0, d.keys.n > 0, d.audits.n > 0, d.outcomes.n > 0
	return parts
}

func (d *changeDocument) text() (string, error) {
	text := []byte{'{'}
	for _, part := range []struct {
		name string
		rows *jsonRows
	}{
		{"orders", &d.orders},
		{"payments", &d.payments},
		{"refunds", &d.refunds},
		{"attempts", &d.attempts},
		{"events", &d.events},
		{"keys", &d.keys},
		{"audits", &d.audits},
		{"outcomes", &d.outcomes},
	} {
		if part.rows.err != nil {
			return "", part.rows.err
		}
		if part.rows.n > 0 {
			text = part.rows.appendTo(text, part.name)
		}
	}
	return string(append(text, '}')), nil
}
