package payment

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/freetext"
)

// BusyError says that the provider asks for a pause before it is called again. The outcome of the call is as unknown as without an
// answer.
type BusyError struct {
	// Message is safe to show to staff.
	Message string
	// RetryAfter is the pause that the provider asks for.
	RetryAfter time.Duration
	// Cause is for errors.Is; nil for none.
	Cause error
}

func (e *BusyError) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *BusyError) Unwrap() error { return e.Cause }

// maxRetryAfter is the longest pause that a provider is granted. A wrong answer must not keep an operation until its key has ended.
const maxRetryAfter = 5 * time.Minute

// takeBusy bounds what a busy provider says, see Take. Whether an error is one is ok.
func takeBusy(err error) (busy *BusyError, ok bool) {
	if busy, ok = errors.AsType[*BusyError](err); !ok {
		return nil, false
	}
	return &BusyError{Message: freetext.Clip(busy.Message, MaxMessage), RetryAfter: min(max(busy.RetryAfter, 0), maxRetryAfter)}, true
}

// postponeAsAsked postpones an attempt further if a busy provider asks for a longer pause than ours. One that waits for its customer keeps
// its time.
func (c *change) postponeAsAsked(a *Attempt, err error) {
	if c.awaitsCustomer(a) {
		return
	}
	a.NextCallAt = c.notBefore(a.NextCallAt, err, uuid.UUID(a.ID))
	if a.RefundID == nil && c.Status.Active() {
		c.NextStepAt = c.notBefore(c.NextStepAt, err, uuid.UUID(a.ID))
	}
}

// notBefore returns the later of a timer and the end of the pause that a busy provider asks for, with up to 25% more, so that many who
// were told the same do not come back together. The jitter is derived from the id, see lessJitter.
func (c *change) notBefore(timer *time.Time, err error, of uuid.UUID) *time.Time {
	busy, ok := errors.AsType[*BusyError](err)
	if !ok || timer == nil {
		return timer
	}
	pause := 2*busy.RetryAfter - lessJitter(busy.RetryAfter, of)
	if asked := c.Now.Add(pause); asked.After(*timer) {
		return &asked
	}
	return timer
}
