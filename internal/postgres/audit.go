package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/page"
)

var _ audit.Trail = (*Store)(nil)

// AuditTrail implements audit.Trail.
func (s *Store) AuditTrail(ctx context.Context, p auth.Principal, r page.Request) (page.Result[*audit.Entry], error) {
	if err := auth.RequireStaff(p); err != nil {
		return page.Result[*audit.Entry]{}, err
	}
	var q query
	newestFirst(&q, "id", r)
	var rows []struct {
		ID      uuid.UUID `db:"id"`
		At      time.Time `db:"at"`
		ActorID uuid.UUID `db:"actor_id"`
		Action  string    `db:"action"`
		Subject *string   `db:"subject"`
		Detail  *string   `db:"detail"`
	}
	err := s.db.all(ctx, p, &rows,
		`SELECT id, at, actor_id, action, subject, detail FROM audit_entries WHERE `+q.where()+
			fmt.Sprintf(` ORDER BY id DESC LIMIT %d`, r.Limit+1), q.args...)
	if err != nil {
		return page.Result[*audit.Entry]{}, err
	}
	entries := make([]*audit.Entry, len(rows))
	for i, row := range rows {
		entries[i] = &audit.Entry{
			ID: row.ID, At: row.At.UTC(), ActorID: row.ActorID, Action: row.Action, Subject: row.Subject, Detail: row.Detail,
		}
	}
	return page.Cut(r, entries), nil
}
