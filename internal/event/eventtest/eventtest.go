// Package eventtest writes orders and their events with plain SQL, so that tests of the log decide when which
// transaction begins and commits.
package eventtest

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// Place writes a new order of a customer with its first event, which is returned.
func Place(ctx context.Context, db sqlx.ExtContext, customerID id.Customer) (order.Event, error) {
	price := money.New(1200, "EUR")
	cause := order.Cause{Now: order.SystemClock(), Actor: order.Actor{Kind: order.ActorCustomer, ID: customerID}, RequestID: "test"}
	o := order.New(cause, order.Policy{Expiry: time.Hour, StepDelay: time.Hour}, order.Draft{
		Head: order.Head{
			CustomerID: customerID,
			Lines:      []order.Line{{ProductID: id.New[id.Product](), Name: "Mug", Quantity: 1, UnitPrice: price, Total: price}},
			Total:      price,
			Metadata:   []order.Metadata{},
		},
		Method: order.PaymentMethod{Provider: "simulated", Token: "sim_approve", Capture: payment.CaptureAutomatic},
	})
	lines, err := json.Marshal(o.Lines)
	if err != nil {
		return order.Event{}, err
	}
	_, err = db.ExecContext(ctx, `
		INSERT INTO orders (id, number, customer_id, status, version, currency, total_minor, lines, created_at, updated_at)
		VALUES ($1, $2, $3, 'CREATED', 1, $4, $5, $6, $7, $7)`,
		o.ID, o.Number, o.CustomerID, o.Total.Currency, o.Total.Minor, string(lines), o.CreatedAt)
	if err != nil {
		return order.Event{}, err
	}
	e := o.Events()[0]
	return e, write(ctx, db, &e)
}

// Advance locks an order and writes its next version, with an event of some type that changes no status.
func Advance(ctx context.Context, db sqlx.ExtContext, head *order.Head) (order.Event, error) {
	var version int
	err := sqlx.GetContext(ctx, db, &version, `
		UPDATE orders SET version = version + 1, updated_at = clock_timestamp() WHERE id = $1 RETURNING version`, head.ID)
	if err != nil {
		return order.Event{}, err
	}
	now := order.SystemClock()
	e := order.Event{
		ID: id.New[id.Event](), Type: order.PaymentProcessing, Version: version, Actor: order.Actor{Kind: order.ActorSystem}, At: now,
		Order: &order.Order{Head: head, State: order.State{Status: order.Created, Version: version, UpdatedAt: now}},
	}
	return e, write(ctx, db, &e)
}

func write(ctx context.Context, db sqlx.ExtContext, e *order.Event) error {
	data, err := json.Marshal(e.Data)
	if err != nil {
		return err
	}
	state, err := json.Marshal(e.Order.State)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `
		INSERT INTO order_events (order_id, version, id, type, customer_id, actor_kind, actor_id, request_id, occurred_at, data, state, log_epoch)
		VALUES ($1, $2, $3, $4, $5, $6, nullif($7, '00000000-0000-0000-0000-000000000000'::uuid), $8, $9, $10, $11, (SELECT epoch FROM event_log))`,
		e.Order.ID, e.Version, e.ID, e.Type, e.Order.CustomerID, e.Actor.Kind, e.Actor.ID, e.RequestID, e.At, string(data), string(state))
	return err
}
