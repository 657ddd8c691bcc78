// Package webhookinbox takes in what payment providers send to /webhooks/{provider}.
//
// A webhook is only a hint that something happened to a charge: what happened is asked of the provider. So receiving and
// acting are apart. The Receiver checks the signature, commits one row per event of the provider, and answers: duplicates
// change nothing, and a forged one never gets as far as the database. The Processor then has the payment looked at again
// (order.Service.RecheckPayment commits that intention; the pipeline asks the provider). Looking twice, late or in
// another order ends in the same state, so wherever a process is killed the row is simply worked on again.
package webhookinbox

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// Status of an event in the inbox.
type Status string

// The states of an event. Only Pending is not final.
const (
	Pending Status = "PENDING"
	// Done: the payment is being looked at.
	Done Status = "DONE"
	// Ignored: it concerns no payment of ours. Another system may share our account at the provider.
	Ignored Status = "IGNORED"
	// Failed: given up after maxClaims. The reconciler still compares the payment with the provider.
	Failed Status = "FAILED"
)

// Claim is an event leased to a processor.
type Claim struct {
	Provider string
	EventID  string
	// Type in the provider's words.
	Type string
	// PaymentID is that of our payment that the event concerns, uuid.Nil when we know none.
	PaymentID id.Payment
	// ByReference: the event names a charge and no payment id, so a payment that does not know its charge yet may be
	// meant.
	ByReference bool
	// Claims of this event so far, this one included. It is the fence: a verdict on an earlier claim changes nothing.
	Claims int
}

// Verdict is the result of processing a claim.
type Verdict struct {
	Claim
	Status Status
	// Message says why the event is not Done; for operators, without secrets.
	Message string
	// Pause until the next try of what stays Pending.
	Pause time.Duration
}

// Store keeps the events. Its times are of the database's clock.
type Store interface {
	// Put commits an event of a provider. It reports whether the event is new; one that is known stays as it is.
	Put(ctx context.Context, provider string, notice payment.Notice) (fresh bool, err error)
	// Claim leases up to limit events that are due, oldest first. Two callers never get the same one while its lease
	// lasts.
	Claim(ctx context.Context, limit int, lease time.Duration) ([]Claim, error)
	// Finish commits verdicts, except those whose claim is not the last one any more.
	Finish(ctx context.Context, verdicts []Verdict) error
}

// Counts are this process's, since it started.
type Counts struct {
	// Accepted webhooks were new, Duplicate ones known. Refused ones were forged, too old or malformed; Unavailable ones
	// could not be stored, so the provider sends them again.
	Accepted, Duplicate, Refused, Unavailable atomic.Int64
	// Done, Ignored and Failed are the ends of accepted ones, see Status. Retried counts tries that failed.
	Done, Ignored, Failed, Retried atomic.Int64
}
