package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
)

// A filter that no index serves could read every order to fill one page. So a page examines a bounded window of the list: the
// orders from the cursor on, in the list's order, until the page is full or the window ends. If the window ends first, the page is
// short, and its end cursor is that of the last examined order: the next page begins there. Whatever the filter, one page costs at
// most windowRows rows and windowBytes of order lines.
const (
	// windowRows bounds the orders that one page examines.
	windowRows = 2_000
	// windowBytes bounds the bytes of lines that a search examines. An ordinary order has some 300.
	windowBytes = 2 << 20
	// compressed is the weight of a compressed byte: PostgreSQL's pglz compresses a hundred equal lines to about 1/16.
	compressed = 16
	// idSlack is by how much the time in an order's id may differ from created_at. Both are one reading of the database's clock, so they
	// agree to the millisecond, whatever the replica's own clock says. The hour is for orders of versions that read the machine's clock
	// twice, also around a change of its time.
	idSlack = time.Hour
)

// narrows are the conditions of a filter that no index serves. They hold for "orders o".
func narrows(q *query, f order.Filter) (conditions []string) {
	add := func(condition string, values ...any) { conditions = append(conditions, q.with(condition, values...)) }
	if len(f.Status) > 0 {
		add(`o.status = ANY(?::text[])`, stringsOf(distinct(f.Status)))
	}
	if len(f.PaymentStatus) > 0 {
		add(`(SELECT p.status FROM payments p WHERE p.order_id = o.id ORDER BY p.status = 'CONFIRMED' DESC, p.id DESC LIMIT 1) = ANY(?::text[])`, stringsOf(distinct(f.PaymentStatus)))
	}
	if f.CreatedFrom != nil {
		add(`o.created_at >= ?`, *f.CreatedFrom)
	}
	if f.CreatedTo != nil {
		add(`o.created_at < ?`, *f.CreatedTo)
	}
	if f.Search != "" {
		pattern := likePattern(f.Search)
		add(`(o.number ILIKE ? OR o.external_reference ILIKE ? OR EXISTS (
			SELECT FROM jsonb_array_elements(o.lines) l WHERE l->>'name' ILIKE ?))`, pattern, pattern, pattern)
	}
	return conditions
}

// everything reports whether a filter narrows nothing.
func everything(f order.Filter) bool {
	return !f.CustomerID.Valid && f.ExternalReference == nil && len(narrows(&query{}, f)) == 0
}

// source is the index by which a list of orders is read, and the range of ids. Its statement leaves the planner no other way: with
// an equality and ORDER BY id it might walk the primary key past everybody else's orders, if it expects many matches. So the bounds
// are compared as rows, in the order of one index.
type source struct {
	columns []string // of the index, the id last
	low     []any    // the values of those columns where it begins and ends, both included; an expression is a rawSQL
	high    []any
}

type rawSQL string

const reference = `o.external_reference`

// sourceOf is the narrowest of the indexes for the filter and the principal's own orders, in $1.
func sourceOf(p auth.Principal, f order.Filter, r pagination.Request) source {
	var s source
	add := func(column string, value any) {
		s.columns, s.low, s.high = append(s.columns, column), append(s.low, value), append(s.high, value)
	}
	if viewerArg(p) != nil {
		add(`o.customer_id`, rawSQL(`(SELECT $1::uuid)`))
	} else if f.CustomerID.Valid {
		add(`o.customer_id`, f.CustomerID.ID)
	}
	if f.ExternalReference != nil {
		add(reference, *f.ExternalReference)
	}
	low, high := uuid.Nil, uuid.Max
	nothing := false // behind the last id there can be, or before the first
	if r.After.Valid {
		high, nothing = beside(r.After.ID, -1)
	}
	if r.Before.Valid {
		var first bool
		low, first = beside(r.Before.ID, 1)
		nothing = nothing || first
	}
	if f.CreatedFrom != nil {
		low = slices.MaxFunc([]uuid.UUID{low, idAt(f.CreatedFrom.Add(-idSlack))}, compareIDs)
	}
	if f.CreatedTo != nil {
		high = slices.MinFunc([]uuid.UUID{high, idAt(f.CreatedTo.Add(idSlack))}, compareIDs)
	}
	if nothing {
		low, high = uuid.Max, uuid.Nil
	}
	s.columns, s.low, s.high = append(s.columns, `o.id`), append(s.low, low), append(s.high, high)
	return s
}

// add adds the source's condition to a query.
func (s source) add(q *query) {
	row := "(" + strings.Join(s.columns, ", ") + ")"
	if slices.Contains(s.columns, reference) {
		q.and(reference + ` IS NOT NULL`) // its indexes have no others
	}
	for _, bound := range []struct {
		operator string
		values   []any
	}{{" >= ", s.low}, {" <= ", s.high}} {
		texts := make([]string, len(bound.values))
		for i, value := range bound.values {
			if sql, ok := value.(rawSQL); ok {
				texts[i] = string(sql)
			} else {
				texts[i] = q.with("?", value)
			}
		}
		q.conditions = append(q.conditions, row+bound.operator+"("+strings.Join(texts, ", ")+")")
	}
}

// order is the source's ORDER BY.
func (s source) order(direction string) string {
	return strings.Join(s.columns, " "+direction+", ") + " " + direction
}

// exact turns a search for a whole order number or external reference into a filter that an index serves: an order is found by its
// name however old it is, and then nothing else is. Any other text stays in the filter.
func (s *Store) exact(ctx context.Context, p auth.Principal, q *query, f *order.Filter) error {
	if f.Search == "" || f.ExternalReference != nil {
		return nil
	}
	number := strings.ToUpper(f.Search)
	probe := query{args: []any{viewerArg(p)}}
	byReference := sourceOf(p, order.Filter{ExternalReference: &f.Search, CustomerID: f.CustomerID}, pagination.Request{})
	byReference.add(&probe)
	var named struct {
		Number    bool `db:"number"`
		Reference bool `db:"reference"`
	}
	err := s.db.get(ctx, p, &named, `SELECT EXISTS (SELECT FROM orders o WHERE `+visibleTo+` AND o.number = `+probe.with("?", number)+`) AS number,
		(SELECT o.id FROM orders o WHERE `+ownerCondition(p)+` AND `+probe.where()+` ORDER BY `+byReference.order("ASC")+` LIMIT 1) IS NOT NULL AS reference`, probe.args...)
	switch {
	case err != nil:
		return err
	case named.Number:
		q.and(`o.number = ?`, number)
	case named.Reference:
		text := f.Search
		f.ExternalReference = &text
	default:
		return nil
	}
	f.Search = ""
	return nil
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

// beside is the id before (-1) or after (1) another. none: there is no such id.
func beside(id uuid.UUID, step int) (next uuid.UUID, none bool) {
	overflow := byte(0) // the byte that one step carries over
	if step < 0 {
		overflow = 0xff
	}
	for i := len(id) - 1; i >= 0; i-- {
		id[i] += byte(step)
		if id[i] != overflow {
			return id, false
		}
	}
	return id, true
}

// idAt is the smallest id whose time, the first 48 bits of a UUIDv7 (RFC 9562 section 5.7), is not before t.
func idAt(t time.Time) uuid.UUID {
	const last = 1<<48 - 1
	ms := min(max(t.UnixMilli(), 0), last)
	var id uuid.UUID
	for i := range 6 {
		id[i] = byte(ms >> (8 * (5 - i)))
	}
	return id
}

// distinct are the values, each once: a list may name one a thousand times.
func distinct[T ~string](values []T) []T {
	values = slices.Clone(values)
	slices.Sort(values)
	return slices.Compact(values)
}

// windowRow is a row of windowed's statement: where the window ended, and an order unless there is none.
type windowRow struct {
	Order   nullOrder `db:"found"`
	Reached id.Order  `db:"reached"`
	More    bool      `db:"more"`
}

type nullOrder struct{ storedOrder }

// Scan implements sql.Scanner.
func (n *nullOrder) Scan(src any) error {
	if src == nil {
		return nil
	}
	return n.storedOrder.Scan(src)
}

// windowed lists the orders of a window that meet the conditions. q has what the window is taken from, in the source's order.
func (s *Store) windowed(ctx context.Context, p auth.Principal, q query, from source, weighed bool, conditions []string, r pagination.Request) (pagination.Result[*order.Order], error) {
	direction := "DESC"
	if r.Backward {
		direction = "ASC"
	}
	weight := "0"
	if weighed {
		weight = fmt.Sprintf(`pg_column_size(o.lines) * CASE WHEN pg_column_compression(o.lines) IS NULL THEN 1 ELSE %d END`, compressed)
	}
	// The window holds whole rows (large values by reference), so that nothing of it is looked up again.
	statement := fmt.Sprintf(`
		WITH candidates AS MATERIALIZED (
			SELECT o.*, %[1]s AS weight FROM orders o WHERE %[2]s ORDER BY %[12]s LIMIT %[4]d
		), weighed AS (
			SELECT c.*, row_number() OVER nearest AS n, sum(c.weight) OVER nearest - c.weight AS before FROM candidates c WINDOW nearest AS (ORDER BY c.id %[3]s)
		), examined AS MATERIALIZED (
			SELECT w.* FROM weighed w WHERE w.n <= %[5]d AND w.before < %[6]d ORDER BY w.id %[3]s
		), reached AS MATERIALIZED (
			SELECT (SELECT e.id FROM examined e ORDER BY e.id %[7]s LIMIT 1) AS id,
				(SELECT count(*) FROM examined) < (SELECT count(*) FROM candidates) AS more
		)
		SELECT found.stored AS found, coalesce(reached.id, $%[8]d) AS reached, reached.more
		FROM reached LEFT JOIN LATERAL (
			SELECT %[9]s AS stored, o.id FROM examined o WHERE %[10]s ORDER BY o.id %[3]s LIMIT %[11]d
		) found ON true
		ORDER BY found.id %[3]s`,
		weight, q.where(), direction, windowRows+1, windowRows, windowBytes, opposite(direction), len(q.args)+1, orderRecords[order.PartsOf(ctx)],
		strings.Join(conditions, " AND "), r.Limit+1, from.order(direction))
	var rows []windowRow
	if err := s.db.all(ctx, p, &rows, statement, append(q.args, uuid.Nil)...); err != nil {
		return pagination.Result[*order.Order]{}, err
	}
	var orders []*order.Order
	for i := range rows {
		if o := rows[i].Order.Order; o != nil {
			orders = append(orders, o)
		}
	}
	result := pagination.Cut(r, orders)
	if len(orders) <= r.Limit && len(rows) > 0 && rows[0].More {
		result = pagination.Short(r, result, rows[0].Reached)
	}
	return result, nil
}

func opposite(direction string) string {
	if direction == "ASC" {
		return "DESC"
	}
	return "ASC"
}
