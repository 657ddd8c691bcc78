package main

import (
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// With NATS_URL two servers hear each other: an order placed at one is watched at the other, no matter which is the sequencer, and
// events still arrive when NATS is gone.
func TestNATS(t *testing.T) {
	t.Parallel()
	nats, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	go nats.Start()
	t.Cleanup(nats.Shutdown)
	if !nats.ReadyForConnections(30 * time.Second) {
		t.Fatal("NATS does not start")
	}
	url := postgrestest.URL(t)
	env := []string{"NATS_URL=" + nats.ClientURL(), "PAYMENT_STEP_DELAY=50ms", "DELIVERY_DELAY=50ms"}
	apps := []*App{startApp(t, url, env...), startApp(t, url, env...)}
	for _, a := range apps {
		await(t.Context(), t, a.relay.Connected)
	}
	walked := func() {
		t.Helper()
		for i, a := range apps {
			ada, there := signedIn(t, a.URL(), "ada", "CUSTOMER"), apps[1-i]
			orderID := ada.order(t, "sim_approve")
			items := untilDelivered(t, watchOrder(there.URL(), ada.token, orderID), orderID)
			if got := lines(items); !slices.Equal(got, walk[len(walk)-len(got):]) || len(items) != len(got)+1 {
				t.Errorf("%v, want the end of %v after a snapshot", got, walk)
			}
		}
	}
	before := nats.NumSubscriptions()
	walked()
	varz, err := nats.Varz(nil)
	if err != nil {
		t.Fatal(err)
	}
	if varz.OutMsgs == 0 {
		t.Error("NATS has delivered nothing")
	}
	await(t.Context(), t, func() bool { return nats.NumSubscriptions() == before })
	nats.Shutdown()
	nats.WaitForShutdown()
	walked()
}
