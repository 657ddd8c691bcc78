package simulated

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/groupcommit"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

const (
	// authorizers commit at the same time, but only when one is held up: see groupcommit.Group.
	authorizers = 2
	// maxAuthorizations bounds one commit.
	maxAuthorizations = 128
	// authorizeTimeout ends a statement that the database does not answer.
	authorizeTimeout = 25 * time.Second
)

// authorization is a call of Authorize as authorize.sql takes it.
type authorization struct {
	call   payment.Call
	script script
	// undecided is the number of calls with its key that fail before a decision.
	undecided int
	event     outgoing
}

type authorizing = groupcommit.Call[authorization, answer]

// authorizeAll settles calls. Two of one key or payment are never in one statement: it acts once for each.
func (p *Provider) authorizeAll(calls []*authorizing) {
	ctx, cancel := context.WithTimeout(context.Background(), authorizeTimeout)
	defer cancel()
	for len(calls) > 0 {
		taken := make(map[uuid.UUID]bool, 2*len(calls))
		var now, later []*authorizing
		for _, c := range calls {
			key, paymentID := uuid.UUID(c.In.call.Key), uuid.UUID(c.In.call.PaymentID)
			if taken[key] || taken[paymentID] {
				later = append(later, c)
				continue
			}
			taken[key], taken[paymentID] = true, true
			now = append(now, c)
		}
		p.authorizeTogether(ctx, now)
		calls = later
	}
}

// authorizeTogether runs authorize.sql. What the database refuses is tried one by one, so that each error is its own call's.
func (p *Provider) authorizeTogether(ctx context.Context, calls []*authorizing) {
	var rows []struct {
		Key id.Attempt `db:"key"`
		answer
	}
	err := p.stmt.authorize.SelectContext(ctx, &rows, append(authorizeColumns(calls), p.opts.ActionExpiry.Microseconds())...)
	if _, refused := errors.AsType[*pq.Error](err); refused && len(calls) > 1 {
		for i := range calls {
			p.authorizeTogether(ctx, calls[i:i+1])
		}
		return
	}
	answers := make(map[id.Attempt]answer, len(rows))
	for i := range rows {
		answers[rows[i].Key] = rows[i].answer
	}
	for _, c := range calls {
		c.Out, c.Err = answers[c.In.call.Key], err
	}
}

// authorizeColumns are the parameters of authorize.sql that have an element for each call.
func authorizeColumns(calls []*authorizing) []any {
	n := len(calls)
	keys, payments, orders, fingerprints := make(pq.StringArray, n), make(pq.StringArray, n), make(pq.StringArray, n), make(pq.ByteaArray, n)
	references, amounts, currencies, captures := make(pq.StringArray, n), make(pq.Int64Array, n), make(pq.StringArray, n), make(pq.StringArray, n)
	methods, outcomes, codes, undecided := make(pq.StringArray, n), make(pq.StringArray, n), make(pq.StringArray, n), make(pq.Int64Array, n)
	numbers, eventIDs, eventTypes, delays := make(pq.StringArray, n), make([]id.Null[uuid.UUID], n), make(pq.StringArray, n), make(pq.Int64Array, n)
	installations := make([]id.Null[uuid.UUID], n)
	for i, c := range calls {
		call, in := &c.In.call, &c.In
		keys[i], payments[i], orders[i], fingerprints[i] = call.Key.String(), call.PaymentID.String(), call.OrderID.String(), fingerprint(*call)
		references[i], amounts[i], currencies[i], captures[i] = referenceOf(call.Key), call.Amount.Minor, call.Amount.Currency, string(call.Capture)
		methods[i], outcomes[i], codes[i], undecided[i] = call.Method, string(in.script.outcome), in.script.code, int64(in.undecided)
		numbers[i], eventIDs[i], eventTypes[i], delays[i] = call.OrderNumber, in.event.id, string(in.event.event), in.event.delay.Microseconds()
		installations[i] = optional(call.Installation)
	}
	return []any{
		keys, payments, orders, fingerprints, references, amounts, currencies, captures,
		methods, outcomes, codes, undecided, numbers, pq.Array(eventIDs), eventTypes, delays, pq.Array(installations),
	}
}
