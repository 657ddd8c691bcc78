// Package fakestripe is a Stripe for tests: PaymentIntents, Refunds, Disputes and early fraud warnings over HTTP, with a ledger in
// memory. It is as unkind as Stripe's documentation allows, and each behaviour names the page that it follows: idempotency keys
// answer the same again, refusals and remembered 500s included, a PaymentIntent is charged at most once, an operation in the wrong
// state is refused with the state, holds and vouchers run out by the clock, and refunds fail after they succeeded. It fails when told
// to, also after it has charged. People at Stripe's dashboard and banks act on the ledger too: see Outside. It writes the events that
// Stripe would send.
//
// The tests of package stripe compare the shape of its answers with those of the real stripe-mock.
package fakestripe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Payment methods, named as Stripe's own for tests where it has one: https://docs.stripe.com/testing.
const (
	Visa              = "pm_card_visa"
	Declined          = "pm_card_visa_chargeDeclined"
	InsufficientFunds = "pm_card_visa_chargeDeclinedInsufficientFunds"
	StolenCard        = "pm_card_visa_chargeDeclinedStolenCard"
	// Authenticate asks the customer to: see Stripe.Authenticate.
	Authenticate = "pm_card_authenticationRequired"
	// PendingRefund is paid at once; its refunds wait for Stripe.SettleRefund.
	PendingRefund = "pm_card_pendingRefund"
	// ActionRefund is paid at once; its refunds wait until the customer says where the money should go, as for Konbini:
	// https://docs.stripe.com/refunds#refund-customer-action.
	ActionRefund = "pm_fake_actionRefund"
	// Processing is a bank debit, which takes days: https://docs.stripe.com/payments/sepa-debit. It waits for Stripe.Decide.
	Processing = "pm_fake_processing"
	// Voucher is paid in cash within voucherLife: https://docs.stripe.com/payments/boleto. It waits for Stripe.PayVoucher.
	Voucher = "pm_fake_voucher"
)

// Stripe is one account, which settles in EUR. It is an http.Handler and safe for concurrent use.
type Stripe struct {
	key  string
	mux  *http.ServeMux
	hung chan struct{}

	mu       sync.Mutex
	made     int
	intents  []*intent
	refunds  []*refund
	disputes []*dispute
	warnings []*warning
	keys     map[string]saved
	running  map[string]bool
	faults   map[string][]Fault
	down     Fault
	upAt     time.Time
	denied   map[string]bool
	calls    map[string]int
	events   []Event
	sent     int
	clock    func() time.Time
	// overcapture is the percentage of a hold that can be captured beyond it.
	overcapture int64
}

// New is an empty account whose secret key is given.
func New(secretKey string) *Stripe {
	s := &Stripe{
		key: secretKey, mux: http.NewServeMux(), hung: make(chan struct{}, 16), keys: map[string]saved{}, running: map[string]bool{},
		faults: map[string][]Fault{}, denied: map[string]bool{}, calls: map[string]int{},
	}
	s.handle("create", "POST /v1/payment_intents", s.create)
	s.handle("listIntents", "GET /v1/payment_intents", s.listIntents)
	s.handle("retrieve", "GET /v1/payment_intents/{id}", s.retrieve)
	s.handle("confirm", "POST /v1/payment_intents/{id}/confirm", s.confirm)
	s.handle("capture", "POST /v1/payment_intents/{id}/capture", s.capture)
	s.handle("cancel", "POST /v1/payment_intents/{id}/cancel", s.cancel)
	s.handle("refund", "POST /v1/refunds", s.refund)
	s.handle("list", "GET /v1/refunds", s.listRefunds)
	s.handle("listDisputes", "GET /v1/disputes", s.listDisputes)
	s.handle("listWarnings", "GET /v1/radar/early_fraud_warnings", s.listWarnings)
	return s
}

// ServeHTTP answers as https://api.stripe.com.
func (s *Stripe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+s.key {
		write(w, failed(http.StatusUnauthorized, "invalid_request_error", "", ""))
		return
	}
	s.mux.ServeHTTP(w, r)
}

// answer is a response before it is written.
type answer struct {
	status int
	body   any
	header map[string]string
}

func found(body any) answer { return answer{status: http.StatusOK, body: body} }

type object = map[string]any

// failed is an error as https://docs.stripe.com/api/errors has it.
func failed(status int, kind, code, param string) answer {
	e := object{"type": kind, "message": "The message is for people and may change: sk_test_hidden, 4242424242424242."}
	if code != "" {
		e["code"] = code
	}
	if param != "" {
		e["param"] = param
	}
	return answer{status: status, body: object{"error": e}}
}

func invalid(code, param string) answer {
	return failed(http.StatusBadRequest, "invalid_request_error", code, param)
}

// with adds a field to the error.
func (a answer) with(name string, value any) answer {
	a.body.(object)["error"].(object)[name] = value //nolint:errcheck // failed has made it
	return a
}

// saying adds headers, each name followed by its value.
func (a answer) saying(headers ...string) answer {
	a.header = map[string]string{}
	for pair := range slices.Chunk(headers, 2) {
		a.header[pair[0]] = pair[1]
	}
	return a
}

func write(w http.ResponseWriter, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Request-Id", "req_fake")
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body)
}

// newID is called with the lock held.
func (s *Stripe) newID(prefix string) string {
	s.made++
	return fmt.Sprintf("%s_fake%06d", prefix, s.made)
}

// metadata reads metadata[name]=value.
func metadata(form url.Values) map[string]string {
	m := map[string]string{}
	for name, values := range form {
		if key, ok := strings.CutPrefix(name, "metadata["); ok && len(values) > 0 {
			m[strings.TrimSuffix(key, "]")] = values[0]
		}
	}
	return m
}
