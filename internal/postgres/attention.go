package postgres

import (
	"context"
	"fmt"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
)

// PaymentsNeedingAttention implements order.Store.
func (s *Store) PaymentsNeedingAttention(ctx context.Context, p auth.Principal, r pagination.Request) (pagination.Result[order.PaymentOf], error) {
	statement, args := attentionQuery(p, r, order.PartsOf(ctx))
	var rows []struct {
		PaymentID id.Payment  `db:"payment_id"`
		Order     storedOrder `db:"stored"`
	}
	if err := s.db.all(ctx, p, &rows, statement, args...); err != nil {
		return pagination.Result[order.PaymentOf]{}, err
	}
	found := make([]order.PaymentOf, len(rows))
	for i := range rows {
		o := rows[i].Order.Order
		found[i] = order.PaymentOf{Order: o, Payment: o.PaymentByID(rows[i].PaymentID)}
	}
	return pagination.Cut(r, found), nil
}

// attentionQuery reads a page by the partial index payments_needing_attention, which holds exactly the payments asked for.
func attentionQuery(p auth.Principal, r pagination.Request, parts order.Parts) (statement string, args []any) {
	q := query{args: []any{viewerArg(p)}}
	if r.After.Valid {
		q.and(`a.id > ?`, r.After.ID)
	}
	if r.Before.Valid {
		q.and(`a.id < ?`, r.Before.ID)
	}
	direction := "ASC"
	if r.Backward {
		direction = "DESC"
	}
	return fmt.Sprintf(`SELECT a.id AS payment_id, %s AS stored FROM payments a JOIN orders o ON o.id = a.order_id
		WHERE a.attention IS NOT NULL AND %s AND %s ORDER BY a.id %s LIMIT %d`, orderRecords[parts], visibleTo, q.where(), direction, r.Limit+1), q.args
}
