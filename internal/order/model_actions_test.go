package order_test

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// actions may happen at any time, even while an answer of the provider is on its way.
func (m *model) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"":         m.Check,
		"pipeline": m.pipeline, "pipeline again": m.pipeline,
		"timer": m.toNextTimer, "timer again": m.toNextTimer, "timer once more": m.toNextTimer,
		"time": func(t *rapid.T) {
			m.now = m.now.Add(time.Duration(rapid.SampledFrom([]int{1, 3, 10, 100}).Draw(t, "minutes")) * time.Minute)
		},
		// A worker is killed, or was so slow that another has taken over: its answer is never committed.
		"killed":   func(*rapid.T) { m.flight = nil },
		"webhook":  func(t *rapid.T) { m.o.RequestRecheck(m.cause(), m.anyPayment(t).ID) },
		"customer": m.customer,
		"staff":    m.staff, "staff again": m.staff,
		"provider": m.providerActs,
		"outside":  m.outside.acts(m), "outside again": m.outside.acts(m),
		"outage": m.outage,
	}
}

func (m *model) anyPayment(t *rapid.T) *payment.Payment {
	return &m.o.Payments[rapid.IntRange(0, len(m.o.Payments)-1).Draw(t, "payment")]
}

func (m *model) pipeline(*rapid.T) {
	if m.flight != nil {
		m.take()
		return
	}
	m.ask(false)
}

func (m *model) toNextTimer(t *rapid.T) {
	if due := m.o.DueAt(); due != nil && due.After(m.now) {
		m.now = *due
	}
	m.pipeline(t)
}

// outage: the provider hears and answers nothing, for some minutes or until keys have ended.
func (m *model) outage(t *rapid.T) {
	m.down = true
	for range 12 {
		m.toNextTimer(t)
	}
	if rapid.IntRange(0, 3).Draw(t, "long") == 0 {
		m.now = m.now.Add(25 * time.Hour)
		m.toNextTimer(t)
		m.toNextTimer(t)
	}
	m.down = false
}

func (m *model) customer(t *rapid.T) {
	latest := m.o.Payment()
	deeds := []string{"approve", "approve", "approve in another tab", "pay in another tab", "refuse", "retry", "retry", "cancel"}
	switch rapid.SampledFrom(deeds).Draw(t, "customer") {
	case "approve":
		m.provider.act(latest.ID, m.o.Total.Minor, true)
	case "approve in another tab":
		m.provider.act(m.anyPayment(t).ID, m.o.Total.Minor, true)
	case "pay in another tab":
		if m.provider.payElsewhere(m.anyPayment(t).ID, m.o.Total.Minor) {
			m.elsewhere++
		}
	case "refuse":
		m.provider.act(latest.ID, m.o.Total.Minor, false)
	case "cancel":
		_ = m.o.Cancel(m.cause(), order.CancelledByCustomer) // refused when it is delivered
	case "retry":
		if m.o.CanRetry() {
			_, err := m.o.Retry(m.cause(), m.policy, order.PaymentMethod{Provider: "model", Capture: latest.CaptureMethod})
			m.must(err)
		}
	}
}

func (m *model) staff(t *rapid.T) {
	latest := m.o.Payment()
	tasks := []string{"capture", "capture part", "capture part", "void", "refund", "refund", "refund lines", "deliver", "recheck", "mark", "mark wrongly"}
	switch do := rapid.SampledFrom(tasks).Draw(t, "staff"); {
	case do == "capture" && m.o.CanCapture(latest):
		m.o.Capture(m.cause(), latest)
	case do == "capture part" && m.o.CanCapture(latest):
		minor := rapid.Int64Range(1, latest.Capturable()).Draw(t, "part")
		m.o.CapturePart(m.cause(), latest, minor, minor < latest.Capturable() && rapid.IntRange(0, 3).Draw(t, "keeps the rest") > 0)
	case do == "void" && m.o.CanVoid(latest):
		m.must(m.o.Void(m.cause(), m.policy, latest))
	case do == "refund" && m.o.CanRefund():
		_, err := m.o.Refund(m.cause(), rapid.Int64Range(1, m.o.RefundableAtOnce()).Draw(t, "minor"), nil, nil)
		m.must(err)
	case do == "refund lines" && m.o.CanRefund():
		m.refundLines(t)
	case do == "deliver":
		_ = m.o.Deliver(m.cause()) // refused unless it is confirmed
	case do == "recheck":
		_ = m.o.Resolve(m.cause(), m.policy, latest.ID, payment.Recheck) // refused when the provider never saw it
	case do == "mark":
		m.mark(m.anyPayment(t))
	case do == "mark wrongly" && (latest.Status == payment.Processing || latest.Status == payment.RequiresAction) && attemptsOf(m.o) != nil:
		// Staff are told that nothing was taken, rightly or not, long before a key ends.
		m.attend(latest)
		_ = m.o.Resolve(m.cause(), m.policy, latest.ID, payment.MarkNotCaptured) // refused while it is being voided
	}
}

func (m *model) refundLines(t *rapid.T) {
	var lines []payment.RefundLine
	for _, l := range m.o.ShownLines() {
		if n := rapid.IntRange(0, l.Quantity).Draw(t, l.Name); n > 0 {
			lines = append(lines, payment.RefundLine{Position: l.Position, Quantity: n})
		}
	}
	refundable := m.o.RefundableAtOnce()
	minor, err := m.o.LineAmount(lines)
	if err != nil {
		return // refunded already, of no line, or more than is left
	}
	_, err = m.o.Refund(m.cause(), minor, nil, lines)
	m.must(err)
	if minor > refundable {
		m.Fatalf("%d are refunded of %d", minor, refundable)
	}
}

// attend gives a payment the attention that it would have at the end of a key's life.
func (m *model) attend(p *payment.Payment) {
	why := payment.UnknownOutcome
	p.Attention = &why
}

// mark: staff have seen the provider's books, and say of the payment's oldest attempt under way what is true. No call of it is
// on its way any more.
func (m *model) mark(p *payment.Payment) {
	for _, refunds := range []bool{false, true} {
		for i := range attemptsOf(m.o) {
			a := &attemptsOf(m.o)[i]
			if a.PaymentID != p.ID || !a.Open() || !a.Called() || refunds != (a.RefundID != nil) {
				continue
			}
			charge := m.provider.charges[p.ID]
			kept := charge != nil && charge.captured > 0
			var subject fmt.Stringer = p.ID
			booked := m.o.Total.Minor
			if a.Operation == payment.OperationCapture && a.Minor > 0 {
				booked = p.Captured + a.Minor
			}
			if kept && charge.captured != booked {
				return // a mark cannot say how much was captured
			}
			if refunds {
				subject = *a.RefundID
				r := charge.refundOf(*a.RefundID)
				kept = r == nil || r.Status == payment.RefundFailed
				if !kept && r.Status == payment.RefundPending {
					return // nobody can say
				}
			}
			resolution := payment.MarkNotCaptured
			if kept {
				resolution = payment.MarkCaptured
			}
			m.network, m.flight = nil, nil
			m.provider.settled(a.Operation, subject)
			m.attend(p)
			_ = m.o.Resolve(m.cause(), m.policy, p.ID, resolution) // refused for the void of what was never held
			return
		}
	}
}

func (m *model) providerActs(t *rapid.T) {
	switch rapid.SampledFrom([]string{"a call arrives late", "lapse", "forgets keys", "takes money after all"}).Draw(t, "provider") {
	case "a call arrives late":
		if n := len(m.network); n > 0 {
			m.provider.do(m.network[n-1].call, m.network[n-1].how)
			m.network = m.network[:n-1]
		}
	case "lapse":
		m.provider.lapse(m.anyPayment(t).ID)
	case "forgets keys":
		m.network = nil
		m.provider.forget()
	case "takes money after all":
		if m.provider.breaksItsWord(m.anyPayment(t).ID, m.o.Total.Minor) {
			m.late++
		}
	}
}
