package main

import (
	"context"
	"fmt"
	"testing"
)

// The database is replaced by an older backup of itself under a server that runs, with streams open: each of them gets RESET on the
// same connection, and later events.
func TestRestoreUnderRunningServer(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.initialise()
	c.start()
	c.tool("createdb", "--maintenance-db", c.url("postgres"), "orders")
	server := newProcess(t, c.url("orders"), "PAYMENT_STEP_DELAY=0s", "DELIVERY_DELAY=0s", "DATABASE_MAX_CONNS=6")
	d := newDrill(t, server)
	t.Cleanup(func() { server.kill() })
	backup := c.folder + ".backup"
	c.tool("pg_basebackup", "-D", backup, "-d", c.url("postgres"), "-X", "stream", "-c", "fast", "--no-sync")
	d.goOn()

	ctx, cancel := context.WithTimeout(t.Context(), drillPatience)
	defer cancel()
	ended := make(chan error, 2)
	begun := make(chan struct{}, 2)
	for _, client := range []*subscriptionClient{watchFeed(server.url(), d.staff.token), watchOrder(server.url(), d.ada.token, d.shared)} {
		go func() {
			first := true
			// One connection, so that a RESET is not that of resuming.
			ended <- client.connect(ctx, func(it item) error {
				switch {
				case first:
					first = false
					begun <- struct{}{}
					return nil
				case it.Kind == "RESET":
					return errStop
				default:
					return fmt.Errorf("%s %+v, want RESET", it.Kind, it.Event)
				}
			})
		}()
	}
	<-begun
	<-begun
	c.stop()
	c.folder = backup
	c.start()
	for range 2 {
		if err := <-ended; err != errStop { //nolint:errorlint // it is returned as it is
			t.Error(err)
		}
	}
	await(ctx, t, func() bool { return ready(ctx, server.url()) })
	d.judge("under a running server", d)
	d.goesOn("under a running server")
}
