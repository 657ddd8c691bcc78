package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/payment/stripe"
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

// serveProvider runs the simulated payment provider alone, on a database of its own, so that it survives whatever is
// done to the shop.
func serveProvider(ctx context.Context, cfg config.Config, logger *slog.Logger, stdout io.Writer) (err error) {
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("ADDR: %w", err)
	}
	defer func() { _ = listener.Close() }()
	db, err := openDatabase(ctx, cfg, logger)
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		err = errors.Join(err, db.close(stopping))
	}()
	if err := simulated.Migrate(ctx, db.DB); err != nil {
		return err
	}
	provider, err := simulated.New(db.DB, simulated.Options{})
	if err != nil {
		return err
	}
	server := &http.Server{Handler: provider.Handler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Fprintf(stdout, "The simulated payment provider is ready: SIMULATED_URL=http://%s\n", loopbackOf(listener.Addr().String()))
	select {
	case <-ctx.Done():
	case err = <-failed:
	case <-db.died():
		err = errors.New("the private PostgreSQL ended")
	}
	stopping, cancel := context.WithTimeout(context.Background(), cfg.ShutdownTimeout)
	defer cancel()
	return errors.Join(err, server.Shutdown(stopping))
}
