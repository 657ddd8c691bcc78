package auth_test

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/orderwire/orderwire/internal/auth"
)

// Tokens of one second can be told apart by the moment of a revocation between them.
func TestIssuedAtInMicroseconds(t *testing.T) {
	t.Parallel()
	dev, c := setup(t)
	for _, at := range []time.Time{
		c.Truncate(time.Second), c.Truncate(time.Second).Add(time.Microsecond), c.Truncate(time.Second).Add(999_999_999),
	} {
		token, _, err := dev.IssueAt(at, "ada", auth.RoleCustomer, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		p, err := dev.Verify(t.Context(), token)
		if err != nil || !p.IssuedAt.Equal(at.Truncate(time.Microsecond)) {
			t.Errorf("issued at %v, read %v, %v", at, p.IssuedAt, err)
		}
	}
}

// Whole seconds, as other issuers write them, are read; a value that is not a number is refused.
func TestIssuedAtOfOthers(t *testing.T) {
	t.Parallel()
	dev, c := setup(t)
	sign := func(iat any) string {
		claims := jwt.MapClaims{"iss": "orderwire-dev", "sub": "ada", "aud": "orderwire", "role": "CUSTOMER", "exp": c.Add(time.Hour).Unix()}
		if iat != nil {
			claims["iat"] = iat
		}
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	if p, err := dev.Verify(t.Context(), sign(c.Unix())); err != nil || p.IssuedAt.Unix() != c.Unix() {
		t.Errorf("whole seconds: %v, %v", p.IssuedAt, err)
	}
	if p, err := dev.Verify(t.Context(), sign(nil)); err != nil || !p.IssuedAt.IsZero() {
		t.Errorf("none: %v, %v", p.IssuedAt, err)
	}
	for _, iat := range []any{"yesterday", -5, true, []int{1}} {
		if _, err := dev.Verify(t.Context(), sign(iat)); err == nil {
			t.Errorf("iat %v was accepted", iat)
		}
	}
}
