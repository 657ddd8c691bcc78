package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/payment/stripe"
	"github.com/orderwire/orderwire/internal/postgres"
)

// openStripe gives Stripe as the payment provider. Nothing is asked of it yet: a Stripe that is down keeps no server from
// starting.
func (a *App) openStripe() (*stripe.Gateway, error) {
	secrets := a.cfg.StripeWebhookSecrets()
	if len(secrets) == 0 {
		a.log.Warn("STRIPE_WEBHOOK_SECRET is not set: what customers do at Stripe is noticed late, by asking")
	}
	return stripe.New(stripe.Options{
		SecretKey: a.cfg.StripeSecretKey.Reveal(), WebhookSecrets: secrets,
		APIBase: a.cfg.StripeAPIBase, ReturnURL: a.cfg.StripeReturnURL,
	})
}

// simulatedPages is where this server has the pages of the simulated provider, when it runs in this process.
const simulatedPages = "/simulated"

// openSimulated gives the simulated provider in this process. It sends its webhooks to this server's own address, as one
// elsewhere would.
func (a *App) openSimulated(ctx context.Context) (*simulated.Provider, error) {
	if err := a.migrateSimulated(ctx); err != nil {
		return nil, err
	}
	// Its pages serve strangers too, so it works in a role, and on connections of its own. The pipeline waits for its answers.
	db, err := a.db.open(ctx, postgres.RoleWorker, workConns(a.cfg.DatabaseMaxConns), shortLimits)
	if err != nil {
		return nil, err
	}
	secrets := a.cfg.SimulatedWebhookSecrets()
	if len(secrets) == 0 {
		// Replicas send to each other's addresses, so they share it.
		secret, err := a.work.SharedSecret(ctx, "simulated-webhook-secret", []byte(rand.Text()+rand.Text()))
		if err != nil {
			return nil, err
		}
		secrets = []string{string(secret)}
	}
	options, err := simulatedOptions(a.cfg, a.log)
	if err != nil {
		return nil, err
	}
	options.PublicURL = strings.TrimSuffix(cmp.Or(a.cfg.SimulatedPublicURL, a.URL()), "/") + simulatedPages
	if options.Webhooks.URL == "" {
		options.Webhooks.URL = a.URL() + "/webhooks/" + simulated.Name
		// The certificate is for the name that others know the server by, and this is the same process. A webhook has no
		// secret in it and is believed by its signature.
		options.Webhooks.TLS = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // as said above
	}
	options.Webhooks.Secrets = secrets
	options.Webhooks.Now = a.clock.Now // as its receiver has it
	return simulated.New(db, options)
}

// migrateSimulated makes the simulated provider's schema, which belongs to the user of DATABASE_URL, and lets the worker's role work
// in it.
func (a *App) migrateSimulated(ctx context.Context) error {
	owner, err := postgres.Open(ctx, a.db.url, postgres.AsLogin, simulatedConns)
	if err != nil {
		return err
	}
	defer func() { _ = owner.Close() }() // nothing of it is needed any more
	if err := simulated.Migrate(ctx, owner); err != nil {
		return err
	}
	return simulated.Grant(ctx, owner, string(postgres.RoleWorker))
}

// simulatedConns: one holds the lock of migrations, the other migrates.
const simulatedConns = 2

// findSimulated gives the simulated provider that runs at SIMULATED_URL.
func (a *App) findSimulated() (*simulated.Client, error) {
	secrets := a.cfg.SimulatedWebhookSecrets()
	if len(secrets) == 0 {
		a.log.Info("SIMULATED_WEBHOOK_SECRET is not set: what customers do at the simulated provider is noticed late, by asking")
	}
	return simulated.NewClient(a.cfg.SimulatedURL, &http.Client{Timeout: 10 * time.Second}, secrets...)
}

// simulatedOptions are those that do not depend on where the provider runs.
func simulatedOptions(cfg config.Config, logger *slog.Logger) (simulated.Options, error) {
	chaos, err := simulated.ParseChaos(cfg.SimulatedWebhookChaos)
	if err != nil {
		return simulated.Options{}, err
	}
	return simulated.Options{
		Latency: cfg.SimulatedLatency, FailureRate: cfg.SimulatedFailureRate, Seed: cfg.SimulatedSeed,
		Webhooks: simulated.Webhooks{
			Mode: simulated.WebhookMode(cfg.SimulatedWebhooks), URL: cfg.SimulatedWebhookURL,
			Secrets: cfg.SimulatedWebhookSecrets(), Chaos: chaos, Logger: logger,
		},
	}, nil
}

// serveProvider runs the simulated payment provider alone, on a database of its own, so that it survives whatever is
// done to the shop.
func serveProvider(ctx context.Context, cfg config.Config, logger *slog.Logger, stdout io.Writer) (err error) {
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
	if err := simulated.Migrate(ctx, db); err != nil {
		return err
	}
	address := "http://" + loopbackOf(listener.Addr().String())
	options, err := simulatedOptions(cfg, logger)
	if err != nil {
		return err
	}
	options.PublicURL = cmp.Or(cfg.SimulatedPublicURL, address)
	if options.Webhooks.URL == "" {
		options.Webhooks.Mode = simulated.WebhooksOff
	} else if len(options.Webhooks.Secrets) == 0 && options.Webhooks.Mode != simulated.WebhooksOff {
		return errors.New("SIMULATED_WEBHOOK_SECRET: SIMULATED_WEBHOOK_URL needs the secret that its server has too")
	}
	provider, err := simulated.New(db, options)
	if err != nil {
		return err
	}
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	var sender sync.WaitGroup
	sender.Go(func() { _ = provider.SendWebhooks(sending) }) // its error is always nil
	defer func() {
		stopSending()
		sender.Wait()
		_ = provider.Close() // the pool is closed with it
	}()
	server := &http.Server{Handler: provider.Handler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Fprintf(stdout, "The simulated payment provider is ready: SIMULATED_URL=%s\n", address)
	select {
	case <-ctx.Done():
	case err = <-failed:
	case <-database.died():
		err = errors.New("the private PostgreSQL ended")
	}
	stopping, cancel := context.WithTimeout(context.Background(), cfg.ShutdownTimeout)
	defer cancel()
	return errors.Join(err, server.Shutdown(stopping))
}
