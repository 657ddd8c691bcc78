package payment

import (
	"errors"
	"fmt"
)

// Settle applies the provider's answer to a Work: a result, or the error of the Gateway. It closes the attempt, or postpones it when
// the outcome is unknown, and makes the transitions that follow. Applying the same answer twice changes nothing the second time.
// answered reports whether the answer has the outcome of the operation, or the state of the charge.
func (p *Payment) Settle(t Terms, work *Work, result Result, callErr error) (facts []Fact, answered bool, err error) {
	c := change{Payment: p, Terms: t}
	result, callErr = Take(result, callErr)
	if work.recheck != nil {
		answered, err = c.settleRecheck(work, result, callErr)
	} else {
		answered, err = c.settleCall(work, result, callErr)
	}
	return c.facts, answered, err
}

// settleCall applies the answer to an attempt.
func (c *change) settleCall(work *Work, r Result, callErr error) (answered bool, err error) {
	a := c.attemptByID(work.Call.Key)
	if a == nil {
		return false, fmt.Errorf("payment %s has no attempt %s", c.ID, work.Call.Key)
	}
	if !a.Open() {
		if callErr != nil {
			return false, nil
		}
		return c.settleLate(a, r)
	}
	if notCalled(callErr) {
		c.callAgain(a, work.callsBefore, callErr)
		return false, nil
	}
	if spent, ok := errors.AsType[*SpentKeyError](callErr); ok && !work.LookUpOnly {
		a.FreshKeys++
		c.postpone(a, "", spent.Message)
		return false, nil
	}
	if callErr != nil {
		definite, ok := errors.AsType[*DefiniteError](callErr)
		if !ok {
			c.postpone(a, "", callErr.Error())
			c.postponeAsAsked(a, callErr)
			return false, nil
		}
		r = Result{Outcome: Refused, Code: "provider_refused", Why: definite.Why, Payable: c.Reference != ""}
		a.Message = definite.Message
	}
	// Prepared counts only with a reference that is new. Otherwise a provider that repeats it would be called in a loop.
	if r.Outcome == Prepared && (r.Reference == "" || r.Reference == c.Reference || work.LookUpOnly) {
		r.Outcome = NotFound
	}
	if r.Reference != "" {
		c.Reference = r.Reference
	}
	if err := c.settleAttempt(a, r); err != nil || r.Charge == nil || c.openAttempt() != nil {
		return true, err
	}
	return true, c.observe(r) // the look-up shows what others have done with the charge meanwhile, too
}

func (c *change) settleAttempt(a *Attempt, r Result) error {
	switch a.Operation {
	case OperationAuthorize:
		return c.settleAuthorize(a, r)
	case OperationCapture:
		return c.settleCapture(a, r)
	case OperationVoid:
		return c.settleVoid(a, r)
	case OperationRefund:
		return c.settleRefund(a, r)
	}
	return fmt.Errorf("attempt %s has the unknown operation %q", a.ID, a.Operation)
}

// settleLate applies the answer to a call whose attempt was closed while it ran, by a cancel or by staff. Only an answer that moved
// money changes anything.
func (c *change) settleLate(a *Attempt, r Result) (answered bool, err error) {
	if a.Operation == OperationRefund {
		if r.Outcome == Refunded && *a.Outcome == AttemptFail {
			c.needsAttention(Mismatch)
		}
		return false, nil
	}
	switch r.Outcome {
	case Captured:
		if a.Operation == OperationCapture {
			return true, c.capturedLate(a, r)
		}
		return true, c.charge(c.capturedAt(r))
	case Held, ActionRequired, Refused:
		c.voidPayable(r)
	case Prepared, Pending, Released, Refunded, NotFound:
	}
	return true, nil
}

// capturedLate books a capture whose attempt was closed meanwhile. If other parts may have been captured, only a look at the charge tells
// what was captured in all.
func (c *change) capturedLate(a *Attempt, r Result) error {
	switch {
	case *a.Outcome == AttemptSuccess:
		return nil
	case a.KeepsRest || c.Captured > 0:
		c.RecheckAt = at(c.Now)
		return nil
	case r.Captured != nil && *r.Captured > 0:
		return c.charge(*r.Captured)
	default:
		return c.charge(c.captureMinor(a))
	}
}

// refusal returns why an attempt failed: the message of a definite error, or else the provider's code.
func refusal(a *Attempt, r Result) string {
	if a.Message != "" {
		return a.Message
	}
	return r.Code
}
