package simulated

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/orderwire/orderwire/internal/payment"
)

// Command is the server's command that runs the provider alone.
func (*Settings) Command() (name, usage string) {
	return "simprovider", "run the simulated payment provider alone at ADDR; others find it by SIMULATED_URL"
}

// Serve runs the provider alone, on a database of its own, until ctx ends. So it survives whatever is done to the shop.
func (s *Settings) Serve(ctx context.Context, in payment.Standalone) (err error) {
	if err := Migrate(ctx, in.DB); err != nil {
		return err
	}
	options, err := s.options(in.Host)
	if err != nil {
		return err
	}
	options.PublicURL = cmp.Or(s.PublicURL, in.URL)
	if options.Webhooks.URL == "" {
		options.Webhooks.Mode = WebhooksOff
	} else if len(options.Webhooks.Secrets) == 0 && options.Webhooks.Mode != WebhooksOff {
		return errors.New("SIMULATED_WEBHOOK_SECRET: SIMULATED_WEBHOOK_URL needs the secret that its server has too")
	}
	provider, err := New(in.DB, options)
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
	go func() { failed <- server.Serve(in.Listener) }()
	fmt.Fprintf(in.Stdout, "The simulated payment provider is ready: SIMULATED_URL=%s\n", in.URL)
	select {
	case <-ctx.Done():
	case err = <-failed:
	case <-in.DatabaseDied:
		err = errors.New("the private PostgreSQL ended")
	}
	stopping, cancel := context.WithTimeout(context.Background(), in.ShutdownTimeout)
	defer cancel()
	return errors.Join(err, server.Shutdown(stopping))
}
