package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/payment/stripe"
	"github.com/orderwire/orderwire/internal/postgres"
)

//go:generate go test . -run ^TestConfigurationDocument$ -update

// providerKind is a payment provider that this server can have: its settings, and how to open it with them.
type providerKind interface {
	config.Section
	Open(ctx context.Context, host payment.Host) (*payment.Provider, error)
}

// providerKinds lists all payment providers. The first is the default. Another one needs its line here and its package, nothing else.
func providerKinds() []providerKind {
	return []providerKind{
		&simulated.Settings{},
		&stripe.Settings{},
	}
}

// providerSettings are the providers' settings, not read yet.
func providerSettings() []config.Section {
	var sections []config.Section
	for _, kind := range providerKinds() {
		sections = append(sections, kind)
	}
	return sections
}

// showCircuits adds for each provider whether this process has suspended its calls.
func (a *App) showCircuits() {
	for _, name := range a.providers.Names() {
		a.admin.gaugeOf("provider_circuit_open", "1 while this process does not call the payment provider, except for probes, because it does not answer.",
			prometheus.Labels{"provider": name}, func() int {
				if a.worker.CircuitOpen(name) {
					return 1
				}
				return 0
			})
	}
}

// openProviders opens the providers of PAYMENT_PROVIDER in its order.
func (a *App) openProviders(ctx context.Context) error {
	host := payment.Host{
		URL: a.URL(), Now: a.clock.Now, Log: a.log, OpenDatabase: a.openProviderDatabase,
		SharedSecret: func(ctx context.Context, name string) (string, error) {
			secret, err := a.work.SharedSecret(ctx, name, []byte(rand.Text()+rand.Text()))
			return string(secret), err
		},
	}
	for _, name := range a.cfg.PaymentProviders {
		i := slices.IndexFunc(a.cfg.Sections, func(s config.Section) bool { return s.Name() == name })
		kind, ok := a.cfg.Sections[i].(providerKind) // config.Load lets no other name pass
		if !ok {
			return fmt.Errorf("PAYMENT_PROVIDER: %s takes no payments", name)
		}
		provider, err := kind.Open(ctx, host)
		if err != nil {
			return err
		}
		a.opened = append(a.opened, provider)
	}
	var err error
	if a.providers, err = payment.NewRegistry(a.opened...); err != nil {
		return err
	}
	return a.warnOfUnserved(ctx)
}

// warnOfUnserved tells the operator of payments that wait for a provider which is not configured. They are not lost.
func (a *App) warnOfUnserved(ctx context.Context) error {
	unserved, err := postgres.UnservedPayments(ctx, a.db.work, a.providers.Names())
	for _, of := range unserved {
		a.log.ErrorContext(ctx, "open payments wait for a payment provider that is not configured; add it to PAYMENT_PROVIDER to continue them",
			"provider", of.Provider, "payments", of.Payments, "set", "PAYMENT_PROVIDER="+strings.Join(append(a.providers.Names(), of.Provider), ","))
	}
	return err
}

// openProviderDatabase opens connections for a provider's own tables, which belong to the user of DATABASE_URL; see payment.Host. The
// pipeline waits for the answers, so it has as many connections as background work.
func (a *App) openProviderDatabase(ctx context.Context, prepare func(ctx context.Context, owner *sqlx.DB, role string) error) (*sqlx.DB, error) {
	owner, err := postgres.Open(ctx, a.db.url, postgres.AsLogin, prepareConns)
	if err != nil {
		return nil, err
	}
	err = prepare(ctx, owner, string(postgres.RoleWorker))
	_ = owner.Close() // nothing of it is needed any more
	if err != nil {
		return nil, err
	}
	return a.db.open(ctx, postgres.RoleWorker, workConns(a.cfg.DatabaseMaxConns), shortLimits)
}

// prepareConns: one holds the lock of migrations, the other migrates.
const prepareConns = 2

// standalone is a provider that can run in a process of its own, by a command of the server's.
type standalone interface {
	Command() (name, usage string)
	Serve(ctx context.Context, in payment.Standalone) error
}

// providerCommand returns what serves a command, nil if no provider does.
func providerCommand(sections []config.Section, command string) standalone {
	for _, section := range sections {
		if alone, ok := section.(standalone); ok {
			if name, _ := alone.Command(); name == command {
				return alone
			}
		}
	}
	return nil
}

// providerUsage describes the providers' commands, a line each.
func providerUsage() string {
	var lines strings.Builder
	for _, section := range providerSettings() {
		if alone, ok := section.(standalone); ok {
			name, usage := alone.Command()
			fmt.Fprintf(&lines, "  server %-14s %s\n", name, usage)
		}
	}
	return lines.String()
}

// serveProvider runs a payment provider alone, on a database of its own.
func serveProvider(ctx context.Context, provider standalone, cfg config.Config, logger *slog.Logger, stdout io.Writer) (err error) {
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("ADDR: %w", err)
	}
	defer func() { _ = listener.Close() }()
	database, err := openDatabase(ctx, cfg, logger)
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		err = errors.Join(err, database.close(stopping))
	}()
	db, err := database.open(ctx, postgres.AsLogin, cfg.DatabaseMaxConns)
	if err != nil {
		return err
	}
	return provider.Serve(ctx, payment.Standalone{
		Host: payment.Host{URL: "http://" + loopbackOf(listener.Addr().String()), Log: logger}, Listener: listener,
		DB: db, DatabaseDied: database.died(), Stdout: stdout, ShutdownTimeout: cfg.ShutdownTimeout,
	})
}
