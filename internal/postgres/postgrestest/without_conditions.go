package postgrestest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/postgres"
)

// conditions are those by which the statements themselves hide other principals' rows, each with one that is as
// typed and always true.
var conditions = []string{
	`($1::uuid IS NULL OR o.customer_id = $1)`, `($1::uuid IS NULL OR true)`,
	`(t.viewer IS NULL OR o.customer_id = t.viewer)`, `(t.viewer IS NULL OR true)`,
	`(o.customer_id = (SELECT $1::uuid))`, `($1::uuid IS NOT NULL)`,
	`AND customer_id = $3`, `AND $3::uuid IS NOT NULL`,
}

// WithoutConditions opens a pool in the API's role whose driver removes the conditions on the principal from every statement, so that only
// row-level security is left. The test fails if none of the conditions was found by its end or, with every, if one of them was not.
func WithoutConditions(t testing.TB, address string, every bool) *sqlx.DB {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	for name, value := range map[string]string{"role": string(postgres.RoleAPI), "binary_parameters": "yes", "timezone": "UTC"} {
		query.Set(name, value)
	}
	u.RawQuery = query.Encode()
	connector, err := pq.NewConnector(u.String())
	if err != nil {
		t.Fatal(err)
	}
	c := unconditionalConnector{connector, &[4]atomic.Int64{}}
	db := sqlx.NewDb(sql.OpenDB(c), "postgres")
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	t.Cleanup(func() {
		_ = db.Close()
		some := false
		for i := range c.met {
			met := c.met[i].Load() > 0
			some = some || met
			if every && !met {
				t.Errorf("no statement has the condition %q any more", conditions[2*i])
			}
		}
		if !some {
			t.Error("no statement had a condition to remove")
		}
	})
	return db
}

type unconditionalConnector struct {
	driver.Connector
	met *[4]atomic.Int64
}

func (c unconditionalConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	whole, ok := conn.(postgres.PQConn)
	if !ok {
		return nil, errors.Join(errors.New("lib/pq's connection has lost an interface"), conn.Close())
	}
	return &unconditionalConn{PQConn: whole, met: c.met}, nil
}

type unconditionalConn struct {
	postgres.PQConn
	met *[4]atomic.Int64
}

func (c *unconditionalConn) withoutConditions(statement string) string {
	for i := range c.met {
		without := strings.ReplaceAll(statement, conditions[2*i], conditions[2*i+1])
		if without != statement {
			c.met[i].Add(1)
			statement = without
		}
	}
	return statement
}

func (c *unconditionalConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.PQConn.QueryContext(ctx, c.withoutConditions(query), args)
}

func (c *unconditionalConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.PQConn.ExecContext(ctx, c.withoutConditions(query), args)
}

func (c *unconditionalConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.PQConn.PrepareContext(ctx, c.withoutConditions(query))
}
