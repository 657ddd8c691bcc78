package main

import (
	"context"
	"database/sql"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/pgtest"
	"github.com/orderwire/orderwire/internal/postgres"
)

// clockSQL gives a database a clock of its own, which is off by the value in a table. It comes before PostgreSQL's in the search
// path, so every statement of the server, and every column's default, uses it. (now() is that of the transaction's begin, as
// PostgreSQL's.)
const clockSQL = `
	CREATE TABLE public.clock (off interval NOT NULL);
	INSERT INTO public.clock VALUES ('0');
	GRANT SELECT ON public.clock TO PUBLIC;
	CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
		'SELECT pg_catalog.clock_timestamp() + (SELECT off FROM public.clock)';
	CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT pg_catalog.now() + (SELECT off FROM public.clock)'`

// offClock gives a migrated database whose clock is off from this machine's, and a connection that can set it.
func offClock(t *testing.T, off time.Duration) (databaseURL string, db *sqlx.DB) {
	t.Helper()
	inClock := func(databaseURL string) string {
		u, err := url.Parse(databaseURL)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Set("search_path", "public,pg_catalog")
		u.RawQuery = q.Encode()
		return u.String()
	}
	databaseURL = inClock(pgtest.New(t, pgtest.Template{
		Name: "clock-1-" + postgres.Fingerprint() + "-" + simulated.Fingerprint(),
		Migrate: func(ctx context.Context, databaseURL string) error {
			plain, err := sql.Open("postgres", databaseURL)
			if err != nil {
				return err
			}
			_, err = plain.ExecContext(ctx, clockSQL)
			if err := plain.Close(); err != nil {
				return err
			}
			if err != nil {
				return err
			}
			return postgres.Migrate(ctx, inClock(databaseURL))
		},
	}))
	db, err := postgres.Open(t.Context(), databaseURL, postgres.AsLogin, 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	setClock(t, db, off)
	return databaseURL, db
}

func setClock(t *testing.T, db *sqlx.DB, off time.Duration) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), `UPDATE public.clock SET off = make_interval(secs => $1)`, off.Seconds()); err != nil {
		t.Fatal(err)
	}
}

// databaseNow returns the database's time.
func databaseNow(t *testing.T, db *sqlx.DB) (now time.Time) {
	t.Helper()
	if err := db.GetContext(t.Context(), &now, `SELECT clock_timestamp()`); err != nil {
		t.Fatal(err)
	}
	return now.UTC()
}

// near is far less than the clocks are off, and far more than a busy machine takes to answer.
const near = 5 * time.Minute

// Two replicas whose machine's clock is 31 minutes ahead of the database's, or behind it, work by the database's clock: all times
// and timers follow it, and no order is cancelled or delivered too early because of a replica's clock. When the database's clock
// itself jumps ahead, for example after a failover to another machine, due timers fire at the times that were set.
func TestReplicaWithWrongClock(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"OKAhead": -31 * time.Minute, "OKBehind": 31 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			databaseURL, db := offClock(t, off)
			env := []string{"ORDER_EXPIRY=30m", "DELIVERY_DELAY=20m"}
			one := startApp(t, databaseURL, env...)
			two := startApp(t, databaseURL, env...)
			for _, app := range []*App{one, two} {
				if skew := app.clock.Skew(); (skew + off).Abs() > near {
					t.Errorf("the clock is seen to be off by %s, want %s", skew, -off)
				}
			}
			if got, want := readySays(t, one.URL()), map[string]string{"OKAhead": "ahead of", "OKBehind": "behind"}[name]; !strings.HasPrefix(got, "ready\nthis machine's clock is 3") || !strings.Contains(got, want) {
				t.Errorf("/readyz says %q", got)
			}
			began := databaseNow(t, db)
			var unpaid, paid []string
			for i, app := range []*App{one, two} {
				ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
				unpaid = append(unpaid, ada.order(t, simulated.TokenDecline))
				paid = append(paid, ada.order(t, simulated.TokenApprove))
				awaitEvents(t, db, "PAYMENT_DECLINED", i+1)
				awaitEvents(t, db, "PAYMENT_CONFIRMED", i+1)
			}
			ended := databaseNow(t, db)
			allWithin(t, db, began.Add(-near), ended)

			setClock(t, db, off+19*time.Minute) // a minute before the earliest timer, plus or minus the test's time
			for _, app := range []*App{one, two} {
				awaitClock(t, app, databaseNow(t, db))
			}
			if n := countRows(t, db, `orders WHERE status IN ('CANCELLED', 'DELIVERED')`); n > 0 {
				t.Errorf("%d orders ended too early", n)
			}

			setClock(t, db, off+19*time.Minute+near) // 20 minutes have passed, 30 not
			awaitEvents(t, db, "ORDER_DELIVERED", len(paid))
			if n := countRows(t, db, `orders WHERE status = 'CANCELLED'`); n > 0 {
				t.Errorf("%d orders were cancelled too early", n)
			}
			setClock(t, db, off+30*time.Minute+near)
			awaitEvents(t, db, "ORDER_CANCELLED", len(unpaid))
			allWithin(t, db, began.Add(-near), databaseNow(t, db))
		})
	}
}

// readySays returns the body of /readyz once the replica is ready.
func readySays(t *testing.T, url string) (said string) {
	t.Helper()
	await(t.Context(), t, func() bool {
		response, err := http.Get(url + "/readyz")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		said = string(body)
		return err == nil && response.StatusCode == http.StatusOK
	})
	return said
}

// awaitEvents waits until the log has n events of a type.
func awaitEvents(t *testing.T, db *sqlx.DB, kind string, n int) {
	t.Helper()
	await(t.Context(), t, func() bool { return countRows(t, db, `order_events WHERE type = '`+kind+`'`) == n })
}

// awaitClock waits until an app knows that the database's clock shows at least a time.
func awaitClock(t *testing.T, app *App, at time.Time) {
	t.Helper()
	await(t.Context(), t, func() bool { return !app.clock.Now().Before(at) })
}

func countRows(t *testing.T, db *sqlx.DB, from string) (n int) {
	t.Helper()
	if err := db.GetContext(t.Context(), &n, `SELECT count(*) FROM `+from); err != nil {
		t.Fatal(err)
	}
	return n
}

// allWithin checks that every event is dated within two times of the database's clock, in its id too, that none is older than the one
// before it, and that timers are as far ahead of it as they should be.
func allWithin(t *testing.T, db *sqlx.DB, from, to time.Time) {
	t.Helper()
	if n := countRows(t, db, `order_events`); n == 0 {
		t.Fatal("there are no events")
	}
	var wrong []string
	err := db.SelectContext(t.Context(), &wrong, `
		WITH dated AS (
			SELECT e.*, to_timestamp(('x' || encode(substr(uuid_send(e.id), 1, 6), 'hex'))::bit(48)::bigint / 1000.0) AS id_at,
				to_timestamp(('x' || encode(substr(uuid_send(e.order_id), 1, 6), 'hex'))::bit(48)::bigint / 1000.0) AS order_id_at,
				lag(e.occurred_at) OVER (PARTITION BY e.order_id ORDER BY e.version) AS before
			FROM order_events e
		)
		SELECT concat_ws(' ', d.type, d.occurred_at, d.id_at, d.order_id_at, d.before, o.created_at, o.expires_at, o.delivers_at)
		FROM dated d JOIN orders o ON o.id = d.order_id
		WHERE NOT d.occurred_at BETWEEN $1 AND $2 OR NOT d.id_at BETWEEN $1 AND $2 OR NOT d.order_id_at BETWEEN $1 AND $2
			OR d.before > d.occurred_at
			OR d.order_id_at <> date_trunc('milliseconds', o.created_at) -- lists by createdAt go by the id; see idSlack
			OR NOT o.created_at BETWEEN $1 AND $2
			OR NOT o.expires_at BETWEEN o.created_at + interval '30 minutes' AND o.updated_at + interval '30 minutes'
			OR NOT o.delivers_at BETWEEN o.created_at + interval '20 minutes' AND o.updated_at + interval '20 minutes'`, from, to)
	if err != nil || len(wrong) > 0 {
		t.Errorf("not of the database's clock between %s and %s: %q, %v", from, to, wrong, err)
	}
}
