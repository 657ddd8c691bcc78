package stripe_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/stripe"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
)

// startMock runs the real stripe-mock, which refuses every request that Stripe's OpenAPI description does not allow. It
// keeps no state and always answers with the same objects. The version is pinned in tools/go.mod.
func startMock(t *testing.T) *url.URL {
	t.Helper()
	// Without -n, go would stay its parent and not pass on that it is to end.
	path, err := exec.CommandContext(t.Context(), "go", "tool", "-C", "../../../tools", "-n", "stripe-mock").Output()
	if err != nil {
		t.Fatalf("build stripe-mock: %v", err)
	}
	mock := exec.CommandContext(t.Context(), strings.TrimSpace(string(path)), "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0")
	stdout, err := mock.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	mock.Stderr = t.Output()
	if err := mock.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = mock.Process.Kill()
		_ = mock.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "Listening for HTTP at address: "); ok {
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return &url.URL{Scheme: "http", Host: address}
		}
	}
	t.Fatalf("stripe-mock did not start: %v", lines.Err())
	return nil
}

// recorder passes requests on and keeps the answers by endpoint.
type recorder struct {
	mu       sync.Mutex
	answers  map[string]any
	refusals []string
}

func record(t *testing.T, to *url.URL, passed ...func(endpoint string, answer any)) (string, *recorder) {
	t.Helper()
	r := &recorder{answers: map[string]any{}}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ModifyResponse = func(response *http.Response) error {
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return err
		}
		response.Body = io.NopCloser(bytes.NewReader(body))
		parts := strings.Split(response.Request.URL.Path, "/")
		if len(parts) > 3 && parts[2] != "radar" {
			parts[3] = "{id}"
		}
		endpoint := response.Request.Method + " " + strings.Join(parts, "/")
		r.mu.Lock()
		defer r.mu.Unlock()
		if response.StatusCode != http.StatusOK {
			r.refusals = append(r.refusals, fmt.Sprintf("%s: %s %s", endpoint, response.Status, body))
			return nil
		}
		var answer any
		if err := json.Unmarshal(body, &answer); err != nil {
			return err
		}
		r.answers[endpoint] = answer
		if len(passed) == 0 {
			return nil
		}
		var changed any
		if err := json.Unmarshal(body, &changed); err != nil {
			return err
		}
		for _, change := range passed {
			change(endpoint, changed)
		}
		body, err = json.Marshal(changed)
		response.Body = io.NopCloser(bytes.NewReader(body))
		response.ContentLength = int64(len(body))
		response.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return err
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL, r
}

// disputed changes the answer about a PaymentIntent to one that was paid, refunded more than once and disputed: stripe-mock's never is, and
// then nothing else is asked.
func disputed(endpoint string, answer any) {
	if endpoint != "GET /v1/payment_intents/{id}" {
		return
	}
	intent := answer.(map[string]any)
	charge := intent["latest_charge"].(map[string]any)
	intent["status"], intent["amount_received"], intent["amount_capturable"] = "succeeded", intent["amount"], 0
	charge["disputed"] = true
	charge["refunds"].(map[string]any)["has_more"] = true
}

// everyRequest makes each kind of request the gateway can make. What it is answered does not matter.
// captured is called once money has moved.
func everyRequest(t *testing.T, base, returnURL string, capture payment.CaptureMethod, captured func(reference string)) {
	t.Helper()
	gateway, err := stripe.New(stripe.Options{SecretKey: secretKey, APIBase: base, ReturnURL: returnURL})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"", fakestripe.Visa} {
		call := authorization(method, capture)
		r := expect(t, payment.Prepared)(gateway.Authorize(t.Context(), call))
		call.Reference = r.Reference
		_, _ = gateway.Authorize(t.Context(), call)
		_, _ = gateway.LookUp(t.Context(), call)
		_, _ = gateway.Charges(t.Context(), payment.ChargeRange{From: time.Unix(1, 0), Until: time.Now(), After: call.Reference})
		_, _ = gateway.Capture(t.Context(), follow(call, payment.OperationCapture))
		captured(call.Reference)
		_, _ = gateway.LookUp(t.Context(), call)
		refund := follow(call, payment.OperationRefund)
		_, _ = gateway.Refund(t.Context(), refund)
		_, _ = gateway.LookUp(t.Context(), refund)
		_, _ = gateway.LookUp(t.Context(), call)
		_, _ = gateway.Void(t.Context(), follow(call, payment.OperationVoid))
	}
}

var endpoints = []string{
	"GET /v1/disputes",
	"GET /v1/payment_intents",
	"GET /v1/payment_intents/{id}",
	"GET /v1/radar/early_fraud_warnings",
	"GET /v1/refunds",
	"POST /v1/payment_intents",
	"POST /v1/payment_intents/{id}/cancel",
	"POST /v1/payment_intents/{id}/capture",
	"POST /v1/payment_intents/{id}/confirm",
	"POST /v1/refunds",
}

// Stripe's own description accepts every request we make, and the fake's answers look like Stripe's.
func TestWireShapes(t *testing.T) {
	t.Parallel()
	mock := startMock(t)
	t.Run("OKRequests", func(t *testing.T) {
		t.Parallel()
		for _, returnURL := range []string{"", "https://shop.example/order/{order}"} {
			for _, capture := range []payment.CaptureMethod{payment.CaptureAutomatic, payment.CaptureManual} {
				base, seen := record(t, mock, disputed)
				everyRequest(t, base, returnURL, capture, func(string) {})
				if got := slices.Sorted(maps.Keys(seen.answers)); !slices.Equal(got, endpoints) {
					t.Errorf("requests %q", got)
				}
				for _, refusal := range seen.refusals {
					t.Error(refusal)
				}
			}
		}
	})
	t.Run("OKFake", func(t *testing.T) {
		t.Parallel()
		base, genuine := record(t, mock, disputed)
		everyRequest(t, base, "", payment.CaptureManual, func(string) {})
		stripe := fakestripe.New(secretKey)
		server := httptest.NewServer(stripe)
		defer server.Close()
		to, _ := url.Parse(server.URL)
		base, fake := record(t, to)
		everyRequest(t, base, "", payment.CaptureManual, func(reference string) {
			if of := stripe.Intents(); of[len(of)-1].Captured > 0 {
				stripe.Warn(reference)
				stripe.Dispute(reference, 700, true)
			}
		})
		for _, endpoint := range endpoints {
			if fake.answers[endpoint] == nil {
				t.Errorf("%s: the fake only refused: %q", endpoint, fake.refusals)
			}
			compareShape(t, endpoint, genuine.answers[endpoint], fake.answers[endpoint])
		}
	})
	t.Run("ErrUnknownParameter", func(t *testing.T) {
		t.Parallel()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, mock.String()+"/v1/payment_intents", strings.NewReader("amount=100&currency=eur&capture_mode=manual"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+secretKey)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("stripe-mock is not strict: %s", response.Status)
		}
	})
}

// compareShape: whatever the fake says, Stripe says too, in the same type. Nulls fit everything.
func compareShape(t *testing.T, at string, want, got any) {
	t.Helper()
	if want == nil || got == nil {
		return
	}
	if fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
		t.Errorf("%s is a %T at the fake, a %T at Stripe", at, got, want)
		return
	}
	switch got := got.(type) {
	case map[string]any:
		for name, value := range got {
			expected, ok := want.(map[string]any)[name]
			// stripe-mock's example of a warning leaves an optional member out: https://docs.stripe.com/api/radar/early_fraud_warnings/object
			optional := strings.Contains(at, "early_fraud_warnings") && name == "payment_intent"
			if !ok && !strings.HasSuffix(at, ".metadata") && !optional {
				t.Errorf("%s.%s is unknown to Stripe", at, name)
			}
			compareShape(t, at+"."+name, expected, value)
		}
	case []any:
		for i, value := range got {
			if expected := want.([]any); len(expected) > 0 {
				compareShape(t, fmt.Sprintf("%s[%d]", at, i), expected[0], value)
			}
		}
	}
}
