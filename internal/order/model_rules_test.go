package order_test

import (
	"errors"
	"fmt"

	"pgregory.net/rapid"

	"github.com/orderwire/orderwire/internal/fsm"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// Check holds every version since the last check against the rules, and the provider's books.
func (m *model) Check(t *rapid.T) {
	events := m.o.Events()
	for i := m.checked; i < len(events); i++ {
		before := order.State{Status: order.Created}
		if i > 0 {
			before = events[i-1].Order.State
		}
		e := events[i]
		if err := errors.Join(legal(before, e.Order.State), addsUp(e.Order)); err != nil || e.Version != i+1 || e.Order.Version != i+1 {
			t.Fatalf("event %d, version %d (%s): %v\n%+v", i+1, e.Version, e.Type, err, e.Order.State)
		}
	}
	m.checked = len(events)
	captures, kept := 0, int64(0)
	for _, c := range m.provider.charges {
		captures += c.captures
		kept += c.captured - c.refunded
		if c.captures > 1 || c.refunded > c.captured {
			t.Fatalf("one charge took money %d times: %d, and gave back %d", c.captures, c.captured, c.refunded)
		}
	}
	if m.o.Status == order.Cancelled && kept > m.o.RefundPending && !m.marked {
		t.Fatalf("it is cancelled, and the provider keeps %d\n%s", kept, m.history())
	}
	if captures > 1 && !m.marked {
		t.Fatalf("%d charges took money\n%s", captures, m.history())
	}
}

// legal wants every status of the next version to follow from the version before by the tables.
func legal(before, after order.State) error {
	var errs []error
	errs = append(errs, follows("order", order.Machine, before.Status, after.Status))
	for i, p := range after.Payments {
		was := payment.Initializing
		if i < len(before.Payments) {
			was = before.Payments[i].Status
		} else if p.Status != was {
			errs = append(errs, fmt.Errorf("payment %d begins %s", i, p.Status))
		}
		errs = append(errs, follows(fmt.Sprint("payment ", i), payment.Machine, was, p.Status))
	}
	for i, r := range after.Refunds {
		was := payment.RefundPending
		if i < len(before.Refunds) {
			was = before.Refunds[i].Status
		}
		errs = append(errs, follows(fmt.Sprint("refund ", i), payment.RefundMachine, was, r.Status))
	}
	if len(after.Payments) < len(before.Payments) || len(after.Refunds) < len(before.Refunds) || after.Captured < before.Captured || after.Refunded < before.Refunded {
		errs = append(errs, errors.New("a payment, a refund or money is gone"))
	}
	return errors.Join(errs...)
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

// addsUp wants the balances of one version to fit its payments, its refunds and its status.
func addsUp(o *order.Order) error {
	var pending, captured, refunded int64
	active := 0
	for _, r := range o.Refunds {
		if r.Status == payment.RefundPending {
			pending += r.Amount.Minor
		}
	}
	for _, p := range o.Payments {
		captured, refunded = captured+p.Captured, refunded+p.Refunded
		if p.Status.Active() {
			active++
		}
		if p.Status == payment.Confirmed && p.Captured != p.Amount.Minor || p.Refunded > p.Captured || p.Captured > p.Amount.Minor {
			return fmt.Errorf("a %s payment has captured %d and refunded %d", p.Status, p.Captured, p.Refunded)
		}
	}
	switch {
	case o.RefundPending != pending, o.Captured != captured, o.Refunded != refunded, refunded+pending > captured, active > 1:
		return fmt.Errorf("captured %d of %d, refunded %d of %d, pending %d of %d, %d active", o.Captured, captured, o.Refunded, refunded, o.RefundPending, pending, active)
	case o.Status == order.Cancelled && o.Captured != o.Refunded+pending:
		return errors.New("it is cancelled and keeps money")
	case (o.Status == order.Confirmed || o.Status == order.Delivered) && o.Captured < o.Total.Minor:
		return errors.New("it is unpaid")
	case (o.Status == order.Cancelling || o.Status == order.Cancelled) != (o.CancelReason != nil):
		return errors.New("whether it was cancelled is not clear")
	}
	return nil
}

// finished wants an end that everybody agrees on.
func (m *model) finished() {
	problems := []error{}
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if m.o.Status != order.Delivered && m.o.Status != order.Cancelled {
		wrong("it ends %s", m.o.Status)
	}
	if m.o.CancelReason != nil && m.o.Status != order.Cancelled {
		wrong("a cancel was accepted and ended %s", m.o.Status)
	}
	if m.o.RefundPending != 0 {
		wrong("%d are still pending", m.o.RefundPending)
	}
	if m.o.Captured-m.o.Refunded > m.o.Total.Minor {
		wrong("%d of %d are kept", m.o.Captured-m.o.Refunded, m.o.Total.Minor)
	}
	for _, p := range m.o.Payments {
		var at modelCharge
		if c := m.provider.charges[p.ID]; c != nil {
			at = *c
		}
		if p.Captured != at.captured || p.Refunded != at.refunded {
			wrong("payment %s: we believe %d and %d, the provider has %d and %d", p.Status, p.Captured, p.Refunded, at.captured, at.refunded)
		}
		if at.state == payment.Held {
			wrong("payment %s: the provider still holds its money", p.Status)
		}
		if p.Attention != nil || p.Status.Active() {
			wrong("payment %s, attention %v", p.Status, p.Attention)
		}
	}
	if err := errors.Join(problems...); err != nil {
		m.Fatalf("%v\n%s", err, m.history())
	}
}

func (m *model) history() string {
	types := []order.EventType{}
	for _, e := range m.o.Events() {
		types = append(types, e.Type)
	}
	return fmt.Sprintf("after %v\nattempts %+v", types, m.o.Attempts)
}
