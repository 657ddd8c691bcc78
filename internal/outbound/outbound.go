// Package outbound protects the HTTP requests that this server makes: to webhook endpoints, the payment provider and the
// issuer.
package outbound

import (
	"errors"
	"net/http"
)

// ErrUpgrade is the error for the answer 101 (Switching Protocols) to a request that asked for no other protocol.
var ErrUpgrade = errors.New("the answer switches to another protocol without being asked to")

// NoUpgrades refuses the answer 101 with ErrUpgrade. net/http passes the connection of such an answer to the caller, even if
// the request asked for no other protocol. Neither the request's context nor http.Client's Timeout then ends a read of it,
// so a silent server could block the caller for ever. A nil next is http.DefaultTransport.
func NoUpgrades(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return noUpgrades{next}
}

type noUpgrades struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (n noUpgrades) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := n.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		return nil, errors.Join(ErrUpgrade, response.Body.Close())
	}
	return response, nil
}

// CloseIdleConnections is for the method of http.Client with that name.
func (n noUpgrades) CloseIdleConnections() {
	if idle, ok := n.next.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}
