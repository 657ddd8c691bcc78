package order_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// Whatever people, time, crashes and a failing provider do in whatever order, every version follows from the one before
// by the tables and adds up, no money moves twice, and once the provider answers again an accepted cancel is CANCELLED,
// the books agree and nothing is left to do.
func TestModel(t *testing.T) {
	t.Parallel()
	// rapid makes 100 lives of an order in a check unless -rapid.checks says otherwise: a few milliseconds.
	for range 30 {
		rapid.Check(t, liveAnOrder)
	}
}

// model is an order between its provider, its people and its pipeline.
type model struct {
	*rapid.T
	o        *order.Order
	provider *modelProvider
	policy   order.Policy
	now      time.Time
	// flight is a question whose answer is not taken in yet; answered is the answer that it will get.
	flight   *payment.Work
	answered modelAnswer
	// network has calls that did not reach the provider yet; their sender has given up.
	network []delayed
	checked int
	// down: the provider is out of reach.
	down    bool
	outside outside
	// late counts the charges of which the provider had said that it takes nothing, and did.
	late int
	// elsewhere counts the declined charges that their customer has paid all the same.
	elsewhere int
	// told is the record of its life, nil for none.
	told *strings.Builder
}

type delayed struct {
	call payment.Call
	how  mood
}

// liveAnOrder is one life of an order, from its creation until nothing is left to do.
func liveAnOrder(t *rapid.T) { newModel(t).live() }

func newModel(t *rapid.T) *model {
	price := money.New(1000, "EUR")
	line := func(name string, quantity int, minor int64) order.Line {
		return order.Line{
			ProductID: id.New[id.Product](), Name: name, Quantity: quantity, UnitPrice: money.New(minor, "EUR"), Total: money.New(int64(quantity)*minor, "EUR"),
		}
	}
	m := &model{
		T: t, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		provider: newModelProvider(rapid.Bool().Draw(t, "prepares")),
		policy:   order.Policy{StepDelay: time.Second, DeliveryDelay: time.Minute, Expiry: time.Hour, AuthorizationExpiry: 24 * time.Hour},
	}
	keyLife := rapid.SampledFrom([]time.Duration{0, 24 * time.Hour}).Draw(t, "key life")
	m.policy.KeyLife = func(string) time.Duration { return keyLife }
	m.o = order.New(m.cause(), m.policy, order.Draft{
		Head:   order.Head{CustomerID: id.New[id.Customer](), Total: price, Lines: []order.Line{line("Mug", 2, 350), line("Pen", 3, 100)}},
		Method: order.PaymentMethod{Provider: "model", Capture: rapid.SampledFrom([]payment.CaptureMethod{payment.CaptureAutomatic, payment.CaptureManual}).Draw(t, "capture")},
	})
	return m
}

func (m *model) live() {
	for range rapid.SampledFrom([]int{0, 3, 4, 6}).Draw(m.T, "undisturbed steps") {
		if m.ask(true) {
			m.take()
		} else if due := m.o.DueAt(); due != nil {
			m.now = *due
		}
	}
	m.Repeat(m.actions())
	m.network = nil
	m.outside.banksDecide(m)
	m.settle()
	for _, p := range m.o.Payments {
		m.o.RequestRecheck(m.cause(), p.ID) // the reconciler comes by, for what no webhook told
	}
	m.settle()
	m.Check(m.T)
	m.finished()
}

func (m *model) cause() order.Cause { return order.Cause{Now: m.now} }

func (m *model) must(err error) {
	m.Helper()
	if err != nil {
		m.Fatalf("%v\n%s", err, m.history())
	}
}

// ask puts what is due now to the provider. healthy: with an answer, and nothing refused.
func (m *model) ask(healthy bool) (asked bool) {
	work, err := m.o.Advance(m.cause(), m.policy)
	m.must(err)
	if work == nil {
		return false
	}
	m.tell("ask", work)
	fate, how := "answered", mood{decide: payment.Captured}
	if !healthy {
		fate = rapid.SampledFrom([]string{"answered", "answered", "answered", "lost before", "delayed", "lost after", "not sent"}).Draw(m.T, "fate")
		how.decide = rapid.SampledFrom([]payment.Outcome{payment.Captured, payment.Captured, payment.ActionRequired, payment.Refused, payment.Pending}).Draw(m.T, "decision")
		how.refuse = rapid.IntRange(0, 3).Draw(m.T, "refusal") == 0
		how.reject = rapid.IntRange(0, 7).Draw(m.T, "rejection") == 0
		how.accept = rapid.IntRange(0, 3).Draw(m.T, "acceptance") == 0
		how.spend = rapid.IntRange(0, 7).Draw(m.T, "remembered error") == 0
	}
	if m.down && fate != "not sent" {
		fate = "lost before"
	}
	m.flight = work
	switch fate {
	case "not sent":
		m.answered = modelAnswer{err: &payment.NotSentError{Message: "refused"}}
		return true
	case "lost before", "delayed":
		m.answered = modelAnswer{err: m.lost(work)}
		if fate == "delayed" && !work.LookUpOnly && !work.LookUpFirst {
			m.must(m.provider.witness(work.Call))
			m.network = append(m.network, delayed{work.Call, how})
		}
		return true
	}
	m.answered = m.perform(work, how)
	if fate == "lost after" {
		m.answered = modelAnswer{err: m.lost(work)}
	}
	return true
}

// lost is the error of a call without an answer.
func (m *model) lost(work *payment.Work) error {
	if m.provider.prepares && work.Call.Operation == payment.OperationAuthorize && work.Call.Reference == "" && !work.LookUpOnly {
		return &payment.UnmovedError{Message: "no answer"}
	}
	return errTimeout
}

// perform makes a call as the pipeline's worker does.
func (m *model) perform(work *payment.Work, how mood) modelAnswer {
	m.sendsAlone(work)
	if work.LookUpFirst || work.LookUpOnly {
		seen := m.provider.lookUp(work.Call)
		prepared := seen.Outcome == payment.Prepared && seen.Reference == work.Call.Reference
		if work.LookUpOnly || seen.err != nil || seen.Outcome != payment.NotFound && !prepared {
			return seen
		}
	}
	m.must(m.provider.witness(work.Call))
	return m.provider.do(work.Call, how)
}

// take takes the answer in, twice: a worker that was killed after the commit may do it again.
func (m *model) take() {
	work := m.flight
	m.flight = nil
	m.must(m.o.Settle(m.cause(), m.policy, work, m.answered.Result, m.answered.err))
	m.tell("answered "+string(m.answered.Outcome), work)
	if m.answered.err == nil && !work.LookUpOnly && m.answered.Outcome != payment.Prepared {
		before := len(m.o.Events())
		m.must(m.o.Settle(m.cause(), m.policy, work, m.answered.Result, nil))
		if n := len(m.o.Events()); n != before && m.o.Events()[before].Type != order.PaymentNeedsAttention {
			m.Fatalf("taken in twice, it made %v", m.o.Events()[before:])
		}
	}
}

// settle lets a healthy provider and time do their work until nothing is due, with staff who have looked up again what needs
// them. An accepted cancel does not.
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
		if due == nil || m.watches() {
			return
		}
		if due.After(m.now) {
			m.now = *due
		}
		for i := range m.o.Payments {
			if p := &m.o.Payments[i]; p.Attention != nil && !m.looksSoon(p) && m.o.Status != order.Cancelling {
				_ = m.o.Resolve(m.cause(), m.policy, p.ID, payment.Recheck) // refused when the provider never saw it
			}
		}
	}
	m.Fatalf("the order does not become final: %+v, attempts %+v", m.o.State, attemptsOf(m.o))
}

// looksSoon reports whether a look at the charge is due soon, which the watch over a dispute is not.
func (m *model) looksSoon(p *payment.Payment) bool {
	return p.RecheckAt != nil && p.RecheckAt.Sub(m.now) < time.Hour
}

// watches reports whether all that is still to come is another look at a charge with an open dispute. It goes on for as long as that is open.
func (m *model) watches() bool {
	rest, watched := m.o.Clone(), false
	for i := range rest.Payments {
		if p := &rest.Payments[i]; p.HasOpenDispute() && p.RecheckAt != nil && p.RecheckAt.Sub(m.now) > time.Hour {
			p.RecheckAt, watched = nil, true
		}
	}
	return watched && rest.DueAt() == nil
}
