package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
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

// Reconciliation has what the reconciler compares and finds. It implements reconcile.Store. Each write is one statement
// that changes nothing more when the driver runs it twice.
type Reconciliation struct {
	db      *sqlx.DB
	entries guarded
	holder  string
}

var _ reconcile.Store = (*Reconciliation)(nil)

// NewReconciliation reconciles on db in the name of holder, which must be this process's alone. Staff read what it found on
// entries, the API's pool.
func NewReconciliation(db, entries *sqlx.DB, holder string) *Reconciliation {
	return &Reconciliation{db: db, entries: newGuarded(entries), holder: holder}
}

// Begin implements reconcile.Store.
func (r *Reconciliation) Begin(ctx context.Context, interval, window time.Duration) (*reconcile.Round, error) {
	var row struct {
		Fence   int64      `db:"fence"`
		BeganAt time.Time  `db:"began_at"`
		AfterAt time.Time  `db:"after_at"`
		AfterID id.Payment `db:"after_id"`
	}
	err := r.db.GetContext(ctx, &row, `
		UPDATE reconciliation SET `+leaseTaken+`,
			began_at = CASE WHEN after_at IS NULL THEN clock_timestamp() ELSE began_at END,
			after_at = coalesce(after_at, clock_timestamp() - make_interval(secs => $4)),
			after_id = coalesce(after_id, $5)
		WHERE `+leaseToHave+` AND (after_at IS NOT NULL OR began_at <= clock_timestamp() - make_interval(secs => $3))
		RETURNING fence, began_at, after_at, after_id`,
		r.holder, reconcile.Lease.Seconds(), interval.Seconds(), window.Seconds(), id.Payment{})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &reconcile.Round{
		Fence: row.Fence, Began: row.BeganAt.UTC(), From: reconcile.Position{At: row.AfterAt.UTC(), ID: row.AfterID},
	}, nil
}

// Advance implements reconcile.Store.
func (r *Reconciliation) Advance(ctx context.Context, round *reconcile.Round, to reconcile.Position) error {
	result, err := r.db.ExecContext(ctx,
		`UPDATE reconciliation SET `+leaseProlonged+`, after_at = $3, after_id = $4 WHERE `+leaseHeld,
		round.Fence, reconcile.Lease.Seconds(), to.At, to.ID)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, reconcile.ErrLeaseLost)
	}
	return nil
}

// End implements reconcile.Store.
func (r *Reconciliation) End(ctx context.Context, round *reconcile.Round) error {
	_, err := r.db.ExecContext(ctx,
		`UPDATE reconciliation SET `+leaseFreed+`, after_at = NULL, after_id = NULL WHERE fence = $1`, round.Fence)
	return err
}

// Leave implements reconcile.Store.
func (r *Reconciliation) Leave(ctx context.Context, round *reconcile.Round) error {
	_, err := r.db.ExecContext(ctx, `UPDATE reconciliation SET `+leaseFreed+` WHERE fence = $1`, round.Fence)
	return err
}

// Unknown implements reconcile.Store.
func (r *Reconciliation) Unknown(ctx context.Context, providers []string, after id.Payment, limit int) (ids []id.Payment, err error) {
	err = r.db.SelectContext(ctx, &ids, unknownQuery, pq.Array(providers), after, limit)
	return ids, err
}

const unknownQuery = `
	SELECT id FROM payments
	WHERE attention IS NOT NULL AND attention = 'UNKNOWN_OUTCOME' AND provider = ANY($1) AND id > $2
	ORDER BY id LIMIT $3`

// booksQuery reads payments as of one moment. The charge is that of the last authorization that was called: there is
// one for each payment.
const booksQuery = `
	SELECT p.id, p.order_id, p.provider, o.revision, o.number, p.updated_at, p.currency, p.amount_minor, p.captured_minor, p.refunded_minor,
		p.status = 'AUTHORIZED' AS authorized, p.disputes, p.capture_method, p.method, coalesce(p.provider_reference, '') AS reference, p.attention,
		(SELECT a.id FROM payment_attempts a
			WHERE a.order_id = p.order_id AND a.payment_id = p.id AND a.operation = 'AUTHORIZE' AND a.calls > 0
			ORDER BY a.id DESC LIMIT 1) AS key,
		EXISTS (SELECT FROM payment_attempts a
			WHERE a.order_id = p.order_id AND a.payment_id = p.id AND a.finished_at IS NULL) AS busy,
		d.id IS NOT NULL AS open, d.raised_at IS NOT NULL AS raised
	FROM payments p JOIN orders o ON o.id = p.order_id
	LEFT JOIN reconciliation_differences d ON d.payment_id = p.id AND d.resolved_at IS NULL
	WHERE p.provider = ANY($1) AND `

// booksDiffering and booksAtRest continue booksQuery.
const (
	booksDiffering = `p.id IN (
			SELECT payment_id FROM reconciliation_differences WHERE resolved_at IS NULL
			UNION SELECT id FROM payments WHERE attention IS NOT NULL AND attention = 'MISMATCH'
		) AND p.id > $2 ORDER BY p.id LIMIT $3`
	booksAtRest = `p.status IN ('AUTHORIZED', 'CONFIRMED', 'DECLINED', 'VOIDED', 'EXPIRED')
		AND (p.updated_at, p.id) > ($2, $3) AND p.updated_at <= $4
		AND d.id IS NULL AND p.attention IS DISTINCT FROM 'MISMATCH'
		ORDER BY p.updated_at, p.id LIMIT $5`
)

type booksRow struct {
	ID            id.Payment            `db:"id"`
	OrderID       id.Order              `db:"order_id"`
	Provider      string                `db:"provider"`
	Revision      int64                 `db:"revision"`
	Number        string                `db:"number"`
	UpdatedAt     time.Time             `db:"updated_at"`
	Currency      string                `db:"currency"`
	AmountMinor   int64                 `db:"amount_minor"`
	CapturedMinor int64                 `db:"captured_minor"`
	RefundedMinor int64                 `db:"refunded_minor"`
	Authorized    bool                  `db:"authorized"`
	Disputes      json.RawMessage       `db:"disputes"`
	CaptureMethod payment.CaptureMethod `db:"capture_method"`
	Method        string                `db:"method"`
	Reference     string                `db:"reference"`
	Attention     *payment.Attention    `db:"attention"`
	Key           id.Null[id.Attempt]   `db:"key"`
	Busy          bool                  `db:"busy"`
	Open          bool                  `db:"open"`
	Raised        bool                  `db:"raised"`
}

func (row *booksRow) books() (reconcile.Books, error) {
	var disputes []payment.Dispute
	if err := json.Unmarshal(row.Disputes, &disputes); err != nil {
		return reconcile.Books{}, fmt.Errorf("disputes of payment %s: %w", row.ID, err)
	}
	return reconcile.Books{
		PaymentID: row.ID, OrderID: row.OrderID, Provider: row.Provider, Revision: row.Revision, UpdatedAt: row.UpdatedAt.UTC(),
		Totals: payment.Totals{Captured: row.CapturedMinor, Refunded: row.RefundedMinor}, Authorized: row.Authorized, Disputes: disputes,
		LookUp: payment.Call{
			Key: row.Key.ID, Operation: payment.OperationAuthorize, OrderID: row.OrderID, PaymentID: row.ID,
			OrderNumber: row.Number, Amount: money.New(row.AmountMinor, row.Currency), Capture: row.CaptureMethod,
			Method: row.Method, Reference: row.Reference,
		},
		Busy: row.Busy, Open: row.Open, Raised: row.Raised,
		Mismatch: row.Attention != nil && *row.Attention == payment.Mismatch,
	}, nil
}

func (r *Reconciliation) books(ctx context.Context, query string, args ...any) ([]reconcile.Books, error) {
	var rows []booksRow
	if err := r.db.SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, err
	}
	books := make([]reconcile.Books, len(rows))
	for i := range rows {
		var err error
		if books[i], err = rows[i].books(); err != nil {
			return nil, err
		}
	}
	return books, nil
}

// Differing implements reconcile.Store.
func (r *Reconciliation) Differing(ctx context.Context, providers []string, after id.Payment, limit int) ([]reconcile.Books, error) {
	return r.books(ctx, booksQuery+booksDiffering, pq.Array(providers), after, limit)
}

// AtRest implements reconcile.Store.
func (r *Reconciliation) AtRest(ctx context.Context, providers []string, after reconcile.Position, until time.Time, limit int) ([]reconcile.Books, error) {
	return r.books(ctx, booksQuery+booksAtRest, pq.Array(providers), after.At, after.ID, until, limit)
}

// Differs implements reconcile.Store.
func (r *Reconciliation) Differs(ctx context.Context, b reconcile.Books, theirs payment.Totals) (kept, changed bool, err error) {
	var row struct {
		Kept    bool `db:"kept"`
		Changed bool `db:"changed"`
	}
	err = r.db.GetContext(ctx, &row, `
		WITH present AS MATERIALIZED (
			SELECT o.id FROM orders o WHERE o.id = $2 AND o.revision = $3
		), changed AS (
			INSERT INTO reconciliation_differences AS d (
				id, order_id, payment_id, currency, captured_minor, refunded_minor, their_captured_minor, their_refunded_minor)
			SELECT $1, present.id, $4, $5, $6, $7, $8, $9 FROM present
			ON CONFLICT (payment_id) WHERE resolved_at IS NULL DO UPDATE SET
				captured_minor = excluded.captured_minor, refunded_minor = excluded.refunded_minor,
				their_captured_minor = excluded.their_captured_minor, their_refunded_minor = excluded.their_refunded_minor,
				raised_at = NULL
			WHERE (d.captured_minor, d.refunded_minor, d.their_captured_minor, d.their_refunded_minor)
				<> (excluded.captured_minor, excluded.refunded_minor, excluded.their_captured_minor, excluded.their_refunded_minor)
			RETURNING d.id
		)
		SELECT EXISTS (SELECT FROM present) AS kept, EXISTS (SELECT FROM changed) AS changed`,
		id.New[uuid.UUID](), b.OrderID, b.Revision, b.PaymentID, b.LookUp.Amount.Currency,
		b.Totals.Captured, b.Totals.Refunded, theirs.Captured, theirs.Refunded)
	return row.Kept, row.Changed, err
}

// Raised implements reconcile.Store.
func (r *Reconciliation) Raised(ctx context.Context, paymentID id.Payment) error {
	_, err := r.db.ExecContext(ctx, `
		UPDATE reconciliation_differences SET raised_at = clock_timestamp()
		WHERE payment_id = $1 AND resolved_at IS NULL AND raised_at IS NULL`, paymentID)
	return err
}

// Agrees implements reconcile.Store. Run twice, the second run resolves nothing and says so: a count too few.
func (r *Reconciliation) Agrees(ctx context.Context, b reconcile.Books) (resolved bool, err error) {
	result, err := r.db.ExecContext(ctx, `
		UPDATE reconciliation_differences d SET resolved_at = clock_timestamp()
		FROM orders o
		WHERE d.payment_id = $1 AND d.resolved_at IS NULL AND o.id = d.order_id AND o.revision = $2`, b.PaymentID, b.Revision)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// CountOpen implements reconcile.Store.
func (r *Reconciliation) CountOpen(ctx context.Context) (n int, err error) {
	err = r.db.GetContext(ctx, &n, `SELECT count(*) FROM reconciliation_differences WHERE resolved_at IS NULL`)
	return n, err
}

// Entries implements reconcile.Store. Newest first is by id, which sorts by time.
func (r *Reconciliation) Entries(ctx context.Context, p auth.Principal, request pagination.Request) (pagination.Result[reconcile.Entry], error) {
	if err := auth.RequireStaff(p); err != nil {
		return pagination.Result[reconcile.Entry]{}, err
	}
	var q query
	newestFirst(&q, "id", request)
	var rows []struct {
		ID         uuid.UUID  `db:"id"`
		OrderID    id.Order   `db:"order_id"`
		PaymentID  id.Payment `db:"payment_id"`
		Currency   string     `db:"currency"`
		Ours       int64      `db:"ours"`
		Theirs     int64      `db:"theirs"`
		DetectedAt time.Time  `db:"detected_at"`
		ResolvedAt *time.Time `db:"resolved_at"`
	}
	err := r.entries.all(ctx, p, &rows, `
		SELECT id, order_id, payment_id, currency, captured_minor - refunded_minor AS ours,
			their_captured_minor - their_refunded_minor AS theirs, detected_at, resolved_at
		FROM reconciliation_differences WHERE `+q.where()+fmt.Sprintf(` ORDER BY id DESC LIMIT %d`, request.Limit+1), q.args...)
	if err != nil {
		return pagination.Result[reconcile.Entry]{}, err
	}
	entries := make([]reconcile.Entry, len(rows))
	for i, row := range rows {
		entries[i] = reconcile.Entry{
			ID: row.ID, OrderID: row.OrderID, PaymentID: row.PaymentID,
			Expected: money.New(row.Ours, row.Currency), AtProvider: money.New(row.Theirs, row.Currency),
			DetectedAt: row.DetectedAt.UTC(), ResolvedAt: utc(row.ResolvedAt),
		}
	}
	return pagination.Cut(request, entries), nil
}
