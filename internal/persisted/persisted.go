// Package persisted finds the documents of requests that name them by their hash.
//
// Automatic has the documents that clients have sent with a hash before (automatic persisted queries, as in Apollo and
// urql). Manifest has the documents known at deployment, and a server with trusted documents runs no others.
package persisted

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/orderwire/orderwire/internal/bytelru"
	"github.com/orderwire/orderwire/internal/fault"
)

// Reference is the hash that names a document; "" names none.
type Reference string

// ParseReference parses extensions.persistedQuery, {"version": 1, "sha256Hash": "…"}, or a documentId. A documentId is
// "sha256:" and the hash (GraphQL over HTTP, appendix A), or the hash alone, as in persisted queries of Relay and urql.
// BAD_USER_INPUT for anything else.
func ParseReference(persistedQuery, documentID any) (Reference, error) {
	if id, ok := documentID.(string); ok {
		return parseHash(strings.TrimPrefix(id, "sha256:"))
	}
	if persistedQuery == nil {
		return "", nil
	}
	extension, ok := persistedQuery.(map[string]any)
	if !ok {
		return "", errReference
	}
	if version, ok := extension["version"].(json.Number); !ok || version != "1" {
		return "", errReference
	}
	hash, ok := extension["sha256Hash"].(string)
	if !ok {
		return "", errReference
	}
	return parseHash(hash)
}

var errReference = fault.New(fault.BadUserInput, "A persisted document is named by its SHA-256 in 64 hexadecimal digits: "+
	`extensions {"persistedQuery": {"version": 1, "sha256Hash": "…"}}, or documentId "sha256:…".`)

func parseHash(hash string) (Reference, error) {
	if raw, err := hex.DecodeString(hash); err != nil || len(raw) != sha256.Size {
		return "", errReference
	}
	return Reference(strings.ToLower(hash)), nil
}

// Hash returns the reference of a text.
func Hash(text string) Reference {
	hash := sha256.Sum256([]byte(text))
	return Reference(hex.EncodeToString(hash[:]))
}

// NotFound asks the client to send the document with its hash. Apollo's and urql's clients recognise its message.
func NotFound() error {
	return fault.New(fault.PersistedQueryNotFound, "PersistedQueryNotFound")
}

// Automatic caches the most recently used documents by their hash, up to a number of bytes. It is safe for concurrent use.
type Automatic struct {
	texts *bytelru.Cache[string]
}

// NewAutomatic returns a cache of the given number of bytes. With 0 every hash is unknown.
func NewAutomatic(bytes int) *Automatic { return &Automatic{texts: bytelru.New[string](bytes)} }

// Resolve returns the document to run: the one sent, or the one that reference names. BAD_USER_INPUT when both are given and
// differ, PERSISTED_QUERY_NOT_FOUND when the document has to be sent.
func (a *Automatic) Resolve(text string, reference Reference) (string, error) {
	switch {
	case reference == "":
		return text, nil
	case text == "":
		if known, ok := a.texts.Get(string(reference)); ok {
			return known, nil
		}
		return "", NotFound()
	case Hash(text) != reference:
		return "", fault.New(fault.BadUserInput, "sha256Hash is not the hash of query.")
	default:
		return text, nil
	}
}

// Keep caches a valid document that came with its reference.
func (a *Automatic) Keep(text string, reference Reference) {
	if reference != "" {
		a.texts.Add(string(reference), text, len(text))
	}
}
