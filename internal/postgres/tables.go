package postgres

import (
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// headTable has the columns of orders that never change. The first is the id: see readHead.
var headTable = tableOf("orders", []column[order.Head]{
	uuidColumn("id", func(h *order.Head) *id.Order { return &h.ID }),
	textColumn("number", func(h *order.Head) *string { return &h.Number }),
	uuidColumn("customer_id", func(h *order.Head) *id.Customer { return &h.CustomerID }),
	textColumn("currency", func(h *order.Head) *string { return &h.Total.Currency }),
	bigintColumn("total_minor", func(h *order.Head) *int64 { return &h.Total.Minor }),
	jsonListColumn("lines", func(h *order.Head) *[]order.Line { return &h.Lines }),
	nullableTextColumn("note", func(h *order.Head) **string { return &h.Note }),
	nullableTextColumn("external_reference", func(h *order.Head) **string { return &h.ExternalReference }),
	jsonListColumn("metadata", func(h *order.Head) *[]order.Metadata { return &h.Metadata }),
	timeColumn("created_at", func(h *order.Head) *time.Time { return &h.CreatedAt }),
})

// stateTable has the other columns of orders.
var stateTable = tableOf("orders", []column[order.Order]{
	enumColumn("status", func(o *order.Order) *order.Status { return &o.Status }).createdAs(`'CREATED'`),
	integerColumn("version", func(o *order.Order) *int { return &o.Version }).createdAs(`1`),
	bigintColumn("captured_minor", func(o *order.Order) *int64 { return &o.Captured }).unsetAtFirst(),
	bigintColumn("refunded_minor", func(o *order.Order) *int64 { return &o.Refunded }).unsetAtFirst(),
	bigintColumn("refund_pending_minor", func(o *order.Order) *int64 { return &o.RefundPending }).unsetAtFirst(),
	bigintColumn("disputed_minor", func(o *order.Order) *int64 { return &o.Disputed }).unsetAtFirst(),
	nullableEnumColumn("cancel_reason", func(o *order.Order) **order.CancelReason { return &o.CancelReason }).unsetAtFirst(),
	nullableTextColumn("cancel_note", func(o *order.Order) **string { return &o.CancelNote }).unsetAtFirst().notRead(), // load.sql reads it
	timeColumn("updated_at", func(o *order.Order) *time.Time { return &o.UpdatedAt }).createdAs(`created_at`),
	nullableTimeColumn("expires_at", func(o *order.Order) **time.Time { return &o.ExpiresAt }),
	nullableTimeColumn("delivers_at", func(o *order.Order) **time.Time { return &o.DeliversAt }).unsetAtFirst(),
})

// paymentTable is read within its order, which has the order_id.
var paymentTable = tableOf("payments", []column[payment.Payment]{
	uuidColumn("id", func(p *payment.Payment) *id.Payment { return &p.ID }).neverChanges(),
	uuidColumn("order_id", func(p *payment.Payment) *id.Order { return &p.OrderID }).createdAs(`id`).neverChanges().notRead(),
	enumColumn("status", func(p *payment.Payment) *payment.Status { return &p.Status }).createdAs(`'INITIALIZING'`),
	bigintColumn("amount_minor", func(p *payment.Payment) *int64 { return &p.Amount.Minor }).createdAs(`total_minor`).neverChanges(),
	textColumn("currency", func(p *payment.Payment) *string { return &p.Amount.Currency }).createdAs(`currency`).neverChanges(),
	bigintColumn("captured_minor", func(p *payment.Payment) *int64 { return &p.Captured }).unsetAtFirst(),
	bigintColumn("refunded_minor", func(p *payment.Payment) *int64 { return &p.Refunded }).unsetAtFirst(),
	textColumn("provider", func(p *payment.Payment) *string { return &p.Provider }).neverChanges(),
	optionalTextColumn("provider_reference", func(p *payment.Payment) *string { return &p.Reference }).unsetAtFirst(),
	enumColumn("capture_method", func(p *payment.Payment) *payment.CaptureMethod { return &p.CaptureMethod }).neverChanges(),
	textColumn("method", func(p *payment.Payment) *string { return &p.Method }).neverChanges(),
	nullableTextColumn("decline_code", func(p *payment.Payment) **string { return &p.DeclineCode }).unsetAtFirst(),
	nullableJSONColumn("next_action", func(p *payment.Payment) **payment.NextAction { return &p.NextAction }).unsetAtFirst(),
	nullableTimeColumn("next_step_at", func(p *payment.Payment) **time.Time { return &p.NextStepAt }),
	optionalEnumColumn("goal", func(p *payment.Payment) *payment.Status { return &p.Goal }).unsetAtFirst(),
	nullableTimeColumn("recheck_at", func(p *payment.Payment) **time.Time { return &p.RecheckAt }).unsetAtFirst(),
	boolColumn("action_asked", func(p *payment.Payment) *bool { return &p.ActionAsked }).unsetAtFirst(),
	nullableEnumColumn("attention", func(p *payment.Payment) **payment.Attention { return &p.Attention }).unsetAtFirst(),
	boolColumn("delayed", func(p *payment.Payment) *bool { return &p.Delayed }).unsetAtFirst(),
	boolColumn("waits", func(p *payment.Payment) *bool { return &p.Waits }).unsetAtFirst(),
	rareListColumn("disputes", func(p *payment.Payment) *[]payment.Dispute { return &p.Disputes }).unsetAtFirst(),
	timeColumn("created_at", func(p *payment.Payment) *time.Time { return &p.CreatedAt }).createdAs(`created_at`).neverChanges(),
	timeColumn("updated_at", func(p *payment.Payment) *time.Time { return &p.UpdatedAt }).createdAs(`created_at`),
})

// refundTable is read within its order, which has the order_id.
var refundTable = tableOf("refunds", []column[payment.Refund]{
	uuidColumn("id", func(r *payment.Refund) *id.Refund { return &r.ID }).neverChanges(),
	uuidColumn("order_id", func(r *payment.Refund) *id.Order { return &r.OrderID }).neverChanges().notRead(),
	uuidColumn("payment_id", func(r *payment.Refund) *id.Payment { return &r.PaymentID }).neverChanges(),
	bigintColumn("amount_minor", func(r *payment.Refund) *int64 { return &r.Amount.Minor }).neverChanges(),
	textColumn("currency", func(r *payment.Refund) *string { return &r.Amount.Currency }).neverChanges(),
	enumColumn("status", func(r *payment.Refund) *payment.RefundStatus { return &r.Status }),
	nullableTextColumn("reason", func(r *payment.Refund) **string { return &r.Reason }),
	optionalEnumColumn("origin", func(r *payment.Refund) *payment.RefundOrigin { return &r.Origin }).neverChanges(),
	optionalTextColumn("provider_reference", func(r *payment.Refund) *string { return &r.Reference }),
	rareListColumn("lines", func(r *payment.Refund) *[]payment.RefundLine { return &r.Lines }).neverChanges(),
	timeColumn("created_at", func(r *payment.Refund) *time.Time { return &r.CreatedAt }).neverChanges(),
	timeColumn("updated_at", func(r *payment.Refund) *time.Time { return &r.UpdatedAt }),
})

var attemptTable = tableOf("payment_attempts", []column[payment.Attempt]{
	uuidColumn("id", func(a *payment.Attempt) *id.Attempt { return &a.ID }).neverChanges(),
	uuidColumn("order_id", func(a *payment.Attempt) *id.Order { return &a.OrderID }).neverChanges(),
	uuidColumn("payment_id", func(a *payment.Attempt) *id.Payment { return &a.PaymentID }).neverChanges(),
	nullableUUIDColumn("refund_id", func(a *payment.Attempt) **id.Refund { return &a.RefundID }).neverChanges(),
	enumColumn("operation", func(a *payment.Attempt) *payment.Operation { return &a.Operation }).neverChanges(),
	bigintColumn("minor", func(a *payment.Attempt) *int64 { return &a.Minor }).neverChanges(),
	boolColumn("keeps_rest", func(a *payment.Attempt) *bool { return &a.KeepsRest }).neverChanges(),
	nullableEnumColumn("outcome", func(a *payment.Attempt) **payment.AttemptOutcome { return &a.Outcome }),
	integerColumn("calls", func(a *payment.Attempt) *int { return &a.Calls }),
	boolColumn("look_up_only", func(a *payment.Attempt) *bool { return &a.LookUpOnly }),
	boolColumn("accepted", func(a *payment.Attempt) *bool { return &a.Accepted }),
	integerColumn("fresh_keys", func(a *payment.Attempt) *int { return &a.FreshKeys }),
	// An attempt that has ended is loaded without its message (openMessage), so its stored message is kept.
	textColumn("message", func(a *payment.Attempt) *string { return &a.Message }).
		updatedTo(`CASE WHEN a.finished_at IS NULL THEN EXCLUDED.message ELSE a.message END`),
	timeColumn("started_at", func(a *payment.Attempt) *time.Time { return &a.StartedAt }).neverChanges(),
	nullableTimeColumn("finished_at", func(a *payment.Attempt) **time.Time { return &a.FinishedAt }),
	nullableTimeColumn("next_call_at", func(a *payment.Attempt) **time.Time { return &a.NextCallAt }),
})

// eventTable is read with its order's head, which has the order_id. Its enums are read as texts: Event.Known reports values that this
// version does not know.
var eventTable = tableOf("order_events", []column[order.Event]{
	uuidColumn("order_id", func(e *order.Event) *id.Order { return &e.Order.ID }).createdAs(`id`).notRead(),
	integerColumn("version", func(e *order.Event) *int { return &e.Version }).createdAs(`1`),
	uuidColumn("id", func(e *order.Event) *id.Event { return &e.ID }),
	textColumn("type", func(e *order.Event) *order.EventType { return &e.Type }).createdAs(`'ORDER_CREATED'`),
	textColumn("actor_kind", func(e *order.Event) *order.ActorKind { return &e.Actor.Kind }),
	optionalUUIDColumn("actor_id", func(e *order.Event) *id.Customer { return &e.Actor.ID }).createdAs(`customer_id`),
	textColumn("request_id", func(e *order.Event) *string { return &e.RequestID }),
	timeColumn("occurred_at", func(e *order.Event) *time.Time { return &e.At }).createdAs(`created_at`),
	jsonColumn("data", func(e *order.Event) *order.EventData { return &e.Data }),
	{name: "state", sqlType: typeJSON, write: writeState, read: readState},
})

func writeState(s sink, e *order.Event) {
	state := e.Document()
	s.addJSON(&state)
}

func readState(r *record, e *order.Event) {
	var state order.Document
	r.json(&state)
	if r.err != nil {
		return
	}
	var err error
	if e.Order.State, err = state.State(); err != nil {
		r.fail(err)
	}
}

// keyRow is an idempotency key with the order and the entity that its request made or changed.
type keyRow struct {
	actor    id.Customer
	orderID  id.Order
	entityID uuid.UUID
	order.Idempotency
}

var keyTable = tableOf("idempotency_keys", []column[keyRow]{
	input("actor", typeUUID, func(k *keyRow) id.Customer { return k.actor }, writeUUID).createdAs(`customer_id`),
	input("operation", typeText, func(k *keyRow) string { return k.Operation }, sink.addText),
	input("key", typeText, func(k *keyRow) string { return k.Key }, sink.addText),
	input("request_hash", typeBytes, func(k *keyRow) []byte { return k.Hash[:] }, sink.addBytes),
	input("order_id", typeUUID, func(k *keyRow) id.Order { return k.orderID }, writeUUID).createdAs(`id`),
	input("entity_id", typeUUID, func(k *keyRow) uuid.UUID { return k.entityID }, sink.addUUID).createdAs(`id`),
})

var auditTable = tableOf("audit_entries", []column[audit.Entry]{
	uuidColumn("id", func(e *audit.Entry) *id.Audit { return &e.ID }),
	timeColumn("at", func(e *audit.Entry) *time.Time { return &e.At }),
	uuidColumn("actor_id", func(e *audit.Entry) *id.Customer { return &e.ActorID }),
	textColumn("action", func(e *audit.Entry) *string { return &e.Action }),
	nullableTextColumn("subject", func(e *audit.Entry) **string { return &e.Subject }),
	nullableTextColumn("detail", func(e *audit.Entry) **string { return &e.Detail }),
})
