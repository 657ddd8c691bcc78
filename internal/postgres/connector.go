package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/pgurl"
)

// connLifetime is the time for which a connection is used, plus or minus a quarter: it ends what still leads to a server that the
// name no longer does.
const connLifetime = 5 * time.Minute

// setupTimeout bounds the statement that makes a session's settings, in milliseconds.
const setupTimeout = "10000"

// connector opens the connections of a pool: to the first of the hosts that takes writes, with our settings.
type connector struct {
	network *Network
	target  pgurl.Target
	// hosts are tried beginning with the one that was good last.
	hosts []host
	good  atomic.Int32
	// pooled: a pooler has refused to begin a session in a role, or with timeouts. They are set afterwards anyway; a role that a
	// session begins with is also the one that RESET goes back to.
	pooled atomic.Bool
	setup  string
}

// host is one of the servers of DATABASE_URL.
type host struct {
	name string
	// inRole begins sessions in the pool's role and with time to make the settings, plain as the login has them.
	inRole, plain *pq.Connector
}

func newConnector(s pgurl.Source, role Role, o options) (*connector, error) {
	cfg, err := pq.NewConfig(s.DSN())
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	// Parameters and results in binary spare the text conversion of each: 1.23 times as many writes at 16 clients. Array relies on it.
	cfg.BinaryParameters = true
	cfg.TargetSessionAttrs = pq.TargetSessionAttrsAny // connector looks itself
	cfg.Runtime = nil
	c := &connector{network: o.network, target: s.Target, setup: sessionSQL(s, role, o.settings)}
	if cfg.ConnectTimeout <= 0 {
		cfg.ConnectTimeout = connectTimeout
		if len(cfg.Multi) > 0 {
			cfg.ConnectTimeout = hostTimeout
		}
	}
	servers := append([]pq.ConfigMultihost{{Host: cfg.Host, Hostaddr: cfg.Hostaddr, Port: cfg.Port}}, cfg.Multi...)
	if cfg.LoadBalanceHosts == pq.LoadBalanceHostsRandom {
		rand.Shuffle(len(servers), func(i, j int) { servers[i], servers[j] = servers[j], servers[i] })
	}
	for _, h := range servers {
		one := cfg.Clone()
		one.Host, one.Hostaddr, one.Port, one.Multi = h.Host, h.Hostaddr, h.Port, nil
		plain, err := pq.NewConnectorConfig(one)
		if err != nil {
			return nil, fmt.Errorf("DATABASE_URL: %w", err)
		}
		// A time-out that the database sets for all must not end the statement that makes our settings, nor the session before it.
		// Nor may the statement be compiled, which takes a second where planner switches make every plan expensive.
		one.Runtime = map[string]string{"statement_timeout": setupTimeout, "lock_timeout": setupTimeout, "idle_session_timeout": "0", "jit": "off"}
		if role != AsLogin {
			one.Runtime["role"] = string(role)
		}
		inRole, err := pq.NewConnectorConfig(one)
		if err != nil {
			return nil, fmt.Errorf("DATABASE_URL: %w", err)
		}
		d := dialer{network: o.network, silence: o.silence}
		plain.Dialer(d)
		inRole.Dialer(d)
		c.hosts = append(c.hosts, host{name: net.JoinHostPort(h.Host, strconv.Itoa(int(h.Port))), plain: plain, inRole: inRole})
	}
	return c, nil
}

// Driver implements driver.Connector.
func (c *connector) Driver() driver.Driver { return c.hosts[0].plain.Driver() }

// Connect implements driver.Connector. All its errors are UNAVAILABLE to a client.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	var errs []error
	first := int(c.good.Load())
	for i := range c.hosts {
		n := (first + i) % len(c.hosts)
		h := &c.hosts[n]
		conn, err := c.connect(ctx, h)
		if err == nil {
			c.good.Store(int32(n)) //nolint:gosec // there are few
			return conn, nil
		}
		if len(c.hosts) > 1 {
			err = fmt.Errorf("%s: %w", h.name, err)
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, unavailable(errors.Join(errs...))
}

// refusedAtStart is PgBouncer's answer to a start parameter that it does not know: PROTOCOL_VIOLATION.
const refusedAtStart = "08P01"

func (c *connector) connect(ctx context.Context, h *host) (_ *conn, err error) {
	into := &dialed{ctx: ctx, end: nothing}
	defer func() { into.end() }()
	ctxDial := context.WithValue(ctx, dialing{}, into)
	from := h.inRole
	if c.pooled.Load() {
		from = h.plain
	}
	inner, err := from.Connect(ctxDial)
	if from == h.inRole && isCode(err, refusedAtStart, "") {
		c.pooled.Store(true)
		inner, err = h.plain.Connect(ctxDial)
	}
	if errors.Is(err, pq.ErrSSLNotSupported) {
		return nil, fmt.Errorf("%w; the server offers no TLS, which is asked for unless DATABASE_URL says otherwise: turn TLS on there, or add sslmode=disable to DATABASE_URL if the network between is trusted", err)
	}
	if err != nil {
		return nil, err
	}
	opened := &conn{PQConn: inner.(PQConn), socket: into.socket, ends: time.Now().Add(connLifetime*3/4 + rand.N(connLifetime/2))} //nolint:errcheck // it is lib/pq's
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoring(opened.Close()))
		}
	}()
	state, err := opened.begin(ctx, c.setup)
	if err != nil {
		return nil, fmt.Errorf("set the session up: %w", err)
	}
	return opened, state.check(c.target)
}

// ignoring drops an error of closing what is given up anyway.
func ignoring(error) error { return nil }

// begin makes the settings of a connection and reads its state.
func (c *conn) begin(ctx context.Context, setup string) (state sessionState, err error) {
	rows, err := c.QueryContext(ctx, setup, nil)
	if err != nil {
		return state, err
	}
	values := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(values); err != nil {
		return state, errors.Join(err, rows.Close())
	}
	state.recovery, _ = values[0].(bool)
	state.readOnly, _ = values[1].(bool)
	state.encoding = textOf(values[2])
	state.version, _ = values[3].(int64)
	state.replication = textOf(values[4])
	return state, rows.Close()
}

func textOf(v driver.Value) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case string:
		return v
	}
	return ""
}

var (
	errStandby  = errors.New("the server is a standby, which takes no writes; DATABASE_URL must lead to the primary (several hosts may be named: postgres://user@one,two/database)")
	errReadOnly = errors.New("sessions are read-only (default_transaction_read_only); reset it for the database and the user of DATABASE_URL: ALTER DATABASE … RESET default_transaction_read_only")
)

// check refuses a session that could not do its work.
func (s sessionState) check(want pgurl.Target) error {
	switch {
	case s.recovery && want != pgurl.Any:
		return errStandby
	case s.readOnly && want == pgurl.ReadWrite:
		return errReadOnly
	case s.version < oldestVersion:
		return fmt.Errorf("PostgreSQL %d is too old; use 14 or later", s.version/10000)
	case s.encoding != "UTF8":
		return fmt.Errorf("the database's encoding is %s, which cannot hold every text; make a database with ENCODING 'UTF8' TEMPLATE template0", s.encoding)
	case s.replication != "origin":
		return fmt.Errorf("session_replication_role is %s, with which constraints are not checked; reset it for the database and the user of DATABASE_URL: ALTER ROLE … RESET session_replication_role", s.replication)
	}
	return nil
}

var (
	errDatabaseAway = fault.New(fault.Unavailable, "The database does not answer now. Try again in a moment.")
	// errAnswerLost: a statement was sent and its answer did not come. It may have run.
	errAnswerLost = fmt.Errorf("the connection to the database ended before the answer of a statement that may have run: %w", io.ErrUnexpectedEOF)
)

// unavailableError is UNAVAILABLE to a client, and its cause in the log.
type unavailableError struct{ cause error }

func unavailable(cause error) error {
	if cause == nil {
		return nil
	}
	return &unavailableError{cause: cause}
}

func (e *unavailableError) Error() string   { return e.cause.Error() }
func (e *unavailableError) Unwrap() []error { return []error{e.cause, errDatabaseAway} }
