package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// tried is the answer to an attempt to pay.
type tried struct {
	Order struct {
		ID      string
		Actions []string
	}
	Replayed   bool
	UserErrors []struct {
		Code, Message string
		RetryAfter    *int
	}
}

const triedFields = `{ order { id actions: availableActions } replayed userErrors { code message retryAfter } }`

func (u *user) tries(t *testing.T, key, token string) tried {
	t.Helper()
	var data struct{ OrderCreate tried }
	if err := u.graphql(t.Context(), `mutation($i: OrderCreateInput!) { orderCreate(input: $i) `+triedFields+` }`, map[string]any{"i": map[string]any{
		"idempotencyKey": key, "paymentMethod": map[string]any{"token": token}, "items": []any{map[string]any{"productId": u.productID, "quantity": 1}},
	}}, &data); err != nil {
		t.Fatal(err)
	}
	return data.OrderCreate
}

func (u *user) retries(t *testing.T, orderID, key, token string) tried {
	t.Helper()
	var data struct{ PaymentRetry tried }
	if err := u.graphql(t.Context(), `mutation($i: PaymentRetryInput!) { paymentRetry(input: $i) `+triedFields+` }`, map[string]any{"i": map[string]any{
		"idempotencyKey": key, "orderId": orderID, "paymentMethod": map[string]any{"token": token},
	}}, &data); err != nil {
		t.Fatal(err)
	}
	return data.PaymentRetry
}

// until waits until the order's last payment has a status, and returns what may be done with the order.
func (u *user) until(t *testing.T, orderID, status string) (actions []string) {
	t.Helper()
	var data struct {
		Order struct {
			Payment          struct{ Status string }
			AvailableActions []string
		}
	}
	await(t.Context(), t, func() bool {
		err := u.graphql(t.Context(), `query($id: ID!) { order(id: $id) { payment { status } availableActions } }`, map[string]any{"id": orderID}, &data)
		return err == nil && data.Order.Payment.Status == status
	})
	return data.Order.AvailableActions
}

// tooMany checks an attempt that was refused, for a time within a number of seconds; 0: for ever.
func (r tried) tooMany(t *testing.T, within int) {
	t.Helper()
	if len(r.UserErrors) != 1 || r.UserErrors[0].Code != "TOO_MANY_ATTEMPTS" || r.Order.ID != "" {
		t.Fatalf("%+v", r)
	}
	e := r.UserErrors[0]
	if within == 0 && e.RetryAfter != nil || within > 0 && (e.RetryAfter == nil || *e.RetryAfter < 1 || *e.RetryAfter > within) {
		t.Errorf("%s: come back in %v s, want up to %d", e.Message, e.RetryAfter, within)
	}
}

// Card testing against two replicas: through one order, through one account, and through accounts without end at one address.
func TestCardTesting(t *testing.T) {
	t.Parallel()
	databaseURL := postgrestest.URL(t)
	const perOrder, perCustomer, perAddress = 2, 4, 6
	var apps []*App
	for range 2 {
		apps = append(apps, startApp(t, databaseURL, "ADMIN_ADDR=127.0.0.1:0", fmt.Sprintf("MAX_PAYMENTS_PER_ORDER=%d", perOrder),
			fmt.Sprintf("ATTEMPTS_PER_CUSTOMER=%d", perCustomer), fmt.Sprintf("ATTEMPTS_PER_ADDRESS=%d", perAddress), "ATTEMPTS_WINDOW=24h"))
	}
	day := int((24 * time.Hour).Seconds())
	at := func(replica int, name string) *user { return signedIn(t, apps[replica].URL(), name, "CUSTOMER") }
	eve, other := at(0, "eve"), at(1, "eve")

	first := eve.tries(t, "first", "sim_decline").Order.ID
	if actions := eve.until(t, first, "DECLINED"); !strings.Contains(fmt.Sprint(actions), "RETRY_PAYMENT") {
		t.Errorf("a declined order: %v", actions)
	}
	for range 3 {
		if again := eve.tries(t, "first", "sim_decline"); !again.Replayed {
			t.Fatalf("%+v", again)
		}
	}
	other.retries(t, first, "again", "sim_decline")
	if actions := other.until(t, first, "DECLINED"); strings.Contains(fmt.Sprint(actions), "RETRY_PAYMENT") {
		t.Errorf("an order with all its payments: %v", actions)
	}
	other.retries(t, first, uuid.NewString(), "sim_decline").tooMany(t, 0)

	for range 2 { // successes in between change nothing for the customer
		paid := eve.tries(t, uuid.NewString(), "sim_approve").Order.ID
		eve.until(t, paid, "CONFIRMED")
		declined := other.tries(t, uuid.NewString(), "sim_decline").Order.ID
		other.until(t, declined, "DECLINED")
		first = declined
	}
	eve.tries(t, uuid.NewString(), "sim_approve").tooMany(t, day/perCustomer)
	other.tries(t, uuid.NewString(), "sim_approve").tooMany(t, day/perCustomer)
	other.retries(t, first, uuid.NewString(), "sim_approve").tooMany(t, day/perCustomer)
	if again := other.tries(t, "first", "sim_decline"); !again.Replayed || again.Order.ID == "" {
		t.Errorf("a replay is refused: %+v", again)
	}
	if again := eve.retries(t, eve.tries(t, "first", "sim_decline").Order.ID, "again", "sim_decline"); !again.Replayed {
		t.Errorf("a replay is refused: %+v", again)
	}

	// 4 declines and 2 successes at the address so far, so 4 more fit.
	for i := range perAddress - 2 {
		someone := at(i%2, fmt.Sprint("someone-", i))
		someone.until(t, someone.tries(t, "k", "sim_decline").Order.ID, "DECLINED")
	}
	at(0, "ada").tries(t, "k", "sim_approve").tooMany(t, day/perAddress)
	at(1, "grace").tries(t, "k", "sim_approve").tooMany(t, day/perAddress)

	told := metrics(t, apps[1])
	for _, want := range []string{`{limit="order"} 1`, `{limit="customer"} 2`, `{limit="address"} 1`} {
		if !strings.Contains(told, "orderwire_payment_attempts_refused_total"+want) {
			t.Errorf("metrics have no %s", want)
		}
	}
}
