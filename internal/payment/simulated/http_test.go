package simulated_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/outbound"
	"github.com/orderwire/orderwire/internal/outbound/outboundtest"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// What stands between client and provider must never turn an unknown outcome into a definite one.
func TestClientAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status   int
		body     string
		want     string // a code
		definite bool
	}{
		"a refusal of the provider":           {422, `{"error":{"code":"not_captured","message":"no"}}`, simulated.CodeNotCaptured, true},
		"a code the client does not know":     {400, `{"error":{"code":"new_code","message":"no"}}`, "new_code", true},
		"a proxy's 404":                       {404, `<html>not found</html>`, simulated.CodeServerError, false},
		"a 404 with other JSON":               {404, `{"error":"not found"}`, simulated.CodeServerError, false},
		"a proxy's 401":                       {401, ``, simulated.CodeServerError, false},
		"a 500 that looks like a refusal":     {500, `{"error":{"code":"not_captured","message":"no"}}`, simulated.CodeServerError, false},
		"a 504":                               {504, ``, simulated.CodeTimeout, false},
		"a 200 that is not ours":              {200, `<html>welcome</html>`, simulated.CodeServerError, false},
		"a 200 with an outcome nobody knows":  {200, `{"outcome":"MAYBE"}`, simulated.CodeServerError, false},
		"a 200 without an outcome":            {200, `{}`, simulated.CodeServerError, false},
		"a redirect, which is not followed":   {307, ``, simulated.CodeServerError, false},
		"a body that ends before it promised": {200, ``, simulated.CodeServerError, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				calls++
				w.Header().Set("Location", "/elsewhere")
				if strings.HasPrefix(name, "a body that ends") {
					w.Header().Set("Content-Length", "100")
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body)) // the client may be gone
			}))
			defer server.Close()
			client, err := simulated.NewClient(server.URL+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Authorize(t.Context(), newCall(simulated.TokenApprove, payment.CaptureAutomatic))
			if c.definite {
				mustReject(t, err, c.want)
			} else {
				mustBeUnknown(t, err, c.want)
			}
			server.Close()
			if calls != 1 {
				t.Errorf("%d calls", calls)
			}
		})
	}
}

func TestClientUnreachable(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	client, err := simulated.NewClient(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Authorize(t.Context(), newCall(simulated.TokenApprove, payment.CaptureAutomatic))
	if unsent, ok := errors.AsType[*payment.NotSentError](err); !ok || !strings.Contains(unsent.Message, "refused") {
		t.Errorf("%v, want that it was not sent", err)
	}
}

// A provider that answers 101 and then says nothing has given no answer.
func TestProviderSwitchesProtocols(t *testing.T) {
	t.Parallel()
	client, err := simulated.NewClient(outboundtest.Upgrades(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Authorize(t.Context(), newCall(simulated.TokenApprove, payment.CaptureAutomatic))
	if _, ok := errors.AsType[*simulated.UnavailableError](err); !ok || !errors.Is(err, outbound.ErrUpgrade) {
		t.Errorf("%v, want %v", err, outbound.ErrUpgrade)
	}
}

func TestNewClient(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "127.0.0.1:8081", "/v1", "ftp://host", "http://", "http://[::1"} {
		if _, err := simulated.NewClient(address, nil); err == nil {
			t.Errorf("%q is accepted", address)
		}
	}
}

// The provider holds a call that is to time out for longer than its client waits: the client sees its own deadline, and
// the money is taken.
func TestClientDeadline(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{TimeoutHold: time.Hour})
	client, err := simulated.NewClient(b.server.URL, &http.Client{Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	call := newCall(simulated.TokenTimeoutCharged, payment.CaptureAutomatic)
	_, err = client.Authorize(t.Context(), call)
	mustBeUnknown(t, err, simulated.CodeTimeout)
	// Repeated, since on a slow machine the deadline may have come before the charge; either way there is one.
	if r, err := b.client.Authorize(t.Context(), call); err != nil || r.Outcome != payment.Captured {
		var timeout *simulated.UnavailableError
		if !errors.As(err, &timeout) {
			t.Errorf("repeated: %+v, %v", r, err)
		}
	}
	if got := balance(t, b.provider, call.PaymentID); got.Charges != 1 || got.Captured != 1250 {
		t.Errorf("the ledger has %+v", got)
	}
}

// A client that goes away does not stop the provider: the work does not hang on the request's context.
func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	call := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
	gone, leave := context.WithCancel(t.Context())
	leave()
	body := fmt.Sprintf(`{"orderId":%q,"paymentId":%q,"amountMinor":1250,"currency":"EUR","captureMethod":"AUTOMATIC","method":"sim_approve"}`,
		call.OrderID, call.PaymentID)
	r := httptest.NewRequestWithContext(gone, http.MethodPost, "/v1/authorize", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", call.Key.String())
	b.provider.Handler().ServeHTTP(httptest.NewRecorder(), r)
	if got := balance(t, b.provider, call.PaymentID); got.Captured != 1250 {
		t.Errorf("the ledger has %+v, want the charge made all the same", got)
	}
	// The request written by hand above is the one that the client writes.
	if r, err := b.client.Authorize(t.Context(), call); err != nil || r.Outcome != payment.Captured {
		t.Errorf("repeated by the client: %+v, %v", r, err)
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	call := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
	if _, err := b.client.Authorize(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	const jsonType, someKey = "application/json", "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5"
	for name, c := range map[string]struct {
		method, path, contentType, key, body string
		status                               int
		want                                 string // in the body
	}{
		"OK health":             {method: "GET", path: "/healthz", status: 200, want: `"ok"`},
		"OK ledger":             {method: "GET", path: "/v1/ledger", status: 200, want: `"totals":[{"currency":"EUR","captured":1250`},
		"OK ledger, a payment":  {method: "GET", path: "/v1/ledger?payment=" + call.PaymentID.String(), status: 200, want: `"captured":1250`},
		"OK ledger, no order":   {method: "GET", path: "/v1/ledger?order=" + someKey, status: 200, want: `"balances":[]`},
		"OK audit":              {method: "GET", path: "/v1/audit", status: 200, want: `{"discrepancies":[]}`},
		"Err malformed payment": {method: "GET", path: "/v1/ledger?payment=x", status: 400, want: simulated.CodeRequestInvalid},
		"Err limit":             {method: "GET", path: "/v1/ledger?limit=1001", status: 400, want: simulated.CodeRequestInvalid},
		"Err method":            {method: "GET", path: "/v1/authorize", status: 405},
		"Err path":              {method: "POST", path: "/v2/authorize", contentType: jsonType, key: someKey, body: `{}`, status: 404},
		"Err content type":      {method: "POST", path: "/v1/authorize", contentType: "text/plain", key: someKey, body: `{}`, status: 400, want: simulated.CodeRequestInvalid},
		"Err no key":            {method: "POST", path: "/v1/authorize", contentType: jsonType, body: `{}`, status: 400, want: "Idempotency-Key"},
		"Err no JSON":           {method: "POST", path: "/v1/void", contentType: jsonType, key: someKey, body: `{`, status: 400, want: simulated.CodeRequestInvalid},
		"Err unknown field":     {method: "POST", path: "/v1/void", contentType: jsonType, key: someKey, body: `{"pan":"1"}`, status: 400, want: simulated.CodeRequestInvalid},
		"Err two values":        {method: "POST", path: "/v1/void", contentType: jsonType, key: someKey, body: `{}{}`, status: 400, want: simulated.CodeRequestInvalid},
		"Err too large":         {method: "POST", path: "/v1/void", contentType: jsonType, key: someKey, body: `{"method":"` + strings.Repeat("x", 1<<20) + `"}`, status: 400, want: simulated.CodeRequestInvalid},
		"Err missing ids":       {method: "POST", path: "/v1/refund", contentType: jsonType + "; charset=utf-8", key: someKey, body: `{}`, status: 400, want: simulated.CodeRequestInvalid},
		"Err nothing to refund": {method: "POST", path: "/v1/refund", contentType: jsonType, key: someKey, body: `{"orderId":"` + someKey + `","paymentId":"` + someKey + `","amountMinor":1,"currency":"EUR"}`, status: 422, want: simulated.CodeChargeNotFound},
		"Err complete, unknown": {method: "POST", path: "/v1/complete", contentType: jsonType, body: `{"paymentId":"` + someKey + `"}`, status: 422, want: simulated.CodeChargeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.contentType)
			r.Header.Set("Idempotency-Key", c.key)
			w := httptest.NewRecorder()
			b.provider.Handler().ServeHTTP(w, r)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%d %s, want %d with %s", w.Code, w.Body, c.status, c.want)
			}
			if c.want != "" && (!json.Valid(w.Body.Bytes()) || w.Header().Get("Content-Type") != jsonType) {
				t.Errorf("%q, %s is not JSON", w.Header().Get("Content-Type"), w.Body)
			}
		})
	}
}

// When the ledger's database is gone, nothing is definite and no detail leaves the provider.
func TestLedgerGone(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	if err := b.db.Close(); err != nil {
		t.Fatal(err)
	}
	call := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
	for _, g := range []gateway{b.provider, b.client} {
		_, err := g.Authorize(t.Context(), call)
		mustBeUnknown(t, err, simulated.CodeServerError)
		_, err = g.Void(t.Context(), on(call, payment.OperationVoid))
		mustBeUnknown(t, err, simulated.CodeServerError)
		_, err = g.LookUp(t.Context(), call)
		mustBeUnknown(t, err, simulated.CodeServerError)
		if g == gateway(b.client) && strings.Contains(err.Error(), "sql") {
			t.Errorf("the cause left the provider: %v", err)
		}
	}
	w := httptest.NewRecorder()
	b.provider.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/healthz", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "sql") {
		t.Errorf("/healthz: %d %s", w.Code, w.Body)
	}
}

// mustBeUnknown fails the test unless err leaves open whether money moved.
func mustBeUnknown(t testing.TB, err error, code string) {
	t.Helper()
	var unavailable *simulated.UnavailableError
	var definite *payment.DefiniteError
	if errors.As(err, &definite) || !errors.As(err, &unavailable) || unavailable.Code != code {
		t.Fatalf("the error is %v, want an unknown outcome: %s", err, code)
	}
}
