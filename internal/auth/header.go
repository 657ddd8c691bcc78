package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/orderwire/orderwire/internal/exactjson"
	"github.com/orderwire/orderwire/internal/fault"
)

// headerType returns the typ of a compact JWT's header, or "" when it has none. It refuses a header with duplicate or
// differently-cased members, a key that the token brings or points to (RFC 8725 section 3.10), a typ that is not a string, and
// crit: a verifier must refuse a token whose crit names extensions that it does not implement (RFC 7515 section 4.1.11), and we
// implement none.
func headerType(token string) (string, error) {
	encoded, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return "", errors.New("the header is not base64url")
	}
	header, err := exactjson.Object(text, "alg", "kid", "typ", "crit", "cty", "b64", "jku", "jwk", "x5u", "x5c")
	if err != nil {
		return "", fmt.Errorf("the header: %w", err)
	}
	if _, has := header["crit"]; has {
		return "", errors.New("the header has crit")
	}
	for _, name := range []string{"jwk", "jku", "x5u"} {
		if _, has := header[name]; has {
			return "", fmt.Errorf("the header has %s: only the issuer says which keys are its own", name)
		}
	}
	value, has := header["typ"]
	if !has {
		return "", nil
	}
	typ, ok := exactjson.String(value)
	if !ok || typ == "" {
		return "", errors.New("the header's typ is not a text")
	}
	return typ, nil
}

// Kinds of tokens that a typ may stand for. A typ is a media type, whose case does not matter; application/ may be left
// out when nothing else has a slash (RFC 7515 section 4.1.9).
type tokenKind int

const (
	anyJWT tokenKind = iota // "JWT" or nothing: its purpose is unknown
	accessToken
)

func kindOf(typ string) (tokenKind, error) {
	short := typ
	if prefix := "application/"; len(typ) > len(prefix) && strings.EqualFold(typ[:len(prefix)], prefix) {
		short = typ[len(prefix):]
	}
	switch {
	case short == "" || strings.EqualFold(short, "JWT"):
		return anyJWT, nil
	case strings.EqualFold(short, "at+jwt"):
		return accessToken, nil
	default:
		return 0, fmt.Errorf("typ %s", fault.Quote(typ))
	}
}
