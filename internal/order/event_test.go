package order_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/payment"
)

// What a version keeps for ever has no secret of its moment in it.
func TestEventsHaveNoSecrets(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureManual)
	w.o.Payments[0].Method = "secret-token"
	w.take(w.call(payment.OperationAuthorize), payment.Result{Outcome: payment.ActionRequired, Action: &payment.NextAction{
		Type: payment.ActionClientSecret, ClientSecret: "secret-of-the-action", URL: "https://secret.example",
	}}, nil)
	w.recheck()
	w.cancel()
	for _, e := range w.o.Events() {
		for _, part := range []any{e.Data, e.Order.State} {
			encoded, err := json.Marshal(part)
			if err != nil || strings.Contains(string(encoded), "secret") || strings.Contains(string(encoded), "echeck") {
				t.Errorf("version %d: %s, %v", e.Version, encoded, err)
			}
		}
	}
}
