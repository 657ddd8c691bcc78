package order

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/freetext"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/product"
)

// Store keeps orders. Every method takes the principal and acts as if what it may not see did not exist: fault.NotFound.
type Store interface {
	// CreateOrder commits a new order with its event, its timer and the idempotency key in one transaction. When the
	// key is known it creates nothing and returns the earlier order, Replayed; IDEMPOTENCY_KEY_REUSED when that request
	// differed, IDEMPOTENCY_IN_PROGRESS when the first request did not end within ctx's deadline. It creates nothing and
	// returns ErrPricesChanged when a product is no longer of the Revision in the order's line, and a *TooManyAttempts when
	// it would be one attempt to pay too many.
	CreateOrder(ctx context.Context, p auth.Principal, o *Order, key Idempotency) (Outcome, error)
	// TakeAttempt counts an attempt to pay an order again; a *TooManyAttempts refuses it. ReturnAttempt takes it back, as well as
	// it can, when no payment was made after all.
	TakeAttempt(ctx context.Context, p auth.Principal, source uuid.UUID) error
	ReturnAttempt(ctx context.Context, p auth.Principal)
	// EarlierOrder returns what CreateOrder would for a key that is known, and fault.NotFound for one that is not.
	EarlierOrder(ctx context.Context, p auth.Principal, key Idempotency) (Outcome, error)
	// ChangeOrder loads and locks the order, runs change on a copy, and commits what it made of it with its events, all
	// or nothing. change is pure and may run more than once. Its error is returned as it is, and nothing is changed.
	ChangeOrder(ctx context.Context, p auth.Principal, orderID id.Order, change Change) (Outcome, error)
	Order(ctx context.Context, p auth.Principal, orderID id.Order) (*Order, error)
	OrderByNumber(ctx context.Context, p auth.Principal, number string) (*Order, error)
	// Orders lists newest first.
	Orders(ctx context.Context, p auth.Principal, filter Filter, request pagination.Request) (pagination.Result[*Order], error)
	// OrdersByID, OrdersByPayment return what exists and may be seen of many, for data loaders.
	OrdersByID(ctx context.Context, p auth.Principal, ids []id.Order) (map[id.Order]*Order, error)
	OrdersByPayment(ctx context.Context, p auth.Principal, paymentIDs []id.Payment) (map[id.Payment]*Order, error)
	OrdersByRefund(ctx context.Context, p auth.Principal, refundIDs []id.Refund) (map[id.Refund]*Order, error)
	OrdersByDispute(ctx context.Context, p auth.Principal, disputeIDs []id.Dispute) (map[id.Dispute]*Order, error)
	// PaymentsNeedingAttention lists them by id, so the longest waiting first.
	PaymentsNeedingAttention(ctx context.Context, p auth.Principal, request pagination.Request) (pagination.Result[PaymentOf], error)
	// RecheckAttention asks for looks at the charges of payments that need attention, as Resolve with payment.Recheck does for one.
	RecheckAttention(ctx context.Context, p auth.Principal, r BulkRecheck) (Rechecked, error)
	// AttemptsByPayment is for staff.
	AttemptsByPayment(ctx context.Context, p auth.Principal, paymentIDs []id.Payment) (map[id.Payment][]payment.Attempt, error)
	// EventPages reads one page of events after a version for each of many orders, oldest first.
	EventPages(ctx context.Context, p auth.Principal, requests []EventPageRequest) (map[EventPageRequest][]Event, error)
}

// EventPageRequest asks for up to Limit events of an order after a version.
type EventPageRequest struct {
	OrderID id.Order
	After   int
	Limit   int
}

// PaymentOf is a payment with its order.
type PaymentOf struct {
	Order   *Order
	Payment *payment.Payment
}

// Idempotency makes a request that bears money safe to repeat. The zero value means none.
type Idempotency struct {
	// Operation is the mutation's name, Key the client's, unique per actor and operation.
	Operation, Key string
	// Hash is the SHA-256 of the request without its key.
	Hash [32]byte
}

// Change describes a call of ChangeOrder.
type Change struct {
	// Apply changes the order in place. It returns the id that an idempotency key is to remember (uuid.Nil otherwise).
	Apply func(o *Order) (entityID uuid.UUID, err error)
	Key   Idempotency
	// Audit, when set, is committed with the change. Apply may complete it.
	Audit *audit.Entry
	// Lease, when set, must still be held at the commit, or nothing is changed and ErrLeaseLost is returned.
	Lease *Lease
	// From, when set, is this process's last commit of the order, so that it need not be read: the commit finds
	// out if it has changed since, and then all is done again on what is there now. So it is if Apply fails on it or, without
	// a lease, changes nothing: what is told without a commit must be true now. Not with a Key, which is found by reading.
	From *Outcome
}

// Outcome is the result of a write.
type Outcome struct {
	// Order as committed, attempts included.
	Order *Order
	// Revision of the order. Zero when it is not known.
	Revision Revision
	// EntityID is the entity that the idempotency key stores: the order, payment or refund that was created. Its kind follows
	// from the operation.
	EntityID uuid.UUID
	// Replayed: the key was known and nothing was changed.
	Replayed bool
}

// Revision identifies a committed state of an order. Number grows by 1 with each commit. Numbers are comparable only on one server
// incarnation: a promoted standby may lack the last commits, a restored backup many, and both reuse their numbers for other commits. So a
// revision includes the start time of its database server.
type Revision struct {
	Number int64
	Server time.Time
}

// Filter narrows a list of orders. Zero fields do not narrow. Search has at most freetext.MaxSearch characters.
type Filter struct {
	Status            []Status
	PaymentStatus     []payment.Status
	CreatedFrom       *time.Time
	CreatedTo         *time.Time
	CustomerID        id.Null[id.Customer]
	Search            string
	ExternalReference *string
}

// Products are looked up when an order is placed.
type Products interface {
	// ByID reads them now.
	ByID(ctx context.Context, ids []id.Product) (map[id.Product]*product.Product, error)
	// Known returns them as they were at some time before.
	Known(ctx context.Context, ids []id.Product) (map[id.Product]*product.Product, error)
}

// ErrPricesChanged means that products were changed after their prices had been read.
var ErrPricesChanged = errors.New("prices have changed")

// Clock tells the time, in UTC with microseconds. All replicas' clocks must agree, because the times of an order are compared on whichever
// replica works on it: a server gives its dbclock.Clock's Now.
type Clock func() time.Time

// SystemClock is the machine's clock, cut to the microseconds that PostgreSQL keeps: for programs that are the only one on their database.
func SystemClock() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Service has what users may do with orders. The pipeline works on the same Store.
type Service struct {
	store     Store
	products  Products
	providers *payment.Registry
	policy    Policy
	clock     Clock
	recent    *Recent
	refusals  Refusals
	report    func(context.Context, AttemptLimit)
}

// ServiceOption changes how a service works from its start.
type ServiceOption func(*Service)

// ChangeFrom makes changes start from the remembered order where there is one, which saves a read.
func ChangeFrom(recent *Recent) ServiceOption { return func(s *Service) { s.recent = recent } }

// NewService returns the service over its parts. The first of the providers takes new payments.
func NewService(store Store, products Products, providers *payment.Registry, policy Policy, clock Clock, options ...ServiceOption) *Service {
	s := &Service{store: store, products: products, providers: providers, policy: policy, clock: clock}
	for _, option := range options {
		option(s)
	}
	return s
}

// change is the Store's ChangeOrder, for changes without an idempotency key.
func (s *Service) change(ctx context.Context, p auth.Principal, orderID id.Order, change Change) (*Order, error) {
	change.From = s.recent.of(orderID)
	outcome, err := s.store.ChangeOrder(ctx, p, orderID, change)
	return outcome.Order, err
}

// cause of a change that a person asks for.
func (s *Service) cause(p auth.Principal, requestID string) Cause {
	kind := ActorCustomer
	switch {
	case p.Staff():
		kind = ActorStaff
	case p.Role == auth.RoleSystem:
		kind = ActorSystem
	}
	return Cause{Now: s.clock(), Actor: Actor{Kind: kind, ID: p.CustomerID}, RequestID: requestID}
}

// audited is the audit entry of a change, nil for anybody but staff.
func audited(c Cause, p auth.Principal, action string, subject audit.Subject, detail string) *audit.Entry {
	if !p.Staff() {
		return nil
	}
	return audit.New(c.Now, p, action, subject, detail)
}

// CancelInput says which order to cancel.
type CancelInput struct {
	OrderID         id.Order
	ExpectedVersion *int
	Note            *string
	RequestID       string
}

// Cancel cancels an order of the principal's, or any for staff.
// User errors: ORDER_NOT_FOUND, ALREADY_DELIVERED, CONFLICT, TEXT_INVALID, TEXT_TOO_LONG, CARD_NUMBER_REFUSED.
func (s *Service) Cancel(ctx context.Context, p auth.Principal, in CancelInput) (*Order, error) {
	if err := auth.RequireSignedIn(p); err != nil {
		return nil, err
	}
	var problems fault.List
	checkText(&problems, in.Note, maxNote, "input", "note")
	if err := problems.Err(); err != nil {
		return nil, err
	}
	reason := CancelledByCustomer
	if p.Staff() {
		reason = CancelledByStaff
	}
	c := s.cause(p, in.RequestID)
	o, err := s.change(ctx, p, in.OrderID, Change{Audit: audited(c, p, "order.cancel", in.OrderID, ""), Apply: func(o *Order) (uuid.UUID, error) {
		if Machine.Changes(o.Status, Cancel) {
			if err := expectVersion(o, in.ExpectedVersion); err != nil {
				return uuid.Nil, err
			}
			o.CancelNote = cloned(in.Note)
		}
		return uuid.Nil, o.Cancel(c, reason)
	}})
	return o, notFound(err)
}

// DeliverInput says which order was handed over.
type DeliverInput struct {
	OrderID         id.Order
	ExpectedVersion *int
	RequestID       string
}

// Deliver marks a confirmed order delivered ahead of its timer. Staff only.
// User errors: ORDER_NOT_FOUND, NOT_ALLOWED_IN_STATE, CONFLICT.
func (s *Service) Deliver(ctx context.Context, p auth.Principal, in DeliverInput) (*Order, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	c := s.cause(p, in.RequestID)
	o, err := s.change(ctx, p, in.OrderID, Change{Audit: audited(c, p, "order.deliver", in.OrderID, ""), Apply: func(o *Order) (uuid.UUID, error) {
		if _, err := Machine.Next(o.Status, Deliver); err != nil {
			return uuid.Nil, fault.User(fault.NotAllowedInState, "Only a CONFIRMED order can be delivered; this one is "+string(o.Status)+".", "input", "orderId")
		}
		if Machine.Changes(o.Status, Deliver) {
			if err := expectVersion(o, in.ExpectedVersion); err != nil {
				return uuid.Nil, err
			}
		}
		return uuid.Nil, o.Deliver(c)
	}})
	return o, notFound(err)
}

// expectVersion refuses a change that was decided on an older version.
func expectVersion(o *Order, expected *int) error {
	if expected == nil || *expected == o.Version {
		return nil
	}
	return fault.User(fault.Conflict, "The order has changed since you read it. Read it again and decide again.", "input", "expectedVersion")
}

func notFound(err error) error {
	if fault.CodeOf(err) == fault.NotFound {
		return fault.User(fault.OrderNotFound, "There is no such order.", "input", "orderId")
	}
	return err
}

// Get returns the order, fault.NotFound when there is none the principal may see.
func (s *Service) Get(ctx context.Context, p auth.Principal, orderID id.Order) (*Order, error) {
	return s.store.Order(ctx, p, orderID)
}

// GetByNumber is Get by the number for people.
func (s *Service) GetByNumber(ctx context.Context, p auth.Principal, number string) (*Order, error) {
	return s.store.OrderByNumber(ctx, p, number)
}

// List returns the principal's orders, all for staff, newest first. Only staff may filter by customer.
func (s *Service) List(ctx context.Context, p auth.Principal, filter Filter, request pagination.Request) (pagination.Result[*Order], error) {
	if err := auth.RequireSignedIn(p); err != nil {
		return pagination.Result[*Order]{}, err
	}
	if filter.CustomerID.Valid {
		if err := auth.RequireStaff(p); err != nil {
			return pagination.Result[*Order]{}, err
		}
	}
	if err := freetext.CheckSearch(filter.Search); err != nil {
		return pagination.Result[*Order]{}, err
	}
	return s.store.Orders(ctx, p, filter, request)
}
