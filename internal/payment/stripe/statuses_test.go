package stripe_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/stripe"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
)

// What a PaymentIntent's status says of an authorization, its capture and its void, looked up; "" for nothing:
// https://docs.stripe.com/payments/paymentintents/lifecycle.
func TestStatuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]map[payment.Operation]payment.Outcome{
		"requires_confirmation":   {payment.OperationAuthorize: payment.Prepared, payment.OperationVoid: payment.NotFound},
		"requires_payment_method": {payment.OperationAuthorize: payment.Refused, payment.OperationCapture: payment.Refused, payment.OperationVoid: payment.NotFound},
		"requires_action":         {payment.OperationAuthorize: payment.ActionRequired, payment.OperationVoid: payment.NotFound},
		"processing":              {payment.OperationAuthorize: payment.Pending, payment.OperationVoid: payment.Pending},
		"requires_capture":        {payment.OperationAuthorize: payment.Held, payment.OperationCapture: payment.NotFound, payment.OperationVoid: payment.NotFound},
		"succeeded":               {payment.OperationAuthorize: payment.Captured, payment.OperationCapture: payment.Captured, payment.OperationVoid: payment.Captured},
		"canceled":                {payment.OperationAuthorize: payment.Released, payment.OperationCapture: payment.Released, payment.OperationVoid: payment.Released},
	} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = fmt.Fprintf(w, `{"id":"pi_1","object":"payment_intent","status":%q,"amount":1250,"amount_received":0,"currency":"eur"}`, status)
			}))
			defer server.Close()
			gateway, err := stripe.New(stripe.Options{SecretKey: secretKey, APIBase: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			call := authorization(fakestripe.Visa, payment.CaptureManual)
			call.Reference = "pi_1"
			for _, call.Operation = range []payment.Operation{payment.OperationAuthorize, payment.OperationCapture, payment.OperationVoid} {
				if outcome := want[call.Operation]; outcome == "" {
					expectUndecided(t)(gateway.LookUp(t.Context(), call))
				} else {
					expect(t, outcome)(gateway.LookUp(t.Context(), call))
				}
			}
		})
	}
}
