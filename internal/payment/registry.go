package payment

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Registry has the providers that are configured. The first takes new payments. Every payment is served by the provider that took it
// (Payment.Provider), so a shop can switch providers while payments of the old one are open.
type Registry struct {
	providers []*Provider
}

// NewRegistry returns a registry of at least one provider, each with another name.
func NewRegistry(providers ...*Provider) (*Registry, error) {
	if len(providers) == 0 {
		return nil, errors.New("there is no payment provider")
	}
	r := &Registry{}
	for _, p := range providers {
		switch {
		case p.Name == "" || p.Gateway == nil || p.ValidMethod == nil:
			return nil, fmt.Errorf("the payment provider %q needs a name, a gateway and a check of its tokens", p.Name)
		case r.find(p.Name) != nil:
			return nil, fmt.Errorf("there are two payment providers with the name %s", p.Name)
		}
		r.providers = append(r.providers, p)
	}
	return r, nil
}

// First returns the provider that takes new payments.
func (r *Registry) First() *Provider { return r.providers[0] }

// All returns the providers, the first one first.
func (r *Registry) All() []*Provider { return r.providers }

// Names returns the names of All.
func (r *Registry) Names() []string {
	names := make([]string, len(r.providers))
	for i, p := range r.providers {
		names[i] = p.Name
	}
	return names
}

// Of returns the provider with the name, which is a Payment's Provider. The error is a *NotConfiguredError.
func (r *Registry) Of(name string) (*Provider, error) {
	if p := r.find(name); p != nil {
		return p, nil
	}
	return nil, &NotConfiguredError{Provider: name}
}

// KeyLife returns how long the provider with the name remembers an idempotency key; 0: for ever, or it is not configured.
func (r *Registry) KeyLife(name string) time.Duration {
	if p := r.find(name); p != nil {
		return p.KeyLife
	}
	return 0
}

func (r *Registry) find(name string) *Provider {
	i := slices.IndexFunc(r.providers, func(p *Provider) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return r.providers[i]
}

// NotConfiguredError says that a call was not made, because this server does not have the payment's provider. The call can be made as
// soon as the provider is configured again.
type NotConfiguredError struct {
	Provider string
}

func (e *NotConfiguredError) Error() string {
	return "the payment provider " + e.Provider + " is not configured; add it to PAYMENT_PROVIDER"
}
