package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/pgtest"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

const (
	// shopRounds of three shoppers and six orders each, of which three stay unfinished.
	shopRounds = 30
	// boardEvery is after how many rounds of each customer staff look at the board.
	boardEvery = 5
	// indexBuilds bounds the scans of order_work by migrations, which build its indexes while it is empty.
	indexBuilds = 8
	// maxRead is the largest number of rows that one statement may read of a table: a page of the hub, not all 540 orders of the
	// customer, all 270 that are not finished, or all 2,000 events.
	maxRead = 256
)

// small are tables with one row, or as many as staff or operators make.
var small = []string{"event_log", "feed_partitions", "goose_db_version", "products", "reconciliation", "settings", "webhook_endpoints", "webhook_fanout"}

// bounded are statements that read more on purpose: the board's figures, which are kept for a moment, and lists with a filter that no
// index serves, which examine a bounded window.
var bounded = []string{"AS in_flight", "examined AS MATERIALIZED"}

// TestReadsByIndex runs a shop on a fresh database whose tables were never analyzed, from the first order on. A connection keeps the plans
// that it made while the tables were empty, so one bad plan would read all rows ever after. PostgreSQL counts the rows that were read by
// going through whole tables, and Debian's, of everybody's settings, also explains each statement, since a plan may go through a whole
// index instead.
func TestReadsByIndex(t *testing.T) {
	t.Parallel()
	t.Run("Embedded", func(t *testing.T) {
		t.Parallel()
		url := postgrestest.URL(t)
		t.Run("Shop", func(t *testing.T) { runShop(t, url) })
		readNoTable(t, url)
	})
	t.Run("Debian", func(t *testing.T) {
		t.Parallel()
		server := pgtest.NewServer(t, "autovacuum = off", "shared_preload_libraries = auto_explain", "auto_explain.log_min_duration = 0",
			"auto_explain.log_analyze = on", "auto_explain.log_timing = off", "auto_explain.log_format = json")
		connectPlain(t, server.URL("postgres")).MustExec(`CREATE DATABASE orderwire`)
		t.Run("Shop", func(t *testing.T) { runShop(t, server.URL("orderwire")) })
		readNoTable(t, server.URL("orderwire"))
		readFewRows(t, server.Log())
	})
}

// readNoTable checks the reads of the shop's connections, which have ended.
func readNoTable(t *testing.T, url string) {
	t.Helper()
	var read []struct {
		Table string `db:"relname"`
		Scans int    `db:"seq_scan"`
		Rows  int    `db:"seq_tup_read"`
	}
	err := connectPlain(t, url).SelectContext(t.Context(), &read, `SELECT relname, seq_scan, seq_tup_read FROM pg_stat_user_tables WHERE seq_tup_read > 0`)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range read {
		// order_work is counted for the board's figures, and migrations build its indexes.
		if !slices.Contains(small, r.Table) && (r.Table != "order_work" || r.Scans > 3*shopRounds/boardEvery+indexBuilds) {
			t.Errorf("%s was read whole %d times, %d rows", r.Table, r.Scans, r.Rows)
		}
	}
}

// plan is a node of a plan (PostgreSQL's EXPLAIN, FORMAT JSON).
type plan struct {
	Type    string  `json:"Node Type"`
	Table   string  `json:"Relation Name"`
	Index   string  `json:"Index Name"`
	Rows    float64 `json:"Actual Rows"` // of one loop, on average
	Removed float64 `json:"Rows Removed by Filter"`
	Loops   float64 `json:"Actual Loops"`
	Plans   []plan  `json:"Plans"`
}

func (p plan) walk(each func(plan)) {
	each(p)
	for _, child := range p.Plans {
		child.walk(each)
	}
}

// readFewRows looks at each statement that a server's log explains.
func readFewRows(t *testing.T, log string) {
	t.Helper()
	type scan struct {
		plan
		read  float64
		query string
	}
	worst, explained := map[string]scan{}, 0
	for _, entry := range strings.Split(log, " plan:\n")[1:] {
		var e struct {
			Query string `json:"Query Text"`
			Plan  plan   `json:"Plan"`
		}
		if err := json.NewDecoder(strings.NewReader(entry)).Decode(&e); err != nil {
			t.Fatal(err)
		}
		explained++
		if slices.ContainsFunc(bounded, func(part string) bool { return strings.Contains(e.Query, part) }) {
			continue
		}
		e.Plan.walk(func(p plan) {
			s := scan{p, (p.Rows + p.Removed) * p.Loops, e.Query}
			if key := p.Table + p.Index + e.Query; p.Table != "" && !strings.HasPrefix(p.Table, "pg_") && !slices.Contains(small, p.Table) && s.read > max(maxRead, worst[key].read) {
				worst[key] = s
			}
		})
	}
	for _, s := range worst {
		t.Errorf("%s of %s %s read %.0f rows in %.0f loops: %s", s.Type, s.Table, s.Index, s.read, s.Loops, s.query)
	}
	if explained < 100*shopRounds {
		t.Errorf("the log explains only %d statements", explained)
	}
}

// runShop has customers, staff and a receiver of webhooks do everything that is done all the time.
func runShop(t *testing.T, url string) {
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(receiver.Close)
	app := startApp(t, url)
	staff := signedIn(t, app.URL(), "grace", "STAFF")
	ask(t, staff.client, `mutation ($in: WebhookEndpointCreateInput!) { webhookEndpointCreate(input: $in) { userErrors { code } } }`,
		map[string]any{"in": map[string]any{"url": receiver.URL + "/hooks"}})
	watching, unwatch := context.WithCancel(t.Context())
	defer unwatch()
	var watchers, customers sync.WaitGroup
	watch := func(c *subscriptionClient) {
		watchers.Go(func() { _ = c.run(watching, func(item) error { return nil }) })
	}
	watch(watchFeed(app.URL(), staff.token))
	u := signedIn(t, app.URL(), "ada", "CUSTOMER")
	for range 3 {
		watch(watchFeed(app.URL(), u.token))
		customers.Go(func() {
			for n := range shopRounds {
				err := shopOnce(t.Context(), u, staff)
				if n%boardEvery == 0 {
					err = errors.Join(err, boardOnce(t.Context(), staff))
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	customers.Wait()
	unwatch()
	watchers.Wait()
}

func ask(t *testing.T, c *client, query string, variables map[string]any) {
	t.Helper()
	if err := c.graphql(t.Context(), query, variables, nil); err != nil {
		t.Fatal(err)
	}
}

// shopOnce places an order that is delivered and refunded, one that is declined and paid again, one that is cancelled and three
// that stay, and reads the shop's pages.
func shopOnce(ctx context.Context, u, staff *user) error {
	var errs []error
	run := func(by *user, query string, variables map[string]any) {
		errs = append(errs, by.graphql(ctx, query, variables, nil))
	}
	placed := func(token, until string) (id string) {
		id, err := place(ctx, u.client, u.productID, token)
		if err == nil {
			err = watchOrder(u.url, u.token, id).run(ctx, func(it item) error {
				if it.Order != nil && (it.Order.Status == until || it.Order.Payment.Status == until) {
					return errStop
				}
				return nil
			})
		}
		errs = append(errs, err)
		return id
	}
	delivered, declined, waiting := placed("sim_approve", "DELIVERED"), placed("sim_decline", "DECLINED"), placed("sim_requires_action", "REQUIRES_ACTION")
	for _, token := range []string{"sim_decline", "sim_decline", "sim_requires_action"} {
		_, err := place(ctx, u.client, u.productID, token)
		errs = append(errs, err)
	}
	run(staff, `mutation ($id: ID!, $key: String!) { refundCreate(input: {orderId: $id, idempotencyKey: $key, amountMinor: 1}) { userErrors { code } } }`,
		map[string]any{"id": delivered, "key": uuid.NewString()})
	run(u, `mutation ($id: ID!, $key: String!) { paymentRetry(input: {orderId: $id, idempotencyKey: $key, paymentMethod: {token: "sim_approve"}}) { userErrors { code } } }`,
		map[string]any{"id": declined, "key": uuid.NewString()})
	run(u, `mutation ($id: ID!) { orderCancel(input: {orderId: $id}) { userErrors { code } } }`, map[string]any{"id": waiting})

	run(u, `query ($id: ID!) { order(id: $id) { status lines { quantity } events(first: 10) { nodes { version } } payments { status attempts { outcome } } refunds { status } } }`,
		map[string]any{"id": delivered})
	run(u, `{ orders(first: 10) { nodes { id status } } products(first: 10, filter: {search: "a"}) { nodes { id } } viewer { id } }`, nil)
	return errors.Join(errs...)
}

// boardOnce reads the board's pages.
func boardOnce(ctx context.Context, staff *user) error {
	var errs []error
	for _, query := range []string{
		`{ orders(first: 10, filter: {status: [CREATED], paymentStatus: [DECLINED]}) { nodes { id } } }`,
		`{ orders(first: 10, filter: {search: "mug"}) { nodes { id } } }`,
		`{ orders(first: 10, filter: {externalReference: "none"}) { nodes { id } } }`,
		`{ attention(first: 10) { nodes { id } } reconciliation(first: 10) { nodes { payment { id } } } orphanedCharges(first: 10) { nodes { reference } } all: orphanedCharges(first: 10, includeResolved: true) { nodes { reference } } }`,
		`{ auditTrail(first: 10) { nodes { id } } webhookDeliveries(first: 10) { nodes { id } } webhookEndpoints(first: 5) { nodes { url } } }`,
		`{ stats(window: LAST_15_MINUTES) { at } }`,
	} {
		errs = append(errs, staff.graphql(ctx, query, nil, nil))
	}
	return errors.Join(errs...)
}
