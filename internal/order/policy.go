package order

import "time"

// Policy has the durations of the pipeline, and how often an order may be paid.
type Policy struct {
	// StepDelay is the time for which a payment stays INITIALIZING, and the time for which it is PROCESSING before the provider is
	// called.
	StepDelay time.Duration
	// DeliveryDelay runs from CONFIRMED to DELIVERED.
	DeliveryDelay time.Duration
	// ManualDelivery: only staff deliver orders. No delivery timer is set, and one that runs already ends without delivering.
	ManualDelivery bool
	// Expiry runs from creation until an unpaid order is cancelled.
	Expiry time.Duration
	// AuthorizationExpiry bounds how long authorized money waits for its capture.
	AuthorizationExpiry time.Duration
	// KeyLife returns how long a provider remembers an idempotency key, 0 for ever. nil: all do for ever.
	KeyLife func(provider string) time.Duration
	// MaxPayments of one order, 1 to MaxPayments; 0 is MaxPayments.
	MaxPayments int
}

func (p Policy) maxPayments() int {
	if p.MaxPayments <= 0 {
		return MaxPayments
	}
	return min(p.MaxPayments, MaxPayments)
}

func (p Policy) keyLife(provider string) time.Duration {
	if p.KeyLife == nil {
		return 0
	}
	return p.KeyLife(provider)
}
