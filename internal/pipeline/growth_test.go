package pipeline_test

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/paymenttest"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/pipeline"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/product"
)

// mostGrowth is by how many bytes an order may grow in a week of what nobody here can end: its rows, and what subscribers are sent.
const mostGrowth = 100_000

// An order stays small however long the provider refuses its refund, a dispute changes, or banks send refunds back.
func TestGrowth(t *testing.T) {
	t.Parallel()
	cancel := func(g *growing) {
		g.must(g.service.Cancel(t.Context(), modelCustomer, order.CancelInput{OrderID: g.order.ID}))
	}
	for name, c := range map[string]struct {
		token   string
		capture payment.CaptureMethod // "": automatic
		// refuse makes the provider refuse every refund and every void.
		refuse bool
		begin  func(g *growing)
		// happens every pause.
		pause   time.Duration
		happens func(g *growing)
	}{
		"a refund that is always refused": {token: simulated.TokenApprove, refuse: true, begin: cancel, pause: time.Hour, happens: func(*growing) {}},
		"a refund that is always refused, and staff who look": {
			token: simulated.TokenApprove, refuse: true, begin: cancel, pause: time.Hour, happens: (*growing).recheck,
		},
		"a void that is always refused": {
			token: simulated.TokenApprove, capture: payment.CaptureManual, refuse: true, begin: cancel, pause: time.Hour, happens: func(*growing) {},
		},
		"a refund that a bank sends back each time": {
			token: simulated.TokenDelayed, begin: cancel, pause: 10 * time.Minute,
			happens: func(g *growing) { g.outside(simulated.ActRefundFails) },
		},
		"a refund that staff make again every other day": {
			token: simulated.TokenApprove, pause: 48 * time.Hour, begin: func(*growing) {},
			happens: func(g *growing) {
				g.must(g.service.Refund(t.Context(), modelStaff, order.RefundInput{IdempotencyKey: uuid.NewString(), OrderID: g.order.ID}))
				g.run(g.now.Add(time.Minute))
				g.outside(simulated.ActRefundFails)
			},
		},
		"a dispute that changes every ten minutes": {
			token: simulated.TokenApprove, pause: 10 * time.Minute, begin: func(g *growing) { g.outside(simulated.ActDispute) },
			happens: func(g *growing) {
				g.db.MustExecContext(t.Context(), `UPDATE simulated.disputes SET amount = amount - 1, respond_by = respond_by + interval '1 minute'`)
				g.recheck()
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := grow(t, c.token, cmp.Or(c.capture, payment.CaptureAutomatic), c.refuse)
			c.begin(g)
			before := g.bytes()
			for end := g.now.Add(7 * 24 * time.Hour); g.now.Before(end); {
				g.run(g.now.Add(c.pause))
				c.happens(g)
			}
			g.run(g.now.Add(time.Hour))
			if grown := g.bytes() - before; grown > mostGrowth {
				t.Errorf("it grew by %d bytes: %s", grown, g.rows())
			} else {
				t.Logf("it grew by %d bytes: %s", grown, g.rows())
			}
			g.agree()
		})
	}
}

// growing is a paid order with a worker and a clock of its own.
type growing struct {
	t        *testing.T
	db       *postgrestest.DB
	provider *simulated.Provider
	service  *order.Service
	worker   *pipeline.Worker
	now      time.Time
	order    *order.Order
}

func grow(t *testing.T, token string, capture payment.CaptureMethod, refuse bool) *growing {
	t.Helper()
	g := &growing{t: t, db: postgrestest.Open(t), now: time.Date(2001, 11, 1, 12, 0, 0, 0, time.UTC)}
	store := postgrestest.Store(t, g.db.Worker, func([]postgres.Committed) {})
	var err error
	if g.provider, err = simulated.New(g.db.DB, simulated.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.provider.Close() }) // its database ends with the test
	products := product.NewService(postgrestest.Store(t, g.db.API, nil))
	mug, err := products.Upsert(t.Context(), auth.System, product.Input{SKU: "MUG", Name: "Mug", PriceMinor: 180_000, Currency: "EUR"})
	if err != nil {
		t.Fatal(err)
	}
	described := g.provider.Describe()
	if refuse {
		described = paymenttest.Through(described, oneWay{g.provider})
	}
	providers := paymenttest.Registry(t, described)
	policy := order.Policy{DeliveryDelay: 365 * 24 * time.Hour, Expiry: time.Hour, AuthorizationExpiry: 24 * time.Hour}
	clock := func() time.Time { return g.now }
	g.worker = pipeline.New(store, providers, policy, clock, slog.New(slog.DiscardHandler))
	g.service = order.NewService(store, products, providers, policy, clock)
	outcome, err := g.service.Create(t.Context(), modelCustomer, order.CreateInput{
		IdempotencyKey: uuid.NewString(), Items: []order.Item{{ProductID: mug.ID, Quantity: 2}}, PaymentToken: token, Capture: capture,
	})
	if err != nil {
		t.Fatal(err)
	}
	g.order = outcome.Order
	g.run(g.now.Add(time.Minute))
	if token == simulated.TokenDelayed {
		g.outside(simulated.ActConfirm)
	}
	if p := g.load().Payment(); p.Status != payment.Confirmed && p.Status != payment.Authorized {
		t.Fatalf("the payment is %+v", p)
	}
	return g
}

// oneWay gives no money back.
type oneWay struct{ payment.Gateway }

func (oneWay) Refund(context.Context, payment.Call) (payment.Result, error) {
	return payment.Result{}, &payment.DefiniteError{Message: "refunds are not possible for this charge"}
}

func (oneWay) Void(context.Context, payment.Call) (payment.Result, error) {
	return payment.Result{}, &payment.DefiniteError{Message: "voids are not possible for this charge"}
}

func (g *growing) must(_ any, err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *growing) load() *order.Order {
	g.t.Helper()
	o, err := g.service.Get(g.t.Context(), modelStaff, g.order.ID)
	if err != nil {
		g.t.Fatal(err)
	}
	return o
}

func (g *growing) paymentID() id.Payment { return g.order.Payments[0].ID }

// recheck is a webhook, or staff who look.
func (g *growing) recheck() {
	g.must(g.service.RecheckPayment(g.t.Context(), auth.System, g.paymentID()))
	g.run(g.now)
}

// outside does an act at the provider, if it fits, and a webhook tells of it.
func (g *growing) outside(act simulated.Act) {
	_, err := g.provider.Outside(g.t.Context(), simulated.Outside{PaymentID: g.paymentID(), Act: act})
	if _, refused := errors.AsType[*simulated.RejectedError](err); err != nil && !refused {
		g.t.Fatal(err)
	}
	g.recheck()
}

// run does all that is due until a time.
func (g *growing) run(until time.Time) {
	g.t.Helper()
	for range 1000 {
		var due []time.Time
		if err := g.db.SelectContext(g.t.Context(), &due, `SELECT due_at FROM order_work WHERE order_id = $1`, g.order.ID); err != nil {
			g.t.Fatal(err)
		}
		if len(due) == 0 || due[0].After(until) {
			g.now = until
			return
		}
		if due[0].After(g.now) {
			g.now = due[0].UTC()
		}
		if err := g.worker.Round(g.t.Context()); err != nil {
			g.t.Fatal(err)
		}
	}
	g.t.Fatal("something is always due")
}

// bytes are those of all rows of the order, and of its events once more, as they are pushed.
func (g *growing) bytes() (total int) {
	g.t.Helper()
	if err := g.db.GetContext(g.t.Context(), &total, `SELECT sum(n) FROM (
		SELECT octet_length(t::text) AS n FROM orders t WHERE id = $1 UNION ALL
		SELECT octet_length(t::text) FROM payments t WHERE order_id = $1 UNION ALL
		SELECT octet_length(t::text) FROM refunds t WHERE order_id = $1 UNION ALL
		SELECT octet_length(t::text) FROM payment_attempts t WHERE order_id = $1 UNION ALL
		SELECT octet_length(t::text) * 2 FROM order_events t WHERE order_id = $1) rows`, g.order.ID); err != nil {
		g.t.Fatal(err)
	}
	return total
}

func (g *growing) rows() (text string) {
	g.t.Helper()
	if err := g.db.GetContext(g.t.Context(), &text, `SELECT format('%s refunds, %s attempts, %s events of at most %s bytes',
		(SELECT count(*) FROM refunds WHERE order_id = $1), (SELECT count(*) FROM payment_attempts WHERE order_id = $1),
		(SELECT count(*) FROM order_events WHERE order_id = $1), (SELECT max(octet_length(state::text)) FROM order_events WHERE order_id = $1))`, g.order.ID); err != nil {
		g.t.Fatal(err)
	}
	return text
}

// agree wants our books to be the provider's, some hours later at most.
func (g *growing) agree() {
	g.t.Helper()
	g.run(g.now.Add(24 * time.Hour))
	balances, err := g.provider.Ledger(g.t.Context(), simulated.Filter{OrderID: g.order.ID})
	if err != nil || len(balances) != 1 {
		g.t.Fatalf("%+v, %v", balances, err)
	}
	if o, b := g.load(), balances[0]; o.Captured != b.Captured || o.Refunded != b.Refunded || o.Disputed != b.Disputed {
		g.t.Errorf("the order has %d, %d and %d, the provider %+v", o.Captured, o.Refunded, o.Disputed, b)
	}
}
