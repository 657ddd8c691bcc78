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

// TestUnknownStatus: what a status that Stripe adds later means for the money is decided by nobody here, in a plain answer as in one
// that refuses what was asked.
func TestUnknownStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"frozen", "SUCCEEDED", ""} {
		intent := fmt.Sprintf(`{"id":"pi_1","object":"payment_intent","status":%q,"amount":1250,"amount_received":1250,"currency":"eur"}`, status)
		for _, refused := range []bool{false, true} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if refused && r.Method == http.MethodPost {
					w.WriteHeader(http.StatusBadRequest)
					_, _ = fmt.Fprintf(w, `{"error":{"type":"invalid_request_error","code":"payment_intent_unexpected_state","message":"no","payment_intent":%s}}`, intent)
					return
				}
				_, _ = fmt.Fprint(w, intent)
			}))
			defer server.Close()
			gateway, err := stripe.New(stripe.Options{SecretKey: secretKey, APIBase: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			call := authorization(fakestripe.Visa, payment.CaptureManual)
			call.Reference = "pi_1"
			expectUndecided(t)(gateway.Authorize(t.Context(), call))
			expectUndecided(t)(gateway.LookUp(t.Context(), call))
			for _, operation := range []payment.Operation{payment.OperationCapture, payment.OperationVoid} {
				next := follow(call, operation)
				ask := map[payment.Operation]func() (payment.Result, error){
					payment.OperationCapture: func() (payment.Result, error) { return gateway.Capture(t.Context(), next) },
					payment.OperationVoid:    func() (payment.Result, error) { return gateway.Void(t.Context(), next) },
				}[operation]
				expectUndecided(t)(ask())
				expectUndecided(t)(gateway.LookUp(t.Context(), next))
			}
			expectUndecided(t)(gateway.Refund(t.Context(), follow(call, payment.OperationRefund)))
		}
	}
}

// TestUnknownCall: nothing is sent to Stripe for what is not known.
func TestUnknownCall(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("Stripe was asked") }))
	defer server.Close()
	gateway, err := stripe.New(stripe.Options{SecretKey: secretKey, APIBase: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []payment.CaptureMethod{"", "manual", "LATER"} {
		if r, err := gateway.Authorize(t.Context(), authorization(fakestripe.Visa, method)); err == nil {
			t.Errorf("%q: %+v", method, r)
		}
	}
	call := authorization(fakestripe.Visa, payment.CaptureManual)
	call.Reference, call.Operation = "pi_1", "FREEZE"
	if r, err := gateway.LookUp(t.Context(), call); err == nil {
		t.Errorf("%+v", r)
	}
}
