// Package ordertest has the rules that every order's history keeps, for the tests that drive orders in any order of events.
package ordertest

import (
	"errors"
	"fmt"

	"github.com/orderwire/orderwire/internal/fsm"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// CheckHistory wants the events of an order, from its first, to have versions without gaps, every status to follow from
// the version before by the state machines, and the balances of each version to fit its payments, refunds and status.
func CheckHistory(events []order.Event) error {
	for i := range events {
		if err := CheckStep(events, i); err != nil {
			return err
		}
	}
	return nil
}

// CheckStep is CheckHistory for the event at an index alone.
func CheckStep(events []order.Event, i int) error {
	before := order.State{Status: order.Created}
	if i > 0 {
		before = events[i-1].Order.State
	}
	e := events[i]
	if e.Version != i+1 || e.Order.Version != i+1 {
		return fmt.Errorf("event %d (%s) has version %d and the state of version %d", i+1, e.Type, e.Version, e.Order.Version)
	}
	if err := errors.Join(legal(before, e.Order.State, e.Type), deliverable(e), addsUp(e.Order, e.Type)); err != nil {
		return fmt.Errorf("version %d (%s): %w\n%+v", e.Version, e.Type, err, e.Order.State)
	}
	return nil
}

func legal(before, after order.State, event order.EventType) error {
	errs := []error{follows("the order", order.Machine, before.Status, after.Status)}
	for i, p := range after.Payments {
		was := payment.Initializing
		if i < len(before.Payments) {
			was = before.Payments[i].Status
		} else if p.Status != was {
			errs = append(errs, fmt.Errorf("payment %d begins %s", i, p.Status))
		}
		errs = append(errs, follows(fmt.Sprint("payment ", i), payment.Machine, was, p.Status))
	}
	refundsBefore, refundsAfter := before.Refunds(), after.Refunds()
	for i, r := range refundsAfter {
		was := payment.RefundPending
		if i < len(refundsBefore) {
			was = refundsBefore[i].Status
		}
		errs = append(errs, follows(fmt.Sprint("refund ", i), payment.RefundMachine, was, r.Status))
	}
	if len(after.Payments) < len(before.Payments) || len(refundsAfter) < len(refundsBefore) || after.Captured < before.Captured ||
		after.Refunded < before.Refunded && event != order.RefundFailed {
		errs = append(errs, errors.New("a payment, a refund or money is gone"))
	}
	return errors.Join(errs...)
}

// deliverable wants the delivery timer to deliver only what is paid for good, as far as we know.
func deliverable(e order.Event) error {
	if e.Type != order.OrderDelivered || e.Actor.Kind != order.ActorSystem {
		return nil
	}
	for i := range e.Order.Payments {
		p := &e.Order.Payments[i]
		back := p.RefundsIn(payment.RefundSucceeded) + p.RefundsIn(payment.RefundPending)
		if p.Status == payment.Confirmed && back > 0 || p.HasOpenDispute() || p.DisputesIn(payment.DisputeLost) > 0 || p.Attention != nil {
			return fmt.Errorf("it is delivered with %d refunded, attention %v and the disputes %+v", back, p.Attention, p.Disputes)
		}
	}
	return nil
}

func follows[S, A ~string](what string, table fsm.Table[S, A], before, after S) error {
	if before == after {
		return nil
	}
	for _, to := range table[before] {
		if to == after {
			return nil
		}
	}
	return fmt.Errorf("%s goes from %s to %s", what, before, after)
}

func addsUp(o *order.Order, event order.EventType) error {
	var pending, captured, refunded, lost int64
	if err := linesAddUp(o); err != nil {
		return err
	}
	active, waiting, attention := 0, 0, event == order.RefundFailed || event == order.DisputeWon // the event that says so follows
	for _, r := range o.Refunds() {
		if r.Status == payment.RefundPending {
			pending += r.Amount.Minor
		}
		attention = attention || r.Status == payment.RefundFailed // staff may have seen it, and keep the money
	}
	for i, p := range o.Payments {
		captured, refunded, lost = captured+p.Captured, refunded+p.Refunded, lost+p.DisputesIn(payment.DisputeLost)
		attention = attention || p.Attention != nil
		switch {
		case p.Status.Active() && p.Waits:
			waiting++
		case p.Status.Active():
			active++
		}
		if p.Waits && (p.Status != payment.Initializing || i < len(o.Payments)-1) {
			return fmt.Errorf("a %s payment waits, number %d of %d", p.Status, i+1, len(o.Payments))
		}
		taken := p.Captured == 0 || p.Status != payment.Initializing && p.Status != payment.Processing && p.Status != payment.RequiresAction
		if p.Status == payment.Confirmed && p.Captured == 0 || p.Refunded > p.Captured || p.Captured > p.Amount.Minor || !taken {
			return fmt.Errorf("a %s payment has captured %d and refunded %d", p.Status, p.Captured, p.Refunded)
		}
	}
	switch {
	case o.RefundPending != pending, o.Captured != captured, o.Refunded != refunded, refunded+pending > captured, active > 1 || waiting > 1:
		return fmt.Errorf("captured %d of %d, refunded %d of %d, pending %d of %d, %d active, %d waiting", o.Captured, captured, o.Refunded, refunded, o.RefundPending, pending, active, waiting)
	case o.Status == order.Cancelled && o.Captured > o.Refunded+pending+lost && !attention:
		return errors.New("it is cancelled and keeps money")
	case (o.Status == order.Confirmed || o.Status == order.Delivered) && o.Captured == 0:
		return errors.New("it is unpaid")
	case (o.Status == order.Cancelling || o.Status == order.Cancelled) != (o.CancelReason != nil):
		return errors.New("whether it was cancelled is not clear")
	}
	return nil
}

// linesAddUp wants refunds by line to be of what their lines cost, and no line to be refunded more often than it was ordered.
func linesAddUp(o *order.Order) error {
	refunded := map[int]int{}
	for _, r := range o.Refunds() {
		var minor int64
		for _, l := range r.Lines {
			minor += o.Lines[l.Position-1].UnitPrice.Minor * int64(l.Quantity)
			if r.Status != payment.RefundFailed {
				refunded[l.Position] += l.Quantity
			}
		}
		if len(r.Lines) > 0 && minor != r.Amount.Minor {
			return fmt.Errorf("a refund of %d has lines of %d", r.Amount.Minor, minor)
		}
	}
	for _, l := range o.ShownLines() {
		if l.RefundedQuantity != refunded[l.Position] || l.RefundedQuantity > l.Quantity {
			return fmt.Errorf("of line %d, %d pieces, %d are refunded and %d shown as refunded", l.Position, l.Quantity, refunded[l.Position], l.RefundedQuantity)
		}
	}
	return nil
}
