package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

const (
	// hostileConnections is the default of HOSTILE_CONNECTIONS; make soak sets 100,000.
	hostileConnections = 3000
	hostileAtOnce      = 64
)

// hostility is one way of not behaving. It returns when it has dropped its connection.
type hostility struct {
	name string
	act  func(h *hostile, r *rand.Rand) error
}

var hostilities = []hostility{
	{"handshake aborted", func(h *hostile, r *rand.Rand) error {
		request := h.upgradeRequest()
		return h.raw(request[:r.IntN(len(request))], false)
	}},
	{"handshake reset", func(h *hostile, _ *rand.Rand) error { return h.raw(h.upgradeRequest(), false) }},
	{"garbage", func(h *hostile, r *rand.Rand) error {
		garbage := make([]byte, 1+r.IntN(4096))
		for i := range garbage {
			garbage[i] = byte(r.Uint32())
		}
		return h.raw(string(garbage), r.IntN(2) == 0)
	}},
	{"garbage after the upgrade", func(h *hostile, r *rand.Rand) error {
		return h.socket(func(c *websocket.Conn) {
			garbage := make([]byte, 256)
			for i := range garbage {
				garbage[i] = byte(r.Uint32())
			}
			_, _ = c.NetConn().Write(garbage)
		})
	}},
	{"gone without a word", func(h *hostile, _ *rand.Rand) error { return h.socket(func(*websocket.Conn) {}) }},
	{"half closed", func(h *hostile, _ *rand.Rand) error {
		return h.socket(func(c *websocket.Conn) {
			h.init(c)
			if tcp, ok := c.NetConn().(*net.TCPConn); ok {
				_ = tcp.CloseWrite()
			}
			drainSocket(c)
		})
	}},
	{"wrong token", func(h *hostile, _ *rand.Rand) error {
		return h.socket(func(c *websocket.Conn) {
			_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"connection_init","payload":{"authorization":"Bearer x"}}`))
			drainSocket(c)
		})
	}},
	{"oversized message", func(h *hostile, _ *rand.Rand) error {
		return h.socket(func(c *websocket.Conn) {
			h.init(c)
			_ = c.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("x", 100<<10)))
			drainSocket(c)
		})
	}},
	{"wrong message", func(h *hostile, r *rand.Rand) error {
		return h.socket(func(c *websocket.Conn) {
			h.init(c)
			_ = c.WriteMessage(1+r.IntN(2), []byte(`{"type":`))
			drainSocket(c)
		})
	}},
	{"reset amid subscriptions", func(h *hostile, r *rand.Rand) error {
		return h.socket(func(c *websocket.Conn) {
			h.init(c)
			n := 1 + r.IntN(5)
			for i := range n {
				h.subscribe(c, i)
			}
			for range r.IntN(n + 2) { // at most the acknowledgement and each snapshot
				_, _, _ = c.ReadMessage()
			}
		})
	}},
	{"storm of subscriptions", func(h *hostile, r *rand.Rand) error {
		return h.socket(func(c *websocket.Conn) {
			h.init(c)
			storm := 15
			if r.IntN(8) == 0 {
				storm = 150 // more than a socket may have
			}
			for i := range storm {
				h.subscribe(c, i)
				if r.IntN(3) == 0 {
					_ = c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"id":"%d","type":"complete"}`, i))
				}
			}
		})
	}},
	{"event stream reset", func(h *hostile, r *rand.Rand) error {
		const body = `{"query":"subscription { orderFeed { kind cursor } }"}`
		return h.raw(fmt.Sprintf("POST /graphql HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\n"+
			"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", h.addr, h.token, len(body)+r.IntN(2), body), r.IntN(4) == 0)
	}},
}

// hostile is a server to attack, with a token.
type hostile struct {
	ctx         context.Context
	addr, token string
	// next numbers the connections; many of them come from many addresses, or the machine would run out of ports.
	next atomic.Int64
	many bool
}

func (h *hostile) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: eventually.Patience}
	if n := h.next.Add(1); h.many {
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(2+n%200))}
	}
	conn, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(eventually.Patience))
}

// reset cuts a connection with a RST.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// raw writes bytes on a fresh connection, perhaps waits for the beginning of an answer, and resets it.
func (h *hostile) raw(text string, answered bool) error {
	conn, err := h.dial(h.ctx, "tcp", h.addr)
	if err != nil {
		return err
	}
	defer reset(conn)
	_, _ = conn.Write([]byte(text)) // the server may have hung up
	if answered {
		_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // nothing may come, of course
		_, _ = conn.Read(make([]byte, 64))
	}
	return nil
}

func (h *hostile) upgradeRequest() string {
	return "GET /graphql HTTP/1.1\r\nHost: " + h.addr + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
}

// socket is a websocket that is reset after some misbehaviour.
func (h *hostile) socket(misbehave func(*websocket.Conn)) error {
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, NetDialContext: h.dial}
	conn, response, err := dialer.DialContext(h.ctx, "ws://"+h.addr+"/graphql", nil)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	defer reset(conn.NetConn())
	if err := conn.NetConn().SetDeadline(time.Now().Add(eventually.Patience)); err != nil {
		return err
	}
	misbehave(conn)
	return nil
}

func (h *hostile) init(c *websocket.Conn) {
	_ = c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"type":"connection_init","payload":{"authorization":"Bearer %s"}}`, h.token))
}

func (h *hostile) subscribe(c *websocket.Conn, id int) {
	_ = c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil,
		`{"id":"%d","type":"subscribe","payload":{"query":"subscription { orderFeed { kind cursor } }"}}`, id))
}

// drainSocket reads until the server has closed.
func drainSocket(c *websocket.Conn) {
	for {
		if _, _, err := c.ReadMessage(); err != nil {
			return
		}
	}
}

// run makes n connections of all kinds, the same for the same seed.
func (h *hostile) run(t *testing.T, n int, seed uint64) {
	t.Helper()
	var wg sync.WaitGroup
	var began, refused atomic.Int64
	for worker := range hostileAtOnce {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(worker)))
			for began.Add(1) <= int64(n) && h.ctx.Err() == nil {
				kind := hostilities[r.IntN(len(hostilities))]
				if err := kind.act(h, r); err != nil {
					refused.Add(1)
					t.Logf("%s: %v", kind.name, err)
				}
			}
		})
	}
	wg.Wait()
	// A connection that is not even accepted proves nothing. A few of a loaded machine's time out.
	if got := refused.Load(); got > int64(n)/100 {
		t.Errorf("%d of %d connections were not served", got, n)
	}
}

// footprint counts the resources that connections could leak.
type footprint struct {
	goroutines, descriptors int
	heap                    int64
}

func measure(t *testing.T) footprint {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	runtime.GC()
	runtime.GC() // the second also frees the contents of a sync.Pool
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	descriptors, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return footprint{runtime.NumGoroutine(), len(descriptors), int64(memory.HeapAlloc)}
}

// After thousands of connections that do everything wrong, all is back where it was, and a well-behaved subscriber has
// not noticed. It is not parallel to other tests, because it counts the resources of the whole process.
func TestHostileConnections(t *testing.T) {
	n := hostileConnections
	if text := os.Getenv("HOSTILE_CONNECTIONS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	app := startApp(t, postgrestest.URL(t))
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience+time.Duration(n)*20*time.Millisecond) // more for more
	defer cancel()
	ada, mallory := signedIn(t, app.URL(), "ada", "CUSTOMER"), signedIn(t, app.URL(), "mallory", "CUSTOMER")
	good := dialWire(t, app.URL()).init(ada.token).watch("1")
	if err := good.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	h := &hostile{ctx: ctx, addr: strings.TrimPrefix(app.URL(), "http://"), token: mallory.token, many: n > 20_000}
	idle := func() bool {
		held, keys := app.perAddress.Held()
		return app.sockets.Sockets() == 1 && app.streams.Streams() == 0 && app.sessions.Sessions() == 1 &&
			held == 1 && keys == 1 && app.hub.Subscribers() == 1
	}
	report := func() string {
		held, keys := app.perAddress.Held()
		return fmt.Sprintf("%d sockets, %d streams, %d sessions, %d held by %d addresses, %d subscriptions, %+v",
			app.sockets.Sockets(), app.streams.Streams(), app.sessions.Sessions(), held, keys, app.hub.Subscribers(), measure(t))
	}
	settle := func(what string, settled func() bool) {
		t.Helper()
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for !settled() {
			select {
			case <-ctx.Done():
				t.Fatalf("%s: not settled: %s", what, report())
			case <-ticker.C:
			}
		}
	}

	// The first ones fill pools and caches.
	const seed = 20261122
	h.run(t, min(n, 400), seed)
	settle("warming up", idle)
	before := measure(t)
	h.run(t, n, seed+1)

	// Goroutines: net/http and database/sql have a few that come and go. Descriptors: the database pool may open as many
	// more as it is allowed. Heap: the collector's timing and grown maps take up to 2 MB; a connection that leaked
	// would cost 10 kB or more, so a tenth of them would be found at n = 3,000.
	const goroutines, descriptors, heap = 12, 12, 2 << 20
	settle("afterwards", func() bool {
		if !idle() {
			return false
		}
		now := measure(t)
		return now.goroutines <= before.goroutines+goroutines && now.descriptors <= before.descriptors+descriptors &&
			now.heap <= before.heap+heap
	})
	t.Logf("%d connections: before %+v, after %+v", n, before, measure(t))

	// The one that behaves.
	orderID := ada.order(t, "sim_approve")
	for {
		if m := good.expect("next"); strings.Contains(string(m.Payload), orderID) {
			break
		}
	}
}

// Sockets that never send connection_init are closed after a while with 4408, however many they are.
func TestInitNeverSent(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t))
	h := &hostile{ctx: t.Context(), addr: strings.TrimPrefix(app.URL(), "http://")}
	codes := make([]int, 50)
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() {
			err := h.socket(func(c *websocket.Conn) {
				_, _, err := c.ReadMessage()
				if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
					codes[i] = closed.Code
				}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if slices.ContainsFunc(codes, func(code int) bool { return code != 4408 }) {
		t.Errorf("closed with %v, want 4408", codes)
	}
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	await(ctx, t, func() bool { held, _ := app.perAddress.Held(); return held == 0 && app.sockets.Sockets() == 0 })
}
