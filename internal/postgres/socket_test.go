package postgres_test

import (
	"context"
	"database/sql"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// wires carry connections to a database, until they go silent: then nothing comes through any more, and nobody is told.
type wires struct {
	url    string
	mu     sync.Mutex
	silent []func() // for each connection
}

func newWires(t *testing.T, address string) *wires {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	network, target := "tcp", u.Host
	if folder := query.Get("host"); folder != "" {
		network, target = "unix", folder+"/.s.PGSQL."+query.Get("port")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	query.Del("host")
	query.Del("port")
	u.Host, u.RawQuery = listener.Addr().String(), query.Encode()
	w := &wires{url: u.String()}
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial(network, target)
			if err != nil {
				_ = in.Close()
				continue
			}
			w.carry(t, in, out)
		}
	}()
	return w
}

func (w *wires) carry(t *testing.T, in, out net.Conn) {
	silent := make(chan struct{})
	ended := context.AfterFunc(t.Context(), func() { _ = in.Close(); _ = out.Close() })
	copying := func(to, from net.Conn) {
		buffer := make([]byte, 32<<10)
		for {
			n, err := from.Read(buffer)
			select {
			case <-silent:
				return // both stay open
			default:
			}
			if err == nil {
				_, err = to.Write(buffer[:n])
			}
			if err != nil {
				ended()
				_ = in.Close()
				_ = out.Close()
				return
			}
		}
	}
	go copying(in, out)
	go copying(out, in)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent = append(w.silent, sync.OnceFunc(func() { close(silent) }))
}

// cut makes those that are open silent, and says how many there were. New ones come through.
func (w *wires) cut() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, silence := range w.silent {
		silence()
	}
	return len(w.silent)
}

// idle opens connections that a pool then keeps.
func idle(t *testing.T, pool *sqlx.DB, n int) {
	t.Helper()
	conns := make([]*sql.Conn, n)
	for i := range conns {
		var err error
		if conns[i], err = pool.DB.Conn(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range conns {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSilence(t *testing.T) {
	t.Parallel()
	// The first statement that gets no answer ends, in its time, and nobody knows whether it ran. The other connections are as dead, and
	// are replaced before anything is sent over them.
	t.Run("OKOnlyOneIsLost", func(t *testing.T) {
		t.Parallel()
		w := newWires(t, postgrestest.URL(t))
		pool := postgrestest.PoolWith(t, w.url, postgres.RoleWorker, postgres.Limits{Silence: 3 * time.Second})
		idle(t, pool, 4)
		if open := w.cut(); open != 4 {
			t.Fatalf("%d connections are open", open)
		}
		var one int
		if err := pool.GetContext(t.Context(), &one, `SELECT 1`); err == nil {
			t.Fatal("a dead connection has answered")
		}
		for range 8 {
			if err := pool.GetContext(t.Context(), &one, `SELECT 1`); err != nil {
				t.Fatalf("after one was found dead: %v", err)
			}
		}
	})
	// However patient the pool is.
	t.Run("OKContextEnds", func(t *testing.T) {
		t.Parallel()
		w := newWires(t, postgrestest.URL(t))
		pool := postgrestest.PoolWith(t, w.url, postgres.RoleWorker, postgres.Limits{Silence: 24 * time.Hour})
		idle(t, pool, 1)
		w.cut()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := pool.ExecContext(ctx, `SELECT pg_sleep(0)`)
			ended <- err
		}()
		cancel()
		if err := await(t, "end of the statement", ended); err == nil {
			t.Error("it had an answer")
		}
	})
	// The end of a process waits for nobody.
	t.Run("OKAbandon", func(t *testing.T) {
		t.Parallel()
		w := newWires(t, postgrestest.URL(t))
		network := postgres.NewNetwork()
		pool := postgrestest.PoolWith(t, w.url, postgres.RoleWorker, postgres.Limits{Silence: 24 * time.Hour}, network)
		idle(t, pool, 1)
		w.cut()
		ended := make(chan error, 1)
		go func() {
			_, err := pool.ExecContext(t.Context(), `SELECT pg_sleep(0)`)
			ended <- err
		}()
		for pool.Stats().InUse == 0 {
			time.Sleep(time.Millisecond) // a pause between attempts
		}
		network.Abandon()
		if err := await(t, "end of the statement", ended); err == nil {
			t.Error("it had an answer")
		}
		if _, err := pool.ExecContext(t.Context(), `SELECT 1`); err == nil {
			t.Error("there are new connections")
		}
	})
}

// A session that was opened while the server took no writes is dropped at the first write, and refused where writes are asked for.
func TestReadOnlySessions(t *testing.T) {
	t.Parallel()
	address := postgrestest.URL(t)
	admin := postgrestest.Pool(t, address, postgres.AsLogin)
	var database string
	if err := admin.GetContext(t.Context(), &database, `SELECT quote_ident(current_database())`); err != nil {
		t.Fatal(err)
	}
	admin.MustExec(`ALTER DATABASE ` + database + ` SET default_transaction_read_only = on`)
	pool, err := postgres.Open(t.Context(), address+"&target_session_attrs=any", postgres.RoleMigrate, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	if _, err := postgres.Open(t.Context(), address, postgres.RoleMigrate, 1); err == nil {
		t.Error("a pool for writes took a session that is read-only")
	}
	if err := postgres.CheckWritable(t.Context(), pool); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a write in a read-only session: %v", err)
	}
	admin.MustExec(`ALTER DATABASE ` + database + ` RESET default_transaction_read_only`)
	if err := postgres.CheckWritable(t.Context(), pool); err != nil {
		t.Errorf("the read-only session is still there: %v", err)
	}
}

// A connection that has been open for long is replaced, so that a name that has moved is followed.
func TestConnectionsHaveALifetime(t *testing.T) {
	t.Parallel()
	pool, err := postgres.Open(t.Context(), postgrestest.URL(t), postgres.RoleWorker, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	backend := func() (pid int) {
		t.Helper()
		if err := pool.GetContext(t.Context(), &pid, `SELECT pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
		return pid
	}
	first := backend()
	if again := backend(); again != first {
		t.Errorf("the backend %d was replaced before its time", first)
	}
	c, err := pool.DB.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Raw(func(driverConn any) error { postgres.EndLifetime(driverConn); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if again := backend(); again == first {
		t.Errorf("the backend %d is used after its time", first)
	}
}
