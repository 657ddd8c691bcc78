package postgres

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/stats"
)

//go:embed stats.sql
var statsSQL string

var _ stats.Store = (*Store)(nil)

// Stats implements stats.Store, in one statement.
func (s *Store) Stats(ctx context.Context, p auth.Principal, span stats.Span) (*stats.Stats, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	var row statsRow
	if err := s.db.get(ctx, p, &row, statsSQL, statsArgs(span)...); err != nil {
		return nil, err
	}
	return row.stats(span)
}

// statsArgs gives the bounds of the span's steps. The step that runs ends a step later than it should, for events of machines
// whose clock is ahead.
func statsArgs(span stats.Span) []any {
	bounds := make([]uuid.UUID, span.Points+1)
	for i := range bounds {
		bounds[i] = firstID(span.From.Add(time.Duration(i) * span.Step))
	}
	bounds[span.Points] = firstID(span.From.Add(time.Duration(span.Points+1) * span.Step))
	return []any{uuidArray(bounds)}
}

type statsRow struct {
	Counted     []byte `db:"counted"`
	Revenue     []byte `db:"revenue"`
	Percentiles []byte `db:"percentiles"`
	Waits       []byte `db:"waits"`
	Statuses    []byte `db:"statuses"`
	InFlight    int    `db:"in_flight"`
	Attention   int    `db:"attention"`
}

func (r *statsRow) stats(span stats.Span) (*stats.Stats, error) {
	var counted []struct {
		Type order.EventType `json:"type"`
		Step int             `json:"step"`
		N    int             `json:"n"`
	}
	var statuses []struct {
		Status order.Status `json:"status"`
		N      int          `json:"n"`
	}
	var waits []struct {
		Step int   `json:"step"`
		Ms   []int `json:"ms"`
	}
	var percentiles []int
	found := &stats.Stats{InFlight: r.InFlight, Attention: r.Attention, Revenue: []money.Amount{}}
	for _, part := range []struct {
		raw  []byte
		into any
	}{{r.Counted, &counted}, {r.Revenue, &found.Revenue}, {r.Percentiles, &percentiles}, {r.Waits, &waits}, {r.Statuses, &statuses}} {
		if err := decode(part.raw, part.into); err != nil {
			return nil, fmt.Errorf("figures: %w", err)
		}
	}
	found.TimeToConfirmed = percentilesOf(percentiles)
	for _, status := range order.Statuses() {
		count := stats.StatusCount{Status: status}
		for _, s := range statuses {
			if s.Status == status {
				count.Count = s.N
			}
		}
		found.OrdersByStatus = append(found.OrdersByStatus, count)
	}
	found.Throughput = make([]stats.Point, span.Points)
	for i := range found.Throughput {
		found.Throughput[i].At = span.From.Add(time.Duration(i) * span.Step)
	}
	for _, w := range waits {
		ms := percentilesOf(w.Ms)
		found.Throughput[w.Step].TimeToConfirmed = &ms
	}
	for _, c := range counted {
		point := &found.Throughput[c.Step]
		switch c.Type { //nolint:exhaustive // the statement selects these
		case order.OrderCreated:
			point.Created += c.N
		case order.PaymentConfirmed:
			point.Confirmed += c.N
		case order.PaymentDeclined:
			point.Declined += c.N
		case order.OrderCancelled:
			point.Cancelled += c.N
		}
	}
	return found, nil
}

func percentilesOf(ms []int) stats.Percentiles {
	return stats.Percentiles{P50Ms: ms[0], P95Ms: ms[1], P99Ms: ms[2]}
}
