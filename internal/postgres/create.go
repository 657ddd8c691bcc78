package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/batch"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// CreateOrder implements order.Store. The statement may run twice when its answer is lost (lib/pq issue 939): the second
// run finds the idempotency key and places nothing, and the key names our order, so it is ours.
func (s *Store) CreateOrder(ctx context.Context, p auth.Principal, o *order.Order, key order.Idempotency) (order.Outcome, error) {
	if o.CustomerID != p.CustomerID { // in a batch the wall lets one place what is another's
		return order.Outcome{}, fault.New(fault.Forbidden, "An order can only be placed for oneself.")
	}
	outcome, err := s.created.Do(ctx, createCall{principal: p, order: o, key: key})
	if !errors.Is(err, errKeyKnown) {
		return outcome, err
	}
	return s.replay(ctx, p, o, key)
}

// errKeyKnown: the key was there already, so nothing was placed by this statement.
var errKeyKnown = errors.New("idempotency key known")

// replay answers a create whose key is known: with the earlier order, or with our own when the first answer was lost.
func (s *Store) replay(ctx context.Context, p auth.Principal, o *order.Order, key order.Idempotency) (order.Outcome, error) {
	var known struct {
		Hash    []byte    `db:"request_hash"`
		OrderID uuid.UUID `db:"order_id"`
	}
	err := s.db.get(ctx, p, &known, `
		SELECT request_hash, order_id FROM idempotency_keys WHERE actor = $1 AND operation = $2 AND key = $3`,
		o.CustomerID, key.Operation, key.Key)
	if err != nil {
		return order.Outcome{}, err
	}
	if known.OrderID == o.ID {
		placed := s.placed(o)
		s.committed([]Committed{placed})
		return placed.Placed, nil
	}
	if string(known.Hash) != string(key.Hash[:]) {
		return order.Outcome{}, errKeyReused()
	}
	earlier, err := s.Order(ctx, p, known.OrderID)
	return order.Outcome{Order: earlier, EntityID: known.OrderID, Replayed: true}, err
}

func errKeyReused() error {
	return fault.User(fault.IdempotencyKeyReused, "This idempotency key was used for a different request; use a new key for a new request.", "input", "idempotencyKey")
}

func errKeyInProgress() error {
	return fault.User(fault.IdempotencyInProgress, "A request with this idempotency key is still running; repeat this one in a moment.", "input", "idempotencyKey")
}

// flushCreated places a batch. When the statement fails as a whole, each order is tried alone, so that its error is its
// own.
func (s *Store) flushCreated(calls []*batch.Call[createCall, order.Outcome]) {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	err := s.place(ctx, calls)
	switch {
	case err == nil:
	case len(calls) > 1 && ofOneCall(err):
		for i := range calls {
			s.flushCreated(calls[i : i+1])
		}
	case len(calls) == 1 && isCode(err, uniqueViolation, "orders_number_key"):
		calls[0].In.order.Number = id.Number() // one in 10^12: draw again
		s.flushCreated(calls)
	case len(calls) == 1 && isCode(err, lockNotAvailable, ""):
		calls[0].Err = errKeyInProgress()
	default:
		for _, c := range calls {
			c.Err = err
		}
	}
}

// place runs create.sql for the batch and settles its calls, or returns the statement's error.
func (s *Store) place(ctx context.Context, calls []*batch.Call[createCall, order.Outcome]) error {
	columns, err := newCreateColumns(calls)
	if err != nil {
		return err
	}
	leased := make(pq.BoolArray, len(calls))
	var fresh []uuid.UUID
	owners := make([]string, len(calls))
	for i, c := range calls {
		owners[i], leased[i] = ownerSetting(c.In.principal), s.leasesAtBirth(c.In.order)
	}
	if err := s.create.SelectContext(ctx, &fresh, append(columns.args(), leased, LeaseTime.Seconds(), settingOfAll(owners))...); err != nil {
		return err
	}
	placed := make(map[uuid.UUID]bool, len(fresh))
	for _, u := range fresh {
		placed[u] = true
	}
	committed := make([]Committed, 0, len(fresh))
	for _, c := range calls {
		o := c.In.order
		if !placed[o.ID] {
			c.Err = errKeyKnown
			continue
		}
		placed := s.placed(o)
		c.Out = placed.Placed
		committed = append(committed, placed)
	}
	s.committed(committed)
	return nil
}

// bornToken is the fencing token of the lease that an order is placed with: see create.sql.
const bornToken = -1

// placed is what the commit of a new order did.
func (s *Store) placed(o *order.Order) Committed {
	c := Committed{Events: o.Events(), DueAt: o.DueAt(), Placed: order.Outcome{Order: o, Revision: 1, EntityID: o.ID}}
	if s.leasesAtBirth(o) {
		c.DueAt, c.Lease = nil, &order.Lease{OrderID: o.ID, Token: bornToken}
	}
	return c
}

func (s *Store) leasesAtBirth(o *order.Order) bool { return s.leases && !o.DueAt().After(o.CreatedAt) }

// ownerSetting lets a call place orders of its principal's own, and no others: staff order for themselves, and so a batch of
// creates never needs somebody who sees all.
func ownerSetting(p auth.Principal) string {
	switch p.Role {
	case auth.RoleCustomer, auth.RoleStaff:
		return p.CustomerID.String()
	case auth.RoleSystem, auth.RoleAnonymous:
	}
	return ""
}

func (s *Store) committed(commits []Committed) {
	if len(commits) > 0 {
		s.notify(commits)
	}
}

// createColumns are the parameters of create.sql: one array per column, one element per order.
type createColumns struct {
	ids, numbers, customers, currencies          pq.StringArray
	totals                                       pq.Int64Array
	lines, metadata                              pq.StringArray
	notes, references                            []*string
	createdAt, expiresAt, nextStepAt             pq.StringArray
	payments, providers, captures, methods       pq.StringArray
	events, actorKinds, requestIDs, data, states pq.StringArray
	operations, keys                             pq.StringArray
	hashes                                       pq.ByteaArray
}

func newCreateColumns(calls []*batch.Call[createCall, order.Outcome]) (*createColumns, error) {
	c := &createColumns{}
	for i := range calls {
		o, key := calls[i].In.order, calls[i].In.key
		lines, err := json.Marshal(o.Lines)
		if err != nil {
			return nil, err
		}
		metadata := []byte("[]")
		if len(o.Metadata) > 0 {
			if metadata, err = json.Marshal(o.Metadata); err != nil {
				return nil, err
			}
		}
		event := &o.Events()[0]
		data, err := json.Marshal(event.Data)
		if err != nil {
			return nil, err
		}
		state, err := json.Marshal(event.Order.State)
		if err != nil {
			return nil, err
		}
		p := o.Payment()
		c.ids = append(c.ids, o.ID.String())
		c.numbers = append(c.numbers, o.Number)
		c.customers = append(c.customers, o.CustomerID.String())
		c.currencies = append(c.currencies, o.Total.Currency)
		c.totals = append(c.totals, o.Total.Minor)
		c.lines = append(c.lines, string(lines))
		c.notes = append(c.notes, o.Note)
		c.references = append(c.references, o.ExternalReference)
		c.metadata = append(c.metadata, string(metadata))
		c.createdAt = append(c.createdAt, timestamp(o.CreatedAt))
		c.expiresAt = append(c.expiresAt, timestamp(*o.ExpiresAt))
		c.payments = append(c.payments, p.ID.String())
		c.providers = append(c.providers, p.Provider)
		c.captures = append(c.captures, string(p.CaptureMethod))
		c.methods = append(c.methods, p.Method)
		c.nextStepAt = append(c.nextStepAt, timestamp(*p.NextStepAt))
		c.events = append(c.events, event.ID.String())
		c.actorKinds = append(c.actorKinds, string(event.Actor.Kind))
		c.requestIDs = append(c.requestIDs, event.RequestID)
		c.data = append(c.data, string(data))
		c.states = append(c.states, string(state))
		c.operations = append(c.operations, key.Operation)
		c.keys = append(c.keys, key.Key)
		c.hashes = append(c.hashes, key.Hash[:])
	}
	return c, nil
}

// args are in the order of create.sql's parameters.
func (c *createColumns) args() []any {
	return []any{
		c.ids, c.numbers, c.customers, c.currencies, c.totals, c.lines, pq.Array(c.notes), pq.Array(c.references), c.metadata,
		c.createdAt, c.expiresAt,
		c.payments, c.providers, c.captures, c.methods, c.nextStepAt,
		c.events, c.actorKinds, c.requestIDs, c.data, c.states,
		c.operations, c.keys, c.hashes,
	}
}

// timestamp in a form that PostgreSQL reads in any DateStyle.
func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
