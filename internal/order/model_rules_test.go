package order_test

import (
	"errors"
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/order/ordertest"
	"github.com/orderwire/orderwire/internal/payment"
)

// Check holds every version since the last check against the rules, and the provider's books.
func (m *model) Check(t *rapid.T) {
	events := m.o.Events()
	for i := m.checked; i < len(events); i++ {
		if err := ordertest.CheckStep(events, i); err != nil {
			t.Fatal(err)
		}
	}
	m.checked = len(events)
	captures, kept := 0, int64(0)
	for _, p := range m.o.Payments {
		c := m.provider.charges[p.ID]
		read := p
		read.Attempts = nil
		if read.Unreached() != p.Unreached() || p.Unreached() && c != nil && c.state != payment.Prepared {
			t.Fatalf("unreached is %v, as it is read %v, with the charge %+v\n%s", p.Unreached(), read.Unreached(), c, m.history())
		}
		if c == nil {
			continue
		}
		if c.state == payment.ActionRequired && !p.Status.Active() {
			t.Fatalf("a payment is %s, and its customer can still pay\n%s", p.Status, m.history())
		}
		if c.captured > 0 {
			captures++
		}
		kept += c.captured - c.refunded - c.withdrawn()
		if c.captured > m.o.Total.Minor || c.refunded+c.withdrawn() > c.captured {
			t.Fatalf("one charge took %d of %d, and gave back %d\n%s", c.captured, m.o.Total.Minor, c.refunded, m.history())
		}
	}
	if m.o.Status == order.Cancelled && kept > m.o.RefundPending && m.late == 0 && m.elsewhere == 0 && m.outside == (outside{}) {
		t.Fatalf("it is cancelled, and the provider keeps %d\n%s", kept, m.history())
	}
	if captures > 1+m.late+m.elsewhere+m.outside.captured {
		t.Fatalf("%d charges took money, %d of them by the provider's fault\n%s", captures, m.late, m.history())
	}
}

// finished wants an end that everybody agrees on.
func (m *model) finished() {
	problems := []error{}
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	disputed := m.outside.open(m)
	switch {
	case m.o.Status == order.Delivered || m.o.Status == order.Cancelled:
	case m.o.Status == order.Confirmed && m.o.DeliveryHold() != "" && m.o.DeliversAt == nil: // visibly left to staff
	case m.o.Status == order.Cancelling && disputed: // until the bank has decided
	default:
		wrong("it ends %s, held by %q", m.o.Status, m.o.DeliveryHold())
	}
	if m.o.RefundPending != 0 && !disputed {
		wrong("%d are still pending", m.o.RefundPending)
	}
	// A bank that sends a refund back may leave us with the money of two payments. Staff are told.
	if kept := m.o.Captured - m.o.Refunded - m.o.RefundPending - m.o.Disputed; kept > m.o.Total.Minor && m.outside.reversed == 0 {
		wrong("%d of %d are kept", kept, m.o.Total.Minor)
	}
	for _, p := range m.o.Payments {
		var at modelCharge
		if c := m.provider.charges[p.ID]; c != nil {
			at = *c
		}
		mismatch := p.Attention != nil && *p.Attention == payment.Mismatch
		if mismatch && at.captured > 0 && at.captured < p.Captured {
			continue // staff have marked as captured what was captured in part
		}
		if p.Captured != at.captured || p.Refunded != at.refunded {
			wrong("payment %s: we believe %d and %d, the provider has %d and %d", p.Status, p.Captured, p.Refunded, at.captured, at.refunded)
		}
		if at.state == payment.Held || at.payable() {
			wrong("payment %s: at the provider its charge is still %s", p.Status, at.state)
		}
		if p.Status.Active() || p.Attention != nil && *p.Attention != payment.Disputed && *p.Attention != payment.RefundReversed {
			wrong("payment %s, attention %v", p.Status, p.Attention)
		}
		// A look at the charge that was under way for long may show one of ours, which we gave up, as pending: it is booked as made outside.
		failedOutside := slices.ContainsFunc(p.Refunds, func(r payment.Refund) bool {
			return r.Origin == payment.RefundOfProvider && r.Status == payment.RefundFailed
		})
		if p.Attention != nil && *p.Attention == payment.RefundReversed && m.outside.reversed == 0 && !failedOutside {
			wrong("a refund is said to have come back, and none did")
		}
		if p.Disputed() != at.withdrawn() || len(p.Disputes) != len(at.disputes) {
			wrong("%d are disputed, at the provider %d", p.Disputed(), at.withdrawn())
		}
	}
	if err := errors.Join(problems...); err != nil {
		m.Fatalf("%v\n%s", err, m.history())
	}
}

// sendsAlone wants an authorization to be sent only when no other charge of the order can take money.
func (m *model) sendsAlone(work *payment.Work) {
	if work.LookUpOnly || work.Call.Operation != payment.OperationAuthorize {
		return
	}
	if other := m.provider.mayTakeMoney(work.Call.PaymentID); other != nil {
		m.Fatalf("payment %s is sent, and the charge of %s is %s\n%s", work.Call.PaymentID, other, m.provider.charges[*other].state, m.history())
	}
}

func (m *model) history() string {
	types := []order.EventType{}
	for _, e := range m.o.Events() {
		types = append(types, e.Type)
	}
	return fmt.Sprintf("after %v\nattempts %+v", types, attemptsOf(m.o))
}
