package order_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// modelProvider keeps one charge for each payment, and acts once for each key. It is the other half of the model: what it
// took and gave back is compared with what the order believes.
type modelProvider struct {
	charges map[uuid.UUID]*modelCharge
	answers map[uuid.UUID]payment.Result
}

type modelCharge struct {
	state              payment.Outcome
	manual             bool
	captured, refunded int64
	captures           int
}

func (c *modelCharge) take(amount int64) {
	c.state, c.captured, c.captures = payment.Captured, amount, c.captures+1
}

// do makes an operation, once per key. decide is how a new charge goes; refuse makes a void or refund fail for good.
func (m *modelProvider) do(call payment.Call, decide payment.Outcome, refuse bool) payment.Result {
	if known, ok := m.answers[call.Key]; ok {
		return known
	}
	charge := m.charges[call.PaymentID]
	var r payment.Result
	switch call.Operation {
	case payment.OperationAuthorize:
		charge = &modelCharge{state: decide, manual: call.Capture == payment.CaptureManual}
		m.charges[call.PaymentID] = charge
		if decide == payment.Captured {
			charge.take(call.Amount.Minor)
		}
		r = payment.Result{Outcome: decide, Code: "declined"}
	case payment.OperationCapture:
		r = payment.Result{Outcome: payment.Refused, Code: "not_held"}
		if charge.state == payment.Held && !refuse {
			charge.take(call.Amount.Minor)
		}
		if charge.state == payment.Captured {
			r = payment.Result{Outcome: payment.Captured}
		}
	case payment.OperationVoid:
		switch {
		case charge.state == payment.Captured:
			r = payment.Result{Outcome: payment.Captured}
		case refuse:
			r = payment.Result{Outcome: payment.Refused, Code: "not_now"}
		default:
			charge.state = payment.Released
			r = payment.Result{Outcome: payment.Released}
		}
	case payment.OperationRefund:
		r = payment.Result{Outcome: payment.Refused, Code: "not_now"}
		if !refuse && call.Amount.Minor <= charge.captured-charge.refunded {
			charge.refunded += call.Amount.Minor
			r = payment.Result{Outcome: payment.Refunded}
		}
	}
	m.answers[call.Key] = r
	return r
}

func (m *modelProvider) lookUp(call payment.Call) payment.Result {
	r, ok := m.answers[call.Key]
	charge := m.charges[call.PaymentID]
	switch {
	case !ok:
		return payment.Result{Outcome: payment.NotFound}
	case call.Operation == payment.OperationAuthorize:
		return payment.Result{Outcome: charge.state, Code: r.Code, Totals: books(charge.captured, charge.refunded)}
	}
	return r
}

// act ends the customer's action, at the provider.
func (m *modelProvider) act(paymentID uuid.UUID, amount int64, approve bool) {
	switch charge := m.charges[paymentID]; {
	case charge == nil || charge.state != payment.ActionRequired:
	case !approve:
		charge.state = payment.Refused
	case charge.manual:
		charge.state = payment.Held
	default:
		charge.take(amount)
	}
}

// model is an order between its provider, its people and its pipeline.
type model struct {
	*rapid.T
	o        *order.Order
	provider *modelProvider
	policy   order.Policy
	now      time.Time
	// flight is a question whose answer is not taken in yet; answered is what it will be.
	flight   *order.Work
	answered payment.Result
	lost     error
	checked  int
	// marked: staff said that nothing was taken, perhaps wrongly, so that the customer may have paid again.
	marked bool
}

func (m *model) cause() order.Cause { return order.Cause{Now: m.now} }

func (m *model) must(err error) {
	if err != nil {
		m.Fatal(err)
	}
}

// ask puts what is due now to the provider. healthy: with an answer, and no void or refund refused.
func (m *model) ask(healthy bool) (asked bool) {
	work, err := m.o.Advance(m.cause(), m.policy)
	m.must(err)
	if work == nil {
		return false
	}
	fate := "answered"
	decide, refuse := payment.Captured, false
	if !healthy {
		fate = rapid.SampledFrom([]string{"answered", "answered", "answered", "lost before", "lost after"}).Draw(m.T, "fate")
		decide = rapid.SampledFrom([]payment.Outcome{payment.Captured, payment.Refused, payment.ActionRequired}).Draw(m.T, "decision")
		refuse = rapid.IntRange(0, 3).Draw(m.T, "refusal") == 0
	}
	if decide == payment.Captured && work.Call.Capture == payment.CaptureManual {
		decide = payment.Held
	}
	m.flight, m.lost = work, nil
	switch {
	case fate == "lost before":
		m.lost = errTimeout
		return true
	case work.LookUpOnly:
		m.answered = m.provider.lookUp(work.Call)
	case work.LookUpFirst:
		if m.answered = m.provider.lookUp(work.Call); m.answered.Outcome == payment.NotFound {
			m.answered = m.provider.do(work.Call, decide, refuse)
		}
	default:
		m.answered = m.provider.do(work.Call, decide, refuse)
	}
	if fate == "lost after" {
		m.lost = errTimeout
	}
	return true
}

// take takes the answer in, twice: whoever was killed after the commit may do it again.
func (m *model) take() {
	work := m.flight
	m.flight = nil
	m.must(m.o.Settle(m.cause(), m.policy, work, m.answered, m.lost))
	if m.lost == nil && !work.LookUpOnly {
		before := len(m.o.Events())
		m.must(m.o.Settle(m.cause(), m.policy, work, m.answered, nil))
		if n := len(m.o.Events()); n != before && m.o.Events()[before].Type != order.PaymentNeedsAttention {
			m.Fatalf("taken in twice, it made %v", m.o.Events()[before:])
		}
	}
}

// Check holds every version against the rules.
func (m *model) Check(t *rapid.T) {
	events := m.o.Events()
	for _, e := range events[m.checked:] {
		s := &e.Order.State
		pending, active := int64(0), 0
		for _, r := range s.Refunds {
			if r.Status == payment.RefundPending {
				pending += r.Amount.Minor
			}
		}
		for _, p := range s.Payments {
			if p.Status.Active() {
				active++
			}
		}
		switch {
		case s.RefundPending != pending, s.Refunded+pending > s.Captured, s.Captured < 0, active > 1:
			t.Fatalf("version %d (%s): captured %d, refunded %d, pending %d of %d, %d active", e.Version, e.Type, s.Captured, s.Refunded, s.RefundPending, pending, active)
		case s.Status == order.Cancelled && s.Captured != s.Refunded+pending:
			t.Fatalf("version %d (%s) is cancelled and keeps money: %+v", e.Version, e.Type, s)
		case (s.Status == order.Confirmed || s.Status == order.Delivered) && s.Captured < m.o.Total.Minor:
			t.Fatalf("version %d is %s and unpaid", e.Version, s.Status)
		}
	}
	m.checked = len(events)
	captures := 0
	for _, c := range m.provider.charges {
		captures += c.captures
	}
	if captures > 1 && !m.marked {
		t.Fatalf("%d charges took money", captures)
	}
}

// settle lets a healthy provider and time do their work until nothing is due but what waits for people.
func (m *model) settle() {
	if m.flight != nil {
		m.take()
	}
	for range 500 {
		if m.ask(true) {
			m.take()
			continue
		}
		due := m.o.DueAt()
		if due == nil {
			return
		}
		if due.After(m.now) {
			m.now = *due
		}
		for i := range m.o.Payments {
			if p := &m.o.Payments[i]; p.Attention != nil && p.RecheckAt == nil {
				_ = m.o.Resolve(m.cause(), m.policy, p.ID, order.Recheck) // refused when the provider never saw it
			}
		}
	}
	m.Fatalf("it does not come to rest: %+v, attempts %+v", m.o.State, m.o.Attempts)
}

// Whatever people, time and a failing provider do in whatever order, every version adds up, no money moves twice, and
// once the provider answers again an accepted cancel is CANCELLED, the books agree and nothing is left to do.
func TestModel(t *testing.T) {
	t.Parallel()
	// rapid makes 100 lives of an order in a check unless -rapid.checks says otherwise: a few milliseconds.
	for range 30 {
		rapid.Check(t, liveAnOrder)
	}
}

// liveAnOrder is one life of an order, from its creation until nothing is left to do.
func liveAnOrder(t *rapid.T) {
	price := money.New(1000, "EUR")
	m := &model{
		T: t, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		provider: &modelProvider{charges: map[uuid.UUID]*modelCharge{}, answers: map[uuid.UUID]payment.Result{}},
		policy:   order.Policy{StepDelay: time.Second, DeliveryDelay: time.Minute, Expiry: time.Hour, AuthorizationExpiry: 24 * time.Hour},
	}
	m.o = order.New(m.cause(), m.policy, order.Draft{
		CustomerID: id.New(), Total: price, Lines: []order.Line{{ProductID: id.New(), Name: "Mug", Quantity: 1, UnitPrice: price, Total: price}},
		Method: order.PaymentMethod{Provider: "model", Capture: rapid.SampledFrom([]payment.CaptureMethod{payment.CaptureAutomatic, payment.CaptureManual}).Draw(t, "capture")},
	})
	t.Repeat(m.actions())
	m.settle()
	for _, p := range m.o.Payments {
		m.o.Recheck(m.cause(), p.ID) // the reconciler comes by, for what no webhook told
	}
	m.settle()
	m.Check(t)
	m.finished()
}

// actions are what may happen at any time.
func (m *model) actions() map[string]func(*rapid.T) {
	latest := func() *payment.Payment { return m.o.Payment() }
	pipeline := func(*rapid.T) {
		if m.flight != nil {
			m.take()
			return
		}
		m.ask(false)
	}
	toNextTimer := func(t *rapid.T) {
		if due := m.o.DueAt(); due != nil && due.After(m.now) {
			m.now = *due
		}
		pipeline(t)
	}
	return map[string]func(*rapid.T){
		"": m.Check, "pipeline": pipeline, "pipeline again": pipeline, "timer": toNextTimer, "timer again": toNextTimer, "timer once more": toNextTimer,
		"time": func(t *rapid.T) {
			m.now = m.now.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "minutes")) * time.Minute)
		},
		"killed": func(*rapid.T) { m.flight = nil },
		"webhook": func(t *rapid.T) {
			m.o.Recheck(m.cause(), m.o.Payments[rapid.IntRange(0, len(m.o.Payments)-1).Draw(t, "payment")].ID)
		},
		"customer": func(t *rapid.T) {
			switch rapid.SampledFrom([]string{"approve", "refuse", "cancel", "retry"}).Draw(t, "customer") {
			case "approve":
				m.provider.act(latest().ID, m.o.Total.Minor, true)
			case "refuse":
				m.provider.act(latest().ID, m.o.Total.Minor, false)
			case "cancel":
				_ = m.o.Cancel(m.cause(), order.CancelledByCustomer) // refused when it is delivered
			case "retry":
				if m.o.CanRetry() {
					m.o.Retry(m.cause(), m.policy, order.PaymentMethod{Provider: "model", Capture: latest().CaptureMethod})
				}
			}
		},
		"staff": func(t *rapid.T) {
			switch do := rapid.SampledFrom([]string{"capture", "void", "refund", "recheck", "mark"}).Draw(t, "staff"); {
			case do == "capture" && m.o.CanCapture(latest()):
				m.o.Capture(m.cause(), latest())
			case do == "void" && m.o.CanVoid(latest()):
				m.must(m.o.Void(m.cause(), m.policy, latest()))
			case do == "refund" && m.o.CanRefund():
				_, err := m.o.Refund(m.cause(), rapid.Int64Range(1, m.o.Refundable()).Draw(t, "minor"), nil)
				m.must(err)
			case do == "recheck":
				_ = m.o.Resolve(m.cause(), m.policy, latest().ID, order.Recheck) // refused when the provider never saw it
			case do == "mark" && latest().Status == payment.Processing && m.o.Attempts != nil:
				// Staff are told that nothing was taken, rightly or not, long before the cap.
				why := payment.UnknownOutcome
				latest().Attention = &why
				m.marked = true
				m.must(m.o.Resolve(m.cause(), m.policy, latest().ID, order.MarkNotCaptured))
			}
		},
	}
}

// finished wants an end that everybody agrees on.
func (m *model) finished() {
	problems := []error{}
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
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
		var captured, refunded int64
		if c := m.provider.charges[p.ID]; c != nil {
			captured, refunded = c.captured, c.refunded
		}
		if p.Captured != captured || p.Refunded != refunded {
			wrong("payment %s: we believe %d and %d, the provider has %d and %d", p.Status, p.Captured, p.Refunded, captured, refunded)
		}
		if p.Attention != nil || p.Status.Active() {
			wrong("payment %s, attention %v", p.Status, p.Attention)
		}
	}
	if err := errors.Join(problems...); err != nil {
		types := []order.EventType{}
		for _, e := range m.o.Events() {
			types = append(types, e.Type)
		}
		m.Fatalf("%v\nafter %v\nattempts %+v", err, types, m.o.Attempts)
	}
}
