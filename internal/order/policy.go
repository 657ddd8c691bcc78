package order

import (
	"time"

	"github.com/google/uuid"
)

// Policy has the durations of the pipeline, and how often an order may be paid.
type Policy struct {
	// StepDelay is how long a payment stays INITIALIZING, and how long PROCESSING before the provider is asked.
	StepDelay time.Duration
	// DeliveryDelay runs from CONFIRMED to DELIVERED.
	DeliveryDelay time.Duration
	// Expiry runs from creation until an unpaid order is cancelled.
	Expiry time.Duration
	// AuthorizationExpiry is how long authorized money waits for its capture.
	AuthorizationExpiry time.Duration
	// MaxPayments of one order, 1 to MaxPayments; 0 is MaxPayments.
	MaxPayments int
}

func (p Policy) maxPayments() int {
	if p.MaxPayments <= 0 {
		return MaxPayments
	}
	return min(p.MaxPayments, MaxPayments)
}

const (
	// callsCap is how often an operation is called without a usable answer before a person is asked to look. From then
	// on it is only looked up. It is also the number of definite refusals after which a person is told of them.
	callsCap    = 8
	backoffBase = 200 * time.Millisecond
	backoffMax  = 5 * time.Minute
	// lookUpPause lies between look-ups at the cap.
	lookUpPause = 5 * time.Minute
	// actionLookUpPause lies between look-ups while the customer has to act.
	actionLookUpPause = 2 * time.Minute
	// recheckPause follows a look at a charge that failed.
	recheckPause = 30 * time.Second
)

// backoff is the pause before call n+1 (n ≥ 1): exponential from 200 ms to 5 minutes, with jitter.
func backoff(n int, of uuid.UUID) time.Duration {
	pause := backoffMax
	if n < 12 {
		pause = min(backoffBase<<(n-1), backoffMax)
	}
	return lessJitter(pause, of)
}
