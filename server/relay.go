package main

import (
	"context"
	"crypto/rand"
	"strconv"

	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/natsrelay"
	"github.com/orderwire/orderwire/internal/order"
)

// openRelay connects the replicas by NATS when NATS_URL says so.
func (a *App) openRelay(ctx context.Context) error {
	if a.cfg.NATSURL == "" {
		return nil
	}
	// From the database, so that exactly its replicas hear each other, however many deployments share the NATS.
	deployment, err := a.work.SharedSecret(ctx, "nats-deployment", []byte(rand.Text()))
	if err != nil {
		return err
	}
	a.relay, err = natsrelay.Connect(natsrelay.Config{
		URL: a.cfg.NATSURL.Reveal(), Name: "orderwire " + a.address.Addr().String(), Deployment: string(deployment),
		Leads: func() bool { return a.sequencer.Leading() }, Logger: a.log,
	})
	return err
}

// newHub gives the hub its relay, if there is one.
func (a *App) newHub(log event.Log, cfg event.Config) *event.Hub {
	if a.relay != nil {
		cfg.Relay = a.relay
	}
	return event.NewHub(log, cfg)
}

// publish tells subscribers here, and those of other replicas.
func (a *App) publish(events []order.Event) {
	a.hub.Publish(events)
	if a.relay != nil {
		a.relay.Publish(events)
	}
}

// feedGrew is called with the payload of a NOTIFY: the feed's end, "" if it is unknown.
func (a *App) feedGrew(payload string) {
	a.fanout.Wake()
	if a.relay != nil {
		a.relay.Notified(a.hub, payload)
		return
	}
	position, err := strconv.ParseInt(payload, 10, 64)
	if err != nil {
		a.hub.Wake()
		return
	}
	a.hub.Grew(position)
}

// assigned is called when this replica's sequencer has given positions.
func (a *App) assigned(position int64) {
	a.hub.Grew(position)
	a.fanout.Wake()
}
