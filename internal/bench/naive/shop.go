package naive

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/bench/naive/model"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// shop makes orders and changes them.
type shop struct {
	// ctx is the process's context: orders continue after the request that placed them.
	ctx     context.Context
	db      *sqlx.DB
	gateway payment.Gateway
	policy  order.Policy
	hub     hub
}

func newShop(ctx context.Context, db *sqlx.DB, gateway payment.Gateway, policy order.Policy) *shop {
	return &shop{ctx: ctx, db: db, gateway: gateway, policy: policy, hub: hub{watchers: map[uuid.UUID]map[*watcher]bool{}}}
}

// item is a product and its quantity.
type item struct {
	ProductID id.Product
	Quantity  int
}

// request is the input of orderCreate.
type request struct {
	Key   string `json:"-"`
	Items []item
	Token string
	Note  *string
}

// create places an order, or finds the one that was placed with the same key.
func (s *shop) create(ctx context.Context, customer id.Customer, r request) (o *order.Order, replayed bool, err error) {
	lines, total, err := s.price(ctx, r.Items)
	if err != nil {
		return nil, false, err
	}
	o = order.New(order.Cause{Now: now(), Actor: order.Actor{Kind: order.ActorCustomer, ID: customer}, RequestID: uuid.NewString()}, s.policy, order.Draft{
		Head:   order.Head{CustomerID: customer, Lines: lines, Total: total, Note: r.Note},
		Method: order.PaymentMethod{Provider: simulated.Name, Token: r.Token, Capture: payment.CaptureAutomatic},
	})
	asked, err := json.Marshal(r)
	if err != nil {
		return nil, false, err
	}
	hash := sha256.Sum256(asked)
	var earlier id.Order
	err = s.inTx(ctx, func(tx *sqlx.Tx) error {
		err := tx.GetContext(ctx, &earlier, `
			INSERT INTO idempotency_keys (actor, operation, key, request_hash, order_id, entity_id) VALUES ($1, 'orderCreate', $2, $3, $4, $4)
			ON CONFLICT DO NOTHING RETURNING order_id`, customer, r.Key, hash[:], o.ID)
		if errors.Is(err, sql.ErrNoRows) {
			replayed = true
			return tx.GetContext(ctx, &earlier, `
				SELECT order_id FROM idempotency_keys WHERE actor = $1 AND operation = 'orderCreate' AND key = $2 AND request_hash = $3`,
				customer, r.Key, hash[:])
		}
		if err != nil {
			return err
		}
		return insert(ctx, tx, o)
	})
	if err != nil {
		return nil, false, err
	}
	if replayed {
		o, err := s.order(ctx, customer, earlier)
		return o, true, err
	}
	s.hub.publish(o.Events())
	go s.carryOn(o.ID)
	return o, false, nil
}

// price copies today's names and prices.
func (s *shop) price(ctx context.Context, items []item) ([]order.Line, money.Amount, error) {
	var total money.Amount
	lines := make([]order.Line, len(items))
	for i, item := range items {
		var p struct {
			Name     string `db:"name"`
			Minor    int64  `db:"price_minor"`
			Currency string `db:"currency"`
		}
		err := s.db.GetContext(ctx, &p, `SELECT name, price_minor, currency FROM products WHERE id = $1 AND archived_at IS NULL`, item.ProductID)
		if err != nil {
			return nil, total, err
		}
		sum := money.New(p.Minor*int64(item.Quantity), p.Currency)
		lines[i] = order.Line{ProductID: item.ProductID, Name: p.Name, Quantity: item.Quantity, UnitPrice: money.New(p.Minor, p.Currency), Total: sum}
		total = money.New(total.Minor+sum.Minor, p.Currency)
	}
	return lines, total, nil
}

// products that can be ordered.
func (s *shop) products(ctx context.Context, first int) ([]*model.Product, error) {
	var rows []struct {
		ID       id.Product `db:"id"`
		SKU      string     `db:"sku"`
		Name     string     `db:"name"`
		Minor    int64      `db:"price_minor"`
		Currency string     `db:"currency"`
	}
	err := s.db.SelectContext(ctx, &rows, `SELECT id, sku, name, price_minor, currency FROM products WHERE archived_at IS NULL ORDER BY id LIMIT $1`, first)
	products := make([]*model.Product, len(rows))
	for i, r := range rows {
		products[i] = &model.Product{ID: r.ID.TypeID(), Sku: r.SKU, Name: r.Name, Price: toMoney(money.New(r.Minor, r.Currency))}
	}
	return products, err
}

// carryOn makes the steps of an order, each in a transaction of its own, with the call to the provider between them.
func (s *shop) carryOn(orderID id.Order) {
	var work *payment.Work
	advance := func(o *order.Order) (err error) {
		work, err = o.Advance(order.Cause{Now: now()}, s.policy)
		return err
	}
	for step := range 3 {
		select {
		case <-time.After(s.policy.StepDelay):
		case <-s.ctx.Done():
			return
		}
		apply := advance
		if step == 1 && work != nil {
			result, callErr := s.gateway.Authorize(s.ctx, work.Call)
			apply = func(o *order.Order) error {
				return o.Settle(order.Cause{Now: now()}, s.policy, work, result, callErr)
			}
		}
		if _, err := s.change(s.ctx, orderID, apply); err != nil {
			slog.Error("advancing an order failed", "order", orderID, "error", err)
			return
		}
	}
}

// cancel cancels a customer's order.
func (s *shop) cancel(ctx context.Context, customer id.Customer, orderID id.Order) (*order.Order, error) {
	return s.change(ctx, orderID, func(o *order.Order) error {
		if o.CustomerID != customer {
			return fmt.Errorf("there is no order %s", orderID)
		}
		return o.Cancel(order.Cause{Now: now(), Actor: order.Actor{Kind: order.ActorCustomer, ID: customer}, RequestID: uuid.NewString()}, order.CancelledByCustomer)
	})
}

// change locks an order, changes it and tells the subscribers.
func (s *shop) change(ctx context.Context, orderID id.Order, apply func(*order.Order) error) (o *order.Order, err error) {
	err = s.inTx(ctx, func(tx *sqlx.Tx) error {
		found, err := load(ctx, tx, `id = $1 FOR UPDATE`, orderID)
		if err == nil && len(found) == 0 {
			err = fmt.Errorf("there is no order %s", orderID)
		}
		if err != nil {
			return err
		}
		o = found[0]
		if err := loadAttempts(ctx, tx, o); err != nil {
			return err
		}
		if err := apply(o); err != nil {
			return err
		}
		return update(ctx, tx, o)
	})
	if err != nil {
		return nil, err
	}
	s.hub.publish(o.Events())
	return o, nil
}

// order is a customer's; nil when there is none.
func (s *shop) order(ctx context.Context, customer id.Customer, orderID id.Order) (*order.Order, error) {
	found, err := load(ctx, s.db, `id = $1 AND customer_id = $2`, orderID, customer)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// orders are a customer's, newest first.
func (s *shop) orders(ctx context.Context, customer id.Customer, before id.Order, first int) ([]*order.Order, error) {
	return load(ctx, s.db, `customer_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, customer, before, first)
}

func (s *shop) inTx(ctx context.Context, f func(*sqlx.Tx) error) error {
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
