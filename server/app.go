package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orderwire/orderwire/internal/addresslimit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/dbclock"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/gqlsse"
	"github.com/orderwire/orderwire/internal/gqlws"
	"github.com/orderwire/orderwire/internal/natsrelay"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/pipeline"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/product"
	"github.com/orderwire/orderwire/internal/reconcile"
	"github.com/orderwire/orderwire/internal/session"
	"github.com/orderwire/orderwire/internal/webhook"
	"github.com/orderwire/orderwire/internal/webhookinbox"
)

const (
	// startTimeout bounds the start before the migrations, and again between them and the first answer.
	startTimeout = 5 * time.Minute
	// stopTimeout bounds what comes after the drain: last commits, and PostgreSQL's own shutdown.
	stopTimeout = 20 * time.Second
	// shortestStop is the least time for running commits to end, even if ShutdownTimeout is shorter.
	shortestStop = time.Second
)

// App is one running Orderwire. All wiring is here, and end-to-end tests start it too, on port 0.
type App struct {
	cfg config.Config
	log *slog.Logger
	db  *database
	// clock is the database's, for all that replicas must agree on.
	clock *dbclock.Clock
	// store serves requests, with row-level security; work is the pipeline's, which sees all rows.
	store, work *postgres.Store
	recent      *order.Recent
	providers   *payment.Registry
	opened      []*payment.Provider // those of the registry, and those that were opened when another failed to

	hub       *event.Hub
	sequencer *event.Sequencer
	relay     *natsrelay.Relay // nil without NATS_URL
	listener  *postgres.Listener
	worker    *pipeline.Worker
	hooks     *webhookinbox.Receiver
	inbox     *webhookinbox.Processor
	// reconciler and walker list their findings even if they are switched off.
	reconciler *reconcile.Reconciler
	walkers    []*reconcile.Walker // one for each provider
	fanout     *webhook.Fanout
	replayer   *webhook.Replayer
	deliverer  *webhook.Deliverer
	sockets    *gqlws.Transport
	streams    *gqlsse.Transport

	dev         *auth.Dev  // nil unless AUTH_MODE=dev
	issuer      *auth.OIDC // nil unless AUTH_MODE=oidc
	revocations *postgres.Revocations
	sessions    *session.Registry
	perAddress  *addresslimit.Quota
	connections *addresslimit.Connections
	// sourceKey: see ratelimit.Config.
	sourceKey []byte
	unread    *addresslimit.Unread
	bodies    *addresslimit.Bodies

	address net.Listener
	server  *http.Server
	// endRequests ends the context of every request: each is answered UNAVAILABLE then, while there is time to write it.
	endRequests context.CancelFunc
	admin       *adminServer
	draining    atomic.Bool
	readiness   *readiness
	abandon     *time.Timer // see abandonLater
}

// New connects, migrates, seeds and listens. The address answers once Run is called.
func New(ctx context.Context, cfg config.Config, logger *slog.Logger) (app *App, err error) {
	a := &App{cfg: cfg, log: logger, clock: dbclock.New(nil), recent: order.NewRecent()}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	// First the address: a port that is taken should be told before a database is started.
	if a.address, err = net.Listen("tcp", cfg.Addr); err != nil {
		return nil, fmt.Errorf("ADDR: %w", err)
	}
	if a.admin, err = listenAdmin(cfg, logger); err != nil {
		return nil, err
	}
	opening, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if a.db, err = openDatabase(opening, cfg, logger); err != nil {
		return nil, err
	}
	// As long as it takes: an index of a large table that is given up after a time would never be there.
	if err = postgres.Migrate(ctx, a.db.url); err != nil {
		return nil, err
	}
	if err = a.connect(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

// connect connects the parts to the migrated database.
func (a *App) connect(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err = a.db.openLogins(ctx, a.cfg.DatabaseAPIURL.Reveal(), a.log); err != nil {
		return err
	}
	if err = a.db.openRoles(ctx, a.cfg.DatabaseMaxConns, a.log); err != nil {
		return err
	}
	if err = a.readClock(ctx); err != nil {
		return err
	}
	if err = postgres.EnsurePartitions(ctx, a.db.owner, a.clock.Now()); err != nil {
		return err
	}
	options := []postgres.StoreOption{postgres.LeaseDue(), postgres.WithClock(a.clock), postgres.WithAttemptLimits(attemptLimits(a.cfg))}
	if a.store, err = postgres.NewStore(ctx, a.db.api, a.committed, options...); err != nil {
		return err
	}
	if a.work, err = postgres.NewStore(ctx, a.db.work, a.committed, options...); err != nil {
		return err
	}
	if err = a.work.SeedProducts(ctx, product.Catalogue()); err != nil {
		return err
	}
	if err = a.openProviders(ctx); err != nil {
		return err
	}
	return a.wire(ctx)
}

// wire connects the parts over the open store.
func (a *App) wire(ctx context.Context) error {
	policy := order.Policy{
		StepDelay: a.cfg.PaymentStepDelay, DeliveryDelay: a.cfg.DeliveryDelay, ManualDelivery: a.cfg.ManualDelivery(),
		Expiry: a.cfg.OrderExpiry, AuthorizationExpiry: a.cfg.AuthorizationExpiry, MaxPayments: a.cfg.MaxPaymentsPerOrder,
	}
	verifier, err := a.openIdentity(ctx)
	if err != nil {
		return err
	}
	if err := a.wireEvents(ctx); err != nil {
		return err
	}
	a.revocations = postgres.NewRevocations(a.db.api, a.db.lease, a.clock)
	a.sessions, err = session.NewRegistry(ctx, a.revocations, auth.Remember(verifier), session.Config{MaxPerUser: a.cfg.MaxSocketsPerUser, Clock: a.clock.Now, Logger: a.log})
	if err != nil {
		return err
	}
	if err := a.readSourceKey(ctx); err != nil {
		return err
	}
	installation, err := a.work.Installation(ctx)
	if err != nil {
		return err
	}
	a.worker = pipeline.New(a.work, a.providers, policy, a.clock.Now, a.log, pipeline.MarkCharges(installation))
	a.showCircuits()
	products := product.NewService(a.store, product.PricesWithin(a.providers.First().Limits))
	orders := order.NewService(a.store, products, a.providers, policy, a.clock.Now, order.ChangeFrom(a.recent), order.ReportRefusals(a.logRefusals()))
	a.countRefusals(orders)
	rechecks := order.NewService(a.work, products, a.providers, policy, a.clock.Now)
	a.wireInbox(rechecks)
	a.wireReconciler(rechecks, installation)
	handler, err := a.routes(orders, products, a.wireWebhooks())
	if err != nil {
		return err
	}
	a.readiness = newReadiness(a.lookAtDatabase, a.log)
	return a.openServer(handler)
}

// wireEvents connects log, sequencer and hub. The sequencer has connections of its own: a lease that waits for one is
// lost. The hub reads for its subscribers, so it reads with row-level security.
func (a *App) wireEvents(ctx context.Context) (err error) {
	if err = a.openRelay(ctx); err != nil {
		return err
	}
	a.hub = a.newHub(postgres.NewLog(a.db.api), event.Config{QueueLimit: a.cfg.SubscriptionQueue, Logger: a.log})
	a.sequencer = event.NewSequencer(postgres.NewSequencer(a.db.lease, rand.Text(), event.Lease), a.assigned, a.log)
	a.listener, err = postgres.NewListener(a.db.urlOf(postgres.RoleWorker), a.db.lease, map[string]func(payload string){
		postgres.FeedChannel: a.feedGrew,
		postgres.CommitChannel: func(payload string) {
			if payload == postgres.LeaseFree {
				a.sequencer.LeaseFree()
				return
			}
			a.sequencer.Announced()
		},
		postgres.RevocationChannel: func(string) { a.sessions.Wake() },
	}, a.log, a.db.network)
	return err
}

// committed is called after every commit of this process. It publishes the events to subscribers, wakes the sequencer, tells the
// pipeline the next timer, and caches the order, so that its next change need not read it.
func (a *App) committed(commits []postgres.Committed) {
	for _, c := range commits {
		a.publish(c.Events)
		a.recent.Remember(c.Outcome)
		switch {
		case c.Lease != nil:
			a.worker.Submit(*c.Lease, c.Outcome)
		case c.DueAt != nil:
			a.worker.Wake(*c.DueAt)
		}
	}
	a.sequencer.Wake()
}

// URL is the app's base URL.
func (a *App) URL() string { return scheme(a.cfg) + "://" + loopbackOf(a.address.Addr().String()) }

// loopbackOf turns an address that listens everywhere into one that can be asked from here.
func loopbackOf(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// open returns the number of clients' connections and subscriptions.
func (a *App) open() int { return a.sockets.Sockets() + a.streams.Streams() + a.hub.Subscribers() }

// Run serves until ctx ends or a part fails, then drains: readiness goes down, subscribers are told to reconnect,
// requests and provider calls that run are finished.
func (a *App) Run(ctx context.Context) error {
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	parts := []func(context.Context) error{a.worker.Run, a.sequencer.Run, a.hub.Run, a.listener.Run, a.sessions.Run, a.maintain, a.inbox.Run, a.reconciler.Run, a.fanout.Run, a.replayer.Run, a.deliverer.Run}
	parts = append(parts, newGCTuner(a.open).run)
	for _, walker := range a.walkers {
		parts = append(parts, walker.Run)
	}
	if a.relay != nil {
		parts = append(parts, func(ctx context.Context) error { return a.relay.Run(ctx, a.hub) })
	}
	if a.issuer != nil {
		parts = append(parts, a.issuer.Run)
	}
	for _, provider := range a.providers.All() {
		if provider.Run != nil {
			parts = append(parts, provider.Run)
		}
	}
	failed := make(chan error, len(parts)+1)
	for _, run := range parts {
		background.Go(func() {
			if err := run(working); err != nil {
				failed <- err
			}
		})
	}
	go func() { failed <- a.serve() }()
	a.admin.serve()

	var err error
	select {
	case <-ctx.Done():
		a.log.InfoContext(ctx, "stopping")
	case err = <-failed:
	case <-a.db.died():
		err = fmt.Errorf("the private PostgreSQL ended: %w", a.db.cluster.Err())
	}
	a.abandonLater()
	a.drain()
	stopWork()
	background.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// lastCommits is the part of ShutdownTimeout for commits that have begun, after requests and sockets had theirs.
func (a *App) lastCommits() time.Duration { return min(time.Second, a.cfg.ShutdownTimeout/5) }

// abandonLater lets a stop end within ShutdownTimeout even if the database does not answer: its connections are then closed. Their
// statements are as after a kill, which the server is built to survive.
func (a *App) abandonLater() {
	a.abandon = time.AfterFunc(a.cfg.ShutdownDelay+max(a.cfg.ShutdownTimeout, shortestStop), func() {
		a.log.Warn("the database does not answer; stopping without it")
		a.db.network.Abandon()
	})
}

// drain ends the clients' connections in this order: /readyz fails; after ShutdownDelay, websockets and event streams are told to
// reconnect; then the address is closed and running requests finish. So a client that reconnects finds this replica down already,
// and until then every request is answered.
func (a *App) drain() {
	a.draining.Store(true)
	if a.cfg.ShutdownDelay > 0 {
		time.Sleep(a.cfg.ShutdownDelay)
	}
	ctx, cancel := context.WithTimeout(context.Background(), a.cfg.ShutdownTimeout-a.lastCommits())
	defer cancel()
	// A long replay of the log is not waited for to its end.
	defer time.AfterFunc(a.cfg.ShutdownTimeout/2, a.hub.Drain).Stop()
	var open sync.WaitGroup
	for name, end := range map[string]func(context.Context) error{"websockets": a.sockets.Drain, "event streams": a.streams.Drain} {
		open.Go(func() { a.ended(name, end(ctx)) })
	}
	open.Wait()
	a.hub.Drain()
	// A request that is cut off is sent again by browsers, also when it is a mutation that was executed.
	if deadline, ok := ctx.Deadline(); ok {
		defer time.AfterFunc(time.Until(deadline)*3/4, a.endRequests).Stop()
	}
	a.ended("requests", a.server.Shutdown(ctx))
}

func (a *App) ended(what string, err error) {
	if err != nil {
		a.log.Warn("a component did not end in time", "what", what, "error", err)
	}
}

// Close gives back what New took. Run must have ended, or not have begun.
func (a *App) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var errs []error
	if a.server != nil {
		errs = append(errs, a.server.Close())
		a.endRequests()
	}
	if a.address != nil {
		if err := a.address.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	a.admin.close()
	for _, provider := range a.opened {
		if provider.Close != nil {
			_ = provider.Close() // a statement that cannot be closed is its pool's, which is closed below
		}
	}
	for _, store := range []*postgres.Store{a.store, a.work} {
		if store != nil {
			store.Close()
		}
	}
	if a.relay != nil {
		a.relay.Close()
	}
	if a.abandon != nil {
		a.abandon.Stop()
	}
	if a.db != nil {
		errs = append(errs, a.db.close(ctx))
	}
	return errors.Join(errs...)
}
