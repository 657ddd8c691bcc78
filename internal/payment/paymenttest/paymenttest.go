// Package paymenttest helps tests to set up payment providers.
package paymenttest

import (
	"testing"

	"github.com/orderwire/orderwire/internal/payment"
)

// Registry returns a registry of the providers.
func Registry(t testing.TB, providers ...*payment.Provider) *payment.Registry {
	t.Helper()
	r, err := payment.NewRegistry(providers...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Through returns the provider with another gateway in place of its own.
func Through(p *payment.Provider, gateway payment.Gateway) *payment.Provider {
	changed := *p
	changed.Gateway = gateway
	return &changed
}
