package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// identical is a mutation that bears money, sent many times at once with one key, as by a client that hears no answer.
type identical struct {
	urls  []string
	token string
	// mutation, and the field of its payload that is created.
	mutation, entity string
	input            map[string]any
	// answered is called with each answer, counted from 1.
	answered func(n int64)
}

// creation is the answer to one of the identical requests.
type creation struct {
	ID       string
	Replayed bool
	Code     string
}

// ask sends the request once.
func (m *identical) ask(ctx context.Context, url string) (creation, error) {
	document := fmt.Sprintf(`mutation ($input: %sInput!) { %s(input: $input) { %s { id } replayed userErrors { ... on UserError { message } code } } }`,
		strings.ToUpper(m.mutation[:1])+m.mutation[1:], m.mutation, m.entity)
	var data map[string]map[string]any
	if err := (&client{url: url, token: m.token}).graphql(ctx, document, map[string]any{"input": m.input}, &data); err != nil {
		return creation{}, err
	}
	payload := data[m.mutation]
	if refusals, _ := payload["userErrors"].([]any); len(refusals) > 0 {
		refusal, _ := refusals[0].(map[string]any)
		return creation{Code: fmt.Sprint(refusal["code"])}, nil
	}
	created, _ := payload[m.entity].(map[string]any)
	replayed, _ := payload["replayed"].(bool)
	return creation{ID: fmt.Sprint(created["id"]), Replayed: replayed}, nil
}

// send sends it n times at once, to the replicas in turn, and each until a replica has answered. All must get the same answer. It
// returns the id of the created entity, and the number of requests that were answered as its creator.
func (m *identical) send(ctx context.Context, t *testing.T, n int) (entityID string, created int) {
	t.Helper()
	replies := make([]creation, n)
	var answers atomic.Int64
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			for try := i; ; try++ {
				r, err := m.ask(ctx, m.urls[try%len(m.urls)])
				if err == nil && r.Code != "IDEMPOTENCY_IN_PROGRESS" {
					replies[i] = r
					m.answered(answers.Add(1))
					return
				}
				select {
				case <-ctx.Done():
					t.Errorf("request %d: %v, %v", i, r, err)
					return
				case <-time.After(5 * time.Millisecond): // a pause between attempts; the result does not depend on its length
				}
			}
		})
	}
	wg.Wait()
	for i, r := range replies {
		if r.Code != "" || r.ID == "" || r.ID != replies[0].ID {
			t.Fatalf("%s %d was answered %+v, another one %+v", m.mutation, i, r, replies[0])
		}
		if !r.Replayed {
			created++
		}
	}
	return replies[0].ID, created
}

// shopOfReplicas has the actions of a customer and of staff, with each request sent 50 times to all replicas.
type shopOfReplicas struct {
	t          *testing.T
	db         *sqlx.DB
	urls       []string
	ada, staff *user
}

func openReplicas(t *testing.T, databaseURL string, urls ...string) *shopOfReplicas {
	t.Helper()
	return &shopOfReplicas{
		t: t, db: postgrestest.Connect(t, databaseURL).DB, urls: urls,
		ada: signedIn(t, urls[0], "ada", "CUSTOMER"), staff: signedIn(t, urls[0], "sue", "STAFF"),
	}
}

// become waits until the order's last event is of the type.
func (s *shopOfReplicas) become(ctx context.Context, orderID, kind string) {
	s.t.Helper()
	key := uuidOf(s.t, orderID)
	await(ctx, s.t, func() bool {
		var last string
		err := s.db.GetContext(ctx, &last, `SELECT type FROM order_events WHERE order_id = $1 ORDER BY version DESC LIMIT 1`, key)
		return err == nil && last == kind
	})
}

// once does everything once and checks that it happened once. disturb returns a function for the n-th answer of a round, and one
// for the end of the round.
func (s *shopOfReplicas) once(disturb func() (answered func(n int64), over func()), wantCreated func(created int) bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), eventually.Patience)
	defer cancel()
	send := func(by *user, mutation, entity string, input map[string]any) string {
		s.t.Helper()
		answered, over := disturb()
		defer over()
		m := &identical{urls: s.urls, token: by.token, mutation: mutation, entity: entity, input: input, answered: answered}
		entityID, created := m.send(ctx, s.t, 50)
		if !wantCreated(created) {
			s.t.Errorf("%s was new for %d requests", mutation, created)
		}
		return entityID
	}
	other := func(by *user, mutation, entity string, input map[string]any, field string, value any) {
		s.t.Helper()
		changed := map[string]any{}
		for k, v := range input {
			changed[k] = v
		}
		changed[field] = value
		m := &identical{token: by.token, mutation: mutation, entity: entity, input: changed}
		for _, url := range s.urls {
			if r, err := m.ask(ctx, url); err != nil || r.Code != "IDEMPOTENCY_KEY_REUSED" {
				s.t.Errorf("%s with the same key and another %s: %+v, %v", mutation, field, r, err)
			}
		}
	}
	create := map[string]any{
		"idempotencyKey": uuid.NewString(), "paymentMethod": map[string]any{"token": "sim_decline"},
		"items": []any{map[string]any{"productId": s.ada.productID, "quantity": 2}},
	}
	orderID := send(s.ada, "orderCreate", "order", create)
	other(s.ada, "orderCreate", "order", create, "note", "another")
	s.become(ctx, orderID, "PAYMENT_DECLINED")

	retry := map[string]any{"idempotencyKey": uuid.NewString(), "orderId": orderID, "paymentMethod": map[string]any{"token": "sim_timeout_charged"}}
	send(s.ada, "paymentRetry", "payment", retry)
	other(s.ada, "paymentRetry", "payment", retry, "paymentMethod", map[string]any{"token": "sim_approve"})
	s.become(ctx, orderID, "ORDER_DELIVERED")

	refund := map[string]any{"idempotencyKey": uuid.NewString(), "orderId": orderID, "amountMinor": "7"}
	send(s.staff, "refundCreate", "refund", refund)
	other(s.staff, "refundCreate", "refund", refund, "amountMinor", "8")
	s.become(ctx, orderID, "REFUND_SUCCEEDED")

	var found struct {
		Payments int   `db:"payments"`
		Refunds  int   `db:"refunds"`
		Refunded int64 `db:"refunded"`
		Version  int   `db:"version"`
	}
	err := s.db.GetContext(ctx, &found, `
		SELECT (SELECT count(*) FROM payments WHERE order_id = o.id) AS payments, (SELECT count(*) FROM refunds WHERE order_id = o.id) AS refunds,
			refunded_minor AS refunded, version FROM orders o WHERE id = $1`, uuidOf(s.t, orderID))
	if err != nil || found.Payments != 2 || found.Refunds != 1 || found.Refunded != 7 || found.Version != 9 {
		s.t.Errorf("%+v, %v; want 2 payments, and 1 refund of 7, in 9 versions", found, err)
	}
}

// 50 identical requests at once to two replicas create one order, one payment and one refund, and charge once.
func TestIdenticalRequests(t *testing.T) {
	t.Parallel()
	databaseURL := postgrestest.URL(t)
	one, two := startApp(t, databaseURL), startApp(t, databaseURL)
	s := openReplicas(t, databaseURL, one.URL(), two.URL())
	undisturbed := func() (func(int64), func()) { return func(int64) {}, func() {} }
	s.once(undisturbed, func(created int) bool { return created == 1 })
	checkLedger(t, s.db)
	checkLog(t, s.db, 1)
}

// The same while the replica that half of them were sent to is killed: at once, after the first answer, and in between. A request
// without an answer is sent to the other one.
func TestIdenticalRequestsKilled(t *testing.T) {
	t.Parallel()
	databaseURL := postgrestest.URL(t)
	victim := newProcess(t, databaseURL, "PAYMENT_STEP_DELAY=0s", "DELIVERY_DELAY=0s")
	survivor := victim.replica()
	survivor.start()
	t.Cleanup(func() { survivor.kill() })
	victim.start()
	s := openReplicas(t, databaseURL, survivor.url(), victim.url())
	kills := []int64{10, 1, 0}
	s.once(func() (func(int64), func()) {
		at := kills[0]
		kills = kills[1:]
		killed := make(chan struct{})
		if at == 0 {
			go func() {
				victim.kill()
				close(killed)
			}()
		}
		answered := func(n int64) {
			if n == at {
				victim.kill()
				close(killed)
			}
		}
		return answered, func() {
			<-killed
			victim.start()
		}
	}, func(created int) bool { return created <= 1 }) // 0: the creating replica was killed before its answer
	victim.kill()
	checkLedger(t, s.db)
	checkLog(t, s.db, 1)
}

func uuidOf(t *testing.T, orderID string) id.Order {
	t.Helper()
	key, err := id.Parse[id.Order](orderID)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
