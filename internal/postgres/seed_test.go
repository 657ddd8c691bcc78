package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/order/ordertest"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

func newSeed(orders int, walked bool) (seed postgres.Seed, customer auth.Principal) {
	customer = auth.Principal{CustomerID: id.ForCustomer("test", "seed"), Role: auth.RoleCustomer}
	price := money.New(700, "EUR")
	end := time.Now().UTC().AddDate(0, 0, -10)
	return postgres.Seed{
		Orders: orders, From: end.AddDate(0, -3, 0), To: end, Walked: walked, Customers: []id.Customer{customer.CustomerID},
		Baskets: []postgres.Basket{{
			Lines: []order.Line{{ProductID: id.New[id.Product](), Name: "Mug", Quantity: 1, UnitPrice: price, Total: price}}, Total: price,
		}},
		Provider: "test", Progress: func(int) {},
	}, customer
}

func TestSeed(t *testing.T) {
	t.Parallel()
	for name, walked := range map[string]bool{"OKPlaced": false, "OKWalked": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := postgrestest.Open(t)
			store, log := postgrestest.Store(t, db.API, nil), postgres.NewLog(db.API)
			const orders = 40
			for _, n := range []int{orders / 2, orders, orders} { // interrupted, gone on with, and once more
				seed, _ := newSeed(n, walked)
				if err := seed.Run(t.Context(), db.Owner); err != nil {
					t.Fatal(err)
				}
			}
			_, customer := newSeed(orders, walked)
			all, err := store.Orders(t.Context(), customer, order.Filter{}, pagination.Request{Limit: 100})
			if err != nil || len(all.Items) != orders {
				t.Fatalf("%d orders, %v", len(all.Items), err)
			}
			status, versions := order.Created, 1
			if walked {
				status, versions = order.Delivered, 4
			}
			for _, o := range all.Items {
				events, err := log.Events(t.Context(), customer, o.ID, 0, 10)
				if err != nil || len(events) != versions || o.Version != versions || o.Status != status {
					t.Fatalf("%s in version %d with %d events, %v", o.Status, o.Version, len(events), err)
				}
				if err := ordertest.CheckHistory(events); err != nil {
					t.Fatal(err)
				}
				if last := events[versions-1].Order; last.Status != o.Status || last.Captured != o.Captured ||
					last.Payments[0].ID != o.Payments[0].ID || last.Payments[0].Reference != o.Payments[0].Reference ||
					!last.UpdatedAt.Equal(o.UpdatedAt) || !last.Payments[0].UpdatedAt.Equal(o.Payments[0].UpdatedAt) {
					t.Errorf("the log has %+v, the order is %+v", last.State, o.State)
				}
				u := uuid.UUID(o.ID)
				if seconds, nanos := u.Time().UnixTime(); !time.Unix(seconds, nanos).Equal(o.CreatedAt) || u.Version() != 7 || u.Variant() != uuid.RFC4122 {
					t.Errorf("%s is not of %v", o.ID, o.CreatedAt)
				}
			}
			var inDefault int
			if err := db.Get(&inDefault, `SELECT count(*) FROM order_events_default`); err != nil || inDefault != 0 {
				t.Errorf("%d events in the default partition, %v", inDefault, err)
			}
			// The sequencer looks at the present epoch: at start it would look at millions of them.
			var looked int
			if err := db.Get(&looked, `SELECT count(*) FROM order_events WHERE log_epoch >= (SELECT epoch FROM event_log)`); err != nil || looked != 0 {
				t.Errorf("the sequencer looks for %d events that have their position, %v", looked, err)
			}
			sequencerGoesOn(t, db, orders*versions)
		})
	}
}

// sequencerGoesOn places an order, and wants it to have the position after the seeded ones, which keep theirs.
func sequencerGoesOn(t *testing.T, db *postgrestest.DB, seeded int) {
	t.Helper()
	create(t, postgrestest.Store(t, db.API, nil), ada)
	log, sequencer := postgres.NewLog(db.API), postgres.NewSequencer(db.Worker, uuid.NewString(), event.Lease)
	if held, err := sequencer.Acquire(t.Context()); err != nil || !held {
		t.Fatalf("the lease was not given up: %v, %v", held, err)
	}
	if assigned, err := sequencer.Assign(t.Context()); err != nil || assigned.Count != 1 {
		t.Fatalf("assigned %+v, %v", assigned, err)
	}
	tail, err := log.FeedTail(t.Context(), auth.System, 0, 1000)
	if err != nil || len(tail.Rows) != seeded+1 || int(tail.Last.Position) != seeded+1 {
		t.Fatalf("%d rows up to %d, %v", len(tail.Rows), tail.Last, err)
	}
	for i, row := range tail.Rows {
		if int(row.Position) != i+1 {
			t.Fatalf("row %d has position %d", i, row.Position)
		}
	}
}

func TestSeedErrServerRuns(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	sequencer := postgres.NewSequencer(db.Worker, uuid.NewString(), time.Hour)
	if held, err := sequencer.Acquire(t.Context()); err != nil || !held {
		t.Fatal(held, err)
	}
	seed, _ := newSeed(1, false)
	if err := seed.Run(t.Context(), db.Owner); !errors.Is(err, postgres.ErrSequencerRuns) {
		t.Errorf("got %v", err)
	}
}
