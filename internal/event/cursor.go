package event

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
)

// Cursors are opaque to clients: base64url (RFC 4648 section 5, no padding) of a kind byte, the log's epoch, the reader's
// place, and the mark of that place. Epoch and mark have 8 bytes, big-endian; other numbers are unsigned varints. The format
// is frozen, because clients keep cursors across upgrades: a new format needs a new kind byte.
//
// Kinds 1 and 2 are the old format: the epoch is a counter (a varint), and there is no mark. They are still read.
const (
	kindOldOrder = 1
	kindOldFeed  = 2
	kindOrder    = 3
	kindFeed     = 4
)

// Mark is a fingerprint of the log up to a place. A restored backup keeps its epoch and fills the same places with other events;
// then the mark differs. The mark 0 proves nothing.
type Mark uint64

// MarkOf returns an order's mark at an event: bits of the event's id, which is random and used once. An event always has the
// same versions before it, so its mark proves those too.
func MarkOf(eventID id.Event) Mark { return Mark(binary.BigEndian.Uint64(eventID[8:])) }

// proves reports whether the log's mark m shows that a cursor's mark names the same place of the same log.
func (m Mark) proves(cursor Mark) bool { return m != 0 && m == cursor }

// differs reports whether two marks of one place certainly belong to different logs.
func (m Mark) differs(other Mark) bool { return m != 0 && other != 0 && m != other }

// OrderCursor is the cursor of a reader that has the order's events up to Version.
type OrderCursor struct {
	Epoch   int64
	OrderID id.Order
	Version int
	// Mark is MarkOf the event of Version.
	Mark Mark
	// old: it is in the format of kind 1, without a mark.
	old bool
}

// String returns the cursor as clients get it.
func (c OrderCursor) String() string {
	b := make([]byte, 0, 1+8+16+5+8)
	if c.old {
		b = append(b, kindOldOrder)
		b = binary.AppendUvarint(b, uint64(c.Epoch))
	} else {
		b = append(b, kindOrder)
		b = binary.BigEndian.AppendUint64(b, uint64(c.Epoch))
	}
	b = append(b, c.OrderID[:]...)
	b = binary.AppendUvarint(b, uint64(c.Version))
	if !c.old {
		b = binary.BigEndian.AppendUint64(b, uint64(c.Mark))
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseOrder parses a cursor of the given order. Any other text, a feed's cursor and another order's are INVALID_CURSOR.
func ParseOrder(s string, orderID id.Order) (OrderCursor, error) {
	r, kind := open(s)
	if kind != kindOrder && kind != kindOldOrder {
		return OrderCursor{}, errInvalid("of an order's events")
	}
	c := OrderCursor{old: kind == kindOldOrder}
	c.Epoch = r.epoch(c.old)
	copy(c.OrderID[:], r.take(len(c.OrderID)))
	c.Version = int(r.varint())
	if !c.old {
		c.Mark = Mark(r.fixed())
	}
	// Only the text that String writes is valid, so that cursors can be compared as texts.
	if !r.whole() || c.String() != s {
		return OrderCursor{}, errInvalid("of an order's events")
	}
	if c.OrderID != orderID {
		return OrderCursor{}, errInvalid("of this order")
	}
	return c, nil
}

// FeedCursor is the cursor of a reader that has the feed up to Position.
type FeedCursor struct {
	Epoch    int64
	Position int64
	// Mark is the feed's mark at Position.
	Mark Mark
	// old: it is in the format of kind 2, without a mark.
	old bool
}

// String returns the cursor as clients get it.
func (c FeedCursor) String() string {
	b := make([]byte, 0, 1+8+9+8)
	if c.old {
		b = append(b, kindOldFeed)
		b = binary.AppendUvarint(b, uint64(c.Epoch))
	} else {
		b = append(b, kindFeed)
		b = binary.BigEndian.AppendUint64(b, uint64(c.Epoch))
	}
	b = binary.AppendUvarint(b, uint64(c.Position))
	if !c.old {
		b = binary.BigEndian.AppendUint64(b, uint64(c.Mark))
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// In tells whether the cursor is one of the log with this extent, which must be the one at the cursor's position.
func (c FeedCursor) In(log Extent) bool {
	if c.Position > log.Last.Position {
		return false
	}
	return log.At.proves(c.Mark) || !c.old && c.Epoch == log.Epoch && !log.At.differs(c.Mark)
}

// ParseFeed parses a feed's cursor. Any other text and an order's cursor are INVALID_CURSOR.
func ParseFeed(s string) (FeedCursor, error) {
	r, kind := open(s)
	if kind != kindFeed && kind != kindOldFeed {
		return FeedCursor{}, errInvalid("of a feed")
	}
	c := FeedCursor{old: kind == kindOldFeed}
	c.Epoch = r.epoch(c.old)
	c.Position = r.varint()
	if !c.old {
		c.Mark = Mark(r.fixed())
	}
	if !r.whole() || c.String() != s {
		return FeedCursor{}, errInvalid("of a feed")
	}
	return c, nil
}

// cursorReader reads the bytes of a cursor. After an error, all reads return zero and whole returns false.
type cursorReader struct {
	rest []byte
	bad  bool
}

// open decodes a cursor and returns a reader behind its kind. Kind 0 is no valid cursor.
func open(s string) (*cursorReader, byte) {
	// The longest cursor has 1 + 8 + 16 + 9 + 8 bytes.
	if len(s) > 64 {
		return nil, 0
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) == 0 {
		return nil, 0
	}
	return &cursorReader{rest: b[1:]}, b[0]
}

func (r *cursorReader) take(n int) []byte {
	if r.bad || len(r.rest) < n {
		r.bad = true
		return make([]byte, n)
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *cursorReader) fixed() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

// varint reads a number that fits an int64.
func (r *cursorReader) varint() int64 {
	v, n := binary.Uvarint(r.rest)
	if r.bad || n <= 0 || v > 1<<62 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return int64(v)
}

func (r *cursorReader) epoch(old bool) int64 {
	if old {
		return r.varint()
	}
	v := r.fixed()
	if v > 1<<63-1 {
		r.bad = true
		return 0
	}
	return int64(v)
}

// whole reports whether all bytes were read without an error.
func (r *cursorReader) whole() bool { return !r.bad && len(r.rest) == 0 }

func errInvalid(what string) error {
	return fault.New(fault.InvalidCursor, "after is not a cursor "+what+": pass one that this subscription has given you, unchanged.")
}
