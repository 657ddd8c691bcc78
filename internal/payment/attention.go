package payment

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// Attention is the reason for which a payment needs staff, as in the GraphQL enum PaymentAttention.
type Attention string

// The reasons for attention.
const (
	// UnknownOutcome: the provider has forgotten the operation's key, or gives answers that do not fit, and has not told the outcome.
	UnknownOutcome Attention = "UNKNOWN_OUTCOME"
	// ProviderDown: the provider definitely refuses an operation that must happen (a void or a refund), or is not configured here.
	ProviderDown Attention = "PROVIDER_DOWN"
	// Mismatch: the provider's ledger and ours differ.
	Mismatch Attention = "MISMATCH"
	// Disputed: a dispute waits for a response, or a warning of one.
	Disputed Attention = "DISPUTED"
	// RefundReversed: a refund that had succeeded, or was made outside, has failed, so the customer did not get the money.
	RefundReversed Attention = "REFUND_REVERSED"
)

// Valid reports whether the reason is one of the above.
func (a Attention) Valid() bool {
	switch a {
	case UnknownOutcome, ProviderDown, Mismatch, Disputed, RefundReversed:
		return true
	default:
		return false
	}
}

// needsAttention marks the payment for staff. A payment that is marked already keeps its reason. Only a refund that came back is told
// instead of it: that is seen once, and every other reason is found again.
func (c *change) needsAttention(why Attention) {
	if c.Attention != nil && (why != RefundReversed || *c.Attention == RefundReversed) {
		return
	}
	c.Attention = &why
	c.record(Fact{Kind: FactNeedsAttention, Automatic: true, PaymentID: &c.ID, Attention: &why})
}

// clearAttention removes the mark if it has one of the reasons, unless another attempt of the payment is only looked up.
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

// unexpected postpones an attempt whose answer does not fit its operation, as if there had been no answer.
func (c *change) unexpected(a *Attempt, r Result) {
	c.postpone(a, cmp.Or(r.Outcome, "NONE"), "unexpected answer "+string(r.Outcome))
}

// postpone keeps an attempt open whose outcome is unknown, and asks again after a pause. outcome is the answer, "" for none. The
// operation is no longer called once the provider may have forgotten its key, or has given answers that do not fit: staff are asked
// to look, and only slow look-ups continue.
func (c *change) postpone(a *Attempt, outcome Outcome, message string) {
	if a.Accepted && outcome != NotFound {
		a.Message = message
		c.lookUpLater(a)
		return
	}
	a.Accepted = false
	if c.awaitsCustomer(a) {
		a.Message = message
		a.NextCallAt = at(c.nextLookUp(a))
		return
	}
	pause := min(backoff(a.Calls, a.ID), lessJitter(unansweredPause, a.ID))
	if a.LookUpOnly && outcome == NotFound && c.mustHappen(a) {
		// The provider answers again and has never seen the operation: allow one more call until the next look-up.
		a.LookUpOnly = false
		a.Postpone(message, c.Now)
		return
	}
	misfit := outcome != "" && a.Calls >= maxRefusals
	if misfit || c.keyEnded(a, c.Now.Add(pause)) {
		a.LookUpOnly = true
		pause = lessJitter(lookUpPause, a.ID)
		c.needsAttention(UnknownOutcome)
	}
	a.Postpone(message, c.Now.Add(pause))
	if a.RefundID == nil && c.Status.Active() {
		c.NextStepAt = at(c.Now.Add(pause))
	}
}

// keyEnded reports whether the provider may have forgotten the attempt's key at a time.
func (c *change) keyEnded(a *Attempt, when time.Time) bool {
	return c.KeyLife > 0 && when.Sub(a.StartedAt) > c.KeyLife-keyMargin
}

// notCalled reports whether an error of a Gateway, or of finding one, says that no call was made, or that it cannot matter.
func notCalled(err error) bool {
	_, missing := errors.AsType[*NotConfiguredError](err)
	_, unsent := errors.AsType[*NotSentError](err)
	return missing || unsent || unmoved(err)
}

func unmoved(err error) bool {
	_, ok := errors.AsType[*UnmovedError](err)
	return ok
}

// callAgain keeps an attempt open whose call was not made, so none is counted. It is tried again after about as long as the attempt has
// existed. Staff can do nothing about a provider that is out of reach, and are not told. They are told of one that has not been configured
// for a minute: replicas that are being restarted with other settings differ for a moment.
func (c *change) callAgain(a *Attempt, calls int, err error) {
	a.Calls = calls
	if unmoved(err) {
		// The earlier calls, also one that died with its worker, were the same: they cannot have moved money either.
		a.Calls, a.Outcome = 0, nil
	}
	a.Message = err.Error()
	existed, most := c.Now.Sub(a.StartedAt), notSentPause
	if _, missing := errors.AsType[*NotConfiguredError](err); missing {
		most = lookUpPause
		if existed >= notConfiguredGrace {
			c.needsAttention(ProviderDown)
		}
	}
	a.NextCallAt = at(c.Now.Add(lessJitter(min(max(existed, notCalledPause), most), a.ID)))
	if a.RefundID == nil && c.Status.Active() && !c.awaitsCustomer(a) {
		c.NextStepAt = a.NextCallAt
	}
	if c.Unreached() {
		c.NextStepAt = nil
	}
}

// mustHappen reports whether the attempt returns money that may not be kept. Calling such an operation once too often does no harm,
// and its requester was promised that it happens.
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

// nextLookUp returns the time at which a charge that waits for its customer is looked up: at the end of the customer's time, and
// rarely before, in case the provider's webhook is lost.
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
