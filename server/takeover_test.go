package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// takeoverLimit is the promise: from the last sign of life of a sequencer to the next one.
const takeoverLimit = 2 * time.Second

// TestTakeover lets the sequencer's process die, stop, and lose the database. Another takes over, positions continue without a gap,
// and the first does no harm when it comes back. All times are the database's. It is not parallel, because it measures a time;
// times in which the machine stood still are subtracted.
func TestTakeover(t *testing.T) {
	for name, c := range map[string]struct{ harm, heal func(*process, *proxy) }{
		"OKKilled":  {func(p *process, _ *proxy) { p.kill() }, func(p *process, _ *proxy) { p.start() }},
		"OKStopped": {func(p *process, _ *proxy) { p.signal(syscall.SIGSTOP) }, func(p *process, _ *proxy) { p.signal(syscall.SIGCONT) }},
		"OKCutOff":  {func(_ *process, x *proxy) { x.cut() }, func(_ *process, x *proxy) { x.heal() }},
	} {
		t.Run(name, func(t *testing.T) {
			databaseURL := postgrestest.URL(t)
			db := postgrestest.Connect(t, databaseURL).DB
			recordTakeovers(t, db)
			between := newProxy(t, databaseURL)
			env := []string{"PAYMENT_STEP_DELAY=10ms", "DELIVERY_DELAY=10ms"}
			first, second := newProcess(t, between.url, env...), newProcess(t, databaseURL, env...)
			first.start()
			t.Cleanup(func() { first.kill() })
			await(t.Context(), t, func() bool { return takeovers(t, db) > 0 })
			second.start()
			t.Cleanup(second.kill)
			ada := signedIn(t, second.url(), "ada", "CUSTOMER")
			for range 3 {
				ada.order(t, "sim_approve")
			}
			allPlaced(t, db, 3)

			before, stalls := takeovers(t, db), measureStalls(t, db)
			c.harm(first, between)
			ada.order(t, "sim_approve") // while nobody gives positions
			await(t.Context(), t, func() bool { return takeovers(t, db) > before })
			var silence float64
			if err := db.GetContext(t.Context(), &silence, `SELECT seconds FROM takeovers ORDER BY fence DESC LIMIT 1`); err != nil {
				t.Fatal(err)
			}
			stalled := stalls()
			t.Logf("taken over %.0f ms after the last sign of life; the machine did nothing for %s", silence*1000, stalled)
			if limit := takeoverLimit + stalled; silence > limit.Seconds() {
				t.Errorf("taken over %.3f s after the last sign of life, want less than %s", silence, limit)
			}
			allPlaced(t, db, 4)

			c.heal(first, between)
			back := signedIn(t, first.url(), "ada", "CUSTOMER")
			for range 3 {
				ada.order(t, "sim_approve")
				back.order(t, "sim_approve")
			}
			allPlaced(t, db, 10)
		})
	}
}

// measureStalls queries the database continuously until the returned function is called. That function returns the total delay of
// the answers beyond an idle machine's: time in which no server could have worked either.
func measureStalls(t *testing.T, db *sqlx.DB) func() time.Duration {
	t.Helper()
	const usual = 20 * time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	measured := make(chan time.Duration, 1)
	go func() {
		var stalled time.Duration
		for ctx.Err() == nil {
			began := time.Now()
			_, _ = db.ExecContext(ctx, `SELECT pg_sleep(0.01)`)
			stalled += max(0, time.Since(began)-usual)
		}
		measured <- stalled
	}()
	return func() time.Duration {
		stop()
		return <-measured
	}
}

// recordTakeovers makes the database record each change of the sequencer, and how long the previous one had been silent.
func recordTakeovers(t *testing.T, db *sqlx.DB) {
	t.Helper()
	for _, statement := range []string{
		`CREATE TABLE takeovers (fence bigint, seconds float8)`,
		`GRANT INSERT ON takeovers TO ` + string(postgres.RoleWorker),
		`CREATE FUNCTION note_takeover() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO takeovers VALUES (NEW.fence, CASE WHEN isfinite(OLD.leased_until)
				THEN extract(epoch FROM clock_timestamp() - OLD.leased_until) + ` + fmt.Sprint(event.Lease.Seconds()) + ` END);
			RETURN NULL; END $$`,
		`CREATE TRIGGER note AFTER UPDATE ON event_log FOR EACH ROW WHEN (OLD.fence <> NEW.fence) EXECUTE FUNCTION note_takeover()`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func takeovers(t *testing.T, db *sqlx.DB) (n int) {
	t.Helper()
	if err := db.GetContext(t.Context(), &n, `SELECT count(*) FROM takeovers`); err != nil {
		t.Fatal(err)
	}
	return n
}

// allPlaced waits until n orders are delivered and each of their events has a position, and fails unless positions and
// versions have no gap and no disorder.
func allPlaced(t *testing.T, db *sqlx.DB, n int) {
	t.Helper()
	var got struct{ Delivered, Events, Positions, Last, Disorder int }
	await(t.Context(), t, func() bool {
		err := db.GetContext(t.Context(), &got, `
			SELECT (SELECT count(*) FROM orders WHERE status = 'DELIVERED') AS delivered,
				(SELECT count(*) FROM order_events) AS events,
				(SELECT count(*) FROM feed) AS positions, (SELECT coalesce(max(position), 0) FROM feed) AS last,
				(SELECT count(*) FROM feed a JOIN feed b USING (order_id) WHERE a.position < b.position AND a.version >= b.version) AS disorder`)
		if err != nil {
			t.Fatal(err)
		}
		return got.Delivered == n && got.Events == n*len(walk) && got.Positions >= got.Events
	})
	if got.Positions != got.Events || got.Last != got.Events || got.Disorder != 0 {
		t.Errorf("%+v, want as many positions as events, without gap and disorder", got)
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Error(err)
	}
}

// proxy stands between a server and its database, and can go silent as a broken network does.
type proxy struct {
	url    string
	target *url.URL
	t      *testing.T

	mu     sync.Mutex
	silent chan struct{} // closed by heal; nil while all is well
	frozen chan struct{} // as silent, of the connections that were open then
	conns  []net.Conn
}

func newProxy(t *testing.T, databaseURL string) *proxy {
	t.Helper()
	target, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	own := *target
	own.Host = listener.Addr().String()
	query := own.Query()
	query.Del("host")
	query.Del("port")
	own.RawQuery = query.Encode()
	x := &proxy{url: own.String(), target: target, t: t}
	t.Cleanup(func() {
		_ = listener.Close()
		x.heal()
	})
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			go x.serve(in)
		}
	}()
	return x
}

func (x *proxy) serve(in net.Conn) {
	x.mu.Lock()
	target := x.target
	x.mu.Unlock()
	network, address := "tcp", target.Host
	if folder := target.Query().Get("host"); folder != "" {
		network, address = "unix", folder+"/.s.PGSQL."+target.Query().Get("port")
	}
	out, err := (&net.Dialer{}).DialContext(context.Background(), network, address)
	if err != nil {
		_ = in.Close()
		return
	}
	x.mu.Lock()
	x.conns = append(x.conns, in, out)
	before := x.frozen // one that is silent already stays silent for the others
	x.mu.Unlock()
	go x.forward(in, out, before)
	x.forward(out, in, before)
}

func (x *proxy) forward(from, to net.Conn, before chan struct{}) {
	defer func() { _ = from.Close(); _ = to.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		x.mu.Lock()
		silent := x.silent
		if x.frozen != before {
			silent = x.frozen
		}
		x.mu.Unlock()
		if silent != nil {
			<-silent
			return
		}
		if err != nil {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// move has new connections go elsewhere, as a name that moves does. Those that are open stay.
func (x *proxy) move(databaseURL string) {
	x.t.Helper()
	target, err := url.Parse(databaseURL)
	if err != nil {
		x.t.Fatal(err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.target = target
}

// cut makes everything silent: nothing is delivered, nothing is refused.
func (x *proxy) cut() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.silent = make(chan struct{})
}

// freeze makes the connections that are open silent until the test ends. New ones come through.
func (x *proxy) freeze() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.frozen = make(chan struct{})
}

// heal ends the old connections and lets new ones through.
func (x *proxy) heal() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.silent != nil {
		close(x.silent)
		x.silent = nil
	}
	if x.frozen != nil {
		close(x.frozen)
		x.frozen = nil
	}
	for _, c := range x.conns {
		_ = c.Close()
	}
	x.conns = nil
}
