package main

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// act does something to the scene's payment in the provider's dashboard. An amount of 0 is all that is there.
func (s *scene) act(name string, minor int64) {
	s.t.Helper()
	in := map[string]any{"paymentId": s.paymentID, "act": name, "amountMinor": minor}
	if status := dashboard(s.t, s.app.URL(), s.staff.token, in); status != http.StatusOK {
		s.t.Errorf("%s: %d", name, status)
	}
}

// refundLine refunds a quantity of the order's only line and returns the code of the refusal, "" for none.
func (s *scene) refundLine(quantity int) string {
	s.t.Helper()
	return s.ask(s.staff, "refundCreate", map[string]any{"idempotencyKey": uuid.NewString(), "lines": []any{map[string]any{"position": 1, "quantity": quantity}}})
}

// books are the amounts of the scene's order and its payment in minor units, and their statuses.
type books struct {
	order, payment                             string
	captured, capturable, refunded, refundable int64
	refundedQuantity                           int
	attention                                  string
}

func (s *scene) books() books {
	s.t.Helper()
	type amount struct {
		AmountMinor int64 `json:",string"`
	}
	var data struct {
		Order struct {
			Status               string
			Refunded, Refundable amount
			Lines                []struct{ RefundedQuantity int }
			Payment              struct {
				Status, Attention    string
				Captured, Capturable amount
			}
		}
	}
	query := `query ($id: ID!) { order(id: $id) { status refunded { amountMinor } refundable { amountMinor } lines { refundedQuantity }
		payment { status attention captured { amountMinor } capturable { amountMinor } } } }`
	if err := s.staff.graphql(s.t.Context(), query, map[string]any{"id": s.orderID}, &data); err != nil {
		s.t.Fatal(err)
	}
	o := &data.Order
	return books{
		order: o.Status, payment: o.Payment.Status, attention: o.Payment.Attention,
		captured: o.Payment.Captured.AmountMinor, capturable: o.Payment.Capturable.AmountMinor,
		refunded: o.Refunded.AmountMinor, refundable: o.Refundable.AmountMinor, refundedQuantity: o.Lines[0].RefundedQuantity,
	}
}

func (s *scene) checkBooks(want books) {
	s.t.Helper()
	if got := s.books(); got != want {
		s.t.Errorf("the books are %+v, want %+v", got, want)
	}
}

// A part of a payment is captured, or a line of its order is refunded, and somebody goes on in the provider's dashboard.
func TestDashboardParts(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t), "DELIVERY_DELAY=24h")
	const held = "ORDER_CREATED PAYMENT_PROCESSING PAYMENT_AUTHORIZED "
	capture := func(s *scene, minor string) func(int) bool {
		return func(int) bool {
			s.must(s.staff, "paymentCapture", map[string]any{"amountMinor": minor})
			return false
		}
	}
	// The dashboard captures once and releases the rest: nothing can be captured any more.
	t.Run("OKCapture", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, app)
		got := s.play("sim_approve", "MANUAL", map[string]func(int) bool{
			"PAYMENT_AUTHORIZED": capture(s, "100"),
			"PAYMENT_CAPTURED": func(int) bool {
				s.checkBooks(books{order: "CREATED", payment: "AUTHORIZED", captured: 100, capturable: s.total() - 100, refundable: 100})
				s.act("capture", 150)
				return false
			},
			"PAYMENT_CONFIRMED": end,
		})
		checkEvents(t, got, held+"PAYMENT_CAPTURED PAYMENT_CONFIRMED")
		s.checkBooks(books{order: "CONFIRMED", payment: "CONFIRMED", captured: 250, refundable: 250})
		s.ledger(simulatedIn(t, app), 250, 0)
		if code := s.ask(s.staff, "paymentCapture", map[string]any{"amountMinor": "100"}); code != "NOT_ALLOWED_IN_STATE" {
			t.Errorf("a capture after the last one: %q", code)
		}
	})
	t.Run("OKCancel", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, app)
		got := s.play("sim_approve", "MANUAL", map[string]func(int) bool{
			"PAYMENT_AUTHORIZED": capture(s, "100"),
			"PAYMENT_CAPTURED": func(int) bool {
				s.act("cancel", 0)
				return false
			},
			"PAYMENT_CONFIRMED": end,
		})
		checkEvents(t, got, held+"PAYMENT_CAPTURED PAYMENT_CONFIRMED")
		s.checkBooks(books{order: "CONFIRMED", payment: "CONFIRMED", captured: 100, refundable: 100})
		s.ledger(simulatedIn(t, app), 100, 0)
	})
	// What was refunded in the dashboard is missing for the lines.
	t.Run("OKRefundLines", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, app)
		got := s.play("sim_approve", "AUTOMATIC", map[string]func(int) bool{
			"PAYMENT_CONFIRMED": func(int) bool {
				if code := s.refundLine(1); code != "" {
					t.Errorf("a refund of a line: %s", code)
				}
				return false
			},
			"REFUND_SUCCEEDED": func(n int) bool {
				price := s.total() / 2
				switch n {
				case 1:
					s.act("refund", 100)
				case 2:
					s.checkBooks(books{
						order: "CONFIRMED", payment: "CONFIRMED", captured: 2 * price, refunded: price + 100, refundable: price - 100, refundedQuantity: 1,
					})
					if code := s.refundLine(1); code != "AMOUNT_OUT_OF_RANGE" {
						t.Errorf("a line of which less is left than it cost: %q", code)
					}
					if code := s.refundLine(2); code != "QUANTITY_OUT_OF_RANGE" {
						t.Errorf("a line of which one was refunded, twice: %q", code)
					}
					s.must(s.staff, "refundCreate", map[string]any{"idempotencyKey": uuid.NewString()})
				}
				return n == 3
			},
		})
		checkEvents(t, got, "ORDER_CREATED PAYMENT_PROCESSING PAYMENT_CONFIRMED REFUND_CREATED REFUND_SUCCEEDED REFUND_SUCCEEDED REFUND_CREATED REFUND_SUCCEEDED")
		s.ledger(simulatedIn(t, app), s.total(), s.total())
		if code := s.refundLine(1); code != "NOTHING_REFUNDABLE" {
			t.Errorf("a line of an order that was refunded: %q", code)
		}
	})
	// A dispute takes a part while the rest is still held. Staff release the rest, or the customer cancels: what the bank took is not
	// refunded again.
	for name, c := range map[string]struct {
		then   func(s *scene)
		events string
		order  string
	}{
		"OKDisputeVoid":   {func(s *scene) { s.must(s.staff, "paymentVoid", nil) }, "PAYMENT_CONFIRMED", "CONFIRMED"},
		"OKDisputeCancel": {func(s *scene) { s.must(s.ada, "orderCancel", nil) }, "ORDER_CANCELLING PAYMENT_CONFIRMED ORDER_CANCELLED", "CANCELLED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, app)
			got := s.play("sim_approve", "MANUAL", map[string]func(int) bool{
				"PAYMENT_AUTHORIZED": capture(s, "300"),
				"PAYMENT_CAPTURED": func(int) bool {
					s.act("dispute", 0)
					return false
				},
				"PAYMENT_NEEDS_ATTENTION": func(int) bool {
					s.checkBooks(books{order: "CREATED", payment: "AUTHORIZED", captured: 300, capturable: s.total() - 300, attention: "DISPUTED"})
					s.act("lose", 0)
					return false
				},
				"DISPUTE_LOST": func(int) bool {
					s.checkBooks(books{order: "CREATED", payment: "AUTHORIZED", captured: 300, capturable: s.total() - 300})
					if code := s.ask(s.staff, "refundCreate", map[string]any{"idempotencyKey": uuid.NewString()}); code != "NOTHING_REFUNDABLE" {
						t.Errorf("a refund of what the bank took: %q", code)
					}
					c.then(s)
					return false
				},
				"PAYMENT_CONFIRMED": func(int) bool { return c.order == "CONFIRMED" },
				"ORDER_CANCELLED":   end,
			})
			checkEvents(t, got, held+"PAYMENT_CAPTURED DISPUTE_OPENED PAYMENT_NEEDS_ATTENTION DISPUTE_LOST "+c.events)
			s.checkBooks(books{order: c.order, payment: "CONFIRMED", captured: 300})
			s.ledger(simulatedIn(t, app), 300, 0)
		})
	}
}

// The webhook of a refund in the dashboard is lost. The provider refuses the refund of a line that is more than it has left. The look at the
// charge that follows books both.
func TestDashboardRefundUnseen(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t), "DELIVERY_DELAY=24h", "SIMULATED_WEBHOOKS=off")
	s := newScene(t, app)
	s.play("sim_approve", "AUTOMATIC", map[string]func(int) bool{
		"PAYMENT_CONFIRMED": func(int) bool {
			s.act("refund", 100)
			if code := s.refundLine(2); code != "" {
				t.Errorf("a refund of the line: %s", code)
			}
			return false
		},
		"REFUND_FAILED": end,
	})
	total := s.total()
	want := books{order: "CONFIRMED", payment: "CONFIRMED", captured: total, refunded: 100, refundable: total - 100}
	await(t.Context(), t, func() bool { return s.books() == want })
	s.ledger(simulatedIn(t, app), total, 100)
	if code := s.refundLine(2); code != "AMOUNT_OUT_OF_RANGE" {
		t.Errorf("a refund of the whole line: %q", code)
	}
}
