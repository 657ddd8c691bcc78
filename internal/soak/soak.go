// Package soak runs real servers under load and faults, and then proves that every subscriber got exactly the events of the log.
//
// Run starts replicas on one database, lets writers place and change orders and subscribers watch them, drops
// connections, kills and stops replicas and ends their database sessions meanwhile. When all is quiet it reads the log
// by SQL and lets Check compare each subscriber's whole history, across its reconnections, with it. Check shares no code with the
// server, except the form of cursors.
//
// It is used by `make soak` (see docs/soak.md) and imported by tests only.
package soak

import (
	"slices"
	"time"

	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/id"
)

// Item is one item of a subscription, as a client gets it. Ids are TypeIDs.
type Item struct {
	Kind   string     `json:"kind"`
	Cursor string     `json:"cursor"`
	Event  *ItemEvent `json:"event"`
	Order  *ItemOrder `json:"order"`
}

// ItemEvent is the event of an item.
type ItemEvent struct {
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	OrderID    string    `json:"orderId"`
	Version    int       `json:"version"`
	OccurredAt time.Time `json:"occurredAt"`
}

// ItemOrder is the order as of an item.
type ItemOrder struct {
	ID         string     `json:"id"`
	CustomerID string     `json:"customerId"`
	Version    int        `json:"version"`
	Status     string     `json:"status"`
	Captured   ItemAmount `json:"captured"`
	Refunded   ItemAmount `json:"refunded"`
	Payment    struct {
		Status string `json:"status"`
	} `json:"payment"`
}

// ItemAmount is money in minor units; all orders of a soak have one currency each.
type ItemAmount struct {
	Minor int64 `json:"amountMinor,string"`
}

// State is the versioned part of an order that the checker compares: the order as of one event.
type State struct {
	Status, PaymentStatus string
	Captured, Refunded    int64
}

// state of the order in an item.
func (o *ItemOrder) state() State {
	return State{Status: o.Status, PaymentStatus: o.Payment.Status, Captured: o.Captured.Minor, Refunded: o.Refunded.Minor}
}

// Watch is a subscription with its subscriber.
type Watch struct {
	// OrderID makes it orderEvents of this order; empty: orderFeed.
	OrderID string
	// Viewer is the customer who watches; empty: staff, who may see everything.
	Viewer string
	// The feed's filter. Empty fields do not narrow; Customer is for staff.
	Statuses, Types []string
	Customer        string
}

// maySee tells whether the viewer may see the record at all.
func (w *Watch) maySee(r *Record) bool { return w.Viewer == "" || w.Viewer == r.CustomerID }

// wants reports whether the record is part of the subscription.
func (w *Watch) wants(r *Record) bool {
	if w.OrderID != "" {
		return r.OrderID == w.OrderID
	}
	return (w.Customer == "" || w.Customer == r.CustomerID) &&
		(len(w.Statuses) == 0 || slices.Contains(w.Statuses, r.State.Status)) &&
		(len(w.Types) == 0 || slices.Contains(w.Types, r.Type))
}

// place returns a record's place in this subscription: its version for an order, its position for a feed.
func (w *Watch) place(r *Record) int64 {
	if w.OrderID != "" {
		return int64(r.Version)
	}
	return r.Position
}

// cursor is a cursor of a place, without the mark that proves it.
func (w *Watch) cursor(epoch int64, place int64) string {
	if w.OrderID == "" {
		return event.FeedCursor{Epoch: epoch, Position: place}.String()
	}
	orderID, err := id.Parse[id.Order](w.OrderID)
	if err != nil {
		orderID = id.Order{}
	}
	return event.OrderCursor{Epoch: epoch, OrderID: orderID, Version: int(place)}.String()
}

// placeOf is the epoch and the place that a cursor stands for; false when it is none of this subscription.
func (w *Watch) placeOf(cursor string) (epoch, place int64, ok bool) {
	if w.OrderID == "" {
		c, err := event.ParseFeed(cursor)
		return c.Epoch, c.Position, err == nil
	}
	orderID, err := id.Parse[id.Order](w.OrderID)
	if err != nil {
		return 0, 0, false
	}
	c, err := event.ParseOrder(cursor, orderID)
	return c.Epoch, int64(c.Version), err == nil
}

// Entry is an item as it arrived.
type Entry struct {
	Item
	// Fresh: the first item of a connection that asked without a cursor.
	Fresh bool
}

// History is everything that one subscriber got, across its connections, in the order in which it got it.
type History struct {
	// Subscriber names it in findings.
	Subscriber string
	Watch      Watch
	Entries    []Entry
}
