package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/debian"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/pgtest"
	"github.com/orderwire/orderwire/internal/postgres"
)

// pgbouncer is Debian's PgBouncer in front of a server.
type pgbouncer struct {
	t       *testing.T
	folder  string
	address string
	output  bytes.Buffer // of the processes that have ended
	stop    func()
}

// logins are the users of our pools.
func logins() (users []string) {
	for _, role := range []postgres.Role{postgres.RoleAPI, postgres.RoleWorker, postgres.RoleMigrate} {
		users = append(users, postgres.LoginName(role, "orderwire"))
	}
	return users
}

// startPgBouncer lets in orderwire and more users. settings are lines of pgbouncer.ini.
func startPgBouncer(t *testing.T, server *pgtest.Server, more []string, settings ...string) *pgbouncer {
	t.Helper()
	b := &pgbouncer{t: t, address: freeAddress(t)}
	var err error
	// Not t.TempDir, whose parents only this account can enter.
	if b.folder, err = os.MkdirTemp("", "orderwire-pgbouncer-"); err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(b.address)
	if err != nil {
		t.Fatal(err)
	}
	lines := append([]string{
		"[databases]", fmt.Sprintf("* = host=127.0.0.1 port=%d", server.Port), "[pgbouncer]", "listen_addr = " + host, "listen_port = " + port,
		"unix_socket_dir =", "auth_type = trust", "auth_file = " + b.folder + "/users",
	}, settings...)
	users := ""
	for _, user := range append([]string{"orderwire"}, more...) {
		users += fmt.Sprintf("%q \"\"\n", user)
	}
	for name, text := range map[string]string{"ini": strings.Join(lines, "\n") + "\n", "users": users} {
		if err := os.WriteFile(filepath.Join(b.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		b.stop()
		if t.Failed() {
			t.Logf("pgbouncer said:\n%s", b.output.String())
		}
		_ = os.RemoveAll(b.folder)
	})
	b.start()
	return b
}

func (b *pgbouncer) url() string {
	return "postgres://orderwire@" + b.address + "/orderwire?sslmode=disable"
}

func (b *pgbouncer) start() {
	b.t.Helper()
	var output bytes.Buffer
	command := exec.Command(debian.Program(b.t, "pgbouncer", "pgbouncer"), filepath.Join(b.folder, "ini"))
	command.Stderr = &output
	pgtest.AsAccount(b.t, command, b.folder) // it refuses root
	if err := command.Start(); err != nil {
		b.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }()
	b.stop = func() {
		b.stop = func() {}
		_ = command.Process.Signal(syscall.SIGTERM) // at once, whatever is open
		select {
		case <-ended:
		case <-time.After(eventually.Patience):
			_ = command.Process.Kill()
			<-ended
		}
		b.output.Write(output.Bytes())
	}
	await(b.t.Context(), b.t, func() bool {
		select {
		case <-ended:
			b.t.Fatalf("pgbouncer ended: %s", output.String())
		default:
		}
		conn, err := net.Dial("tcp", b.address)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
}

// ignored lists the start parameters of our sessions; PgBouncer then drops them silently.
const ignored = "ignore_startup_parameters = statement_timeout,lock_timeout,idle_session_timeout,role,extra_float_digits"

func TestPgBouncer(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	connectPlain(t, server.URL("postgres")).MustExec(`CREATE DATABASE orderwire`)
	for _, mode := range []string{"transaction", "statement"} {
		for name, setting := range map[string]string{"": "", "Ignoring": ignored, "RoundRobin": "server_round_robin = 1"} {
			t.Run("Err/"+mode+name, func(t *testing.T) {
				bouncer := startPgBouncer(t, server, logins(), "pool_mode = "+mode, setting)
				cfg, err := config.Load([]string{"ADDR=127.0.0.1:0", "ADMIN_ADDR=", "DATABASE_URL=" + bouncer.url()}, providerSettings()...)
				if err != nil {
					t.Fatal(err)
				}
				app, err := New(t.Context(), cfg, slog.New(slog.DiscardHandler))
				if err == nil {
					_ = app.Close()
				}
				if err == nil || !strings.Contains(err.Error(), "set pool_mode = session") {
					t.Errorf("it started, or does not name the remedy: %v", err)
				}
			})
		}
	}
	t.Run("OKRestart", func(t *testing.T) {
		bouncer := startPgBouncer(t, server, logins(), "pool_mode = session")
		failover(t, bouncer.url(), func(becomes func(ready int)) {
			bouncer.stop()
			becomes(503)
			bouncer.start()
		}, server)
	})
	t.Run("OKOneUser", func(t *testing.T) {
		bouncer := startPgBouncer(t, server, nil, "pool_mode = session", ignored)
		u := signedIn(t, startApp(t, bouncer.url()).URL(), "ada", "CUSTOMER")
		id := u.order(t, "sim_approve")
		await(t.Context(), t, func() bool {
			var data struct{ Order struct{ Status string } }
			err := u.graphql(t.Context(), `query ($id: ID!) { order(id: $id) { status } }`, map[string]any{"id": id}, &data)
			return err == nil && data.Order.Status == "DELIVERED"
		})
	})
}
