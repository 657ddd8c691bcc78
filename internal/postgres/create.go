package postgres

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq/oid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/groupcommit"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// CreateOrder implements order.Store. The statement is repeated when its answer is lost: the second run finds the idempotency
// key and places nothing. The key then names this order, so the first run placed it.
func (s *Store) CreateOrder(ctx context.Context, p auth.Principal, o *order.Order, key order.Idempotency) (order.Outcome, error) {
	if o.CustomerID != p.CustomerID { // row-level security cannot tell the principals of a batch apart
		return order.Outcome{}, fault.New(fault.Forbidden, "An order can only be placed for oneself.")
	}
	outcome, err := s.created.Do(ctx, createCall{principal: p, order: o, key: key})
	refused, tooMany := errors.AsType[*order.TooManyAttempts](err)
	if !tooMany && !errors.Is(err, errKeyKnown) {
		return outcome, err
	}
	if !tooMany {
		s.ReturnAttempt(ctx, p) // a replay is no attempt, but the statement counts before it finds the key
	}
	known, err := s.knownKey(ctx, p, key)
	switch {
	case tooMany && errors.Is(err, sql.ErrNoRows):
		return order.Outcome{}, refused
	case err != nil:
		return order.Outcome{}, err
	case known.OrderID == o.ID: // the first answer was lost
		placed := s.placed(o, order.Revision{})
		s.committed([]Committed{placed})
		return placed.Outcome, nil
	}
	return s.replay(ctx, p, key, known)
}

// errKeyKnown says that the key exists, so the statement has placed nothing.
var errKeyKnown = errors.New("idempotency key known")

// EarlierOrder implements order.Store.
func (s *Store) EarlierOrder(ctx context.Context, p auth.Principal, key order.Idempotency) (order.Outcome, error) {
	known, err := s.knownKey(ctx, p, key)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return order.Outcome{}, fault.New(fault.NotFound, "There is no such idempotency key.")
	case err != nil:
		return order.Outcome{}, err
	}
	return s.replay(ctx, p, key, known)
}

// knownKey is a stored idempotency key.
type knownKey struct {
	Hash    []byte   `db:"request_hash"`
	OrderID id.Order `db:"order_id"`
}

func (s *Store) knownKey(ctx context.Context, p auth.Principal, key order.Idempotency) (known knownKey, err error) {
	err = s.db.get(ctx, p, &known, `
		SELECT request_hash, order_id FROM idempotency_keys WHERE actor = $1 AND operation = $2 AND key = $3`,
		p.CustomerID, key.Operation, key.Key)
	return known, err
}

// replay returns the earlier order of a known key.
func (s *Store) replay(ctx context.Context, p auth.Principal, key order.Idempotency, known knownKey) (order.Outcome, error) {
	if string(known.Hash) != string(key.Hash[:]) {
		return order.Outcome{}, errKeyReused()
	}
	earlier, err := s.Order(ctx, p, known.OrderID)
	return order.Outcome{Order: earlier, EntityID: uuid.UUID(known.OrderID), Replayed: true}, err
}

func errKeyReused() error {
	return fault.User(fault.IdempotencyKeyReused, "This idempotency key was used for a different request; use a new key for a new request.", "input", "idempotencyKey")
}

func errKeyInProgress() error {
	return fault.User(fault.IdempotencyInProgress, "A request with this idempotency key is still running; repeat this one in a moment.", "input", "idempotencyKey")
}

// createAgain bounds how often a batch is repeated after a deadlock, a serialization failure or a lost answer.
const createAgain = 3

// flushCreated places a batch. If the statement fails as a whole, it tries each order alone, so that each caller gets the error of
// its own order.
func (s *Store) flushCreated(calls []*groupcommit.Call[createCall, order.Outcome]) {
	err := s.place(ofMany, calls)
	for again := 0; again < createAgain && (answerLost(err) || isCode(err, deadlockDetected, "") || isCode(err, serializationFailure, "")); again++ {
		err = s.place(ofMany, calls)
	}
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

// place runs create.sql for the batch and completes its calls, or returns the statement's error. It rejects orders with stale prices
// and places the others without them.
func (s *Store) place(ctx context.Context, calls []*groupcommit.Call[createCall, order.Outcome]) error {
	input := newCreateInput(len(calls))
	owners := make([]string, len(calls))
	for i, c := range calls {
		owners[i] = ownerSetting(c.In.principal)
		input.add(&c.In, s.leases && due(c.In.order, c.In.order.CreatedAt))
	}
	var rows []struct {
		ID       uuid.UUID `db:"id"`       // the order's, or a changed product's
		Revision *int64    `db:"revision"` // a product's that has changed; NULL of an order that was placed
		Server   time.Time `db:"server"`
		Wait     *float64  `db:"wait"` // seconds; of an order that was one attempt too many
		Limit    *string   `db:"limited_by"`
	}
	text, args := s.createStatement(input, settingOfAll(owners))
	stmt, err := s.db.prepared(ctx, text) //nolint:sqlclosecheck // it is kept
	if err != nil {
		return err
	}
	if err := stmt.SelectContext(ctx, &rows, args...); err != nil {
		return err
	}
	placed, changed := make(map[id.Order]order.Revision, len(rows)), map[productRevision]bool{}
	refused := map[id.Order]*order.TooManyAttempts{}
	for _, r := range rows {
		switch {
		case r.Revision != nil:
			changed[productRevision{id.Product(r.ID), *r.Revision}] = true
		case r.Wait != nil:
			refused[id.Order(r.ID)] = &order.TooManyAttempts{Limit: order.AttemptLimit(*r.Limit), Wait: time.Duration(*r.Wait * float64(time.Second))}
		default:
			placed[id.Order(r.ID)] = order.Revision{Number: 1, Server: r.Server.UTC()}
		}
	}
	if len(changed) > 0 {
		rest := slices.DeleteFunc(slices.Clone(calls), func(c *groupcommit.Call[createCall, order.Outcome]) bool {
			stale := slices.ContainsFunc(c.In.order.Lines, func(l order.Line) bool { return changed[productRevision{l.ProductID, l.Revision}] })
			if stale {
				c.Err = order.ErrPricesChanged
			}
			return stale
		})
		if len(rest) == 0 {
			return nil
		}
		return s.place(ctx, rest)
	}
	committed := make([]Committed, 0, len(placed))
	for _, c := range calls {
		o := c.In.order
		if refused[o.ID] != nil {
			c.Err = refused[o.ID]
			continue
		}
		revision, ok := placed[o.ID]
		if !ok {
			c.Err = errKeyKnown
			continue
		}
		commit := s.placed(o, revision)
		c.Out = commit.Outcome
		committed = append(committed, commit)
	}
	s.committed(committed)
	s.placeAlone(ctx, calls, refused)
	return nil
}

// placeAlone retries orders one by one that were refused only because their customer has several in the batch: the statement
// counts all of a customer's attempts or none.
func (s *Store) placeAlone(ctx context.Context, calls []*groupcommit.Call[createCall, order.Outcome], refused map[id.Order]*order.TooManyAttempts) {
	of := map[id.Customer]int{}
	for _, c := range calls {
		if r := refused[c.In.order.ID]; r != nil && r.Limit == order.PerCustomer {
			of[c.In.order.CustomerID]++
		}
	}
	for i, c := range calls {
		if refused[c.In.order.ID] == nil || of[c.In.order.CustomerID] < 2 {
			continue
		}
		c.Err = nil
		if err := s.place(ctx, calls[i:i+1]); err != nil {
			c.Err = err
		}
		if tooMany, ok := errors.AsType[*order.TooManyAttempts](c.Err); ok { // the customer's other orders would be refused too
			of[c.In.order.CustomerID] = 0
			for _, other := range calls[i+1:] {
				if refused[other.In.order.ID] != nil && other.In.order.CustomerID == c.In.order.CustomerID {
					other.Err = tooMany
				}
			}
		}
	}
}

// createParts are the parts of create.sql that not every server needs.
type createParts struct{ Limits bool }

// createStatement returns create.sql with its arguments.
func (s *Store) createStatement(input *createInput, setting string) (text string, args []any) {
	args = append(args, setting, LeaseTime.Seconds(), &input.products, &input.revisions)
	has := createParts{Limits: s.attempts.on()}
	if has.Limits {
		args = append(args, s.attempts.ofCustomer(), s.attempts.ofAddress(), s.attempts.Window.Seconds())
	}
	return principalSet(1) + createStatement.text(has), append(args, argsOf(input.arrays)...)
}

// bornToken is the fencing token of the lease that create.sql gives a new order.
const bornToken = -1

// placed describes the commit of a new order.
func (s *Store) placed(o *order.Order, revision order.Revision) Committed {
	c := Committed{Events: o.Events(), DueAt: o.DueAt(), Outcome: order.Outcome{Order: o, Revision: revision, EntityID: uuid.UUID(o.ID)}}
	if s.leases && due(o, o.CreatedAt) {
		c.DueAt, c.Lease = nil, &order.Lease{OrderID: o.ID, Token: bornToken}
	}
	return c
}

// ownerSetting is app.principal for a create: the principal's own id, also for staff, who order for themselves. So a batch of
// creates never runs with access to all rows.
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

// createInput has the arrays that create.sql reads.
type createInput struct {
	// arrays are the columns of createTable.
	arrays []array
	// Each product once, with the revision that its price was read at.
	products, revisions array
	seen                map[productRevision]bool
}

type productRevision struct {
	id       id.Product
	revision int64
}

func newCreateInput(n int) *createInput {
	return &createInput{
		arrays:   createTable.arrays(n),
		products: newArray(oid.T_uuid, n, len(uuid.UUID{})), revisions: newArray(oid.T_int8, n, 8), seen: map[productRevision]bool{},
	}
}

func (in *createInput) add(c *createCall, leased bool) {
	createTable.appendTo(in.arrays, &createRow{order: c.order, key: keyRow{Idempotency: c.key}, leased: leased})
	for i := range c.order.Lines {
		of := productRevision{c.order.Lines[i].ProductID, c.order.Lines[i].Revision}
		if of.revision != 0 && !in.seen[of] {
			in.seen[of] = true
			in.products.addUUID(uuid.UUID(of.id))
			in.revisions.addInt(of.revision)
		}
	}
}
