package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// client is a user of the server, of the load generator's.
type client struct {
	addr  string
	token string
	http  *http.Client
}

// keepAlive is a client for many requests at a time, each connection used again.
func keepAlive() *http.Client {
	return &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{MaxIdleConns: 1000, MaxIdleConnsPerHost: 1000},
	}
}

// signIn gets a development token.
func signIn(ctx context.Context, hc *http.Client, addr, user, role string) (*client, error) {
	c := &client{addr: addr, http: hc}
	var answer struct{ Token string }
	err := c.post(ctx, "/dev/token", map[string]any{"user": user, "role": role, "ttlSeconds": 86_400}, &answer)
	c.token = answer.Token
	return c, err
}

func (c *client) post(ctx context.Context, path string, body, answer any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.addr+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	raw, err = io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s: %s: %.200s", path, response.Status, raw)
	}
	return json.Unmarshal(raw, answer)
}

// product is one that can be ordered.
func (c *client) product(ctx context.Context) (string, error) {
	var answer struct {
		Data struct {
			Products struct{ Nodes []struct{ ID string } }
		}
	}
	err := c.post(ctx, "/graphql", map[string]any{"query": `{ products(first: 1) { nodes { id } } }`}, &answer)
	if err == nil && len(answer.Data.Products.Nodes) == 0 {
		err = errors.New("the server has no products")
	}
	if err != nil {
		return "", err
	}
	return answer.Data.Products.Nodes[0].ID, nil
}

const orderCreate = `mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } userErrors { message } } }`

// order places an order and returns its id. key is its idempotency key, any text that no other order has.
func (c *client) order(ctx context.Context, product, key string) (string, error) {
	var answer struct {
		Errors []struct{ Message string }
		Data   struct {
			OrderCreate struct {
				Order      *struct{ ID string }
				UserErrors []struct{ Message string }
			}
		}
	}
	input := map[string]any{
		"idempotencyKey": key,
		"items":          []any{map[string]any{"productId": product, "quantity": 1}},
	}
	err := c.post(ctx, "/graphql", map[string]any{"query": orderCreate, "variables": map[string]any{"input": input}}, &answer)
	if err != nil {
		return "", err
	}
	if placed := answer.Data.OrderCreate.Order; placed != nil {
		return placed.ID, nil
	}
	return "", fmt.Errorf("orderCreate: %v %v", answer.Errors, answer.Data.OrderCreate.UserErrors)
}

// socket opens a websocket of the user.
func (c *client) socket(ctx context.Context) (*websocket.Conn, error) {
	ws, err := dial(ctx, c.addr, "/graphql")
	if err != nil {
		return nil, err
	}
	if err := ws.WriteJSON(map[string]any{"type": "connection_init", "payload": map[string]string{"authorization": "Bearer " + c.token}}); err != nil {
		return nil, errors.Join(err, ws.Close())
	}
	_, raw, err := ws.ReadMessage()
	if err == nil && !strings.Contains(string(raw), "connection_ack") {
		err = fmt.Errorf("instead of connection_ack: %s", raw)
	}
	if err != nil {
		return nil, errors.Join(err, ws.Close())
	}
	return ws, nil
}

// dial opens a websocket with small buffers: there are thousands in this process.
func dial(ctx context.Context, addr, path string) (*websocket.Conn, error) {
	dialer := websocket.Dialer{
		HandshakeTimeout: time.Minute, Subprotocols: []string{"graphql-transport-ws"},
		ReadBufferSize: 2048, WriteBufferSize: 512,
	}
	ws, response, err := dialer.DialContext(ctx, "ws://"+addr+path, nil)
	if response != nil {
		_ = response.Body.Close()
	}
	return ws, err
}

// subscribe sends a subscription and reads its first item, which is returned.
func subscribe(ws *websocket.Conn, id, document string, variables map[string]any) (string, error) {
	if err := ws.WriteJSON(map[string]any{
		"id": id, "type": "subscribe", "payload": map[string]any{"query": document, "variables": variables},
	}); err != nil {
		return "", err
	}
	_, raw, err := ws.ReadMessage()
	if err == nil && !strings.Contains(string(raw), `"SNAPSHOT"`) {
		err = fmt.Errorf("instead of a snapshot: %s", raw)
	}
	return string(raw), err
}
