package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
)

// visibleTo is the condition under which an order exists for a principal. $1 is the customer, NULL for staff and the worker.
const visibleTo = `($1::uuid IS NULL OR o.customer_id = $1)`

// ownedBy and unowned are visibleTo for a customer and for principals that see all orders. Each has one generic plan that is good for
// all of its callers; a single text with OR does not. The sub-select hides the customer's id from the planner: otherwise a plan for a
// customer with few orders looks cheaper than the generic one if others have many, and PostgreSQL plans each request again.
const (
	ownedBy = `(o.customer_id = (SELECT $1::uuid))`
	unowned = `($1::uuid IS NULL)`
)

// ownerCondition is the one of the two for a principal.
func ownerCondition(p auth.Principal) string {
	if viewerArg(p) == nil {
		return unowned
	}
	return ownedBy
}

// viewerArg is the parameter of visibleTo.
func viewerArg(p auth.Principal) *id.Customer {
	switch p.Role {
	case auth.RoleStaff, auth.RoleSystem:
		return nil
	case auth.RoleCustomer:
		return &p.CustomerID
	case auth.RoleAnonymous:
	}
	return new(id.Customer) // owns nothing
}

// Order implements order.Store.
func (s *Store) Order(ctx context.Context, p auth.Principal, orderID id.Order) (*order.Order, error) {
	return oneOrder(ctx, s.db, p, orderByID, orderID)
}

// OrderByNumber implements order.Store. Letter case does not matter.
func (s *Store) OrderByNumber(ctx context.Context, p auth.Principal, number string) (*order.Order, error) {
	return oneOrder(ctx, s.db, p, orderByNumber, strings.ToUpper(number))
}

var (
	orderByID     = `SELECT ` + orderRecord + ` FROM orders o WHERE ` + visibleTo + ` AND o.id = $2`
	orderByNumber = `SELECT ` + orderRecord + ` FROM orders o WHERE ` + visibleTo + ` AND o.number = $2`
)

// oneOrder reads the order that a statement finds by $2, if the principal may see it: fault.NotFound otherwise.
func oneOrder(ctx context.Context, db guarded, p auth.Principal, statement string, arg any) (*order.Order, error) {
	var row storedOrder
	err := db.getHot(ctx, p, &row, statement, viewerArg(p), arg)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.New(fault.NotFound, "There is no such order.")
	}
	if err != nil {
		return nil, err
	}
	return row.Order, nil
}

// OrdersByID implements order.Store.
func (s *Store) OrdersByID(ctx context.Context, p auth.Principal, ids []id.Order) (map[id.Order]*order.Order, error) {
	rows, err := selectOrders(ctx, s.db.all, p, ownerCondition(p)+` AND o.id = ANY($2::uuid[])`, viewerArg(p), uuidArray(ids))
	if err != nil {
		return nil, err
	}
	found := make(map[id.Order]*order.Order, len(rows))
	for _, o := range rows {
		found[o.ID] = o
	}
	return found, nil
}

// OrdersByPayment implements order.Store.
func (s *Store) OrdersByPayment(ctx context.Context, p auth.Principal, paymentIDs []id.Payment) (map[id.Payment]*order.Order, error) {
	rows, err := selectOrders(ctx, s.db.all, p, ownerCondition(p)+` AND o.id IN (SELECT order_id FROM payments WHERE id = ANY($2::uuid[]))`, viewerArg(p), uuidArray(paymentIDs))
	if err != nil {
		return nil, err
	}
	found := make(map[id.Payment]*order.Order, len(paymentIDs))
	for _, o := range rows {
		for i := range o.Payments {
			found[o.Payments[i].ID] = o
		}
	}
	return found, nil
}

// OrdersByRefund implements order.Store.
func (s *Store) OrdersByRefund(ctx context.Context, p auth.Principal, refundIDs []id.Refund) (map[id.Refund]*order.Order, error) {
	rows, err := selectOrders(ctx, s.db.all, p, ownerCondition(p)+` AND o.id IN (SELECT order_id FROM refunds WHERE id = ANY($2::uuid[]))`, viewerArg(p), uuidArray(refundIDs))
	if err != nil {
		return nil, err
	}
	found := make(map[id.Refund]*order.Order, len(refundIDs))
	for _, o := range rows {
		for _, r := range o.Refunds() {
			found[r.ID] = o
		}
	}
	return found, nil
}

// The sub-select hides the value from the planner, so that each dispute is found by the index.
const ordersOfDisputes = ` AND o.id IN (
	SELECT p.order_id FROM unnest($2::uuid[]) AS wanted (id)
	CROSS JOIN LATERAL (
		SELECT order_id FROM payments WHERE disputes <> '[]' AND disputes @> jsonb_build_array(jsonb_build_object('id', wanted.id)) OFFSET 0
	) p)`

// OrdersByDispute implements order.Store.
func (s *Store) OrdersByDispute(ctx context.Context, p auth.Principal, disputeIDs []id.Dispute) (map[id.Dispute]*order.Order, error) {
	rows, err := selectOrders(ctx, s.db.all, p, ownerCondition(p)+ordersOfDisputes, viewerArg(p), uuidArray(disputeIDs))
	if err != nil {
		return nil, err
	}
	found := make(map[id.Dispute]*order.Order, len(disputeIDs))
	for _, o := range rows {
		for i := range o.Payments {
			for _, d := range o.Payments[i].Disputes {
				found[d.ID] = o
			}
		}
	}
	return found, nil
}

var attemptsOfPaymentsSQL = `SELECT ` + attemptsRecord(`a.message`, `(a.order_id, a.payment_id) IN (SELECT order_id, id FROM payments WHERE id = ANY($1::uuid[]))`)

// AttemptsByPayment implements order.Store. Nobody but staff sees attempts.
func (s *Store) AttemptsByPayment(ctx context.Context, p auth.Principal, paymentIDs []id.Payment) (map[id.Payment][]payment.Attempt, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	var attempts storedAttempts
	err := s.db.get(ctx, p, &attempts, attemptsOfPaymentsSQL, uuidArray(paymentIDs))
	if err != nil {
		return nil, err
	}
	found := make(map[id.Payment][]payment.Attempt, len(paymentIDs))
	for _, a := range attempts {
		found[a.PaymentID] = append(found[a.PaymentID], a)
	}
	return found, nil
}

// Orders implements order.Store. Newest first is by id, which sorts by time.
func (s *Store) Orders(ctx context.Context, p auth.Principal, f order.Filter, r pagination.Request) (pagination.Result[*order.Order], error) {
	direction := "DESC"
	if r.Backward {
		direction = "ASC"
	}
	q := query{args: []any{viewerArg(p)}}
	limit := fmt.Sprintf(` LIMIT %d`, r.Limit+1)
	if everything(f) && !r.After.Valid && !r.Before.Valid {
		read := s.db.all
		if r.Limit == pagination.Default {
			read = s.db.allHot // what everybody looks at first
		}
		orders, err := selectOrders(ctx, read, p, ownerCondition(p)+` ORDER BY o.id `+direction+limit, q.args...)
		return pagination.Cut(r, orders), err
	}
	if err := s.exact(ctx, p, &q, &f); err != nil {
		return pagination.Result[*order.Order]{}, err
	}
	from := sourceOf(p, f, r)
	if viewerArg(p) == nil {
		q.and(unowned) // of the others the source has their own
	}
	from.add(&q)
	if conditions := narrows(&q, f); len(conditions) > 0 {
		return s.windowed(ctx, p, q, from, f.Search != "", conditions, r)
	}
	orders, err := selectOrders(ctx, s.db.all, p, q.where()+` ORDER BY `+from.order(direction)+limit, q.args...)
	return pagination.Cut(r, orders), err
}

// selectOrders reads the orders that match where, which includes the ownerCondition, with the parts that ctx asks for. read is a method of
// guarded.
func selectOrders(
	ctx context.Context, read func(context.Context, auth.Principal, any, string, ...any) error, p auth.Principal, where string, args ...any,
) ([]*order.Order, error) {
	var rows []storedOrder
	if err := read(ctx, p, &rows, `SELECT `+orderRecords[order.PartsOf(ctx)]+` FROM orders o WHERE `+where, args...); err != nil {
		return nil, err
	}
	orders := make([]*order.Order, len(rows))
	for i := range rows {
		orders[i] = rows[i].Order
	}
	return orders, nil
}
