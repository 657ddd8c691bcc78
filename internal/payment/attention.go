package payment

import (
	"slices"
	"time"
)

// Attention says why a payment needs a person, as in the GraphQL enum PaymentAttention.
type Attention string

// The reasons for attention.
const (
	// UnknownOutcome: the cap of calls is reached and the provider did not tell what became of the operation.
	UnknownOutcome Attention = "UNKNOWN_OUTCOME"
	// ProviderDown: the provider definitely refuses an operation that must happen (a void or a refund).
	ProviderDown Attention = "PROVIDER_DOWN"
	// Mismatch: the provider's ledger and ours differ.
	Mismatch Attention = "MISMATCH"
)

// Valid reports whether the reason is one of the above.
func (a Attention) Valid() bool {
	switch a {
	case UnknownOutcome, ProviderDown, Mismatch:
		return true
	default:
		return false
	}
}

// needsAttention asks for a person, once, until somebody or something has settled it.
func (c *change) needsAttention(why Attention) {
	if c.Attention != nil {
		return
	}
	c.Attention = &why
	c.record(Fact{Kind: FactNeedsAttention, Automatic: true, PaymentID: &c.ID, Attention: &why})
}

// clearAttention ends the attention that was asked for one of the reasons, unless another attempt of the payment is at its cap.
func (c *change) clearAttention(reasons ...Attention) {
	if c.Attention == nil || !slices.Contains(reasons, *c.Attention) {
		return
	}
	for i := range c.Attempts {
		if a := &c.Attempts[i]; a.Open() && a.LookUpOnly {
			return
		}
	}
	c.Attention = nil
}

// unexpected postpones an attempt whose answer says nothing about it: it is as good as none.
func (c *change) unexpected(a *Attempt, r Result) {
	c.postpone(a, r.Outcome, "unexpected answer "+string(r.Outcome))
}

// postpone keeps the attempt open and asks again later; outcome is what was answered, "" for nothing. At the cap of calls
// the operation is not called again by itself: a person is asked to look, and only look-ups go on, slowly.
func (c *change) postpone(a *Attempt, outcome Outcome, message string) {
	if c.awaitsCustomer(a) {
		a.Message = message
		a.NextCallAt = at(c.nextLookUp(a))
		return
	}
	pause := backoff(a.Calls, a.ID)
	if a.LookUpOnly && outcome == NotFound && c.mustHappen(a) {
		// The provider is there again and has never seen it: one call more, and on to the next look-up.
		a.LookUpOnly = false
		a.Postpone(message, c.Now)
		return
	}
	if a.Calls >= maxCalls {
		a.LookUpOnly = true
		pause = lessJitter(lookUpPause, a.ID)
		c.needsAttention(UnknownOutcome)
	}
	a.Postpone(message, c.Now.Add(pause))
	if a.RefundID == nil && c.Status.Active() {
		c.NextStepAt = at(c.Now.Add(pause))
	}
}

// mustHappen: the attempt releases money, or gives back what pays for nothing. That can go wrong in no way worse than not
// happening, and whoever asked for it was told that it will.
func (c *change) mustHappen(a *Attempt) bool {
	switch a.Operation {
	case OperationVoid:
		return true
	case OperationRefund:
		return c.Unwinding || c.Status != Confirmed
	case OperationAuthorize, OperationCapture:
	}
	return false
}

// nextLookUp is when a charge that waits for its customer is looked up: when the customer's time is up, and rarely before,
// for the case that the provider's webhook is lost.
func (c *change) nextLookUp(a *Attempt) time.Time {
	next := c.Now.Add(lessJitter(actionLookUpPause, a.ID))
	if c.NextAction == nil || c.NextAction.ExpiresAt == nil {
		return next
	}
	// The provider's clock need not be ours.
	if over := c.NextAction.ExpiresAt.Add(time.Second); over.After(c.Now) && over.Before(next) {
		return over
	}
	return next
}
