// Package pipeline carries orders through their steps: it claims what is due, makes the provider calls, and commits their results.
// All decisions are package order's; here is only the doing.
//
// Killed at any moment, nothing is lost and nothing is done twice: what is due stands in the database, a call's key is
// committed before the call, and its result is committed with its event and the next timer in one statement. A worker
// that died is noticed when its lease runs out; a worker that was only slow finds its token outdated.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/requestid"
)

const (
	// slots is the number of orders of a lane in work at the same time.
	slots = 128
	// maxSubmitted bounds the submitted orders that wait for a slot. Further ones are left until their leases expire and a worker
	// with a free slot claims them: a backlog belongs in the database.
	maxSubmitted = slots
	// pollInterval is the interval at which we look for work without a wake-up: that of another replica that died.
	pollInterval = 500 * time.Millisecond
	// renewInterval is well below the store's lease time.
	renewInterval = time.Second
	// callTimeout ends a provider call; its outcome is then unknown.
	callTimeout = 10 * time.Second
	// errorPause keeps a failing database from being hammered.
	errorPause = 250 * time.Millisecond
)

// Store has the database methods that the pipeline needs.
type Store interface {
	// ClaimDue leases orders that are due at now, and on the database's clock, up to a limit for each lane.
	ClaimDue(ctx context.Context, now time.Time, wants []order.Want) ([]order.Lease, error)
	RenewLeases(ctx context.Context, leases []order.Lease) error
	// NextDue returns for each lane that has orders when the earliest unclaimed timer runs out.
	NextDue(ctx context.Context) (map[string]time.Time, error)
	// CausedBy returns the id of the request that has changed the order last, "" when that is not known.
	CausedBy(ctx context.Context, orderID id.Order) (string, error)
	ChangeOrder(ctx context.Context, p auth.Principal, orderID id.Order, change order.Change) (order.Outcome, error)
}

// Worker runs the pipeline in one process. Any number may run on one database.
type Worker struct {
	store     Store
	providers *payment.Registry
	policy    order.Policy
	clock     order.Clock
	log       *slog.Logger
	// installation marks the charges that are made.
	installation uuid.UUID

	wake chan time.Time
	busy sync.WaitGroup

	mu    sync.Mutex
	held  map[leaseKey]held
	lanes map[string]*lane // by provider; that of orders which need none is ""
	// submitted is the number of submitted orders that wait for a slot.
	submitted int
	// stopping is closed when no more is begun, under mu.
	stopping chan struct{}
}

// leaseKey names a lease: one that has run out and the next one of its order may be held at the same time.
type leaseKey struct {
	orderID id.Order
	token   int64
}

func keyOf(l order.Lease) leaseKey { return leaseKey{l.OrderID, l.Token} }

// held is a lease and when it was taken.
type held struct {
	lease order.Lease
	since time.Time
}

// Option changes how a worker works from its start.
type Option func(*Worker)

// MarkCharges marks each charge with the installation, so that the provider's books can be compared with this database's.
func MarkCharges(installation uuid.UUID) Option {
	return func(w *Worker) { w.installation = installation }
}

// New returns a worker; Run starts it.
func New(store Store, providers *payment.Registry, policy order.Policy, clock order.Clock, log *slog.Logger, options ...Option) *Worker {
	w := &Worker{
		store: store, providers: providers, policy: policy, clock: clock, log: log,
		wake: make(chan time.Time, 64),
		held: map[leaseKey]held{}, lanes: map[string]*lane{},

		stopping: make(chan struct{}),
	}
	w.policy.KeyLife = providers.KeyLife
	for _, name := range append(providers.Names(), "") {
		w.lanes[name] = newLane(name)
	}
	for _, option := range options {
		option(w)
	}
	return w
}

// Wake tells that an order is due at the given time. It never blocks; a hint that is lost costs at most the poll
// interval.
func (w *Worker) Wake(due time.Time) {
	select {
	case w.wake <- due:
	default:
	}
}

// Run works until ctx ends, then finishes what it holds. Errors are logged and tried again; it returns nil.
func (w *Worker) Run(ctx context.Context) error {
	renewing, stopRenewing := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.renew(renewing)
	}()
	for ctx.Err() == nil {
		next := w.clock().Add(pollInterval)
		full, err := w.claim(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			w.log.ErrorContext(ctx, "claiming due orders failed", "error", err)
			next = w.clock().Add(errorPause)
		case err == nil && full:
			continue
		case err == nil:
			next = w.nextDue(ctx, next)
		}
		w.sleep(ctx, next)
	}
	w.mu.Lock()
	close(w.stopping)
	w.mu.Unlock()
	w.busy.Wait()
	stopRenewing()
	<-done
	return nil
}

// sleep waits until the given time, or an earlier one that Wake tells.
func (w *Worker) sleep(ctx context.Context, until time.Time) {
	timer := time.NewTimer(until.Sub(w.clock()))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case due := <-w.wake:
			if due.Before(until) {
				until = due
				timer.Reset(until.Sub(w.clock()))
			}
		}
	}
}

// nextDue returns when an order becomes due that could be claimed, or the given time if that is earlier.
func (w *Worker) nextDue(ctx context.Context, next time.Time) time.Time {
	due, err := w.store.NextDue(ctx)
	if err != nil {
		return next // claiming finds the same error, and logs it
	}
	for name, at := range due {
		if at.Before(next) && w.lane(name).available(w.clock()) {
			next = at
		}
	}
	return next
}

// claim leases due orders, as many of each lane as it has free slots, and starts on them. It reports whether there may be more.
func (w *Worker) claim(ctx context.Context) (full bool, err error) {
	now := w.clock()
	passes := map[string][]*pass{}
	var wants []order.Want
	for _, l := range w.allLanes() {
		if entered := l.enter(now, slots); len(entered) > 0 {
			passes[l.name] = entered
			wants = append(wants, order.Want{Lane: l.name, Limit: len(entered)})
		}
	}
	if len(wants) == 0 {
		return false, nil
	}
	leases, err := w.store.ClaimDue(ctx, now, wants)
	for _, lease := range leases {
		rest := passes[lease.Lane]
		v := &visit{w: w, passes: rest[:1:1]}
		if passes[lease.Lane] = rest[1:]; len(rest) == 1 {
			full = true
		}
		w.hold(lease)
		w.busy.Go(func() {
			defer v.leave()
			defer w.release(lease)
			w.work(context.WithoutCancel(ctx), lease, nil, v)
		})
	}
	for _, rest := range passes {
		for _, p := range rest {
			p.leave()
		}
	}
	return full, err
}

// Submit continues an order that was committed with a lease for this worker, as soon as there is a slot. It does not block. An order
// above maxSubmitted, or without a slot when the worker stops, is left alone: its lease expires, and another worker claims it.
func (w *Worker) Submit(lease order.Lease, committed order.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.stopping:
		return
	default:
	}
	if w.submitted == maxSubmitted {
		return
	}
	w.submitted++
	w.held[keyOf(lease)] = held{lease, time.Now()}
	w.busy.Go(func() {
		defer w.release(lease)
		v := &visit{w: w}
		stopped := !w.slot(v)
		w.mu.Lock()
		w.submitted--
		w.mu.Unlock()
		if stopped {
			return
		}
		defer v.leave()
		w.work(context.Background(), lease, &committed, v)
	})
}

// slot waits for a slot of the lane of orders that need no provider; false when the worker stops first.
func (w *Worker) slot(v *visit) bool {
	l := w.lane("")
	select {
	case <-l.free:
		v.passes = []*pass{{lane: l}}
		return true
	case <-w.stopping:
		return false
	}
}

// work advances one order until nothing of it is due, or what is due waits for a provider that cannot be asked now. known is this
// process's last commit of the order, if any.
func (w *Worker) work(ctx context.Context, lease order.Lease, known *order.Outcome, v *visit) {
	defer func() {
		if r := recover(); r != nil {
			// The lease runs out and the order is tried again; the others continue.
			w.log.ErrorContext(w.caused(ctx, lease.OrderID, known), "advancing an order panicked", "order", lease.OrderID, "panic", r, "stack", string(debug.Stack()))
		}
	}()
	var answered *answer
	for {
		var todo *payment.Work
		outcome, err := w.store.ChangeOrder(ctx, auth.System, lease.OrderID, order.Change{Lease: &lease, From: known, Apply: func(o *order.Order) (uuid.UUID, error) {
			c := order.Cause{Now: w.clock()}
			if answered != nil {
				if err := o.Settle(c, w.policy, answered.work, answered.result, answered.err); err != nil {
					return uuid.Nil, err
				}
			}
			var err error
			todo, err = o.AdvanceIf(c, w.policy, v.mayAsk)
			lease.Hold = todo != nil
			return uuid.Nil, err
		}})
		switch {
		case errors.Is(err, order.ErrLeaseLost):
			return
		case err != nil:
			// The lease runs out and the order is tried again.
			w.log.ErrorContext(w.caused(ctx, lease.OrderID, known), "advancing an order failed", "order", lease.OrderID, "error", err)
			return
		case todo == nil:
			return
		}
		known = &outcome
		answered = w.perform(ctx, todo)
		v.called(ctx, todo.Provider, answered)
	}
}

// causeTimeout bounds the look for the request that an entry of the log is about.
const causeTimeout = 2 * time.Second

// caused returns ctx with the id of the request that the work on an order follows from, for the log: that of the order's last
// event which a request made. It is looked for only when there is something to log, and left out when it cannot be had.
func (w *Worker) caused(ctx context.Context, orderID id.Order, known *order.Outcome) context.Context {
	if known != nil && known.Order != nil {
		for _, e := range slices.Backward(known.Order.Events()) {
			if e.RequestID != "" {
				return requestid.NewContext(ctx, e.RequestID)
			}
		}
	}
	looking, cancel := context.WithTimeout(ctx, causeTimeout)
	defer cancel()
	if id, err := w.store.CausedBy(looking, orderID); err == nil && id != "" {
		return requestid.NewContext(ctx, id)
	}
	return ctx
}

// answer is the provider's answer to a call.
type answer struct {
	work   *payment.Work
	result payment.Result
	err    error
}

// perform calls the payment's provider once. After a call without an answer it looks the operation up first, and calls only if the provider
// does not know it, or has prepared the charge under the reference that is already stored.
func (w *Worker) perform(ctx context.Context, todo *payment.Work) *answer {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	a := &answer{work: todo}
	provider, err := w.providers.Of(todo.Provider)
	if err != nil {
		a.err = err
		return a
	}
	gateway, call := provider.Gateway, todo.Call
	call.Installation = w.installation
	if todo.LookUpFirst || todo.LookUpOnly {
		a.result, a.err = gateway.LookUp(ctx, call)
		prepared := a.result.Outcome == payment.Prepared && a.result.Reference == todo.Call.Reference
		if todo.LookUpOnly || a.err != nil || a.result.Outcome != payment.NotFound && !prepared {
			return a
		}
	}
	switch todo.Call.Operation {
	case payment.OperationAuthorize:
		a.result, a.err = gateway.Authorize(ctx, call)
	case payment.OperationCapture:
		a.result, a.err = gateway.Capture(ctx, call)
	case payment.OperationVoid:
		a.result, a.err = gateway.Void(ctx, call)
	case payment.OperationRefund:
		a.result, a.err = gateway.Refund(ctx, call)
	default:
		a.err = fmt.Errorf("unknown operation %q", call.Operation)
	}
	return a
}

func (w *Worker) hold(lease order.Lease) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held[keyOf(lease)] = held{lease, time.Now()}
}

func (w *Worker) release(lease order.Lease) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.held, keyOf(lease))
}

// renew prolongs the leases of orders that are worked on for longer, in one statement, so that a lease can be short.
func (w *Worker) renew(ctx context.Context) {
	ticker := time.NewTicker(renewInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		w.mu.Lock()
		leases := make([]order.Lease, 0, len(w.held))
		for _, h := range w.held {
			if time.Since(h.since) >= renewInterval { // a younger one has time until the next tick
				leases = append(leases, h.lease)
			}
		}
		w.mu.Unlock()
		if len(leases) == 0 {
			continue
		}
		if err := w.store.RenewLeases(ctx, leases); err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "renewing leases failed", "error", err)
		}
	}
}
