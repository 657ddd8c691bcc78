package graph_test

import "testing"

const figures = `query($window: StatsWindow!) { stats(window: $window) {
	at ordersByStatus { status count } revenue { amount currency } throughput { at created confirmed declined cancelled timeToConfirmed { p50Ms } }
	timeToConfirmed { p50Ms p95Ms p99Ms } inFlight attention subscribers } }`

func TestStats(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.paid("sim_approve")
	w.paid("sim_decline")
	feed := w.subscribe(staff, `subscription { orderFeed { kind } }`, nil, "")
	feed.next()
	got := w.do(staff, figures, vars{"window": "LAST_HOUR"}).ok().
		want("stats.ordersByStatus", []any{
			map[string]any{"status": "CREATED", "count": 1},
			map[string]any{"status": "CONFIRMED", "count": 1},
			map[string]any{"status": "DELIVERED", "count": 0},
			map[string]any{"status": "CANCELLING", "count": 0},
			map[string]any{"status": "CANCELLED", "count": 0},
		}).
		want("stats.revenue", []any{map[string]any{"amount": "25.00", "currency": "EUR"}}).
		want("stats.inFlight", 2).want("stats.attention", 0).want("stats.subscribers", 1)
	if points, _ := got.at("stats.throughput").([]any); len(points) != 30 {
		t.Errorf("%d points", len(points))
	}
	for window, points := range map[string]int{"LAST_15_MINUTES": 30, "LAST_DAY": 48} {
		got, _ := w.do(staff, figures, vars{"window": window}).ok().at("stats.throughput").([]any)
		if len(got) != points {
			t.Errorf("%s has %d points", window, len(got))
		}
	}
	w.do(ada, figures, vars{"window": "LAST_DAY"}).refused("FORBIDDEN")
	w.do(anonymous, figures, vars{"window": "LAST_DAY"}).refused("UNAUTHENTICATED")
}
