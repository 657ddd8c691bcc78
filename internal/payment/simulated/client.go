package simulated

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/outbound"
	"github.com/orderwire/orderwire/internal/payment"
)

const (
	// clientTimeout bounds one call when the caller's context does not.
	clientTimeout    = 10 * time.Second
	maxResponseBytes = 64 << 10
)

// Client is a payment.Gateway over a provider that runs elsewhere behind Handler. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	http    *http.Client
	secrets []string
}

// NewClient speaks to the provider at baseURL, such as http://127.0.0.1:8081, and verifies its webhooks with any of the
// secrets. A nil httpClient means a client of its
// own; without a timeout in httpClient each call ends after 10 seconds. Redirects are not followed: a call repeated at
// another address would be a call nobody counted.
//
// Go's transport repeats a request by itself, on a connection that turned out dead, when it has an Idempotency-Key. The
// key makes that harmless here; the provider may count one call more.
func NewClient(baseURL string, httpClient *http.Client, secrets ...string) (*Client, error) {
	base, err := url.Parse(baseURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("simulated provider: %q is not an http or https URL", baseURL)
	}
	own := http.Client{}
	if httpClient != nil {
		own = *httpClient
	}
	if own.Timeout == 0 {
		own.Timeout = clientTimeout
	}
	own.Transport = outbound.TellNotSent(outbound.NoUpgrades(own.Transport))
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{base: base, http: &own, secrets: secrets}, nil
}

// Authorize is Provider.Authorize.
func (c *Client) Authorize(ctx context.Context, call payment.Call) (payment.Result, error) {
	return c.call(ctx, "authorize", call)
}

// Capture is Provider.Capture.
func (c *Client) Capture(ctx context.Context, call payment.Call) (payment.Result, error) {
	return c.call(ctx, "capture", call)
}

// Void is Provider.Void.
func (c *Client) Void(ctx context.Context, call payment.Call) (payment.Result, error) {
	return c.call(ctx, "void", call)
}

// Refund is Provider.Refund.
func (c *Client) Refund(ctx context.Context, call payment.Call) (payment.Result, error) {
	return c.call(ctx, "refund", call)
}

// LookUp is Provider.LookUp.
func (c *Client) LookUp(ctx context.Context, call payment.Call) (payment.Result, error) {
	return c.call(ctx, "lookup", call)
}

// Complete is Provider.Complete.
func (c *Client) Complete(ctx context.Context, paymentID id.Payment, approve bool) (payment.Result, error) {
	return c.post(ctx, "complete", id.Attempt{}, wireComplete{PaymentID: paymentID, Approve: approve})
}

func (c *Client) call(ctx context.Context, path string, call payment.Call) (payment.Result, error) {
	return c.post(ctx, path, call.Key, wireCallOf(call))
}

// post makes one call.
func (c *Client) post(ctx context.Context, path string, key id.Attempt, body any) (payment.Result, error) {
	var r wireResult
	if err := c.exchange(ctx, path, key, body, &r); err != nil {
		return payment.Result{}, err
	}
	if !known(r.Outcome) {
		return payment.Result{}, unreadable()
	}
	return r.result(), nil
}

// exchange posts a body and reads the answer.
func (c *Client) exchange(ctx context.Context, path string, key id.Attempt, body, into any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("simulated provider: encode: %w", err)
	}
	address := c.base.JoinPath("v1", path).String()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(encoded))
	if err != nil {
		return fmt.Errorf("simulated provider: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if !key.IsNil() {
		request.Header.Set(keyHeader, key.String())
	}
	return c.read(request, into)
}

// get reads what moves nothing.
func (c *Client) get(ctx context.Context, address *url.URL, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), http.NoBody)
	if err != nil {
		return fmt.Errorf("simulated provider: %w", err)
	}
	return c.read(request, into)
}

func (c *Client) read(request *http.Request, into any) error {
	status, text, err := c.send(request)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return readRefusal(status, text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return unreadable()
	}
	return nil
}

func unreadable() error {
	return &UnavailableError{Code: CodeServerError, cause: errors.New("the answer cannot be read")}
}

func (c *Client) send(request *http.Request) (status int, text []byte, err error) {
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, undelivered(err)
	}
	defer response.Body.Close()
	text, err = io.ReadAll(io.LimitReader(response.Body, maxResponseBytes))
	if err != nil {
		return 0, nil, undelivered(err)
	}
	return response.StatusCode, text, nil
}

// undelivered is a call without an answer.
func undelivered(err error) error {
	if unsent, ok := errors.AsType[*outbound.NotSentError](err); ok {
		return &payment.NotSentError{Message: "simulated provider: " + unsent.Error(), Cause: err}
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return &UnavailableError{Code: CodeTimeout, cause: err}
	}
	return unavailable(err)
}

// readRefusal believes a refusal only when it carries the provider's error code: a 404 of some proxy in between says
// nothing about the money.
func readRefusal(status int, text []byte) error {
	var e wireError
	if err := json.Unmarshal(text, &e); err != nil {
		e = wireError{}
	}
	switch {
	case status >= 400 && status < 500 && e.Error.Code != "":
		return &RejectedError{Code: e.Error.Code, Message: e.Error.Message}
	case status == http.StatusGatewayTimeout:
		return &UnavailableError{Code: CodeTimeout, cause: fmt.Errorf("status %d", status)}
	default:
		return &UnavailableError{Code: CodeServerError, cause: fmt.Errorf("status %d", status)}
	}
}

// known reports whether the outcome is one of package payment's.
func known(outcome payment.Outcome) bool {
	switch outcome {
	case payment.Captured, payment.Held, payment.ActionRequired, payment.Pending, payment.Refused, payment.Released, payment.Refunded, payment.NotFound:
		return true
	case payment.Prepared: // its charges need no confirmation
		return false
	default:
		return false
	}
}
