package payment

import (
	"cmp"
	"fmt"

	"github.com/orderwire/orderwire/internal/fsm"
)

// Resolution is a way in which staff settle a payment that needs them, as in the GraphQL enum PaymentResolution.
type Resolution string

// The resolutions.
const (
	// Recheck asks the provider, and allows one more call of what is only looked up, or was refused too often.
	Recheck Resolution = "RECHECK"
	// MarkCaptured: a person knows that the money is captured.
	MarkCaptured Resolution = "MARK_CAPTURED"
	// MarkNotCaptured: a person knows that it is not.
	MarkNotCaptured Resolution = "MARK_NOT_CAPTURED"
)

// Valid reports whether the resolution is one of the above.
func (r Resolution) Valid() bool {
	switch r {
	case Recheck, MarkCaptured, MarkNotCaptured:
		return true
	default:
		return false
	}
}

// Resolve settles a payment that needs staff. MarkCaptured and MarkNotCaptured state where the money is, and so how the attempt in
// progress ended:
//
//	attempt                   MarkCaptured        MarkNotCaptured
//	authorize                 it succeeded        a void replaces it
//	capture                   it succeeded        it failed
//	void of an authorization  it came too late    it succeeded
//	void of another           it came too late    refused
//	refund                    it failed           it succeeded
//
// A charge that was never authorized can take money without us: its customer approves it, or a call arrives late. Only the provider
// can say that it no longer will, so no resolution ends such a payment, and its void is repeated for as long as it takes.
//
// Without an attempt in progress they confirm our books and end the attention, as they do when it is about a dispute or a refund that came back. Books are never rewritten: a resolution against them
// is refused. Repeating one is a no-op. The error is a *fsm.NotAllowedError, or says that the resolution is unknown; both change
// nothing. settled reports whether an attempt was settled.
func (p *Payment) Resolve(t Terms, r Resolution) (facts []Fact, settled bool, err error) {
	c := change{Payment: p, Terms: t}
	switch r {
	case Recheck:
		err = c.resolveByRecheck()
	case MarkCaptured, MarkNotCaptured:
		settled, err = c.mark(r)
	default:
		err = fmt.Errorf("payment %s: unknown resolution %q", p.ID, r)
	}
	return c.facts, settled, err
}

// ResolutionChanges reports whether Resolve would change more than the time of the next look-up.
func (p *Payment) ResolutionChanges(r Resolution) bool { return r != Recheck && p.Attention != nil }

// resolveByRecheck allows one more call of what is only looked up or was refused too often, calls a void that waits since it was refused, and
// requests a look-up.
func (c *change) resolveByRecheck() error {
	if c.chargeAttempt() == nil {
		return &fsm.NotAllowedError{Status: string(c.Status), Action: string(Recheck)}
	}
	for i := range c.Attempts {
		a := &c.Attempts[i]
		a.LookUpOnly = false
		if a.Operation == OperationVoid && a.Open() && !a.Called() {
			c.callNow(a)
		}
	}
	c.tryRefundsOnceMore()
	c.RequestRecheck(c.Now)
	return nil
}

const settledByStaff = "settled by staff"

// mark settles the attempt under way as a person says that it ended.
func (c *change) mark(r Resolution) (settled bool, err error) {
	refused := &fsm.NotAllowedError{Status: string(c.Status), Action: string(r)}
	kept := r == MarkCaptured
	a := c.attemptToResolve()
	if c.Attention != nil && (*c.Attention == Disputed || *c.Attention == RefundReversed) {
		a = nil // the mark is about the dispute or the refund that came back, and not about what is under way
	}
	voids := a != nil && a.Operation == OperationVoid
	switch {
	case c.Attention == nil:
		if kept != (c.Captured > 0) || c.Status.Active() && !voids {
			return false, refused
		}
		return false, nil
	case a == nil:
		if kept != (c.Captured > 0) {
			return false, refused
		}
		c.acknowledge()
		return false, nil
	case !kept && a.Operation == OperationAuthorize:
		c.requestVoid(settledByStaff)
		c.Attention = nil
		return false, nil
	case !kept && voids && c.Status != Authorized:
		return false, refused
	}
	answer, err := marked(a.Operation, kept)
	if err != nil {
		return false, err
	}
	a.Message = settledByStaff
	return true, c.settleAttempt(a, answer)
}

// acknowledge ends the attention. That of disputes comes back when one of them changes.
func (c *change) acknowledge() {
	if *c.Attention == Disputed {
		for i := range c.Disputes {
			c.Disputes[i].Acknowledged = true
		}
	}
	c.Attention = nil
}

// attemptToResolve returns the attempt that a resolution settles: the charge's if one is under way, else the oldest open refund's. One that the
// provider may know of comes first: nobody can have seen there how another ended.
func (p *Payment) attemptToResolve() *Attempt {
	first := p.openAttempt()
	if first != nil && first.Called() {
		return first
	}
	for i := range p.Attempts {
		a := &p.Attempts[i]
		if !a.Open() {
			continue
		}
		if a.Called() {
			return a
		}
		first = cmp.Or(first, a)
	}
	return first
}

// marked returns the provider's answer that a resolution stands for.
func marked(operation Operation, kept bool) (Result, error) {
	switch operation {
	case OperationAuthorize, OperationCapture:
		if kept {
			return Result{Outcome: Captured}, nil
		}
		return Result{Outcome: Refused, Code: "not_captured"}, nil
	case OperationVoid:
		if kept {
			return Result{Outcome: Captured}, nil
		}
		return Result{Outcome: Released}, nil
	case OperationRefund:
		if kept {
			return Result{Outcome: Refused, Code: "not_refunded"}, nil
		}
		return Result{Outcome: Refunded}, nil
	default:
		return Result{}, fmt.Errorf("resolution of the unknown operation %q", operation)
	}
}
