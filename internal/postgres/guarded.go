package postgres

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/auth"
)

// everybody in app.principal means all rows; see the policies in migrations/00012_principals_read_once.sql.
const everybody = "*"

// settingOf returns the value of app.principal for a principal: everybody for staff and the system, a customer's id, or nothing.
func settingOf(p auth.Principal) string {
	switch p.Role {
	case auth.RoleStaff, auth.RoleSystem:
		return everybody
	case auth.RoleCustomer:
		return p.CustomerID.String()
	case auth.RoleAnonymous:
	}
	return "" // and a role from nowhere
}

// settingOfAll returns the setting of a batch: the customers whose rows its principals may see. Principals who may see all rows have
// separate batches: `*` beside customers' ids is an invalid setting, and the statement fails.
func settingOfAll(settings []string) string {
	settings = slices.Clone(settings)
	slices.Sort(settings)
	return strings.Trim(strings.Join(slices.Compact(settings), ","), ",")
}

// guarded is a pool whose statements say on whose behalf they run. It has no method without a principal, so that none can
// be forgotten; in the role of the API a statement that says nothing finds no rows.
type guarded struct {
	db  *sqlx.DB
	hot *statements
}

func newGuarded(db *sqlx.DB) guarded {
	return guarded{db: db, hot: &statements{prepared: map[hotText]*sqlx.Stmt{}}}
}

// get reads one row into dest, or returns sql.ErrNoRows.
func (g guarded) get(ctx context.Context, p auth.Principal, dest any, statement string, args ...any) error {
	return read(ctx, func(ctx context.Context) error {
		return g.db.GetContext(ctx, dest, asPrincipal(statement, len(args)+1), append(args, settingOf(p))...)
	})
}

// all reads all rows into dest, a slice, in the statement's order.
func (g guarded) all(ctx context.Context, p auth.Principal, dest any, statement string, args ...any) error {
	return read(ctx, func(ctx context.Context) error {
		return g.db.SelectContext(ctx, dest, asPrincipal(statement, len(args)+1), append(args, settingOf(p))...)
	})
}

// public is all for what is everybody's.
func (g guarded) public(ctx context.Context, dest any, statement string, args ...any) error {
	return read(ctx, func(ctx context.Context) error { return g.db.SelectContext(ctx, dest, statement, args...) })
}

// getHot is get for one of a few texts that are asked for all the time: it is planned once for each connection. That more than
// makes up for the policies, which take longer to plan than to answer. A text must have one plan that is good for all values.
func (g guarded) getHot(ctx context.Context, p auth.Principal, dest any, statement string, args ...any) error {
	return read(ctx, func(ctx context.Context) error {
		stmt, err := g.preparedText(ctx, hotText{statement, len(args) + 1}) //nolint:sqlclosecheck // it is kept
		if err != nil {
			return err
		}
		return stmt.GetContext(ctx, dest, append(args, settingOf(p))...)
	})
}

// allHot is all as getHot is get.
func (g guarded) allHot(ctx context.Context, p auth.Principal, dest any, statement string, args ...any) error {
	return read(ctx, func(ctx context.Context) error {
		stmt, err := g.preparedText(ctx, hotText{statement, len(args) + 1}) //nolint:sqlclosecheck // it is kept
		if err != nil {
			return err
		}
		return stmt.SelectContext(ctx, dest, append(args, settingOf(p))...)
	})
}

// statements caches prepared statements by text. They are closed with their pool.
type statements struct {
	sync.RWMutex
	prepared map[hotText]*sqlx.Stmt
}

// hotText is a text for asPrincipal with the number of its parameter; 0: the text is the whole statement. So a text that is known is
// not put together again.
type hotText struct {
	query     string
	principal int
}

// prepared returns the statement of a text, prepared when it is first asked for.
func (g guarded) prepared(ctx context.Context, text string) (*sqlx.Stmt, error) {
	return g.preparedText(ctx, hotText{query: text})
}

// preparedText is prepared for either kind of text. Nobody waits for another who prepares.
func (g guarded) preparedText(ctx context.Context, text hotText) (*sqlx.Stmt, error) {
	g.hot.RLock()
	known := g.hot.prepared[text]
	g.hot.RUnlock()
	if known != nil {
		return known, nil
	}
	whole := text.query
	if text.principal > 0 {
		whole = asPrincipal(text.query, text.principal)
	}
	stmt, err := g.db.PreparexContext(ctx, whole)
	if err != nil {
		return nil, err
	}
	g.hot.Lock()
	defer g.hot.Unlock()
	if known := g.hot.prepared[text]; known != nil { // another was faster
		_ = stmt.Close() //nolint:sqlclosecheck // the other is used
		return known, nil
	}
	g.hot.prepared[text] = stmt
	return stmt, nil
}

// tx runs f in a transaction for the principal, and commits it unless f fails. It costs a round trip.
func (g guarded) tx(ctx context.Context, p auth.Principal, f func(*sqlx.Tx) error) error {
	return inTx(ctx, g.db, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `SELECT set_config('app.principal', $1, true)`, settingOf(p)); err != nil {
			return err
		}
		return f(tx)
	})
}

// asPrincipal wraps a query so that it runs as the principal in parameter n, without an extra round trip. The setting ends with the
// statement's transaction, so the connection does not keep it.
//
// It has to be set before the first policy looks at it. A LATERAL sub-select that needs a value of principal runs inside a
// nested loop, after principal's row was fetched, and OFFSET keeps it from being merged with what is around it; a plain join
// may well scan the tables first, and then finds nothing.
func asPrincipal(query string, n int) string {
	return principalSet(n) + ` SELECT guarded.* FROM principal CROSS JOIN LATERAL (
		SELECT * FROM (` + query + `) query WHERE principal.customers <> '' OFFSET 0) guarded`
}

// principalSet begins a statement that sets app.principal to its parameter n. For writes, whose WITH has to be the outermost;
// their last SELECT is of the same form as asPrincipal's, and everything they do hangs on it.
func principalSet(n int) string {
	return `WITH principal AS MATERIALIZED (SELECT set_config('app.principal', $` + strconv.Itoa(n) + `, true) AS customers)`
}
