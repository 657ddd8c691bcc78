package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/postgres"
)

// Config of a Run. DatabaseURL and Binary are needed; a zero number takes the default.
type Config struct {
	// Binary is the server program, DatabaseURL an empty migrated database that nobody else uses.
	Binary, DatabaseURL string
	// Seed determines every choice of orders, changes, subscriptions and faults. It does not determine concurrency: a seed repeats
	// the load, not each interleaving.
	Seed uint64
	// Duration of the load, without the time until every order is final. 2 minutes.
	Duration time.Duration
	// Subscribers that watch at the same time: 500. A quarter of them watches one order after the other, the rest feeds.
	Subscribers int
	// Writers that work at the same time: 10.
	Writers int
	// OrdersPerSecond of all writers together: 6.
	OrdersPerSecond float64
	// WatchersPerOrder is the number of subscribers of each order: 4.
	WatchersPerOrder int
	// ItemsPerConnection and Lifetime are averages, after which a subscriber drops its connection: 60 items, 15 s.
	ItemsPerConnection float64
	Lifetime           time.Duration
	// FaultEvery is the average time between two faults: 4 s. Negative: there are none.
	FaultEvery time.Duration
	// Tamper, when set, plants a fault into the n-th feed subscriber's recorder; nil for a faultless one.
	Tamper func(n int) func(Item) []Item
	// Stderr gets the servers' logs.
	Stderr io.Writer
}

func (c Config) withDefaults() Config {
	setDefault(&c.Duration, 2*time.Minute)
	setDefault(&c.Subscribers, 500)
	setDefault(&c.Writers, 10)
	setDefault(&c.OrdersPerSecond, 6)
	setDefault(&c.WatchersPerOrder, 4)
	setDefault(&c.ItemsPerConnection, 60)
	setDefault(&c.Lifetime, 15*time.Second)
	setDefault(&c.FaultEvery, 4*time.Second)
	if c.Stderr == nil {
		c.Stderr = io.Discard
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

const (
	replicaCount = 2
	customers    = 8
	// idleTimeout bounds how long orders may take to end, and subscribers to get the last events.
	idleTimeout = 90 * time.Second
	appName     = "orderwire-soak"
)

// serverEnv makes orders short: each is over within ORDER_EXPIRY and a few steps. The limits are those of one machine
// that is all clients at once.
var serverEnv = []string{
	"PAYMENT_STEP_DELAY=250ms", "DELIVERY_DELAY=500ms", "ORDER_EXPIRY=8s", "SIMULATED_ACTION_EXPIRY=7s", "AUTHORIZATION_EXPIRY=4s", "DATABASE_MAX_CONNS=12", "LOG_LEVEL=error",
	"MAX_SOCKETS=20000", "MAX_SOCKETS_PER_USER=20000", "MAX_SOCKETS_PER_ADDRESS=20000", "MAX_CONNECTIONS_PER_ADDRESS=20000",
}

// run is a Run under way.
type run struct {
	cfg Config
	// replicaCount is the number of replicas to start. bulky orders have the largest texts and lists that are allowed.
	replicaCount int
	bulky        bool

	replicas  []*replica
	customers []*user
	staff     *user
	productID string

	// orders that want watchers. calm is closed when the load ends: no more orders, drops and faults.
	orders chan placed
	calm   chan struct{}

	deliveries, created atomic.Int64

	mu          sync.Mutex
	counts      map[string]int
	subscribers []*subscriber
	findings    []Finding
}

func (r *run) isCalm() bool {
	select {
	case <-r.calm:
		return true
	default:
		return false
	}
}

// url of any replica.
func (r *run) url(rng *rand.Rand) string { return r.replicas[rng.IntN(len(r.replicas))].url() }

func (r *run) count(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[what]++
}

func (r *run) report(f Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.findings = append(r.findings, f)
}

// Run drives replicas, writers, subscribers and faults for Duration, waits until every order is final, and checks. An error means
// that the run itself failed; its findings are in the Result.
func Run(ctx context.Context, cfg Config) (result *Result, err error) {
	r := &run{cfg: cfg.withDefaults(), calm: make(chan struct{}), counts: map[string]int{}, replicaCount: replicaCount}
	r.orders = make(chan placed, r.cfg.Subscribers)
	db, err := openOwn(ctx, r.cfg.DatabaseURL)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	defer func() {
		for _, replica := range r.replicas {
			err = errors.Join(err, replica.kill())
		}
	}()
	if err := r.start(ctx); err != nil {
		return nil, err
	}

	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	var subscribers sync.WaitGroup
	r.subscribe(watching, &subscribers)

	breaker := &chaos{run: r, rng: r.random(2, 0), db: db, once: make(chan struct{})}
	err = r.load(ctx, breaker)
	var log *Log
	if err == nil {
		log, err = r.awaitIdle(ctx, db)
	}
	if err == nil {
		r.awaitSubscribers(ctx, log)
	}
	stopWatching()
	subscribers.Wait()
	if err != nil {
		return nil, err
	}
	for _, replica := range r.replicas {
		if err := replica.stop(); err != nil {
			return nil, fmt.Errorf("the server at %s ended with %w", replica.addr, err)
		}
	}
	return r.result(ctx, db, log, breaker)
}

// load lets writers and faults work for Duration, and until each fault has happened. It returns the first error, which
// ends it early.
func (r *run) load(ctx context.Context, breaker *chaos) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var workers sync.WaitGroup
	work := func(f func(context.Context) error) {
		workers.Go(func() {
			if err := f(ctx); err != nil {
				stop(err)
			}
		})
	}
	for i := range r.cfg.Writers {
		w := &writer{run: r, rng: r.random(1, i), owner: r.customers[i%len(r.customers)]}
		work(w.work)
	}
	var once chan struct{}
	if breaker != nil && r.cfg.FaultEvery > 0 {
		once = breaker.once
		work(breaker.work)
	}
	end := time.NewTimer(r.cfg.Duration)
	defer end.Stop()
	select {
	case <-end.C:
		if once != nil {
			select {
			case <-once:
			case <-ctx.Done():
			}
		}
	case <-ctx.Done():
	}
	close(r.calm)
	workers.Wait()
	return context.Cause(ctx)
}

// random is the source of one actor's choices.
func (r *run) random(kind, n int) *rand.Rand {
	return rand.New(rand.NewPCG(r.cfg.Seed, uint64(kind)<<32|uint64(n)))
}

// openOwn connects under a name that chaos spares.
func openOwn(ctx context.Context, databaseURL string) (*sqlx.DB, error) {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	q.Set("application_name", appName)
	u.RawQuery = q.Encode()
	return postgres.Open(ctx, u.String(), postgres.AsLogin, 4)
}

// start brings up the replicas and signs everybody in.
func (r *run) start(ctx context.Context) error {
	for range r.replicaCount {
		replica, err := newReplica(r.cfg.Binary, r.cfg.DatabaseURL, r.cfg.Stderr, serverEnv...)
		if err != nil {
			return err
		}
		r.replicas = append(r.replicas, replica)
		if err := replica.start(); err != nil {
			return err
		}
	}
	var err error
	at := r.replicas[0].url()
	for i := range customers {
		u, err := signIn(ctx, at, fmt.Sprintf("customer%d", i), "CUSTOMER")
		if err != nil {
			return err
		}
		r.customers = append(r.customers, u)
	}
	if r.staff, err = signIn(ctx, at, "clerk", "STAFF"); err != nil {
		return err
	}
	var data struct {
		Products struct{ Nodes []struct{ ID string } }
	}
	if err := call(ctx, at, r.staff.token, `{ products(first: 1) { nodes { id } } }`, nil, &data); err != nil {
		return err
	}
	if len(data.Products.Nodes) == 0 {
		return errors.New("there is nothing to order")
	}
	r.productID = data.Products.Nodes[0].ID
	return nil
}
