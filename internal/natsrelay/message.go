package natsrelay

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// buckets is the number of parts that orders are divided into. A replica that watches one order gets one in 256 of all
// events.
const buckets = 256

// Subjects are orderwire.<deployment>.<log>.<topic>. An event is sent once, to the topic event.<bucket>.<customer>;
// wildcards select the events of a bucket, of a customer, or all events. Positions are sent to the topic feed.
const (
	everything = "event.>"
	feed       = "feed"
)

// prefixOf returns the prefix of a log's subjects. It includes the running database server: a copy of a database has the
// same deployment and epoch, but its replicas are connected to another server.
func prefixOf(deployment, instance string, epoch int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", epoch, instance))
	return "orderwire." + deployment + "." + hex.EncodeToString(sum[:12]) + "."
}

func topicOf(e *order.Event) string {
	return "event." + bucket(e.Order.ID) + "." + e.Order.CustomerID.String()
}

func ofBucket(orderID id.Order) string { return "event." + bucket(orderID) + ".*" }

func ofCustomer(customerID id.Customer) string { return "event.*." + customerID.String() }

// bucket returns the bucket of an order. It hashes the whole id, because the first bytes of a UUIDv7 are the time.
func bucket(orderID id.Order) string {
	h := fnv.New32a()
	_, _ = h.Write(orderID[:]) // never fails
	return fmt.Sprint(h.Sum32() % buckets)
}

// eventMessage is an event as the log has it, without the data that the log leaves out.
type eventMessage struct {
	Head      order.Head      `json:"head"`
	ID        id.Event        `json:"id"`
	Type      order.EventType `json:"type"`
	Actor     order.Actor     `json:"actor"`
	RequestID string          `json:"requestId"`
	At        time.Time       `json:"at"`
	Data      order.EventData `json:"data"`
	State     order.Document  `json:"state"`
}

func encodeEvent(e *order.Event) ([]byte, error) {
	return json.Marshal(eventMessage{
		Head: *e.Order.Head, ID: e.ID, Type: e.Type, Actor: e.Actor, RequestID: e.RequestID, At: e.At,
		Data: e.Data, State: e.Document(),
	})
}

func decodeEvent(body []byte) (order.Event, error) {
	var m eventMessage
	if err := json.Unmarshal(body, &m); err != nil {
		return order.Event{}, err
	}
	state, err := m.State.State()
	if err != nil {
		return order.Event{}, err
	}
	return order.Event{
		ID: m.ID, Type: m.Type, Version: m.State.Version, Actor: m.Actor, RequestID: m.RequestID, At: m.At, Data: m.Data,
		Order: &order.Order{Head: &m.Head, State: state},
	}, nil
}

// batchMessage is an event.FeedBatch. Positions have no gap, so the first one determines all.
type batchMessage struct {
	Epoch int64        `json:"epoch"`
	From  int64        `json:"from"`
	Mark  event.Mark   `json:"mark"`
	Rows  []rowMessage `json:"rows"`
}

type rowMessage struct {
	OrderID    id.Order    `json:"o"`
	Version    int         `json:"v"`
	CustomerID id.Customer `json:"c"`
	Mark       event.Mark  `json:"m"`
}

func encodeBatch(b event.FeedBatch) ([]byte, error) {
	m := batchMessage{Epoch: b.Epoch, From: b.From.Position, Mark: b.From.Mark, Rows: make([]rowMessage, len(b.Rows))}
	for i, r := range b.Rows {
		m.Rows[i] = rowMessage{OrderID: r.Key.OrderID, Version: r.Key.Version, CustomerID: r.CustomerID, Mark: r.Mark}
	}
	return json.Marshal(m)
}

func decodeBatch(body []byte) (event.FeedBatch, error) {
	var m batchMessage
	if err := json.Unmarshal(body, &m); err != nil {
		return event.FeedBatch{}, err
	}
	b := event.FeedBatch{Epoch: m.Epoch, From: event.Place{Position: m.From, Mark: m.Mark}, Rows: make([]event.FeedRow, len(m.Rows))}
	for i, r := range m.Rows {
		b.Rows[i] = event.FeedRow{
			Place: event.Place{Position: m.From + 1 + int64(i), Mark: r.Mark},
			Key:   event.Key{OrderID: r.OrderID, Version: r.Version}, CustomerID: r.CustomerID,
		}
	}
	return b, nil
}
