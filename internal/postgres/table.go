package postgres

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lib/pq/oid"
)

// table describes how rows of a Go type R are stored: one line per column, as a state machine has one line per transition. Column
// lists of statements, arrays and JSON that write rows, and the reader of records are derived from it. So a new column is a line in
// tables.go and a migration; TestTables compares the tables with the migrated database.
//
// The input of a statement is a table too (inputs.go).
type table[R any] struct {
	name    string
	columns []column[R]
}

// column is one column of the rows R. A function of columns.go makes it, and the methods below add options.
type column[R any] struct {
	name string
	sqlType
	write func(sink, *R)
	read  func(*record, *R)
	same  func(a, b *R) bool
	// origin is the value of a new row, see createdAs.
	origin string
	// unset, fixed and implied: see the methods of these names.
	unset, fixed, implied bool
	// update is the value of an existing row, see updatedTo.
	update string
}

// sqlType is a type of PostgreSQL. size is the usual size of a value in bytes.
type sqlType struct {
	sql  string
	oid  oid.Oid
	size int
}

// createdAs makes create.sql compute a new row's value by an SQL expression over its input, so that it is not sent.
func (c column[R]) createdAs(expression string) column[R] {
	c.origin = expression
	return c
}

// unsetAtFirst makes create.sql leave the column to its default, which every new row has.
func (c column[R]) unsetAtFirst() column[R] {
	c.unset = true
	return c
}

// neverChanges keeps the value of an existing row.
func (c column[R]) neverChanges() column[R] {
	c.fixed = true
	return c
}

// updatedTo sets the SQL expression of an existing row's new value.
func (c column[R]) updatedTo(expression string) column[R] {
	c.update = expression
	return c
}

// notRead leaves the column out of records, because their reader has the value from elsewhere.
func (c column[R]) notRead() column[R] {
	c.implied = true
	return c
}

// Names are the columns: a, b, c.
func (t *table[R]) Names() string {
	return t.list(func(c *column[R]) string { return c.name })
}

// Definitions are the columns with their types: a uuid, b text.
func (t *table[R]) Definitions() string {
	return t.list(func(c *column[R]) string { return c.name + " " + c.sql })
}

// From are the columns of an alias: x.a, x.b.
func (t *table[R]) From(alias string) string {
	return t.list(func(c *column[R]) string { return alias + "." + c.name })
}

// Updates are the assignments that update a row from the same columns of an alias: a = x.a, b = x.b.
func (t *table[R]) Updates(alias string) string {
	return t.list(func(c *column[R]) string {
		switch {
		case c.fixed:
			return ""
		case c.update != "":
			return c.name + " = " + c.update
		}
		return c.name + " = " + alias + "." + c.name
	})
}

// Arrays are parameters with an array for each column, as appendArrays makes them: $3::uuid[], $4::text[].
func (t *table[R]) Arrays(first int) string {
	n := first - 1
	return t.list(func(c *column[R]) string {
		n++
		return "$" + strconv.Itoa(n) + "::" + c.sql + "[]"
	})
}

// Created are the columns that create.sql sets.
func (t *table[R]) Created() string {
	return t.list(func(c *column[R]) string {
		if c.unset {
			return ""
		}
		return c.name
	})
}

// Creations are the values of Created, in the same order. A column of the input has the prefix that sent gave it.
func (t *table[R]) Creations(prefix string) string {
	return t.list(func(c *column[R]) string {
		switch {
		case c.unset:
			return ""
		case c.origin != "":
			return c.origin
		}
		return prefix + c.name
	})
}

// record are the fields that read reads, from the columns of an alias. instead has other expressions for some columns.
func (t *table[R]) record(alias string, instead map[string]string) string {
	return t.list(func(c *column[R]) string {
		switch expression := instead[c.name]; {
		case c.implied:
			return ""
		case expression != "":
			return expression
		}
		return alias + "." + c.name
	})
}

// list joins the results of a function of each column, without empty ones.
func (t *table[R]) list(of func(*column[R]) string) string {
	var parts []string
	for i := range t.columns {
		if part := of(&t.columns[i]); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// read takes the fields of a row.
func (t *table[R]) read(r *record, row *R) {
	for i := range t.columns {
		if c := &t.columns[i]; !c.implied {
			c.read(r, row)
		}
	}
}

// equal reports whether no column differs. Pointers are compared by address: a change never writes through a pointer.
func (t *table[R]) equal(a, b *R) bool {
	for i := range t.columns {
		if !t.columns[i].same(a, b) {
			return false
		}
	}
	return true
}

// arrays returns an empty array for each column, with room for n rows.
func (t *table[R]) arrays(n int) []array {
	arrays := make([]array, len(t.columns))
	for i := range t.columns {
		arrays[i] = newArray(t.columns[i].oid, n, t.columns[i].size)
	}
	return arrays
}

// appendTo adds a row to its arrays.
func (t *table[R]) appendTo(arrays []array, row *R) {
	for i := range t.columns {
		t.columns[i].write(&arrays[i], row)
	}
}

// appendJSON adds a row as a JSON object without members for NULL.
func (t *table[R]) appendJSON(rows *jsonRows, row *R) {
	rows.begin()
	for i := range t.columns {
		rows.name = t.columns[i].name
		t.columns[i].write(rows, row)
	}
	rows.end()
}

// sent are the columns that create.sql is sent, as columns of a larger row, with a prefix to their names.
func sent[R, S any](t *table[S], prefix string, of func(*R) *S) []column[R] {
	var columns []column[R]
	for _, c := range columnsOf(t, of) {
		if c.origin == "" && !c.unset {
			c.name = prefix + c.name
			columns = append(columns, c)
		}
	}
	return columns
}

// columnsOf are the columns of a table as columns of a larger row.
func columnsOf[R, S any](t *table[S], of func(*R) *S) []column[R] {
	columns := make([]column[R], len(t.columns))
	for i, c := range t.columns {
		columns[i] = column[R]{
			name: c.name, sqlType: c.sqlType, origin: c.origin, unset: c.unset, fixed: c.fixed, implied: c.implied, update: c.update,
			write: func(s sink, row *R) { c.write(s, of(row)) },
			read:  func(r *record, row *R) { c.read(r, of(row)) },
			same:  func(a, b *R) bool { return c.same(of(a), of(b)) },
		}
	}
	return columns
}

// without is the table without a column.
func (t *table[R]) without(name string) *table[R] {
	return tableOf(t.name, slices.DeleteFunc(slices.Clone(t.columns), func(c column[R]) bool { return c.name == name }))
}

// tableOf makes a table of lists of columns.
func tableOf[R any](name string, columns ...[]column[R]) *table[R] {
	return &table[R]{name: name, columns: slices.Concat(columns...)}
}
