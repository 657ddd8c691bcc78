package pipeline_test

import (
	"context"
	"flag"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/order/ordertest"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/paymenttest"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/pipeline"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/product"
)

// modelShards run at the same time, each with a database of its own and -rapid.checks lives. A life takes some 50 ms.
const modelShards = 4

func init() { _ = flag.Set("rapid.checks", "130") }

// On the real store and against the simulated provider's own ledger: whatever people do here, others do at the provider and banks decide,
// and wherever two workers are killed, overtaken or left without an answer, the history of every order is legal, the ledger agrees with it,
// and no order is charged twice or left with something to do. (Package order has the same without a database, many times faster.)
func TestModel(t *testing.T) {
	t.Parallel()
	for range modelShards {
		t.Run("shard", func(t *testing.T) {
			t.Parallel()
			liveOnDatabase(t)
		})
	}
}

func liveOnDatabase(t *testing.T) {
	t.Helper()
	base := &life{db: postgrestest.Open(t), ctx: t.Context()}
	base.store = postgrestest.Store(t, base.db.Worker, func([]postgres.Committed) {})
	var err error
	if base.provider, err = simulated.New(base.db.DB, simulated.Options{ActionExpiry: 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	base.products = product.NewService(postgrestest.Store(t, base.db.API, nil))
	p, err := base.products.Upsert(t.Context(), auth.System, product.Input{SKU: "MUG", Name: "Mug", PriceMinor: 1800, Currency: "EUR"})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		l := *base
		l.T = t
		l.live(p.ID)
	})
}

// life is one order's. Only its own steps let time pass.
type life struct {
	*rapid.T
	ctx      context.Context
	db       *postgrestest.DB
	store    *postgres.Store
	provider *simulated.Provider
	products *product.Service

	service *order.Service
	workers [2]*pipeline.Worker
	// working is the one whose round it is.
	working int
	now     time.Time
	orderID id.Order
	// inCall: a worker waits for the provider, so what happens now happens meanwhile.
	inCall  bool
	commits []commitFate
	calls   []callFate
	// late counts the charges of which the provider had said that it takes nothing, and did.
	late int
	// done counts what others did at the provider.
	done map[simulated.Act]int
	// wrong has the failures found where the test cannot be ended.
	wrong []error
}

// modelStart is long ago, so that the database, whose clock is real, does not hold back what is due.
var modelStart = time.Date(2001, 11, 1, 12, 0, 0, 0, time.UTC)

var (
	modelCustomer = auth.Principal{CustomerID: id.ForCustomer("test", "ada"), Role: auth.RoleCustomer, Issuer: "test", Subject: "ada"}
	modelStaff    = auth.Principal{CustomerID: id.ForCustomer("test", "sue"), Role: auth.RoleStaff, Issuer: "test", Subject: "sue"}
)

func (l *life) live(productID id.Product) {
	// A life before this one may have left an order that its provider watches, in the same years.
	if _, err := l.db.ExecContext(l.ctx, `DELETE FROM order_work`); err != nil {
		l.Fatal(err)
	}
	l.now = modelStart
	l.done = map[simulated.Act]int{}
	clock := func() time.Time { return l.now }
	policy := order.Policy{StepDelay: time.Second, DeliveryDelay: time.Minute, Expiry: time.Hour, AuthorizationExpiry: 24 * time.Hour}
	described := l.provider.Describe()
	reached, err := payment.NewRegistry(paymenttest.Through(described, lossy{l.provider, l}))
	if err != nil {
		l.Fatal(err)
	}
	providers, err := payment.NewRegistry(described)
	if err != nil {
		l.Fatal(err)
	}
	for i := range l.workers {
		l.workers[i] = pipeline.New(mortal{l.store, l}, reached, policy, clock, slog.New(slog.DiscardHandler))
	}
	l.service = order.NewService(l.store, l.products, providers, policy, clock)
	outcome, err := l.service.Create(l.ctx, modelCustomer, order.CreateInput{
		IdempotencyKey: uuid.NewString(), Items: []order.Item{{ProductID: productID, Quantity: 2}},
		PaymentToken: rapid.SampledFrom(modelTokens).Draw(l.T, "token"),
		Capture:      rapid.SampledFrom([]payment.CaptureMethod{payment.CaptureAutomatic, payment.CaptureManual}).Draw(l.T, "capture"),
	})
	if err != nil {
		l.Fatal(err)
	}
	l.orderID = outcome.Order.ID
	for range rapid.IntRange(3, 16).Draw(l.T, "steps") {
		l.step()
		l.check()
	}
	l.banksDecide()
	l.settle()
	for _, p := range l.load().Payments {
		l.act(func() error { _, err := l.service.RecheckPayment(l.ctx, auth.System, p.ID); return err })
	}
	l.settle()
	l.check()
	l.finished()
}

// modelTokens are all but sim_random, whose outcome a repeated life would not repeat.
var modelTokens = []string{
	simulated.TokenApprove, simulated.TokenApprove, simulated.TokenDecline, simulated.TokenRequiresAction, simulated.TokenRequiresAction,
	simulated.TokenTimeoutCharged, simulated.TokenTimeoutNotCharged, simulated.TokenErrorOnce, simulated.TokenDelayed, simulated.TokenDelayed,
}

// act does what somebody asks for, who may be refused.
func (l *life) act(do func() error) {
	err := do()
	if _, refused := fault.UserErrors(err); err != nil && !refused {
		l.wrong = append(l.wrong, err)
	}
}

// load gives the order as of now, attempts left out.
func (l *life) load() *order.Order {
	o, err := l.store.Order(l.ctx, auth.System, l.orderID)
	if err != nil {
		l.Fatal(err)
	}
	return o
}

// round lets a worker do what is due, after the leases of the dead have run out.
func (l *life) round(worker int) {
	l.endLeases()
	l.working = worker
	if err := l.workers[worker].Round(l.ctx); err != nil {
		l.wrong = append(l.wrong, err)
	}
}

func (l *life) endLeases() {
	if _, err := l.db.ExecContext(l.ctx, `UPDATE order_work SET leased_until = '-infinity' WHERE leased_until IS NOT NULL`); err != nil {
		l.wrong = append(l.wrong, err)
	}
}

// due returns the order's next timer, nil for none.
func (l *life) due() (due *time.Time) {
	var at []time.Time
	if err := l.db.SelectContext(l.ctx, &at, `SELECT due_at FROM order_work WHERE order_id = $1`, l.orderID); err != nil {
		l.Fatal(err)
	}
	if len(at) > 0 {
		due = &at[0]
	}
	return due
}

func (l *life) toNextTimer() {
	due := l.due()
	switch {
	case due != nil && due.After(l.now):
		l.now = due.UTC()
	case due != nil:
		l.now = l.now.Add(2 * time.Second) // what is due may wait for a probe of its provider
	}
}

// settle lets healthy workers and time do their work until nothing is due. Staff have what needs a person looked up again.
func (l *life) settle() {
	l.commits, l.calls = nil, nil
	for range 200 {
		if l.due() == nil || l.watches() {
			return
		}
		l.toNextTimer()
		l.round(0)
		l.bankPays()
		for _, p := range l.load().Payments {
			if p.Attention != nil && *p.Attention != payment.Disputed && *p.Attention != payment.RefundReversed {
				in := order.ResolveInput{PaymentInput: order.PaymentInput{PaymentID: p.ID}, Resolution: payment.Recheck}
				l.act(func() error { _, err := l.service.Resolve(l.ctx, modelStaff, in); return err })
			}
		}
	}
	l.Fatalf("the order does not become final: %+v", l.load().State)
}

// check holds the whole history against the rules, and the ledger against at most one charge.
func (l *life) check() {
	for _, err := range l.wrong {
		l.Fatal(err)
	}
	history, err := postgres.NewLog(l.db.API).Events(l.ctx, auth.System, l.orderID, 0, 1000)
	if err != nil {
		l.Fatal(err)
	}
	if err := ordertest.CheckHistory(history); err != nil {
		l.Fatal(err)
	}
	alive := 0
	if err := l.db.GetContext(l.ctx, &alive, `SELECT count(*) FROM simulated.charges c JOIN payments p ON p.id = c.payment_id
		WHERE c.order_id = $1 AND c.status = 'ACTION_REQUIRED' AND c.action_expires_at > now() AND p.status IN ('DECLINED', 'VOIDED', 'EXPIRED')`, l.orderID); err != nil || alive > 0 {
		l.Fatalf("%d payments have ended whose customer can still pay (%v)", alive, err)
	}
	kept, ledger, o := int64(0), l.ledger(), l.load()
	for _, b := range ledger {
		kept += b.Captured - b.Refunded - b.Disputed
	}
	if o.Status == order.Cancelled && kept > o.RefundPending && l.late+l.done[simulated.ActRefundFails]+l.done[simulated.ActCapture] == 0 {
		l.Fatalf("it is cancelled with %d pending, and the provider keeps %d: %+v", o.RefundPending, kept, ledger)
	}
}

// ledger gives what the provider has of each payment. It checks that at most one charge has money, unless the provider broke its
// word.
func (l *life) ledger() map[id.Payment]simulated.Balance {
	balances, err := l.provider.Ledger(l.ctx, simulated.Filter{OrderID: l.orderID})
	if err != nil {
		l.Fatal(err)
	}
	byPayment := map[id.Payment]simulated.Balance{}
	charges := 0
	for _, b := range balances {
		byPayment[b.PaymentID] = b
		charges += b.CapturedCharges
	}
	if charges > 1+l.late+l.done[simulated.ActCapture] {
		l.Fatalf("charged %d times, %d of them by the provider's fault: %+v", charges, l.late, balances)
	}
	return byPayment
}

// finished wants an end that the ledger agrees on.
func (l *life) finished() {
	o := l.load()
	disputed := slices.ContainsFunc(o.Payments, func(p payment.Payment) bool { return p.HasOpenDispute() })
	switch {
	case o.Status == order.Delivered || o.Status == order.Cancelled:
	case o.Status == order.Confirmed && o.DeliveryHold() != "": // visibly left to staff
	case o.Status == order.Cancelling && disputed: // until the bank has decided
	default:
		l.Fatalf("it ends %+v", o.State)
	}
	if o.RefundPending != 0 && !disputed {
		l.Fatalf("%d are still pending: %+v", o.RefundPending, o.State)
	}
	if o.Status == order.Cancelled && o.Captured > o.Refunded+o.RefundPending+o.Disputed && l.done[simulated.ActRefundFails] == 0 {
		l.Fatalf("it is cancelled and keeps money: %+v", o.State)
	}
	ledger := l.ledger()
	for _, p := range o.Payments {
		b := ledger[p.ID]
		if p.Captured != b.Captured || p.Refunded != b.Refunded || p.Disputed() != b.Disputed || b.Held != 0 || p.Status.Active() {
			l.Fatalf("the payment is %+v, the ledger has %+v", p, b)
		}
		if p.Attention != nil && *p.Attention != payment.Disputed && *p.Attention != payment.RefundReversed {
			l.Fatalf("the books agree, and the payment has attention %s: %+v", *p.Attention, p)
		}
	}
	l.bounded()
}

// bounded wants an order that does not grow with what happens at the provider: rows, and bytes of each event's state.
func (l *life) bounded() {
	var size struct {
		Attempts int `db:"attempts"`
		Refunds  int `db:"refunds"`
		Events   int `db:"events"`
		State    int `db:"state"`
	}
	if err := l.db.GetContext(l.ctx, &size, `SELECT
		(SELECT count(*) FROM payment_attempts WHERE order_id = $1) AS attempts, (SELECT count(*) FROM refunds WHERE order_id = $1) AS refunds,
		(SELECT count(*) FROM order_events WHERE order_id = $1) AS events,
		(SELECT max(octet_length(state::text)) FROM order_events WHERE order_id = $1) AS state`, l.orderID); err != nil {
		l.Fatal(err)
	}
	if size.Attempts > 100 || size.Refunds > 60 || size.Events > 150 || size.State > 24_000 {
		l.Fatalf("the order has grown: %+v", size)
	}
}
