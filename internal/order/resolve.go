package order

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/fsm"
	"github.com/orderwire/orderwire/internal/payment"
)

// Resolution is how staff settle a payment that needs a person, as in the GraphQL enum PaymentResolution.
type Resolution string

// The resolutions.
const (
	// Recheck asks the provider, and allows one more call where the cap was reached.
	Recheck Resolution = "RECHECK"
	// MarkCaptured: a person knows that the money is with the shop.
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

// Resolve settles a payment that needs a person. A mark says where the money is, and so how the attempt under way ended:
//
//	attempt               MarkCaptured                    MarkNotCaptured
//	authorize             it succeeded                    it is given up for a void
//	capture               it succeeded                    it failed
//	void of a hold        it came too late                it succeeded
//	void of another       it came too late                refused
//	refund                it failed                       it succeeded
//
// A charge that was never held can take money without us: its customer approves it, or a call arrives late. That it no
// longer will only the provider can say, so no mark ends such a payment, and its void is repeated for as long as it takes.
//
// Without an attempt under way a mark confirms what our books say, and ends the attention. Books are never rewritten: a
// mark against them is refused. Marking what already is so changes nothing. The error is a *fsm.NotAllowedError, or of an
// unknown resolution, which changes nothing.
func (o *Order) Resolve(c Cause, policy Policy, paymentID uuid.UUID, r Resolution) error {
	if !r.Valid() {
		return fmt.Errorf("payment %s: unknown resolution %q", paymentID, r)
	}
	p := o.PaymentByID(paymentID)
	refused := &fsm.NotAllowedError{Status: string(p.Status), Action: string(r)}
	if r == Recheck {
		if chargeAttempt(p) == nil {
			return refused
		}
		for i := range p.Attempts {
			p.Attempts[i].LookUpOnly = false
		}
		o.Recheck(c, paymentID)
		return nil
	}
	kept := r == MarkCaptured
	a := attemptToResolve(p)
	voids := a != nil && a.Operation == payment.OperationVoid
	switch {
	case p.Attention == nil:
		if kept != (p.Captured > 0) || p.Status.Active() && !voids {
			return refused
		}
		return nil
	case a == nil:
		if kept != (p.Captured > 0) {
			return refused
		}
		p.Attention = nil
		return nil
	case !kept && a.Operation == payment.OperationAuthorize:
		o.letGo(c, p, settledByStaff)
		p.Attention = nil
		return nil
	case !kept && voids && p.Status != payment.Authorized:
		return refused
	}
	answer, err := marked(a.Operation, kept)
	if err != nil {
		return err
	}
	a.Message = settledByStaff
	if err := o.settleAttempt(c, policy, a, p, answer); err != nil {
		return err
	}
	return o.unwind(c)
}

const settledByStaff = "settled by staff"

// ResolutionChanges reports whether Resolve would change more than the time of the next look.
func (o *Order) ResolutionChanges(paymentID uuid.UUID, r Resolution) bool {
	return r != Recheck && o.PaymentByID(paymentID).Attention != nil
}

// attemptToResolve is the attempt a mark settles: of the charge if one is under way, else the oldest refund's.
func attemptToResolve(p *payment.Payment) *payment.Attempt {
	if a := openAttempt(p); a != nil {
		return a
	}
	for i := range p.Attempts {
		if a := &p.Attempts[i]; a.Open() {
			return a
		}
	}
	return nil
}

// marked is the provider's answer that a mark stands for.
func marked(operation payment.Operation, kept bool) (payment.Result, error) {
	switch operation {
	case payment.OperationAuthorize, payment.OperationCapture:
		if kept {
			return payment.Result{Outcome: payment.Captured}, nil
		}
		return payment.Result{Outcome: payment.Refused, Code: "not_captured"}, nil
	case payment.OperationVoid:
		if kept {
			return payment.Result{Outcome: payment.Captured}, nil
		}
		return payment.Result{Outcome: payment.Released}, nil
	case payment.OperationRefund:
		if kept {
			return payment.Result{Outcome: payment.Refused, Code: "not_refunded"}, nil
		}
		return payment.Result{Outcome: payment.Refunded}, nil
	default:
		return payment.Result{}, fmt.Errorf("a mark of the unknown operation %q", operation)
	}
}
