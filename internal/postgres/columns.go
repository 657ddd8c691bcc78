package postgres

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq/oid"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
)

// The types that columns have.
var (
	typeUUID    = sqlType{"uuid", oid.T_uuid, len(uuid.UUID{})}
	typeText    = sqlType{"text", oid.T_text, 16}
	typeInteger = sqlType{"integer", oid.T_int4, 4}
	typeBigint  = sqlType{"bigint", oid.T_int8, 8}
	typeFloat   = sqlType{"double precision", oid.T_float8, 8}
	typeBoolean = sqlType{"boolean", oid.T_bool, 1}
	typeTime    = sqlType{"timestamp with time zone", oid.T_timestamptz, 8}
	typeBytes   = sqlType{"bytea", oid.T_bytea, 32}
	typeJSON    = sqlType{"jsonb", oid.T_jsonb, 256}
)

// sink takes the value of a column: an array, or the JSON object of the row.
type sink interface {
	addNull()
	addUUID(u uuid.UUID)
	addText(s string)
	addInt(v int64)
	addFloat(v float64)
	addBool(b bool)
	addTime(t time.Time)
	addBytes(b []byte)
	addJSON(v any)
}

// field is a column whose value is one field of the row, which at returns.
func field[R any, V comparable](name string, t sqlType, at func(*R) *V, write func(sink, V), read func(*record) V) column[R] {
	return column[R]{
		name: name, sqlType: t,
		write: func(s sink, row *R) { write(s, *at(row)) },
		read:  func(r *record, row *R) { *at(row) = read(r) },
		same:  func(a, b *R) bool { return *at(a) == *at(b) },
	}
}

// nullable writes NULL for nil.
func nullable[V any](write func(sink, V)) func(sink, *V) {
	return func(s sink, v *V) {
		if v == nil {
			s.addNull()
			return
		}
		write(s, *v)
	}
}

// optional writes NULL for the zero value.
func optional[V comparable](write func(sink, V)) func(sink, V) {
	return func(s sink, v V) {
		var zero V
		if v == zero {
			s.addNull()
			return
		}
		write(s, v)
	}
}

// orNone reads NULL as the zero value.
func orNone[V any](read func(*record) *V) func(*record) V {
	return func(r *record) V { return orZero(read(r)) }
}

func writeText[T ~string](s sink, v T) { s.addText(string(v)) }

func writeUUID[I id.UUID](s sink, v I) { s.addUUID(uuid.UUID(v)) }

// uuidColumn is a uuid. The nullable one has NULL for nil, the optional one for the zero value; so do the others below.
func uuidColumn[R any, I id.UUID](name string, at func(*R) *I) column[R] {
	return field(name, typeUUID, at, writeUUID[I], func(r *record) I { return I(r.uuid()) })
}

func nullableUUIDColumn[R any, I id.UUID](name string, at func(*R) **I) column[R] {
	return field(name, typeUUID, at, nullable(writeUUID[I]), nullableUUID[I])
}

func optionalUUIDColumn[R any, I id.UUID](name string, at func(*R) *I) column[R] {
	return field(name, typeUUID, at, optional(writeUUID[I]), orNone(nullableUUID[I]))
}

// textColumn is a text of any value.
func textColumn[R any, T ~string](name string, at func(*R) *T) column[R] {
	return field(name, typeText, at, writeText[T], func(r *record) T { return T(r.text()) })
}

func nullableTextColumn[R any](name string, at func(*R) **string) column[R] {
	return field(name, typeText, at, nullable(writeText[string]), nullableText[string])
}

func optionalTextColumn[R any](name string, at func(*R) *string) column[R] {
	return field(name, typeText, at, optional(writeText[string]), orNone(nullableText[string]))
}

// enumColumn is a text with a fixed set of values. Reading any other value fails, see knownText.
func enumColumn[R any, E fault.Enum](name string, at func(*R) *E) column[R] {
	return field(name, typeText, at, writeText[E], knownText[E])
}

func nullableEnumColumn[R any, E fault.Enum](name string, at func(*R) **E) column[R] {
	return field(name, typeText, at, nullable(writeText[E]), nullableKnownText[E])
}

func optionalEnumColumn[R any, E fault.Enum](name string, at func(*R) *E) column[R] {
	return field(name, typeText, at, optional(writeText[E]), orNone(nullableKnownText[E]))
}

func integerColumn[R any](name string, at func(*R) *int) column[R] {
	return field(name, typeInteger, at, func(s sink, v int) { s.addInt(int64(v)) }, (*record).int4)
}

func bigintColumn[R any](name string, at func(*R) *int64) column[R] {
	return field(name, typeBigint, at, sink.addInt, (*record).int8)
}

func boolColumn[R any](name string, at func(*R) *bool) column[R] {
	return field(name, typeBoolean, at, sink.addBool, (*record).bool)
}

// timeColumn is read in UTC.
func timeColumn[R any](name string, at func(*R) *time.Time) column[R] {
	return field(name, typeTime, at, sink.addTime, (*record).time)
}

func nullableTimeColumn[R any](name string, at func(*R) **time.Time) column[R] {
	return field(name, typeTime, at, nullable(sink.addTime), (*record).nullableTime)
}

func nullableJSONColumn[R, V any](name string, at func(*R) **V) column[R] {
	return field(name, typeJSON, at, nullable(func(s sink, v V) { s.addJSON(v) }), nullableJSON[V])
}

// jsonColumn is a jsonb of any value. Two are never the same.
func jsonColumn[R, V any](name string, at func(*R) *V) column[R] {
	return column[R]{
		name: name, sqlType: typeJSON,
		write: func(s sink, row *R) { s.addJSON(at(row)) },
		read:  func(r *record, row *R) { r.json(at(row)) },
		same:  func(_, _ *R) bool { return false },
	}
}

// jsonListColumn is a jsonb array, [] for none. Most rows have none, so that is not parsed.
func jsonListColumn[R, V any](name string, at func(*R) *[]V) column[R] {
	c := jsonColumn(name, at)
	c.write = func(s sink, row *R) {
		if list := *at(row); len(list) > 0 {
			s.addJSON(list)
		} else {
			s.addJSON(noItems)
		}
	}
	c.read = func(r *record, row *R) {
		raw := r.field(oid.T_jsonb, -1)
		if string(raw) == noItemsBinary {
			*at(row) = []V{}
			return
		}
		r.decode(raw, at(row))
	}
	return c
}

// rareListColumn is jsonListColumn for a list that hardly any row has: nil for none, and compared, so that a row without a change of it is
// not written.
func rareListColumn[R any, V comparable](name string, at func(*R) *[]V) column[R] {
	c := jsonListColumn(name, at)
	readList := c.read
	c.read = func(r *record, row *R) {
		if readList(r, row); len(*at(row)) == 0 {
			*at(row) = nil
		}
	}
	c.same = func(a, b *R) bool { return slices.Equal(*at(a), *at(b)) }
	return c
}

// noItems is an empty JSON array, noItemsBinary its binary form.
var (
	noItems       = json.RawMessage(`[]`)
	noItemsBinary = string(rune(jsonbVersion)) + `[]`
)

// input is a column that is only written.
func input[R, V any](name string, t sqlType, value func(*R) V, write func(sink, V)) column[R] {
	return column[R]{name: name, sqlType: t, write: func(s sink, row *R) { write(s, value(row)) }}.notRead()
}
