package postgres

import "github.com/google/uuid"

// OrderRecord is the expression that storedOrder reads.
var OrderRecord = orderRecord

// StoredOrder reads a column with an OrderRecord.
type StoredOrder = storedOrder

// AllFields has a field of each kind that a record has.
type AllFields struct {
	UUID, ID      uuid.UUID
	NoID          *uuid.UUID
	Text, Empty   string
	Some, None    *string
	Large         int64
	Small         int
	Yes, No       bool
	At, Later     string
	Never         bool
	JSON          map[string]int
	NoJSON        *map[string]int
	Rows, NoRows  []string
	AfterSkipping string
}

// AllFieldsRecord is the expression that ReadAllFields reads.
const AllFieldsRecord = `record_send(ROW(
	'01890000-0000-7000-8000-000000000001'::uuid, '01890000-0000-7000-8000-000000000002'::uuid, NULL::uuid, 'Zoë'::text, ''::text, 'some'::text, NULL::text,
	-9000000000::bigint, -7::integer, true, false, '1999-12-31T23:59:59.999999Z'::timestamptz, '2026-11-29T01:00:00.000001+01'::timestamptz, NULL::timestamptz,
	'{"a": 1}'::jsonb, NULL::jsonb,
	ARRAY(SELECT ROW(a, b) FROM (VALUES (1, 'one'::text), (2, NULL::text)) AS t (a, b)), ARRAY(SELECT ROW(1) WHERE false),
	1.5::numeric, NULL::point, 'end'::text))`

// ReadAllFields reads an AllFieldsRecord.
func ReadAllFields(raw []byte) (f AllFields, err error) {
	r, err := newRecord(raw)
	if err != nil {
		return f, err
	}
	f.UUID, f.ID, f.NoID = r.uuid(), orZero(nullableUUID[uuid.UUID](r)), nullableUUID[uuid.UUID](r)
	f.Text, f.Empty, f.Some, f.None = r.text(), r.text(), nullableText[string](r), nullableText[string](r)
	f.Large, f.Small, f.Yes, f.No = r.int8(), r.int4(), r.bool(), r.bool()
	f.At, f.Later, f.Never = r.time().String(), orZero(r.nullableTime()).String(), r.nullableTime() == nil
	r.json(&f.JSON)
	f.NoJSON = nullableJSON[map[string]int](r)
	f.Rows = records(r, func(r *record, row *string) {
		n, text := r.int4(), nullableText[string](r)
		if *row = orZero(text); text == nil {
			*row = string(rune('0' + n))
		}
	})
	f.NoRows = records(r, readText)
	r.skip(2)
	f.AfterSkipping = r.text()
	return f, r.end()
}

// ReadFields reads one field of a record by its name in record, and returns the error of the whole.
func ReadFields(src any, fields ...string) error {
	r, err := newRecord(src)
	if err != nil {
		return err
	}
	for _, field := range fields {
		map[string]func(){
			"uuid": func() { r.uuid() }, "text": func() { r.text() }, "int8": func() { r.int8() }, "time": func() { r.time() },
			"json": func() { r.json(new(string)) }, "records": func() { records(r, readText) }, "skip": func() { r.skip(1) },
		}[field]()
	}
	return r.end()
}

func readText(r *record, text *string) { *text = r.text() }
