package payment

import (
	"cmp"
	"slices"

	"github.com/orderwire/orderwire/internal/freetext"
)

// observe books a charge as it is seen at the provider while no operation of ours is changing it: what we did ourselves, what others
// did in the provider's dashboard, and what banks did later. A difference that nothing of this explains asks for attention and is never
// repaired; the attention ends when both books agree again.
func (c *change) observe(seen Result) error {
	explained, err := c.observeStatus(seen)
	if err != nil {
		return err
	}
	if charge := seen.Charge; charge != nil {
		disputes := c.bookDisputes(charge.Disputes)
		refunds, err := c.bookRefunds(charge.Refunds)
		if err != nil {
			return err
		}
		explained = explained && disputes && refunds && !charge.More
		ended, err := c.endNeedlessRefunds() // a lost dispute has given the money back
		c.recordAll(ended)
		if err != nil {
			return err
		}
		c.goOnRefunding()
	}
	c.compare(seen.Charge, explained)
	c.disputeAttention()
	c.watchDisputes()
	return nil
}

// observeStatus applies the state of the charge. explained reports whether that state agrees with our books, or follows from them by
// something that may happen at a provider without us.
func (c *change) observeStatus(seen Result) (explained bool, err error) {
	switch seen.Outcome {
	case Captured, Refunded:
		return true, c.charge(c.capturedAt(seen))
	case Held, ActionRequired:
		if c.Status == Authorized && seen.Outcome == Held && seen.Charge != nil && seen.Charge.Captured > c.Captured {
			c.chargePart(seen.Charge.Captured)
		}
		if c.Status.Active() {
			return c.Status == Authorized && seen.Outcome == Held, nil
		}
		c.voidPayable(seen)
		return c.Captured == 0, nil
	case Released:
		if seen.Charge != nil && seen.Charge.Captured > 0 {
			seen.Captured = &seen.Charge.Captured
		}
		if !c.Status.Active() && seen.Captured == nil {
			return c.Captured == 0, nil
		}
		return true, c.released(seen)
	case Refused, NotFound, Prepared:
		c.voidPayable(seen)
		return !c.Status.Active() && c.Captured == 0, nil
	case Pending:
		return c.Delayed, nil
	default:
		return false, nil
	}
}

// capturedAt is the amount that the answer says was captured, in minor units. The books take at most the payment's amount: the rest is a
// mismatch.
func (c *change) capturedAt(r Result) int64 {
	switch {
	case r.Captured != nil && *r.Captured > 0:
		return min(*r.Captured, c.Amount.Minor)
	case r.Charge != nil && r.Charge.Captured > 0:
		return min(r.Charge.Captured, c.Amount.Minor)
	default:
		return c.Amount.Minor
	}
}

// bookRefunds books the refunds of a charge. It reports whether all of them are booked.
func (c *change) bookRefunds(seen []SeenRefund) (all bool, err error) {
	all = true
	var outside []*SeenRefund
	for i := range seen { // what has failed gives room for what was made later
		s := &seen[i]
		r := c.refundSeenAs(s, seen)
		switch {
		case s.Minor <= 0 || !whole(s.Reference) || !s.Status.Valid():
			all = false
		case r != nil:
			if err := c.updateRefund(r, s); err != nil {
				return false, err
			}
		case s.Status != RefundFailed: // else a failed try of ours, or one made outside: it moved nothing
			outside = append(outside, s)
		}
	}
	for _, s := range outside {
		if slices.ContainsFunc(c.Refunds, func(r Refund) bool { return r.Reference == s.Reference }) {
			continue // listed twice
		}
		if !c.takesRefund(s.Minor) {
			all = false
			continue
		}
		if err := c.bookOutsideRefund(s); err != nil {
			return false, err
		}
	}
	return all, nil
}

// takesRefund reports whether a refund that was made outside can be booked: there is room for its row, and no more goes back than was
// captured. Refunds of ours that it makes needless do not count. What failed does not either: earlier versions made a new refund for
// each try.
func (c *change) takesRefund(minor int64) bool {
	left, rows, outside := c.Captured, 0, 0
	for i := range c.Refunds {
		r := &c.Refunds[i]
		if r.Origin == RefundOfProvider {
			outside++
		}
		if r.Status == RefundFailed {
			continue
		}
		rows++
		if r.Status == RefundSucceeded || r.Origin == RefundOfProvider {
			left -= r.Amount.Minor
		}
	}
	return minor <= left && rows < MaxRefunds && outside < MaxRefunds
}

// refundSeenAs returns our refund that the provider's is, or nil. A refund of ours has several at the provider when it was tried again
// after a failure. Then one that failed is ours only if it has the reference that we know, or if there is no other.
func (c *change) refundSeenAs(s *SeenRefund, all []SeenRefund) *Refund {
	for i := range c.Refunds {
		if c.Refunds[i].Reference == s.Reference {
			return &c.Refunds[i]
		}
	}
	r := c.RefundByID(s.RefundID)
	if r == nil || r.Reference != "" || r.Status == RefundFailed {
		return nil
	}
	if s.Status == RefundFailed && (r.Status != RefundSucceeded || slices.ContainsFunc(all, func(other SeenRefund) bool {
		return other.RefundID == s.RefundID && other.Status != RefundFailed
	})) {
		return nil
	}
	return r
}

func (c *change) updateRefund(r *Refund, s *SeenRefund) error {
	r.Reference = s.Reference
	open := c.openAttemptOf(r.ID)
	switch {
	case s.Status == RefundSucceeded && r.Status == RefundPending && open != nil:
		return c.settleRefund(open, Result{Outcome: Refunded})
	case s.Status == RefundSucceeded && r.Status == RefundPending:
		return c.refundSucceeded(r)
	case s.Status == RefundFailed && r.Status == RefundPending && open != nil:
		return c.settleRefund(open, Result{Outcome: Refused, Code: freetext.Clip(s.Code, MaxCode)})
	case s.Status == RefundFailed && (r.Status == RefundSucceeded || r.Origin == RefundOfProvider):
		// Staff decide about it: the customer did not get money that was given back.
		if err := c.refundFailed(r, reversed(s.Code)); err != nil {
			return err
		}
		c.needsAttention(RefundReversed)
	}
	return nil
}

func reversed(code string) string {
	return cmp.Or(freetext.Clip(code, MaxCode), "the customer's bank has sent the money back")
}

// bookOutsideRefund books a refund that was not made by us, as it is. Refunds of ours that it makes needless end in the same version.
func (c *change) bookOutsideRefund(s *SeenRefund) error {
	r := c.newRefund(refundRequest{minor: s.Minor, origin: RefundOfProvider})
	fact := Fact{Kind: FactRefundRequested, RefundID: &r.ID, Amount: &r.Amount}
	booked := c.RefundByID(r.ID)
	booked.Reference = s.Reference
	if s.Status == RefundSucceeded {
		booked.Status, fact.Kind = RefundSucceeded, FactRefundSucceeded
	}
	c.UpdatedAt = c.Now
	ended, err := c.endNeedlessRefunds()
	c.record(fact)
	c.recordAll(ended)
	return err
}

// endNeedlessRefunds ends refunds of ours that would give back more than is left, because the money went back by another way. What is
// then still left of money that may not be kept is refunded by a new one. The caller records the facts.
func (c *change) endNeedlessRefunds() (facts []Fact, err error) {
	for i := len(c.Refunds) - 1; i >= 0; i-- {
		r := &c.Refunds[i]
		left := c.Captured - c.RefundsIn(RefundSucceeded) - c.RefundsIn(RefundPending) - c.DisputesIn(DisputeLost)
		if left >= 0 {
			return facts, nil
		}
		if r.Status != RefundPending || r.Origin == RefundOfProvider {
			continue
		}
		if open := c.openAttemptOf(r.ID); open != nil {
			open.Finish(AttemptFail, "not needed any more", c.Now)
		}
		if _, err := r.apply(Fail, c.Now); err != nil {
			return facts, err
		}
		r.Reference = ""
		c.clearAttention(UnknownOutcome, ProviderDown)
		ended := *r // adding the next one may move r
		reason := "the money went back by another way"
		facts = append(facts, Fact{Kind: FactRefundFailed, Automatic: true, RefundID: &ended.ID, Amount: &ended.Amount, Reason: &reason})
		if rest := ended.Amount.Minor + left; rest > 0 && !c.ofStaff(&ended) {
			next := c.addRefund(refundRequest{minor: rest, due: c.Now, origin: ended.Origin})
			facts = append(facts, Fact{Kind: FactRefundRequested, Automatic: true, RefundID: &next.ID, Amount: &next.Amount})
		}
	}
	return facts, nil
}

func (c *change) recordAll(facts []Fact) {
	for _, f := range facts {
		c.record(f)
	}
}

// compare compares the provider's totals with ours when no attempt is under way.
func (c *change) compare(seen *SeenCharge, explained bool) {
	for i := range c.Attempts {
		if c.Attempts[i].Open() {
			return
		}
	}
	if seen != nil && (seen.Captured != c.Captured || seen.Refunded != c.RefundsIn(RefundSucceeded)) {
		explained = false
	}
	switch {
	case !explained:
		c.needsAttention(Mismatch)
	case seen != nil:
		c.clearAttention(Mismatch)
	}
}
