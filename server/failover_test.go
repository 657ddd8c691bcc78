package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/pgtest"
)

// pair is a primary and a standby that has each commit before the client hears of it.
func pair(t *testing.T) (primary, standby *pgtest.Server) {
	t.Helper()
	primary = pgtest.NewServer(t)
	admin := connectPlain(t, primary.URL("postgres"))
	admin.MustExec(`CREATE DATABASE orderwire`)
	standby = primary.Standby()
	admin.MustExec(`ALTER SYSTEM SET synchronous_standby_names = '*'`)
	admin.MustExec(`SELECT pg_reload_conf()`)
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	await(ctx, t, func() bool {
		var n int
		return admin.GetContext(ctx, &n, `SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'`) == nil && n == 1
	})
	if err := admin.Close(); err != nil {
		t.Fatal(err)
	}
	return primary, standby
}

// connectPlain is a connection as any client has it, with nothing of ours.
func connectPlain(t *testing.T, url string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.ConnectContext(t.Context(), "postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// customers order without a pause, each order until it is placed, and count how often they had to wait.
type customers struct {
	placed, unavailable atomic.Int64
	wrong               chan error // an answer that is neither
	done                sync.WaitGroup
	stop                context.CancelFunc
}

func newCustomers(t *testing.T, u *user, n int) *customers {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &customers{wrong: make(chan error, n), stop: cancel}
	t.Cleanup(cancel)
	for range n {
		c.done.Go(func() {
			for ctx.Err() == nil {
				if err := c.one(u); err != nil {
					c.wrong <- err
					return
				}
			}
		})
	}
	return c
}

// one places one order, with one key.
func (c *customers) one(u *user) error {
	input := map[string]any{
		"idempotencyKey": uuid.NewString(), "paymentMethod": map[string]any{"token": "sim_approve"},
		"items": []any{map[string]any{"productId": u.productID, "quantity": 1}},
	}
	for deadline := time.Now().Add(eventually.Patience); ; {
		var data struct {
			OrderCreate struct {
				Order      struct{ ID string }
				UserErrors []struct{ Code, Message string }
			}
		}
		err := u.graphql(context.Background(), orderCreate, map[string]any{"input": input}, &data)
		switch {
		case err == nil && len(data.OrderCreate.UserErrors) == 0:
			c.placed.Add(1)
			return nil
		case err == nil && data.OrderCreate.UserErrors[0].Code != "IDEMPOTENCY_IN_PROGRESS":
			return fmt.Errorf("refused: %v", data.OrderCreate.UserErrors)
		case err != nil && !strings.Contains(err.Error(), "UNAVAILABLE"):
			return err
		case time.Now().After(deadline):
			return errors.Join(errors.New("still not placed"), err)
		}
		c.unavailable.Add(1)
		time.Sleep(20 * time.Millisecond) // a pause between attempts; the result does not depend on its length
	}
}

func TestFailover(t *testing.T) {
	t.Parallel()
	t.Run("TheNameMoves", func(t *testing.T) {
		t.Parallel()
		primary, standby := pair(t)
		name := newProxy(t, primary.URL("orderwire"))
		failover(t, name.url, func(becomes func(ready int)) {
			primary.Stop("immediate")
			becomes(503)
			primary.Demote()
			primary.Start()
			// The name still leads to a server that runs, answers, and takes no writes.
			becomes(503)
			standby.Promote()
			name.move(standby.URL("orderwire"))
		}, standby)
	})
	t.Run("SeveralHosts", func(t *testing.T) {
		t.Parallel()
		primary, standby := pair(t)
		hosts := fmt.Sprintf("postgres://orderwire@%s,%s/orderwire?sslmode=disable", primary.Address(), standby.Address())
		failover(t, hosts, func(becomes func(ready int)) {
			primary.Stop("fast") // its sessions are told
			becomes(503)
			standby.Promote()
			primary.Demote()
			primary.Start()
		}, standby)
	})
}

// failover runs a server at a URL while another PostgreSQL takes over, and checks that nothing was lost, doubled or INTERNAL.
func failover(t *testing.T, url string, takeover func(becomes func(ready int)), then *pgtest.Server) {
	app := startApp(t, url)
	u := signedIn(t, app.URL(), "ada", "CUSTOMER")
	feed := watchFeed(app.URL(), u.token)
	var mu sync.Mutex
	delivered, kinds := map[string]bool{}, map[string]int{}
	watching, unwatch := context.WithCancel(context.Background())
	watched := make(chan error, 1)
	go func() {
		watched <- feed.run(watching, func(it item) error {
			mu.Lock()
			defer mu.Unlock()
			kinds[it.Kind]++
			if it.Order != nil && it.Order.Status == "DELIVERED" {
				delivered[it.Order.ID] = true
			}
			return nil
		})
	}()
	shop := newCustomers(t, u, 4)
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	check := func() {
		select {
		case err := <-shop.wrong:
			t.Fatalf("a customer was told: %v", err)
		default:
		}
	}
	becomes := func(ready int) {
		t.Helper()
		await(ctx, t, func() bool { check(); got, _ := status(t, app.URL(), "/readyz", ""); return got == ready })
	}
	await(ctx, t, func() bool { check(); return shop.placed.Load() >= 20 })
	takeover(becomes)
	moved := time.Now()
	before := shop.placed.Load()
	await(ctx, t, func() bool { check(); return shop.placed.Load() > before })
	placed := time.Since(moved)
	becomes(200)
	t.Logf("the first order %v after the move, ready after %v, %d answers were UNAVAILABLE", placed.Round(time.Millisecond), time.Since(moved).Round(time.Millisecond), shop.unavailable.Load())
	await(ctx, t, func() bool { check(); return shop.placed.Load() >= before+20 })
	shop.stop()
	shop.done.Wait()
	check()

	// A new order's events come to the subscriber, over the sequencer and LISTEN of the new server.
	last := u.order(t, "sim_approve")
	await(ctx, t, func() bool { mu.Lock(); defer mu.Unlock(); return delivered[last] })
	want := int(shop.placed.Load()) + 1
	db := connectPlain(t, then.URL("orderwire"))
	await(ctx, t, func() bool {
		var left int
		return db.GetContext(ctx, &left, `SELECT (SELECT count(*) FROM orders WHERE status <> 'DELIVERED') + (SELECT count(*) FROM order_events) - (SELECT count(*) FROM feed)`) == nil && left == 0
	})
	await(ctx, t, func() bool { mu.Lock(); defer mu.Unlock(); return kinds["RESET"] > 0 || len(delivered) == want })
	unwatch()
	<-watched
	t.Logf("%d orders, the subscriber got %v", want, kinds)
	var orders, feedRows, events int
	for into, query := range map[*int]string{&orders: `orders`, &feedRows: `feed`, &events: `order_events`} {
		if err := db.GetContext(ctx, into, `SELECT count(*) FROM `+query); err != nil {
			t.Fatal(err)
		}
	}
	if kinds["RESET"] == 0 && len(delivered) != want {
		t.Errorf("the subscriber heard of %d orders of %d, without a RESET", len(delivered), want)
	}
	if orders != want || events != 4*want || feedRows != events {
		t.Errorf("%d orders, %d events and %d positions; customers placed %d", orders, events, feedRows, want)
	}
	checkLedger(t, db)
}
