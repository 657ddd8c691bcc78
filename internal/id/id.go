// Package id makes and parses identifiers.
//
// Internally an id is a UUIDv7 (RFC 9562 section 5.7). The application makes it, so that it is known before the first write;
// it is ordered by time, so that indexes and partitions stay local. Externally it is a TypeID (github.com/jetify-com/typeid,
// specification 0.3): the entity's kind, an underscore and the UUID in 26 characters of lower-case Crockford base32, such as
// order_01h455vb4pex5vsknk084sn02q. Both forms sort alike.
package id

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"go.jetify.com/typeid/base32"

	"github.com/orderwire/orderwire/internal/fault"
)

// Prefix is the kind of an entity in its TypeID.
type Prefix string

// The kinds with ids of their own.
const (
	Order    Prefix = "order"
	Payment  Prefix = "payment"
	Product  Prefix = "product"
	Refund   Prefix = "refund"
	Event    Prefix = "event"
	Customer Prefix = "customer"
	Attempt  Prefix = "attempt"
	// Endpoint and Delivery are for outgoing webhooks.
	Endpoint Prefix = "endpoint"
	Delivery Prefix = "delivery"
	// Audit is for entries of the audit trail.
	Audit Prefix = "audit"
)

// prefixes has the kinds that ParseAny accepts.
var prefixes = map[Prefix]bool{
	Order: true, Payment: true, Product: true, Refund: true, Event: true, Customer: true, Attempt: true,
	Endpoint: true, Delivery: true, Audit: true,
}

// suffixLength is the length of 128 bits in base32.
const suffixLength = 26

// Some wraps an id where one may be absent. uuid.NullUUID{} is none. An id of zeros never means none, because clients can
// send it.
func Some(u uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: u, Valid: true} }

// New returns a new UUIDv7 of the machine's clock, for entities that are not sorted by time. Within one process later ids
// sort after earlier ones.
func New() uuid.UUID {
	return uuid.Must(uuid.NewV7()) // fails only without a source of randomness, and then crypto/rand ends the process
}

// Format returns u as a TypeID of the given kind.
func Format(p Prefix, u uuid.UUID) string {
	return string(p) + "_" + base32.Encode(u)
}

// Parse parses a TypeID of the given kind. Any other text is BAD_USER_INPUT with a message that names the expected form. It
// does not check that the entity exists.
func Parse(p Prefix, s string) (uuid.UUID, error) {
	suffix, ok := strings.CutPrefix(s, string(p)+"_")
	if !ok {
		return uuid.UUID{}, malformed(p, s)
	}
	u, ok := decode(suffix)
	if !ok {
		return uuid.UUID{}, malformed(p, s)
	}
	return u, nil
}

// ParseAny parses a TypeID of any kind, for node(id:). Any other text is BAD_USER_INPUT.
func ParseAny(s string) (Prefix, uuid.UUID, error) {
	kind, suffix, found := strings.Cut(s, "_")
	u, ok := decode(suffix)
	if !found || !ok || !prefixes[Prefix(kind)] {
		return "", uuid.UUID{}, fault.New(fault.BadUserInput,
			fmt.Sprintf("%s is not an id: expected a kind and %d characters, such as order_…", fault.Quote(s), suffixLength))
	}
	return Prefix(kind), u, nil
}

func decode(suffix string) (uuid.UUID, bool) {
	// 26 characters hold 130 bits. Above 7zzz… the id would not fit 128 bits, and two texts would mean the same id.
	if len(suffix) != suffixLength || suffix[0] > '7' {
		return uuid.UUID{}, false
	}
	b, err := base32.Decode(suffix)
	if err != nil {
		return uuid.UUID{}, false
	}
	return uuid.UUID(b), true
}

func malformed(p Prefix, s string) error {
	return fault.New(fault.BadUserInput,
		fmt.Sprintf("%s is not %s id: expected %s_… with %d characters after the underscore", fault.Quote(s), article(p), p, suffixLength))
}

func article(p Prefix) string {
	if strings.ContainsRune("aeiou", rune(p[0])) {
		return "an " + string(p)
	}
	return "a " + string(p)
}

// numberAlphabet is Crockford's base32: no I, L, O or U, so that a number survives being read aloud.
const numberAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Number returns an order number for people: OW- and 8 random characters. It does not reveal how many orders there are. With
// 40 bits a collision is unlikely but possible: the database's unique constraint detects it, and the caller draws again.
func Number() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // crypto/rand never returns an error: it ends the process
	for i := range b {
		b[i] = numberAlphabet[b[i]%32] // 256 is a multiple of 32, so no character is favoured
	}
	return "OW-" + string(b[:])
}

// customerNamespace separates our name-based ids from everybody else's. It must never change, because stored orders refer to
// these ids.
var customerNamespace = uuid.MustParse("ec49acdd-ff7f-481f-9ab6-6e5c24e7a2c8")

// ForCustomer returns the id of the customer that issuer calls subject. It is the same on every replica and after every
// restart, without a table. It is a name-based UUIDv8 over SHA-256 (RFC 9562 section 5.8, appendix B.2) of the namespace and
// both names. Each name follows its length as 8 bytes, so that no two pairs give the same input.
func ForCustomer(issuer, subject string) uuid.UUID {
	h := sha256.New()
	h.Write(customerNamespace[:])
	for _, name := range []string{issuer, subject} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(name)))
		h.Write(length[:])
		h.Write([]byte(name))
	}
	u := uuid.UUID(h.Sum(nil)[:16])
	u[6] = u[6]&0x0f | 0x80 // version 8
	u[8] = u[8]&0x3f | 0x80 // the variant of RFC 9562
	return u
}
