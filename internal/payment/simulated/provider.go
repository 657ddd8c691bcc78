// Package simulated is a payment provider that moves no real money: every way a payment can go is chosen by its token,
// and a persistent ledger of its own records what was really charged.
//
// The ledger (schema "simulated") is written in the provider's own transactions, never in the caller's. So when the
// caller is killed anywhere, ledger and shop can be compared: what was charged against what the shop believes. Like a
// real provider it acts once per idempotency key, and like a real one it does not stop a caller who charges twice under
// two keys: the ledger shows it instead.
//
// New works in the caller's process; Handler puts the same provider behind HTTP and Client speaks to it.
//
// Others move money there, too: Outside is what a merchant does in its dashboard, and what banks do later.
//
// What a repeat and a look-up answer differs on purpose, as at real providers: a repeated call gives the answer that its
// key was given first, LookUp gives the state of the charge now.
package simulated

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/groupcommit"
	"github.com/orderwire/orderwire/internal/payment"
)

// Name of the provider, in Payment.provider and in webhook paths.
const Name = "simulated"

// Options of a Provider. The zero value is right for most.
type Options struct {
	// ActionExpiry is the time in which the customer of a sim_requires_action payment has to act. Default 15 minutes.
	ActionExpiry time.Duration
	// TimeoutHold is the time for which the HTTP face delays the 504 of a call that should time out. A caller
	// with a shorter deadline sees its own timeout. Default 200 milliseconds. In-process calls fail at once.
	TimeoutHold time.Duration
	// PublicURL is the URL of Pages, such as http://127.0.0.1:8081: what a payment's action points to. Without it
	// an action has no address, and only Complete ends it.
	PublicURL string
	// Webhooks says what is sent by itself, and whom to believe.
	Webhooks Webhooks
	// Amounts that a payment can have, in minor units of whatever currency. The zero value does not limit.
	Amounts payment.Amounts
	// Latency of every call but Complete. Default none.
	Latency Latency
	// FailureRate is the part of calls, from 0 to 1, that get no answer: half of them before and half after the ledger is
	// written, half as timeouts and half as server errors. Complete is spared.
	FailureRate float64
	// Seed picks the latencies and failures of another run.
	Seed int64
}

const (
	defaultActionExpiry = 15 * time.Minute
	defaultTimeoutHold  = 200 * time.Millisecond
	prepareTimeout      = 15 * time.Second
)

// Provider is the simulated provider over its ledger. It is safe for concurrent use, also by several processes on one
// database.
type Provider struct {
	db   *sqlx.DB
	opts Options
	stmt statements
	// authorizations of the same moment are one statement.
	authorizations *groupcommit.Group[authorization, answer]
	// actionKey makes the addresses of the pages.
	actionKey []byte
	// outbox tells SendWebhooks that there is something to send.
	outbox     chan struct{}
	deliveries *http.Client
	// lookUps counts them: look-ups leave no trace in the ledger, and have to fail one by one all the same.
	lookUps atomic.Int64
}

// statements are prepared once: unprepared, lib/pq needs two round trips for each.
type statements struct {
	authorize, claim, charges, move, finish, lookUp, lockPayment *sqlx.Stmt
}

// New opens the provider over a database that Migrate has brought up to date. It keeps prepared statements; Close
// releases them. The database stays the caller's.
func New(db *sqlx.DB, opts Options) (*Provider, error) {
	if opts.ActionExpiry <= 0 {
		opts.ActionExpiry = defaultActionExpiry
	}
	if opts.TimeoutHold <= 0 {
		opts.TimeoutHold = defaultTimeoutHold
	}
	opts.Webhooks = opts.Webhooks.withDefaults()
	if err := errors.Join(checkFaults(opts), opts.Webhooks.check()); err != nil {
		return nil, err
	}
	p := &Provider{db: db, opts: opts, outbox: make(chan struct{}, 1), deliveries: newDeliveries(opts.Webhooks.TLS)}
	ctx, cancel := context.WithTimeout(context.Background(), prepareTimeout)
	defer cancel()
	for _, s := range []struct {
		target **sqlx.Stmt
		query  string
	}{
		{&p.stmt.authorize, authorizeSQL},
		{&p.stmt.claim, claimSQL},
		{&p.stmt.charges, chargesSQL},
		{&p.stmt.move, moveSQL},
		{&p.stmt.finish, finishSQL},
		{&p.stmt.lookUp, lookUpSQL},
		{&p.stmt.lockPayment, lockPaymentSQL},
	} {
		prepared, err := db.PreparexContext(ctx, s.query) //nolint:sqlclosecheck // Close closes it
		if err != nil {
			return nil, errors.Join(fmt.Errorf("simulated provider: prepare (has Migrate run?): %w", err), p.Close())
		}
		*s.target = prepared
	}
	if err := db.GetContext(ctx, &p.actionKey, `SELECT value FROM simulated.secrets WHERE name = 'action'`); err != nil {
		return nil, errors.Join(fmt.Errorf("simulated provider: %w", err), p.Close())
	}
	p.authorizations = groupcommit.New(authorizers, maxAuthorizations, p.authorizeAll)
	return p, nil
}

// Close releases the prepared statements and idle connections. SendWebhooks must have ended. Calls under way may fail.
func (p *Provider) Close() error {
	if p.authorizations != nil {
		p.authorizations.Close()
	}
	var errs []error
	p.deliveries.CloseIdleConnections()
	s := p.stmt
	for _, stmt := range []*sqlx.Stmt{s.authorize, s.claim, s.charges, s.move, s.finish, s.lookUp, s.lockPayment} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	return errors.Join(errs...)
}

// unavailable turns a failure of the ledger's database into an unknown outcome: a commit may have happened.
func unavailable(err error) *UnavailableError {
	if errors.Is(err, context.DeadlineExceeded) {
		return &UnavailableError{Code: CodeTimeout, cause: err}
	}
	return &UnavailableError{Code: CodeServerError, cause: err}
}
