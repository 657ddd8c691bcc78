package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/orderwire/orderwire/internal/pgembed"
)

// lab is the environment of the measurements: one cluster, and the processes started on it.
type lab struct {
	cfg     Config
	cluster *pgembed.Cluster
	bin     string // of pgbench; empty when there is none
	// grown is the database with many orders, once it is made; started: a database for starts is there.
	grown   string
	started bool
}

func openLab(ctx context.Context, cfg Config) (*lab, error) {
	l := &lab{cfg: cfg, bin: findPgbench()}
	l.say("starting a private PostgreSQL")
	cluster, err := pgembed.Start(ctx, pgembed.Config{
		DataDir: cfg.Folder, Bin: os.Getenv("PG_BIN"), Logger: slog.New(slog.NewTextHandler(cfg.Log, nil)),
		Settings: map[string]string{"max_connections": "200", "max_wal_size": "4GB"},
	})
	if err != nil {
		return nil, err
	}
	l.cluster = cluster
	if err := l.sweep(ctx); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *lab) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := l.cluster.Stop(ctx); err != nil {
		l.say("PostgreSQL did not stop: %v", err)
	}
}

func (l *lab) say(format string, args ...any) {
	fmt.Fprintf(l.cfg.Progress, format+"\n", args...)
}

// program is a process that was started and says a line when it is ready.
type program struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	addr  string
	admin string
	// database is the URL of a server's.
	database string
}

// start runs a program and returns when it has said its first line.
func start(ctx context.Context, log io.Writer, env []string, name string, args ...string) (*program, string, error) {
	p := &program{cmd: exec.CommandContext(ctx, name, args...)}
	p.cmd.Env = environment(env...)
	p.cmd.Stderr = log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, "", err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, "", err
	}
	p.out = bufio.NewReader(stdout)
	line, err := p.line()
	if err != nil {
		return nil, "", errors.Join(err, p.stop())
	}
	return p, line, nil
}

// environment returns a program's environment variables: of ours only the ones that it needs.
func environment(env ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
}

// line is the next line the program says.
func (p *program) line() (string, error) {
	line, err := p.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%s ended: %w", filepath.Base(p.cmd.Path), err)
	}
	return strings.TrimSpace(line), nil
}

// ask lets the program continue and reads its answer, a JSON object in a line.
func (p *program) ask(answer any) error {
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		return err
	}
	line, err := p.line()
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(line), answer)
}

// stop asks the program to end and waits.
func (p *program) stop() error {
	_ = p.in.Close() // it may be gone
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	err := p.cmd.Wait()
	if _, ended := errors.AsType[*exec.ExitError](err); ended {
		return nil // of the signal
	}
	return err
}

// server starts the real server on an empty database of its own.
func (l *lab) server(ctx context.Context, env ...string) (*program, error) {
	database, err := l.database(ctx)
	if err != nil {
		return nil, err
	}
	return l.serverOn(ctx, database, env...)
}

// serverOn starts the real server on a database. The limits on connections are out of the way, nothing else is.
func (l *lab) serverOn(ctx context.Context, database string, env ...string) (*program, error) {
	addr, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	admin, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	p, line, err := start(ctx, l.cfg.Log, append([]string{
		"ADDR=" + addr, "ADMIN_ADDR=" + admin, "DATABASE_URL=" + l.cluster.URL(database), "LOG_LEVEL=warn",
		"MAX_SOCKETS=100000", "MAX_SOCKETS_PER_USER=100000", "MAX_SOCKETS_PER_ADDRESS=100000", "MAX_CONNECTIONS=200000", "MAX_CONNECTIONS_PER_ADDRESS=100000",
		"PAYMENT_STEP_DELAY=1h", "ORDER_EXPIRY=24h", // an order rests once it is placed
	}, env...), l.cfg.Server)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(line, "ready") {
		return nil, errors.Join(fmt.Errorf("the server said %q", line), p.stop())
	}
	p.addr, p.admin, p.database = addr, admin, l.cluster.URL(database)
	return p, nil
}

// naive starts the naive server on an empty database of its own, with so much time before each step of an order.
func (l *lab) naive(ctx context.Context, delay time.Duration) (*program, error) {
	database, err := l.database(ctx)
	if err != nil {
		return nil, err
	}
	var at struct{ Addr string }
	p, err := l.self(ctx, &at, "naive", l.cluster.URL(database), delay.String())
	if err != nil {
		return nil, err
	}
	p.addr, p.database = at.Addr, l.cluster.URL(database)
	return p, nil
}

// self starts this program as another part of a measurement; its first line is a JSON object.
func (l *lab) self(ctx context.Context, ready any, args ...string) (*program, error) {
	p, line, err := start(ctx, l.cfg.Log, nil, l.cfg.Self, args...)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(line), ready); err != nil {
		return nil, errors.Join(fmt.Errorf("%q: %w", line, err), p.stop())
	}
	return p, nil
}

func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// metric reads one figure of the server's /metrics.
func (p *program) metric(ctx context.Context, name string) (float64, error) {
	u := url.URL{Scheme: "http", Host: p.admin, Path: "/metrics"}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		var value float64
		if rest, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			_, err := fmt.Sscan(rest, &value)
			return value, err
		}
	}
	return 0, errors.Join(fmt.Errorf("no metric %s", name), lines.Err())
}
