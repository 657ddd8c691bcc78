package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/orderwire/orderwire/internal/debian"
)

// cluster is a PostgreSQL as administrators run it, with the tools that they back it up with.
type cluster struct {
	t      *testing.T
	folder string
	port   string
	cmd    *exec.Cmd
}

// program finds a program of PostgreSQL's: all of one version.
func program(t *testing.T, name string) string {
	t.Helper()
	installed, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		t.Fatal(err)
	}
	for _, postgres := range installed {
		path := filepath.Join(filepath.Dir(postgres), name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return debian.Program(t, "postgresql", name)
}

// administrator lets root run programs of PostgreSQL that refuse root.
func administrator(t *testing.T) *syscall.SysProcAttr {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if found, err := osuser.Lookup(name); err == nil {
			uid, _ := strconv.Atoi(found.Uid)
			gid, _ := strconv.Atoi(found.Gid)
			return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		}
	}
	t.Fatal("PostgreSQL refuses to run as root, and there is neither a postgres nor a nobody account")
	return nil
}

// newCluster is a cluster that does not run yet, in a folder that its account may write to.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	parent, err := os.MkdirTemp("", "orderwire-cluster-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	if as := administrator(t); as != nil {
		if err := os.Chown(parent, int(as.Credential.Uid), int(as.Credential.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	_ = listener.Close()
	return &cluster{t: t, folder: filepath.Join(parent, "data"), port: port}
}

// tool runs one of PostgreSQL's tools.
func (c *cluster) tool(name string, args ...string) {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), program(c.t, name), args...)
	cmd.Dir, cmd.SysProcAttr = "/", administrator(c.t)
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func (c *cluster) initialise() {
	c.t.Helper()
	c.tool("initdb", "-D", c.folder, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
}

func (c *cluster) start() {
	c.t.Helper()
	c.cmd = exec.Command(program(c.t, "postgres"), "-D", c.folder, "-p", c.port, "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "shared_buffers=16MB", "-c", "fsync=off")
	c.cmd.Dir, c.cmd.SysProcAttr = "/", administrator(c.t)
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(c.stop)
	ready := program(c.t, "pg_isready")
	await(c.t.Context(), c.t, func() bool {
		return exec.CommandContext(c.t.Context(), ready, "-h", "127.0.0.1", "-p", c.port).Run() == nil
	})
}

// stop is a fast shutdown.
func (c *cluster) stop() {
	if c.cmd == nil {
		return
	}
	if err := c.cmd.Process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.t.Error(err)
	}
	_ = c.cmd.Wait()
	c.cmd = nil
}

// url of a database, for programs of PostgreSQL and of ours.
func (c *cluster) url(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Host: fmt.Sprintf("127.0.0.1:%s", c.port), Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// use has a server use a database.
func (p *process) use(databaseURL string) { p.env = append(p.env, "DATABASE_URL="+databaseURL) }
