// Package id makes and parses identifiers.
//
// Internally an id is a UUIDv7 (RFC 9562 section 5.7). The application makes it, so that it is known before the first write;
// it is ordered by time, so that indexes and partitions stay local. Externally it is a TypeID (github.com/jetify-com/typeid,
// specification 0.3): the entity's kind, an underscore and the UUID in 26 characters of lower-case Crockford base32, such as
// order_01h455vb4pex5vsknk084sn02q. Both forms sort alike.
//
// Each kind has a Go type: Order, Payment and so on. So the compiler refuses a payment's id where an order's is wanted.
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

// suffixLength is the length of 128 bits in base32.
const suffixLength = 26

// New returns a new UUIDv7 of the machine's clock, for entities that are not sorted by time: id.New[id.Product](). Within one
// process later ids sort after earlier ones.
func New[I UUID]() I {
	return I(uuid.Must(uuid.NewV7())) // fails only without a source of randomness, and then crypto/rand ends the process
}

// Parse parses the TypeID of an entity: id.Parse[id.Order](text). Any other text is BAD_USER_INPUT with a message that names
// the expected form. It does not check that the entity exists.
func Parse[I Entity](text string) (I, error) {
	var none I
	suffix, ok := strings.CutPrefix(text, string(none.Kind())+"_")
	if !ok {
		return none, malformed(none.Kind(), text)
	}
	u, ok := decode(suffix)
	if !ok {
		return none, malformed(none.Kind(), text)
	}
	return I(u), nil
}

// ParseAny parses a TypeID of any kind, for node(id:). Any other text is BAD_USER_INPUT.
func ParseAny(text string) (Kind, uuid.UUID, error) {
	kind, suffix, found := strings.Cut(text, "_")
	u, ok := decode(suffix)
	if !found || !ok || !kinds[Kind(kind)] {
		return "", uuid.UUID{}, fault.New(fault.BadUserInput,
			fmt.Sprintf("%s is not an id: expected a kind and %d characters, such as order_…", fault.Quote(text), suffixLength))
	}
	return Kind(kind), u, nil
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

func malformed(k Kind, text string) error {
	return fault.New(fault.BadUserInput,
		fmt.Sprintf("%s is not %s id: expected %s_… with %d characters after the underscore", fault.Quote(text), article(k), k, suffixLength))
}

func article(k Kind) string {
	if strings.ContainsRune("aeiou", rune(k[0])) {
		return "an " + string(k)
	}
	return "a " + string(k)
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
func ForCustomer(issuer, subject string) Customer {
	h := sha256.New()
	h.Write(customerNamespace[:])
	for _, name := range []string{issuer, subject} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(name)))
		h.Write(length[:])
		h.Write([]byte(name))
	}
	u := Customer(h.Sum(nil)[:16])
	u[6] = u[6]&0x0f | 0x80 // version 8
	u[8] = u[8]&0x3f | 0x80 // the variant of RFC 9562
	return u
}
