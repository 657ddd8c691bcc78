package event

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/fault"
)

// Cursors are opaque to clients: base64url (RFC 4648 section 5, no padding) of a kind byte, the log's epoch, and where
// the reader stands. Numbers are unsigned varints. The format is frozen: clients keep cursors across upgrades, so a
// new format needs a new kind byte.
const (
	kindOrder = 1
	kindFeed  = 2
)

// OrderCursor says: the reader has version Version of this order and everything before.
type OrderCursor struct {
	Epoch   int
	OrderID uuid.UUID
	Version int
}

// String is the cursor as clients get it.
func (c OrderCursor) String() string {
	b := make([]byte, 0, 1+2+16+2)
	b = append(b, kindOrder)
	b = binary.AppendUvarint(b, uint64(c.Epoch))
	b = append(b, c.OrderID[:]...)
	b = binary.AppendUvarint(b, uint64(c.Version))
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseOrder reads a cursor of the given order. Garbage, a feed's cursor and another order's are INVALID_CURSOR.
func ParseOrder(s string, orderID uuid.UUID) (OrderCursor, error) {
	b, ok := payload(s, kindOrder)
	if !ok {
		return OrderCursor{}, errInvalid("of an order's events")
	}
	epoch, b, ok := number(b)
	if !ok || len(b) < len(orderID) {
		return OrderCursor{}, errInvalid("of an order's events")
	}
	c := OrderCursor{Epoch: int(epoch), OrderID: uuid.UUID(b[:len(orderID)])}
	version, rest, ok := number(b[len(orderID):])
	c.Version = int(version)
	// Only the one text that String writes is accepted, so that a cursor can be compared as a text.
	if !ok || len(rest) != 0 || c.String() != s {
		return OrderCursor{}, errInvalid("of an order's events")
	}
	if c.OrderID != orderID {
		return OrderCursor{}, errInvalid("of this order")
	}
	return c, nil
}

// FeedCursor says: the reader has the feed up to and including Position.
type FeedCursor struct {
	Epoch    int
	Position int64
}

// String is the cursor as clients get it.
func (c FeedCursor) String() string {
	b := make([]byte, 0, 1+2+8)
	b = append(b, kindFeed)
	b = binary.AppendUvarint(b, uint64(c.Epoch))
	b = binary.AppendUvarint(b, uint64(c.Position))
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseFeed reads a feed's cursor. Garbage and an order's cursor are INVALID_CURSOR.
func ParseFeed(s string) (FeedCursor, error) {
	b, ok := payload(s, kindFeed)
	if !ok {
		return FeedCursor{}, errInvalid("of a feed")
	}
	epoch, b, ok := number(b)
	if !ok {
		return FeedCursor{}, errInvalid("of a feed")
	}
	position, rest, ok := number(b)
	c := FeedCursor{Epoch: int(epoch), Position: position}
	if !ok || len(rest) != 0 || c.String() != s {
		return FeedCursor{}, errInvalid("of a feed")
	}
	return c, nil
}

// payload is what follows the kind byte.
func payload(s string, kind byte) ([]byte, bool) {
	// The longest cursor has 1 + 10 + 16 + 10 bytes.
	if len(s) > 64 {
		return nil, false
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) == 0 || b[0] != kind {
		return nil, false
	}
	return b[1:], true
}

// number reads a varint that fits an int64.
func number(b []byte) (value int64, rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 || v > 1<<62 {
		return 0, nil, false
	}
	return int64(v), b[n:], true
}

func errInvalid(what string) error {
	return fault.New(fault.InvalidCursor, "after is not a cursor "+what+": pass one that this subscription has given you, unchanged.")
}
