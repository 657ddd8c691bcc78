package webhookinbox_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/webhookinbox"
)

// bundle is an inbox over a fresh database, with a recheck that remembers its calls.
type bundle struct {
	db      *postgrestest.DB
	store   *postgres.Inbox
	orders  *postgres.Store
	counts  *webhookinbox.Counts
	log     *logBuffer
	recheck func(ctx context.Context, paymentID id.Payment) error

	mu      sync.Mutex
	checked []id.Payment
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{db: postgrestest.Open(t), counts: &webhookinbox.Counts{}, log: &logBuffer{}}
	b.store = postgres.NewInbox(b.db.Worker)
	b.orders = postgrestest.Store(t, b.db.Worker, nil)
	b.recheck = func(context.Context, id.Payment) error { return nil }
	return b
}

func (b *bundle) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (b *bundle) processor() *webhookinbox.Processor {
	return webhookinbox.NewProcessor(webhookinbox.ProcessorConfig{
		Store: b.store, Counts: b.counts, Log: b.logger(),
		RequestRecheck: func(ctx context.Context, paymentID id.Payment) error {
			b.mu.Lock()
			b.checked = append(b.checked, paymentID)
			b.mu.Unlock()
			return b.recheck(ctx, paymentID)
		},
	})
}

// rechecked returns the number of rechecks of the payment.
func (b *bundle) rechecked(paymentID id.Payment) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range b.checked {
		if one == paymentID {
			n++
		}
	}
	return n
}

// payment places an order and returns its payment.
func (b *bundle) payment(t *testing.T) payment.Payment {
	t.Helper()
	customer := auth.Principal{CustomerID: id.ForCustomer("test", "ada"), Role: auth.RoleCustomer}
	price := money.New(1800, "EUR")
	policy := order.Policy{Expiry: time.Hour, StepDelay: time.Hour}
	o := order.New(order.Cause{Now: order.SystemClock(), Actor: order.Actor{Kind: order.ActorCustomer, ID: customer.CustomerID}}, policy, order.Draft{
		Head: order.Head{
			CustomerID: customer.CustomerID, Total: price,
			Lines: []order.Line{{ProductID: id.New[id.Product](), Name: "Mug", Quantity: 1, UnitPrice: price, Total: price}},
		},
		Method: order.PaymentMethod{Provider: "acme", Capture: payment.CaptureAutomatic},
	})
	outcome, err := b.orders.CreateOrder(t.Context(), customer, o, order.Idempotency{Operation: "orderCreate", Key: uuid.NewString()})
	if err != nil {
		t.Fatal(err)
	}
	return outcome.Order.Payments[0]
}

// charged makes the payment's charge known, as the answer to our call does.
func (b *bundle) charged(t *testing.T, p payment.Payment, reference string) {
	t.Helper()
	_, err := b.orders.ChangeOrder(t.Context(), auth.System, p.OrderID, order.Change{Apply: func(o *order.Order) (uuid.UUID, error) {
		o.Payments[0].Reference = reference
		return uuid.Nil, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) put(t *testing.T, n payment.Notice) bool {
	t.Helper()
	fresh, err := b.store.Put(t.Context(), "acme", n)
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

func (b *bundle) step(t *testing.T, p *webhookinbox.Processor) bool {
	t.Helper()
	full, err := webhookinbox.Step(p, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return full
}

// due makes everything that waits due now, as the time does.
func (b *bundle) due(t *testing.T) {
	t.Helper()
	if _, err := b.db.ExecContext(t.Context(), `UPDATE webhook_inbox SET due_at = '-infinity' WHERE due_at IS NOT NULL`); err != nil {
		t.Fatal(err)
	}
}

// row is an event as stored.
type row struct {
	Status   webhookinbox.Status `db:"status"`
	Claims   int                 `db:"claims"`
	Message  string              `db:"message"`
	Finished bool                `db:"finished"`
}

func (b *bundle) row(t *testing.T, eventID string) (r row) {
	t.Helper()
	err := b.db.GetContext(t.Context(), &r, `
		SELECT status, claims, message, finished_at IS NOT NULL AS finished FROM webhook_inbox WHERE event_id = $1`, eventID)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (b *bundle) rows(t *testing.T) (n int) {
	t.Helper()
	if err := b.db.GetContext(t.Context(), &n, `SELECT count(*) FROM webhook_inbox`); err != nil {
		t.Fatal(err)
	}
	return n
}

// logBuffer collects the log.
type logBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}
