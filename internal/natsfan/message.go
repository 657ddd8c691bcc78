package natsfan

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
)

// buckets is how many parts orders are divided into: a replica that watches one order gets one in 256 of all events.
const buckets = 256

// subjects are the names at NATS. An event is sent once, to orderwire.<deployment>.event.<bucket>.<customer>; wildcards
// pick the events of a bucket of orders, of a customer, or all. Positions go to orderwire.<deployment>.feed.
type subjects struct{ prefix string }

func newSubjects(deployment string) subjects {
	return subjects{prefix: "orderwire." + deployment + "."}
}

func (s subjects) of(e *order.Event) string {
	return s.prefix + "event." + bucket(e.Order.ID) + "." + e.Order.CustomerID.String()
}

func (s subjects) ofBucket(orderID uuid.UUID) string {
	return s.prefix + "event." + bucket(orderID) + ".*"
}

func (s subjects) ofCustomer(customerID uuid.UUID) string {
	return s.prefix + "event.*." + customerID.String()
}

func (s subjects) everything() string { return s.prefix + "event.>" }

func (s subjects) feed() string { return s.prefix + "feed" }

// bucket of an order. The first bytes of a UUIDv7 are the time, so all of it is hashed.
func bucket(orderID uuid.UUID) string {
	h := fnv.New32a()
	_, _ = h.Write(orderID[:]) // never fails
	return fmt.Sprint(h.Sum32() % buckets)
}

// eventMessage is an event as the log has it, so without what stays out of the log.
type eventMessage struct {
	Head      headMessage     `json:"head"`
	ID        uuid.UUID       `json:"id"`
	Type      order.EventType `json:"type"`
	Actor     order.Actor     `json:"actor"`
	RequestID string          `json:"requestId"`
	At        time.Time       `json:"at"`
	Data      order.EventData `json:"data"`
	State     order.State     `json:"state"`
}

type headMessage struct {
	ID                uuid.UUID        `json:"id"`
	Number            string           `json:"number"`
	CustomerID        uuid.UUID        `json:"customerId"`
	Lines             []order.Line     `json:"lines"`
	Total             money.Amount     `json:"total"`
	Note              *string          `json:"note"`
	ExternalReference *string          `json:"externalReference"`
	Metadata          []order.Metadata `json:"metadata"`
	CreatedAt         time.Time        `json:"createdAt"`
}

func encodeEvent(e *order.Event) ([]byte, error) {
	return json.Marshal(eventMessage{
		Head: headMessage(*e.Order.Head), ID: e.ID, Type: e.Type, Actor: e.Actor, RequestID: e.RequestID, At: e.At,
		Data: e.Data, State: e.Order.State,
	})
}

func decodeEvent(body []byte) (order.Event, error) {
	var m eventMessage
	if err := json.Unmarshal(body, &m); err != nil {
		return order.Event{}, err
	}
	head := order.Head(m.Head)
	return order.Event{
		ID: m.ID, Type: m.Type, Version: m.State.Version, Actor: m.Actor, RequestID: m.RequestID, At: m.At, Data: m.Data,
		Order: &order.Order{Head: &head, State: m.State},
	}, nil
}

// batchMessage is an event.FeedBatch. Positions have no gap, so the first says all.
type batchMessage struct {
	Epoch int          `json:"epoch"`
	From  int64        `json:"from"`
	Rows  []rowMessage `json:"rows"`
}

type rowMessage struct {
	OrderID    uuid.UUID `json:"o"`
	Version    int       `json:"v"`
	CustomerID uuid.UUID `json:"c"`
}

func encodeBatch(b event.FeedBatch) ([]byte, error) {
	m := batchMessage{Epoch: b.Epoch, From: b.From, Rows: make([]rowMessage, len(b.Rows))}
	for i, r := range b.Rows {
		m.Rows[i] = rowMessage{OrderID: r.Key.OrderID, Version: r.Key.Version, CustomerID: r.CustomerID}
	}
	return json.Marshal(m)
}

func decodeBatch(body []byte) (event.FeedBatch, error) {
	var m batchMessage
	if err := json.Unmarshal(body, &m); err != nil {
		return event.FeedBatch{}, err
	}
	b := event.FeedBatch{Epoch: m.Epoch, From: m.From, Rows: make([]event.FeedRow, len(m.Rows))}
	for i, r := range m.Rows {
		b.Rows[i] = event.FeedRow{
			Position: m.From + 1 + int64(i), Key: event.Key{OrderID: r.OrderID, Version: r.Version}, CustomerID: r.CustomerID,
		}
	}
	return b, nil
}
