// Package audit has the record of what staff did. An Entry is inserted by the statement that makes the change it tells
// of, so neither is ever there without the other; the table audit_entries takes no update and no delete.
//
// Every staff action that changes an order or a payment has one: order.cancel, order.deliver, payment.retry,
// payment.completeAction, payment.capture, payment.void, payment.resolve, refund.create; and every one that changes where
// webhooks go or sends one again: webhookEndpoint.create, update and rotateSecret, webhook.redeliver. An action that found everything
// done already changed nothing and has none. Placing an order is a purchase like anybody's, told by its event.
package audit

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/pagination"
)

// Trail is where the entries are read.
type Trail interface {
	// AuditTrail lists newest first. FORBIDDEN, or UNAUTHENTICATED, for all but staff.
	AuditTrail(ctx context.Context, p auth.Principal, request pagination.Request) (pagination.Result[*Entry], error)
}

// Entry is a row of audit_entries. Newest first is by ID, which is a UUIDv7.
type Entry struct {
	ID uuid.UUID `json:"id"`
	At time.Time `json:"at"`
	// ActorID is the customer id of the staff member.
	ActorID uuid.UUID `json:"actor_id"`
	// Action is the kind of subject and what was done with it, "payment.capture": for programs.
	Action string `json:"action"`
	// Subject is the public id of what it was done to ("payment_01…"); nil when it has none.
	Subject *string `json:"subject"`
	// Detail is for people: what was chosen, and the words that were given with it. Never a secret.
	Detail *string `json:"detail"`
}

// New is the entry of what p does now to the entity; detail is left out when empty.
func New(now time.Time, p auth.Principal, action string, kind id.Prefix, subject uuid.UUID, detail string) *Entry {
	e := &Entry{ID: id.At(now), At: now, ActorID: p.CustomerID, Action: action}
	e.About(kind, subject)
	if detail != "" {
		e.Detail = &detail
	}
	return e
}

// About names the subject, where it is known only once the change is decided.
func (e *Entry) About(kind id.Prefix, subject uuid.UUID) {
	text := id.Format(kind, subject)
	e.Subject = &text
}
