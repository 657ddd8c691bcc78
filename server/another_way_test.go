package main

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// payWith pays the scene's order another way and returns the code of the refusal, "" for none.
func (s *scene) payWith(token string) string {
	s.t.Helper()
	return s.ask(s.ada, "paymentRetry", map[string]any{"idempotencyKey": uuid.NewString(), "paymentMethod": map[string]any{"token": token}})
}

// payments are the statuses of the order's current payment and of all its payments.
func (s *scene) payments() (current string, all []string) {
	s.t.Helper()
	type status struct{ Status string }
	var data struct {
		Order struct {
			Payment  status
			Payments []status
		}
	}
	if err := s.ada.graphql(s.t.Context(), `query ($id: ID!) { order(id: $id) { payment { status } payments { status } } }`, map[string]any{"id": s.orderID}, &data); err != nil {
		s.t.Fatal(err)
	}
	for _, p := range data.Order.Payments {
		all = append(all, p.Status)
	}
	return data.Order.Payment.Status, all
}

func (s *scene) checkPayments(want ...string) {
	s.t.Helper()
	current, all := s.payments()
	if !slices.Equal(all, want) {
		s.t.Errorf("payments %v, want %v", all, want)
	}
	if current != "CONFIRMED" {
		s.t.Errorf("the current payment is %s", current)
	}
}

// A payment waits for its customer, who pays with another card: the first charge is voided, then the second is made.
func TestPayAnotherWay(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		app := startApp(t, postgrestest.URL(t))
		s := newScene(t, app)
		got := s.play("sim_requires_action", "AUTOMATIC", map[string]func(int) bool{
			"PAYMENT_ACTION_REQUIRED": func(int) bool {
				if code := s.payWith("sim_approve"); code != "" {
					t.Errorf("refused: %s", code)
				}
				if code := s.payWith("sim_approve"); code != "NOT_ALLOWED_IN_STATE" {
					t.Errorf("paid another way twice: %q", code)
				}
				return false
			},
			"ORDER_DELIVERED": end,
		})
		checkEvents(t, got, "ORDER_CREATED PAYMENT_PROCESSING PAYMENT_ACTION_REQUIRED PAYMENT_RETRIED PAYMENT_VOIDED PAYMENT_PROCESSING PAYMENT_CONFIRMED ORDER_DELIVERED")
		s.ledger(simulatedIn(t, app), s.total(), 0)
		s.checkPayments("VOIDED", "CONFIRMED")
	})
	// The customer has approved the first payment in another tab, and the server does not know yet.
	t.Run("OKApprovedMeanwhile", func(t *testing.T) {
		t.Parallel()
		provider, _, url := providerBehindGate(t)
		s := newScene(t, startApp(t, postgrestest.URL(t), "SIMULATED_URL="+url))
		got := s.play("sim_requires_action", "AUTOMATIC", map[string]func(int) bool{
			"PAYMENT_ACTION_REQUIRED": func(int) bool {
				s.approve(provider)
				if code := s.payWith("sim_approve"); code != "" {
					t.Errorf("refused: %s", code)
				}
				return false
			},
			"ORDER_DELIVERED": end,
		})
		checkEvents(t, got, "ORDER_CREATED PAYMENT_PROCESSING PAYMENT_ACTION_REQUIRED PAYMENT_RETRIED PAYMENT_PROCESSING PAYMENT_CONFIRMED PAYMENT_VOIDED ORDER_DELIVERED")
		s.ledger(provider, s.total(), 0)
		s.checkPayments("CONFIRMED", "VOIDED")
	})
	// The answers to the void are lost. Nothing is sent meanwhile, and a cancel ends both.
	t.Run("OKCancelledInOutage", func(t *testing.T) {
		t.Parallel()
		provider, silent, url := providerBehindGate(t)
		s := newScene(t, startApp(t, postgrestest.URL(t), "SIMULATED_URL="+url))
		got := s.play("sim_requires_action", "AUTOMATIC", map[string]func(int) bool{
			"PAYMENT_ACTION_REQUIRED": func(int) bool {
				silent.Store(true)
				if code := s.payWith("sim_approve"); code != "" {
					t.Errorf("refused: %s", code)
				}
				s.must(s.ada, "orderCancel", nil)
				silent.Store(false)
				return false
			},
			"ORDER_CANCELLED": end,
		})
		checkEvents(t, got, "ORDER_CREATED PAYMENT_PROCESSING PAYMENT_ACTION_REQUIRED PAYMENT_RETRIED ORDER_CANCELLING PAYMENT_VOIDED PAYMENT_VOIDED ORDER_CANCELLED")
		s.ledger(provider, 0, 0)
	})
}

// approve approves the scene's payment at the provider, as its customer.
func (s *scene) approve(provider *simulated.Provider) {
	s.t.Helper()
	paymentID, err := id.Parse[id.Payment](s.paymentID)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := provider.Complete(s.t.Context(), paymentID, true); err != nil {
		s.t.Fatal(err)
	}
}
