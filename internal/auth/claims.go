package auth

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
)

// maxName bounds a display name, in characters.
const maxName = 100

// claims are what an issuer's token says about its user, beside iss, sub and aud.
type claims struct {
	IssuedAt        instant `json:"iat"`
	Expiry          instant `json:"exp"`
	NotBefore       instant `json:"nbf"`
	ClientID        string  `json:"client_id"`
	AuthorizedParty string  `json:"azp"`
	Name            string  `json:"name"`
	Username        string  `json:"preferred_username"`

	all map[string]json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler. Claims that are not of the form they should have are an error, except for
// those that only serve display.
func (c *claims) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &c.all); err != nil {
		return err
	}
	for name, into := range map[string]any{
		"iat": &c.IssuedAt, "exp": &c.Expiry, "nbf": &c.NotBefore, "client_id": &c.ClientID, "azp": &c.AuthorizedParty,
	} {
		if value, has := c.all[name]; has {
			if err := json.Unmarshal(value, into); err != nil {
				return err
			}
		}
	}
	for name, into := range map[string]*string{"name": &c.Name, "preferred_username": &c.Username} {
		if json.Unmarshal(c.all[name], into) != nil {
			*into = ""
		}
	}
	return nil
}

// isIDToken reports whether a token that does not say what it is tells a client who has signed in, and so opens nothing: it
// has a hash of what it came with (OpenID Connect Core sections 3.1.3.6 and 3.3.2.11), or, where the audience is a client,
// as it is in every ID token, nothing that is said of access tokens only (RFC 9068 section 2.2).
func (c claims) isIDToken(audienceIsClient bool) bool {
	return c.hasAny("at_hash", "c_hash") || audienceIsClient && !c.hasAny("scope", "scp", "client_id")
}

func (c claims) hasAny(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, has := c.all[name]; return has })
}

// displayName is a short text without control characters, or empty.
func (c claims) displayName() string {
	name := c.Name
	if name == "" {
		name = c.Username
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
func (c claims) words(path string) []string {
	value, has := c.all[path]
	if !has {
		value = c.at(strings.Split(path, "."))
	}
	var one string
	if json.Unmarshal(value, &one) == nil {
		return strings.Fields(one)
	}
	var many []any // of which those that are no texts are left out
	if json.Unmarshal(value, &many) != nil {
		return nil
	}
	var words []string
	for _, entry := range many {
		if word, ok := entry.(string); ok {
			words = append(words, word)
		}
	}
	return words
}

func (c claims) at(names []string) json.RawMessage {
	object := c.all
	for _, name := range names[:len(names)-1] {
		var inner map[string]json.RawMessage
		if json.Unmarshal(object[name], &inner) != nil {
			return nil
		}
		object = inner
	}
	return object[names[len(names)-1]]
}
