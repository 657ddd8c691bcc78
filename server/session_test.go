package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// wire is a graphql-transport-ws connection by hand.
type wire struct {
	t *testing.T
	*websocket.Conn
}

type wireMessage struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// dialWire opens a websocket; everything on it must happen within half a minute.
func dialWire(t *testing.T, url string) *wire {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: eventually.Patience}
	conn, response, err := dialer.DialContext(t.Context(), strings.Replace(url, "http", "ws", 1)+"/graphql", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(eventually.Patience)); err != nil {
		t.Fatal(err)
	}
	return &wire{t: t, Conn: conn}
}

func (w *wire) send(id, kind string, payload any) {
	w.t.Helper()
	raw, err := json.Marshal(payload)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.WriteJSON(wireMessage{ID: id, Type: kind, Payload: raw}); err != nil {
		w.t.Fatal(err)
	}
}

// init signs in and waits for the acknowledgement.
func (w *wire) init(token string) *wire {
	w.t.Helper()
	w.send("", "connection_init", map[string]string{"authorization": "Bearer " + token})
	w.expect("connection_ack")
	return w
}

// watch opens the feed and waits for its snapshot.
func (w *wire) watch(id string) *wire {
	w.t.Helper()
	w.send(id, "subscribe", map[string]any{"query": watchFeed("", "").query})
	w.expect("next")
	return w
}

// expect reads up to a message of the type.
func (w *wire) expect(kind string) wireMessage {
	w.t.Helper()
	for {
		var m wireMessage
		if err := w.ReadJSON(&m); err != nil {
			w.t.Fatalf("%v instead of %s", err, kind)
		}
		if m.Type == kind {
			return m
		}
	}
}

// closedWith reads up to the close frame, and returns the messages before it.
func (w *wire) closedWith(code int) (before []wireMessage) {
	w.t.Helper()
	for {
		var m wireMessage
		err := w.ReadJSON(&m)
		if err == nil {
			before = append(before, m)
			continue
		}
		var closed *websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != code {
			w.t.Fatalf("closed by %v, want %d", err, code)
		}
		return before
	}
}

// tokenFor signs in for some seconds.
func tokenFor(t *testing.T, url, name, role string, ttlSeconds int) (token string, expiresAt time.Time) {
	t.Helper()
	var answer struct {
		Token     string
		ExpiresAt time.Time
	}
	body := fmt.Sprintf(`{"user":%q,"role":%q,"ttlSeconds":%d}`, name, role, ttlSeconds)
	if err := (&client{url: url}).post(t.Context(), "/dev/token", body, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Token, answer.ExpiresAt
}

// events opens the feed as server-sent events and returns once the stream has begun.
func events(t *testing.T, url, token string) *bufio.Scanner {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	t.Cleanup(cancel)
	body, _ := json.Marshal(map[string]string{"query": watchFeed("", "").query})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if strings.Contains(lines.Text(), `"SNAPSHOT"`) {
			return lines
		}
	}
	t.Fatalf("the stream ended before its snapshot: %v", lines.Err())
	return nil
}

// untilEnd is the rest of a stream that must end with complete.
func untilEnd(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	var text strings.Builder
	for lines.Scan() {
		text.WriteString(lines.Text() + "\n")
	}
	if !strings.Contains(text.String(), "event: complete") {
		t.Errorf("the stream ended (%v) without complete:\n%s", lines.Err(), &text)
	}
	return text.String()
}

// Signing out ends everything the user has open, on both replicas and both transports, and nothing of anybody else. (That
// it takes 2 s at most follows from the registry's intervals, whose test is in internal/session.) A token of the same second is good.
func TestSignOut(t *testing.T) {
	t.Parallel()
	databaseURL := postgrestest.URL(t)
	one, two := startApp(t, databaseURL), startApp(t, databaseURL)
	ada, bob := signedIn(t, one.URL(), "ada", "CUSTOMER"), signedIn(t, one.URL(), "bob", "CUSTOMER")
	here, there := dialWire(t, one.URL()).init(ada.token).watch("1"), dialWire(t, two.URL()).init(ada.token).watch("1")
	stream := events(t, two.URL(), ada.token)
	bystander := dialWire(t, two.URL()).init(bob.token).watch("1")

	// Over the websocket, which gets its answer before it is closed.
	here.send("2", "subscribe", map[string]any{"query": `mutation { viewerSignOut { signedOutAt } }`})
	if answer := here.expect("next"); answer.ID != "2" || !strings.Contains(string(answer.Payload), "signedOutAt") {
		t.Errorf("got %+v", answer)
	}
	here.closedWith(4403)
	for _, m := range there.closedWith(4403) {
		t.Errorf("before its close the socket got %+v", m)
	}
	if text := untilEnd(t, stream); !strings.Contains(text, `"UNAUTHENTICATED"`) {
		t.Errorf("the stream ended with\n%s", text)
	}

	for _, replica := range []*App{one, two} {
		old := &client{url: replica.URL(), token: ada.token}
		if err := old.graphql(t.Context(), `{ viewer { id } }`, nil, nil); err == nil || !strings.Contains(err.Error(), `"UNAUTHENTICATED"`) {
			t.Errorf("a request with the old token: %v", err)
		}
		socket := dialWire(t, replica.URL())
		socket.send("", "connection_init", map[string]string{"authorization": "Bearer " + ada.token})
		socket.closedWith(4403)

		fresh := signedIn(t, replica.URL(), "ada", "CUSTOMER")
		dialWire(t, replica.URL()).init(fresh.token).watch("1")
	}
	bystander.send("2", "subscribe", map[string]any{"query": `{ viewer { name } }`})
	bystander.expect("next")

	// Refreshing with a token that was revoked meanwhile.
	bystander.send("", "ping", map[string]string{"authorization": "Bearer " + ada.token})
	bystander.closedWith(4403)
}

// From the moment of signing out nothing is delivered any more, though the socket is closed a little later.
func TestNothingAfterSignOut(t *testing.T) {
	t.Parallel()
	databaseURL := postgrestest.URL(t)
	db := postgrestest.Connect(t, databaseURL).DB
	app := startApp(t, databaseURL, "PAYMENT_STEP_DELAY=20ms", "DELIVERY_DELAY=20ms")
	const rounds = 20 // one is enough, if anything happened right after signing out
	for range rounds {
		ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
		socket := dialWire(t, app.URL()).init(ada.token)
		socket.send("1", "subscribe", map[string]any{"query": `subscription { orderFeed { kind event { occurredAt } } }`})
		socket.expect("next")
		for range 5 {
			ada.order(t, "sim_approve")
		}
		var signedOut struct {
			ViewerSignOut struct{ SignedOutAt time.Time }
		}
		if err := ada.graphql(t.Context(), `mutation { viewerSignOut { signedOutAt } }`, nil, &signedOut); err != nil {
			t.Fatal(err)
		}
		at := signedOut.ViewerSignOut.SignedOutAt
		for _, m := range socket.closedWith(4403) {
			var payload struct {
				Data struct {
					OrderFeed struct {
						Event struct{ OccurredAt time.Time }
					}
				}
			}
			if err := json.Unmarshal(m.Payload, &payload); err != nil || m.Type != "next" {
				t.Fatalf("got %+v", m)
			}
			if happened := payload.Data.OrderFeed.Event.OccurredAt; happened.After(at) {
				t.Errorf("signed out at %v, got what happened at %v", at, happened)
			}
		}
		var after int
		if err := db.GetContext(t.Context(), &after,
			`SELECT count(*) FROM order_events WHERE occurred_at > $1 AND occurred_at < $2`, at, at.Add(200*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if after > 0 {
			return
		}
	}
	t.Error("nothing happened between signing out and the close, so nothing was shown")
}

// Staff end another user's sessions on every replica.
func TestUserRevoke(t *testing.T) {
	t.Parallel()
	databaseURL := postgrestest.URL(t)
	one, two := startApp(t, databaseURL), startApp(t, databaseURL)
	ada, sue := signedIn(t, one.URL(), "ada", "CUSTOMER"), signedIn(t, two.URL(), "sue", "STAFF")
	socket := dialWire(t, one.URL()).init(ada.token).watch("1")
	var viewer struct{ Viewer struct{ ID string } }
	if err := ada.graphql(t.Context(), `{ viewer { id } }`, nil, &viewer); err != nil {
		t.Fatal(err)
	}
	const revoke = `mutation ($id: ID!) { userRevoke(input: { customerId: $id }) { revokedAt userErrors { code } } }`
	// A replica on which a user has signed in tells the others within a second who that is.
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	await(ctx, t, func() bool {
		var data struct {
			UserRevoke struct{ RevokedAt *time.Time }
		}
		if err := sue.graphql(ctx, revoke, map[string]any{"id": viewer.Viewer.ID}, &data); err != nil {
			t.Fatal(err)
		}
		return data.UserRevoke.RevokedAt != nil
	})
	socket.closedWith(4403)
	if err := sue.graphql(ctx, `{ viewer { id } }`, nil, nil); err != nil {
		t.Errorf("the one who revoked: %v", err)
	}
}

// A session ends when its token does, on every transport, unless it was refreshed in time.
func TestExpiry(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t))
	ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
	// Long enough to connect four times on a busy machine, or a machine that stands still: the other tests run meanwhile.
	short, expiresAt := tokenFor(t, app.URL(), "ada", "CUSTOMER", 30)
	expires, refreshed := dialWire(t, app.URL()).init(short).watch("1"), dialWire(t, app.URL()).init(short).watch("1")
	foreign := dialWire(t, app.URL()).init(short)
	stream := events(t, app.URL(), short)

	long, until := tokenFor(t, app.URL(), "ada", "CUSTOMER", 600)
	refreshed.send("", "ping", map[string]string{"authorization": "Bearer " + long})
	var pong struct{ ExpiresAt time.Time }
	if err := json.Unmarshal(refreshed.expect("pong").Payload, &pong); err != nil || !pong.ExpiresAt.Equal(until) {
		t.Errorf("pong says %v, %v; want %v", pong.ExpiresAt, err, until)
	}
	others, _ := tokenFor(t, app.URL(), "bob", "CUSTOMER", 600)
	foreign.send("", "ping", map[string]string{"authorization": "Bearer " + others})
	foreign.closedWith(4403)

	expires.closedWith(4403)
	if early := time.Until(expiresAt); early > 0 {
		t.Errorf("closed %v before its time", early)
	}
	if text := untilEnd(t, stream); !strings.Contains(text, `"UNAUTHENTICATED"`) {
		t.Errorf("the stream ended with\n%s", text)
	}
	// The refreshed socket continues: the subscription that was started with the short token gets later events.
	orderID := ada.order(t, "sim_approve")
	for {
		if m := refreshed.expect("next"); strings.Contains(string(m.Payload), orderID) {
			break
		}
	}
}

// One more than a limit allows is told so, and coming and going leaves nothing counted.
func TestConnectionLimits(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t), "MAX_SOCKETS_PER_USER=2", "MAX_SOCKETS_PER_ADDRESS=4")
	ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
	bob := signedIn(t, app.URL(), "bob", "CUSTOMER")
	first := dialWire(t, app.URL()).init(ada.token)
	events(t, app.URL(), ada.token)

	full := dialWire(t, app.URL())
	full.send("", "connection_init", map[string]string{"authorization": "Bearer " + ada.token})
	full.closedWith(4029)
	_ = full.Close()
	if status, retry := tryStream(t, app.URL(), ada.token); status != http.StatusTooManyRequests || retry == "" {
		t.Errorf("a user's third: %d, Retry-After %q", status, retry)
	}
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	await(ctx, t, func() bool { total, _ := app.perAddress.Held(); return total == 2 })

	dialWire(t, app.URL()).init(bob.token)
	dialWire(t, app.URL()).init(bob.token)
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	_, response, err := dialer.DialContext(t.Context(), strings.Replace(app.URL(), "http", "ws", 1)+"/graphql", nil)
	if response != nil {
		_ = response.Body.Close()
	}
	if err == nil || response == nil || response.StatusCode != http.StatusTooManyRequests || response.Header.Get("Retry-After") == "" {
		t.Errorf("an address's fifth: %v, %+v", err, response)
	}
	if status, retry := tryStream(t, app.URL(), ada.token); status != http.StatusTooManyRequests || retry == "" {
		t.Errorf("an address's fifth stream: %d, Retry-After %q", status, retry)
	}
	if err := ada.graphql(t.Context(), `{ viewer { id } }`, nil, nil); err != nil {
		t.Errorf("requests are not connections: %v", err)
	}
	_ = first.Close()
	await(ctx, t, func() bool { return app.sessions.Sessions() == 3 })
	dialWire(t, app.URL()).init(ada.token)
}

// tryStream is the answer to a request for an event stream.
func tryStream(t *testing.T, url, token string) (status int, retryAfter string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/graphql?query=subscription%7BorderFeed%7Bcursor%7D%7D", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode, response.Header.Get("Retry-After")
}

// Who signs in by a message that two readers read in two ways is nobody.
func TestCredentialsAreReadInOneWay(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t))
	ada, _ := tokenFor(t, app.URL(), "ada", "CUSTOMER", 3600)
	grace, _ := tokenFor(t, app.URL(), "grace", "STAFF", 3600)
	for name, tt := range map[string]struct {
		message string
		code    int
	}{
		"in capitals":      {fmt.Sprintf(`{"type":"connection_init","payload":{"Authorization":"Bearer %s"}}`, ada), 4403},
		"and in capitals":  {fmt.Sprintf(`{"type":"connection_init","payload":{"authorization":"Bearer %s","AUTHORIZATION":"Bearer %s"}}`, ada, grace), 4403},
		"twice":            {fmt.Sprintf(`{"type":"connection_init","payload":{"authorization":"Bearer %s","authorization":"Bearer %s"}}`, ada, grace), 4400},
		"two payloads":     {fmt.Sprintf(`{"type":"connection_init","payload":{"authorization":"Bearer %s"},"payload":{"authorization":"Bearer %s"}}`, ada, grace), 4400},
		"another payload":  {fmt.Sprintf(`{"type":"connection_init","payload":{"authorization":"Bearer %s"},"Payload":{"authorization":"Bearer %s"}}`, ada, grace), 4400},
		"another type":     {fmt.Sprintf(`{"type":"connection_init","TYPE":"ping","payload":{"authorization":"Bearer %s"}}`, ada), 4400},
		"a list":           {fmt.Sprintf(`{"type":"connection_init","payload":{"authorization":["Bearer %s"]}}`, ada), 4403},
		"ping in capitals": {fmt.Sprintf(`{"type":"ping","payload":{"Authorization":"Bearer %s"}}`, ada), 4403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := dialWire(t, app.URL())
			if strings.Contains(tt.message, "ping") {
				w.init(ada)
			}
			if err := w.WriteMessage(websocket.TextMessage, []byte(tt.message)); err != nil {
				t.Fatal(err)
			}
			if got := closedBy(t, w); got != tt.code {
				t.Errorf("closed by %d, want %d", got, tt.code)
			}
		})
	}
}
