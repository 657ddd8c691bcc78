package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// 1,000 orders are cancelled at one replica while two replicas carry them from creation to delivery, without any delay and with a
// provider whose answers get lost. A cancel that is accepted ends CANCELLED with all money given back; one that is refused was
// too late, and the order is DELIVERED.
func TestCancelAgainstConfirm(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	databaseURL := postgrestest.URL(t)
	one, two := startApp(t, databaseURL), startApp(t, databaseURL)
	db := postgrestest.Connect(t, databaseURL).DB
	ada := signedIn(t, one.URL(), "ada", "CUSTOMER")
	urls := []string{one.URL(), two.URL()}

	const n, atOnce = 1000, 48
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	tokens := []string{"sim_approve", "sim_approve", "sim_approve", "sim_timeout_charged", "sim_timeout_not_charged", "sim_error_once", "sim_decline"}
	var mu sync.Mutex
	want := map[id.Order]string{} // the status each order has to end in
	free := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i := range n {
		token, reads := tokens[random.IntN(len(tokens))], random.IntN(6)
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			placer, canceller := &client{urls[i%2], ada.token}, &client{urls[1-i%2], ada.token}
			orderID, err := place(ctx, placer, ada.productID, token)
			if err != nil {
				t.Error(err)
				return
			}
			for range reads { // so that cancels meet the order in each of its states
				_, _ = statusOf(ctx, canceller, orderID)
			}
			ends, err := cancelOrder(ctx, canceller, orderID)
			if err != nil {
				t.Errorf("order %d: %v", i, err)
			}
			key, err := id.Parse[id.Order](orderID)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			want[key] = ends
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	await(ctx, t, func() bool {
		var open int
		err := db.GetContext(ctx, &open, `SELECT count(*) FROM orders WHERE status NOT IN ('DELIVERED', 'CANCELLED') OR refund_pending_minor > 0`)
		return err == nil && open == 0
	})
	var ended []struct {
		ID       id.Order `db:"id"`
		Status   string   `db:"status"`
		Captured bool     `db:"captured"`
	}
	if err := db.SelectContext(ctx, &ended, `SELECT id, status, captured_minor > 0 AS captured FROM orders`); err != nil {
		t.Fatal(err)
	}
	ends := map[string]int{}
	for _, o := range ended {
		if must := want[o.ID]; o.Status != must {
			t.Errorf("order %s ended %s; its cancel was answered so that it had to end %q", o.ID, o.Status, must)
		}
		ends[fmt.Sprintf("%s, captured %t", o.Status, o.Captured)]++
	}
	t.Logf("ended %v", ends)
	var kept int
	if err := db.GetContext(ctx, &kept, `SELECT count(*) FROM orders WHERE status = 'CANCELLED' AND captured_minor <> refunded_minor`); err != nil || kept > 0 {
		t.Errorf("%d cancelled orders keep money, %v", kept, err)
	}
	checkLedger(t, db)
	checkLog(t, db, n)
	checkTransitions(t, db)
}

func statusOf(ctx context.Context, c *client, orderID string) (string, error) {
	var data struct{ Order struct{ Status string } }
	err := c.graphql(ctx, `query ($id: ID!) { order(id: $id) { status } }`, map[string]any{"id": orderID}, &data)
	return data.Order.Status, err
}

// cancelOrder gives the status that the order has to end in by the answer.
func cancelOrder(ctx context.Context, c *client, orderID string) (ends string, err error) {
	var data struct {
		OrderCancel struct {
			Order      *struct{ Status string }
			UserErrors []struct{ Code string }
		}
	}
	err = c.graphql(ctx, `mutation ($id: ID!) { orderCancel(input: {orderId: $id}) { order { status } userErrors { code } } }`, map[string]any{"id": orderID}, &data)
	if err != nil {
		return "", err
	}
	answer := data.OrderCancel
	switch {
	case len(answer.UserErrors) == 1 && answer.UserErrors[0].Code == "ALREADY_DELIVERED":
		return "DELIVERED", nil
	case len(answer.UserErrors) == 0 && answer.Order != nil && (answer.Order.Status == "CANCELLING" || answer.Order.Status == "CANCELLED"):
		return "CANCELLED", nil
	}
	return "", fmt.Errorf("answered %+v", answer)
}

// checkTransitions wants every status of every order, payment and refund in the log to follow from the version before by the tables.
func checkTransitions(t *testing.T, db *sqlx.DB) {
	t.Helper()
	var steps []struct {
		Kind  string `db:"kind"`
		From  string `db:"before"`
		To    string `db:"after"`
		Count int    `db:"count"`
	}
	err := db.SelectContext(t.Context(), &steps, `
		WITH said AS (
			SELECT 'order' AS kind, order_id::text AS id, version, state->>'status' AS status FROM order_events
			UNION ALL
			SELECT 'payment', p->>'id', version, p->>'status' FROM order_events, jsonb_array_elements(state->'payments') p
			UNION ALL
			SELECT 'refund', r->>'id', version, r->>'status' FROM order_events, jsonb_array_elements(state->'refunds') r
		), steps AS (
			SELECT kind, lag(status) OVER (PARTITION BY kind, id ORDER BY version) AS before, status AS after FROM said
		)
		SELECT kind, coalesce(before, '') AS before, after, count(*) FROM steps WHERE before IS DISTINCT FROM after GROUP BY 1, 2, 3`)
	if err != nil {
		t.Fatal(err)
	}
	legal := map[string]bool{"order  CREATED": true, "payment  INITIALIZING": true, "refund  PENDING": true}
	for from, actions := range order.Machine {
		for _, to := range actions {
			legal[fmt.Sprint("order ", from, " ", to)] = true
		}
	}
	for from, actions := range payment.Machine {
		for _, to := range actions {
			legal[fmt.Sprint("payment ", from, " ", to)] = true
		}
	}
	for from, actions := range payment.RefundMachine {
		for _, to := range actions {
			legal[fmt.Sprint("refund ", from, " ", to)] = true
		}
	}
	for _, s := range steps {
		if !legal[s.Kind+" "+s.From+" "+s.To] {
			t.Errorf("%d times a %s went from %q to %s", s.Count, s.Kind, s.From, s.To)
		}
	}
}
