package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

var (
	ada    = auth.Principal{CustomerID: id.ForCustomer("test", "ada"), Role: auth.RoleCustomer}
	grace  = auth.Principal{CustomerID: id.ForCustomer("test", "grace"), Role: auth.RoleCustomer}
	staff  = auth.Principal{CustomerID: id.ForCustomer("test", "staff"), Role: auth.RoleStaff}
	policy = order.Policy{Expiry: time.Hour, AuthorizationExpiry: time.Hour, DeliveryDelay: time.Hour, StepDelay: time.Hour}
)

func newOrder(p auth.Principal) *order.Order {
	price := money.New(1800, "EUR")
	return order.New(order.Cause{Now: order.SystemClock(), Actor: order.Actor{Kind: order.ActorCustomer, ID: p.CustomerID}}, policy, order.Draft{
		Head: order.Head{
			CustomerID: p.CustomerID,
			Lines:      []order.Line{{ProductID: id.New[id.Product](), Name: `Mug "Zoë" {1,2} \ NULL`, Quantity: 1, UnitPrice: price, Total: price}},
			Total:      price,
			Metadata:   []order.Metadata{{Key: "a,b", Value: `{"x":"\\"}`}},
		},
		Method: order.PaymentMethod{Provider: "simulated", Capture: payment.CaptureAutomatic},
	})
}

func key(text string, hash byte) order.Idempotency {
	return order.Idempotency{Operation: "orderCreate", Key: text, Hash: [32]byte{hash}}
}

func create(t *testing.T, store *postgres.Store, p auth.Principal) *order.Order {
	t.Helper()
	outcome, err := store.CreateOrder(t.Context(), p, newOrder(p), key(uuid.NewString(), 1))
	if err != nil {
		t.Fatal(err)
	}
	return outcome.Order
}

func count(t *testing.T, db *postgrestest.DB, table string) int {
	t.Helper()
	var n int
	if err := db.GetContext(t.Context(), &n, "SELECT count(*) FROM "+table); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCreateOrder(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)

	t.Run("OKReadsBackWhatWasWritten", func(t *testing.T) {
		want := create(t, store, ada)
		got, err := store.Order(t.Context(), ada, want.ID)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%+v", *got.Head) != fmt.Sprintf("%+v", *want.Head) {
			t.Errorf("head\n got %+v\nwant %+v", *got.Head, *want.Head)
		}
		if g, w := got.Payments[0], want.Payments[0]; g.ID != w.ID || g.Status != w.Status || !g.NextStepAt.Equal(*w.NextStepAt) {
			t.Errorf("payment %+v, want %+v", g, w)
		}
	})
	t.Run("OKReplay", func(t *testing.T) {
		first, err := store.CreateOrder(t.Context(), ada, newOrder(ada), key("replay", 1))
		if err != nil {
			t.Fatal(err)
		}
		again, err := store.CreateOrder(t.Context(), ada, newOrder(ada), key("replay", 1))
		if err != nil || !again.Replayed || again.Order.ID != first.Order.ID || first.Replayed {
			t.Errorf("got %+v, %v", again, err)
		}
	})
	t.Run("OKSameKeyOfAnother", func(t *testing.T) {
		if outcome, err := store.CreateOrder(t.Context(), grace, newOrder(grace), key("replay", 1)); err != nil || outcome.Replayed {
			t.Errorf("got %+v, %v", outcome, err)
		}
	})
	t.Run("OKLostAnswer", func(t *testing.T) {
		o := newOrder(ada)
		if _, err := store.CreateOrder(t.Context(), ada, o, key("lost", 1)); err != nil {
			t.Fatal(err)
		}
		outcome, err := store.CreateOrder(t.Context(), ada, o, key("lost", 1))
		if err != nil || outcome.Replayed || outcome.Order.ID != o.ID {
			t.Errorf("the very same order again: %+v, %v", outcome, err)
		}
	})
	t.Run("ErrKeyReused", func(t *testing.T) {
		if _, err := store.CreateOrder(t.Context(), ada, newOrder(ada), key("replay", 2)); fault.CodeOf(err) != fault.IdempotencyKeyReused {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ErrKeyInProgress", func(t *testing.T) {
		tx, err := db.BeginTxx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		_, err = tx.ExecContext(t.Context(), `
			INSERT INTO idempotency_keys (actor, operation, key, request_hash, order_id, entity_id)
			VALUES ($1, 'orderCreate', 'open', decode(repeat('00', 32), 'hex'), $2, $2)`, ada.CustomerID, uuid.NewString())
		if err != nil {
			t.Fatal(err)
		}
		before := count(t, db, "orders")
		if _, err := store.CreateOrder(t.Context(), ada, newOrder(ada), key("open", 1)); fault.CodeOf(err) != fault.IdempotencyInProgress {
			t.Errorf("got %v", err)
		}
		if after := count(t, db, "orders"); after != before {
			t.Errorf("%d orders became %d", before, after)
		}
	})
}

// Many identical requests at once, through two replicas, give one order.
func TestCreateOrderConcurrentReplays(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	db := postgrestest.Connect(t, url)
	stores := []*postgres.Store{postgrestest.Store(t, db.API, nil), postgrestest.Store(t, postgrestest.Connect(t, url).API, nil)}
	const n = 50
	var wg sync.WaitGroup
	outcomes := make([]order.Outcome, n)
	for i := range n {
		wg.Go(func() {
			var err error
			if outcomes[i], err = stores[i%2].CreateOrder(t.Context(), ada, newOrder(ada), key("same", 1)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	fresh := 0
	for _, outcome := range outcomes {
		if !outcome.Replayed {
			fresh++
		}
		if outcome.Order == nil || outcome.Order.ID != outcomes[0].Order.ID {
			t.Errorf("another order: %+v", outcome.Order)
		}
	}
	if orders := count(t, db, "orders"); fresh != 1 || orders != 1 {
		t.Errorf("%d created, %d orders; want 1, 1", fresh, orders)
	}
}

// A bad order in a batch fails alone.
func TestCreateOrderErrorIsItsOwn(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	const n = 40
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			o := newOrder(ada)
			if i%8 == 3 {
				o.Total.Minor = -1 // what no service lets through, the CHECK refuses
			}
			_, errs[i] = store.CreateOrder(t.Context(), ada, o, key(fmt.Sprint(i), 1))
		})
	}
	wg.Wait()
	for i, err := range errs {
		if (err != nil) != (i%8 == 3) {
			t.Errorf("order %d: %v", i, err)
		}
	}
	if got := count(t, db, "orders"); got != n-n/8 {
		t.Errorf("%d orders, want %d", got, n-n/8)
	}
}

func TestChangeOrder(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	cause := order.Cause{Now: order.SystemClock(), Actor: order.Actor{Kind: order.ActorStaff, ID: staff.CustomerID}}
	cancel := order.Change{Apply: func(o *order.Order) (uuid.UUID, error) { return uuid.Nil, o.Cancel(cause, order.CancelledByStaff) }}

	t.Run("OKManyAtOnceOneEffect", func(t *testing.T) {
		o := create(t, store, ada)
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				if _, err := store.ChangeOrder(t.Context(), ada, o.ID, cancel); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got, err := store.Order(t.Context(), ada, o.ID)
		if err != nil || got.Version != 4 || got.Status != order.Cancelled {
			t.Errorf("%+v, %v", got.State, err)
		}
	})
	t.Run("ErrAnothersOrder", func(t *testing.T) {
		o := create(t, store, ada)
		if _, err := store.ChangeOrder(t.Context(), grace, o.ID, cancel); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("got %v", err)
		}
		if _, err := store.Order(t.Context(), grace, o.ID); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("read: %v", err)
		}
		if _, err := store.OrderByNumber(t.Context(), grace, o.Number); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("read by number: %v", err)
		}
	})
	t.Run("ErrPanicIsContained", func(t *testing.T) {
		o := create(t, store, ada)
		_, err := store.ChangeOrder(t.Context(), ada, o.ID, order.Change{Apply: func(*order.Order) (uuid.UUID, error) { panic("oh no") }})
		if err == nil || !strings.Contains(err.Error(), "oh no") {
			t.Errorf("got %v", err)
		}
		if _, err := store.ChangeOrder(t.Context(), ada, o.ID, cancel); err != nil {
			t.Errorf("the next change: %v", err)
		}
	})
	t.Run("ErrRefusedChangesNothing", func(t *testing.T) {
		o := create(t, store, ada)
		refusal := errors.New("no")
		_, err := store.ChangeOrder(t.Context(), ada, o.ID, order.Change{Apply: func(o *order.Order) (uuid.UUID, error) {
			if err := o.Cancel(cause, order.CancelledByStaff); err != nil {
				t.Error(err)
			}
			return uuid.Nil, refusal
		}})
		if !errors.Is(err, refusal) {
			t.Errorf("got %v", err)
		}
		if got, _ := store.Order(t.Context(), ada, o.ID); got.Version != 1 {
			t.Errorf("version %d", got.Version)
		}
	})
}

func TestLease(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.Worker, nil)
	o := create(t, store, ada)
	later := order.SystemClock().Add(2 * time.Hour)
	first := claim(t, db, store, 1)
	if again := claim(t, db, store, 0); len(again) != 0 {
		t.Errorf("claimed twice: %v", again)
	}
	// The holder stalls and its lease runs out; another takes over.
	if _, err := db.ExecContext(t.Context(), `UPDATE order_work SET leased_until = clock_timestamp() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	second := claim(t, db, store, 1)
	advance := func(lease order.Lease) error {
		_, err := store.ChangeOrder(t.Context(), auth.System, o.ID, order.Change{Lease: &lease, Apply: func(o *order.Order) (uuid.UUID, error) {
			_, err := o.Advance(order.Cause{Now: later}, policy)
			return uuid.Nil, err
		}})
		return err
	}
	if err := advance(first[0]); !errors.Is(err, order.ErrLeaseLost) {
		t.Errorf("the stalled holder: %v, want ErrLeaseLost", err)
	}
	if got, _ := store.Order(t.Context(), ada, o.ID); got.Version != 1 {
		t.Errorf("the stalled holder made version %d", got.Version)
	}
	if err := advance(second[0]); err != nil {
		t.Errorf("the new holder: %v", err)
	}
}

// leasing gives a store of the API that leases what it leaves due, a worker's, and what the former has told of its last commit.
func leasing(t *testing.T) (db *postgrestest.DB, api, worker *postgres.Store, last func() postgres.Committed) {
	t.Helper()
	db = postgrestest.Open(t)
	var told []postgres.Committed
	api = postgrestest.Store(t, db.API, func(commits []postgres.Committed) { told = append(told, commits...) }, postgres.LeaseDue())
	return db, api, postgrestest.Store(t, db.Worker, nil), func() postgres.Committed { return told[len(told)-1] }
}

// An order that is due at once comes with a lease: nobody claims it, its holder changes it from what it knows, and when the
// holder says nothing it is claimed, and the holder's token is no good any more.
func TestLeaseAtBirth(t *testing.T) {
	t.Parallel()
	db, api, store, last := leasing(t)
	now := order.SystemClock()
	place := func(wait time.Duration) (*order.Order, postgres.Committed) {
		o := newOrder(ada)
		due := o.CreatedAt.Add(wait)
		o.Payment().NextStepAt = &due
		if _, err := api.CreateOrder(t.Context(), ada, o, key(uuid.NewString(), 1)); err != nil {
			t.Fatal(err)
		}
		return o, last()
	}
	if o, commit := place(time.Second); commit.Lease != nil || commit.DueAt == nil {
		t.Errorf("due in a second: lease %v, due %v", commit.Lease, commit.DueAt)
	} else if leases := claim(t, db, store, 1); leases[0].OrderID != o.ID {
		t.Errorf("claimed %v", leases)
	}
	o, commit := place(0)
	if commit.Lease == nil || commit.DueAt != nil {
		t.Fatalf("due at once: lease %v, due %v", commit.Lease, commit.DueAt)
	}
	claim(t, db, store, 0)
	lease := *commit.Lease
	lease.Hold = true
	begin := func(lease order.Lease, from *order.Outcome) (order.Outcome, error) {
		return store.ChangeOrder(t.Context(), auth.System, o.ID, order.Change{Lease: &lease, From: from, Apply: func(o *order.Order) (uuid.UUID, error) {
			_, err := o.Advance(order.Cause{Now: now.Add(time.Minute)}, policy)
			return uuid.Nil, err
		}})
	}
	first, err := begin(lease, &commit.Outcome)
	if err != nil || first.Order.Version != 2 || first.Revision.Number != 2 {
		t.Fatalf("the holder: %+v, %v", first, err)
	}
	if _, err := db.ExecContext(t.Context(), `UPDATE order_work SET leased_until = clock_timestamp() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	claim(t, db, store, 2)
	if _, err := begin(lease, &first); !errors.Is(err, order.ErrLeaseLost) {
		t.Errorf("the holder that was replaced: %v, want ErrLeaseLost", err)
	}
}

// So does an order that a change leaves due at once, whether it had a timer before or not, unless a worker has it: then that one
// continues, and does not notice.
func TestLeaseDue(t *testing.T) {
	t.Parallel()
	db, api, store, last := leasing(t)
	exec := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	// hurry makes the payment due after wait, as a request would.
	hurry := func(o *order.Order, wait time.Duration) postgres.Committed {
		t.Helper()
		_, err := api.ChangeOrder(t.Context(), ada, o.ID, order.Change{Apply: func(o *order.Order) (uuid.UUID, error) {
			at := order.SystemClock().Add(wait)
			o.Payment().NextStepAt = &at
			return uuid.Nil, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		return last()
	}
	// carryOn is a change by the holder, who keeps the order.
	carryOn := func(lease order.Lease, from *order.Outcome) error {
		lease.Hold = true
		_, err := store.ChangeOrder(t.Context(), auth.System, lease.OrderID, order.Change{
			Lease: &lease, From: from, Apply: func(*order.Order) (uuid.UUID, error) { return uuid.Nil, nil },
		})
		return err
	}

	o := create(t, api, ada)
	if commit := hurry(o, time.Second); commit.Lease != nil || commit.DueAt == nil {
		t.Errorf("due in a second: lease %v, due %v", commit.Lease, commit.DueAt)
	}
	for _, timer := range []string{"there", "gone"} {
		t.Run(timer, func(t *testing.T) {
			o := create(t, api, ada)
			exec(`UPDATE order_work SET due_at = 'infinity'`)
			if timer == "gone" {
				exec(`DELETE FROM order_work`)
			}
			commit := hurry(o, 0)
			if commit.Lease == nil || commit.DueAt != nil {
				t.Fatalf("due at once: lease %v, due %v", commit.Lease, commit.DueAt)
			}
			claim(t, db, store, 0)
			if err := carryOn(*commit.Lease, &commit.Outcome); err != nil {
				t.Errorf("the holder: %v", err)
			}
			exec(`UPDATE order_work SET leased_until = clock_timestamp() - interval '1 second' WHERE due_at < 'infinity'`)
			claim(t, db, store, 1)
			if err := carryOn(*commit.Lease, nil); !errors.Is(err, order.ErrLeaseLost) {
				t.Errorf("the holder that was replaced: %v, want ErrLeaseLost", err)
			}
		})
	}

	exec(`DELETE FROM order_work`)
	o = create(t, api, ada)
	workers := claim(t, db, store, 1)[0]
	if commit := hurry(o, 0); commit.Lease != nil || commit.DueAt == nil {
		t.Errorf("a worker has it: lease %v, due %v", commit.Lease, commit.DueAt)
	}
	if err := carryOn(workers, nil); err != nil {
		t.Errorf("the worker: %v", err)
	}
	exec(`UPDATE order_work SET leased_until = clock_timestamp() - interval '1 second'`)
	commit := hurry(o, 0)
	if commit.Lease == nil {
		t.Fatal("a worker had it and is late: no lease")
	}
	if err := carryOn(workers, nil); !errors.Is(err, order.ErrLeaseLost) {
		t.Errorf("the worker that was late: %v, want ErrLeaseLost", err)
	}
}

// What a change brings is not read, and is not believed either: when the order has been changed since, when what is decided on it
// would be told without a commit, or when it was committed by another server, which may have given the same number to something
// else.
func TestChangeFrom(t *testing.T) {
	t.Parallel()
	note := func(o *order.Order, text string) { o.CancelNote = &text }
	for name, c := range map[string]struct {
		stale, leased bool
		// first is the change's action on the first order it gets.
		first  func(o *order.Order) error
		server time.Duration
		saw    int
	}{
		"OKKnown":                {first: func(o *order.Order) error { note(o, "mine"); return nil }, saw: 1},
		"OKKnownLeased":          {leased: true, first: func(*order.Order) error { return nil }, saw: 1},
		"OKStale":                {stale: true, first: func(o *order.Order) error { note(o, "mine"); return nil }, saw: 2},
		"OKStaleLeased":          {stale: true, leased: true, first: func(*order.Order) error { return nil }, saw: 2},
		"OKFailsOnStale":         {stale: true, leased: true, first: func(*order.Order) error { return errors.New("not on this revision") }, saw: 2},
		"OKChangesNothing":       {first: func(*order.Order) error { return nil }, saw: 2},
		"OKOfAServerBefore":      {server: -time.Second, first: func(o *order.Order) error { note(o, "mine"); return nil }, saw: 2},
		"OKOfAServerBeforeStale": {server: -time.Second, stale: true, first: func(o *order.Order) error { note(o, "mine"); return nil }, saw: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told []postgres.Committed
			db := postgrestest.Open(t)
			store := postgrestest.Store(t, db.Worker, func(commits []postgres.Committed) { told = append(told, commits...) })
			o := create(t, store, ada)
			from := told[0].Outcome
			if from.Revision.Number != 1 || from.Revision.Server.IsZero() {
				t.Fatalf("placed as revision %+v", from.Revision)
			}
			from.Revision.Server = from.Revision.Server.Add(c.server)
			change := order.Change{From: &from}
			who := ada
			if c.leased {
				change.Lease, who = &claim(t, db, store, 1)[0], auth.System
			}
			want := int64(2)
			if c.stale {
				want++
				if _, err := store.ChangeOrder(t.Context(), ada, o.ID, order.Change{Apply: func(o *order.Order) (uuid.UUID, error) {
					note(o, "changed meanwhile")
					return uuid.Nil, nil
				}}); err != nil {
					t.Fatal(err)
				}
			}
			var seen []*string
			change.Apply = func(o *order.Order) (uuid.UUID, error) {
				seen = append(seen, o.CancelNote)
				if len(seen) == 1 {
					return uuid.Nil, c.first(o)
				}
				note(o, "mine in the end")
				return uuid.Nil, nil
			}
			after, err := store.ChangeOrder(t.Context(), who, o.ID, change)
			if err != nil || after.Revision.Number != want || after.Revision.Server.IsZero() || len(seen) != c.saw {
				t.Fatalf("revision %+v after looking %d times, %v; want %d and %d", after.Revision, len(seen), err, want, c.saw)
			}
			if seen[0] != nil || c.stale && *seen[1] != "changed meanwhile" {
				t.Errorf("saw %v; want first what is known, then what is there", seen)
			}
		})
	}
}

// claim has every timer run out, on the database's clock, and claims.
func claim(t *testing.T, db *postgrestest.DB, store *postgres.Store, want int) []order.Lease {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), `UPDATE order_work SET due_at = due_at - interval '1 day'`); err != nil {
		t.Fatal(err)
	}
	leases, err := store.ClaimDue(t.Context(), order.SystemClock(), []order.Want{{Limit: 10}, {Lane: "simulated", Limit: 10}})
	if err != nil || len(leases) != want {
		t.Fatalf("claimed %v, %v; want %d", leases, err, want)
	}
	return leases
}

// The log and the feed refuse every change by any role.
func TestLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	create(t, store, ada)
	if _, err := db.ExecContext(t.Context(), `INSERT INTO feed (position, order_id, version, customer_id) SELECT 1, order_id, version, customer_id FROM order_events`); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`UPDATE order_events SET type = 'X'`, `DELETE FROM order_events`, `TRUNCATE order_events`,
		`UPDATE feed SET position = 2`, `DELETE FROM feed`, `TRUNCATE feed`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func TestOrders(t *testing.T) {
	t.Parallel()
	store := postgrestest.Store(t, postgrestest.Open(t).API, nil)
	var mine []id.Order
	for range 5 {
		mine = append(mine, create(t, store, ada).ID)
		create(t, store, grace)
	}
	var got []id.Order
	request := pagination.Request{Limit: 2}
	for {
		result, err := store.Orders(t.Context(), ada, order.Filter{}, request)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range result.Items {
			got = append(got, o.ID)
		}
		if !result.HasNext {
			break
		}
		request.After = id.Some(uuid.UUID(got[len(got)-1]))
	}
	for i := range mine {
		if i >= len(got) || got[len(got)-1-i] != mine[i] {
			t.Fatalf("got %v, want the reverse of %v", got, mine)
		}
	}
	back, err := store.Orders(t.Context(), ada, order.Filter{}, pagination.Request{Limit: 2, Backward: true})
	if err != nil || len(back.Items) != 2 || back.Items[1].ID != mine[0] || !back.HasPrevious {
		t.Errorf("backward: %+v, %v", back, err)
	}
	if all, err := store.Orders(t.Context(), staff, order.Filter{}, pagination.Request{Limit: 100}); err != nil || len(all.Items) != 10 {
		t.Errorf("staff see %d, %v", len(all.Items), err)
	}
	number := back.Items[0].Number
	found, err := store.Orders(t.Context(), staff, order.Filter{
		Status: []order.Status{order.Created}, PaymentStatus: []payment.Status{payment.Initializing},
		CustomerID: id.Some(ada.CustomerID), Search: number[3:],
	}, pagination.Request{Limit: 10})
	if err != nil || len(found.Items) != 1 {
		t.Errorf("filtered: %+v, %v", found, err)
	}
}
