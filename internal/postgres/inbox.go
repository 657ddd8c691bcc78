package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/webhookinbox"
)

// Inbox keeps the webhooks of payment providers. It implements webhookinbox.Store.
type Inbox struct {
	db *sqlx.DB
}

var _ webhookinbox.Store = (*Inbox)(nil)

// NewInbox keeps them in db.
func NewInbox(db *sqlx.DB) *Inbox { return &Inbox{db: db} }

// Put implements webhookinbox.Store. When the driver repeats it because an answer was lost, a new event is reported as known;
// it is found by the next look all the same.
func (b *Inbox) Put(ctx context.Context, provider string, n payment.Notice) (fresh bool, err error) {
	err = b.db.GetContext(ctx, &fresh, `
		INSERT INTO webhook_inbox (provider, event_id, type, payment_id, reference)
		VALUES ($1, $2, $3, $4, nullif($5, ''))
		ON CONFLICT (provider, event_id) DO NOTHING
		RETURNING true`,
		provider, n.EventID, n.Type, id.Null[id.Payment]{ID: n.PaymentID, Valid: !n.PaymentID.IsNil()}, n.Reference)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return fresh, err
}

// Claim implements webhookinbox.Store. When the driver repeats it, the events of the first run are due again after their lease.
// A provider's word counts for its own payments only.
func (b *Inbox) Claim(ctx context.Context, limit int, lease time.Duration) ([]webhookinbox.Claim, error) {
	var rows []struct {
		Provider    string              `db:"provider"`
		EventID     string              `db:"event_id"`
		Type        string              `db:"type"`
		Claims      int                 `db:"claims"`
		ByReference bool                `db:"by_reference"`
		PaymentID   id.Null[id.Payment] `db:"payment_id"`
	}
	err := b.db.SelectContext(ctx, &rows, claimQuery, limit, lease.Seconds())
	if err != nil {
		return nil, err
	}
	claims := make([]webhookinbox.Claim, len(rows))
	for i, r := range rows {
		claims[i] = webhookinbox.Claim{
			Provider: r.Provider, EventID: r.EventID, Type: r.Type, Claims: r.Claims,
			ByReference: r.ByReference, PaymentID: r.PaymentID.ID,
		}
	}
	return claims, nil
}

const claimQuery = `
	WITH due AS MATERIALIZED (
		SELECT provider, event_id FROM webhook_inbox
		WHERE due_at <= statement_timestamp() ORDER BY due_at LIMIT $1
		FOR UPDATE SKIP LOCKED
	), claimed AS (
		UPDATE webhook_inbox i SET claims = i.claims + 1, due_at = clock_timestamp() + make_interval(secs => $2)
		FROM due WHERE i.provider = due.provider AND i.event_id = due.event_id
		RETURNING i.provider, i.event_id, i.type, i.claims, i.payment_id, i.reference
	)
	SELECT c.provider, c.event_id, c.type, c.claims, c.payment_id IS NULL AND c.reference IS NOT NULL AS by_reference,
		coalesce(
			(SELECT p.id FROM payments p WHERE p.id = c.payment_id AND p.provider = c.provider),
			(SELECT p.id FROM payments p WHERE p.provider_reference = c.reference AND p.provider = c.provider ORDER BY p.id LIMIT 1)
		) AS payment_id
	FROM claimed c`

type verdictRow struct {
	Provider string              `json:"provider"`
	EventID  string              `json:"event_id"`
	Claims   int                 `json:"claims"`
	Status   webhookinbox.Status `json:"status"`
	Message  string              `json:"message"`
	Pause    float64             `json:"pause"`
}

// Finish implements webhookinbox.Store. It may run twice: the second run finds nothing that is pending, or postpones again.
func (b *Inbox) Finish(ctx context.Context, verdicts []webhookinbox.Verdict) error {
	rows := make([]verdictRow, len(verdicts))
	for i, v := range verdicts {
		rows[i] = verdictRow{
			Provider: v.Provider, EventID: v.EventID, Claims: v.Claims, Status: v.Status,
			Message: v.Message, Pause: v.Pause.Seconds(),
		}
	}
	encoded, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	_, err = b.db.ExecContext(ctx, `
		UPDATE webhook_inbox i SET status = v.status, message = v.message,
			due_at = CASE WHEN v.status = 'PENDING' THEN clock_timestamp() + make_interval(secs => v.pause) END,
			finished_at = CASE WHEN v.status <> 'PENDING' THEN clock_timestamp() END
		FROM jsonb_to_recordset($1::jsonb) AS v (
			provider text, event_id text, claims integer, status text, message text, pause double precision)
		WHERE i.provider = v.provider AND i.event_id = v.event_id AND i.claims = v.claims AND i.status = 'PENDING'`,
		string(encoded))
	return err
}

const pruneInboxRows = 1000

// Prune deletes events that were finished longer than keep ago, some at a time, and returns how many. An event that
// its provider sends again after that is worked on again, which does no harm.
func (b *Inbox) Prune(ctx context.Context, keep time.Duration) (deleted int, err error) {
	for {
		result, err := b.db.ExecContext(ctx, `
			DELETE FROM webhook_inbox WHERE (provider, event_id) IN (
				SELECT provider, event_id FROM webhook_inbox
				WHERE finished_at < statement_timestamp() - make_interval(secs => $1)
				ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, keep.Seconds(), pruneInboxRows)
		if err != nil {
			return deleted, err
		}
		n, err := result.RowsAffected()
		deleted += int(n)
		if err != nil || n < pruneInboxRows {
			return deleted, err
		}
	}
}
