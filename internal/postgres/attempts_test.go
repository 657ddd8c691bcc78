package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// long is long enough that nothing comes back while a test runs.
const long = time.Hour

type shopper struct {
	t     *testing.T
	store *postgres.Store
	auth.Principal
	source uuid.UUID
}

func newShopper(t *testing.T, store *postgres.Store, source uuid.UUID) shopper {
	t.Helper()
	return shopper{t, store, auth.Principal{CustomerID: id.New[id.Customer](), Role: auth.RoleCustomer}, source}
}

func (s shopper) order(key order.Idempotency) (order.Outcome, error) {
	o := newOrder(s.Principal)
	o.Source = s.source
	return s.store.CreateOrder(s.t.Context(), s.Principal, o, key)
}

// pays places an order whose payment ends as the provider's answer says; "" leaves it under way.
func (s shopper) pays(answer payment.Outcome) {
	s.t.Helper()
	outcome, err := s.order(key(uuid.NewString(), 1))
	if err != nil {
		s.t.Fatal(err)
	}
	if answer != "" {
		step(s.t, s.store, outcome.Order.ID, payment.Result{Outcome: answer, Code: "card_declined"})
	}
}

// retries makes a further payment of an order, as the Service does, and has it answered.
func (s shopper) retries(orderID id.Order, answer payment.Outcome) {
	s.t.Helper()
	if err := s.store.TakeAttempt(s.t.Context(), s.Principal, s.source); err != nil {
		s.t.Fatal(err)
	}
	change(s.t, s.store, orderID, func(o *order.Order, c order.Cause) error {
		o.Source = s.source
		_, err := o.Retry(c, quick, order.PaymentMethod{Provider: "simulated", Capture: payment.CaptureAutomatic})
		return err
	})
	step(s.t, s.store, orderID, payment.Result{Outcome: answer, Code: "card_declined"})
}

// refused checks that neither a new order nor a further payment is taken.
func (s shopper) refused(limit order.AttemptLimit, within time.Duration) {
	s.t.Helper()
	_, err := s.order(key(uuid.NewString(), 1))
	for _, err := range []error{err, s.store.TakeAttempt(s.t.Context(), s.Principal, s.source)} {
		var tooMany *order.TooManyAttempts
		if !errors.As(err, &tooMany) || tooMany.Limit != limit || tooMany.Wait <= 0 || tooMany.Wait > within {
			s.t.Errorf("%#v, want the limit of the %s with a wait up to %s", err, limit, within)
		}
	}
}

func (s shopper) admitted() {
	s.t.Helper()
	if err := s.store.TakeAttempt(s.t.Context(), s.Principal, s.source); err != nil {
		s.t.Error(err)
	} else {
		s.store.ReturnAttempt(s.t.Context(), s.Principal)
	}
}

func limited(t *testing.T, db *postgrestest.DB, limits postgres.AttemptLimits) *postgres.Store {
	t.Helper()
	return postgrestest.Store(t, db.API, nil, postgres.WithAttemptLimits(limits))
}

// A customer's attempts count from when they are made until they succeed.
func TestAttemptsPerCustomer(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := limited(t, db, postgres.AttemptLimits{PerCustomer: 4, Window: long})
	eve := newShopper(t, store, uuid.Nil)
	declined, err := eve.order(key("declined", 1))
	if err != nil {
		t.Fatal(err)
	}
	step(t, store, declined.Order.ID, payment.Result{Outcome: payment.Refused, Code: "card_declined"})
	eve.retries(declined.Order.ID, payment.Refused)
	eve.pays(payment.Refused)
	for range 3 { // as many as there are successes
		eve.pays(payment.Captured)
		eve.pays(payment.Held)
	}
	for range 3 {
		if again, err := eve.order(key("declined", 1)); err != nil || !again.Replayed {
			t.Fatalf("a replay is an attempt: %+v, %v", again, err)
		}
	}
	eve.admitted()
	eve.pays("") // under way
	eve.refused(order.PerCustomer, long/4)
	if again, err := eve.order(key("declined", 1)); err != nil || !again.Replayed || again.Order.ID != declined.Order.ID {
		t.Errorf("a replay is refused: %+v, %v", again, err)
	}
	if _, err := eve.order(key("declined", 2)); fault.CodeOf(err) != fault.IdempotencyKeyReused {
		t.Errorf("a key that was used: %v", err)
	}
	newShopper(t, store, uuid.Nil).pays("")

	// An hour's quarter later there is room for one.
	db.MustExec(`UPDATE attempt_budgets SET spent_until = spent_until - interval '15 minutes'`)
	eve.pays(payment.Refused)
	eve.refused(order.PerCustomer, long/4)
	db.MustExec(`UPDATE attempt_budgets SET spent_until = spent_until - interval '2 hours'`)
	for range 4 {
		eve.pays(payment.Refused)
	}
	eve.refused(order.PerCustomer, long/4)
	if err := postgres.ForgetAttempts(t.Context(), db.Worker); err != nil {
		t.Fatal(err)
	}
	eve.refused(order.PerCustomer, long/4)
	db.MustExec(`UPDATE attempt_budgets SET spent_until = spent_until - interval '2 hours'`)
	if err := postgres.ForgetAttempts(t.Context(), db.Worker); err != nil || count(t, db, "attempt_budgets") != 0 {
		t.Errorf("%d budgets that are full are kept; %v", count(t, db, "attempt_budgets"), err)
	}
}

// Requests at many replicas at once, alone or in the batches of others, get no more.
func TestAttemptsAtOnce(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	const most, customers = 5, 3
	limits := postgres.AttemptLimits{PerCustomer: most, Window: long}
	replicas := []*postgres.Store{limited(t, db, limits), limited(t, postgrestest.Connect(t, db.URL), limits)}
	var all sync.WaitGroup
	for c := range customers {
		eve := newShopper(t, nil, uuid.Nil)
		var placed, taken atomic.Int64
		for i := range 40 {
			eve := eve // with a replica of its own
			eve.store = replicas[i%len(replicas)]
			all.Go(func() {
				if i%4 == 3 {
					if eve.store.TakeAttempt(t.Context(), eve.Principal, uuid.Nil) == nil {
						taken.Add(1)
					}
					return
				}
				var tooMany *order.TooManyAttempts
				if _, err := eve.order(key(fmt.Sprint(c, "-", i), 1)); err == nil {
					placed.Add(1)
				} else if !errors.As(err, &tooMany) {
					t.Error(err)
				}
			})
		}
		t.Cleanup(func() {
			if got := placed.Load() + taken.Load(); got != most {
				t.Errorf("%d attempts came through, want %d", got, most)
			}
		})
	}
	all.Wait()
	if n := count(t, db, "idempotency_keys"); n != count(t, db, "orders") {
		t.Errorf("%d keys and %d orders: a refused order has left its key", n, count(t, db, "orders"))
	}
}

// All declines from an address count, of any customer; attempts under way do not, and a success makes up for a decline.
func TestAttemptsPerAddress(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := limited(t, db, postgres.AttemptLimits{PerAddress: 4, Window: long})
	here, elsewhere := uuid.New(), uuid.New()
	for range 6 {
		newShopper(t, store, here).pays("")
	}
	for range 3 {
		newShopper(t, store, here).pays(payment.Refused)
	}
	newShopper(t, store, here).pays(payment.Captured)
	newShopper(t, store, here).pays(payment.Refused)
	o, err := newShopper(t, store, elsewhere).order(key("elsewhere", 1))
	if err != nil {
		t.Fatal(err)
	}
	step(t, store, o.Order.ID, payment.Result{Outcome: payment.Refused, Code: "card_declined"})
	eve := newShopper(t, store, here)
	eve.retries(o.Order.ID, payment.Refused) // counts for where it was retried from
	eve.refused(order.PerAddress, long/4)
	newShopper(t, store, elsewhere).pays("")
	newShopper(t, store, uuid.Nil).pays("")
	db.MustExec(`UPDATE address_budgets SET spent_until = spent_until - interval '15 minutes'`)
	eve.admitted()

	// What is known of the address leaves with the work on the order.
	var kept int
	if err := db.GetContext(t.Context(), &kept, `SELECT count(*) FROM order_work WHERE source IS NOT NULL`); err != nil || kept == 0 {
		t.Fatalf("%d orders have their source: %v", kept, err)
	}
	change(t, store, o.Order.ID, func(o *order.Order, c order.Cause) error { return o.Cancel(c, order.CancelledByStaff) })
	if err := db.GetContext(t.Context(), &kept, `SELECT count(*) FROM order_work WHERE order_id = $1`, o.Order.ID); err != nil || kept != 0 {
		t.Errorf("%d rows of a finished order: %v", kept, err)
	}
}

// Without limits nothing is counted, and nothing is written.
func TestAttemptsWithoutLimits(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store := postgrestest.Store(t, db.API, nil)
	for range 30 {
		newShopper(t, store, uuid.Max).pays("")
	}
	newShopper(t, store, uuid.Max).pays(payment.Refused)
	newShopper(t, store, uuid.Max).admitted()
	if n := count(t, db, "attempt_budgets") + count(t, db, "address_budgets"); n != 0 {
		t.Errorf("%d rows", n)
	}
}
