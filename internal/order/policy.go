package order

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// Policy has the durations of the pipeline.
type Policy struct {
	// StepDelay is how long a payment stays INITIALIZING, and how long PROCESSING before the provider is asked.
	StepDelay time.Duration
	// DeliveryDelay runs from CONFIRMED to DELIVERED.
	DeliveryDelay time.Duration
	// Expiry runs from creation until an unpaid order is cancelled.
	Expiry time.Duration
	// AuthorizationExpiry is how long authorized money waits for its capture.
	AuthorizationExpiry time.Duration
}

const (
	// attentionAfterCalls is the number of unanswered calls after which a person is asked to look. Calls go on, far
	// apart: repeating one key is always safe.
	attentionAfterCalls = 8
	backoffBase         = 200 * time.Millisecond
	backoffMax          = 5 * time.Minute
)

// backoff is the pause before call n+1 (n ≥ 1): exponential from 200 ms to 5 minutes, with up to 25% taken off so that
// many that failed together do not come back together. The jitter comes from the id: the same input gives the same
// pause, which keeps changes pure.
func backoff(n int, of uuid.UUID) time.Duration {
	pause := backoffMax
	if n < 12 {
		pause = min(backoffBase<<(n-1), backoffMax)
	}
	jitter := time.Duration(binary.BigEndian.Uint16(of[14:])) * (pause / 4) / 65535
	return pause - jitter
}
