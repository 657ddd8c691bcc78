package webhook

import (
	"context"
	"time"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
)

// Store keeps endpoints and deliveries for what staff may do with them. Methods that take a principal return
// fault.Forbidden or fault.Unauthenticated for all but staff. An audit entry is committed with its change.
type Store interface {
	// CreateEndpoint adds an endpoint with its secret, for events from now on, unless there are limit already:
	// ErrTooMany. An enabled one that is equal in URL, types and description is returned instead, with created false.
	CreateEndpoint(ctx context.Context, p auth.Principal, e *Endpoint, secret Secret, limit int, entry *audit.Entry) (made *Endpoint, created bool, err error)
	// UpdateEndpoint saves what change makes of the endpoint, with the audit entry it returns; nil: nothing has changed. Enabling
	// a disabled one begins with events from then on. fault.NotFound when there is no such endpoint.
	UpdateEndpoint(ctx context.Context, p auth.Principal, endpointID id.Endpoint, change func(*Endpoint) *audit.Entry) (*Endpoint, error)
	// RotateSecret makes secret the present one; the others stay good until oldUntil at most. fault.NotFound.
	RotateSecret(ctx context.Context, p auth.Principal, endpointID id.Endpoint, secret Secret, now, oldUntil time.Time, entry *audit.Entry) (*Endpoint, error)
	// DeleteEndpoint deletes an endpoint, its secrets and its replay, and leaves its deliveries to PruneDeleted. One that is deleted
	// already stays so. fault.NotFound.
	DeleteEndpoint(ctx context.Context, p auth.Principal, endpointID id.Endpoint, now time.Time, entry *audit.Entry) error
	// Signers returns an endpoint with the secrets that are good at now, the present one first. fault.NotFound.
	Signers(ctx context.Context, p auth.Principal, endpointID id.Endpoint, now time.Time, entry *audit.Entry) (*Endpoint, []Secret, error)
	// StartReplay saves a replay in the place of a finished one, and returns its endpoint with it. One that is not finished is left as
	// it is if it is the same, and is ErrReplaying otherwise. fault.NotFound.
	StartReplay(ctx context.Context, p auth.Principal, r *Replay, entry *audit.Entry) (*Endpoint, error)
	// Endpoints are listed newest first.
	Endpoints(ctx context.Context, p auth.Principal, r pagination.Request) (pagination.Result[*Endpoint], error)
	EndpointsByID(ctx context.Context, p auth.Principal, ids []id.Endpoint) (map[id.Endpoint]*Endpoint, error)
	// Deliveries are listed newest first.
	Deliveries(ctx context.Context, p auth.Principal, f Filter, r pagination.Request) (pagination.Result[*Delivery], error)
	DeliveriesByID(ctx context.Context, p auth.Principal, ids []id.Delivery) (map[id.Delivery]*Delivery, error)
	// Redeliver makes a delivery due at now, whatever became of it. fault.NotFound.
	Redeliver(ctx context.Context, p auth.Principal, deliveryID id.Delivery, now time.Time, entry *audit.Entry) (*Delivery, error)
}

// Feed is the event log as Fanout reads it; see event.Log.
type Feed interface {
	FeedPage(ctx context.Context, p auth.Principal, scope event.Scope, after int64, limit int) (event.FeedPage, error)
}

// Outbox stores the deliveries that Fanout makes.
type Outbox interface {
	// FanoutState says where the fan-out stands.
	FanoutState(ctx context.Context) (FanoutState, error)
	// EnabledEndpoints are all that get events now.
	EnabledEndpoints(ctx context.Context) ([]*Endpoint, error)
	// AddDeliveries adds deliveries and moves the fan-out from one position to another, both or neither: it reports false
	// when the fan-out does not stand at from any more. A delivery of an event that its endpoint has already is left out.
	AddDeliveries(ctx context.Context, batch Batch) (moved bool, err error)
}

// FanoutState is the progress of a deployment's fan-out.
type FanoutState struct {
	// Position up to which every event has its deliveries.
	Position int64
	// Since is the position after which the first enabled endpoint wants events; nil when none is enabled.
	Since *int64
	// Holder fans out now, or did so a moment ago (Busy).
	Holder string
	Busy   bool
}

// Batch has the deliveries that Fanout adds in one statement.
type Batch struct {
	Holder   string
	From, To int64
	// Mark is the feed's at To as it was read; 0: not known. In a log that was restored meanwhile it is another one, and then
	// nothing is added.
	Mark       event.Mark
	Deliveries []NewDelivery
}

// NewDelivery is due at once.
type NewDelivery struct {
	ID         id.Delivery
	EndpointID id.Endpoint
	EventID    id.Event
	EventType  order.EventType
	Body       []byte
	CreatedAt  time.Time
}

// Queue has the deliveries that Deliverer sends. All of it concerns enabled endpoints only.
type Queue interface {
	// NextDelivery says when the earliest delivery that nobody holds is due, without those of the endpoints in full; nil
	// when there is none.
	NextDelivery(ctx context.Context, full []id.Endpoint) (*time.Time, error)
	// ClaimDeliveries leases deliveries due at now, at most perEndpoint of each endpoint together with those that are
	// busy already, and counts the attempt that will be made. Two callers never get the same delivery.
	ClaimDeliveries(ctx context.Context, now time.Time, lease time.Duration, perEndpoint int, busy map[id.Endpoint]int) ([]*Claimed, error)
	// SettleDelivery stores the outcome of an attempt, at the delivery and at its endpoint. Nothing changes when the delivery
	// was claimed again or settled meanwhile.
	SettleDelivery(ctx context.Context, d *Claimed, o Outcome) (Settlement, error)
	// PendingDeliveries counts what is not delivered yet.
	PendingDeliveries(ctx context.Context) (int, error)
	// DisabledEndpoints counts the endpoints that the server has disabled and nobody has enabled since.
	DisabledEndpoints(ctx context.Context) (int, error)
	// PruneDeliveries deletes at most limit deliveries: those made before a moment that nobody will send any more, and pending ones
	// made before an earlier moment, which it counts.
	PruneDeliveries(ctx context.Context, before, pendingBefore time.Time, limit int) (deleted, pending int, err error)
	// PruneDeleted deletes at most limit deliveries of deleted endpoints, and endpoints that were deleted before a moment and have none.
	PruneDeleted(ctx context.Context, before time.Time, limit int) (deleted int, err error)
}

// Claimed is a delivery that this process sends now.
type Claimed struct {
	ID         id.Delivery
	EndpointID id.Endpoint
	EventID    id.Event
	EventType  order.EventType
	Body       []byte
	URL        string
	// Secrets that are good now, the present one first.
	Secrets []Secret
	// Attempts is the number of this attempt, and what the claim is fenced by.
	Attempts int
	// Try is the number of this attempt since the delivery was made, or asked for again by hand.
	Try int
}

// Outcome is the outcome of an attempt.
type Outcome struct {
	Status Status
	// ResponseStatus is the HTTP status, nil without an answer.
	ResponseStatus *int
	// NextAttemptAt is set when Status is Pending.
	NextAttemptAt *time.Time
	// PauseEndpoint is until when nothing is sent to the endpoint; nil: its pause stays as it is. A pause is never shortened.
	PauseEndpoint *time.Time
	// DisableEndpoint disables the endpoint, for this reason; empty: it stays as it is.
	DisableEndpoint string
	// Failure is set if the request failed, other than by our own stop.
	Failure *Failure
}

// Failure of a request is remembered by its endpoint until one succeeds.
type Failure struct {
	At time.Time
	// DisableBefore: an endpoint that has failed since this moment or longer is disabled, for Reason. Zero: never.
	DisableBefore time.Time
	Reason        string
}

// Settlement is the result of SettleDelivery.
type Settlement struct {
	// Settled is false when the delivery was claimed again or settled meanwhile.
	Settled bool
	// DisabledReason is the reason for which this settlement disabled the endpoint; empty: it did not.
	DisabledReason string
}
