package outbound

import (
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// NotSentError is the error of a request of which no byte has left this machine for the server: there was no connection to send it on.
type NotSentError struct{ Err error }

func (e *NotSentError) Error() string { return "not sent: " + e.Err.Error() }

// Unwrap returns why there was no connection.
func (e *NotSentError) Unwrap() error { return e.Err }

// TellNotSent makes the error of a request that never got a connection a *NotSentError: a refused connection, no route, no address, a TLS
// handshake that did not end. The kind of the error alone does not prove it: net/http repeats a request with an Idempotency-Key when its
// connection breaks, and then returns the error of dialing again although the server may have the first one. A nil next is
// http.DefaultTransport.
func TellNotSent(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return tellNotSent{next}
}

type tellNotSent struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t tellNotSent) RoundTrip(r *http.Request) (*http.Response, error) {
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	response, err := t.next.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err != nil && !connected.Load() {
		return nil, &NotSentError{err}
	}
	return response, err
}

// CloseIdleConnections is for the method of http.Client with that name.
func (t tellNotSent) CloseIdleConnections() {
	if idle, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}
