package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/dbclock"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/session"
)

// RevocationChannel is notified of each revocation, a hint to look.
const RevocationChannel = "orderwire_revocations"

// Revocations keeps which tokens are void, for all replicas. It implements session.Store. All its times are of the
// database's clock, the one clock that replicas share.
type Revocations struct {
	db, poll *sqlx.DB
	clock    *dbclock.Clock
}

var _ session.Store = (*Revocations)(nil)

// NewRevocations keeps revocations in db. poll is the pool that Since reads on, so that it never waits behind requests. Each Since sets
// the clock.
func NewRevocations(db, poll *sqlx.DB, clock *dbclock.Clock) *Revocations {
	return &Revocations{db: db, poll: poll, clock: clock}
}

// Now is the database's clock.
func (r *Revocations) Now(ctx context.Context) (now time.Time, err error) {
	err = r.db.GetContext(ctx, &now, `SELECT clock_timestamp()`)
	return now.UTC(), err
}

// Revoke implements session.Store. It is one statement, safe to run twice: the driver may repeat it when an answer is
// lost, and then the later moment holds, of which alone the caller is told; the audit entry has its id already.
func (r *Revocations) Revoke(
	ctx context.Context, p auth.Principal, customerID id.Customer, evenUnknown bool, entry *audit.Entry,
) (at time.Time, err error) {
	args := append([]any{settingOf(p), customerID.String(), evenUnknown}, auditArgs(entry)...)
	err = r.db.GetContext(ctx, &at, principalSet(1)+`, revoked AS (
			INSERT INTO revocations AS r (customer_id, revoked_at)
			SELECT $2::uuid, clock_timestamp()
			WHERE $3::boolean
				OR EXISTS (SELECT FROM known_users k WHERE k.customer_id = $2::uuid)
				OR EXISTS (SELECT FROM orders o WHERE o.customer_id = $2::uuid)
				OR EXISTS (SELECT FROM revocations v WHERE v.customer_id = $2::uuid)
			ON CONFLICT (customer_id) DO UPDATE SET revoked_at = greatest(r.revoked_at, excluded.revoked_at)
			RETURNING customer_id, revoked_at
		), audited AS (
			INSERT INTO audit_entries (`+auditTable.Names()+`)
			SELECT a.* FROM revoked, unnest(`+auditTable.Arrays(4)+`) AS a
			ON CONFLICT DO NOTHING
		)
		SELECT guarded.* FROM principal CROSS JOIN LATERAL (
			SELECT revoked_at FROM revoked CROSS JOIN LATERAL pg_notify('`+RevocationChannel+`', customer_id::text)
			WHERE principal.customers <> '' OFFSET 0
		) guarded`,
		args...)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, session.ErrUnknown
	}
	return at.UTC(), err
}

// Since implements session.Store. A revocation's moment is that of its statement, which may commit as late as
// statement_timeout, 20 s, after it; so the answer goes a minute further back than asked. The same holds for a clock that
// was set back, as it is by a failover.
func (r *Revocations) Since(ctx context.Context, since time.Time) (revoked []session.Revocation, now time.Time, err error) {
	var rows []struct {
		Now        time.Time            `db:"now"`
		CustomerID id.Null[id.Customer] `db:"customer_id"`
		RevokedAt  sql.NullTime         `db:"revoked_at"`
	}
	asked := time.Now()
	err = r.poll.SelectContext(ctx, &rows, `
		SELECT c.now, r.customer_id, r.revoked_at
		FROM (SELECT clock_timestamp() AS now) c
		LEFT JOIN revocations r ON r.revoked_at > least($1, c.now) - interval '1 minute'`, since)
	if err != nil {
		return nil, time.Time{}, err
	}
	for _, row := range rows { // at least one
		now = row.Now.UTC()
		if row.CustomerID.Valid {
			revoked = append(revoked, session.Revocation{CustomerID: row.CustomerID.ID, At: row.RevokedAt.Time.UTC()})
		}
	}
	r.clock.Observe(asked, now)
	return revoked, now, nil
}

// Seen implements session.Store. Sorted, because replicas that insert the same ids in another order deadlock.
func (r *Revocations) Seen(ctx context.Context, customerIDs []id.Customer) error {
	sorted := slices.SortedFunc(slices.Values(customerIDs), func(a, b id.Customer) int { return bytes.Compare(a[:], b[:]) })
	_, err := r.poll.ExecContext(ctx,
		`INSERT INTO known_users (customer_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING`, uuidArray(sorted))
	return err
}

// Forget implements session.Store.
func (r *Revocations) Forget(ctx context.Context, age time.Duration) error {
	_, err := r.poll.ExecContext(ctx,
		`DELETE FROM revocations WHERE revoked_at < clock_timestamp() - make_interval(secs => $1)`, age.Seconds())
	return err
}
