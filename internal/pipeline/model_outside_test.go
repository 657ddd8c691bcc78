package pipeline_test

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"pgregory.net/rapid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// drawOutside draws what somebody does at the provider: an act, its amount, and whether a webhook tells of it.
func (l *life) drawOutside() string {
	what := "outside " + string(rapid.SampledFrom(simulated.Acts()).Draw(l.T, "act")) + " " + strconv.Itoa(rapid.SampledFrom([]int{0, 1, 700}).Draw(l.T, "minor"))
	if rapid.Bool().Draw(l.T, "told") {
		what += " webhook"
	}
	return what
}

// outside does an act to the newest payment that it fits. If it fits none, the next act is tried, so that something happens.
func (l *life) outside(o *order.Order, words []string) {
	minor, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil {
		l.wrong = append(l.wrong, err)
		return
	}
	acts := simulated.Acts()
	first := slices.Index(acts, simulated.Act(words[0]))
	for _, act := range slices.Concat(acts[first:], acts[:first]) {
		for _, p := range slices.Backward(o.Payments) {
			_, err := l.provider.Outside(l.ctx, simulated.Outside{PaymentID: p.ID, Act: act, Minor: minor})
			if _, refused := errors.AsType[*simulated.RejectedError](err); refused {
				continue
			}
			if err != nil {
				l.wrong = append(l.wrong, err)
				return
			}
			l.done[act]++
			if len(words) > 2 {
				l.act(func() error { _, err := l.service.RecheckPayment(l.ctx, auth.System, p.ID); return err })
			}
			return
		}
	}
}

// banksDecide ends all that banks take their time for; of the disputes some, and what is left is open for good.
func (l *life) banksDecide() {
	acts := []simulated.Act{simulated.ActConfirm, simulated.ActRefundSucceeds}
	if rapid.Bool().Draw(l.T, "disputes are decided") {
		acts = append(acts, rapid.SampledFrom([]simulated.Act{simulated.ActWin, simulated.ActLose}).Draw(l.T, "decision"), simulated.ActWin)
	}
	for _, p := range l.load().Payments {
		for _, act := range acts {
			for range 20 { // until there is none left
				if _, err := l.provider.Outside(l.ctx, simulated.Outside{PaymentID: p.ID, Act: act}); err != nil {
					break
				}
			}
		}
	}
}

// bankPays ends what the bank of a sim_delayed payment has not decided.
func (l *life) bankPays() {
	for _, p := range l.load().Payments {
		if p.Method != simulated.TokenDelayed {
			continue
		}
		for _, act := range []simulated.Act{simulated.ActConfirm, simulated.ActRefundSucceeds} {
			_, err := l.provider.Outside(l.ctx, simulated.Outside{PaymentID: p.ID, Act: act})
			if _, refused := errors.AsType[*simulated.RejectedError](err); err != nil && !refused {
				l.Fatal(err)
			}
		}
	}
}

// watches reports whether all that is still to come is another look at a charge with an open dispute, which goes on for as long as that is
// open.
func (l *life) watches() bool {
	o := l.load()
	if !slices.ContainsFunc(o.Payments, func(p payment.Payment) bool { return p.HasOpenDispute() }) || o.DeliversAt != nil || o.ExpiresAt != nil {
		return false
	}
	var calls int
	err := l.db.GetContext(l.ctx, &calls, `SELECT (SELECT count(*) FROM payment_attempts WHERE order_id = $1 AND next_call_at IS NOT NULL)
		+ (SELECT count(*) FROM payments WHERE order_id = $1 AND (status IN ('INITIALIZING', 'AUTHORIZED') OR recheck_at < $2))`, l.orderID, l.now.Add(time.Hour))
	if err != nil {
		l.Fatal(err)
	}
	return calls == 0
}
