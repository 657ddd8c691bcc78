package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// The Go example prints each version once, although its connection is cut after every line.
func TestExampleWatch(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t), "PAYMENT_STEP_DELAY=200ms", "DELIVERY_DELAY=200ms")
	front := newCuttingProxy(t, strings.TrimPrefix(app.URL(), "http://"))

	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	path := filepath.Join(t.TempDir(), "watch")
	if output, err := exec.CommandContext(ctx, "go", "build", "-o", path, "../examples/watch").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}
	watch := exec.CommandContext(ctx, path, "-url", "http://"+front.addr, "-user", "ada")
	watch.Stderr = t.Output()
	stdout, err := watch.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	var got, reconnects []string
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "reconnecting: "):
			reconnects = append(reconnects, line)
		case strings.HasPrefix(line, "ordered order_"):
		default:
			got = append(got, line)
			front.cut()
		}
	}
	if err := watch.Wait(); err != nil {
		t.Fatalf("watch: %v after %q", err, got)
	}
	// The snapshot has the order's state when the example joined; every later event follows once.
	var joined int
	if len(got) > 0 {
		_, _ = fmt.Sscanf(got[0], "%d SNAPSHOT", &joined)
	}
	if joined == 0 {
		t.Fatalf("no snapshot comes first: %q", got)
	}
	want := []string{got[0]}
	for _, line := range walk[joined:] {
		want = append(want, line[:strings.LastIndex(line, " ")]) // without the payment's status
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(reconnects) == 0 {
		t.Error("no connection was cut, so nothing was resumed")
	}
}

// cuttingProxy forwards TCP connections and cuts them when it is told to.
type cuttingProxy struct {
	addr string
	mu   sync.Mutex
	open []net.Conn
}

func newCuttingProxy(t *testing.T, target string) *cuttingProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &cuttingProxy{addr: listener.Addr().String()}
	var forwarding sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		p.cut()
		forwarding.Wait()
	})
	forwarding.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			p.mu.Lock()
			p.open = append(p.open, client, server)
			p.mu.Unlock()
			for from, to := range map[net.Conn]net.Conn{client: server, server: client} {
				forwarding.Go(func() {
					_, _ = io.Copy(to, from)
					_ = to.Close()
				})
			}
		}
	})
	return p
}

// cut ends all connections.
func (p *cuttingProxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		_ = c.Close()
	}
	p.open = nil
}
