package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq/oid"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
)

// record reads the fields of a row in the binary form of PostgreSQL's composite types (record_send in its rowtypes.c), one after the
// other; see docs/decisions/0018-rows-as-binary-records.md. Each method takes the next field, which must be of its type. After the
// first error all fields are zero values, and end returns the error. Values that were read share no memory with the input.
// Go evaluates calls in one expression in the order they are written (its specification, "Order of evaluation"), so a literal may read.
type record struct {
	rest []byte
	n    int // how many fields there are left
	err  error
}

// Errors of records. One of them means that a statement's columns and its reader differ.
var (
	errNotRecord   = errors.New("not a record")
	errShortRecord = errors.New("record ends early")
	errLongRecord  = errors.New("record has more fields than are read")
)

// newRecord returns a reader of a record_send column as sql.Scanner gets it.
func newRecord(src any) (*record, error) {
	raw, ok := src.([]byte)
	if !ok {
		return nil, fmt.Errorf("%w: %T", errNotRecord, src)
	}
	r := recordOf(raw)
	return &r, r.err
}

func recordOf(raw []byte) record {
	r := record{rest: raw}
	r.n = int(r.uint32())
	return r
}

// end returns the first error. Fields that were not read are an error too.
func (r *record) end() error {
	if r.err == nil && (r.n != 0 || len(r.rest) != 0) {
		r.err = errLongRecord
	}
	return r.err
}

// fail ends the reading.
func (r *record) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.rest, r.n = nil, 0
}

func (r *record) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.fail(errShortRecord)
		return nil
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *record) uint32() uint32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// nullable takes a field of a type and of a size in bytes, -1 for any: nil for NULL.
func (r *record) nullable(of oid.Oid, size int) []byte {
	if r.err != nil {
		return nil
	}
	if r.n == 0 {
		r.fail(errShortRecord)
		return nil
	}
	r.n--
	if len(r.rest) < 2*4 {
		r.fail(errShortRecord)
		return nil
	}
	is, length := oid.Oid(binary.BigEndian.Uint32(r.rest)), binary.BigEndian.Uint32(r.rest[4:])
	r.rest = r.rest[2*4:]
	if is != of {
		r.fail(fmt.Errorf("field of type %s, not %s", oid.TypeName[is], oid.TypeName[of]))
		return nil
	}
	if length == nullSize {
		return nil
	}
	value := r.take(int(length))
	if value != nil && size >= 0 && len(value) != size {
		r.fail(fmt.Errorf("%s of %d bytes, not %d", oid.TypeName[of], len(value), size))
		return nil
	}
	return value
}

// field takes a field that must not be NULL.
func (r *record) field(of oid.Oid, size int) []byte {
	value := r.nullable(of, size)
	if value == nil && r.err == nil {
		r.fail(fmt.Errorf("%s is NULL", oid.TypeName[of]))
	}
	return value
}

// skip takes n fields of any type.
func (r *record) skip(n int) {
	for ; n > 0 && r.err == nil; n-- {
		if r.n == 0 {
			r.fail(errShortRecord)
			return
		}
		r.n--
		r.uint32()
		if length := r.uint32(); length != nullSize {
			r.take(int(length))
		}
	}
}

func (r *record) uuid() (u uuid.UUID) {
	copy(u[:], r.field(oid.T_uuid, len(u)))
	return u
}

func (r *record) text() string { return string(r.field(oid.T_text, -1)) }

func (r *record) int8() int64 {
	b := r.field(oid.T_int8, 8)
	if b == nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b)) //nolint:gosec // as it is
}

func (r *record) int4() int {
	b := r.field(oid.T_int4, 4)
	if b == nil {
		return 0
	}
	return int(int32(binary.BigEndian.Uint32(b))) //nolint:gosec // as it is
}

func (r *record) bool() bool {
	b := r.field(oid.T_bool, 1)
	return b != nil && b[0] != 0
}

// time is in UTC.
func (r *record) time() time.Time {
	b := r.field(oid.T_timestamptz, 8)
	if b == nil {
		return time.Time{}
	}
	return timeOf(b)
}

func timeOf(b []byte) time.Time {
	return time.UnixMicro(postgresEpoch + int64(binary.BigEndian.Uint64(b))).UTC() //nolint:gosec // as it is
}

// json takes a jsonb into what v points to.
func (r *record) json(v any) { r.decode(r.field(oid.T_jsonb, -1), v) }

func (r *record) decode(value []byte, v any) {
	if r.err != nil {
		return
	}
	if len(value) == 0 || value[0] != jsonbVersion {
		r.fail(errors.New("jsonb of another version"))
		return
	}
	if err := decode(value[1:], v); err != nil {
		r.fail(err)
	}
}

func nullableUUID[I id.UUID](r *record) *I {
	b := r.nullable(oid.T_uuid, len(uuid.UUID{}))
	if b == nil {
		return nil
	}
	u := I(b)
	return &u
}

func (r *record) nullableTime() *time.Time {
	b := r.nullable(oid.T_timestamptz, 8)
	if b == nil {
		return nil
	}
	t := timeOf(b)
	return &t
}

// nullableText takes a text, nil for NULL.
func nullableText[T ~string](r *record) *T {
	b := r.nullable(oid.T_text, -1)
	if b == nil {
		return nil
	}
	s := T(b)
	return &s
}

// knownText takes a text that is a value of E. Any other value fails with fault.ErrNewer: a later version may have written it, and
// nothing is decided from an order that holds it.
func knownText[E fault.Enum](r *record) E {
	e := E(r.text())
	if r.err == nil {
		if err := fault.Known(e); err != nil {
			r.fail(err)
		}
	}
	return e
}

// nullableKnownText is knownText for a field that may be NULL: nil then.
func nullableKnownText[E fault.Enum](r *record) *E {
	e := nullableText[E](r)
	if e != nil {
		if err := fault.Known(*e); err != nil {
			r.fail(err)
		}
	}
	return e
}

// nullableJSON takes a jsonb, nil for NULL.
func nullableJSON[T any](r *record) *T {
	b := r.nullable(oid.T_jsonb, -1)
	if b == nil {
		return nil
	}
	v := new(T)
	r.decode(b, v)
	return v
}

// records takes an array of records. read fills in each element, and must read it to its end. The slice is empty and not nil when there
// are none.
func records[T any](r *record, read func(*record, *T)) []T {
	array := record{rest: r.field(oid.T__record, -1), err: r.err}
	dimensions := array.uint32()
	array.take(2 * 4) // whether there are nulls, and the type
	if dimensions == 0 {
		if array.err != nil {
			r.fail(array.err)
		}
		return []T{}
	}
	n := array.uint32()
	array.take(4) // the first one's index
	// An element takes at least its length and its number of fields, 8 bytes.
	values := make([]T, 0, min(int(n), len(array.rest)/8))
	var element record
	for range n {
		var value T
		values = append(values, value)
		element = recordOf(array.take(int(array.uint32())))
		read(&element, &values[len(values)-1])
		if err := errors.Join(array.err, element.end()); err != nil {
			r.fail(err)
			return []T{}
		}
	}
	return values
}

// orZero returns *p, or the zero value for nil.
func orZero[T any](p *T) (zero T) {
	if p == nil {
		return zero
	}
	return *p
}
