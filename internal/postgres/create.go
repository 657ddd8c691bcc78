package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq/oid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/batch"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// CreateOrder implements order.Store. The statement runs again when its answer was lost: the second run finds the idempotency
// key and places nothing, and the key names our order, so it is ours.
func (s *Store) CreateOrder(ctx context.Context, p auth.Principal, o *order.Order, key order.Idempotency) (order.Outcome, error) {
	if o.CustomerID != p.CustomerID { // in a batch the wall lets one place what is another's
		return order.Outcome{}, fault.New(fault.Forbidden, "An order can only be placed for oneself.")
	}
	outcome, err := s.created.Do(ctx, createCall{principal: p, order: o, key: key})
	refused, tooMany := errors.AsType[*order.TooManyAttempts](err)
	if !tooMany && !errors.Is(err, errKeyKnown) {
		return outcome, err
	}
	if !tooMany {
		s.ReturnAttempt(ctx, p) // a replay is no attempt, and the statement counts before it knows
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

// errKeyKnown: the key was there already, so nothing was placed by this statement.
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

// knownKey is what an idempotency key remembers.
type knownKey struct {
	Hash    []byte    `db:"request_hash"`
	OrderID uuid.UUID `db:"order_id"`
}

func (s *Store) knownKey(ctx context.Context, p auth.Principal, key order.Idempotency) (known knownKey, err error) {
	err = s.db.get(ctx, p, &known, `
		SELECT request_hash, order_id FROM idempotency_keys WHERE actor = $1 AND operation = $2 AND key = $3`,
		p.CustomerID, key.Operation, key.Key)
	return known, err
}

// replay answers a create whose key is known with the earlier order.
func (s *Store) replay(ctx context.Context, p auth.Principal, key order.Idempotency, known knownKey) (order.Outcome, error) {
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

// createAgain is how often a batch is placed again that another one was in the way of, or whose answer was lost.
const createAgain = 3

// flushCreated places a batch. When the statement fails as a whole, each order is tried alone, so that its error is its
// own.
func (s *Store) flushCreated(calls []*batch.Call[createCall, order.Outcome]) {
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

// place runs create.sql for the batch and settles its calls, or returns the statement's error. Orders whose prices have changed are
// left out, and the others placed without them.
func (s *Store) place(ctx context.Context, calls []*batch.Call[createCall, order.Outcome]) error {
	columns := newCreateColumns(len(calls))
	owners := make([]string, len(calls))
	for i, c := range calls {
		owners[i] = ownerSetting(c.In.principal)
		if err := columns.add(c.In.order, c.In.key, s.leases && due(c.In.order, c.In.order.CreatedAt)); err != nil {
			return err
		}
	}
	var rows []struct {
		ID       uuid.UUID `db:"id"`
		Revision *int64    `db:"revision"` // a product's that has changed; NULL of an order that was placed
		Server   time.Time `db:"server"`
		Wait     *float64  `db:"wait"` // seconds; of an order that was one attempt too many
		Limit    *string   `db:"limited_by"`
	}
	text, args := s.createStatement(columns, settingOfAll(owners))
	stmt, err := s.db.prepared(ctx, text) //nolint:sqlclosecheck // it is kept
	if err != nil {
		return err
	}
	if err := stmt.SelectContext(ctx, &rows, args...); err != nil {
		return err
	}
	placed, changed := make(map[uuid.UUID]order.Revision, len(rows)), map[productRevision]bool{}
	refused := map[uuid.UUID]*order.TooManyAttempts{}
	for _, r := range rows {
		switch {
		case r.Revision != nil:
			changed[productRevision{r.ID, *r.Revision}] = true
		case r.Wait != nil:
			refused[r.ID] = &order.TooManyAttempts{Limit: order.AttemptLimit(*r.Limit), Wait: time.Duration(*r.Wait * float64(time.Second))}
		default:
			placed[r.ID] = order.Revision{Number: 1, Server: r.Server.UTC()}
		}
	}
	if len(changed) > 0 {
		rest := slices.DeleteFunc(slices.Clone(calls), func(c *batch.Call[createCall, order.Outcome]) bool {
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

// placeAlone places those orders one by one that were refused because their customer has others in the batch.
func (s *Store) placeAlone(ctx context.Context, calls []*batch.Call[createCall, order.Outcome], refused map[uuid.UUID]*order.TooManyAttempts) {
	of := map[uuid.UUID]int{}
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
		if tooMany, ok := errors.AsType[*order.TooManyAttempts](c.Err); ok { // and so are the customer's others
			of[c.In.order.CustomerID] = 0
			for _, other := range calls[i+1:] {
				if refused[other.In.order.ID] != nil && other.In.order.CustomerID == c.In.order.CustomerID {
					other.Err = tooMany
				}
			}
		}
	}
}

// createStatement is create.sql with its arguments, with the limits on attempts to pay or without.
func (s *Store) createStatement(columns *createColumns, setting string) (text string, args []any) {
	args = append(columns.args(), LeaseTime.Seconds(), columns.sources)
	part := "unlimited"
	if s.attempts.on() {
		part = "limited"
		args = append(args, s.attempts.ofCustomer(), s.attempts.ofAddress(), s.attempts.Window.Seconds())
	}
	args = append(args, setting)
	return principalSet(len(args)) + createParts.text(map[string]bool{part: true}), args
}

var createParts = newParted(createSQL)

// bornToken is the fencing token of the lease that an order is placed with: see create.sql.
const bornToken = -1

// placed is what the commit of a new order did.
func (s *Store) placed(o *order.Order, revision order.Revision) Committed {
	c := Committed{Events: o.Events(), DueAt: o.DueAt(), Outcome: order.Outcome{Order: o, Revision: revision, EntityID: o.ID}}
	if s.leases && due(o, o.CreatedAt) {
		c.DueAt, c.Lease = nil, &order.Lease{OrderID: o.ID, Token: bornToken}
	}
	return c
}

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
	ids, numbers, customers, currencies, totals, lines, notes, references, metadata, createdAt, expiresAt array
	payments, providers, captures, methods, nextStepAt                                                    array
	events, actorKinds, requestIDs, data, states                                                          array
	operations, keys, hashes                                                                              array
	leased, sources                                                                                       array
	// Each product with the revision that a price is of, once.
	products, revisions array
	seen                map[productRevision]bool
}

type productRevision struct {
	id       uuid.UUID
	revision int64
}

func newCreateColumns(n int) *createColumns {
	uuids := func() array { return newArray(oid.T_uuid, n, len(uuid.UUID{})) }
	texts := func(size int) array { return newArray(oid.T_text, n, size) }
	documents := func(size int) array { return newArray(oid.T_jsonb, n, size) }
	times := func() array { return newArray(oid.T_timestamptz, n, 8) }
	return &createColumns{
		ids: uuids(), numbers: texts(16), customers: uuids(), currencies: texts(3), totals: newArray(oid.T_int8, n, 8),
		lines: documents(256), notes: texts(16), references: texts(16), metadata: documents(16), createdAt: times(), expiresAt: times(),
		payments: uuids(), providers: texts(16), captures: texts(16), methods: texts(16), nextStepAt: times(),
		events: uuids(), actorKinds: texts(16), requestIDs: texts(40), data: documents(128), states: documents(384),
		operations: texts(16), keys: texts(40), hashes: newArray(oid.T_bytea, n, sha256.Size),
		leased: newArray(oid.T_bool, n, 1), sources: uuids(),
		products: uuids(), revisions: newArray(oid.T_int8, n, 8), seen: map[productRevision]bool{},
	}
}

func (c *createColumns) add(o *order.Order, key order.Idempotency, leased bool) error {
	lines, err := json.Marshal(o.Lines)
	if err != nil {
		return err
	}
	metadata := []byte("[]")
	if len(o.Metadata) > 0 {
		if metadata, err = json.Marshal(o.Metadata); err != nil {
			return err
		}
	}
	event := &o.Events()[0]
	data, err := json.Marshal(event.Data)
	if err != nil {
		return err
	}
	state, err := json.Marshal(event.Order.Document())
	if err != nil {
		return err
	}
	p := o.Payment()
	c.ids.addUUID(o.ID)
	c.numbers.addText(o.Number)
	c.customers.addUUID(o.CustomerID)
	c.currencies.addText(o.Total.Currency)
	c.totals.addInt(o.Total.Minor)
	c.lines.addJSONB(lines)
	c.notes.addNullable(o.Note)
	c.references.addNullable(o.ExternalReference)
	c.metadata.addJSONB(metadata)
	c.createdAt.addTime(o.CreatedAt)
	c.expiresAt.addTime(*o.ExpiresAt)
	c.payments.addUUID(p.ID)
	c.providers.addText(p.Provider)
	c.captures.addText(string(p.CaptureMethod))
	c.methods.addText(p.Method)
	c.nextStepAt.addTime(*p.NextStepAt)
	c.events.addUUID(event.ID)
	c.actorKinds.addText(string(event.Actor.Kind))
	c.requestIDs.addText(event.RequestID)
	c.data.addJSONB(data)
	c.states.addJSONB(state)
	c.operations.addText(key.Operation)
	c.keys.addText(key.Key)
	c.hashes.addBytes(key.Hash[:])
	c.leased.addBool(leased)
	if o.Source == uuid.Nil {
		c.sources.addNull()
	} else {
		c.sources.addUUID(o.Source)
	}
	for i := range o.Lines {
		of := productRevision{o.Lines[i].ProductID, o.Lines[i].Revision}
		if of.revision != 0 && !c.seen[of] {
			c.seen[of] = true
			c.products.addUUID(of.id)
			c.revisions.addInt(of.revision)
		}
	}
	return nil
}

// args are in the order of create.sql's parameters.
func (c *createColumns) args() []any {
	return []any{
		c.ids, c.numbers, c.customers, c.currencies, c.totals, c.lines, c.notes, c.references, c.metadata, c.createdAt, c.expiresAt,
		c.payments, c.providers, c.captures, c.methods, c.nextStepAt,
		c.events, c.actorKinds, c.requestIDs, c.data, c.states,
		c.operations, c.keys, c.hashes, c.leased, c.products, c.revisions,
	}
}
