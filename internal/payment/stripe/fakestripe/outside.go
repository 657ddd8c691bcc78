package fakestripe

import (
	"fmt"
	"math/rand/v2"
)

// RefundInDashboard gives all that is left of a charge back, as people do in Stripe's dashboard.
func (s *Stripe) RefundInDashboard(id string) { s.RefundPartInDashboard(id, 0) }

// RefundPartInDashboard gives an amount back, 0 for all that is left. It returns the refund's id.
func (s *Stripe) RefundPartInDashboard(id string, minor int64) (refundID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(id)
	if minor == 0 {
		minor = i.captured - s.returned(i)
	}
	return s.giveBack(i, minor, nil).id
}

// CaptureInDashboard takes an amount of a hold and releases the rest. It reports whether there was a hold.
func (s *Stripe) CaptureInDashboard(id string, minor int64) bool {
	return s.onHold(id, func(i *intent) { s.take(i, minor) })
}

// CancelInDashboard releases a hold. It reports whether there was one.
func (s *Stripe) CancelInDashboard(id string) bool {
	return s.onHold(id, func(i *intent) { s.end(i, "requested_by_customer") })
}

// Expire cancels a hold that was not captured in time, as Stripe does by itself after some days. It reports whether there was one.
func (s *Stripe) Expire(intentID string) bool { return s.onHold(intentID, s.runOut) }

// ExpireAtBank makes a bank release a hold of which Stripe learns when it is captured. It reports whether there was one.
func (s *Stripe) ExpireAtBank(intentID string) bool {
	return s.onHold(intentID, func(i *intent) { i.gone = true })
}

func (s *Stripe) onHold(id string, do func(*intent)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	i := s.find(id)
	if i == nil || i.status != "requires_capture" {
		return false
	}
	do(i)
	return true
}

// act is something that happens to a charge without us; may says whether it can.
type act struct {
	name string
	may  func(*intent) bool
	do   func(*intent, *rand.Rand)
}

// Outside does one thing, chosen by random, that people at the dashboard, banks or customers may do to a PaymentIntent, and says what.
// It returns "" when nothing can happen to it.
func (s *Stripe) Outside(id string, random *rand.Rand) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	i := s.find(id)
	var possible []act
	for _, a := range s.acts() {
		if a.may(i) {
			possible = append(possible, a)
		}
	}
	for _, r := range s.refundsOf(i) {
		possible = append(possible, s.refundActs(r)...)
	}
	for _, d := range s.disputesOf(i) {
		possible = append(possible, s.disputeActs(d)...)
	}
	if len(possible) == 0 {
		return ""
	}
	chosen := possible[random.IntN(len(possible))]
	chosen.do(i, random)
	return chosen.name
}

func (s *Stripe) acts() []act {
	held := func(i *intent) bool { return i.status == "requires_capture" }
	processing := func(i *intent) bool { return i.status == "processing" }
	left := func(i *intent) int64 { return i.captured - s.returned(i) }
	return []act{
		{"capture", held, func(i *intent, r *rand.Rand) { s.take(i, 1+r.Int64N(i.amount)) }},
		{"cancel", held, func(i *intent, _ *rand.Rand) { s.end(i, "requested_by_customer") }},
		{"run out", held, func(i *intent, _ *rand.Rand) { s.runOut(i) }},
		{"run out at the bank", held, func(i *intent, _ *rand.Rand) { i.gone = true }},
		{"pay after days", processing, func(i *intent, _ *rand.Rand) { s.succeed(i) }},
		{"fail after days", processing, func(i *intent, _ *rand.Rand) {
			s.decline(i, object{"type": "card_error", "code": "card_declined", "message": "for people"})
		}},
		{"refund", func(i *intent) bool { return left(i) > 0 && !s.withdrawn(i) }, func(i *intent, r *rand.Rand) {
			s.giveBack(i, 1+r.Int64N(left(i)), nil)
		}},
		{"dispute", func(i *intent) bool { return i.captured > 0 && len(s.disputesOf(i)) < 2 && !s.withdrawn(i) }, func(i *intent, r *rand.Rand) {
			s.openDispute(i, 1+r.Int64N(i.captured), r.IntN(2) == 0)
		}},
		{"warn", func(i *intent) bool { return i.captured > 0 && len(s.warnings) < 3 }, func(i *intent, _ *rand.Rand) {
			s.warn(i, "misc")
		}},
	}
}

func (s *Stripe) refundActs(r *refund) (acts []act) {
	if r.release {
		return nil
	}
	for _, next := range map[string][]string{
		"pending": {"succeeded", "failed"}, "requires_action": {"pending", "succeeded", "canceled", "failed"}, "succeeded": {"failed"},
	}[r.status] {
		acts = append(acts, act{name: fmt.Sprintf("refund %s → %s", r.status, next), do: func(*intent, *rand.Rand) { s.moveRefund(r, next, "unknown") }})
	}
	return acts
}

func (s *Stripe) disputeActs(d *dispute) (acts []act) {
	for _, next := range map[string][]string{
		"warning_needs_response": {"warning_under_review", "warning_closed", "needs_response"},
		"warning_under_review":   {"warning_closed", "needs_response"},
		"needs_response":         {"under_review", "lost", "won"}, "under_review": {"won", "lost"},
	}[d.status] {
		acts = append(acts, act{name: fmt.Sprintf("dispute %s → %s", d.status, next), do: func(*intent, *rand.Rand) { s.moveDispute(d, next) }})
	}
	return acts
}
