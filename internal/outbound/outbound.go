// Package outbound is for the requests that this server makes: to receivers of webhooks, the payment provider and the issuer.
package outbound

import (
	"errors"
	"net/http"
)

// ErrUpgrade is the answer 101 (Switching Protocols) to a request that asked for no other protocol.
var ErrUpgrade = errors.New("the answer switches to another protocol, which nobody asked for")

// NoUpgrades refuses the answer 101 with ErrUpgrade. net/http gives such an answer's connection to the caller without asking whether
// the request wanted another protocol; from then on neither the request's context nor http.Client's Timeout ends a read of it, so that
// one silent server holds the caller for ever. Nil stands for http.DefaultTransport.
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

// CloseIdleConnections is for http.Client's method of that name.
func (n noUpgrades) CloseIdleConnections() {
	if idle, ok := n.next.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}
