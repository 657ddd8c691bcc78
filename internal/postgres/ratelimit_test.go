package postgres_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/ratelimit"
)

func TestLeaseOrders(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	const perMinute = 60
	lease := postgres.LeaseOrders(db.API, perMinute)
	customer := id.New[id.Customer]()
	take := func(n int) time.Duration {
		t.Helper()
		retryAfter, err := lease(t.Context(), customer, n)
		if err != nil {
			t.Fatal(err)
		}
		return retryAfter
	}
	for range 6 {
		if after := take(10); after != 0 {
			t.Fatalf("refused for %s with 60 a minute and less leased", after)
		}
	}
	// A minute's worth is gone. A share comes back each second, and ten take ten seconds.
	if after := take(10); after <= 0 || after > 10*time.Second {
		t.Errorf("retry after %s, want up to 10 s", after)
	}
	if after, err := lease(t.Context(), id.New[id.Customer](), perMinute); after != 0 || err != nil {
		t.Errorf("another customer: %s, %v", after, err)
	}
	if _, err := db.Exec(`UPDATE order_budgets SET spent_until = spent_until - interval '30 seconds'`); err != nil {
		t.Fatal(err)
	}
	if after := take(20); after != 0 {
		t.Errorf("half a minute later: refused for %s", after)
	}
	if _, err := db.Exec(`UPDATE order_budgets SET spent_until = spent_until - interval '2 hours'`); err != nil {
		t.Fatal(err)
	}
	if take(perMinute) != 0 || take(perMinute) == 0 {
		t.Error("two hours later there is more, or less, than a minute's worth")
	}
	if err := postgres.ForgetOrderBudgets(t.Context(), db.Worker); err != nil {
		t.Fatal(err)
	}
	if after := take(perMinute); after == 0 {
		t.Error("a budget that is spent was forgotten")
	}
}

// Two replicas, with all of a customer's clients at once: the limit holds, with a tolerance of a tenth for each replica.
func TestOrdersAcrossReplicas(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	// In a minute from now on, which is far longer than this test, at most this many come through.
	const perMinute, replicas = 200, 2
	customer := id.New[id.Customer]()
	began := time.Now()
	var through atomic.Int64
	var all sync.WaitGroup
	for range replicas {
		shared := ratelimit.NewShared(perMinute, postgres.LeaseOrders(db.API, perMinute))
		for range 4 {
			all.Go(func() {
				for range 100 {
					if shared.Take(t.Context(), customer) == nil {
						through.Add(1)
					}
				}
			})
		}
	}
	all.Wait()
	// What fills up meanwhile, and a tenth for each replica and each minute that began.
	elapsed := time.Since(began)
	most := perMinute + int(elapsed.Seconds()*perMinute/60) + replicas*(1+int(elapsed/time.Minute))*perMinute/10 + 1
	if got := int(through.Load()); got < perMinute*8/10 || got > most {
		t.Errorf("%d orders came through, want about %d and at most %d", got, perMinute, most)
	}
}
