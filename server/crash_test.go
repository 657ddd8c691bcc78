package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/soak"
)

// process is the real server program, which can be killed.
type process struct {
	t    *testing.T
	path string
	args []string
	env  []string
	addr string
	cmd  *exec.Cmd
}

func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}
	return path
}

func newProcess(t *testing.T, databaseURL string, env ...string) *process {
	t.Helper()
	// A port of its own that stays the same across restarts, as behind a name.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	_ = listener.Close()
	return &process{
		t: t, path: build(t), addr: addr,
		env: append([]string{"PATH=" + os.Getenv("PATH"), "ADDR=" + addr, "ADMIN_ADDR=", "DATABASE_URL=" + databaseURL, "LOG_LEVEL=warn"}, env...),
	}
}

func (p *process) url() string { return "http://" + p.addr }

// start returns when the server says that it is ready.
func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Env = p.env
	p.cmd.Stderr = p.t.Output()
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || !strings.Contains(line, "ready") {
		p.t.Fatalf("the server did not start: %q, %v", line, err)
	}
}

// kill is kill -9.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Error(err)
	}
	_ = p.cmd.Wait()
}

const orderCreate = `mutation ($input: OrderCreateInput!) {
	orderCreate(input: $input) { order { id version } replayed userErrors { code message } } }`

// place creates an order and repeats the request, with the same key, until it was answered, whatever is killed. A refusal that no repetition
// mends is returned.
func place(ctx context.Context, c *client, productID, token string) (orderID string, err error) {
	input := map[string]any{
		"idempotencyKey": uuid.NewString(), "paymentMethod": map[string]any{"token": token},
		"items": []any{map[string]any{"productId": productID, "quantity": 1}},
	}
	for {
		var data struct {
			OrderCreate struct {
				Order      struct{ ID string }
				UserErrors []struct{ Code, Message string }
			}
		}
		err := c.graphql(ctx, orderCreate, map[string]any{"input": input}, &data)
		if err == nil && len(data.OrderCreate.UserErrors) > 0 {
			return "", fmt.Errorf("refused: %v", data.OrderCreate.UserErrors)
		}
		if err == nil {
			return data.OrderCreate.Order.ID, nil
		}
		if ctx.Err() != nil || forGood(err) {
			return "", errors.Join(ctx.Err(), err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond): // a pause between attempts; the result does not depend on its length
		}
	}
}

// forGood reports whether an answer would be the same if the request were repeated.
func forGood(err error) bool {
	refused, is := errors.AsType[*refusedError](err)
	return is && (strings.Contains(refused.payload, `"UNAUTHENTICATED"`) || strings.Contains(refused.payload, `"FORBIDDEN"`) ||
		strings.Contains(refused.payload, `"BAD_USER_INPUT"`))
}

// 200 orders are created concurrently while 200 subscribers watch, and the server is killed twice meanwhile. Every
// subscriber ends with every version once and in order, every order ends, and the provider's ledger agrees with ours.
func TestCrash(t *testing.T) {
	t.Parallel()
	databaseURL := postgrestest.URL(t)
	db := postgrestest.Connect(t, databaseURL).DB
	server := newProcess(t, databaseURL, "PAYMENT_STEP_DELAY=150ms", "DELIVERY_DELAY=150ms", "ORDER_EXPIRY=15s", "SIMULATED_ACTION_EXPIRY=14s")
	server.start()
	t.Cleanup(func() { server.kill() })
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	ada, err := signIn(ctx, server.url(), "ada", "CUSTOMER")
	if err != nil {
		t.Fatal(err)
	}
	var products struct {
		Products struct{ Nodes []struct{ ID string } }
	}
	if err := ada.graphql(ctx, `{ products(first: 1) { nodes { id } } }`, nil, &products); err != nil {
		t.Fatal(err)
	}
	productID := products.Products.Nodes[0].ID

	const n = 200
	tokens := simulated.UndisturbedTokens()
	var deliveries atomic.Int64
	var wg sync.WaitGroup
	ids := make([]string, n)
	histories := make([][]item, n)
	for i := range n {
		wg.Go(func() {
			var err error
			if ids[i], err = place(ctx, ada, productID, tokens[i%len(tokens)]); err != nil {
				t.Error(err)
				return
			}
			err = watchOrder(server.url(), ada.token, ids[i]).run(ctx, func(it item) error {
				histories[i] = append(histories[i], it)
				deliveries.Add(1)
				if it.Order.Status == "DELIVERED" || it.Order.Status == "CANCELLED" {
					return errStop
				}
				return nil
			})
			if err != nil {
				t.Errorf("subscriber %d: %v after %v", i, err, kinds(histories[i]))
			}
		})
	}
	for _, after := range []int64{n / 2, 3 * n / 2} {
		await(ctx, t, func() bool { return deliveries.Load() >= after })
		server.kill()
		server.start()
	}
	wg.Wait()

	for i, history := range histories {
		checkHistory(t, i, history)
	}
	checkLedger(t, db)
	checkLog(t, db, n)
}

func kinds(history []item) (words []string) {
	for _, it := range history {
		words = append(words, fmt.Sprintf("%s/%d", it.Kind, it.Order.Version))
	}
	return words
}

// await polls a condition of other goroutines, for eventually.Patience at most.
func await(ctx context.Context, t *testing.T, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, eventually.Patience)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatal("waited too long")
		case <-ticker.C:
		}
	}
}

// checkHistory wants one SNAPSHOT and then every later version once, in order.
func checkHistory(t *testing.T, subscriber int, history []item) {
	t.Helper()
	if len(history) == 0 || history[0].Kind != "SNAPSHOT" {
		t.Errorf("subscriber %d: got %v", subscriber, kinds(history))
		return
	}
	for i, it := range history[1:] {
		want := history[0].Order.Version + i + 1
		if it.Kind != "EVENT" || it.Event.Version != want || it.Order.Version != want {
			t.Errorf("subscriber %d: item %d is not version %d: %v", subscriber, i+1, want, kinds(history))
			return
		}
	}
}

// checkLedger compares the provider's ledger with our books, order by order.
func checkLedger(t *testing.T, db *sqlx.DB) {
	t.Helper()
	problems, err := soak.CheckLedger(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Error(problem)
	}
}

// checkLog wants n orders, versions without gaps, and every event once in the feed.
func checkLog(t *testing.T, db *sqlx.DB, n int) {
	t.Helper()
	var counts struct {
		Orders   int `db:"orders"`
		Gaps     int `db:"gaps"`
		Unplaced int `db:"unplaced"`
		Disorder int `db:"disorder"`
	}
	await(t.Context(), t, func() bool {
		err := db.GetContext(t.Context(), &counts, `SELECT
			(SELECT count(*) FROM orders) AS orders,
			(SELECT count(*) FROM orders o WHERE version <> (SELECT count(*) FROM order_events e WHERE e.order_id = o.id)) AS gaps,
			(SELECT count(*) FROM order_events e WHERE NOT EXISTS (SELECT FROM feed f WHERE f.order_id = e.order_id AND f.version = e.version)) AS unplaced,
			(SELECT count(*) FROM feed a JOIN feed b USING (order_id) WHERE a.position < b.position AND a.version > b.version) AS disorder`)
		if err != nil {
			t.Fatal(err)
		}
		return counts.Unplaced == 0
	})
	if counts.Orders != n || counts.Gaps != 0 || counts.Disorder != 0 {
		t.Errorf("got %+v, want %d orders and no gap", counts, n)
	}
}
