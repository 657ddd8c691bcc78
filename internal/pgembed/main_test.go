package pgembed_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/pgembed"
)

// serverVariable makes the test binary a server: a process that starts the cluster of the folder it names and waits
// to be killed.
const serverVariable = "ORDERWIRE_PGEMBED_TEST_SERVER"

// connectVariable makes the test binary a client of the database at the URL it names, for a test to run as another
// account.
const connectVariable = "ORDERWIRE_PGEMBED_TEST_CONNECT"

// patience bounds every wait of a test; it is no expectation of speed.
const patience = eventually.Patience

func TestMain(m *testing.M) {
	if dir := os.Getenv(serverVariable); dir != "" {
		serve(dir)
		return
	}
	if url := os.Getenv(connectVariable); url != "" {
		connect(url)
		return
	}
	os.Exit(m.Run())
}

// connect prints the answer to a connection's first query.
func connect(url string) {
	db, err := sql.Open("postgres", url)
	if err == nil {
		err = db.PingContext(context.Background())
	}
	fmt.Println("the answer:", err)
}

// serve prints postgres' pid and the URL, or the error of the start, and waits until its standard input ends.
func serve(dir string) {
	cluster, err := pgembed.Start(context.Background(), config(dir))
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(postmasterPID(dir), cluster.URL(pgembed.Database))
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := cluster.Stop(context.Background()); err != nil {
		os.Exit(1)
	}
}

// config is for a cluster that may be lost in a crash of the machine, which makes it cheaper.
func config(dir string) pgembed.Config {
	return pgembed.Config{
		DataDir:  dir,
		Bin:      os.Getenv("PG_BIN"),
		Settings: map[string]string{"fsync": "off", "shared_buffers": "16MB", "max_connections": "20"},
		Logger:   slog.New(slog.DiscardHandler),
	}
}

// dataDir is a folder that the account of root's PostgreSQL can enter, as t.TempDir's is not.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "owpg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// start runs a cluster until the test ends.
func start(t *testing.T, cfg pgembed.Config) *pgembed.Cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cluster, err := pgembed.Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, cluster) })
	return cluster
}

func stop(t *testing.T, cluster *pgembed.Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := cluster.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// open is a pool on a database.
func open(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Error(err)
		return nil
	}
	return db
}

// query executes statements in the database Database and returns the last one's only value.
func query(t *testing.T, cluster *pgembed.Cluster, statements ...string) string {
	t.Helper()
	return queryURL(t, cluster.URL(pgembed.Database), statements...)
}

func queryURL(t *testing.T, url string, statements ...string) string {
	t.Helper()
	db := open(t, url)
	defer func() { _ = db.Close() }()
	last := len(statements) - 1
	for _, statement := range statements[:last] {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	var value string
	if err := db.QueryRowContext(t.Context(), statements[last]).Scan(&value); err != nil {
		t.Fatalf("%s: %v", statements[last], err)
	}
	return value
}

// server is another process that runs a cluster.
type server struct {
	cmd *exec.Cmd
	// postgres is the pid of its postgres.
	postgres int
	// url is that of the database Database.
	url string
}

func startServer(t *testing.T, dir string) server {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serverVariable+"="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	s := server{cmd: cmd}
	if _, err := fmt.Sscanf(line, "%d %s", &s.postgres, &s.url); err != nil {
		t.Fatalf("the server said %q", line)
	}
	return s
}

// kill is kill -9, after which the process is gone.
func (s server) kill(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait()
}

// postmasterPID reads the pid file of a data folder's cluster; 0 when there is none.
func postmasterPID(dir string) (pid int) {
	text, err := os.ReadFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"))
	if err != nil {
		return 0
	}
	_, _ = fmt.Sscanf(string(text), "%d", &pid)
	return pid
}

// gone reports whether a process has ended. A zombie has: where pid 1 does not collect orphans, they stay.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

// await polls a condition that another process brings about.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-deadline:
			t.Errorf("waited %v for %s", patience, what)
			return
		case <-tick.C:
		}
	}
}
