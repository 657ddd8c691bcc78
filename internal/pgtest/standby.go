package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/orderwire/orderwire/internal/debian"
)

// Server is a PostgreSQL of a test's own, Debian's, that it can stop, copy and promote. It listens on loopback and trusts everybody there.
type Server struct {
	t        testing.TB
	dir      string
	programs map[string]string // paths by name
	Port     int
}

const (
	// debianPostgres is the package of the servers.
	debianPostgres = "postgresql-15"
	superuser      = "orderwire"
)

// NewServer makes and starts a server. settings are lines of postgresql.conf.
func NewServer(t testing.TB, settings ...string) *Server {
	t.Helper()
	s := newServer(t)
	s.run("initdb", "-D", s.data(), "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	s.configure(append([]string{"fsync = off", "max_connections = 100", "wal_level = replica", "hot_standby = on", "max_wal_senders = 4"}, settings...)...)
	s.Start()
	return s
}

// Standby copies a running server and has the copy follow it.
func (s *Server) Standby() *Server {
	s.t.Helper()
	standby := newServer(s.t)
	s.run("pg_basebackup", "-D", standby.data(), "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-U", superuser, "-R", "-X", "stream", "-c", "fast", "--no-sync")
	standby.configure()
	standby.Start()
	return standby
}

// Start starts a server that does not run.
func (s *Server) Start() {
	s.t.Helper()
	s.control("start", "-l", filepath.Join(s.dir, "log"), "-o", "-p "+strconv.Itoa(s.Port))
}

// Stop stops it, how is pg_ctl's mode: fast ends its sessions, immediate is a crash.
func (s *Server) Stop(how string) { s.t.Helper(); s.control("stop", "-m", how) }

// Promote has a standby take writes from now on.
func (s *Server) Promote() { s.t.Helper(); s.control("promote") }

// Demote makes a standby of a stopped server, which it stays until it is promoted.
func (s *Server) Demote() {
	s.t.Helper()
	path := filepath.Join(s.data(), "standby.signal")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.own(path)
}

// Address is host:port.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// URL of a database.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", superuser, s.Address(), database)
}

func newServer(t testing.TB) *Server {
	t.Helper()
	// Not t.TempDir, whose parents only this account can enter.
	dir, err := os.MkdirTemp("", "orderwire-server-")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, dir: dir, programs: map[string]string{}, Port: listener.Addr().(*net.TCPAddr).Port} //nolint:errcheck // of a TCP listener
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	s.own(dir)
	for _, program := range []string{"initdb", "pg_basebackup", "pg_ctl"} {
		s.programs[program] = debian.Program(t, debianPostgres, program)
	}
	end := s.endWithProcess()
	t.Cleanup(func() {
		if t.Failed() {
			said, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("%s: %s", s.Address(), said[max(0, len(said)-4000):])
		}
		end()
	})
	return s
}

// endWithProcess starts a watcher that stops the server and removes its folder when end is called, or when this process ends, however
// that happens: the watcher reads from a pipe that only this process can write to.
func (s *Server) endWithProcess() (end func()) {
	s.t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	watcher := exec.Command("sh", "-c", `cat; [ ! -e "$2/postmaster.pid" ] || "$1" stop -D "$2" -m immediate -w; rm -rf "$3"`, //nolint:noctx // it outlives the test
		"sh", s.programs["pg_ctl"], s.data(), s.dir)
	watcher.Stdin = read
	AsAccount(s.t, watcher, s.dir)
	if watcher.SysProcAttr == nil {
		watcher.SysProcAttr = &syscall.SysProcAttr{}
	}
	watcher.SysProcAttr.Setsid = true // what ends the tests' process group does not end it
	err = watcher.Start()
	if err := errors.Join(err, read.Close()); err != nil {
		s.t.Fatal(err)
	}
	return func() {
		_ = write.Close()
		_ = watcher.Wait() // there is nobody to tell
	}
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) configure(lines ...string) {
	s.t.Helper()
	path := filepath.Join(s.data(), "postgresql.conf")
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, line := range append(lines, "listen_addresses = '127.0.0.1'", "unix_socket_directories = ''") {
		if _, err := fmt.Fprintln(file, line); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) control(action string, args ...string) {
	s.t.Helper()
	s.run("pg_ctl", append([]string{action, "-D", s.data(), "-w", "-t", "120"}, args...)...)
}

func (s *Server) run(program string, args ...string) {
	s.t.Helper()
	command := s.command(program, args...)
	// Files and not pipes: what pg_ctl starts keeps them open.
	said, err := os.CreateTemp("", "orderwire-said-")
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = said.Close(); _ = os.Remove(said.Name()) }()
	command.Stdout, command.Stderr = said, said
	if err := command.Run(); err != nil {
		text, errRead := os.ReadFile(said.Name())
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		s.t.Fatalf("%s %v: %v\n%s\n%s", program, args, errors.Join(err, errRead), text, log)
	}
}

func (s *Server) command(program string, args ...string) *exec.Cmd {
	s.t.Helper()
	command := exec.CommandContext(context.Background(), s.programs[program], args...)
	command.Dir = s.dir
	command.Env = append(os.Environ(), "LC_ALL=C")
	if uid, gid, ok := account(s.t); ok {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	}
	return command
}

func (s *Server) own(path string) {
	s.t.Helper()
	if uid, gid, ok := account(s.t); ok {
		if err := os.Chown(path, int(uid), int(gid)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// account returns the account as which root runs PostgreSQL, which refuses root; ok is false for other users.
func account(t testing.TB) (uid, gid uint32, ok bool) {
	t.Helper()
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	u, errUID := strconv.ParseUint(nobody.Uid, 10, 32)
	g, errGID := strconv.ParseUint(nobody.Gid, 10, 32)
	if err := errors.Join(errUID, errGID); err != nil {
		t.Fatal(err)
	}
	return uint32(u), uint32(g), true
}

// AsAccount has root start a program under the account that NewServer's runs as, and owns the files in its folder so that it can read them.
func AsAccount(t testing.TB, command *exec.Cmd, folder string) {
	t.Helper()
	uid, gid, ok := account(t)
	if !ok {
		return
	}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	err := filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chown(path, int(uid), int(gid)))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Log returns the server's log.
func (s *Server) Log() string {
	s.t.Helper()
	said, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(said)
}
