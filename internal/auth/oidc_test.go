package auth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/auth/oidctest"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
)

func verifier(t *testing.T, issuer string, change func(*auth.OIDCConfig)) *auth.OIDC {
	t.Helper()
	cfg := auth.OIDCConfig{
		Issuer: issuer, Audience: oidctest.Audience, RoleClaim: oidctest.RoleClaim, Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	o, err := auth.NewOIDC(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOIDC(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	o := verifier(t, issuer.URL, nil)
	for user, role := range map[string]auth.Role{"ada": auth.RoleCustomer, "grace": auth.RoleStaff} {
		before := time.Now().Truncate(time.Second)
		token := issuer.Token(t, user, "orders", string(role))
		p, err := o.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if p.Role != role || p.CustomerID != id.ForCustomer(issuer.URL, user) || p.Issuer != issuer.URL || p.Subject != user ||
			p.Name != "The user "+user {
			t.Errorf("%s is %+v", user, p)
		}
		if p.IssuedAt.Before(before) || p.ExpiresAt.Before(p.IssuedAt.Add(time.Minute)) {
			t.Errorf("issued %s, ends %s", p.IssuedAt, p.ExpiresAt)
		}
	}
	if n := issuer.Asked(); n != 1 {
		t.Errorf("the keys were asked for %d times, want once", n)
	}
}

func TestOIDCKeysRotate(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	o := verifier(t, issuer.URL, nil)
	old := issuer.Token(t, "ada")
	if _, err := o.Verify(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	issuer.Rotate()
	if _, err := o.Verify(t.Context(), issuer.Token(t, "ada")); err != nil {
		t.Errorf("a token of the new key: %v", err)
	}
	// The issuer withdraws the old key, as it does with a stolen one.
	_, err := o.Verify(t.Context(), old)
	checkUnauthenticated(t, err, old)
}

// Anybody can invent key ids and signatures. That must neither flood the issuer nor keep others out.
func TestOIDCUnknownKeysDoNotFloodTheIssuer(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	o := verifier(t, issuer.URL, nil)
	now, heldBack := time.Now(), false
	_, known := issuer.Key()
	for i := range 200 {
		keyID := fmt.Sprint("guess-", i)
		if i%2 == 0 {
			keyID = known
		}
		token := oidctest.Sign(t, jose.RS256, jose.JSONWebKey{Key: stranger, KeyID: keyID}, issuer.Claims("ada", now), nil)
		_, err := o.Verify(t.Context(), token)
		switch {
		case i%2 == 0 || i < 5: // a key that is known, or was asked for
			checkUnauthenticated(t, err, token)
		case fault.CodeOf(err) != fault.Unauthenticated && fault.CodeOf(err) != fault.Unavailable:
			t.Errorf("a key that was not asked for: %v", err)
		default:
			heldBack = heldBack || fault.CodeOf(err) == fault.Unavailable
		}
	}
	if !heldBack {
		t.Error("a key that the issuer was not asked for is not UNAVAILABLE")
	}
	// A burst of 5, and one each 2 s.
	if n, most := issuer.Asked(), 6+int(time.Since(now)/(2*time.Second)); n > most {
		t.Errorf("200 forged tokens made us ask %d times, at most %d wanted", n, most)
	}
	if _, err := o.Verify(t.Context(), issuer.Token(t, "ada")); err != nil {
		t.Errorf("a good token among them: %v", err)
	}
}

func TestOIDCErr(t *testing.T) {
	t.Parallel()
	issuer, other := oidctest.New(t), oidctest.New(t)
	now := time.Now().Truncate(time.Second)
	o := verifier(t, issuer.URL, func(cfg *auth.OIDCConfig) { cfg.ClientID = "shop" }).At(func() time.Time { return now })
	private, keyID := issuer.Key()
	otherPrivate, _ := other.Key()
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	publicDER, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER})
	with := func(changes map[string]any) map[string]any {
		claims := issuer.Claims("ada", now)
		for name, value := range changes {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
		return claims
	}
	sign := func(changes map[string]any) string { return issuer.Sign(t, with(changes), nil) }
	good := sign(nil)
	if _, err := o.Verify(t.Context(), good); err != nil {
		t.Fatalf("the token that the others are made from: %v", err)
	}
	part := strings.Split(good, ".")
	encode := base64.RawURLEncoding.EncodeToString
	typ := func(value string) map[jose.HeaderKey]any { return map[jose.HeaderKey]any{jose.HeaderType: value} }
	for name, token := range map[string]string{
		"empty":                         "",
		"not a token":                   "hello",
		"no signature":                  part[0] + "." + part[1] + ".",
		"signature of another token":    part[0] + "." + part[1] + "." + strings.Split(sign(map[string]any{"sub": "eve"}), ".")[2],
		"alg none":                      encode([]byte(`{"alg":"none"}`)) + "." + part[1] + ".",
		"alg none, signed":              encode([]byte(`{"alg":"none","kid":"`+keyID+`"}`)) + "." + part[1] + "." + part[2],
		"HS256 with the public key":     oidctest.Sign(t, jose.HS256, publicPEM, with(nil), map[jose.HeaderKey]any{"kid": keyID}),
		"HS256 with the key's DER":      oidctest.Sign(t, jose.HS256, publicDER, with(nil), map[jose.HeaderKey]any{"kid": keyID}),
		"PS256 where the key says RS":   oidctest.Sign(t, jose.PS256, jose.JSONWebKey{Key: private, KeyID: keyID}, with(nil), nil),
		"ES256 with a key of its own":   oidctest.Sign(t, jose.ES256, jose.JSONWebKey{Key: curve, KeyID: keyID}, with(nil), nil),
		"another issuer's key":          oidctest.Sign(t, jose.RS256, jose.JSONWebKey{Key: otherPrivate, KeyID: keyID}, with(nil), nil),
		"brings its own key":            oidctest.Sign(t, jose.RS256, otherPrivate, with(nil), map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: &otherPrivate.PublicKey}}),
		"says where its key is":         oidctest.Sign(t, jose.RS256, otherPrivate, with(nil), map[jose.HeaderKey]any{"jku": other.URL + "/keys"}),
		"another issuer":                sign(map[string]any{"iss": other.URL}),
		"another issuer's token":        other.Token(t, "ada"),
		"issuer with a slash":           sign(map[string]any{"iss": issuer.URL + "/"}),
		"no issuer":                     sign(map[string]any{"iss": nil}),
		"another audience":              sign(map[string]any{"aud": "https://other.example"}),
		"no audience":                   sign(map[string]any{"aud": nil}),
		"another client":                sign(map[string]any{"client_id": "other"}),
		"another client, as azp":        sign(map[string]any{"client_id": nil, "azp": "other"}),
		"no subject":                    sign(map[string]any{"sub": nil}),
		"empty subject":                 sign(map[string]any{"sub": ""}),
		"subject is a number":           sign(map[string]any{"sub": 7}),
		"long subject":                  sign(map[string]any{"sub": strings.Repeat("x", 256)}),
		"expired":                       sign(map[string]any{"exp": now.Add(-10 * time.Second).Unix()}),
		"no expiry":                     sign(map[string]any{"exp": nil}),
		"expiry is a text":              sign(map[string]any{"exp": "tomorrow"}),
		"not valid yet":                 sign(map[string]any{"nbf": now.Add(11 * time.Second).Unix()}),
		"issued in the future":          sign(map[string]any{"iat": now.Add(11 * time.Second).Unix()}),
		"no time of issue":              sign(map[string]any{"iat": nil}),
		"issued longer ago than we say": sign(map[string]any{"iat": now.Add(-auth.MaxTTL).Unix()}),
		"huge":                          sign(map[string]any{"extra": strings.Repeat("x", 1<<16)}),
		"a logout token":                issuer.Sign(t, with(nil), typ("logout+jwt")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := o.Verify(t.Context(), token)
			checkUnauthenticated(t, err, token)
			if p != (auth.Principal{}) {
				t.Errorf("refused, and still a principal: %+v", p)
			}
		})
	}
}

func TestOIDCTimes(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	now := time.Now().Truncate(time.Second)
	o := verifier(t, issuer.URL, nil).At(func() time.Time { return now })
	claims := issuer.Claims("ada", now)
	for name, value := range map[string]any{
		"exp": now.Add(-9 * time.Second).Unix(), "nbf": now.Add(9 * time.Second).Unix(), "iat": float64(now.Unix()) - 59.5,
	} {
		claims[name] = value
	}
	p, err := o.Verify(t.Context(), issuer.Sign(t, claims, nil))
	if err != nil {
		t.Fatalf("clocks that are 9 s apart: %v", err)
	}
	// A connection that lives on the token ends when requests with it are refused.
	if want := now.Add(time.Second); !p.ExpiresAt.Equal(want) {
		t.Errorf("ends %s, want %s", p.ExpiresAt, want)
	}
	if want := now.Add(-59500 * time.Millisecond); !p.IssuedAt.Equal(want) {
		t.Errorf("issued %s, want %s", p.IssuedAt, want)
	}
	claims["exp"] = now.AddDate(1, 0, 0).Unix()
	claims["iat"] = now.Unix()
	if p, err = o.Verify(t.Context(), issuer.Sign(t, claims, nil)); err != nil || !p.ExpiresAt.Equal(now.Add(auth.MaxTTL)) {
		t.Errorf("a token of a year ends %s, %v; want after %s, as long as revocations are kept", p.ExpiresAt, err, auth.MaxTTL)
	}
}

func TestOIDCTokenType(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	strict := verifier(t, issuer.URL, func(cfg *auth.OIDCConfig) { cfg.AccessTokensOnly = true })
	lenient := verifier(t, issuer.URL, nil)
	for _, c := range []struct {
		typ             string
		strict, lenient bool
	}{
		{"at+jwt", true, true},
		{"AT+JWT", true, true},
		{"application/at+jwt", true, true},
		{"JWT", false, true},
		{"", false, true},
		{"dpop+jwt", false, false},
	} {
		header := map[jose.HeaderKey]any{}
		if c.typ != "" {
			header[jose.HeaderType] = c.typ
		}
		token := issuer.Sign(t, issuer.Claims("ada", time.Now()), header)
		if _, err := strict.Verify(t.Context(), token); (err == nil) != c.strict {
			t.Errorf("%q, access tokens only: %v", c.typ, err)
		}
		if _, err := lenient.Verify(t.Context(), token); (err == nil) != c.lenient {
			t.Errorf("%q: %v", c.typ, err)
		}
	}
}

// An ID token, which tells the client who has signed in, does not open the API, even if access tokens have the same typ (JWT) and
// audience.
func TestOIDCErrIDToken(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	resource := verifier(t, issuer.URL, nil)
	client := verifier(t, issuer.URL, func(cfg *auth.OIDCConfig) { cfg.Audience, cfg.ClientID = "shop", "shop" })
	for name, tt := range map[string]struct {
		o      *auth.OIDC
		typ    string
		claims map[string]any
		ok     bool
	}{
		"OKAccessTokenOfAResource":    {resource, "JWT", map[string]any{"client_id": nil}, true},
		"OKScope":                     {client, "JWT", map[string]any{"aud": "shop", "client_id": nil, "azp": "shop", "scope": "openid"}, true},
		"OKScp":                       {client, "JWT", map[string]any{"aud": "shop", "client_id": nil, "scp": []string{"orders"}}, true},
		"OKClientID":                  {client, "JWT", map[string]any{"aud": "shop"}, true},
		"OKTypeSaysSo":                {client, "at+jwt", map[string]any{"aud": "shop", "client_id": nil}, true},
		"ErrCodeFlow":                 {client, "JWT", map[string]any{"aud": "shop", "client_id": nil, "azp": "shop", "nonce": "n"}, false},
		"ErrNoType":                   {client, "", map[string]any{"aud": "shop", "client_id": nil}, false},
		"ErrAccessTokenHash":          {client, "JWT", map[string]any{"aud": "shop", "at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}, false},
		"ErrCodeHash":                 {client, "JWT", map[string]any{"aud": "shop", "c_hash": "LDktKdoQak3Pk0cnXxCltA"}, false},
		"ErrForTheResourceAndAClient": {resource, "JWT", map[string]any{"aud": []string{oidctest.Audience, "shop"}, "at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims := issuer.Claims("ada", time.Now())
			for claim, value := range tt.claims {
				if claims[claim] = value; value == nil {
					delete(claims, claim)
				}
			}
			header := map[jose.HeaderKey]any{}
			if tt.typ != "" {
				header[jose.HeaderType] = tt.typ
			}
			_, err := tt.o.Verify(t.Context(), issuer.Sign(t, claims, header))
			if (err == nil) != tt.ok || err != nil && fault.CodeOf(err) != fault.Unauthenticated {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestOIDCRoles(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	const named = "https://orderwire.example/roles"
	for _, c := range []struct {
		path  string
		name  string
		claim any
		want  auth.Role
	}{
		{"role", "role", "STAFF", auth.RoleStaff},
		{"role", "role", "buyer STAFF", auth.RoleStaff},
		{"role", "role", "staff", auth.RoleCustomer},
		{"role", "role", "Staff", auth.RoleCustomer},
		{"role", "role", "ſTAFF", auth.RoleCustomer},
		{"role", "role", "buyer\u00a0STAFF", auth.RoleCustomer},
		{"role", "role", "buyer,STAFF", auth.RoleCustomer},
		{"role", "role", []any{"staff"}, auth.RoleCustomer},
		{"role", "role", []any{"buyer STAFF"}, auth.RoleCustomer},
		{"role", "role", []any{[]any{"STAFF"}}, auth.RoleCustomer},
		{"role", "role", "CUSTOMER", auth.RoleCustomer},
		{"role", "role", "NOSTAFF", auth.RoleCustomer},
		{"role", "role", []any{"a", "STAFF"}, auth.RoleStaff},
		{"role", "role", []any{1, nil, "STAFF"}, auth.RoleStaff},
		{"role", "role", []any{"SYSTEM"}, auth.RoleCustomer},
		{"role", "role", map[string]any{"STAFF": true}, auth.RoleCustomer},
		{"role", "role", true, auth.RoleCustomer},
		{"role", "other", "STAFF", auth.RoleCustomer},
		{"", "", "STAFF", auth.RoleCustomer},
		{"a.b.c", "a", map[string]any{"b": map[string]any{"c": "STAFF"}}, auth.RoleStaff},
		{"a.b.c", "a", map[string]any{"b": "STAFF"}, auth.RoleCustomer},
		{named, named, []any{"STAFF"}, auth.RoleStaff},
	} {
		o := verifier(t, issuer.URL, func(cfg *auth.OIDCConfig) { cfg.RoleClaim = c.path })
		claims := issuer.Claims("ada", time.Now())
		claims[c.name] = c.claim
		if p, err := o.Verify(t.Context(), issuer.Sign(t, claims, nil)); err != nil || p.Role != c.want {
			t.Errorf("%q: %v at %q gives %q, %v; want %q", c.name, c.claim, c.path, p.Role, err, c.want)
		}
	}
}

// An issuer that is away at the start is no reason to stand still, or to tell users that their tokens are wrong.
func TestOIDCIssuerAway(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	token := issuer.Token(t, "ada")
	issuer.Away(true)
	o := verifier(t, issuer.URL, nil)
	if o.Ready() == nil {
		t.Error("ready before anything was asked")
	}
	if _, err := o.Verify(t.Context(), token); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("err = %v, want %s", err, fault.Unavailable)
	}
	if o.Ready() == nil {
		t.Error("ready without keys")
	}
	issuer.Away(false)
	if _, err := o.Verify(t.Context(), token); err != nil || o.Ready() != nil {
		t.Errorf("the issuer is back: %v, %v", err, o.Ready())
	}
	issuer.Away(true)
	if _, err := o.Verify(t.Context(), token); err != nil || o.Ready() != nil {
		t.Errorf("away again, with keys that are known: %v, %v", err, o.Ready())
	}
	// A key that is not known may be new; a bad signature of one that is known is bad.
	unknown := oidctest.Sign(t, jose.RS256, jose.JSONWebKey{Key: key2048(), KeyID: "next"}, issuer.Claims("ada", time.Now()), nil)
	if _, err := o.Verify(t.Context(), unknown); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a key that may be new: %v, want %s", err, fault.Unavailable)
	}
	_, keyID := issuer.Key()
	forged := oidctest.Sign(t, jose.RS256, jose.JSONWebKey{Key: key2048(), KeyID: keyID}, issuer.Claims("ada", time.Now()), nil)
	_, err := o.Verify(t.Context(), forged)
	checkUnauthenticated(t, err, forged)
}

func TestOIDCRun(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	token := issuer.Token(t, "ada")
	asks := make(chan struct{}, 1)
	o := verifier(t, issuer.URL, func(cfg *auth.OIDCConfig) {
		cfg.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			select {
			case asks <- struct{}{}:
			default:
			}
			return http.DefaultTransport.RoundTrip(r)
		})}
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- o.Run(ctx) }()
	<-asks // by itself, without a token
	if _, err := o.Verify(t.Context(), token); err != nil || o.Ready() != nil || issuer.Asked() != 1 {
		t.Errorf("%v, ready %v, asked %d times", err, o.Ready(), issuer.Asked())
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A hundred requests that wait for the keys ask for them once, and one that gives up does not take the others with it.
func TestOIDCOneLookForAll(t *testing.T) {
	t.Parallel()
	issuer := oidctest.New(t)
	token := issuer.Token(t, "ada")
	entered, release := make(chan struct{}), make(chan struct{})
	var asked atomic.Int64
	proxy := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if asked.Add(1) == 1 {
			close(entered)
			<-release
		}
		return http.DefaultTransport.RoundTrip(r)
	})}
	o := verifier(t, issuer.URL, func(cfg *auth.OIDCConfig) { cfg.HTTP = proxy })
	var all sync.WaitGroup
	first, giveUp := context.WithCancel(t.Context())
	all.Go(func() {
		if _, err := o.Verify(first, token); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("gave up: %v", err)
		}
	})
	<-entered
	giveUp()
	for range 100 {
		all.Go(func() {
			if _, err := o.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	close(release)
	all.Wait()
	if n := asked.Load(); n != 2 { // discovery and keys
		t.Errorf("%d requests to the issuer, want 2", n)
	}
}

// The keys of an issuer whose discovery document is another's, or leads to plain http elsewhere, are not taken.
func TestOIDCErrDiscovery(t *testing.T) {
	t.Parallel()
	other := oidctest.New(t)
	token := other.Token(t, "ada")
	private, keyID := other.Key()
	key, err := jose.JSONWebKey{Key: private.Public(), KeyID: keyID}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for name, document := range map[string]string{
		"another issuer":  `{"issuer":"https://other.example","jwks_uri":"` + other.URL + `/keys"}`,
		"keys over http":  `{"issuer":"ISSUER","jwks_uri":"http://keys.example/jwks"}`,
		"no keys":         `{"issuer":"ISSUER"}`,
		"empty key set":   `{"issuer":"ISSUER","jwks_uri":"ISSUER/none"}`,
		"symmetric keys":  `{"issuer":"ISSUER","jwks_uri":"ISSUER/symmetric"}`,
		"use of its keys": `{"issuer":"ISSUER","jwks_uri":"ISSUER/use"}`,
		"key_ops":         `{"issuer":"ISSUER","jwks_uri":"ISSUER/key_ops"}`,
		"endless answer":  `{"issuer":"ISSUER","jwks_uri":"ISSUER/endless"}`,
		"not JSON":        `hello`,
		"redirected keys": `{"issuer":"ISSUER","jwks_uri":"ISSUER/moved"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var url string
			mux := http.NewServeMux()
			mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(strings.ReplaceAll(document, "ISSUER", url)))
			})
			mux.HandleFunc("/none", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) })
			mux.HandleFunc("/symmetric", func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`{"keys":[{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}]}`))
			})
			for path, member := range map[string]string{"/use": `"use":"enc"`, "/key_ops": `"key_ops":["encrypt"]`} {
				mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
					_, _ = w.Write([]byte(`{"keys":[{` + member + "," + strings.TrimPrefix(string(key), "{") + `]}`))
				})
			}
			mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					if _, err := w.Write([]byte(strings.Repeat(" ", 1<<16))); err != nil {
						return
					}
				}
			})
			mux.Handle("/moved", http.RedirectHandler(other.URL+"/keys", http.StatusFound))
			server := httptest.NewServer(mux)
			t.Cleanup(server.Close)
			url = server.URL
			if _, err := verifier(t, url, nil).Verify(t.Context(), token); fault.CodeOf(err) != fault.Unavailable {
				t.Errorf("err = %v, want %s", err, fault.Unavailable)
			}
		})
	}
}

func TestCheckIssuer(t *testing.T) {
	t.Parallel()
	for issuer, ok := range map[string]bool{
		"https://login.example":               true,
		"https://login.example/realms/shop/":  true,
		"http://127.0.0.1:9998":               true,
		"http://localhost:9998/issuer":        true,
		"http://[::1]:9998":                   true,
		"http://login.example":                false,
		"http://127.0.0.1.evil.example":       false,
		"http://10.0.0.1":                     false,
		"https://user:password@login.example": false,
		"https://login.example?x=1":           false,
		"https://login.example?":              false,
		"https://login.example#x":             false,
		"login.example":                       false,
		"":                                    false,
	} {
		if err := auth.CheckIssuer(issuer); (err == nil) != ok {
			t.Errorf("%q: %v", issuer, err)
		}
	}
	if _, err := auth.NewOIDC(auth.OIDCConfig{Issuer: "https://login.example"}); err == nil {
		t.Error("no audience is accepted")
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// key2048 is somebody's key, the same for all tests: making one takes a while.
var key2048 = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})
