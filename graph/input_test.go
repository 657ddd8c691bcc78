package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/gqlsse"
	"github.com/orderwire/orderwire/internal/gqlws"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/requestid"
)

// TestInput: input that does not fit the schema is the client's error, at the place where graphql-js reports it, and nothing is
// executed, over every transport. Package judge compares many more values; this test sends them in requests.
func TestInput(t *testing.T) {
	t.Parallel()
	w := setup(t)
	productID := w.product("INPUT", 100, "EUR")
	ways := w.ways()
	const orderCreate = `mutation ($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }`
	input := func(more string) string {
		return fmt.Sprintf(`{"input":{"idempotencyKey":"key","items":[{"productId":%q,"quantity":1}]%s}}`, productID, more)
	}
	const resolve = `mutation ($r: PaymentResolution!) { paymentResolve(input: {paymentId: "payment_01h455vb4pex5vsknk084sn02q", resolution: $r, note: "n"}) { userErrors { code } } }`
	for name, c := range map[string]struct {
		document, variables string
		// want is path, locations and data as JSON; "" stands for none.
		path, locations, data string
	}{
		"EnumCase":         {orderCreate, input(`,"captureMethod":"manual"`), "", `[{"line":1,"column":11}]`, ""},
		"EnumSpace":        {orderCreate, input(`,"captureMethod":"MANUAL "`), "", `[{"line":1,"column":11}]`, ""},
		"EnumNumber":       {orderCreate, input(`,"captureMethod":1`), "", `[{"line":1,"column":11}]`, ""},
		"EnumObject":       {orderCreate, input(`,"captureMethod":{}`), "", `[{"line":1,"column":11}]`, ""},
		"EnumAlone":        {resolve, `{"r":"mark_captured"}`, "", `[{"line":1,"column":11}]`, ""},
		"StringNumber":     {orderCreate, input(`,"note":5`), "", `[{"line":1,"column":11}]`, ""},
		"StringObject":     {orderCreate, input(`,"note":{}`), "", `[{"line":1,"column":11}]`, ""},
		"IntFraction":      {`query ($n: Int) { products(first: $n) { nodes { id } } }`, `{"n":1.5}`, "", `[{"line":1,"column":8}]`, ""},
		"Null":             {`query ($id: ID = "x") { product(id: $id) { id } }`, `{"id":null}`, `["product"]`, `[{"line":1,"column":37}]`, `{"product":null}`},
		"NullInObject":     {`mutation ($t: String = "x") { orderCreate(input: {idempotencyKey: "k", items: [], paymentMethod: {token: $t}}) { order { id } } }`, `{"t":null}`, `["orderCreate"]`, `[{"line":1,"column":50}]`, `null`},
		"NullInList":       {`query ($id: ID = "x") { nodes(ids: [$id]) { id } }`, `{"id":null}`, `["nodes"]`, `[{"line":1,"column":36}]`, `null`},
		"NullSkips":        {`query ($s: Boolean = true) { viewer { id @skip(if: $s) } }`, `{"s":null}`, "", `[{"line":1,"column":52}]`, ""},
		"NullIncludes":     {`query ($s: Boolean = true) { ...F } fragment F on Query { viewer @include(if: $s) { id } }`, `{"s":null}`, "", `[{"line":1,"column":79}]`, ""},
		"NullSkipsChanges": {`mutation ($input: OrderCreateInput!, $s: Boolean = true) { orderCreate(input: $input) { order { id @skip(if: $s) } } }`, strings.Replace(input(""), "{", `{"s":null,`, 1), "", `[{"line":1,"column":110}]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := ada
			if name == "EnumAlone" {
				p = staff
			}
			for way, ask := range ways {
				if way == "GET" && strings.HasPrefix(c.document, "mutation") {
					continue
				}
				text := ask(t, p, c.document, c.variables)
				var got struct {
					Data   json.RawMessage
					Errors []struct {
						Path, Locations json.RawMessage
						Extensions      struct{ Code string }
					}
				}
				if err := json.Unmarshal(text, &got); err != nil || len(got.Errors) != 1 {
					t.Fatalf("by %s: %v: %s", way, err, text)
				}
				if e := got.Errors[0]; e.Extensions.Code != "BAD_USER_INPUT" || string(e.Path) != c.path || string(e.Locations) != c.locations || string(got.Data) != c.data {
					t.Errorf("by %s: %s", way, text)
				}
			}
		})
	}
	if n := len(w.do(staff, `{ orders { nodes { id } } }`, nil).ok().at("orders.nodes").([]any)); n != 0 {
		t.Errorf("%d orders were placed", n)
	}
	if log := w.log.String(); log != "" {
		t.Errorf("logged: %s", log)
	}
	for _, document := range []string{`{ viewer { ... @defer { id } } }`, `{ viewer { ...F @defer(label: "x") } } fragment F on Viewer { id }`, `subscription { orderFeed { kind ... @defer { cursor } } }`} {
		w.do(ada, document, nil).refused("GRAPHQL_VALIDATION_FAILED").mentions(true, `Unknown directive "@defer"`)
	}
	w.do(ada, `{ __schema { directives { name } } }`, nil).ok().want("__schema.directives", []vars{
		{"name": "access"}, {"name": "deprecated"}, {"name": "include"}, {"name": "oneOf"}, {"name": "skip"}, {"name": "specifiedBy"},
	})
	w.do(ada, `query ($id: ID!) { product(id: $id) { id } }`, vars{"id": 5}).refused("BAD_USER_INPUT").mentions(true, "id")
}

// ask sends an operation and returns its whole answer.
type ask func(t *testing.T, p auth.Principal, document, variables string) []byte

// ways are the transports.
func (w *world) ways() map[string]ask {
	w.t.Helper()
	who := make(chan auth.Principal, 1)
	sockets := gqlws.New(gqlws.Config{
		Init: func(ctx context.Context, _ json.RawMessage) (context.Context, gqlws.Authentication, error) {
			return auth.NewContext(ctx, <-who), gqlws.Authentication{}, nil
		},
	})
	streams := gqlsse.New(gqlsse.Config{})
	handler := w.serve(graph.Settings{Limits: guard.Defaults(), Transports: []graphql.Transport{sockets, streams}})
	server := httptest.NewServer(handler)
	w.t.Cleanup(server.Close)
	send := func(p auth.Principal, r *http.Request, accept string) []byte {
		r.Header.Set("Accept", accept)
		r.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r.WithContext(requestid.NewContext(auth.NewContext(r.Context(), p), "r")))
		return recorder.Body.Bytes()
	}
	body := func(document, variables string) string {
		return fmt.Sprintf(`{"query":%s,"variables":%s}`, mustJSON(document), variables)
	}
	return map[string]ask{
		"POST": func(_ *testing.T, p auth.Principal, document, variables string) []byte {
			return send(p, httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body(document, variables))), "application/json")
		},
		"GET": func(_ *testing.T, p auth.Principal, document, variables string) []byte {
			query := url.Values{"query": {document}, "variables": {variables}}.Encode()
			return send(p, httptest.NewRequest(http.MethodGet, "/graphql?"+query, nil), "application/json")
		},
		"SSE": func(_ *testing.T, p auth.Principal, document, variables string) []byte {
			answer := send(p, httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body(document, variables))), "text/event-stream")
			_, answer, _ = bytes.Cut(answer, []byte("data: "))
			answer, _, _ = bytes.Cut(answer, []byte("\n"))
			return answer
		},
		"websocket": func(t *testing.T, p auth.Principal, document, variables string) []byte {
			dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: eventually.Patience}
			conn, _, err := dialer.DialContext(t.Context(), strings.Replace(server.URL, "http", "ws", 1)+"/graphql", nil) //nolint:bodyclose // empty
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			who <- p
			for _, message := range []string{`{"type":"connection_init"}`, `{"id":"1","type":"subscribe","payload":` + body(document, variables) + `}`} {
				if err := conn.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
					t.Fatal(err)
				}
				var m struct {
					Type    string
					Payload json.RawMessage
				}
				_ = conn.SetReadDeadline(time.Now().Add(eventually.Patience))
				if err := conn.ReadJSON(&m); err != nil {
					t.Fatal(err)
				}
				switch m.Type {
				case "next":
					return m.Payload
				case "error":
					return fmt.Appendf(nil, `{"errors":%s}`, m.Payload)
				}
			}
			return nil
		},
	}
}

// TestDateTimeYears: RFC 3339 has the years 0000, which is 1 BC, to 9999, and an offset or a leap second leads past both.
func TestDateTimeYears(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.order(ada, w.product("YEARS", 100, "EUR"), "sim_approve")
	const list = `query ($from: DateTime, $to: DateTime) { orders(filter: {createdAt: {from: $from, to: $to}}) { nodes { id } } }`
	for span, want := range map[[2]string]int{
		{"0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"}:  1,
		{"0000-01-01T00:00:00+23:59", "9999-12-31T23:59:60Z"}:    1,
		{"0000-02-29T00:00:00Z", "9999-12-31T23:59:59-23:59"}:    1,
		{"0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z"}:         0,
		{"9999-12-31T23:59:60Z", "9999-12-31T23:59:59.9-23:59"}:  0,
		{"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.0000001Z"}: 0,
	} {
		if n := len(w.do(ada, list, vars{"from": span[0], "to": span[1]}).ok().at("orders.nodes").([]any)); n != want {
			t.Errorf("%v: %d orders, want %d", span, n, want)
		}
	}
	for _, moment := range []string{"-0001-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "000-01-01T00:00:00Z", "0000-00-01T00:00:00Z", "0001-02-29T00:00:00Z"} {
		w.do(ada, list, vars{"from": moment}).refused("BAD_USER_INPUT")
	}
}

func mustJSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(raw)
}
