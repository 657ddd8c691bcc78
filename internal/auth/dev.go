package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/orderwire/orderwire/internal/exactjson"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
)

// Verifier checks a bearer token. Its errors are faults: UNAUTHENTICATED for a token that is not valid, with a message that tells
// the client what to do and never repeats the token; UNAVAILABLE when it cannot be checked now.
type Verifier interface {
	Verify(ctx context.Context, token string) (Principal, error)
}

// DevIssuer is the issuer of development tokens. It is part of every development customer's id.
const DevIssuer = "orderwire-dev"

const (
	devAudience = "orderwire"
	// DefaultTTL is the length of a development session that asks for none.
	DefaultTTL = time.Hour
	// MaxTTL is the longest development session.
	MaxTTL = 30 * 24 * time.Hour
	// keyBytes: HS256 needs a key at least as long as its hash (RFC 7518 section 3.2).
	keyBytes = 32
	// maxTokenBytes is far above any token we issue; it bounds the work an attacker can cause.
	maxTokenBytes = 8 << 10
)

var userForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Dev signs and verifies tokens for development: anyone may be anyone. The tokens are JWTs (RFC 7519) signed with
// HS256; no other algorithm is accepted.
type Dev struct {
	key    []byte
	parser *jwt.Parser
	now    func() time.Time
}

// NewDev takes the signing key, at least 32 random bytes. Replicas and restarts that share the key accept each other's
// tokens.
func NewDev(key []byte) (*Dev, error) {
	return newDev(key, time.Now)
}

func newDev(key []byte, now func() time.Time) (*Dev, error) {
	if len(key) < keyBytes {
		return nil, fmt.Errorf("development signing key: %d bytes, need %d", len(key), keyBytes)
	}
	return &Dev{
		key: slices.Clone(key),
		now: now,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
			jwt.WithIssuer(DevIssuer),
			jwt.WithAudience(devAudience),
			jwt.WithExpirationRequired(),
			jwt.WithStrictDecoding(),
			jwt.WithTimeFunc(now),
			// No leeway: expiry is the only claim that looks at a clock, and stretching it would let a request pass
			// whose socket is already closed.
		),
	}, nil
}

type devClaims struct {
	jwt.RegisteredClaims
	// IssuedAt takes the place of RegisteredClaims's, which has no fractions of a second.
	IssuedAt instant `json:"iat"`
	Role     Role    `json:"role"`
}

// Issue signs a token for the user, a name of 1 to 64 letters, digits, dots, underscores and hyphens, in the role
// RoleCustomer or RoleStaff, that lasts for ttl, more than zero and at most MaxTTL. The end is rounded up to a second,
// which is a JWT's resolution. Anything else is BAD_USER_INPUT.
func (d *Dev) Issue(user string, role Role, ttl time.Duration) (token string, expiresAt time.Time, err error) {
	return d.IssueAt(d.now(), user, role, ttl)
}

// IssueAt is Issue with the moment that the token says it was issued at, in microseconds: by the clock that revocations
// go by, so that a token issued after one is not ended by it. Its lifetime goes by this machine's clock.
func (d *Dev) IssueAt(issuedAt time.Time, user string, role Role, ttl time.Duration) (token string, expiresAt time.Time, err error) {
	switch {
	case !userForm.MatchString(user):
		return "", time.Time{}, fault.New(fault.BadUserInput,
			"user must be 1 to 64 letters, digits, dots, underscores or hyphens")
	case role != RoleCustomer && role != RoleStaff:
		return "", time.Time{}, fault.New(fault.BadUserInput, "role must be CUSTOMER or STAFF")
	case ttl <= 0 || ttl > MaxTTL:
		return "", time.Time{}, fault.New(fault.BadUserInput,
			fmt.Sprintf("ttlSeconds must be 1 to %d", int(MaxTTL/time.Second)))
	}
	expiresAt = d.now().Add(ttl + time.Second - 1).Truncate(time.Second).UTC()
	token, err = jwt.NewWithClaims(jwt.SigningMethodHS256, devClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    DevIssuer,
			Subject:   user,
			Audience:  jwt.ClaimStrings{devAudience},
			ExpiresAt: jwt.NewNumericDate(expiresAt),
		},
		IssuedAt: instant{issuedAt},
		Role:     role,
	}).SignedString(d.key)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign development token: %w", err)
	}
	return token, expiresAt, nil
}

// Verify implements Verifier.
func (d *Dev) Verify(_ context.Context, token string) (Principal, error) {
	if len(token) > maxTokenBytes {
		return Principal{}, invalidToken(errors.New("token too long"))
	}
	var claims devClaims
	_, err := d.parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return d.key, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenSignatureInvalid), errors.Is(err, jwt.ErrTokenMalformed):
		return Principal{}, invalidToken(err)
	case errors.Is(err, jwt.ErrTokenExpired):
		return Principal{}, fault.Wrap(err, fault.Unauthenticated, "the session has expired: sign in again")
	case err != nil:
		return Principal{}, invalidToken(err)
	case !devExact(token):
		return Principal{}, invalidToken(errors.New("a header or claims that readers may read in two ways"))
	case !userForm.MatchString(claims.Subject), claims.Role != RoleCustomer && claims.Role != RoleStaff:
		return Principal{}, invalidToken(errors.New("signed claims are not ones we issue"))
	}
	return Principal{
		CustomerID: id.ForCustomer(claims.Issuer, claims.Subject),
		Role:       claims.Role,
		Issuer:     DevIssuer, // the parser has seen to it
		Subject:    claims.Subject,
		Name:       claims.Subject,
		IssuedAt:   claims.IssuedAt.UTC(),
		ExpiresAt:  claims.ExpiresAt.UTC(),
	}, nil
}

// devExact reports whether a token's members have the names that encoding/json has matched, exactly and once.
func devExact(token string) bool {
	if typ, err := headerType(token); err != nil || typ != "" && typ != "JWT" {
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		return false
	}
	_, err = exactjson.Object(payload, "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "role")
	return err == nil
}

func invalidToken(cause error) error {
	return fault.Wrap(cause, fault.Unauthenticated, "the token is not valid here: sign in again for a new one")
}
