package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/eventually"
)

// drill is a server whose database is copied and put back. It has clients that got cursors before the copy was made, after
// it, and of an order that the copy does not hold.
type drill struct {
	t          *testing.T
	server     *process
	ada, staff *user

	shared, lost, payment string
	before, after         cursors
	lostCursor            string
}

// cursors of the feed of staff, and of the order that both logs hold.
type cursors struct{ feed, order string }

const drillPatience = eventually.Patience

func newDrill(t *testing.T, server *process) *drill {
	t.Helper()
	server.start()
	d := &drill{t: t, server: server}
	d.signIn()
	d.shared, d.payment = d.manual()
	d.walk()
	d.before = d.cursors()
	return d
}

// signIn signs in again: a restored database may have other keys.
func (d *drill) signIn() {
	d.t.Helper()
	d.ada, d.staff = signedIn(d.t, d.server.url(), "ada", "CUSTOMER"), signedIn(d.t, d.server.url(), "sue", "STAFF")
}

// goOn makes the events that the backup lacks: the shared order changes, and others are placed.
func (d *drill) goOn() {
	d.t.Helper()
	d.act("paymentCapture", map[string]any{"paymentId": d.payment})
	d.await(d.shared, "DELIVERED")
	d.lost = d.walk()
	d.after = d.cursors()
	d.lostCursor = d.first(watchOrder(d.server.url(), d.ada.token, d.lost), "").Cursor
}

// manual places an order whose payment is authorized and not captured.
func (d *drill) manual() (orderID, paymentID string) {
	d.t.Helper()
	var data struct {
		OrderCreate struct {
			Order struct {
				ID      string
				Payment struct{ ID string }
			}
		}
	}
	err := d.ada.graphql(d.t.Context(), `mutation ($input: OrderCreateInput!) { orderCreate(input: $input) { order { id payment { id } } } }`, map[string]any{"input": map[string]any{
		"idempotencyKey": uuid.NewString(), "captureMethod": "MANUAL", "paymentMethod": map[string]any{"token": "sim_approve"},
		"items": []any{map[string]any{"productId": d.ada.productID, "quantity": 1}},
	}}, &data)
	if err != nil {
		d.t.Fatal(err)
	}
	o := data.OrderCreate.Order
	d.until(watchOrder(d.server.url(), d.ada.token, o.ID), func(it item) bool { return it.Order != nil && it.Order.Payment.Status == "AUTHORIZED" })
	return o.ID, o.Payment.ID
}

// walk places an order and waits until it is delivered, and staff's feed has shown that.
func (d *drill) walk() (orderID string) {
	d.t.Helper()
	feed := watchFeed(d.server.url(), d.staff.token)
	d.until(feed, func(it item) bool {
		if it.Kind == "SNAPSHOT" {
			orderID = d.ada.order(d.t, "sim_approve")
		}
		return it.Order != nil && it.Order.ID == orderID && it.Order.Status == "DELIVERED"
	})
	return orderID
}

func (d *drill) await(orderID, status string) {
	d.t.Helper()
	d.until(watchOrder(d.server.url(), d.ada.token, orderID), func(it item) bool { return it.Order != nil && it.Order.Status == status })
}

func (d *drill) act(mutation string, input map[string]any) {
	d.t.Helper()
	document := fmt.Sprintf(`mutation ($input: %sInput!) { %s(input: $input) { userErrors { ... on UserError { message } code } } }`, strings.ToUpper(mutation[:1])+mutation[1:], mutation)
	var data map[string]struct{ UserErrors []struct{ Code string } }
	if err := d.staff.graphql(d.t.Context(), document, map[string]any{"input": input}, &data); err != nil {
		d.t.Fatal(err)
	}
	if refused := data[mutation].UserErrors; len(refused) > 0 {
		d.t.Fatalf("%s: %v", mutation, refused)
	}
}

func (d *drill) cursors() cursors {
	d.t.Helper()
	return cursors{
		feed:  d.first(watchFeed(d.server.url(), d.staff.token), "").Cursor,
		order: d.first(watchOrder(d.server.url(), d.ada.token, d.shared), "").Cursor,
	}
}

// until reads a subscription until an item is the one.
func (d *drill) until(c *subscriptionClient, is func(item) bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), drillPatience)
	defer cancel()
	err := c.run(ctx, func(it item) error {
		if is(it) {
			return errStop
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// first is the first item after a cursor.
func (d *drill) first(c *subscriptionClient, after string) (first item) {
	d.t.Helper()
	if after != "" {
		c.variables["after"] = after
	}
	d.until(c, func(it item) bool { first = it; return true })
	return first
}

// firstBySSE is the same over server-sent events, with Last-Event-ID.
func (d *drill) firstBySSE(u *user, query, lastEventID string) item {
	d.t.Helper()
	text := u.firstEvent(d.t, query, lastEventID)
	var data struct {
		Data map[string]item
	}
	if err := json.Unmarshal([]byte(text), &data); err != nil || len(data.Data) != 1 {
		d.t.Fatalf("%s: %v", text, err)
	}
	for _, it := range data.Data {
		return it
	}
	return item{}
}

// judge subscribes with every cursor from which the log cannot continue: each leads to RESET with the order's current state, and
// later events follow. The cursors are valid in the log same, which gave them out.
func (d *drill) judge(name string, same *drill) {
	d.t.Helper()
	url := d.server.url()
	feedQuery := `subscription { orderFeed ` + itemFields + ` }`
	orderQuery := fmt.Sprintf(`subscription { orderEvents(orderId: %q) %s }`, d.shared, itemFields)
	now := d.first(watchOrder(url, d.ada.token, d.shared), "")
	for transport, first := range map[string]struct{ feed, order item }{
		"websocket": {
			d.first(watchFeed(url, d.staff.token), same.after.feed),
			d.first(watchOrder(url, d.ada.token, d.shared), same.after.order),
		},
		"SSE": {
			d.firstBySSE(d.staff, feedQuery, same.after.feed),
			d.firstBySSE(d.ada, orderQuery, same.after.order),
		},
	} {
		if first.feed.Kind != "RESET" {
			d.t.Errorf("%s, %s: the feed begins with %s %+v, want RESET", name, transport, first.feed.Kind, first.feed.Event)
		}
		if first.order.Kind != "RESET" || first.order.Order == nil || *first.order.Order != *now.Order {
			d.t.Errorf("%s, %s: the order begins with %s %+v, want RESET with %+v", name, transport, first.order.Kind, first.order.Order, now.Order)
		}
	}
	if same.lost != "" {
		ctx, cancel := context.WithTimeout(d.t.Context(), drillPatience)
		defer cancel()
		c := watchOrder(url, d.ada.token, same.lost)
		c.variables["after"] = same.lostCursor
		var refused *refusedError
		err := c.run(ctx, func(it item) error { return fmt.Errorf("got %s", it.Kind) })
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "NOT_FOUND") {
			d.t.Errorf("%s: the lost order gives %v, want NOT_FOUND", name, err)
		}
	}
	// The stream continues after its RESET.
	c := watchFeed(url, d.staff.token)
	c.variables["after"] = same.after.feed
	var placed string
	var kinds []string
	d.until(c, func(it item) bool {
		kinds = append(kinds, it.Kind)
		if it.Kind == "RESET" { // maybe a second one: the log gets its new epoch when the lease that came with the backup has ended
			placed = d.ada.order(d.t, "sim_approve")
		}
		return placed != "" && it.Order != nil && it.Order.ID == placed && it.Order.Status == "DELIVERED"
	})
	if kinds[0] != "RESET" || len(kinds) < 5 {
		d.t.Errorf("%s: the feed gives %q, want RESET and four events", name, kinds)
	}
}

// goesOn subscribes with cursors from before the copy, of a log that has the same beginning: everything since follows.
func (d *drill) goesOn(name string) {
	d.t.Helper()
	placed := d.walk()
	c := watchFeed(d.server.url(), d.staff.token)
	c.variables["after"] = d.before.feed
	d.until(c, func(it item) bool {
		if it.Kind != "EVENT" {
			d.t.Errorf("%s: %s after a cursor that the copy holds", name, it.Kind)
		}
		return it.Kind != "EVENT" || it.Order.ID == placed && it.Order.Status == "DELIVERED"
	})
}

// overtake gives the restored log a life of its own: it fills the positions and versions that the lost one had.
func (d *drill) overtake() {
	d.t.Helper()
	d.act("paymentVoid", map[string]any{"paymentId": d.payment})
	for range 3 {
		d.walk()
	}
}

func (d *drill) stop() {
	d.t.Helper()
	if err := <-d.server.terminate(); err != nil {
		d.t.Fatal(err)
	}
}
