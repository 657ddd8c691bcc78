package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/reconcile"
)

// Orphans keeps the walk through one provider's charges, and what it finds. It implements reconcile.OrphanStore. Each write is
// one statement that changes nothing more when the driver runs it twice.
type Orphans struct {
	db       *sqlx.DB
	entries  guarded
	provider string
	holder   string
}

var _ reconcile.OrphanStore = (*Orphans)(nil)

// NewOrphans walks on db in the name of holder, which must be this process's alone. Staff read what it found on entries, the
// API's pool.
func NewOrphans(db, entries *sqlx.DB, provider, holder string) *Orphans {
	return &Orphans{db: db, entries: newGuarded(entries), provider: provider, holder: holder}
}

// BeginWalk implements reconcile.OrphanStore.
func (o *Orphans) BeginWalk(ctx context.Context, times reconcile.WalkTimes) (*reconcile.Walk, error) {
	// A provider that is new to this database has no charges of it yet.
	_, err := o.db.ExecContext(ctx, `INSERT INTO charge_walks (provider, walked_until) VALUES ($1, clock_timestamp()) ON CONFLICT DO NOTHING`, o.provider)
	if err != nil {
		return nil, err
	}
	var row struct {
		Fence   int64          `db:"fence"`
		BeganAt time.Time      `db:"began_at"`
		FromAt  time.Time      `db:"from_at"`
		UntilAt time.Time      `db:"until_at"`
		After   sql.NullString `db:"after"`
	}
	err = o.db.GetContext(ctx, &row, `
		UPDATE charge_walks SET `+leaseTaken+`,
			began_at = CASE WHEN until_at IS NULL THEN clock_timestamp() ELSE began_at END,
			log_identity = CASE WHEN until_at IS NULL THEN (SELECT identity FROM event_log) ELSE log_identity END,
			from_at = coalesce(from_at, walked_until - make_interval(secs => $5)),
			until_at = coalesce(until_at, greatest(walked_until, clock_timestamp() - make_interval(secs => $4)))
		WHERE provider = $6 AND `+leaseToHave+`
			AND (until_at IS NOT NULL OR began_at <= clock_timestamp() - make_interval(secs => $3)
				OR log_identity IS DISTINCT FROM (SELECT identity FROM event_log))
		RETURNING fence, began_at, from_at, until_at, after`,
		o.holder, reconcile.Lease.Seconds(), times.Interval.Seconds(), times.Grace.Seconds(), times.Overlap.Seconds(), o.provider)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &reconcile.Walk{
		Fence: row.Fence, Began: row.BeganAt.UTC(), From: row.FromAt.UTC(), Until: row.UntilAt.UTC(), After: row.After.String,
	}, nil
}

// AdvanceWalk implements reconcile.OrphanStore.
func (o *Orphans) AdvanceWalk(ctx context.Context, walk *reconcile.Walk, after string) error {
	result, err := o.db.ExecContext(ctx,
		`UPDATE charge_walks SET `+leaseProlonged+`, after = nullif($3, '') WHERE `+leaseHeld+` AND provider = $4`,
		walk.Fence, reconcile.Lease.Seconds(), after, o.provider)
	if err != nil {
		return err
	}
	walk.After = after
	return leaseLostUnless(result)
}

// EndWalk implements reconcile.OrphanStore.
func (o *Orphans) EndWalk(ctx context.Context, walk *reconcile.Walk) error {
	result, err := o.db.ExecContext(ctx, `
		UPDATE charge_walks SET `+leaseFreed+`, walked_until = coalesce(until_at, walked_until), from_at = NULL, until_at = NULL, after = NULL
		WHERE fence = $1 AND provider = $2`, walk.Fence, o.provider)
	if err != nil {
		return err
	}
	return leaseLostUnless(result)
}

// LeaveWalk implements reconcile.OrphanStore.
func (o *Orphans) LeaveWalk(ctx context.Context, walk *reconcile.Walk) error {
	_, err := o.db.ExecContext(ctx, `UPDATE charge_walks SET `+leaseFreed+` WHERE fence = $1 AND provider = $2`, walk.Fence, o.provider)
	return err
}

// leaseLostUnless the statement, which asked for the lease, found it.
func leaseLostUnless(result sql.Result) error {
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		err = reconcile.ErrLeaseLost
	}
	return err
}

// walkHeld has a row while the round with fence $1 still holds the lease of provider $2.
const walkHeld = `held AS MATERIALIZED (SELECT FROM charge_walks WHERE provider = $2 AND ` + leaseHeld + `)`

// paymentKnown is the condition that a payment references the charge c of provider $2.
const paymentKnown = `EXISTS (
	SELECT FROM payments p WHERE p.id = c.payment_id AND p.provider = $2 AND p.provider_reference = c.reference)`

// paymentAwaits is true while the payment of charge c (provider $2) may still record that charge: the payment has no reference, and its
// AUTHORIZE attempt is open. The reference is committed together with the attempt's end. Such a charge is kept as PENDING and
// looked up until its payment references it or its attempt ends without it.
const paymentAwaits = `EXISTS (
	SELECT FROM payments p JOIN payment_attempts a ON a.order_id = p.order_id AND a.payment_id = p.id
	WHERE p.id = c.payment_id AND p.provider = $2 AND p.provider_reference IS NULL AND a.operation = 'AUTHORIZE' AND a.finished_at IS NULL)`

const recordSQL = `
	WITH ` + walkHeld + `, orphaned AS (
		SELECT c.*, CASE WHEN ` + paymentAwaits + ` AND NOT EXISTS (
				SELECT FROM orphaned_charges o WHERE o.provider = $2 AND o.reference = c.reference AND o.detected_at IS NOT NULL)
			THEN 'PENDING' ELSE c.status END AS seen
		FROM jsonb_to_recordset($3) AS c (id uuid, reference text, order_id uuid, payment_id uuid, currency text,
			amount bigint, captured bigint, refunded bigint, status text, charged_at timestamptz)
		WHERE EXISTS (SELECT FROM held) AND c.status IN ('PENDING', 'AUTHORIZED', 'CAPTURED') AND NOT ` + paymentKnown + `
	), recorded AS (
		INSERT INTO orphaned_charges AS o (id, provider, reference, order_id, payment_id, currency, amount_minor, captured_minor,
			refunded_minor, status, charged_at, detected_at)
		SELECT id, $2, reference, order_id, payment_id, currency, amount, captured, refunded, seen, charged_at,
			CASE WHEN seen <> 'PENDING' THEN clock_timestamp() END
		FROM orphaned ORDER BY charged_at, reference
		ON CONFLICT (provider, reference) DO UPDATE SET
			captured_minor = excluded.captured_minor, refunded_minor = excluded.refunded_minor, status = excluded.status,
			detected_at = coalesce(o.detected_at, excluded.detected_at), resolved_at = NULL
		WHERE (o.captured_minor, o.refunded_minor, o.status) <> (excluded.captured_minor, excluded.refunded_minor, excluded.status)
			OR o.resolved_at IS NOT NULL
		RETURNING o.reference, o.detected_at
	)
	SELECT (SELECT count(*) FROM held) > 0 AS held, ARRAY(
		SELECT r.reference FROM recorded r LEFT JOIN orphaned_charges o ON o.provider = $2 AND o.reference = r.reference
		WHERE r.detected_at IS NOT NULL AND o.detected_at IS NULL) AS detected`

// Record implements reconcile.OrphanStore. Ids sort by the time of the charge as far as one page goes.
func (o *Orphans) Record(ctx context.Context, walk *reconcile.Walk, charges []payment.Charge) ([]payment.Charge, error) {
	type record struct {
		ID        uuid.UUID            `json:"id"`
		Reference string               `json:"reference"`
		OrderID   id.Order             `json:"order_id"`
		PaymentID id.Payment           `json:"payment_id"`
		Currency  string               `json:"currency"`
		Amount    int64                `json:"amount"`
		Captured  int64                `json:"captured"`
		Refunded  int64                `json:"refunded"`
		Status    payment.ChargeStatus `json:"status"`
		ChargedAt time.Time            `json:"charged_at"`
	}
	records := make([]record, 0, len(charges))
	byReference := make(map[string]payment.Charge, len(charges))
	for _, c := range slices.Backward(charges) { // the oldest gets the first id
		if _, twice := byReference[c.Reference]; twice {
			continue
		}
		byReference[c.Reference] = c
		records = append(records, record{
			ID: id.New[uuid.UUID](), Reference: c.Reference, OrderID: c.OrderID, PaymentID: c.PaymentID, Currency: c.Amount.Currency, Amount: c.Amount.Minor,
			Captured: c.Totals.Captured, Refunded: c.Totals.Refunded, Status: c.Status, ChargedAt: c.CreatedAt,
		})
	}
	text, err := json.Marshal(records)
	if err != nil {
		return nil, err
	}
	var row struct {
		Held     bool           `db:"held"`
		Detected pq.StringArray `db:"detected"`
	}
	if err := o.db.GetContext(ctx, &row, recordSQL, walk.Fence, o.provider, string(text)); err != nil {
		return nil, err
	}
	if !row.Held {
		return nil, reconcile.ErrLeaseLost
	}
	detected := make([]payment.Charge, len(row.Detected))
	for i, reference := range row.Detected {
		detected[i] = byReference[reference]
	}
	return detected, nil
}

// ResolveKnown implements reconcile.OrphanStore.
func (o *Orphans) ResolveKnown(ctx context.Context, walk *reconcile.Walk) (int, error) {
	result, err := o.db.ExecContext(ctx, `
		WITH `+walkHeld+`
		UPDATE orphaned_charges c SET resolved_at = clock_timestamp()
		WHERE c.provider = $2 AND c.resolved_at IS NULL AND EXISTS (SELECT FROM held) AND `+paymentKnown, walk.Fence, o.provider)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// Unresolved implements reconcile.OrphanStore.
func (o *Orphans) Unresolved(ctx context.Context, before time.Time, pendingFor time.Duration, limit int) (references []string, err error) {
	err = o.db.SelectContext(ctx, &references, `
		SELECT reference FROM orphaned_charges c
		WHERE provider = $1 AND resolved_at IS NULL AND (asked_at IS NULL OR asked_at < $2)
			AND (status <> 'PENDING' OR charged_at > clock_timestamp() - make_interval(secs => $3)
				OR EXISTS (SELECT FROM payments p WHERE p.id = c.payment_id))
		ORDER BY asked_at NULLS FIRST, id LIMIT $4`, o.provider, before, pendingFor.Seconds(), limit)
	return references, err
}

// Asked implements reconcile.OrphanStore.
func (o *Orphans) Asked(ctx context.Context, walk *reconcile.Walk, reference string, charge *payment.Charge) (became reconcile.Became, err error) {
	var captured, refunded, status any
	if charge != nil {
		captured, refunded, status = charge.Totals.Captured, charge.Totals.Refunded, string(charge.Status)
	}
	var row struct {
		Detected bool `db:"detected"`
		Resolved bool `db:"resolved"`
	}
	err = o.db.GetContext(ctx, &row, `
		WITH `+walkHeld+`, seen AS (
			SELECT c.id, c.detected_at, CASE
				WHEN c.detected_at IS NULL AND $6::text IN ('AUTHORIZED', 'CAPTURED') AND (`+paymentAwaits+` OR `+paymentKnown+`) THEN 'PENDING'
				ELSE $6::text END AS status
			FROM orphaned_charges c WHERE c.provider = $2 AND c.reference = $3
		)
		UPDATE orphaned_charges c SET asked_at = clock_timestamp(), captured_minor = coalesce($4::bigint, c.captured_minor),
			refunded_minor = coalesce($5::bigint, c.refunded_minor), status = coalesce(seen.status, c.status),
			detected_at = CASE WHEN seen.status IN ('AUTHORIZED', 'CAPTURED') THEN coalesce(c.detected_at, clock_timestamp()) ELSE c.detected_at END,
			resolved_at = CASE WHEN seen.status IN ('REFUNDED', 'RELEASED') THEN clock_timestamp() END
		FROM seen
		WHERE c.id = seen.id AND c.resolved_at IS NULL AND EXISTS (SELECT FROM held)
		RETURNING seen.detected_at IS NULL AND c.detected_at IS NOT NULL AS detected, c.resolved_at IS NOT NULL AS resolved`,
		walk.Fence, o.provider, reference, captured, refunded, status)
	if errors.Is(err, sql.ErrNoRows) {
		err = reconcile.ErrLeaseLost
	}
	return reconcile.Became(row), err
}

// Status implements reconcile.OrphanStore.
func (o *Orphans) Status(ctx context.Context) (open int, behind time.Duration, err error) {
	var row struct {
		Open   int     `db:"open"`
		Behind float64 `db:"behind"`
	}
	err = o.db.GetContext(ctx, &row, `
		SELECT (SELECT count(*) FROM orphaned_charges WHERE resolved_at IS NULL AND detected_at IS NOT NULL) AS open,
			coalesce((SELECT extract(epoch FROM clock_timestamp() - walked_until) FROM charge_walks WHERE provider = $1), 0)::float8 AS behind`, o.provider)
	return row.Open, time.Duration(row.Behind * float64(time.Second)), err
}

// Orphans implements reconcile.OrphanStore. Newest first is by id, which sorts by when a charge was recorded.
func (o *Orphans) Orphans(ctx context.Context, p auth.Principal, request pagination.Request, all bool) (pagination.Result[reconcile.Orphan], error) {
	if err := auth.RequireStaff(p); err != nil {
		return pagination.Result[reconcile.Orphan]{}, err
	}
	var q query
	newestFirst(&q, "id", request)
	which := ` AND detected_at IS NOT NULL`
	if !all {
		which += ` AND resolved_at IS NULL`
	}
	var rows []struct {
		ID         uuid.UUID            `db:"id"`
		Provider   string               `db:"provider"`
		Reference  string               `db:"reference"`
		OrderID    id.Order             `db:"order_id"`
		PaymentID  id.Payment           `db:"payment_id"`
		Currency   string               `db:"currency"`
		Amount     int64                `db:"amount_minor"`
		Captured   int64                `db:"captured_minor"`
		Refunded   int64                `db:"refunded_minor"`
		Status     payment.ChargeStatus `db:"status"`
		ChargedAt  time.Time            `db:"charged_at"`
		DetectedAt time.Time            `db:"detected_at"`
		ResolvedAt *time.Time           `db:"resolved_at"`
	}
	err := o.entries.all(ctx, p, &rows, `
		SELECT id, provider, reference, order_id, payment_id, currency, amount_minor, captured_minor, refunded_minor, status, charged_at,
			detected_at, resolved_at
		FROM orphaned_charges WHERE `+q.where()+which+fmt.Sprintf(` ORDER BY id DESC LIMIT %d`, request.Limit+1), q.args...)
	if err != nil {
		return pagination.Result[reconcile.Orphan]{}, err
	}
	orphans := make([]reconcile.Orphan, len(rows))
	for i, row := range rows {
		orphans[i] = reconcile.Orphan{
			ID: row.ID, Provider: row.Provider, DetectedAt: row.DetectedAt.UTC(), ResolvedAt: utc(row.ResolvedAt),
			Charge: payment.Charge{
				Reference: row.Reference, OrderID: row.OrderID, PaymentID: row.PaymentID, Amount: money.New(row.Amount, row.Currency),
				Totals: payment.Totals{Captured: row.Captured, Refunded: row.Refunded}, Status: row.Status, CreatedAt: row.ChargedAt.UTC(),
			},
		}
	}
	return pagination.Cut(request, orphans), nil
}
