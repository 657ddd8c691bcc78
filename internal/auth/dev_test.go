package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
)

var (
	key      = []byte("0123456789abcdef0123456789abcdef")
	otherKey = []byte("fedcba9876543210fedcba9876543210")
)

// clock is set by hand.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func setup(t *testing.T) (*auth.Dev, *clock) {
	t.Helper()
	c := &clock{time.Date(2026, 11, 5, 14, 0, 0, 250_000_000, time.UTC)}
	dev, err := auth.NewDevAt(key, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return dev, c
}

func issue(t *testing.T, dev *auth.Dev, user string, role auth.Role) string {
	t.Helper()
	token, _, err := dev.Issue(user, role, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestIssueVerify(t *testing.T) {
	t.Parallel()
	dev, c := setup(t)
	for user, role := range map[string]auth.Role{"ada": auth.RoleCustomer, "Grace.Hopper_1-2": auth.RoleStaff, strings.Repeat("x", 64): auth.RoleCustomer} {
		token, expiresAt, err := dev.Issue(user, role, 90*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if lifetime := expiresAt.Sub(c.Time); lifetime < 90*time.Second || lifetime >= 91*time.Second {
			t.Errorf("%s: lasts %v, want 90 s, rounded up to a full second", user, lifetime)
		}
		got, err := dev.Verify(t.Context(), token)
		want := auth.Principal{
			CustomerID: id.ForCustomer("orderwire-dev", user), Role: role,
			Issuer: "orderwire-dev", Subject: user, Name: user,
			IssuedAt: c.Truncate(time.Microsecond).UTC(), ExpiresAt: expiresAt,
		}
		if err != nil || got != want {
			t.Errorf("Verify = %+v, %v; want %+v", got, err, want)
		}
	}
}

func TestVerifyAcrossRestarts(t *testing.T) {
	t.Parallel()
	first, _ := setup(t)
	second, _ := setup(t)
	if _, err := second.Verify(t.Context(), issue(t, first, "ada", auth.RoleCustomer)); err != nil {
		t.Errorf("a second server with the same key refuses: %v", err)
	}
}

func TestVerifyErrExpired(t *testing.T) {
	t.Parallel()
	dev, c := setup(t)
	token, expiresAt, err := dev.Issue("ada", auth.RoleCustomer, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	c.Time = expiresAt.Add(-time.Millisecond)
	if _, err := dev.Verify(t.Context(), token); err != nil {
		t.Errorf("refused before its end: %v", err)
	}
	c.Time = expiresAt
	_, err = dev.Verify(t.Context(), token)
	checkUnauthenticated(t, err, token)
	if !strings.Contains(err.Error(), "expired") {
		t.Errorf("%v does not say that it expired", err)
	}
}

func TestVerifyErr(t *testing.T) {
	t.Parallel()
	dev, c := setup(t)
	good := jwt.MapClaims{"iss": "orderwire-dev", "sub": "ada", "aud": "orderwire", "role": "CUSTOMER", "exp": c.Add(time.Hour).Unix()}
	sign := func(method jwt.SigningMethod, key any, changes jwt.MapClaims) string {
		claims := jwt.MapClaims{}
		for _, m := range []jwt.MapClaims{good, changes} {
			for name, v := range m {
				if v == nil {
					delete(claims, name)
				} else {
					claims[name] = v
				}
			}
		}
		token, err := jwt.NewWithClaims(method, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	if _, err := dev.Verify(t.Context(), sign(jwt.SigningMethodHS256, key, nil)); err != nil {
		t.Fatalf("the token the others are made from is refused: %v", err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	whole := sign(jwt.SigningMethodHS256, key, nil)
	parts := strings.Split(whole, ".")
	staff := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"orderwire-dev","sub":"ada","aud":"orderwire","role":"STAFF","exp":9999999999}`))
	cases := map[string]string{
		"empty":               "",
		"not a token":         "hello",
		"two parts":           parts[0] + "." + parts[1],
		"signature cut":       parts[0] + "." + parts[1] + ".",
		"claims swapped":      parts[0] + "." + staff + "." + parts[2],
		"other key":           sign(jwt.SigningMethodHS256, otherKey, nil),
		"alg none":            sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"alg HS512, our key":  sign(jwt.SigningMethodHS512, key, nil),
		"alg RS256":           sign(jwt.SigningMethodRS256, rsaKey, nil),
		"other issuer":        sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"iss": "https://evil.example"}),
		"no issuer":           sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"iss": nil}),
		"other audience":      sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"aud": "other"}),
		"no audience":         sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"aud": nil}),
		"no expiry":           sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"exp": nil}),
		"expiry is text":      sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"exp": "tomorrow"}),
		"not valid yet":       sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"nbf": c.Add(time.Minute).Unix()}),
		"no subject":          sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"sub": nil}),
		"subject not a name":  sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"sub": "a\x00b"}),
		"no role":             sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"role": nil}),
		"the pipeline's role": sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"role": "SYSTEM"}),
		"unknown role":        sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"role": "ADMIN"}),
		"huge":                sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"extra": strings.Repeat("x", 1<<16)}),
	}
	for name, token := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := dev.Verify(t.Context(), token)
			checkUnauthenticated(t, err, token)
			if got != (auth.Principal{}) {
				t.Errorf("refused, and still a principal: %+v", got)
			}
		})
	}
}

func checkUnauthenticated(t *testing.T, err error, token string) {
	t.Helper()
	if fault.CodeOf(err) != fault.Unauthenticated {
		t.Fatalf("err = %v, want %s", err, fault.Unauthenticated)
	}
	if !strings.Contains(err.Error(), "sign in again") {
		t.Errorf("%v does not say what to do", err)
	}
	if token != "" && strings.Contains(err.Error(), token) {
		t.Errorf("the error repeats the token")
	}
}

func TestIssueErr(t *testing.T) {
	t.Parallel()
	dev, _ := setup(t)
	for name, c := range map[string]struct {
		user string
		role auth.Role
		ttl  time.Duration
	}{
		"no user":             {"", auth.RoleCustomer, time.Hour},
		"user too long":       {strings.Repeat("x", 65), auth.RoleCustomer, time.Hour},
		"space":               {"ada lovelace", auth.RoleCustomer, time.Hour},
		"newline at the end":  {"ada\n", auth.RoleCustomer, time.Hour},
		"not ASCII":           {"adá", auth.RoleCustomer, time.Hour},
		"anonymous":           {"ada", auth.RoleAnonymous, time.Hour},
		"the pipeline's role": {"ada", auth.RoleSystem, time.Hour},
		"lower-case role":     {"ada", "staff", time.Hour},
		"no lifetime":         {"ada", auth.RoleCustomer, 0},
		"negative lifetime":   {"ada", auth.RoleCustomer, -time.Second},
		"lifetime too long":   {"ada", auth.RoleCustomer, auth.MaxTTL + 1},
	} {
		if token, _, err := dev.Issue(c.user, c.role, c.ttl); fault.CodeOf(err) != fault.BadUserInput || token != "" {
			t.Errorf("%s: %q, %v; want %s", name, token, err, fault.BadUserInput)
		}
	}
}

func TestNewDevErrShortKey(t *testing.T) {
	t.Parallel()
	if _, err := auth.NewDev(key[:31]); err == nil {
		t.Error("a key of 31 bytes is accepted")
	}
}

func TestDevKeepsItsOwnKey(t *testing.T) {
	t.Parallel()
	mine := append([]byte(nil), key...)
	dev, err := auth.NewDev(mine)
	if err != nil {
		t.Fatal(err)
	}
	token := issue(t, dev, "ada", auth.RoleCustomer)
	clear(mine)
	if _, err := dev.Verify(t.Context(), token); err != nil {
		t.Errorf("clearing the caller's key changed ours: %v", err)
	}
}
