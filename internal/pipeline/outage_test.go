package pipeline_test

import (
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/postgres"
)

// unreliable serves the provider at one address that can be taken down in several ways.
type unreliable struct {
	t       *testing.T
	handler http.Handler
	address string
	server  *httptest.Server

	mu    sync.Mutex
	state string
	over  chan struct{} // closed when the state ends
}

const (
	healthy = "healthy"
	hung    = "takes calls and does not answer"
	failing = "answers 503"
	refused = "refuses connections"
)

func newUnreliable(t *testing.T, handler http.Handler) *unreliable {
	u := &unreliable{t: t, handler: handler, address: "127.0.0.1:0", state: healthy, over: make(chan struct{})}
	u.listen()
	t.Cleanup(func() {
		u.become(healthy) // nothing hangs any more
		u.server.Close()
	})
	return u
}

func (u *unreliable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	state, over := u.state, u.over
	u.mu.Unlock()
	switch state {
	case hung:
		select {
		case <-over:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case failing:
		http.Error(w, "down", http.StatusServiceUnavailable)
	default:
		u.handler.ServeHTTP(w, r)
	}
}

func (u *unreliable) listen() {
	l, err := (&net.ListenConfig{}).Listen(u.t.Context(), "tcp", u.address)
	if err != nil {
		u.t.Error(err)
		return
	}
	u.address = l.Addr().String()
	u.server = httptest.NewUnstartedServer(u)
	_ = u.server.Listener.Close() // it was never used
	u.server.Listener = l
	u.server.Start()
}

func (u *unreliable) become(state string) {
	u.mu.Lock()
	before := u.state
	u.state = state
	close(u.over)
	u.over = make(chan struct{})
	u.mu.Unlock()
	switch {
	case state == refused:
		u.server.CloseClientConnections()
		u.server.Close()
	case before == refused:
		u.listen()
	}
}

// seconds reads a setting of the full run, which `make outage` makes.
func seconds(t *testing.T, name string, otherwise time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n <= 0 {
		t.Fatalf("%s is %q, want a number of seconds", name, text)
	}
	return time.Duration(n * float64(time.Second))
}

// TestOutageIsRiddenOut takes a provider down for longer than orders take to expire, a third of the time each by hanging, failing and refusing
// connections, while orders are placed. When it is back, at least 99.9 % of the orders are delivered without a person within the time allowed.
// None at all was cancelled by its expiry, and none charged twice. The time between orders in the full run is OUTAGE_PAUSE seconds.
func TestOutageIsRiddenOut(t *testing.T) {
	t.Parallel()
	outage := seconds(t, "OUTAGE_SECONDS", 4500*time.Millisecond)
	pause := seconds(t, "OUTAGE_PAUSE", 50*time.Millisecond)
	allowed := seconds(t, "OUTAGE_RECOVERY", eventually.Patience)
	var provider *unreliable
	b := setupWith(t, order.Policy{Expiry: outage / 4, AuthorizationExpiry: time.Hour}, func(b *bundle) payment.Gateway {
		provider = newUnreliable(t, b.provider.Handler())
		client, err := simulated.NewClient("http://"+provider.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		return client
	}, postgres.LeaseDue())
	var ids []id.Order
	place := func(during time.Duration) {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for end := time.After(during); ; {
			ids = append(ids, b.create(t, simulated.TokenApprove, payment.CaptureAutomatic).ID)
			select {
			case <-end:
				return
			case <-tick.C:
			}
		}
	}
	place(outage / 10)
	for _, state := range []string{hung, failing, refused} {
		provider.become(state)
		place(outage / 3)
	}
	placed := len(ids)
	provider.become(healthy)
	back := time.Now()
	limit := time.After(allowed)
	place(outage / 10)
	finished := func() (n int) {
		if err := b.db.GetContext(t.Context(), &n, `SELECT count(*) FROM orders WHERE status = 'DELIVERED'`); err != nil {
			t.Fatal(err)
		}
		return n
	}
	want := int(math.Ceil(0.999 * float64(len(ids))))
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := false
	for done := finished(); done < want && !late; done = finished() {
		select {
		case <-limit:
			t.Errorf("%d of %d orders are delivered %s after the outage, want %d", done, len(ids), allowed, want)
			late = true
		case <-tick.C:
		}
	}
	took := time.Since(back)
	waiting, err := b.service.NeedingAttention(t.Context(), modelStaff, pagination.Request{Limit: 10})
	if err != nil || len(waiting.Items) > 0 {
		t.Errorf("%d payments need a person, %v", len(waiting.Items), err)
	}
	b.unharmed(t)
	t.Logf("outage of %s, %d orders before its end and %d after: %d delivered %s after its end, none by a person",
		outage, placed, len(ids)-placed, finished(), took.Round(100*time.Millisecond))
}

// unharmed wants that no order was cancelled because its provider was away, nor charged twice, and that the provider has taken what the
// delivered orders say. It logs how the orders ended.
func (b *bundle) unharmed(t *testing.T) {
	t.Helper()
	for what, query := range map[string]string{
		"were cancelled because their time was up": `orders WHERE cancel_reason = 'EXPIRED'`,
		"were charged twice":                       `(SELECT FROM simulated.charges GROUP BY order_id HAVING count(*) FILTER (WHERE captured > 0) > 1 OR sum(captured) > max(amount)) t`,
		"were delivered and not charged what they say": `orders o WHERE status = 'DELIVERED' AND captured_minor <>
			(SELECT coalesce(sum(captured), 0) FROM simulated.charges c WHERE c.order_id = o.id)`,
	} {
		var n int
		if err := b.db.GetContext(t.Context(), &n, `SELECT count(*) FROM `+query); err != nil || n > 0 {
			t.Errorf("%d orders %s, %v", n, what, err)
		}
	}
	var ends []string
	err := b.db.SelectContext(t.Context(), &ends, `SELECT concat_ws(' ', count(*), status, cancel_reason) FROM orders GROUP BY status, cancel_reason ORDER BY count(*) DESC`)
	if err != nil {
		t.Error(err)
	}
	t.Logf("orders: %s", strings.Join(ends, ", "))
}
