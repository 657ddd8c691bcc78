package postgres_test

import (
	"slices"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// A renewal that waited for an order which is being changed would hold the others meanwhile, and lock them in another order
// than changes do.
func TestRenewLeasesWaitsForNobody(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.Worker, nil)
	for range 2 {
		create(t, store, ada)
	}
	leases := claim(t, db, store, 2)
	if _, err := db.ExecContext(t.Context(), `UPDATE order_work SET leased_until = '2020-01-01'`); err != nil {
		t.Fatal(err)
	}
	changing := begin(t, db)
	if _, err := changing.ExecContext(t.Context(), `SELECT FROM order_work WHERE order_id = $1 FOR UPDATE`, leases[0].OrderID); err != nil {
		t.Fatal(err)
	}
	if err := store.RenewLeases(t.Context(), leases); err != nil {
		t.Fatal(err)
	}
	var renewed []id.Order
	err := db.SelectContext(t.Context(), &renewed, `SELECT order_id FROM order_work WHERE leased_until > clock_timestamp()`)
	if err != nil || len(renewed) != 1 || renewed[0] != leases[1].OrderID {
		t.Errorf("renewed %v, %v; want the one that nobody changes, %v", renewed, err, leases[1].OrderID)
	}
	commit(t, changing)
	stale := order.Lease{OrderID: leases[0].OrderID, Token: leases[0].Token - 1}
	if err := store.RenewLeases(t.Context(), []order.Lease{stale}); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "order_work WHERE leased_until > clock_timestamp()"); n != 1 {
		t.Errorf("%d are leased after a renewal with a token that was replaced, want 1", n)
	}
	if err := store.RenewLeases(t.Context(), leases); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "order_work WHERE leased_until > clock_timestamp()"); n != 2 {
		t.Errorf("%d are leased after the next renewal, want 2", n)
	}
}

// An order is claimed when its timer has run out on the database's clock as well as on the caller's, and no sooner.
func TestClaimDueOnBothClocks(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.Worker, nil)
	o := create(t, store, ada)
	now := order.SystemClock()
	for _, c := range []struct {
		name      string
		due, says time.Duration // from now
		want      int
	}{
		{"ErrCallerAhead", 30 * time.Minute, 31 * time.Minute, 0},
		{"ErrCallerBehind", -30 * time.Minute, -31 * time.Minute, 0},
		{"ErrNeither", 30 * time.Minute, 0, 0},
		{"OKBoth", -time.Minute, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := db.ExecContext(t.Context(), `UPDATE order_work SET due_at = $1`, now.Add(c.due)); err != nil {
				t.Fatal(err)
			}
			leases, err := store.ClaimDue(t.Context(), now.Add(c.says), []order.Want{{Limit: 10}})
			if err != nil || len(leases) != c.want || c.want == 1 && leases[0].OrderID != o.ID {
				t.Errorf("claimed %v, %v; want %d", leases, err, c.want)
			}
		})
	}
}

// Each claim has some of the orders that wait longest and some that became due last, so that neither wait for all of the others.
func TestClaimDueIsFair(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.Worker, nil)
	var ids []id.Order
	for range 20 {
		ids = append(ids, create(t, store, ada).ID)
	}
	for _, lane := range []string{"", "stripe"} {
		for i, id := range ids {
			_, err := db.ExecContext(t.Context(), `UPDATE order_work SET lane = $1, leased_until = NULL, due_at = now() - make_interval(hours => $2) WHERE order_id = $3`, lane, len(ids)-i, id)
			if err != nil {
				t.Fatal(err)
			}
		}
		leases, err := store.ClaimDue(t.Context(), order.SystemClock(), []order.Want{{Lane: lane, Limit: 8}})
		if err != nil {
			t.Fatal(err)
		}
		var places []int
		for _, l := range leases {
			places = append(places, slices.Index(ids, l.OrderID))
			if l.Lane != lane {
				t.Errorf("claimed in the lane %q, want %q", l.Lane, lane)
			}
		}
		slices.Sort(places)
		// Of the lane without a provider a quarter is for timers that run beside a provider.
		if n := len(places); n != 8 && (lane != "" || n != 6) || places[0] != 0 || places[1] != 1 || places[n-1] != len(ids)-1 || places[n-2] != len(ids)-2 {
			t.Errorf("lane %q: claimed %v of 20 by the time they are due", lane, places)
		}
	}
}

// An order that waits for a provider is claimed in the provider's lane only, unless a timer of its own has run out.
func TestClaimDueByLane(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.Worker, nil)
	create(t, store, ada)
	due := order.SystemClock().Add(-time.Minute)
	for _, c := range []struct {
		name, own, want string
		claimed         int
	}{
		{"OKInItsLane", `NULL`, "stripe", 1},
		{"ErrAnotherLane", `NULL`, "simulated", 0},
		{"ErrNoLane", `NULL`, "", 0},
		{"ErrOwnTimerRuns", `now() + interval '1 hour'`, "", 0},
		{"OKOwnTimer", `now() - interval '1 second'`, "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := db.ExecContext(t.Context(), `UPDATE order_work SET lane = 'stripe', leased_until = NULL, due_at = $1, own_due_at = `+c.own, due); err != nil {
				t.Fatal(err)
			}
			next, err := store.NextDue(t.Context())
			if _, own := next[""]; err != nil || own != (c.own != `NULL`) || !next["stripe"].Before(order.SystemClock()) {
				t.Errorf("next %v, %v", next, err)
			}
			leases, err := store.ClaimDue(t.Context(), order.SystemClock(), []order.Want{{Lane: c.want, Limit: 4}})
			if err != nil || len(leases) != c.claimed {
				t.Errorf("claimed %v, %v; want %d", leases, err, c.claimed)
			}
		})
	}
}
