package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// A field that a caller may not select is refused over every transport, before anything runs.
func TestAccessOverEveryTransport(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t))
	token, _ := tokenFor(t, app.URL(), "ada", "CUSTOMER", 3600)
	ada := &user{client: &client{url: app.URL(), token: token}}
	const (
		document = `{ viewer { id } auditTrail { nodes { id } } }`
		body     = `{"query":"` + document + `"}`
	)
	refused := func(how string, answer []byte) {
		t.Helper()
		if text := string(answer); !strings.Contains(text, `"FORBIDDEN"`) || strings.Contains(text, `"viewer"`) {
			t.Errorf("by %s: %s", how, text)
		}
	}
	_, answer := ada.hostile(t, http.MethodPost, "", []byte(body))
	refused("POST", answer)
	if status, _ := ada.hostile(t, http.MethodPost, "", []byte(body), "Accept", "application/graphql-response+json"); status != http.StatusBadRequest {
		t.Errorf("status %d, want 400", status)
	}
	_, answer = ada.hostile(t, http.MethodGet, "?query="+url.QueryEscape(document), nil)
	refused("GET", answer)
	_, answer = ada.hostile(t, http.MethodPost, "", []byte(body), "Accept", "text/event-stream")
	refused("SSE", answer)
	socket := dialWire(t, app.URL()).init(token)
	socket.send("1", "subscribe", map[string]any{"query": document})
	refused("websocket", socket.expect("error").Payload)

	nobody := dialWire(t, app.URL())
	nobody.send("", "connection_init", map[string]string{})
	nobody.expect("connection_ack")
	nobody.send("1", "subscribe", map[string]any{"query": `subscription { orderFeed { cursor } }`})
	if m := nobody.expect("error"); !strings.Contains(string(m.Payload), `"UNAUTHENTICATED"`) {
		t.Errorf("nobody: %s", m.Payload)
	}
}
