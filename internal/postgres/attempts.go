package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// AttemptLimits limit attempts to pay, against card testing. They hold across replicas: the statements that place an order and save
// an outcome count the attempts.
//
// A customer's attempt counts when it is made and is given back when the money is authorized or captured, so attempts that have not
// ended count too, and nobody gets more by asking faster. An address's declines count, and its successes pay for them: behind one
// address there may be a whole shop, whose attempts under way are nobody's sign.
//
// Both are budgets that fill up evenly (the generic cell rate algorithm, ITU-T I.371 annex A, as in LeaseOrders): spent_until is until
// when all of it has come back, an attempt moves it by one share of Window, and it may not lie more than Window ahead. Time is the
// database's, at the start of the statement.
type AttemptLimits struct {
	// PerCustomer and PerAddress are the numbers allowed in Window; 0: any number.
	PerCustomer, PerAddress int
	Window                  time.Duration
}

// WithAttemptLimits limits attempts to pay. Every store of the database must have the same limits.
func WithAttemptLimits(limits AttemptLimits) StoreOption {
	return func(s *Store) { s.attempts = limits }
}

func (l AttemptLimits) on() bool { return l.PerCustomer > 0 || l.PerAddress > 0 }

// ofCustomer and ofAddress are one attempt's share, in seconds; 0: there is no limit.
func (l AttemptLimits) ofCustomer() float64 { return share(l.Window, l.PerCustomer) }
func (l AttemptLimits) ofAddress() float64  { return share(l.Window, l.PerAddress) }

func share(window time.Duration, n int) float64 {
	if n <= 0 {
		return 0
	}
	return window.Seconds() / float64(n)
}

// outcomeRow is a payment whose outcome change.sql counts.
type outcomeRow struct {
	orderID   id.Order
	succeeded bool
	// One attempt's shares of the two budgets and what they may hold at most, in seconds.
	ofCustomer, ofAddress, most float64
}

// outcomes returns the payments that a change has brought to an outcome that counts: an answer of the provider. A payment that was
// voided or expired before has told nobody whether its card works; its attempt stays counted.
func (l AttemptLimits) outcomes(before, after *order.Order) (rows []outcomeRow) {
	if !l.on() {
		return nil
	}
	for i := range before.Payments {
		succeeded, ended := endedAs(after.Payments[i].Status)
		if _, had := endedAs(before.Payments[i].Status); had || !ended {
			continue
		}
		rows = append(rows, outcomeRow{
			orderID: after.ID, succeeded: succeeded, ofCustomer: l.ofCustomer(), ofAddress: l.ofAddress(), most: l.Window.Seconds(),
		})
	}
	return rows
}

func endedAs(status payment.Status) (succeeded, ended bool) {
	switch status {
	case payment.Authorized, payment.Confirmed:
		return true, true
	case payment.Declined:
		return false, true
	case payment.Initializing, payment.Processing, payment.RequiresAction, payment.Voided, payment.Expired:
	}
	return false, false
}

// TakeAttempt implements order.Store.
func (s *Store) TakeAttempt(ctx context.Context, p auth.Principal, source uuid.UUID) error {
	if !s.attempts.on() {
		return nil
	}
	var row struct {
		Wait  *float64 `db:"wait"`
		Limit *string  `db:"limited_by"`
	}
	err := read(ctx, func(ctx context.Context) error {
		return s.db.db.GetContext(ctx, &row, principalSet(6)+`, told AS MATERIALIZED (
			SELECT now() AS at, make_interval(secs => $3) AS of_customer, make_interval(secs => $4) AS of_address, make_interval(secs => $5) AS most
		), held AS MATERIALIZED (
			SELECT b.spent_until + told.of_address - told.most - told.at AS wait FROM address_budgets b, told
			WHERE $4 > 0 AND b.address = $2::uuid AND b.spent_until + told.of_address > told.at + told.most
		), spent AS (
			INSERT INTO attempt_budgets AS b (customer_id, spent_until)
			SELECT $1::uuid, told.at + told.of_customer FROM told WHERE $3 > 0 AND NOT EXISTS (SELECT FROM held)
			ON CONFLICT (customer_id) DO UPDATE SET spent_until = greatest(b.spent_until, now()) + (excluded.spent_until - now())
			WHERE greatest(b.spent_until, now()) + (excluded.spent_until - now()) <= now() + make_interval(secs => $5)
			RETURNING 1
		)
		SELECT guarded.* FROM principal CROSS JOIN LATERAL (
			SELECT extract(epoch FROM wait)::float8 AS wait, 'address' AS limited_by FROM held
			UNION ALL SELECT extract(epoch FROM coalesce(b.spent_until + told.of_customer - told.most - told.at, told.of_customer))::float8, 'customer'
			FROM told LEFT JOIN attempt_budgets b ON b.customer_id = $1::uuid
			WHERE $3 > 0 AND NOT EXISTS (SELECT FROM held) AND NOT EXISTS (SELECT FROM spent)
			UNION ALL SELECT NULL, NULL WHERE principal.customers <> '' AND ($3 = 0 OR EXISTS (SELECT FROM spent))
			LIMIT 1 OFFSET 0) guarded`,
			p.CustomerID, source, s.attempts.ofCustomer(), s.attempts.ofAddress(), s.attempts.Window.Seconds(), ownerSetting(p))
	})
	if err != nil || row.Wait == nil {
		return err
	}
	return &order.TooManyAttempts{Limit: order.AttemptLimit(*row.Limit), Wait: time.Duration(*row.Wait * float64(time.Second))}
}

// ReturnAttempt implements order.Store. When it fails the limit is stricter by one for a while, which nobody needs to hear.
func (s *Store) ReturnAttempt(ctx context.Context, p auth.Principal) {
	if s.attempts.PerCustomer <= 0 {
		return
	}
	_, _ = s.db.db.ExecContext(ctx, principalSet(3)+`, returned AS (
			UPDATE attempt_budgets b SET spent_until = b.spent_until - make_interval(secs => $2) WHERE b.customer_id = $1::uuid RETURNING 1
		)
		SELECT guarded.* FROM principal CROSS JOIN LATERAL (SELECT count(*) FROM returned WHERE principal.customers <> '' OFFSET 0) guarded`,
		p.CustomerID, s.attempts.ofCustomer(), ownerSetting(p))
}

// ForgetAttempts deletes the budgets that are full again.
func ForgetAttempts(ctx context.Context, db *sqlx.DB) error {
	if _, err := db.ExecContext(ctx, `DELETE FROM attempt_budgets WHERE spent_until < clock_timestamp()`); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, `DELETE FROM address_budgets WHERE spent_until < clock_timestamp()`)
	return err
}
