package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq/oid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/groupcommit"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// LeaseTime is the time after which a lease expires without renewal: an order waits that long if its worker dies.
const LeaseTime = 5 * time.Second

// maxRounds bounds how often a change is retried because others changed the same order.
const maxRounds = 100

// changeAgain bounds how often the changes of a batch are applied again because an answer was lost.
const changeAgain = 3

// errTooBusy is returned after maxRounds.
var errTooBusy = fault.New(fault.Unavailable, "The order is being changed by too many others; try again.")

// ChangeOrder implements order.Store with optimistic concurrency: it loads the order, changes it in memory, and saves it if its
// revision is still the one that was loaded. Otherwise it starts again from the present order. So no lock is held while a change is
// applied, and each of the two steps is one statement for a whole batch.
//
// The save is repeated when its answer is lost. The second run finds another revision and saves nothing, and the change is applied
// to what the first run saved. So a change must be idempotent by the order's state, or carry an idempotency key.
func (s *Store) ChangeOrder(ctx context.Context, p auth.Principal, orderID id.Order, change order.Change) (order.Outcome, error) {
	return s.changed.Do(ctx, changeCall{principal: p, orderID: orderID, change: change})
}

// loaded is an order as load.sql found it.
type loaded struct {
	order    *order.Order
	revision order.Revision
	// keyHash and keyEntity are set when the change's idempotency key is known.
	keyHash   []byte
	keyEntity uuid.UUID
}

// changing is a call of the batch between load and save.
type changing struct {
	call     *groupcommit.Call[changeCall, order.Outcome]
	before   loaded
	after    *order.Order
	entityID uuid.UUID
	// lease is requested for this process if no worker holds the order; nil requests none. See LeaseDue.
	lease *order.Lease
}

// flushChanged works in rounds of at most one change per order. A change that lost a race is in the next round again.
func (s *Store) flushChanged(calls []*groupcommit.Call[changeCall, order.Outcome]) {
	ctx := ofMany
	waiting := calls
	lost := 0
	for round := 0; len(waiting) > 0; round++ {
		if round == maxRounds {
			for _, c := range waiting {
				c.Err = errTooBusy
			}
			return
		}
		now, later := oneRound(waiting)
		again, err := s.changeRound(ctx, now)
		switch {
		case err == nil:
		case len(now) > 1 && ofOneCall(err):
			for _, c := range now {
				alone, err := s.changeRound(ctx, []*groupcommit.Call[changeCall, order.Outcome]{c})
				if err != nil && !retryable(err) {
					c.Err = err
				} else if err != nil {
					again = append(again, c)
				}
				again = append(again, alone...)
			}
		case retryable(err):
			again = now
		case answerLost(err) && lost < changeAgain:
			lost++
			for _, c := range now {
				again = append(again, afresh(c))
			}
		default:
			for _, c := range now {
				c.Err = err
			}
		}
		waiting = append(again, later...)
	}
}

// retryable reports errors after which the next round, on the present orders, can succeed. The unique violation is an idempotency
// key that was committed for another order meanwhile; the next round finds it.
func retryable(err error) bool {
	return isCode(err, deadlockDetected, "") || isCode(err, serializationFailure, "") || isCode(err, uniqueViolation, "idempotency_keys_pkey")
}

// oneRound returns the calls of one round and those that have to wait: second and later changes of an order, and calls whose access
// differs from the first one's (all rows, or own rows), because app.principal holds for a whole statement.
func oneRound(calls []*groupcommit.Call[changeCall, order.Outcome]) (now, later []*groupcommit.Call[changeCall, order.Outcome]) {
	seen := make(map[id.Order]bool, len(calls))
	all := settingOf(calls[0].In.principal) == everybody
	for _, c := range calls {
		if seen[c.In.orderID] || (settingOf(c.In.principal) == everybody) != all {
			later = append(later, c)
			continue
		}
		seen[c.In.orderID] = true
		now = append(now, c)
	}
	return now, later
}

// changeRound loads, applies and saves. It completes calls that are done and returns those that lost a race.
func (s *Store) changeRound(ctx context.Context, calls []*groupcommit.Call[changeCall, order.Outcome]) (again []*groupcommit.Call[changeCall, order.Outcome], err error) {
	found, err := s.before(ctx, calls)
	if err != nil {
		return nil, err
	}
	var changes []changing
	for _, c := range calls {
		before, ok := found[c.In.orderID]
		// Row-level security cannot tell a batch's principals apart, so ownership is checked here.
		if !ok || !c.In.principal.CanSee(before.order.CustomerID) {
			c.Err = fault.New(fault.NotFound, "There is no such order.")
			continue
		}
		if before.keyHash != nil {
			c.Out, c.Err = replayOf(before, c.In.change.Key)
			continue
		}
		after := before.order.Clone()
		entityID, err := contained(c.In.change.Apply, after)
		same := err == nil && c.In.change.Lease == nil && reflect.DeepEqual(before.order, after)
		switch {
		case (err != nil || same) && c.In.change.From != nil:
			again = append(again, afresh(c))
		case err != nil:
			c.Err = err
		case same:
			c.Out = order.Outcome{Order: after, EntityID: entityID} // a no-op
		default:
			ch := changing{call: c, before: before, after: after, entityID: entityID}
			if s.leases && c.In.change.Lease == nil && due(after, s.clock.Now()) {
				ch.lease = &order.Lease{OrderID: after.ID, Token: newToken()}
			}
			changes = append(changes, ch)
		}
	}
	if len(changes) == 0 {
		return again, nil
	}
	saved, err := s.save(ctx, changes)
	if err != nil {
		return nil, err
	}
	var commits []Committed
	for i := range changes {
		ch := &changes[i]
		token, ok := saved[ch.after.ID]
		if !ok {
			// Another change was first, or the lease is lost.
			if lease := ch.call.In.change.Lease; lease != nil && !s.holds(ctx, ch.call.In.principal, lease) {
				ch.call.Err = order.ErrLeaseLost
				continue
			}
			again = append(again, afresh(ch.call))
			continue
		}
		revision := ch.before.revision
		revision.Number++
		ch.call.Out = order.Outcome{Order: ch.after, Revision: revision, EntityID: ch.entityID}
		commit := Committed{Events: ch.after.Events(), DueAt: ch.after.DueAt(), Outcome: ch.call.Out}
		switch lease := ch.call.In.change.Lease; {
		case lease != nil && lease.Hold:
			commit.DueAt = nil
		case ch.lease != nil && ch.lease.Token == token:
			commit.DueAt, commit.Lease = nil, ch.lease
		}
		commits = append(commits, commit)
	}
	s.committed(commits)
	return again, nil
}

// newToken returns a random fencing token for a lease that this process requests. It is negative, and so never one of order_work_token.
func newToken() int64 { return ^rand.Int64() } //nolint:gosec // it must be new, not secret

// afresh returns the call without its From, so that its next round loads the order.
func afresh(c *groupcommit.Call[changeCall, order.Outcome]) *groupcommit.Call[changeCall, order.Outcome] {
	c.In.change.From = nil
	return c
}

// contained turns a panic of a change into an error, so that the other calls of the batch continue.
func contained(apply func(*order.Order) (uuid.UUID, error), o *order.Order) (entityID uuid.UUID, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("changing order %s panicked: %v\n%s", o.ID, r, debug.Stack())
		}
	}()
	return apply(o)
}

func replayOf(before loaded, key order.Idempotency) (order.Outcome, error) {
	if string(before.keyHash) != string(key.Hash[:]) {
		return order.Outcome{}, errKeyReused()
	}
	return order.Outcome{Order: before.order, EntityID: before.keyEntity, Replayed: true}, nil
}

// holds reports whether the lease's token is still the current one of its order.
func (s *Store) holds(ctx context.Context, p auth.Principal, lease *order.Lease) bool {
	var held bool
	err := s.db.get(ctx, p, &held, `SELECT EXISTS (SELECT FROM order_work WHERE order_id = $1 AND token = $2)`, lease.OrderID, lease.Token)
	return err == nil && held
}

// before returns each call's state before the change: Change.From, else loaded by load.sql.
func (s *Store) before(ctx context.Context, calls []*groupcommit.Call[changeCall, order.Outcome]) (map[id.Order]loaded, error) {
	var unknown []*groupcommit.Call[changeCall, order.Outcome]
	for _, c := range calls {
		if from := c.In.change.From; from == nil || from.Revision == (order.Revision{}) {
			c.In.change.From = nil
			unknown = append(unknown, c)
		}
	}
	found := map[id.Order]loaded{}
	if len(unknown) > 0 {
		var err error
		if found, err = s.loadForChange(ctx, unknown); err != nil {
			return nil, err
		}
	}
	for _, c := range calls {
		if from := c.In.change.From; from != nil {
			// A clone has no events, like a loaded order.
			found[c.In.orderID] = loaded{order: from.Order.Clone(), revision: from.Revision}
		}
	}
	return found, nil
}

func (s *Store) loadForChange(ctx context.Context, calls []*groupcommit.Call[changeCall, order.Outcome]) (map[id.Order]loaded, error) {
	n := len(calls)
	settings := make([]string, n)
	ids, viewers, actors := newArray(oid.T_uuid, n, 16), newArray(oid.T_uuid, n, 16), newArray(oid.T_uuid, n, 16)
	operations, keys := newArray(oid.T_text, n, 16), newArray(oid.T_text, n, 40)
	for i, c := range calls {
		settings[i] = settingOf(c.In.principal)
		ids.addUUID(uuid.UUID(c.In.orderID))
		addNullableUUID(&viewers, viewerArg(c.In.principal))
		actors.addUUID(uuid.UUID(c.In.principal.CustomerID))
		operations.addText(c.In.change.Key.Operation)
		keys.addText(c.In.change.Key.Key)
	}
	var rows []struct {
		Order       storedOrder    `db:"stored"`
		Attempts    storedAttempts `db:"attempts"`
		Revision    int64          `db:"revision"`
		Server      time.Time      `db:"server"`
		CancelNote  *string        `db:"cancel_note"`
		RequestHash []byte         `db:"request_hash"`
		EntityID    *uuid.UUID     `db:"entity_id"`
	}
	if err := s.load.SelectContext(ctx, &rows, ids, viewers, actors, operations, keys, settingOfAll(settings)); err != nil {
		return nil, err
	}
	found := make(map[id.Order]loaded, len(rows))
	for i := range rows {
		r := &rows[i]
		o := r.Order.Order
		o.CancelNote = r.CancelNote
		if err := o.AttachAttempts(r.Attempts); err != nil {
			return nil, fmt.Errorf("order %s: %w", o.ID, err)
		}
		l := loaded{order: o, revision: order.Revision{Number: r.Revision, Server: r.Server.UTC()}, keyHash: r.RequestHash}
		if r.EntityID != nil {
			l.keyEntity = *r.EntityID
		}
		found[o.ID] = l
	}
	return found, nil
}
