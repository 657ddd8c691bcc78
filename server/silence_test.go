package main

import (
	"context"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/pgtest"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// All connections go silent at once and stay so, as behind a firewall that has forgotten them. The server finds that out by itself, and
// nothing is lost, doubled or INTERNAL.
func TestConnectionsGoSilent(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	connectPlain(t, server.URL("postgres")).MustExec(`CREATE DATABASE orderwire`)
	between := newProxy(t, server.URL("orderwire"))
	failover(t, between.url, func(func(int)) { between.freeze() }, server)
}

// SIGTERM ends a process whose database never answers again, while requests wait for it.
func TestStopWithoutDatabase(t *testing.T) {
	t.Parallel()
	between := newProxy(t, postgrestest.URL(t))
	p := newProcess(t, between.url, "SHUTDOWN_TIMEOUT=2s")
	p.start()
	ada := signedIn(t, p.url(), "ada", "CUSTOMER")
	between.cut()
	t.Cleanup(between.heal)
	answered := make(chan error, 1)
	go func() {
		answered <- ada.graphql(context.WithoutCancel(t.Context()), `{ orders { nodes { id } } }`, nil, nil)
	}()
	await(t.Context(), t, func() bool { ready, _ := status(t, p.url(), "/readyz", ""); return ready == 503 })
	began := time.Now()
	select {
	case err := <-p.terminate():
		t.Logf("the process ended after %v: %v", time.Since(began).Round(time.Millisecond), err)
	case <-time.After(eventually.Patience):
		p.kill()
		t.Fatal("the process waits for its database")
	}
	if err := <-answered; err == nil {
		t.Error("a database that does not answer has answered")
	}
}
