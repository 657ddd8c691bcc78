package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/orderwire/orderwire/internal/outbound"
)

const (
	connectTimeout = 5 * time.Second
	// answerBytes of an answer are read, so that the connection can be used again, and thrown away.
	answerBytes       = 16 << 10
	answerHeaderBytes = 16 << 10
)

// client makes the requests.
type client struct {
	http    *http.Client
	timeout time.Duration
}

// newClient returns a client that connects only where the destinations admit, whatever a name resolves to, follows no
// redirect, and takes no proxy from the environment: it would connect where we may not.
func newClient(destinations Destinations, timeout time.Duration, perEndpoint int) *client {
	transport := &http.Transport{
		Proxy: nil,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			dialer := net.Dialer{Timeout: connectTimeout, Control: func(_, resolved string, _ syscall.RawConn) error {
				return destinations.admit(host, resolved)
			}}
			return dialer.DialContext(ctx, network, address)
		},
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    connectTimeout,
		MaxResponseHeaderBytes: answerHeaderBytes,
		MaxIdleConns:           100,
		MaxIdleConnsPerHost:    perEndpoint,
		IdleConnTimeout:        time.Minute,
		DisableCompression:     true,
	}
	return &client{timeout: timeout, http: &http.Client{
		Transport:     outbound.NoUpgrades(transport),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// post makes one attempt and returns the answer's status. An error means that there was none.
func (c *client) post(ctx context.Context, d *Claimed, now time.Time) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(d.Body))
	if err != nil {
		return 0, fmt.Errorf("request: %w", withoutURL(err))
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Orderwire-Webhooks/1")
	sign(request.Header, d.Secrets, d, now)
	response, err := c.http.Do(request)
	if err != nil {
		return 0, withoutURL(err)
	}
	// The status is the answer. A body that never ends is cut off by the time limit and changes nothing.
	_, readErr := io.CopyN(io.Discard, response.Body, answerBytes)
	_ = errors.Join(readErr, response.Body.Close())
	return response.StatusCode, nil
}

// withoutURL is what went wrong, for the log. A receiver's path or query often has its secret in it.
func withoutURL(err error) error {
	if named, ok := errors.AsType[*url.Error](err); ok {
		return named.Err
	}
	return err
}

func (c *client) close() { c.http.CloseIdleConnections() }
