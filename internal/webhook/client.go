package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
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

// post makes one attempt and returns the answer. An error means that there was none.
func (c *client) post(ctx context.Context, m message, now time.Time) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, bytes.NewReader(m.body))
	if err != nil {
		return answer{}, fmt.Errorf("request: %w", withoutAddress(err))
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Orderwire-Webhooks/1")
	sign(request.Header, m, now)
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, withoutAddress(err)
	}
	// The status is the answer. A body that never ends is cut off by the time limit and changes nothing.
	_, readErr := io.CopyN(io.Discard, response.Body, answerBytes)
	_ = errors.Join(readErr, response.Body.Close())
	return answerOf(response), nil
}

// withoutAddress returns the error for the log, without the receiver's address. A receiver's address often has a secret in it, and
// errors repeat all of it: the URL, the name, what the name resolves to, what a certificate is for.
func withoutAddress(err error) error {
	if named, ok := errors.AsType[*url.Error](err); ok {
		err = named.Err
	}
	if _, ok := errors.AsType[*ForbiddenAddressError](err); ok {
		return errors.New("the receiver's host name resolves to a private or reserved address; use one with a public address")
	}
	if lookup, ok := errors.AsType[*net.DNSError](err); ok {
		if lookup.IsNotFound {
			return errors.New("the receiver's host name does not exist")
		}
		return errors.New("looking up the receiver's host name failed")
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return errors.New("the receiver's certificate is not valid: " + certificateProblem(err))
	}
	if failed, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%s: %w", failed.Op, failed.Err)
	}
	return err
}

// certificateProblem says what is wrong with a certificate without the names that it is for.
func certificateProblem(err error) string {
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "it is for another name"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "it is signed by an unknown authority"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return "it has expired or is not valid yet"
	}
	return "it cannot be verified"
}

func (c *client) close() { c.http.CloseIdleConnections() }
