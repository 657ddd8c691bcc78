package id

import (
	"database/sql/driver"

	"github.com/google/uuid"
	"go.jetify.com/typeid/base32"
)

// Kind is the kind of an entity, the first part of its TypeID.
type Kind string

// The kinds with ids of their own.
const (
	OrderKind    Kind = "order"
	PaymentKind  Kind = "payment"
	ProductKind  Kind = "product"
	RefundKind   Kind = "refund"
	EventKind    Kind = "event"
	CustomerKind Kind = "customer"
	AttemptKind  Kind = "attempt"
	DisputeKind  Kind = "dispute"
	// EndpointKind and DeliveryKind are for outgoing webhooks.
	EndpointKind Kind = "endpoint"
	DeliveryKind Kind = "delivery"
	// AuditKind is for entries of the audit trail.
	AuditKind Kind = "audit"
)

// kinds has the kinds that ParseAny accepts.
var kinds = map[Kind]bool{
	OrderKind: true, PaymentKind: true, ProductKind: true, RefundKind: true, EventKind: true, CustomerKind: true, AttemptKind: true,
	DisputeKind: true, EndpointKind: true, DeliveryKind: true, AuditKind: true,
}

type (
	// Order is the id of an order.
	Order = Of[ofOrder]
	// Payment is the id of a payment.
	Payment = Of[ofPayment]
	// Product is the id of a product.
	Product = Of[ofProduct]
	// Refund is the id of a refund.
	Refund = Of[ofRefund]
	// Event is the id of an event of an order.
	Event = Of[ofEvent]
	// Customer is the id of a customer, staff included.
	Customer = Of[ofCustomer]
	// Attempt is the id of an attempt at the provider.
	Attempt = Of[ofAttempt]
	// Dispute is the id of a dispute.
	Dispute = Of[ofDispute]
	// Endpoint is the id of an endpoint for outgoing webhooks.
	Endpoint = Of[ofEndpoint]
	// Delivery is the id of an event's delivery to an endpoint.
	Delivery = Of[ofDelivery]
	// Audit is the id of an entry of the audit trail.
	Audit = Of[ofAudit]
)

// A new kind is a constant and an entry of kinds above, a type here and its method kind.
type (
	ofOrder    struct{}
	ofPayment  struct{}
	ofProduct  struct{}
	ofRefund   struct{}
	ofEvent    struct{}
	ofCustomer struct{}
	ofAttempt  struct{}
	ofDispute  struct{}
	ofEndpoint struct{}
	ofDelivery struct{}
	ofAudit    struct{}
)

func (ofOrder) kind() Kind    { return OrderKind }
func (ofPayment) kind() Kind  { return PaymentKind }
func (ofProduct) kind() Kind  { return ProductKind }
func (ofRefund) kind() Kind   { return RefundKind }
func (ofEvent) kind() Kind    { return EventKind }
func (ofCustomer) kind() Kind { return CustomerKind }
func (ofAttempt) kind() Kind  { return AttemptKind }
func (ofDispute) kind() Kind  { return DisputeKind }
func (ofEndpoint) kind() Kind { return EndpointKind }
func (ofDelivery) kind() Kind { return DeliveryKind }
func (ofAudit) kind() Kind    { return AuditKind }

type kinded interface{ kind() Kind }

// UUID is a type of UUIDs: the ids of an entity, or uuid.UUID for ids of what clients cannot name.
type UUID interface{ ~[16]byte }

// Entity is a type of ids: Order, Payment and so on.
type Entity interface {
	UUID
	Kind() Kind
}

// Of is the id of an entity of the kind K. Convert it to a uuid.UUID only where ids of all kinds are treated alike, such as
// cursors of lists. The zero value is an id like any other, since clients can send it: see IsNil.
//
// Rows, stored JSON and logs have it in the form of the UUID (String, Value, MarshalText); clients see its TypeID.
type Of[K kinded] uuid.UUID

// Kind returns the kind of the entity.
func (Of[K]) Kind() Kind {
	var k K
	return k.kind()
}

// TypeID returns the id's form for clients, such as order_01h455vb4pex5vsknk084sn02q.
func (i Of[K]) TypeID() string { return Format(i.Kind(), uuid.UUID(i)) }

// IsNil reports whether the id is all zeros. That may mean none only where the application makes every id; elsewhere use Null.
func (i Of[K]) IsNil() bool { return uuid.UUID(i) == uuid.Nil }

// String returns the UUID's text, not the TypeID.
func (i Of[K]) String() string { return uuid.UUID(i).String() }

// MarshalText returns the UUID's text, for stored JSON.
func (i Of[K]) MarshalText() ([]byte, error) { return uuid.UUID(i).MarshalText() }

// UnmarshalText parses the UUID's text.
func (i *Of[K]) UnmarshalText(text []byte) error { return (*uuid.UUID)(i).UnmarshalText(text) }

// Value passes the UUID to the database.
func (i Of[K]) Value() (driver.Value, error) { return uuid.UUID(i).Value() }

// Scan reads a UUID from the database. NULL leaves the id as it is: use a pointer or Null where there may be one.
func (i *Of[K]) Scan(src any) error { return (*uuid.UUID)(i).Scan(src) }

// Format returns the TypeID of an id whose kind is only known when the program runs; the others have the method TypeID.
func Format(k Kind, u uuid.UUID) string { return string(k) + "_" + base32.Encode(u) }

// Null is an id that may be absent; the zero value is none. An id of zeros never means none, because clients can send it.
type Null[I UUID] struct {
	ID    I
	Valid bool
}

// Some wraps an id where one may be absent.
func Some[I UUID](id I) Null[I] { return Null[I]{ID: id, Valid: true} }

// Value passes NULL or the UUID to the database.
func (n Null[I]) Value() (driver.Value, error) {
	return uuid.NullUUID{UUID: uuid.UUID(n.ID), Valid: n.Valid}.Value()
}

// Scan reads NULL or a UUID from the database.
func (n *Null[I]) Scan(src any) error {
	var u uuid.NullUUID
	err := u.Scan(src)
	n.ID, n.Valid = I(u.UUID), u.Valid
	return err
}
