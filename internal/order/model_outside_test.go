package order_test

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// outside stands for those who move money at the provider without us: staff in its dashboard, and banks.
type outside struct {
	// reversed counts the refunds that had succeeded, or were made outside, and failed after all, captured the holds that were captured.
	reversed, captured int
}

func (o *outside) acts(m *model) func(*rapid.T) {
	return func(t *rapid.T) {
		p := m.anyPayment(t)
		charge := m.provider.charges[p.ID]
		if charge == nil {
			return
		}
		deeds := []string{"refund", "refund all", "refund fails late", "capture", "capture a part", "cancel", "dispute", "bank decides", "debit decided"}
		switch deed := rapid.SampledFrom(deeds).Draw(t, "deed"); deed {
		case "refund", "refund all":
			o.refund(t, charge, deed == "refund all")
		case "refund fails late":
			if n := len(charge.refunds); n > 0 {
				i := rapid.IntRange(0, n-1).Draw(t, "refund")
				if r := &charge.refunds[i]; r.Status == payment.RefundSucceeded || r.Status == payment.RefundPending && r.RefundID.IsNil() {
					o.reversed++
				}
				charge.decideRefund(i, payment.RefundFailed)
			}
		case "capture":
			if charge.state == payment.Held {
				charge.take(m.o.Total.Minor - charge.captured)
				o.captured++
			}
		case "capture a part":
			if charge.state == payment.Held {
				charge.take(rapid.Int64Range(1, m.o.Total.Minor-charge.captured).Draw(t, "part"))
				o.captured++
			}
		case "cancel":
			if charge.state == payment.Held || charge.state == payment.ActionRequired {
				charge.release()
				m.provider.voided[p.ID] = true
			}
		case "dispute":
			o.dispute(t, charge)
		case "bank decides":
			o.decide(t, charge)
		case "debit decided":
			decideDebit(charge, m.o.Total.Minor, rapid.Bool().Draw(t, "debit succeeds"))
		}
		if rapid.Bool().Draw(t, "webhook") {
			m.o.RequestRecheck(m.cause(), p.ID)
		}
	}
}

func (o *outside) refund(t *rapid.T, charge *modelCharge, all bool) {
	left := charge.left()
	if left <= 0 || charge.disputed() {
		return
	}
	minor := left
	if !all {
		minor = rapid.Int64Range(1, left).Draw(t, "minor")
	}
	charge.refund(minor, id.Refund{}, rapid.Bool().Draw(t, "pending"))
}

func (o *outside) dispute(t *rapid.T, charge *modelCharge) {
	if charge.left() <= 0 || len(charge.disputes) > 2 {
		return
	}
	status := rapid.SampledFrom([]payment.DisputeStatus{payment.DisputeNeedsResponse, payment.DisputeNeedsResponse, payment.DisputeWarning}).Draw(t, "dispute")
	charge.disputes = append(charge.disputes, payment.SeenDispute{
		Reference: fmt.Sprintf("%s, dispute %d", charge.reference, len(charge.disputes)), Minor: charge.left(), Status: status, Reason: "fraudulent",
	})
}

// decide moves an open dispute on.
func (o *outside) decide(t *rapid.T, charge *modelCharge) {
	for i := range charge.disputes {
		if d := &charge.disputes[i]; d.Status != payment.DisputeWon && d.Status != payment.DisputeLost {
			d.Status = rapid.SampledFrom([]payment.DisputeStatus{payment.DisputeUnderReview, payment.DisputeWon, payment.DisputeLost}).Draw(t, "decision")
			if d.Minor > charge.left()+d.Minor || charge.left() < 0 {
				d.Status = payment.DisputeWon // a warning whose money was refunded meanwhile
			}
		}
	}
}

func decideDebit(charge *modelCharge, minor int64, succeeds bool) {
	switch {
	case charge.state != payment.Pending:
	case !succeeds:
		charge.refuse("debit_failed")
	case charge.manual:
		charge.state = payment.Held
	default:
		charge.take(minor)
	}
}

// banksDecide ends all that banks take their time for, except disputes.
func (o *outside) banksDecide(m *model) {
	for _, charge := range m.provider.charges {
		decideDebit(charge, m.o.Total.Minor, true)
		for i := range charge.refunds {
			if charge.refunds[i].Status == payment.RefundPending {
				charge.decideRefund(i, payment.RefundSucceeded)
			}
		}
	}
}

// open reports whether a dispute is not decided.
func (o *outside) open(m *model) bool {
	for _, charge := range m.provider.charges {
		if charge.disputed() {
			return true
		}
	}
	return false
}
