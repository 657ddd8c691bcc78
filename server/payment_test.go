package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// scene is one order. Its owner's feed subscription follows it while staff and customer act on it.
type scene struct {
	t                  *testing.T
	app                *App
	ada, staff         *user
	orderID, paymentID string
	events             []string
}

func newScene(t *testing.T, app *App) *scene {
	t.Helper()
	return &scene{t: t, app: app, ada: signedIn(t, app.URL(), "ada-"+uuid.NewString(), "CUSTOMER"), staff: signedIn(t, app.URL(), "sue", "STAFF")}
}

// play joins the feed, places the order and calls on[type] at each event of that type, n counting them from 1, until one
// returns true. It returns the events' types in the order of their versions.
func (s *scene) play(token, capture string, on map[string]func(n int) (end bool)) []string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), eventually.Patience)
	defer cancel()
	seen := map[string]int{}
	err := watchFeed(s.app.URL(), s.ada.token).run(ctx, func(it item) error {
		if it.Kind == "SNAPSHOT" && s.orderID == "" {
			s.place(token, capture)
			return nil
		}
		if it.Order == nil || it.Order.ID != s.orderID || it.Event == nil {
			return nil
		}
		s.events = append(s.events, it.Event.Type)
		if it.Event.Version != len(s.events) {
			return fmt.Errorf("version %d is item %d", it.Event.Version, len(s.events))
		}
		seen[it.Event.Type]++
		if act := on[it.Event.Type]; act != nil && act(seen[it.Event.Type]) {
			return errStop
		}
		return nil
	})
	if err != nil {
		s.t.Fatalf("%v after %q", err, s.events)
	}
	return s.events
}

func (s *scene) place(token, capture string) {
	s.t.Helper()
	var data struct {
		OrderCreate struct {
			Order struct {
				ID      string
				Payment struct{ ID string }
			}
		}
	}
	err := s.ada.graphql(s.t.Context(), `mutation ($input: OrderCreateInput!) { orderCreate(input: $input) { order { id payment { id } } } }`, map[string]any{"input": map[string]any{
		"idempotencyKey": uuid.NewString(), "captureMethod": capture, "paymentMethod": map[string]any{"token": token},
		"items": []any{map[string]any{"productId": s.ada.productID, "quantity": 2}},
	}}, &data)
	if err != nil {
		s.t.Fatal(err)
	}
	s.orderID, s.paymentID = data.OrderCreate.Order.ID, data.OrderCreate.Order.Payment.ID
}

// ask runs a mutation about the order or its payment and returns the code of its refusal, "" for none.
func (s *scene) ask(by *user, mutation string, input map[string]any) string {
	s.t.Helper()
	subject, of := "paymentId", s.paymentID
	if strings.HasPrefix(mutation, "order") || strings.HasPrefix(mutation, "refund") || mutation == "paymentRetry" {
		subject, of = "orderId", s.orderID
	}
	whole := map[string]any{subject: of}
	for name, value := range input {
		whole[name] = value
	}
	var data map[string]struct {
		UserErrors []struct{ Code string }
	}
	document := fmt.Sprintf(`mutation ($input: %sInput!) { %s(input: $input) { userErrors { ... on UserError { message } code } } }`, strings.ToUpper(mutation[:1])+mutation[1:], mutation)
	if err := by.graphql(s.t.Context(), document, map[string]any{"input": whole}, &data); err != nil {
		s.t.Error(err)
	}
	for _, refused := range data[mutation].UserErrors {
		return refused.Code
	}
	return ""
}

// must is ask for a mutation that has to succeed.
func (s *scene) must(by *user, mutation string, input map[string]any) {
	s.t.Helper()
	if code := s.ask(by, mutation, input); code != "" {
		s.t.Errorf("%s: %s", mutation, code)
	}
}

// ledger checks the amounts that the provider captured and refunded for the order, in minor units, and that it charged at most
// once.
func (s *scene) ledger(provider *simulated.Provider, captured, refunded int64) {
	s.t.Helper()
	key, err := id.Parse[id.Order](s.orderID)
	if err != nil {
		s.t.Fatal(err)
	}
	balances, err := provider.Ledger(s.t.Context(), simulated.Filter{OrderID: key})
	if err != nil {
		s.t.Fatal(err)
	}
	var took, gave int64
	charges := 0
	for _, b := range balances {
		took, gave, charges = took+b.Captured, gave+b.Refunded, charges+b.CapturedCharges
	}
	if took != captured || gave != refunded || charges > 1 {
		s.t.Errorf("the provider took %d and gave back %d in %d charges; want %d, %d", took, gave, charges, captured, refunded)
	}
}

// total of a scene's order, in minor units.
func (s *scene) total() (minor int64) {
	s.t.Helper()
	var data struct {
		Order struct {
			Total struct {
				AmountMinor int64 `json:",string"`
			}
		}
	}
	if err := s.ada.graphql(s.t.Context(), `query ($id: ID!) { order(id: $id) { total { amountMinor } } }`, map[string]any{"id": s.orderID}, &data); err != nil {
		s.t.Fatal(err)
	}
	return data.Order.Total.AmountMinor
}

func end(int) bool { return true }

// checkEvents wants the types of events, separated by spaces.
func checkEvents(t *testing.T, got []string, want string) {
	t.Helper()
	if !slices.Equal(got, strings.Fields(want)) {
		t.Errorf("got  %q\nwant %q", got, strings.Fields(want))
	}
}

// Every step of every way to pay reaches the subscription as its own event, in order, and the provider's ledger equals our books.
func TestPaymentsLive(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t))
	const (
		placed    = "ORDER_CREATED PAYMENT_PROCESSING "
		held      = placed + "PAYMENT_AUTHORIZED "
		delivered = placed + "PAYMENT_CONFIRMED ORDER_DELIVERED"
		waits     = placed + "PAYMENT_ACTION_REQUIRED PAYMENT_PROCESSING "
	)
	t.Run("OKManualCapture", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, app)
		got := s.play("sim_approve", "MANUAL", map[string]func(int) bool{
			"PAYMENT_AUTHORIZED": func(int) bool {
				s.must(s.staff, "paymentCapture", nil)
				return false
			},
			"ORDER_DELIVERED": end,
		})
		checkEvents(t, got, held+"PAYMENT_CONFIRMED ORDER_DELIVERED")
		s.ledger(simulatedIn(s.t, app), s.total(), 0)
	})
	t.Run("OKVoid", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, app)
		got := s.play("sim_approve", "MANUAL", map[string]func(int) bool{
			"PAYMENT_AUTHORIZED": func(int) bool {
				s.must(s.staff, "paymentVoid", nil)
				return false
			},
			"PAYMENT_VOIDED": end,
		})
		checkEvents(t, got, held+"PAYMENT_VOIDED")
		s.ledger(simulatedIn(s.t, app), 0, 0)
	})
	t.Run("OKPartialRefunds", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, app)
		got := s.play("sim_approve", "AUTOMATIC", map[string]func(int) bool{
			"ORDER_DELIVERED": func(int) bool {
				s.must(s.staff, "refundCreate", map[string]any{"idempotencyKey": "first-" + s.orderID, "amountMinor": "100"})
				return false
			},
			"REFUND_SUCCEEDED": func(n int) bool {
				if n == 1 {
					s.must(s.staff, "refundCreate", map[string]any{"idempotencyKey": "rest-" + s.orderID})
				}
				return n == 2
			},
		})
		checkEvents(t, got, delivered+" REFUND_CREATED REFUND_SUCCEEDED REFUND_CREATED REFUND_SUCCEEDED")
		s.ledger(simulatedIn(s.t, app), s.total(), s.total())
		if code := s.ask(s.staff, "refundCreate", map[string]any{"idempotencyKey": "more-" + s.orderID}); code != "NOTHING_REFUNDABLE" {
			t.Errorf("a third refund: %q", code)
		}
	})
	for _, token := range []string{"sim_timeout_charged", "sim_timeout_not_charged", "sim_error_once"} {
		t.Run("OK"+token, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, app)
			checkEvents(t, s.play(token, "AUTOMATIC", map[string]func(int) bool{"ORDER_DELIVERED": end}), delivered)
			s.ledger(simulatedIn(s.t, app), s.total(), 0)
		})
	}
	for outcome, then := range map[string]string{"APPROVE": "PAYMENT_CONFIRMED ORDER_DELIVERED", "REFUSE": "PAYMENT_DECLINED"} {
		t.Run("OKAction"+outcome, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, app)
			got := s.play("sim_requires_action", "AUTOMATIC", map[string]func(int) bool{
				"PAYMENT_ACTION_REQUIRED": func(int) bool {
					s.must(s.ada, "paymentCompleteAction", map[string]any{"outcome": outcome})
					return false
				},
				"ORDER_DELIVERED": end, "PAYMENT_DECLINED": end,
			})
			checkEvents(t, got, waits+then)
			if outcome == "APPROVE" {
				s.ledger(simulatedIn(s.t, app), s.total(), 0)
			} else {
				s.ledger(simulatedIn(s.t, app), 0, 0)
			}
		})
	}
}

// The provider takes money that it had said it would not take, after the order was cancelled. It is booked, given back, and
// shown.
func TestLateSuccessIsRefunded(t *testing.T) {
	t.Parallel()
	databaseURL := postgrestest.URL(t)
	app := startApp(t, databaseURL)
	db := postgrestest.Connect(t, databaseURL)
	s := newScene(t, app)
	got := s.play("sim_requires_action", "AUTOMATIC", map[string]func(int) bool{
		"PAYMENT_ACTION_REQUIRED": func(int) bool {
			s.must(s.ada, "orderCancel", nil)
			return false
		},
		"ORDER_CANCELLED": func(int) bool {
			db.MustExec(`UPDATE simulated.charges SET status = 'CAPTURED', captured = amount`)
			s.must(s.staff, "paymentResolve", map[string]any{"resolution": "RECHECK", "note": ""})
			return false
		},
		"REFUND_SUCCEEDED": end,
	})
	checkEvents(t, got, "ORDER_CREATED PAYMENT_PROCESSING PAYMENT_ACTION_REQUIRED ORDER_CANCELLING PAYMENT_VOIDED ORDER_CANCELLED REFUND_CREATED REFUND_SUCCEEDED")
	s.ledger(simulatedIn(s.t, app), s.total(), s.total())
}

// The provider is not heard, and staff give up a charge that its customer can still approve. The order is not paid again
// before the provider has let that charge go.
func TestMarkLeavesNoLiveCharge(t *testing.T) {
	t.Parallel()
	provider, silent, url := providerBehindGate(t)
	databaseURL := postgrestest.URL(t)
	app := startApp(t, databaseURL, "SIMULATED_URL="+url)
	db := postgrestest.Connect(t, databaseURL).DB
	s := newScene(t, app)
	retry := func() string {
		return s.ask(s.ada, "paymentRetry", map[string]any{"idempotencyKey": "retry-" + s.orderID, "paymentMethod": map[string]any{"token": "sim_approve"}})
	}
	silent.Store(true)
	got := s.play("sim_requires_action", "AUTOMATIC", map[string]func(int) bool{
		"PAYMENT_PROCESSING": func(n int) bool {
			if n > 1 {
				return false
			}
			await(t.Context(), t, func() bool { // the charge is made
				balances, err := provider.Ledger(t.Context(), simulated.Filter{})
				return err == nil && len(balances) == 1
			})
			// Attention as it would be at the cap of calls, a minute later.
			tx := db.MustBegin()
			tx.MustExec(`UPDATE orders SET revision = revision + 1`)
			tx.MustExec(`UPDATE payments SET attention = 'UNKNOWN_OUTCOME'`)
			if err := tx.Commit(); err != nil {
				t.Error(err)
			}
			s.must(s.staff, "paymentResolve", map[string]any{"resolution": "MARK_NOT_CAPTURED", "note": "The customer's bank shows nothing."})
			if code := retry(); code != "NOT_ALLOWED_IN_STATE" {
				t.Errorf("paid again with the first charge alive: %q", code)
			}
			silent.Store(false)
			return false
		},
		"PAYMENT_VOIDED": func(int) bool {
			if code := retry(); code != "" {
				t.Errorf("not paid again: %s", code)
			}
			return false
		},
		"ORDER_DELIVERED": end,
	})
	checkEvents(t, got, "ORDER_CREATED PAYMENT_PROCESSING PAYMENT_VOIDED PAYMENT_RETRIED PAYMENT_PROCESSING PAYMENT_CONFIRMED ORDER_DELIVERED")
	s.ledger(provider, s.total(), 0)
}

// A customer whose provider is out of reach does not wait for it: the payment that it cannot know of is replaced at once. Once the provider
// is there, the order is charged, and once.
func TestRetryWhileProviderIsAway(t *testing.T) {
	t.Parallel()
	provider, _, origin := providerBehindGate(t)
	away, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := away.Addr().String()
	if err := away.Close(); err != nil {
		t.Fatal(err)
	}
	app := startApp(t, postgrestest.URL(t), "SIMULATED_URL=http://"+address)
	s := newScene(t, app)
	got := s.play("sim_approve", "AUTOMATIC", map[string]func(int) bool{
		"PAYMENT_PROCESSING": func(n int) bool {
			if n > 1 {
				return false
			}
			await(t.Context(), t, func() bool { return slices.Contains(s.actions(), "RETRY_PAYMENT") })
			s.must(s.ada, "paymentRetry", map[string]any{"idempotencyKey": "retry-" + s.orderID, "paymentMethod": map[string]any{"token": "sim_approve"}})
			forwardFrom(t, address, origin)
			return false
		},
		"ORDER_DELIVERED": end,
	})
	checkEvents(t, got, "ORDER_CREATED PAYMENT_PROCESSING PAYMENT_VOIDED PAYMENT_RETRIED PAYMENT_PROCESSING PAYMENT_CONFIRMED ORDER_DELIVERED")
	s.ledger(provider, s.total(), 0)
}

// actions are those that the scene's order offers its customer now.
func (s *scene) actions() []string {
	s.t.Helper()
	var data struct {
		Order struct{ AvailableActions []string }
	}
	if err := s.ada.graphql(s.t.Context(), `query ($id: ID!) { order(id: $id) { availableActions } }`, map[string]any{"id": s.orderID}, &data); err != nil {
		s.t.Fatal(err)
	}
	return data.Order.AvailableActions
}

// forwardFrom serves an address by what is at a URL, until the test ends.
func forwardFrom(t *testing.T, address, to string) {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(target))
	_ = server.Listener.Close() // it was never used
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
}

// simulatedIn is the simulated provider that runs in the app.
func simulatedIn(t testing.TB, app *App) *simulated.Provider {
	t.Helper()
	provider, err := app.providers.Of(simulated.Name)
	if err != nil {
		t.Fatal(err)
	}
	running, ok := provider.Gateway.(*simulated.Provider)
	if !ok {
		t.Fatalf("the simulated provider is a %T", provider.Gateway)
	}
	return running
}

// providerBehindGate is a simulated provider that does all it is asked and whose answers are lost while silent.
func providerBehindGate(t *testing.T) (provider *simulated.Provider, silent *atomic.Bool, url string) {
	t.Helper()
	provider, err := simulated.New(postgrestest.Open(t).DB, simulated.Options{})
	if err != nil {
		t.Fatal(err)
	}
	silent = &atomic.Bool{}
	handler := provider.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if silent.Load() {
			handler.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.Close()
		_ = provider.Close()
	})
	return provider, silent, server.URL
}
