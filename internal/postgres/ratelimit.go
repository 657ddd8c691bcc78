package postgres

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/ratelimit"
)

// orderWindow is the time in which a customer's budget of orders fills up again.
const orderWindow = time.Minute

// LeaseOrders leases parts of each customer's budget of perMinute orders to replicas. It is the generic cell rate algorithm (ITU-T I.371
// annex A): order_budgets.spent_until is the time at which everything leased so far has refilled. Leasing n orders moves it n/perMinute
// of a minute later, and is refused if it would then be more than a minute ahead. Times are the database's. A statement that the driver
// repeats because its answer was lost leases twice, which only makes the limit stricter for a moment.
//
// AttemptLimits use the same algorithm in separate statements: TakeAttempt checks two budgets at once, and create.sql and change.sql
// count within a batch's statement. One shared SQL text would have to cover all three cases.
func LeaseOrders(db *sqlx.DB, perMinute int) ratelimit.Lease {
	each := share(orderWindow, perMinute)
	return func(ctx context.Context, customerID id.Customer, n int) (retryAfter time.Duration, err error) {
		var seconds float64
		// The budget is the customer's own, so they are the principal.
		err = db.GetContext(ctx, &seconds, principalSet(4)+`, asked AS (
				SELECT clock_timestamp() AS at, make_interval(secs => $2) AS cost, make_interval(secs => $3) AS most
			), leased AS (
				INSERT INTO order_budgets AS b (customer_id, spent_until)
				SELECT $1::uuid, at + cost FROM asked
				ON CONFLICT (customer_id) DO UPDATE
				SET spent_until = greatest(b.spent_until + (SELECT cost FROM asked), excluded.spent_until)
				WHERE b.spent_until + (SELECT cost FROM asked) <= (SELECT at + most FROM asked)
				RETURNING 1
			)
			SELECT guarded.* FROM principal CROSS JOIN LATERAL (SELECT CASE WHEN EXISTS (SELECT FROM leased) THEN 0 ELSE extract(epoch FROM coalesce(
				(SELECT greatest(b.spent_until + cost - most - at, interval '1 millisecond') FROM order_budgets b WHERE b.customer_id = $1::uuid),
				interval '1 millisecond')) END::float8
			FROM asked WHERE principal.customers <> '' OFFSET 0) guarded`,
			customerID.String(), float64(n)*each, orderWindow.Seconds(), customerID.String())
		return time.Duration(seconds * float64(time.Second)), err
	}
}

// ForgetOrderBudgets deletes those that are full again.
func ForgetOrderBudgets(ctx context.Context, db *sqlx.DB) error {
	_, err := db.ExecContext(ctx, `DELETE FROM order_budgets WHERE spent_until < clock_timestamp()`)
	return err
}
