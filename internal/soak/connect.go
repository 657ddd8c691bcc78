package soak

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// transports by name: each runs one connection until each returns an error or the connection ends, and returns why.
var transports = []struct {
	name string
	run  func(ctx context.Context, r request, each func(Item) error) error
}{
	{"graphql-transport-ws", transportWS.run},
	{"graphql-ws", legacyWS.run},
	{"sse", runSSE},
}

// request is a subscription as it is asked for.
type request struct {
	url, token string
	watch      *Watch
	// after is the cursor to resume from; "": start without one. asHeader sends it as Last-Event-ID where the protocol has that.
	after    string
	asHeader bool
	// opened is called when the server has accepted the connection.
	opened func()
}

const fields = `{ kind cursor event { id type orderId version occurredAt }
	order { id customerId version status captured { amountMinor } refunded { amountMinor } payment { status } } }`

const (
	orderQuery = `subscription ($id: ID!, $after: EventCursor) { item: orderEvents(orderId: $id, after: $after) ` + fields + ` }`
	feedQuery  = `subscription ($filter: OrderFeedFilter, $after: EventCursor) { item: orderFeed(filter: $filter, after: $after) ` + fields + ` }`
)

// payload is the GraphQL request.
func (r *request) payload() map[string]any {
	variables := map[string]any{}
	if r.after != "" && !r.asHeader {
		variables["after"] = r.after
	}
	if r.watch.OrderID != "" {
		variables["id"] = r.watch.OrderID
		return map[string]any{"query": orderQuery, "variables": variables}
	}
	filter := map[string]any{}
	if len(r.watch.Statuses) > 0 {
		filter["orderStatus"] = r.watch.Statuses
	}
	if len(r.watch.Types) > 0 {
		filter["eventTypes"] = r.watch.Types
	}
	if r.watch.Customer != "" {
		filter["customerId"] = r.watch.Customer
	}
	variables["filter"] = filter
	return map[string]any{"query": feedQuery, "variables": variables}
}

// errDrop is for each to return: leave without a word. errLeave: say goodbye first.
var (
	errDrop  = errors.New("dropped")
	errLeave = errors.New("left")
)

// refusedError is GraphQL errors instead of items.
type refusedError struct{ codes string }

func (e *refusedError) Error() string { return "refused: " + e.codes }

// result is an execution result, or the protocol's message in its place.
type result struct {
	Data   struct{ Item *Item }
	Errors gqlErrors
}

type gqlErrors []struct {
	Message    string
	Extensions struct{ Code string }
}

func (e gqlErrors) refused() error {
	codes := make([]string, len(e))
	for i := range e {
		codes[i] = e[i].Extensions.Code
		if codes[i] == "" {
			codes[i] = e[i].Message
		}
	}
	return &refusedError{strings.Join(codes, ", ")}
}

// take hands a result's item on.
func take(raw []byte, each func(Item) error) error {
	var r result
	if err := json.Unmarshal(raw, &r); err != nil {
		return fmt.Errorf("result %.200s: %w", raw, err)
	}
	if len(r.Errors) > 0 {
		return r.Errors.refused()
	}
	if r.Data.Item == nil {
		return fmt.Errorf("result without an item: %.200s", raw)
	}
	return each(*r.Data.Item)
}

// answerTimeout bounds the connection and its acknowledgement, for which a stopped replica would otherwise keep the client waiting
// for ever.
const answerTimeout = 5 * time.Second

// websocketDialect has the differences between the two subprotocols.
type websocketDialect struct{ subprotocol, subscribe, next, stop string }

var (
	transportWS = websocketDialect{"graphql-transport-ws", "subscribe", "next", "complete"}
	legacyWS    = websocketDialect{"graphql-ws", "start", "data", "stop"}
)

type wsMessage struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// dial opens a websocket and subscribes, without waiting for the acknowledgement of anything but the session.
func (d websocketDialect) dial(ctx context.Context, r request, dialer websocket.Dialer) (*websocket.Conn, error) {
	dialer.Subprotocols, dialer.HandshakeTimeout = []string{d.subprotocol}, answerTimeout
	conn, response, err := dialer.DialContext(ctx, "ws"+strings.TrimPrefix(r.url, "http")+"/graphql", nil)
	if err != nil {
		if response != nil && response.StatusCode == http.StatusTooManyRequests {
			return nil, fmt.Errorf("%w: 429", err)
		}
		return nil, err
	}
	_ = response.Body.Close()
	if err := d.subscribeOn(conn, r); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func (d websocketDialect) subscribeOn(conn *websocket.Conn, r request) error {
	send := func(id, kind string, payload any) error {
		raw, err := json.Marshal(payload)
		if err != nil {
			return err
		}
		return conn.WriteJSON(wsMessage{ID: id, Type: kind, Payload: raw})
	}
	if err := conn.SetReadDeadline(time.Now().Add(answerTimeout)); err != nil {
		return err
	}
	if err := send("", "connection_init", map[string]string{"authorization": "Bearer " + r.token}); err != nil {
		return err
	}
	for acknowledged := false; !acknowledged; {
		var m wsMessage
		if err := conn.ReadJSON(&m); err != nil {
			return err
		}
		acknowledged = m.Type == "connection_ack"
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	return send("1", d.subscribe, r.payload())
}

func (d websocketDialect) run(ctx context.Context, r request, each func(Item) error) error {
	conn, err := d.dial(ctx, r, websocket.Dialer{})
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	r.opened()
	for {
		var m wsMessage
		if err := conn.ReadJSON(&m); err != nil {
			return err
		}
		switch m.Type {
		case d.next:
			err = take(m.Payload, each)
		case "error":
			var errs gqlErrors
			payload := m.Payload
			if len(payload) > 0 && payload[0] == '{' { // the legacy protocol has one
				payload = slices.Concat([]byte{'['}, payload, []byte{']'})
			}
			if err := json.Unmarshal(payload, &errs); err != nil {
				return err
			}
			return errs.refused()
		case "complete":
			return io.EOF
		}
		if errors.Is(err, errLeave) {
			_ = conn.WriteJSON(wsMessage{ID: "1", Type: d.stop})
			_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
		}
		if err != nil {
			return err
		}
	}
}

// sseClient keeps no connection: a stream that is dropped is cut.
var sseClient = &http.Client{Transport: &http.Transport{
	DisableKeepAlives: true, ResponseHeaderTimeout: answerTimeout,
	DialContext: (&net.Dialer{Timeout: answerTimeout}).DialContext,
}}

func runSSE(ctx context.Context, r request, each func(Item) error) error {
	body, err := json.Marshal(r.payload())
	if err != nil {
		return err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	post.Header.Set("Content-Type", "application/json")
	post.Header.Set("Accept", "text/event-stream")
	post.Header.Set("Authorization", "Bearer "+r.token)
	if r.asHeader && r.after != "" {
		post.Header.Set("Last-Event-ID", r.after)
	}
	response, err := sseClient.Do(post)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", response.Status)
	}
	r.opened()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	lastID := ""
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case name == "id":
			lastID = value
		case name == "data" && value != "":
			err := take([]byte(value), func(item Item) error {
				if item.Cursor != lastID {
					return fmt.Errorf("the event's id is %q, the item's cursor %q", lastID, item.Cursor)
				}
				return each(item)
			})
			if err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.EOF
}
