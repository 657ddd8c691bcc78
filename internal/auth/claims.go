package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/orderwire/orderwire/internal/exactjson"
)

// maxName bounds a display name, in characters.
const maxName = 100

// claims are the claims of an issuer's token about its user.
type claims struct {
	Issuer, Subject string
	Audience        []string
	IssuedAt        instant
	Expiry          instant
	NotBefore       instant
	// Clients are client_id and azp, those that the token has.
	Clients []string
	// Roles are the words of the role claim.
	Roles []string

	all map[string]json.RawMessage
}

// claimNames are those that are read, beside the role claim. Any of them in another case is refused: some reader may take
// it for the real one.
var claimNames = []string{
	"iss", "sub", "aud", "iat", "exp", "nbf", "client_id", "azp", "events", "at_hash", "c_hash", "scope", "scp", "name", "preferred_username",
}

// readClaims reads a token's payload. A claim that is not of the form that its document demands (RFC 7519 section 4.1,
// RFC 9068 section 2.2) is an error, except for those that only serve display.
func readClaims(payload []byte, rolePath string) (c claims, err error) {
	path := strings.Split(rolePath, ".")
	c.all, err = exactjson.Object(payload, append(slices.Clone(claimNames), rolePath, path[0])...)
	if err != nil {
		return claims{}, err
	}
	for name, into := range map[string]*string{"iss": &c.Issuer, "sub": &c.Subject} {
		var ok bool
		if *into, ok = exactjson.String(c.all[name]); !ok {
			return claims{}, fmt.Errorf("%s is missing or not a text", name)
		}
	}
	if c.Audience, err = oneOrMore(c.all["aud"]); err != nil {
		return claims{}, fmt.Errorf("aud: %w", err)
	}
	for name, into := range map[string]*instant{"iat": &c.IssuedAt, "exp": &c.Expiry, "nbf": &c.NotBefore} {
		if value, has := c.all[name]; has {
			if err := into.UnmarshalJSON(value); err != nil {
				return claims{}, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	for _, name := range []string{"client_id", "azp"} {
		if value, has := c.all[name]; has {
			client, ok := exactjson.String(value)
			if !ok {
				return claims{}, fmt.Errorf("%s is not a text", name)
			}
			c.Clients = append(c.Clients, client)
		}
	}
	if rolePath != "" {
		c.Roles, err = c.words(rolePath, path)
	}
	return c, err
}

// oneOrMore reads a StringOrURI or an array of them (RFC 7519 section 4.1.3).
func oneOrMore(value json.RawMessage) ([]string, error) {
	if one, ok := exactjson.String(value); ok {
		return []string{one}, nil
	}
	var entries []json.RawMessage
	if len(value) == 0 || value[0] != '[' || exactjson.Unmarshal(value, &entries) != nil {
		return nil, errors.New("neither a text nor a list")
	}
	texts := make([]string, len(entries))
	for i, entry := range entries {
		var ok bool
		if texts[i], ok = exactjson.String(entry); !ok {
			return nil, errors.New("its list has an element that is not a string")
		}
	}
	return texts, nil
}

// isIDToken reports whether a token without a distinctive typ is an ID token, which tells a client who has signed in and grants no
// access. It has a hash of the code or token that it came with (OpenID Connect Core sections 3.1.3.6 and 3.3.2.11), or, where the
// audience is a client, as it is in every ID token, nothing that is said of access tokens only (RFC 9068 section 2.2).
func (c claims) isIDToken(audienceIsClient bool) bool {
	return c.hasAny("at_hash", "c_hash") || audienceIsClient && !c.hasAny("scope", "scp", "client_id")
}

func (c claims) hasAny(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, has := c.all[name]; return has })
}

// displayName is a short text without control characters, or empty.
func (c claims) displayName() string {
	name, _ := exactjson.String(c.all["name"])
	if name == "" {
		name, _ = exactjson.String(c.all["preferred_username"])
	}
	clean := []rune(strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, name)))
	return string(clean[:min(len(clean), maxName)])
}

// words gives the claim at a path: a text's words, or a list's texts. A claim whose own name is the whole path comes
// first, since issuers use URLs as names, with dots in them.
func (c claims) words(whole string, path []string) ([]string, error) {
	value, has := c.all[whole]
	if !has {
		var err error
		if value, err = at(c.all, path); err != nil {
			return nil, err
		}
	}
	if one, ok := exactjson.String(value); ok {
		return strings.Split(one, " "), nil
	}
	var entries []json.RawMessage
	if len(value) == 0 || value[0] != '[' || exactjson.Unmarshal(value, &entries) != nil {
		return nil, nil
	}
	var words []string
	for _, entry := range entries { // of which those that are not texts are left out
		if word, ok := exactjson.String(entry); ok {
			words = append(words, word)
		}
	}
	return words, nil
}

// at follows a path of names into objects. nil: there is nothing. A name on its way in another case is an error.
func at(object map[string]json.RawMessage, path []string) (json.RawMessage, error) {
	for i, name := range path[:len(path)-1] {
		inner := object[name]
		if len(inner) == 0 || inner[0] != '{' {
			return nil, nil
		}
		var err error
		if object, err = exactjson.Object(inner, path[i+1]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return object[path[len(path)-1]], nil
}
