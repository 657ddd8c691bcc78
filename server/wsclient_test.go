package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/eventually"
)

// item is one item of a subscription as the tests select it.
type item struct {
	Kind   string `json:"kind"`
	Cursor string `json:"cursor"`
	Event  *struct {
		ID      string `json:"id"`
		Type    string `json:"type"`
		Version int    `json:"version"`
	} `json:"event"`
	Order *struct {
		ID      string `json:"id"`
		Status  string `json:"status"`
		Version int    `json:"version"`
		Payment struct {
			Status string `json:"status"`
		} `json:"payment"`
	} `json:"order"`
}

const itemFields = `{ kind cursor event { id type version } order { id status version payment { status } } }`

// subscriptionClient speaks graphql-transport-ws for one subscription, and resumes with its cursor when the connection
// breaks, as the published helper does.
type subscriptionClient struct {
	url, token, query string
	variables         map[string]any
}

func watchOrder(url, token, orderID string) *subscriptionClient {
	return &subscriptionClient{
		url: url, token: token, variables: map[string]any{"id": orderID},
		query: `subscription ($id: ID!, $after: EventCursor) { orderEvents(orderId: $id, after: $after) ` + itemFields + ` }`,
	}
}

func watchFeed(url, token string) *subscriptionClient {
	return &subscriptionClient{
		url: url, token: token, variables: map[string]any{},
		query: `subscription ($after: EventCursor) { orderFeed(after: $after) ` + itemFields + ` }`,
	}
}

// errStop ends run without an error.
var errStop = errors.New("stop")

// run calls each with every item, across connections, until it returns an error or ctx ends.
func (c *subscriptionClient) run(ctx context.Context, each func(item) error) error {
	for {
		err := c.connect(ctx, each)
		var refused *refusedError
		switch {
		case errors.Is(err, errStop):
			return nil
		case errors.As(err, &refused):
			return err
		case ctx.Err() != nil:
			return fmt.Errorf("%w (last connection: %w)", ctx.Err(), err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond): // a pause between attempts; the result does not depend on its length
		}
	}
}

// refusedError is an answer that no reconnection mends.
type refusedError struct{ payload string }

func (e *refusedError) Error() string { return e.payload }

func (c *subscriptionClient) connect(ctx context.Context, each func(item) error) error {
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: eventually.Patience}
	conn, response, err := dialer.DialContext(ctx, strings.Replace(c.url, "http", "ws", 1)+"/graphql", nil)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	type message struct {
		ID      string          `json:"id,omitempty"`
		Type    string          `json:"type"`
		Payload json.RawMessage `json:"payload,omitempty"`
	}
	send := func(kind string, payload any) error {
		raw, err := json.Marshal(payload)
		if err != nil {
			return err
		}
		m := message{Type: kind, Payload: raw}
		if kind == "subscribe" {
			m.ID = "1"
		}
		return conn.WriteJSON(m)
	}
	if err := send("connection_init", map[string]string{"authorization": "Bearer " + c.token}); err != nil {
		return err
	}
	for {
		var m message
		if err := conn.ReadJSON(&m); err != nil {
			return err
		}
		switch m.Type {
		case "connection_ack":
			if err := send("subscribe", map[string]any{"query": c.query, "variables": c.variables}); err != nil {
				return err
			}
		case "next":
			var result struct {
				Data   map[string]item
				Errors json.RawMessage
			}
			if err := json.Unmarshal(m.Payload, &result); err != nil {
				return err
			}
			if len(result.Errors) > 0 {
				return &refusedError{string(m.Payload)}
			}
			for _, it := range result.Data {
				c.variables["after"] = it.Cursor
				if err := each(it); err != nil {
					return err
				}
			}
		case "error":
			return &refusedError{string(m.Payload)}
		case "complete":
			return io.EOF
		}
	}
}

// client calls the API over HTTP.
type client struct {
	url, token string
}

// signIn is POST /dev/token.
func signIn(ctx context.Context, url, user, role string) (*client, error) {
	c := &client{url: url}
	var answer struct{ Token string }
	body := fmt.Sprintf(`{"user":%q,"role":%q}`, user, role)
	if err := c.post(ctx, "/dev/token", body, &answer); err != nil {
		return nil, err
	}
	c.token = answer.Token
	return c, nil
}

// graphql runs one operation and decodes its data; GraphQL errors are an error.
func (c *client) graphql(ctx context.Context, query string, variables map[string]any, data any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	answer := struct {
		Data   any             `json:"data"`
		Errors json.RawMessage `json:"errors"`
	}{Data: data}
	if err := c.post(ctx, "/graphql", string(body), &answer); err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		return &refusedError{string(answer.Errors)}
	}
	return nil
}

func (c *client) post(ctx context.Context, path, body string, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("%s: %s", response.Status, raw)
	}
	return nil
}
