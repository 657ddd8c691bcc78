package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// Another customer, who knows every id, number, key and cursor of an order, gets nothing of it: over no transport, and not from
// anything cached between requests.
func TestStrangers(t *testing.T) {
	t.Parallel()
	p, issuer, ada := behindIssuer(t, "PAYMENT_STEP_DELAY=0s")
	eve, nobody := userOf(t, p.url(), issuer.Token(t, "eve")), &user{client: &client{url: p.url()}}
	const create = `mutation ($key: String!, $product: ID!) { orderCreate(input: {idempotencyKey: $key, externalReference: "ref-of-ada",
		items: [{productId: $product, quantity: 1}], paymentMethod: {token: "sim_approve"}}) {
		replayed order { id number customerId payment { id } events(first: 1) { nodes { id } } } } }`
	type created struct {
		OrderCreate struct {
			Replayed bool
			Order    struct {
				ID, Number, CustomerID string
				Payment                struct{ ID string }
				Events                 struct{ Nodes []struct{ ID string } }
			}
		}
	}
	key := uuid.NewString()
	place := func(u *user) created {
		var data created
		if err := u.graphql(t.Context(), create, map[string]any{"key": key, "product": ada.productID}, &data); err != nil {
			t.Fatal(err)
		}
		return data
	}
	hers := place(ada).OrderCreate.Order
	// Texts that an answer to eve or nobody must not contain. The ids are not among them: they send these themselves, and errors
	// may repeat them.
	private := func(answer string) bool {
		return strings.Contains(answer, hers.CustomerID) || strings.Contains(answer, hers.Number) || strings.Contains(answer, "ref-of-ada")
	}
	var cursor, feed string
	watchCursor := func(u *user, query string, into *string) {
		w := dialWire(t, p.url()).init(u.token)
		w.send("1", "subscribe", map[string]any{"query": query})
		var payload struct {
			Data map[string]struct{ Cursor string }
		}
		if err := json.Unmarshal(w.expect("next").Payload, &payload); err != nil {
			t.Fatal(err)
		}
		for _, item := range payload.Data {
			*into = item.Cursor
		}
	}
	watchCursor(ada, fmt.Sprintf(`subscription { orderEvents(orderId: %q) { cursor } }`, hers.ID), &cursor)
	watchCursor(userOf(t, p.url(), issuer.Token(t, "grace", "STAFF")), `subscription { orderFeed { cursor } }`, &feed)

	t.Run("IdempotencyKey", func(t *testing.T) {
		if got := place(eve).OrderCreate; got.Replayed || got.Order.ID == hers.ID || got.Order.CustomerID == hers.CustomerID {
			t.Errorf("eve's request with ada's key gives %+v", got)
		}
		if got := place(ada).OrderCreate; !got.Replayed || got.Order.ID != hers.ID {
			t.Errorf("ada's own repetition gives %+v", got)
		}
	})
	const fields = `{ number customerId externalReference }`
	for name, query := range map[string]string{
		"Order":        fmt.Sprintf(`{ order(id: %q) %s }`, hers.ID, fields),
		"Number":       fmt.Sprintf(`{ order(number: %q) { id customerId } }`, hers.Number),
		"Node":         fmt.Sprintf(`{ node(id: %q) { ... on Order %s } }`, hers.ID, fields),
		"Nodes":        fmt.Sprintf(`{ nodes(ids: [%q, %q]) { ... on Order %s ... on Payment { order %s } } }`, hers.ID, hers.Payment.ID, fields, fields),
		"Payment":      fmt.Sprintf(`{ payment(id: %q) { order %s } }`, hers.Payment.ID, fields),
		"Event":        fmt.Sprintf(`{ node(id: %q) { id ... on Order %s } }`, hers.Events.Nodes[0].ID, fields),
		"Search":       `{ orders(filter: {search: "ref-of-ada"}, first: 50) { nodes { id number } } }`,
		"CustomerID":   fmt.Sprintf(`{ orders(filter: {customerId: %q}) { nodes %s } }`, hers.CustomerID, fields),
		"Cancel":       fmt.Sprintf(`mutation { orderCancel(input: {orderId: %q}) { order %s userErrors { code } } }`, hers.ID, fields),
		"PaymentRetry": fmt.Sprintf(`mutation { paymentRetry(input: {orderId: %q, idempotencyKey: %q}) { order %s userErrors { code } } }`, hers.ID, key, fields),
		"Complete":     fmt.Sprintf(`mutation { paymentCompleteAction(input: {paymentId: %q}) { order %s userErrors { code } } }`, hers.Payment.ID, fields),
	} {
		t.Run(name, func(t *testing.T) {
			body, err := json.Marshal(map[string]string{"query": query})
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range []*user{eve, nobody} {
				// Eve's own order has the same reference, so a search result is identified by its number.
				if _, answer := u.hostile(t, http.MethodPost, "", body); strings.Contains(string(answer), hers.CustomerID) ||
					strings.Contains(strings.ReplaceAll(string(answer), query, ""), hers.Number) || (name != "Search" && private(string(answer))) {
					t.Errorf("%s", answer)
				}
			}
		})
	}
	mine := place(eve).OrderCreate.Order.ID
	own := fmt.Sprintf(`subscription { orderEvents(orderId: %q) { order %s } }`, mine, fields)
	for name, c := range map[string]struct {
		query, lastEventID, code string
	}{
		"WatchOrder":       {fmt.Sprintf(`subscription { orderEvents(orderId: %q) { order %s } }`, hers.ID, fields), "", "NOT_FOUND"},
		"ReplayOrder":      {fmt.Sprintf(`subscription { orderEvents(orderId: %q) { order %s } }`, hers.ID, fields), cursor, "NOT_FOUND"},
		"CursorOfHers":     {own, cursor, "INVALID_CURSOR"},
		"CursorOfTheFeed":  {own, feed, "INVALID_CURSOR"},
		"OrderCursorAtAll": {`subscription { orderFeed { order ` + fields + ` } }`, cursor, "INVALID_CURSOR"},
		"FeedOfACustomer":  {fmt.Sprintf(`subscription { orderFeed(filter: {customerId: %q}) { order %s } }`, hers.CustomerID, fields), "", "FORBIDDEN"},
	} {
		t.Run(name, func(t *testing.T) {
			for who, u := range map[string]*user{"eve": eve, "nobody": nobody} {
				answer := u.firstEvent(t, c.query, c.lastEventID)
				refused := strings.Contains(answer, c.code) || (u == nobody && strings.Contains(answer, "UNAUTHENTICATED"))
				if private(answer) || !refused {
					t.Errorf("%s gets %s, want %s", who, answer, c.code)
				}
			}
		})
	}
	// From the very beginning, as no client of ours would: what comes is eve's.
	t.Run("WholeFeed", func(t *testing.T) {
		beginning := "AgEA" // of an older version, at position 0
		answer := eve.firstEvent(t, `subscription { orderFeed { kind order { id customerId } } }`, beginning)
		if !strings.Contains(answer, mine) || strings.Contains(answer, hers.ID) || strings.Contains(answer, hers.CustomerID) {
			t.Errorf("the first event is %s", answer)
		}
	})
}

// firstEvent subscribes over server-sent events and returns the data of the first one.
func (u *user) firstEvent(t *testing.T, query, lastEventID string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.url+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	if u.token != "" {
		request.Header.Set("Authorization", "Bearer "+u.token)
	}
	if lastEventID != "" {
		request.Header.Set("Last-Event-ID", lastEventID)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if data, found := strings.CutPrefix(lines.Text(), "data:"); found {
			return data
		}
	}
	t.Fatalf("no event: %v", lines.Err())
	return ""
}
