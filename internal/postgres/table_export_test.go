package postgres

import "reflect"

// Column is a column of a Table.
type Column struct{ Table, Name, Type string }

// Columns are those of all tables that the database has too.
func Columns() (columns []Column) {
	columns = append(columns, columnsIn(headTable)...)
	columns = append(columns, columnsIn(stateTable)...)
	columns = append(columns, columnsIn(paymentTable)...)
	columns = append(columns, columnsIn(refundTable)...)
	columns = append(columns, columnsIn(attemptTable)...)
	columns = append(columns, columnsIn(eventTable)...)
	columns = append(columns, columnsIn(keyTable)...)
	return append(columns, columnsIn(auditTable)...)
}

func columnsIn[R any](t *table[R]) (columns []Column) {
	for _, c := range t.columns {
		columns = append(columns, Column{t.name, c.name, c.sql})
	}
	return columns
}

// StatementTexts are the SQL files without their parts, with each of them, and with all.
func StatementTexts() (texts []string) {
	texts = append(texts, asPrincipal(loadStatement.text(struct{}{}), 6))
	for _, limits := range []bool{false, true} {
		texts = append(texts, principalSet(1)+createStatement.text(createParts{Limits: limits}))
	}
	var all changeParts
	texts = append(texts, principalSet(2)+changeStatement.text(all))
	for part := range reflect.TypeFor[changeParts]().NumField() {
		var one changeParts
		reflect.ValueOf(&one).Elem().Field(part).SetBool(true)
		one.Due = one.Due || one.Leased // an order with a lease has a timer
		reflect.ValueOf(&all).Elem().Field(part).SetBool(true)
		texts = append(texts, principalSet(2)+changeStatement.text(one))
	}
	return append(texts, principalSet(2)+changeStatement.text(all))
}
