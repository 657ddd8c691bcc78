package order

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/payment"
)

// postpone keeps the attempt open and asks again later; outcome is what was answered, "" for nothing. At the cap of calls
// the operation is not called again by itself: a person is asked to look, and only look-ups go on, slowly.
func (o *Order) postpone(c Cause, a *payment.Attempt, p *payment.Payment, outcome payment.Outcome, message string) {
	if awaitsCustomer(p, a) {
		a.Message = message
		a.NextCallAt = at(o.nextLook(c, a, p))
		return
	}
	pause := backoff(a.Calls, a.ID)
	if a.LookUpOnly && outcome == payment.NotFound && o.mustHappen(a, p) {
		// The provider is there again and has never seen it: one call more, and on to the next look-up.
		a.LookUpOnly = false
		a.Postpone(message, c.Now)
		return
	}
	if a.Calls >= callsCap {
		a.LookUpOnly = true
		pause = lessJitter(lookUpPause, a.ID)
		o.needsAttention(c, p, payment.UnknownOutcome)
	}
	a.Postpone(message, c.Now.Add(pause))
	if a.RefundID == nil && p.Status.Active() {
		p.NextStepAt = at(c.Now.Add(pause))
	}
}

// mustHappen: the attempt lets go of money, or gives back what pays for nothing. That can go wrong in no way worse than not
// happening, and whoever cancelled was told that it will.
func (o *Order) mustHappen(a *payment.Attempt, p *payment.Payment) bool {
	switch a.Operation {
	case payment.OperationVoid:
		return true
	case payment.OperationRefund:
		return o.Status == Cancelling || p.Status != payment.Confirmed
	case payment.OperationAuthorize, payment.OperationCapture:
	}
	return false
}

// nextLook is when a charge that waits for its customer is looked up: when the customer's time is up, and rarely before,
// for the case that the provider's webhook is lost.
func (o *Order) nextLook(c Cause, a *payment.Attempt, p *payment.Payment) time.Time {
	next := c.Now.Add(lessJitter(actionLookUpPause, a.ID))
	if p.NextAction == nil || p.NextAction.ExpiresAt == nil {
		return next
	}
	// The provider's clock need not be ours.
	if over := p.NextAction.ExpiresAt.Add(time.Second); over.After(c.Now) && over.Before(next) {
		return over
	}
	return next
}

// needsAttention asks for a person, once, until somebody or something has settled it.
func (o *Order) needsAttention(c Cause, p *payment.Payment, why payment.Attention) {
	if p.Attention != nil {
		return
	}
	p.Attention = &why
	o.record(c.by(ActorSystem), PaymentNeedsAttention, EventData{PaymentID: &p.ID, Attention: &why})
}

// calm ends the attention that was asked for one of the reasons, unless another attempt of the payment is at its cap.
func (o *Order) calm(p *payment.Payment, reasons ...payment.Attention) {
	if p.Attention == nil || !slices.Contains(reasons, *p.Attention) {
		return
	}
	for i := range p.Attempts {
		if a := &p.Attempts[i]; a.Open() && a.LookUpOnly {
			return
		}
	}
	p.Attention = nil
}

// lessJitter takes up to 25% off a pause, so that many that failed together do not come back together. The jitter comes
// from the id: the same input gives the same pause, which keeps changes pure.
func lessJitter(pause time.Duration, of uuid.UUID) time.Duration {
	return pause - time.Duration(uint16(of[14])<<8|uint16(of[15]))*(pause/4)/65535
}
