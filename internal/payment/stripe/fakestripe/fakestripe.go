// Package fakestripe is a Stripe for tests: PaymentIntents and Refunds over HTTP, with a ledger in memory. It is as strict
// as Stripe where money depends on it: idempotency keys answer the same again (refusals included), a PaymentIntent is
// charged at most once, and an operation in the wrong state is refused with the state. It fails when told to, also after
// it has charged, and writes the events that Stripe would send.
//
// The tests of package stripe compare the shape of its answers with those of the real stripe-mock.
package fakestripe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
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
	// Processing waits for Stripe.Decide.
	Processing = "pm_fake_processing"
)

// Stripe is one account. It is an http.Handler and safe for concurrent use.
type Stripe struct {
	key  string
	mux  *http.ServeMux
	hung chan struct{}

	mu      sync.Mutex
	made    int
	intents []*intent
	refunds []*refund
	keys    map[string]saved
	faults  map[string][]Fault
	calls   map[string]int
	events  []Event
	sent    int
	clock   func() time.Time
}

// New is an empty account whose secret key is given.
func New(secretKey string) *Stripe {
	s := &Stripe{key: secretKey, mux: http.NewServeMux(), hung: make(chan struct{}, 16), keys: map[string]saved{}, faults: map[string][]Fault{}, calls: map[string]int{}}
	s.handle("create", "POST /v1/payment_intents", s.create)
	s.handle("listIntents", "GET /v1/payment_intents", s.listIntents)
	s.handle("retrieve", "GET /v1/payment_intents/{id}", s.retrieve)
	s.handle("confirm", "POST /v1/payment_intents/{id}/confirm", s.confirm)
	s.handle("capture", "POST /v1/payment_intents/{id}/capture", s.capture)
	s.handle("cancel", "POST /v1/payment_intents/{id}/cancel", s.cancel)
	s.handle("refund", "POST /v1/refunds", s.refund)
	s.handle("list", "GET /v1/refunds", s.list)
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
}

func found(body any) answer { return answer{http.StatusOK, body} }

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
	return answer{status, object{"error": e}}
}

func invalid(code, param string) answer {
	return failed(http.StatusBadRequest, "invalid_request_error", code, param)
}

// with adds a field to the error.
func (a answer) with(name string, value any) answer {
	a.body.(object)["error"].(object)[name] = value //nolint:errcheck // failed has made it
	return a
}

func write(w http.ResponseWriter, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Request-Id", "req_fake")
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
