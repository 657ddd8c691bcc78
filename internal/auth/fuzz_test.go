package auth_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
)

// fuzzNow is the time at which fuzzed tokens are checked: a fixed one, so that a finding can be repeated.
var fuzzNow = time.Unix(1_800_000_000, 0)

// checkPrincipal holds what everybody behind a Verifier relies on, or that a refusal is one.
func checkPrincipal(t *testing.T, token string, p auth.Principal, err error, issuer string) {
	t.Helper()
	if err != nil {
		if fault.CodeOf(err) != fault.Unauthenticated || p != (auth.Principal{}) {
			t.Fatalf("%q: %+v, %v", token, p, err)
		}
		return
	}
	switch {
	case p.Role != auth.RoleCustomer && p.Role != auth.RoleStaff,
		p.Issuer != issuer, p.Subject == "", len(p.Subject) > 255, p.CustomerID != id.ForCustomer(issuer, p.Subject),
		!p.ExpiresAt.After(fuzzNow), utf8.RuneCountInString(p.Name) > 100, strings.ContainsFunc(p.Name, unicode.IsControl):
		t.Fatalf("%q is %+v", token, p)
	}
}

func encode(part string) string { return base64.RawURLEncoding.EncodeToString([]byte(part)) }

// FuzzBearer: a header gives one token without blanks, or UNAUTHENTICATED.
func FuzzBearer(f *testing.F) {
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer x", "bearer  x ", "Bearer x y", "Bearer x,Bearer y", "Basic eDp5", "Bearer\tx", "Bearer x\n", "BEARER é"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		token, err := auth.Bearer(header)
		switch {
		case err != nil && (fault.CodeOf(err) != fault.Unauthenticated || token != "" || len(err.Error()) > 100):
			t.Errorf("%q: %q, %v", header, token, err)
		case err == nil && (token == "" || strings.ContainsAny(token, " \t,") || !strings.HasSuffix(strings.TrimRight(header, " "), token)):
			t.Errorf("%q has the token %q", header, token)
		}
	})
}

// FuzzDevToken: a token without our signature is refused; a signed one is refused or gives a valid principal.
func FuzzDevToken(f *testing.F) {
	key := bytes.Repeat([]byte{7}, 32)
	dev, err := auth.NewDevAt(key, func() time.Time { return fuzzNow })
	if err != nil {
		f.Fatal(err)
	}
	good, _, err := dev.Issue("ada", auth.RoleCustomer, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"sub": "ada"}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		f.Fatal(err)
	}
	for _, token := range []string{good, "", ".", "..", "a.b.c", none, good[:len(good)-1], good + "=", good + ".x", strings.Repeat("a", 9000)} {
		f.Add(token, "")
	}
	const claims = `{"iss":"orderwire-dev","sub":"ada","aud":["orderwire"],"exp":1800003600,"iat":1799999999.5,"role":"STAFF"}`
	for _, text := range []string{
		claims, "{}", "null", "[]", "{", strings.Replace(claims, "1800003600", "1e300", 1), strings.Replace(claims, "1799999999.5", "null", 1),
		strings.Replace(claims, "STAFF", "ROOT", 1), strings.Replace(claims, `"ada"`, `"a\u0000da"`, 1), strings.Replace(claims, "1800003600", "-1", 1),
		strings.Replace(claims, "1799999999.5", "99999999999", 1), strings.Replace(claims, `["orderwire"]`, `"orderwire"`, 1), claims + claims,
	} {
		f.Add("", text)
	}
	f.Fuzz(func(t *testing.T, token, claims string) {
		ours := token == good
		if claims != "" {
			head := encode(`{"alg":"HS256","typ":"JWT"}`) + "." + encode(claims)
			signature, err := jwt.SigningMethodHS256.Sign(head, key)
			if err != nil {
				t.Fatal(err)
			}
			token, ours = head+"."+encode(string(signature)), true
		}
		p, err := dev.Verify(t.Context(), token)
		if err == nil && !ours {
			t.Fatalf("%q is believed: %+v", token, p)
		}
		checkPrincipal(t, token, p, err, auth.DevIssuer)
	})
}

// staticIssuer answers as an issuer whose keys never change, without a network.
type staticIssuer struct{ keys []byte }

const fuzzIssuer = "https://issuer.example"

// RoundTrip implements http.RoundTripper.
func (s staticIssuer) RoundTrip(r *http.Request) (*http.Response, error) {
	body := s.keys
	if strings.HasSuffix(r.URL.Path, "openid-configuration") {
		body = []byte(`{"issuer":"` + fuzzIssuer + `","jwks_uri":"` + fuzzIssuer + `/keys"}`)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(bytes.NewReader(body)),
	}, nil
}

// FuzzOIDCToken: a token without the issuer's signature is refused, with any header; a signed one is refused or gives a principal
// of bounded size, with any claims.
func FuzzOIDCToken(f *testing.F) {
	const audience = "orders"
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	exchange, err := ecdh.P256().NewPrivateKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.Fatal(err)
	}
	elliptical, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), exchange.PublicKey().Bytes())
	if err != nil {
		f.Fatal(err)
	}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: private.Public(), KeyID: "ed", Algorithm: "EdDSA", Use: "sig"}, {Key: elliptical, KeyID: "ec", Use: "sig"},
	}})
	if err != nil {
		f.Fatal(err)
	}
	o, err := auth.NewOIDC(auth.OIDCConfig{
		Issuer: fuzzIssuer, Audience: audience, ClientID: "shop", RoleClaim: "realm_access.roles",
		HTTP: &http.Client{Transport: staticIssuer{keys}}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		f.Fatal(err)
	}
	o.At(func() time.Time { return fuzzNow })
	const claims = `{"iss":"https://issuer.example","sub":"ada","aud":["orders"],"client_id":"shop","iat":1799999990,"exp":1800003600,` +
		`"name":"Ada","realm_access":{"roles":["STAFF",7,null]}}`
	signed := func(header, claims string) string {
		head := encode(header) + "." + encode(claims)
		return head + "." + encode(string(ed25519.Sign(private, []byte(head))))
	}
	good := signed(`{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}`, claims)
	if p, err := o.Verify(f.Context(), good); err != nil || p.Role != auth.RoleStaff {
		f.Fatalf("%+v, %v", p, err)
	}
	for _, token := range []string{
		"", "..", "a.b.c", good, good[:len(good)-2], good + ".", strings.Repeat("a.", 4000), encode(`{"alg":"none"}`) + "." + encode(claims) + ".",
		encode(`{"alg":"HS256","kid":"ec"}`) + "." + encode(claims) + "." + encode("x"), encode(`{"alg":"ES256","kid":"ec"}`) + "." + encode(claims) + "." + encode(strings.Repeat("\x00", 64)),
		encode(`{"alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"AA"}}`) + "." + encode(claims) + "." + encode("x"),
		encode(`{"alg":"EdDSA","kid":"ed","crit":["b64"],"b64":false}`) + "." + encode(claims) + "." + encode(strings.Repeat("\x00", 64)),
	} {
		f.Add(token, "", "")
	}
	for _, header := range []string{`{"alg":"EdDSA"}`, `{"alg":"EdDSA","kid":"ec"}`, `{"alg":"EdDSA","typ":"logout+jwt"}`, `{"alg":"EdDSA","typ":7}`, `{"alg":"EdDSA","crit":["x"],"x":1}`, "{}", "null"} {
		f.Add("", header, claims)
	}
	for _, text := range []string{
		"{}", "null", "[]", strings.Replace(claims, "1800003600", "1e400", 1), strings.Replace(claims, "1800003600", "99999999999999", 1),
		strings.Replace(claims, "1799999990", `"1799999990"`, 1), strings.Replace(claims, "1799999990", "1799999990.9999999", 1),
		strings.Replace(claims, `["orders"]`, `"orders"`, 1), strings.Replace(claims, `["orders"]`, `["other"]`, 1), strings.Replace(claims, `"Ada"`, `{}`, 1),
		strings.Replace(claims, `"ada"`, `""`, 1), strings.Replace(claims, `"ada"`, `"`+strings.Repeat("é", 200)+`"`, 1), strings.Replace(claims, `{"roles"`, `[{"roles"`, 1),
		strings.Replace(claims, `"shop"`, `null`, 1), strings.Replace(claims, `["STAFF",7,null]`, `"x staff"`, 1), strings.Replace(claims, `"Ada"`, `"\u202e\u0000A\ud800"`, 1),
		strings.Replace(claims, "https://issuer.example", "https://issuer.example/", 1), strings.Replace(claims, "{", `{"nbf":1900000000,`, 1),
	} {
		f.Add("", `{"alg":"EdDSA","kid":"ed"}`, text)
	}
	f.Fuzz(func(t *testing.T, token, header, claims string) {
		ours := token == good
		if claims != "" {
			token, ours = signed(header, claims), true
		}
		p, err := o.Verify(t.Context(), token)
		if err == nil && !ours {
			t.Fatalf("%q is believed: %+v", token, p)
		}
		checkPrincipal(t, token, p, err, fuzzIssuer)
		// However an issuer dates its tokens, they end before the revocations that void them are forgotten.
		if err == nil && (p.ExpiresAt.After(fuzzNow.Add(auth.MaxTTL+time.Minute)) || p.IssuedAt.After(fuzzNow.Add(time.Minute))) {
			t.Fatalf("%q is good from %s to %s", token, p.IssuedAt, p.ExpiresAt)
		}
	})
}
