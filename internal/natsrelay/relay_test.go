package natsrelay_test

import (
	"encoding/json"
	"log/slog"
	"net"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/natsrelay"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// never is so long that a hub does not poll the log.
const never = time.Hour

// The subscribers of a replica get another replica's commits without a read of the database.
func TestNoReads(t *testing.T) {
	t.Parallel()
	s, url := startNATS(t, -1), postgrestest.URL(t)
	a := join(t, url, s.ClientURL(), "a", true, never)
	b := join(t, url, s.ClientURL(), "b", false, never)
	c := join(t, url, s.ClientURL(), "c", false, never)
	first := a.place(ada)
	a.await("the first position", func() bool { return a.hub.Position() == 1 })
	one, mine, all := b.watchOrder(ada, first.OrderID()), b.watchFeed(ada), c.watchFeed(staff)
	expect(t, one, event.Snapshot, nil)
	expect(t, mine, event.Snapshot, nil)
	expect(t, all, event.Snapshot, nil)
	b.subscribed(s, "b", 3) // the order's bucket, the customer, the feed
	c.subscribed(s, "c", 2) // everything, the feed
	// The hubs now read the events that they missed before they had subscribed.
	b.hub.Wake()
	c.hub.Wake()
	second := a.advance(first.Order.Head)
	expect(t, one, event.Happened, &second)
	for _, sub := range []*event.Subscription{mine, all} {
		for u := expect(t, sub, event.Happened, nil); u.Event.ID != second.ID; {
			u = expect(t, sub, event.Happened, nil)
		}
	}
	// Those reads may still run during the first rounds. A replica that needs its log reads in each round.
	const rounds = 5
	head, reads := first.Order.Head, int64(0)
	for range rounds {
		before := b.log.reads.Load() + c.log.reads.Load()
		for range 20 {
			other := a.place(grace)
			e := a.advance(head)
			expect(t, one, event.Happened, &e)
			expect(t, mine, event.Happened, &e)
			expect(t, all, event.Happened, &other)
			expect(t, all, event.Happened, &e)
		}
		if reads = b.log.reads.Load() + c.log.reads.Load() - before; reads == 0 {
			return
		}
	}
	t.Errorf("%d reads of the log in the last of %d rounds, want none", reads, rounds)
}

// A replica gets what its subscribers watch, and nothing when they are gone.
func TestInterest(t *testing.T) {
	t.Parallel()
	s, url := startNATS(t, -1), postgrestest.URL(t)
	a := join(t, url, s.ClientURL(), "a", true, never)
	b := join(t, url, s.ClientURL(), "b", false, never)
	c := join(t, url, s.ClientURL(), "c", false, never)
	watched := a.place(ada)
	sub, again := b.watchOrder(ada, watched.OrderID()), b.watchOrder(staff, watched.OrderID())
	b.subscribed(s, "b", 2)
	follower := c.watchFeed(grace)
	c.subscribed(s, "c", 2)
	expect(t, follower, event.Snapshot, nil)
	// Of the orders of others, b gets the positions and about one in 256 events.
	start := connection(t, s, "b").OutMsgs
	const others = 30
	for range others {
		e := a.place(grace)
		for u := expect(t, follower, event.Happened, nil); u.Event.ID != e.ID; {
			u = expect(t, follower, event.Happened, nil)
		}
	}
	if got := connection(t, s, "b").OutMsgs - start; got > others+others/3 {
		t.Errorf("b got %d messages for %d orders that nobody watches there", got, others)
	}
	sub.Close()
	b.subscribed(s, "b", 2) // the other subscriber is still there
	again.Close()
	b.subscribed(s, "b", 0)
	start = connection(t, s, "b").OutMsgs
	e := a.advance(watched.Order.Head)
	e2 := a.place(grace)
	for u := expect(t, follower, event.Happened, nil); u.Event.ID != e2.ID; {
		u = expect(t, follower, event.Happened, nil)
	}
	if got := connection(t, s, "b").OutMsgs - start; got != 0 {
		t.Errorf("b got %d messages, among them perhaps %s, though nobody watches anything there", got, e.ID)
	}
}

// All events arrive once and in order while NATS goes and comes back.
func TestNATSKilled(t *testing.T) {
	t.Parallel()
	s, url := startNATS(t, -1), postgrestest.URL(t)
	natsURL := s.ClientURL()
	_, port, err := net.SplitHostPort(s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	samePort, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	a := join(t, url, natsURL, "a", true, never)
	b := join(t, url, natsURL, "b", false, never)
	b.listen(url)
	first := a.place(ada)
	one, all := b.watchOrder(ada, first.OrderID()), b.watchFeed(ada)
	expect(t, one, event.Snapshot, nil)
	expect(t, all, event.Snapshot, nil)
	seen := func(n int) {
		t.Helper()
		for range n {
			e := a.advance(first.Order.Head)
			expect(t, one, event.Happened, &e)
			for u := expect(t, all, event.Happened, nil); u.Event.ID != e.ID; { // first's own position may come before
				u = expect(t, all, event.Happened, nil)
			}
		}
	}
	seen(5)
	var during []order.Event
	for i := range 30 {
		if i == 10 {
			s.Shutdown()
			s.WaitForShutdown()
		}
		during = append(during, a.advance(first.Order.Head))
	}
	for i := range during {
		expect(t, one, event.Happened, &during[i])
		expect(t, all, event.Happened, &during[i])
	}
	b.await("the loss to be noticed", func() bool { return !b.relay.Connected() })
	seen(5)
	s = startNATS(t, samePort)
	b.await("NATS", func() bool { return a.relay.Connected() && b.relay.Connected() })
	b.subscribed(s, "b", 3)
	seen(5)
}

// Duplicate, late and reordered messages change nothing.
func TestDuplicatesAndDisorder(t *testing.T) {
	t.Parallel()
	s, url := startNATS(t, -1), postgrestest.URL(t)
	a := join(t, url, s.ClientURL(), "a", true, never)
	b := join(t, url, s.ClientURL(), "b", false, 50*time.Millisecond)
	first := a.place(ada)
	one, all := b.watchOrder(ada, first.OrderID()), b.watchFeed(staff)
	expect(t, one, event.Snapshot, nil)
	expect(t, all, event.Snapshot, nil)
	b.subscribed(s, "b", 2)
	// An echo sends every third message early, and all messages again much later.
	echo, err := nats.Connect(s.ClientURL(), nats.NoEcho())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(echo.Close)
	var kept []*nats.Msg
	if _, err := echo.Subscribe("orderwire.>", func(m *nats.Msg) {
		kept = append(kept, m)
		for i := len(kept) - 1; i >= 0; i -= 3 {
			_ = echo.Publish(kept[i].Subject, kept[i].Data)
		}
		_ = echo.Publish("orderwire.test.feed", []byte(`{"epoch":1,"from":900,"rows":[{"o":"018f934c-4400-7000-8000-000000000001","v":1}]}`))
		_ = echo.Publish("orderwire.test.event.1.x", []byte(`not JSON`))
	}); err != nil {
		t.Fatal(err)
	}
	if err := echo.Flush(); err != nil {
		t.Fatal(err)
	}
	for range 40 {
		other := a.place(grace)
		e := a.advance(first.Order.Head)
		expect(t, one, event.Happened, &e)
		for u := expect(t, all, event.Happened, nil); u.Event.ID != other.ID; {
			u = expect(t, all, event.Happened, nil)
		}
		expect(t, all, event.Happened, &e)
	}
}

// An event that came over NATS equals the event in the log, and contains nothing that the log does not.
func TestMessageIsTheLogsEvent(t *testing.T) {
	t.Parallel()
	s, url := startNATS(t, -1), postgrestest.URL(t)
	a := join(t, url, s.ClientURL(), "a", true, never)
	b := join(t, url, s.ClientURL(), "b", false, never)
	all := b.watchFeed(staff)
	expect(t, all, event.Snapshot, nil)
	b.subscribed(s, "b", 2)
	spy, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(spy.Close)
	heard, err := spy.SubscribeSync("orderwire.test.*.event.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := spy.Flush(); err != nil {
		t.Fatal(err)
	}
	e := a.place(ada)
	e.Order.Payments[0].NextAction = &payment.NextAction{}
	got := expect(t, all, event.Happened, &e)
	logged, err := b.log.EventsAt(t.Context(), auth.System, []event.Key{{OrderID: e.OrderID(), Version: 1}})
	if err != nil {
		t.Fatal(err)
	}
	want := logged[event.Key{OrderID: e.OrderID(), Version: 1}]
	if !reflect.DeepEqual(got.Event, want) {
		g, _ := json.Marshal(got.Event)
		w, _ := json.Marshal(want)
		t.Errorf("over NATS\n%s, the log has\n%s", g, w)
	}
	m, err := heard.NextMsg(patience)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"sim_approve", "ethod\":\"sim", "nextAction\""} {
		if strings.Contains(string(m.Data), secret) {
			t.Errorf("the message contains %s: %s", secret, m.Data)
		}
	}
}

func TestConnect(t *testing.T) {
	t.Parallel()
	logger := slog.New(slog.DiscardHandler)
	if _, err := natsrelay.Connect(natsrelay.Config{URL: "nats://[", Logger: logger}); err == nil {
		t.Error("a URL that is none is accepted")
	}
	f, err := natsrelay.Connect(natsrelay.Config{URL: "nats://127.0.0.1:1", Deployment: "test", Logger: logger})
	if err != nil {
		t.Fatalf("a NATS that is away stops the server: %v", err)
	}
	defer f.Close()
	if f.Connected() {
		t.Error("connected to nothing")
	}
}
