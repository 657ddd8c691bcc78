package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gorilla/websocket"
)

// update is one item of the subscription.
type update struct {
	Kind   string // SNAPSHOT: the current state; EVENT: an event and the state after it; RESET: like SNAPSHOT, because the cursor was too old
	Cursor string
	Event  *struct {
		Type    string
		Version int
	}
	Order struct {
		Status  string
		Version int
	}
}

const query = `subscription ($id: ID!, $after: EventCursor) {
	orderEvents(orderId: $id, after: $after) { kind cursor event { type version } order { status version } }
}`

// watch follows one order across connections.
type watch struct {
	url, token, orderID string
	// after is the cursor of the last item that was handled; nil before the first. Sending it is all that resuming needs.
	after *string
}

// errRefused is a permanent refusal: repeating the request does not help.
var errRefused = errors.New("refused")

// message is an envelope of graphql-transport-ws.
type message struct {
	ID      string `json:"id,omitempty"`
	Type    string `json:"type"`
	Payload any    `json:"payload,omitempty"`
}

// connect subscribes after the last item and calls each for every item, until each returns false (then nil) or the
// connection ends.
func (w *watch) connect(ctx context.Context, each func(update) bool) error {
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	ws, response, err := dialer.DialContext(ctx, strings.Replace(w.url, "http", "ws", 1)+"/graphql", nil)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	defer ws.Close()
	defer context.AfterFunc(ctx, func() { _ = ws.Close() })()

	if err := ws.WriteJSON(message{Type: "connection_init", Payload: map[string]any{"authorization": "Bearer " + w.token}}); err != nil {
		return err
	}
	for {
		var m struct {
			Type    string
			Payload json.RawMessage
		}
		if err := ws.ReadJSON(&m); err != nil {
			// 4403: the token has expired or was revoked. Reconnect after 1012, 1013, 4008 and a broken connection.
			if websocket.IsCloseError(err, 4400, 4401, 4403, 4406, 4409, 4429) {
				return fmt.Errorf("%w: %w", errRefused, err)
			}
			return err
		}
		switch m.Type {
		case "connection_ack":
			err = ws.WriteJSON(message{ID: "1", Type: "subscribe", Payload: map[string]any{
				"query": query, "variables": map[string]any{"id": w.orderID, "after": w.after},
			}})
		case "ping":
			err = ws.WriteJSON(message{Type: "pong"})
		case "next":
			var result struct {
				Data struct{ OrderEvents update }
			}
			if err = json.Unmarshal(m.Payload, &result); err == nil {
				goOn := each(result.Data.OrderEvents)
				w.after = &result.Data.OrderEvents.Cursor // set after each, so that an item that was not handled is sent again
				if !goOn {
					return nil
				}
			}
		case "error":
			return fmt.Errorf("%w: %s", errRefused, m.Payload)
		}
		if err != nil {
			return err
		}
	}
}
