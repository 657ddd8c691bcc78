package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// logLines takes the server's log, as JSON.
type logLines struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

// of are the messages that the log has with a request's id.
func (l *logLines) of(t *testing.T, requestID string) (messages []string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.out.String()) {
		var entry struct{ Msg, RequestID string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if entry.RequestID == requestID {
			messages = append(messages, entry.Msg)
		}
	}
	return messages
}

// Every line of the log about a request has its id, on every transport and for work that continues after it. So do the answer's
// header and an unexpected error.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	databaseURL := postgrestest.URL(t)
	cfg, err := config.Load([]string{
		"ADDR=127.0.0.1:0", "ADMIN_ADDR=", "DATABASE_URL=" + databaseURL, "LOG_FORMAT=json", "PAYMENT_STEP_DELAY=0s", "DATABASE_MAX_CONNS=8",
	}, providerSettings()...)
	if err != nil {
		t.Fatal(err)
	}
	log := &logLines{}
	app, err := New(ctx, cfg, newLogger(cfg, log))
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- app.Run(running) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, app.Close()); err != nil {
			t.Error(err)
		}
	})
	ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
	logged := func(id, message string) {
		t.Helper()
		await(ctx, t, func() bool {
			for _, m := range log.of(t, id) {
				if m == message {
					return true
				}
			}
			return false
		})
	}

	// Nothing foresees that a table is gone.
	db := postgrestest.Connect(t, databaseURL).DB
	if _, err := db.ExecContext(ctx, `ALTER TABLE payment_attempts RENAME TO payment_attempts_gone`); err != nil {
		t.Fatal(err)
	}
	post := func(id, accept string, body map[string]any) string {
		t.Helper()
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, app.URL()+"/graphql", bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Accept", accept)
		request.Header.Set("Authorization", "Bearer "+ada.token)
		request.Header.Set("X-Request-Id", id)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got := response.Header.Get("X-Request-Id"); got != id {
			t.Errorf("X-Request-Id = %q, want %q", got, id)
		}
		return string(answer)
	}

	// Work that continues after a request.
	post("after-create", "application/json", map[string]any{"query": orderCreate, "variables": map[string]any{"input": map[string]any{
		"idempotencyKey": uuid.NewString(), "paymentMethod": map[string]any{"token": "sim_approve"},
		"items": []any{map[string]any{"productId": ada.productID, "quantity": 1}},
	}}})
	logged("after-create", "advancing an order failed")

	if _, err := db.ExecContext(ctx, `ALTER TABLE products RENAME TO products_gone`); err != nil {
		t.Fatal(err)
	}
	broken := map[string]any{"query": "{ products { nodes { id } } }"}
	for id, accept := range map[string]string{"over-http": "application/json", "over-sse": "text/event-stream"} {
		if answer := post(id, accept, broken); !strings.Contains(answer, `"INTERNAL"`) || !strings.Contains(answer, `"requestId":"`+id+`"`) {
			t.Errorf("%s: %s", id, answer)
		}
		logged(id, "GraphQL field failed")
	}

	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, response, err := dialer.DialContext(ctx, strings.Replace(app.URL(), "http", "ws", 1)+"/graphql", http.Header{"X-Request-Id": {"socket"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if got := response.Header.Get("X-Request-Id"); got != "socket" {
		t.Errorf("the upgrade's X-Request-Id = %q", got)
	}
	socket := &wire{t: t, Conn: conn}
	t.Cleanup(func() { _ = conn.Close() })
	socket.init(ada.token)
	for _, id := range []string{"socket.1", "socket.2"} {
		socket.send("q", "subscribe", broken)
		if answer := socket.expect("next"); !strings.Contains(string(answer.Payload), `"requestId":"`+id+`"`) {
			t.Errorf("%s: %s", id, answer.Payload)
		}
		socket.expect("complete")
		logged(id, "GraphQL field failed")
	}
}
