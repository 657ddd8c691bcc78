package postgres

import (
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// createRow is create.sql's input for one order.
type createRow struct {
	order *order.Order
	key   keyRow
	// leased means that this process has the order's lease from the start.
	leased bool
}

// createTable is create.sql's input: the columns of each table that differ between new orders.
var createTable = tableOf("input",
	sent(headTable, "", func(c *createRow) *order.Head { return c.order.Head }),
	sent(stateTable, "", func(c *createRow) *order.Order { return c.order }),
	sent(paymentTable, "payment_", func(c *createRow) *payment.Payment { return c.order.Payment() }),
	sent(eventTable, "event_", func(c *createRow) *order.Event { return &c.order.Events()[0] }),
	sent(keyTable, "key_", func(c *createRow) *keyRow { return &c.key }),
	[]column[createRow]{
		input("leased", typeBoolean, func(c *createRow) bool { return c.leased }, sink.addBool),
		input("source", typeUUID, func(c *createRow) uuid.UUID { return c.order.Source }, optional(sink.addUUID)),
	},
)

// changeRow is change.sql's input for one order.
type changeRow struct {
	order *order.Order
	due   order.Due
	from  order.Revision
	// token is that of the worker's lease, lease that of a requested one. holdFor is the duration of either, in seconds.
	token, lease *int64
	holdFor      float64
	// retried means that the change adds a payment, requested from source.
	retried bool
	source  uuid.UUID
}

// changeTable is change.sql's input of orders.
var changeTable = tableOf("input",
	[]column[changeRow]{
		input("id", typeUUID, func(c *changeRow) id.Order { return c.order.ID }, writeUUID),
		input("revision", typeBigint, func(c *changeRow) int64 { return c.from.Number }, sink.addInt),
		input("server", typeTime, func(c *changeRow) time.Time { return c.from.Server }, sink.addTime),
		input("token", typeBigint, func(c *changeRow) *int64 { return c.token }, nullable(sink.addInt)),
		input("lease", typeBigint, func(c *changeRow) *int64 { return c.lease }, nullable(sink.addInt)),
		input("hold_for", typeFloat, func(c *changeRow) float64 { return c.holdFor }, optional(sink.addFloat)),
		input("due_at", typeTime, func(c *changeRow) *time.Time { return c.due.At }, nullable(sink.addTime)),
		input("lane", typeText, func(c *changeRow) string { return c.due.Lane }, sink.addText),
		input("own_due_at", typeTime, func(c *changeRow) *time.Time { return c.due.OwnAt }, nullable(sink.addTime)),
		input("retried", typeBoolean, func(c *changeRow) bool { return c.retried }, sink.addBool),
		input("source", typeUUID, func(c *changeRow) uuid.UUID { return c.source }, optional(sink.addUUID)),
	},
	columnsOf(stateTable, func(c *changeRow) *order.Order { return c.order }),
)

// auditRow is an audit entry with the order whose change it records.
type auditRow struct {
	orderID id.Order
	*audit.Entry
}

var auditInput = tableOf("input",
	[]column[auditRow]{input("order_id", typeUUID, func(a *auditRow) id.Order { return a.orderID }, writeUUID)},
	columnsOf(auditTable, func(a *auditRow) *audit.Entry { return a.Entry }),
)

var outcomeInput = tableOf("input", []column[outcomeRow]{
	input("order_id", typeUUID, func(o *outcomeRow) id.Order { return o.orderID }, writeUUID),
	input("succeeded", typeBoolean, func(o *outcomeRow) bool { return o.succeeded }, sink.addBool),
	input("of_customer", typeFloat, func(o *outcomeRow) float64 { return o.ofCustomer }, sink.addFloat),
	input("of_address", typeFloat, func(o *outcomeRow) float64 { return o.ofAddress }, sink.addFloat),
	input("most", typeFloat, func(o *outcomeRow) float64 { return o.most }, sink.addFloat),
})

// statementData has the names that the templates of the SQL files can use: tables, and records of whole orders.
type statementData struct {
	Heads    *table[order.Head]
	States   *table[order.Order]
	Payments *table[payment.Payment]
	Refunds  *table[payment.Refund]
	Attempts *table[payment.Attempt]
	Events   *table[order.Event]
	Keys     *table[keyRow]
	Audits   *table[audit.Entry]

	// Inputs of statements.
	Created  *table[createRow]
	Changed  *table[changeRow]
	Outcomes *table[outcomeRow]

	OrderRecord, OpenAttempts string
}

var statementParts = statementData{
	headTable, stateTable, paymentTable, refundTable, attemptTable, eventTable, keyTable, auditTable,
	createTable, changeTable, outcomeInput,
	orderRecord, attemptsRecord(openMessage, `a.order_id = o.id`),
}
