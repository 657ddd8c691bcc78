package payment

import (
	"bytes"
	"time"

	"github.com/orderwire/orderwire/internal/id"
)

// Terms are the circumstances of a change to a payment.
type Terms struct {
	// Now is the time of the change.
	Now time.Time
	// StepDelay is the time for which a payment is PROCESSING before the provider is called.
	StepDelay time.Duration
	// AuthorizationExpiry bounds how long authorized money waits for its capture.
	AuthorizationExpiry time.Duration
	// Unwinding: no money of the payment may be kept.
	Unwinding bool
	// TimeUp: a payment that is released for no other reason ends EXPIRED, not VOIDED.
	TimeUp bool
	// KeyLife is the time for which the payment's provider remembers an idempotency key; 0: for ever.
	KeyLife time.Duration
	// LastPayment, LastAttempt and LastRefund are the highest ids so far among what is stored together with the payment. It is read in
	// the order of ids, so new ones sort after these, also if this replica's idea of the database's clock is a little behind that of
	// the replica which made the last.
	LastPayment id.Payment
	LastAttempt id.Attempt
	LastRefund  id.Refund
}

// SortAfter makes the ids of new payments, attempts and refunds sort after those of the given payments.
func (t *Terms) SortAfter(payments []Payment) {
	for i := range payments {
		t.LastPayment = payments[i].ID
		if n := len(payments[i].Attempts); n > 0 {
			t.LastAttempt = later(t.LastAttempt, payments[i].Attempts[n-1].ID)
		}
		if n := len(payments[i].Refunds); n > 0 {
			t.LastRefund = later(t.LastRefund, payments[i].Refunds[n-1].ID)
		}
	}
}

// change is a payment while it changes, with the facts so far.
type change struct {
	*Payment
	Terms
	facts []Fact
}

// later is the id that sorts last.
func later[I id.UUID](a, b I) I {
	if bytes.Compare(a[:], b[:]) > 0 {
		return a
	}
	return b
}

func at(t time.Time) *time.Time { return &t }
