// Package audit records the actions of staff. An Entry is inserted by the statement that makes its change, so neither exists
// without the other. The table audit_entries refuses updates and deletes.
//
// Every staff action that changes an order or a payment has one: order.cancel, order.deliver, payment.retry,
// payment.completeAction, payment.capture, payment.void, payment.resolve, refund.create; and every one that changes where
// webhooks go or sends one again: webhookEndpoint.create, update, rotateSecret, delete and test, webhook.redeliver and replay. A no-op
// has none. Placing an order is a purchase like anybody's, told by its event.
package audit

import (
	"context"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/pagination"
)

// Trail reads the entries.
type Trail interface {
	// AuditTrail lists newest first. FORBIDDEN, or UNAUTHENTICATED, for all but staff.
	AuditTrail(ctx context.Context, p auth.Principal, request pagination.Request) (pagination.Result[*Entry], error)
}

// Entry is a row of audit_entries. Newest first is by ID, which is a UUIDv7.
type Entry struct {
	ID id.Audit  `json:"id"`
	At time.Time `json:"at"`
	// ActorID is the customer id of the staff member.
	ActorID id.Customer `json:"actor_id"`
	// Action is the kind of subject and the action, "payment.capture": for programs.
	Action string `json:"action"`
	// Subject is the public id of the changed entity ("payment_01…"); nil when it has none.
	Subject *string `json:"subject"`
	// Detail is for people: the choices and the note of the action. Never a secret.
	Detail *string `json:"detail"`
}

// Subject is the id of an entity.
type Subject interface{ TypeID() string }

// New returns an entry for p's action on the entity; an empty detail is left out.
func New(now time.Time, p auth.Principal, action string, subject Subject, detail string) *Entry {
	e := &Entry{ID: id.At[id.Audit](now), At: now, ActorID: p.CustomerID, Action: action}
	e.About(subject)
	if detail != "" {
		e.Detail = &detail
	}
	return e
}

// About names the subject, where it is known only once the change is decided.
func (e *Entry) About(subject Subject) {
	text := subject.TypeID()
	e.Subject = &text
}
