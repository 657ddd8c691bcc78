package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/auth/oidctest"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

func startWithIssuer(t *testing.T, issuer *oidctest.Issuer) *App {
	t.Helper()
	return startApp(t, postgrestest.URL(t), "AUTH_MODE=oidc", "OIDC_ISSUER="+issuer.URL,
		"OIDC_AUDIENCE="+oidctest.Audience, "OIDC_ROLE_CLAIM="+oidctest.RoleClaim)
}

type viewer struct {
	Viewer *struct {
		ID, Name, Role string
		ExpiresAt      time.Time
	}
}

func viewerOf(t *testing.T, url, token string) viewer {
	t.Helper()
	var data viewer
	if err := (&client{url: url, token: token}).graphql(t.Context(), `{ viewer { id name role expiresAt } }`, nil, &data); err != nil {
		t.Fatal(err)
	}
	return data
}

// status asks for the viewer, or gets a page.
func status(t *testing.T, url, path, token string) (int, http.Header) {
	t.Helper()
	method, body := http.MethodGet, ""
	if path == "/graphql" || path == "/dev/token" {
		method, body = http.MethodPost, `{"query":"{ viewer { id } }"}`
	}
	request, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode, response.Header
}

// With an issuer there is nothing of the development sign-in: neither its tokens nor the path that gives them out.
func TestIssuer(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	app := startWithIssuer(t, issuer)
	ada, grace := issuer.Token(t, "ada"), issuer.Token(t, "grace", "STAFF")

	if v := viewerOf(t, app.URL(), ada).Viewer; v == nil || v.ID != id.ForCustomer(issuer.URL, "ada").TypeID() ||
		v.Role != "CUSTOMER" || v.Name != "The user ada" {
		t.Errorf("ada is %+v", v)
	}
	if v := viewerOf(t, app.URL(), grace).Viewer; v == nil || v.Role != "STAFF" {
		t.Errorf("grace is %+v", v)
	}
	if v := viewerOf(t, app.URL(), "").Viewer; v != nil {
		t.Errorf("nobody is %+v", v)
	}
	for path, want := range map[string]int{"/dev/token": 404, "/playground": 404, "/schema.graphql": 404} {
		if got, _ := status(t, app.URL(), path, ""); got != want {
			t.Errorf("%s answers %d, want %d", path, got, want)
		}
	}

	recovered(t, app, &client{url: app.URL()}) // ready, as soon as it listens
	dev := startApp(t, postgrestest.URL(t))
	devToken, _ := tokenFor(t, dev.URL(), "ada", "STAFF", 3600)
	for name, token := range map[string]string{"development's": devToken, "no token": "x", "another issuer's": oidctest.New(t).Token(t, "ada")} {
		if got, header := status(t, app.URL(), "/graphql", token); got != 401 || header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d, want 401 with a challenge", name, got)
		}
	}
}

// Websockets sign in, continue with a newer token, and end with its revocation, as with development tokens.
func TestIssuerWebsocket(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	app := startWithIssuer(t, issuer)
	now := time.Now()
	short := issuer.Claims("ada", now)
	short["exp"] = now.Add(10 * time.Minute).Unix()

	w := dialWire(t, app.URL()).init(issuer.Sign(t, short, nil)).watch("1")
	issuer.Rotate()
	w.send("", "ping", map[string]string{"authorization": "Bearer " + issuer.Token(t, "ada")})
	var renewed struct{ ExpiresAt time.Time }
	if err := json.Unmarshal(w.expect("pong").Payload, &renewed); err != nil || renewed.ExpiresAt.Before(now.Add(20*time.Minute)) {
		t.Errorf("renewed until %s, %v", renewed.ExpiresAt, err)
	}
	for name, token := range map[string]string{
		"another user's": issuer.Token(t, "eve"), "more rights": issuer.Token(t, "ada", "STAFF"), "forged": "a.b.c",
	} {
		t.Run(name, func(t *testing.T) {
			other := dialWire(t, app.URL()).init(issuer.Token(t, "ada"))
			other.send("", "ping", map[string]string{"authorization": "Bearer " + token})
			other.closedWith(4403)
		})
	}
	refused := dialWire(t, app.URL())
	refused.send("", "connection_init", map[string]string{"authorization": "Bearer a.b.c"})
	refused.closedWith(4403)

	token := issuer.Token(t, "ada")
	var out struct {
		ViewerSignOut struct{ SignedOutAt time.Time }
	}
	if err := (&client{url: app.URL(), token: token}).graphql(t.Context(), `mutation { viewerSignOut { signedOutAt } }`, nil, &out); err != nil {
		t.Fatal(err)
	}
	w.closedWith(4403)
	if got, _ := status(t, app.URL(), "/graphql", token); got != 401 {
		t.Errorf("a token of before the sign-out: %d, want 401", got)
	}
	next := issuer.Claims("ada", out.ViewerSignOut.SignedOutAt.Truncate(time.Second).Add(time.Second))
	if v := viewerOf(t, app.URL(), issuer.Sign(t, next, nil)).Viewer; v == nil {
		t.Error("a token of the second after the sign-out is refused")
	}
}

// A key that is not known while the issuer is not asked for more may be new: the client is told to come again, not to sign in.
func TestIssuerKeyHeldBack(t *testing.T) {
	t.Parallel()
	issuer, other := oidctest.New(t), oidctest.New(t)
	app := startWithIssuer(t, issuer)
	private, _ := other.Key()
	deadline := time.Now().Add(eventually.Patience)
	for n := 0; ; n++ { // invented keys until the issuer is spared
		token := oidctest.Sign(t, jose.RS256, jose.JSONWebKey{Key: private, KeyID: fmt.Sprint("guess-", n)}, issuer.Claims("ada", time.Now()), nil)
		got, header := status(t, app.URL(), "/graphql", token)
		if got == 503 {
			if header.Get("Retry-After") == "" || header.Get("WWW-Authenticate") != "" {
				t.Errorf("503 with %v, want Retry-After and no challenge", header)
			}
			w := dialWire(t, app.URL())
			w.send("", "connection_init", map[string]string{"authorization": "Bearer " + token})
			if closedBy(t, w) == 1013 {
				return
			}
			continue // the issuer was asked again in between
		}
		if got != 401 || time.Now().After(deadline) {
			t.Fatalf("an invented key: %d", got)
		}
	}
}

// closedBy reads up to the close frame, and returns its code.
func closedBy(t *testing.T, w *wire) int {
	t.Helper()
	for {
		_, _, err := w.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			return closed.Code
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A server whose issuer is away starts, says that it is not ready, and does not call good tokens wrong.
func TestIssuerAway(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	token := issuer.Token(t, "ada")
	issuer.Away(true)
	app := startWithIssuer(t, issuer)

	if got, _ := status(t, app.URL(), "/readyz", ""); got != 503 {
		t.Errorf("readyz: %d, want 503", got)
	}
	got, header := status(t, app.URL(), "/graphql", token)
	if got != 503 || header.Get("Retry-After") == "" {
		t.Errorf("a token that cannot be checked: %d, Retry-After %q; want 503", got, header.Get("Retry-After"))
	}
	w := dialWire(t, app.URL())
	w.send("", "connection_init", map[string]string{"authorization": "Bearer " + token})
	w.closedWith(1013) // which a stock client retries, as 4403, and does not take for a bad token
	if err := (&client{url: app.URL()}).graphql(t.Context(), `{ products { nodes { id } } }`, nil, new(any)); err != nil {
		t.Errorf("what needs no token: %v", err)
	}
	issuer.Away(false)
	// The issuer is asked again after a second or two.
	deadline := time.Now().Add(eventually.Patience)
	for {
		if got, _ := status(t, app.URL(), "/readyz", ""); got == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("not ready although the issuer is back")
		}
		time.Sleep(20 * time.Millisecond) // a pause between attempts
	}
	if v := viewerOf(t, app.URL(), token).Viewer; v == nil {
		t.Errorf("refused with %s", fault.Unauthenticated)
	}
}
