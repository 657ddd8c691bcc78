package order_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/fsm"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// The contract's lines (design.md section 4), written down a second time: every pair of status and action is either
// here, or leads nowhere.
const (
	orderPairs = `
		CREATED pay CONFIRMED; CREATED cancel CANCELLING
		CONFIRMED pay CONFIRMED; CONFIRMED deliver DELIVERED; CONFIRMED cancel CANCELLING
		DELIVERED deliver DELIVERED
		CANCELLING pay CANCELLING; CANCELLING cancel CANCELLING; CANCELLING finish-cancel CANCELLED
		CANCELLED cancel CANCELLED; CANCELLED finish-cancel CANCELLED`
	paymentPairs = `
		INITIALIZING begin PROCESSING; INITIALIZING void VOIDED; INITIALIZING expire EXPIRED
		PROCESSING begin PROCESSING; PROCESSING continue PROCESSING; PROCESSING require-action REQUIRES_ACTION
		PROCESSING authorize AUTHORIZED; PROCESSING capture CONFIRMED; PROCESSING decline DECLINED
		PROCESSING void VOIDED; PROCESSING expire EXPIRED
		REQUIRES_ACTION require-action REQUIRES_ACTION; REQUIRES_ACTION continue PROCESSING
		REQUIRES_ACTION void VOIDED; REQUIRES_ACTION expire EXPIRED
		AUTHORIZED authorize AUTHORIZED; AUTHORIZED capture CONFIRMED; AUTHORIZED void VOIDED; AUTHORIZED expire EXPIRED
		CONFIRMED capture CONFIRMED
		DECLINED decline DECLINED
		VOIDED void VOIDED
		EXPIRED expire EXPIRED`
	refundPairs = `
		PENDING succeed SUCCEEDED; PENDING fail FAILED
		SUCCEEDED succeed SUCCEEDED; SUCCEEDED fail FAILED
		FAILED fail FAILED`
)

func TestMachines(t *testing.T) {
	t.Parallel()
	t.Run("Order", func(t *testing.T) { walk(t, order.Machine, order.Statuses(), order.Actions(), orderPairs) })
	t.Run("Payment", func(t *testing.T) { walk(t, payment.Machine, payment.Statuses(), payment.Actions(), paymentPairs) })
	t.Run("Refund", func(t *testing.T) {
		walk(t, payment.RefundMachine, payment.RefundStatuses(), payment.RefundActions(), refundPairs)
	})
}

func walk[S, A ~string](t *testing.T, table fsm.Table[S, A], statuses []S, actions []A, pairs string) {
	t.Helper()
	want := map[string]string{}
	for _, pair := range strings.FieldsFunc(pairs, func(r rune) bool { return r == ';' || r == '\n' }) {
		words := strings.Fields(pair)
		if len(words) == 3 {
			want[words[0]+" "+strings.ReplaceAll(words[1], "-", " ")] = words[2]
		}
	}
	seen := 0
	for _, status := range statuses {
		for _, action := range actions {
			got := ""
			if next, err := table.Next(status, action); err == nil {
				got = string(next)
				seen++
			} else if !strings.Contains(err.Error(), string(status)) {
				t.Errorf("the refusal %q does not name the status", err)
			}
			if key := fmt.Sprintf("%s %s", status, action); got != want[key] {
				t.Errorf("%s leads to %q, want %q", key, got, want[key])
			}
		}
	}
	total := 0
	for _, row := range table {
		total += len(row)
	}
	if seen != total || seen != len(want) {
		t.Errorf("the lists of statuses and actions reach %d of %d pairs, expected are %d", seen, total, len(want))
	}
}
