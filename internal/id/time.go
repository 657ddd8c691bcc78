package id

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"time"
)

// ticksPerMilli is the number of ticks in a millisecond. A UUIDv7 has 12 bits for the fraction of its millisecond here, so a
// tick is a quarter of a microsecond.
const ticksPerMilli = 1 << 12

// At returns a new UUIDv7 of a time: its milliseconds, 12 bits of their fraction (RFC 9562 section 6.2, method 3) and 62
// random bits. An entity that is listed, counted or deleted by the time in its id must take the id from the same clock as
// its times. Use it with a type: id.At[id.Order](now).
func At[I UUID](now time.Time) I {
	milli := now.UnixMilli()
	fraction := now.Sub(time.UnixMilli(milli)) * ticksPerMilli / time.Millisecond
	return ofTick[I](milli*ticksPerMilli + int64(fraction))
}

// After is At, but the id sorts after before whatever now is. So the ids of one order keep the sequence in which they were
// made, even if several are made at one time or on replicas with different clocks.
func After[I UUID](before I, now time.Time) I {
	u := At[I](now)
	if bytes.Compare(u[:], before[:]) > 0 {
		return u
	}
	return ofTick[I](tickOf(before) + 1)
}

func ofTick[I UUID](tick int64) I {
	var u I
	_, _ = rand.Read(u[8:])                                               // crypto/rand never returns an error: it ends the process
	binary.BigEndian.PutUint64(u[:8], uint64(tick/ticksPerMilli)<<16)     //nolint:gosec // after 1970
	binary.BigEndian.PutUint16(u[6:8], 0x7000|uint16(tick%ticksPerMilli)) //nolint:gosec // 12 bits
	u[8] = u[8]&0x3f | 0x80                                               // the variant of RFC 9562
	return u
}

func tickOf[I UUID](u I) int64 {
	first := int64(binary.BigEndian.Uint64(u[:8])) //nolint:gosec // 48 bits of milliseconds, so far from the sign
	return first>>16*ticksPerMilli + first&(ticksPerMilli-1)
}
