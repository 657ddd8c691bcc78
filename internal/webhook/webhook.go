// Package webhook sends the events of orders to back ends that do not hold a socket, after the Standard Webhooks
// specification (https://www.standardwebhooks.com): staff name endpoints, each event becomes one signed POST to each
// endpoint that wants its type, and is repeated with the same id until it is answered with 2xx.
//
// The event log is the outbox, so orders are written as if there were no webhooks. Fanout reads the feed by position and
// makes one delivery for each event and endpoint; Deliverer sends what is due. Any number of replicas may run both.
// At least once, and in no particular order: a receiver drops the ids it knows and compares the order's version.
package webhook

import (
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// Endpoint is a URL to which events are sent.
type Endpoint struct {
	ID  id.Endpoint
	URL string
	// EventTypes are the types it wants, sorted. Empty: all.
	EventTypes  []order.EventType
	Description *string
	// Enabled: while it is not, no event is for it and nothing is sent; pending deliveries continue when it is enabled again.
	Enabled bool
	// DisabledReason is the reason for which the server itself disabled it, nil when staff did.
	DisabledReason *string
	// DisabledAt is the time at which it was disabled; nil while it is enabled, and when an earlier version disabled it.
	DisabledAt *time.Time
	// FailingSince is the time of the first failed request after the last successful one; nil while requests succeed.
	FailingSince *time.Time
	// PausedUntil is before when nothing is sent, because the receiver asked for a pause. It may be in the past.
	PausedUntil *time.Time
	// Replay is the latest, nil when there was none.
	Replay    *Replay
	CreatedAt time.Time
	// FromPosition of the feed: events up to it were before the endpoint was made, or enabled again, and are not for it.
	FromPosition int64
}

// IsNode marks the endpoint as a GraphQL Node.
func (Endpoint) IsNode() {}

// wants tells whether events of the type are for this endpoint.
func (e *Endpoint) wants(t order.EventType) bool {
	if len(e.EventTypes) == 0 {
		return true
	}
	for _, wanted := range e.EventTypes {
		if wanted == t {
			return true
		}
	}
	return false
}

// Status of a delivery, as in the GraphQL enum WebhookDeliveryStatus.
type Status string

// The states of a delivery. Redelivery by hand makes any of them PENDING again.
const (
	// Pending: not answered with 2xx yet, and there will be another attempt.
	Pending Status = "PENDING"
	// Delivered: answered with 2xx.
	Delivered Status = "DELIVERED"
	// Failed: the last attempt failed, or the receiver wants nothing more.
	Failed Status = "FAILED"
)

// Delivery is one event on its way to one endpoint. There is exactly one for each pair.
type Delivery struct {
	ID       id.Delivery
	Endpoint *Endpoint
	// EventID is the event's own id, and in every attempt the header webhook-id.
	EventID   id.Event
	EventType order.EventType
	Status    Status
	// Attempts counts requests before they are made, so one that was cut short by a crash is counted too.
	Attempts int
	// ResponseStatus is the HTTP status of the last attempt, nil when there was no answer.
	ResponseStatus *int
	// NextAttemptAt is set while PENDING.
	NextAttemptAt *time.Time
	LastAttemptAt *time.Time
	CreatedAt     time.Time
}

// IsNode marks the delivery as a GraphQL Node.
func (Delivery) IsNode() {}

// Filter narrows a list of deliveries. Zero values: no narrowing.
type Filter struct {
	EndpointID id.Null[id.Endpoint]
	Status     Status
}

// RotationOverlap is the time for which a replaced secret still signs.
const RotationOverlap = 24 * time.Hour

const (
	// maxURL and maxDescription are in characters.
	maxURL         = 2000
	maxDescription = 500
)
