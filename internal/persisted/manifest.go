package persisted

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/orderwire/orderwire/internal/bytelru"
)

// Manifest is a list of trusted documents. It is safe for concurrent use.
type Manifest struct {
	texts     map[Reference]string
	canonical map[string]bool
	// sent caches texts that match the manifest, so that each is compared once.
	sent *bytelru.Cache[struct{}]
}

// sentBytes bounds the cached texts. There are few, but a client can send each with any amount of white space.
const sentBytes = 1 << 20

// ReadManifest reads a JSON object from hash to document, as Build writes it.
func ReadManifest(r io.Reader) (*Manifest, error) {
	var documents map[string]string
	if err := json.NewDecoder(r).Decode(&documents); err != nil {
		return nil, fmt.Errorf("expected a JSON object of hash and document: %w", err)
	}
	m := &Manifest{texts: map[Reference]string{}, canonical: map[string]bool{}, sent: bytelru.New[struct{}](sentBytes)}
	for hash, text := range documents {
		reference, err := parseHash(hash)
		if err != nil {
			return nil, fmt.Errorf("%q is not a SHA-256 in hexadecimal digits", hash)
		}
		form, err := canonical(text)
		if err != nil {
			return nil, fmt.Errorf("the document %s: %w", hash, err)
		}
		m.texts[reference], m.canonical[form] = text, true
	}
	return m, nil
}

// Len returns the number of documents.
func (m *Manifest) Len() int { return len(m.texts) }

// Resolve returns the document to run: the one that reference names, or the one sent, if it matches the manifest except for
// its layout and the __typename fields that clients add. Otherwise the error is PERSISTED_QUERY_NOT_FOUND. A text that is
// not known yet is parsed only if check returns no error; check's error is returned.
func (m *Manifest) Resolve(text string, reference Reference, check func(text string) error) (string, error) {
	if known, ok := m.texts[reference]; ok {
		return known, nil
	}
	if text == "" {
		return "", NotFound()
	}
	if _, ok := m.sent.Get(text); ok {
		return text, nil
	}
	if err := check(text); err != nil {
		return "", err
	}
	if form, err := canonical(text); err == nil && m.canonical[form] {
		m.sent.Add(text, struct{}{}, 0)
		return text, nil
	}
	return "", NotFound()
}
