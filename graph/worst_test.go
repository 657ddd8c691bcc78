package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/schema"
)

// most is the largest figure of some measurements, in milliseconds.
func most(all []measurement, figure func(measurement) time.Duration) float64 {
	var largest time.Duration
	for _, m := range all {
		largest = max(largest, figure(m))
	}
	return float64(largest) / 1e6
}

func newWorst(t *testing.T, db *sqlx.DB) *worst {
	t.Helper()
	w := &worst{
		schema: gqlparser.MustLoadSchema(&ast.Source{Input: schema.SDL()}), random: rand.New(rand.NewPCG(5, 6)), //nolint:gosec // any will do
	}
	w.guard = guard.New(guard.Config{Schema: w.schema, Limits: guard.Defaults()})
	keys := func(kind id.Kind, statement string) []string {
		var raw [][]byte
		if err := db.Select(&raw, statement); err != nil {
			t.Fatal(err)
		}
		ids := make([]string, len(raw))
		for i := range raw {
			ids[i] = strconv.Quote(id.Format(kind, [16]byte(raw[i])))
		}
		return ids
	}
	orders := keys(id.OrderKind, `SELECT uuid_send(id) FROM orders ORDER BY id DESC LIMIT 100`)
	payments := keys(id.PaymentKind, `SELECT uuid_send(max(id::text)::uuid) FROM payments WHERE order_id IN (SELECT id FROM orders ORDER BY id DESC LIMIT 100) GROUP BY order_id`)
	refunds := keys(id.RefundKind, `SELECT uuid_send(max(id::text)::uuid) FROM refunds WHERE order_id IN (SELECT id FROM orders ORDER BY id DESC LIMIT 100) GROUP BY order_id`)
	products := keys(id.ProductKind, `SELECT uuid_send(id) FROM products LIMIT 100`)
	list := func(ids []string) string { return "[" + strings.Join(ids, ", ") + "]" }
	w.ids = strings.NewReplacer("$ORDERS", list(orders), "$PAYMENTS", list(payments), "$REFUNDS", list(refunds), "$ORDER", orders[0], "$PAYMENT", payments[0])
	some := func(ids ...string) string { return "ids: [" + strings.Join(ids, ", ") + "]" }
	w.products = products
	w.arguments = map[string][]string{
		"Query.node":    {"id: " + orders[0], "id: " + payments[0], "id: " + refunds[0], "id: " + products[0]},
		"Query.nodes":   {some(orders...), some(payments...), some(refunds...), some(products...), some(orders[:20]...), some(payments[:20]...), some(refunds[:20]...), some(slices.Repeat(orders[:1], 100)...)},
		"Query.product": {"id: " + products[0]}, "Query.order": {"id: " + orders[0], "number: \"OW-ABC\""}, "Query.payment": {"id: " + payments[0]},
		"Query.stats": {"window: LAST_DAY", "window: LAST_HOUR"},
		"Query.orders": {
			"", "", "filter: {status: [CANCELLED]}", "filter: {paymentStatus: [EXPIRED]}", "filter: {paymentStatus: [CONFIRMED]}", "filter: {search: \"nothing\"}", "filter: {search: \"9\"}",
			`filter: {search: "` + strings.Repeat("%_", 50) + `", paymentStatus: [VOIDED, EXPIRED], createdAt: {from: "2020-01-01T00:00:00Z"}}`,
			`filter: {search: "` + strings.Repeat("𐐀", 100) + `"}`, `filter: {search: "𐐀"}`,
		},
		"Query.products":          {"", `filter: {search: "nothing"}`, `filter: {search: "` + strings.Repeat("𐐀", 100) + `", currency: "EUR"}`, `filter: {currency: "USD"}`},
		"Query.orphanedCharges":   {"", "includeResolved: true"},
		"Query.webhookDeliveries": {"", "status: DELIVERED", "status: PENDING", "status: FAILED"},
	}
	return w
}

// largestOrder is a mutation that places an order with all that one can have and shows it.
func (w *worst) largestOrder() admitted {
	wide := func(n int) string { return strings.Repeat("𝕏", n) }
	var items, metadata []any
	for i := range 100 {
		items = append(items, map[string]any{"productId": strings.Trim(w.products[i], `"`), "quantity": 1})
	}
	for i := range 20 {
		metadata = append(metadata, map[string]any{"key": wide(38) + strconv.Itoa(10+i), "value": wide(500)})
	}
	return admitted{
		kind: "orderCreate",
		text: `mutation($key: String!, $items: [OrderItemInput!]!, $metadata: [MetadataInput!]!, $note: String!) {
			orderCreate(input: {idempotencyKey: $key, items: $items, metadata: $metadata, note: $note}) { userErrors { code message } order { id number status
			lines { name quantity total { amount } unitPrice { amount } product { id name description } } metadata { key value } note payments { id status } total { amount } } } }`,
		variables: map[string]any{"key": "", "items": items, "metadata": metadata, "note": wide(500)},
	}
}

// measurement has the cost of one document, on average of some runs.
type measurement struct {
	admitted
	as               auth.Principal
	server, database time.Duration
	bytes            int
	peak             int64
	code             string
}

func (m measurement) String() string {
	return fmt.Sprintf("%s %s: server %.1f ms, database %.1f ms, %d bytes, peak %.1f MiB, cost %d %s", m.kind, m.as.Role, float64(m.server)/1e6, float64(m.database)/1e6,
		m.bytes, float64(m.peak)/(1<<20), m.cost.Requested, m.code)
}

// meter reads the processor's clock of this process and of all of the database's.
type meter struct {
	t          *testing.T
	world      *world
	postmaster string
}

func newMeter(t *testing.T, w *world) *meter {
	t.Helper()
	var backend int
	if err := w.db.Get(&backend, `SELECT pg_backend_pid()`); err != nil {
		t.Fatal(err)
	}
	return &meter{t: t, world: w, postmaster: processStat(t, strconv.Itoa(backend))[1]}
}

func (m *meter) measure(p auth.Principal, a admitted, times int) measurement {
	m.t.Helper()
	return m.measureBy(p, a, times, func() []byte {
		if _, creates := a.variables["key"]; creates {
			a.variables["key"] = uuid.NewString()
		}
		body, err := json.Marshal(map[string]any{"query": a.text, "variables": a.variables})
		if err != nil {
			m.t.Fatal(err)
		}
		return m.world.post(p, body)
	})
}

// measureBy measures what run does, times times after a first one, or once.
func (m *meter) measureBy(p auth.Principal, a admitted, times int, run func() []byte) measurement {
	m.t.Helper()
	if times > 1 {
		run()
	}
	runtime.GC()
	before := heap()
	ctx, cancel := context.WithCancel(m.t.Context())
	peak := make(chan int64)
	go watchHeap(ctx, before, peak)
	server, database := ownCPU(m.t), m.databaseCPU()
	var answer []byte
	for range times {
		answer = run()
	}
	n := time.Duration(times)
	result := measurement{admitted: a, as: p, server: (ownCPU(m.t) - server) / n, database: (m.databaseCPU() - database) / n, bytes: len(answer)}
	cancel()
	result.peak = <-peak
	var said struct {
		Errors []struct {
			Extensions struct{ Code string }
		}
		Data map[string]json.RawMessage
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		m.t.Fatal(err)
	}
	if len(said.Errors) > 0 {
		result.code = said.Errors[0].Extensions.Code
	}
	for _, field := range said.Data {
		var payload struct{ Refused []struct{ Code string } }
		if json.Unmarshal(field, &payload) == nil && len(payload.Refused) > 0 { // a mutation of measureMutations
			result.code = payload.Refused[0].Code
		}
	}
	return result
}

func heap() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64()) //nolint:gosec // less than there is memory
}

// watchHeap sends, when ctx ends, the heap's largest growth.
func watchHeap(ctx context.Context, before int64, peak chan<- int64) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	most := heap() - before
	for {
		select {
		case <-ctx.Done():
			peak <- max(most, heap()-before)
			return
		case <-tick.C:
			most = max(most, heap()-before)
		}
	}
}

func ownCPU(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// background are the titles of PostgreSQL's processes that work for no statement in particular.
var background = regexp.MustCompile(`^postgres: .*(checkpointer|background writer|walwriter|autovacuum|logical replication)`)

// databaseCPU is the processor time of the database server's processes, those that have ended included, without the background
// processes.
func (m *meter) databaseCPU() time.Duration {
	m.t.Helper()
	postmaster := processStat(m.t, m.postmaster)
	var total time.Duration
	for _, field := range postmaster[11:15] { // utime, stime, cutime, cstime (proc(5)), in ticks of 10 ms
		ticks, err := strconv.Atoi(field)
		if err != nil {
			m.t.Fatal(err)
		}
		total += time.Duration(ticks) * 10 * time.Millisecond
	}
	children, err := filepath.Glob("/proc/" + m.postmaster + "/task/*/children")
	if err != nil || len(children) == 0 {
		m.t.Fatal(children, err)
	}
	raw, err := os.ReadFile(children[0])
	if err != nil {
		m.t.Fatal(err)
	}
	for _, child := range strings.Fields(string(raw)) {
		if title, err := os.ReadFile("/proc/" + child + "/cmdline"); err != nil || background.Match(title) {
			continue
		}
		spent, err := os.ReadFile("/proc/" + child + "/schedstat") // nanoseconds on the processor first
		if err != nil {
			continue // it has ended
		}
		ns, err := strconv.ParseInt(strings.Fields(string(spent))[0], 10, 64)
		if err != nil {
			m.t.Fatal(err)
		}
		total += time.Duration(ns)
	}
	return total
}

// processStat are the fields of /proc/PID/stat behind the name: state, parent, …
func processStat(t *testing.T, pid string) []string {
	t.Helper()
	raw, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	return strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
}
