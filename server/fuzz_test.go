package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/guard/guardtest"
	"github.com/orderwire/orderwire/internal/judge"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/schema"
)

// The ways in which FuzzRequests sends its input.
const (
	byPost = iota
	byPostBody
	byGet
	byGetQuery
	bySSEPost
	bySSEGet
	bySocket
	byOldSocket
	bySocketLines
	byOtherPath
	ways
)

// FuzzRequests sends requests of every shape to the whole server on a real database: no answer is INTERNAL, and the log has
// neither an error nor a stack. Without a document, the judge's generator makes one of the seed, sometimes with a mistake.
func FuzzRequests(f *testing.F) {
	for way := range ways {
		for by := range 3 {
			for seed := range 20 {
				f.Add(uint8(way+ways*by), uint64(1000*by+seed), "", "", "") //nolint:gosec // small
			}
		}
	}
	for _, d := range guardtest.Documents(f, "../internal/guard") { // TestHostile sends them by all ways
		if len(d.Text) < 2000 {
			f.Add(uint8(byPost), uint64(0), d.Text, "{}", "")
		}
	}
	for _, body := range []string{
		`{"query":"{ viewer { id } }"}`, `{"query":"query ($n: Int) { products(first: $n) { nodes { id } } }","variables":{"n":1e400},"operationName":null}`, "[]", "{", "\xff",
	} {
		f.Add(uint8(byPostBody), uint64(0), body, "", "Content-Type: application/json; charset=utf-8\nIdempotency-Key: k")
	}
	f.Add(uint8(byGetQuery), uint64(0), "query={viewer{id}}&variables={}&extensions={}", "", "Accept: application/graphql-response+json;q=0.5")
	f.Add(uint8(bySSEPost), uint64(0), "subscription { orderFeed { cursor order { id } } }", "{}", "Last-Event-ID: x")
	f.Add(uint8(bySocket), uint64(0), "subscription ($f: OrderFeedFilter) { orderFeed(filter: $f) { kind cursor } }", `{"f":{"orderStatus":["CREATED"]}}`, `{"persistedQuery":{"version":1}}`)
	f.Add(uint8(bySocketLines), uint64(1), `{"type":"connection_init","payload":{"authorization":"Bearer x"}}`+"\n"+`{"id":"1","type":"subscribe","payload":{"query":"{ viewer { id } }"}}`, "", "")
	f.Add(uint8(byOtherPath), uint64(0), "/dev/token", `{"user":"ada","role":"CUSTOMER"}`, "Content-Type: application/json")
	f.Add(uint8(byOtherPath), uint64(0), "/webhooks/simulated", `{}`, "")
	f.Add(uint8(byOtherPath), uint64(1), "/order/order_01h455vb4pex5vsknk084sn02q?x=%00", "", "Accept: text/html")
	target := newTarget(f)
	f.Fuzz(target.try)
}

// target is the server with three users and some data.
type target struct {
	*App
	faults *faultLog
	users  [3]*user
	// values are for the generator: there is something behind them.
	values map[string][]string
	http.Client
}

func newTarget(f *testing.F) *target {
	f.Helper()
	faults := &faultLog{}
	app := startLogging(f, faults, postgrestest.URL(f), "PAYMENT_STEP_DELAY=1h",
		"MAX_SOCKETS_PER_USER=100000", "MAX_SOCKETS_PER_ADDRESS=100000", "MAX_CONNECTIONS_PER_ADDRESS=100000", // they are closed faster than the server sees
		"MAX_DEPTH=50", "MAX_ALIASES=1000", "MAX_DIRECTIVES=1000", "MAX_FIELDS=5000", "MAX_ROOT_FIELDS=100") // so that more is executed

	t := &target{App: app, faults: faults}
	t.signIn(f)
	ada, staff := t.users[1], t.users[2]
	orders := []string{ada.order(f, "sim_approve"), ada.order(f, "sim_decline"), ada.order(f, "sim_requires_action")}
	var data struct {
		Orders struct {
			Nodes []struct {
				CustomerID, Number string
				Payment            struct{ ID string }
				Events             struct{ Nodes []struct{ ID string } }
			}
			Edges []struct{ Cursor string }
		}
		WebhookEndpointCreate struct{ Endpoint struct{ ID string } }
	}
	if err := ada.graphql(f.Context(), `{ orders { nodes { customerId number payment { id } events { nodes { id } } } edges { cursor } } }`, nil, &data); err != nil {
		f.Fatal(err)
	}
	const endpoint = `mutation { webhookEndpointCreate(input: {url: "http://127.0.0.1:9/"}) { endpoint { id } } }`
	if err := staff.graphql(f.Context(), endpoint, nil, &data); err != nil {
		f.Fatal(err)
	}
	o, endpointID := data.Orders.Nodes[0], data.WebhookEndpointCreate.Endpoint.ID
	payments := []string{o.Payment.ID, data.Orders.Nodes[1].Payment.ID, data.Orders.Nodes[2].Payment.ID}
	t.values = map[string][]string{
		"ID":      quoted(slices.Concat(orders, payments, []string{"", "order_1", o.CustomerID, o.Events.Nodes[0].ID, ada.productID, endpointID})...),
		"orderId": quoted(orders...), "paymentId": quoted(payments...), "productId": quoted(ada.productID), "endpointId": quoted(endpointID),
		"customerId": quoted(o.CustomerID), "eventId": quoted(o.Events.Nodes[0].ID), "number": quoted(o.Number, "OW-00000000"),
		"token": quoted("sim_approve", "sim_random", "sim_timeout_charged", "sim_none"), "url": quoted("http://127.0.0.1:9/", "https://shop.example/hook"),
		"first": {"1", "100"}, "last": {"1", "100"}, "quantity": {"1", "2"}, "expectedVersion": {"1", "2"}, "amountMinor": {`"1"`, `"100"`, `"9223372036854775807"`},
		"priceMinor": {`"100"`}, "currency": {`"EUR"`, `"JPY"`},
		"Boolean": {"true", "false"}, "Int": {"1", "2"}, "DateTime": quoted("2026-11-05T14:03:09Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:60Z"),
		"String":      quoted("text", o.Number, data.Orders.Edges[0].Cursor, "key-1", "MUG", "", "\x00", strings.Repeat("x", 101)),
		"EventCursor": quoted("x", t.cursor(f, `subscription { orderFeed { cursor } }`), t.cursor(f, `subscription { orderEvents(orderId: "`+orders[0]+`") { cursor } }`)),
	}
	return t
}

func quoted(texts ...string) []string {
	list := make([]string, len(texts))
	for i, text := range texts {
		raw, _ := json.Marshal(text) // a string always is
		list[i] = string(raw)
	}
	return list
}

// cursor of a subscription's first item.
func (t *target) cursor(f *testing.F, subscription string) string {
	f.Helper()
	c := &subscriptionClient{url: t.URL(), token: t.users[1].token, query: subscription, variables: map[string]any{}}
	cursor := ""
	if err := c.run(f.Context(), func(it item) error { cursor = it.Cursor; return errStop }); err != nil {
		f.Fatal(err)
	}
	return cursor
}

// signIn makes the users: nobody, a customer and staff.
func (t *target) signIn(tb testing.TB) {
	t.users = [3]*user{{client: &client{url: t.URL()}}, signedIn(tb, t.URL(), "ada", "CUSTOMER"), signedIn(tb, t.URL(), "sam", "STAFF")}
}

// try sends one request. extra has headers in lines, or the extensions.
func (t *target) try(tt *testing.T, shape uint8, seed uint64, document, variables, extra string) {
	if document == "" {
		document, variables = t.generate(seed)
	}
	by := t.users[int(shape)/ways%len(t.users)]
	extensions := "null"
	if strings.HasPrefix(extra, "{") {
		extensions, extra = extra, ""
	}
	if variables == "" {
		variables = "null"
	}
	query, err := json.Marshal(document)
	if err != nil {
		tt.Fatal(err)
	}
	body := fmt.Sprintf(`{"query":%s,"variables":%s,"extensions":%s}`, query, variables, extensions)
	get := "?" + url.Values{"query": {document}, "variables": {variables}, "extensions": {extensions}}.Encode()
	var answer []byte
	switch int(shape) % ways {
	case byPost:
		answer = t.request(tt, by, http.MethodPost, "/graphql", body, extra)
	case byPostBody:
		answer = t.request(tt, by, http.MethodPost, "/graphql", document, extra)
	case byGet:
		answer = t.request(tt, by, http.MethodGet, "/graphql"+get, "", extra)
	case byGetQuery:
		answer = t.request(tt, by, http.MethodGet, "/graphql?"+document, "", extra)
	case bySSEPost:
		answer = t.request(tt, by, http.MethodPost, "/graphql", body, "Accept: text/event-stream\n"+extra)
	case bySSEGet:
		answer = t.request(tt, by, http.MethodGet, "/graphql"+get, "", "Accept: text/event-stream\n"+extra)
	case bySocket:
		answer = t.socket(tt, by, "graphql-transport-ws", true, `{"id":"1","type":"subscribe","payload":`+body+`}`, subscribes(document))
	case byOldSocket:
		answer = t.socket(tt, by, "graphql-ws", true, `{"id":"1","type":"start","payload":`+body+`}`, subscribes(document))
	case bySocketLines:
		protocol := []string{"graphql-transport-ws", "graphql-ws"}[seed/2%2]
		answer = t.socket(tt, by, protocol, seed%2 == 0, document, true)
	case byOtherPath:
		method := []string{http.MethodPost, http.MethodGet, http.MethodHead, http.MethodPut}[seed%4]
		answer = t.request(tt, by, method, "/"+strings.TrimPrefix(document, "/"), variables, extra)
	}
	if bytes.Contains(answer, []byte(`"INTERNAL"`)) {
		tt.Errorf("INTERNAL: %s", answer)
	}
	if found := t.faults.take(); found != "" {
		tt.Errorf("logged: %s", found)
	}
	if tt.Failed() {
		tt.Logf("shape %d: %s\n%s\n%s", int(shape)%ways, document, variables, extra)
	}
	if by.token != "" && bytes.Contains(answer, []byte(`"UNAUTHENTICATED"`)) { // it has signed itself out, or staff has revoked it
		t.signIn(tt)
	}
}

// generate makes a document with variables, about what there is.
func (t *target) generate(seed uint64) (document, variables string) {
	g := judge.NewGenerator(schema.Parse(), seed)
	g.Values = t.values
	document = g.Document()
	variables = "{}"
	if query, err := parser.ParseQuery(&ast.Source{Input: document}); err == nil {
		variables = g.VariablesOf(query.Operations[0])
	}
	if g.IntN(6) == 0 {
		document = g.Mutate(document)
	}
	return document, variables
}

// subscribes reports whether a document has a subscription, whose end nobody waits for.
func subscribes(document string) bool { return strings.Contains(document, "subscription") }

// request sends one over HTTP, and returns its answer: of an event stream the first event.
func (t *target) request(tt *testing.T, by *user, method, target, body, headers string) []byte {
	tt.Helper()
	ctx, cancel := context.WithTimeout(tt.Context(), eventually.Patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, t.URL(), strings.NewReader(body))
	if err != nil {
		tt.Fatal(err)
	}
	// Unchanged: the client would refuse requests that the server must refuse.
	r.URL.Opaque = strings.Map(printable, "//"+r.URL.Host+target)
	if by.token != "" {
		r.Header.Set("Authorization", "Bearer "+by.token)
	}
	r.Header.Set("Content-Type", "application/json")
	for line := range strings.Lines(headers) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && isToken(name) {
			r.Header.Set(name, strings.Map(printable, strings.TrimSpace(value)))
		}
	}
	response, err := t.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			tt.Errorf("no answer: %v", err)
		}
		return nil
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusInternalServerError {
		tt.Errorf("status %s", response.Status)
	}
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		answer, _ := io.ReadAll(response.Body) // the answer is checked
		return answer
	}
	resumes := strings.Contains(target+body, "after") || r.Header.Get("Last-Event-ID") != ""
	var answer []byte
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		answer = append(answer, lines.Bytes()...)
		// A stream that resumes may have nothing to tell but its first comment.
		if resumes || bytes.HasPrefix(lines.Bytes(), []byte("data:")) {
			break
		}
	}
	return answer
}

// printable keeps the characters that net/http's client can send in a header line.
func printable(c rune) rune {
	if c <= ' ' || c == 0x7f || c == '#' {
		return -1
	}
	return c
}

func isToken(name string) bool {
	for _, c := range name {
		if !strings.ContainsRune("!$%&'*+-.^_`|~", c) && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return name != "" && !strings.EqualFold(name, "Host") && !strings.EqualFold(name, "Upgrade")
}

// socket sends messages on a websocket, one a line, and returns what comes back before the operation's end, or before the answer
// to a ping where no end is sure to come.
func (t *target) socket(tt *testing.T, by *user, protocol string, initialised bool, messages string, open bool) []byte {
	tt.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{protocol}, HandshakeTimeout: eventually.Patience}
	conn, _, err := dialer.DialContext(tt.Context(), strings.Replace(t.URL(), "http", "ws", 1)+"/graphql", nil) //nolint:bodyclose // empty
	if err != nil {
		tt.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetReadDeadline(time.Now().Add(eventually.Patience))
	pong := false
	conn.SetPongHandler(func(string) error {
		pong = true
		// Read the answer that has arrived, without waiting for more.
		return conn.SetReadDeadline(time.Now().Add(time.Millisecond)) // time does not matter: what comes later is in the log
	})
	if initialised {
		messages = `{"type":"connection_init","payload":{` + authorization(by) + `}}` + "\n" + messages
	}
	for line := range strings.SplitSeq(messages, "\n") {
		_ = conn.WriteMessage(websocket.TextMessage, []byte(line)) // a server that has hung up is read below
	}
	if open {
		_ = conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(eventually.Patience))
	}
	var answer []byte
	for {
		_, message, err := conn.ReadMessage()
		answer = append(answer, message...)
		if closed, ok := err.(*websocket.CloseError); ok && closed.Code == websocket.CloseTryAgainLater { //nolint:errorlint // as gorilla does
			tt.Errorf("closed with %v", closed)
		}
		if timeout, ok := err.(interface{ Timeout() bool }); ok && timeout.Timeout() && !pong {
			tt.Errorf("no answer: %v", err)
		}
		if err != nil || !open && (bytes.Contains(message, []byte(`"complete"`)) || bytes.Contains(message, []byte(`"type":"error"`)) || bytes.Contains(message, []byte(`connection_error`))) {
			return answer
		}
	}
}

func authorization(by *user) string {
	if by.token == "" {
		return ""
	}
	return `"authorization":"Bearer ` + by.token + `"`
}

// faultLog keeps the log's errors and stack traces.
type faultLog struct {
	mu    sync.Mutex
	found []string
}

// Enabled implements slog.Handler.
func (l *faultLog) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (l *faultLog) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements slog.Handler.
func (l *faultLog) WithGroup(string) slog.Handler { return l }

// Handle implements slog.Handler.
func (l *faultLog) Handle(_ context.Context, r slog.Record) error {
	line, bad := r.Message, r.Level >= slog.LevelError
	r.Attrs(func(a slog.Attr) bool {
		line += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		bad = bad || a.Key == "stack" || a.Key == "panic" || strings.Contains(a.Value.String(), "goroutine ")
		return true
	})
	if bad {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.found = append(l.found, line)
	}
	return nil
}

func (l *faultLog) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := strings.Join(l.found, "\n")
	l.found = nil
	return found
}
