package pipeline_test

import (
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// step is one thing that happens: mostly the pipeline works, under disturbances.
func (l *life) step() {
	what := rapid.SampledFrom([]string{
		"timer", "timer", "timer", "timer", "timer", "worker", "time", "approve", "approve the first", "refuse", "too late to act", "capture", "capture part",
		"capture part", "void", "refund", "refund a line", "deliver", "cancel", "retry", "retry", "webhook", "mark", "mark", "provider breaks its word",
		"outside", "outside", "outside", "outside", "outside",
	}).Draw(l.T, "step")
	switch what {
	case "timer", "worker":
		if what == "timer" {
			l.toNextTimer()
		}
		l.drawFates()
		l.round(rapid.IntRange(0, 1).Draw(l.T, "worker"))
	case "time":
		l.now = l.now.Add(time.Duration(rapid.SampledFrom([]int{1, 10, 100}).Draw(l.T, "minutes")) * time.Minute)
	case "outside":
		l.do(l.drawOutside())
	default:
		l.do(what)
	}
}

// happen does things while a worker waits for the provider.
func (l *life) happen(things []string) {
	if l.inCall {
		return
	}
	l.inCall = true
	defer func() { l.inCall = false }()
	for _, what := range things {
		if what == "another worker takes over" {
			later := l.calls
			l.calls = nil
			l.endLeases()
			if err := l.workers[1-l.working].Round(l.ctx); err != nil {
				l.wrong = append(l.wrong, err)
			}
			l.calls = later
			continue
		}
		l.do(what)
	}
}

// do performs an action of a person or of the provider on the latest payment.
func (l *life) do(what string) {
	o, err := l.store.Order(l.ctx, modelStaff, l.orderID)
	if err != nil {
		l.wrong = append(l.wrong, err)
		return
	}
	if strings.HasPrefix(what, "outside") {
		l.outside(o, strings.Fields(what)[1:])
		return
	}
	p := o.Payment()
	in := order.PaymentInput{PaymentID: p.ID}
	l.act(func() (err error) {
		switch what {
		case "cancel":
			_, err = l.service.Cancel(l.ctx, modelCustomer, order.CancelInput{OrderID: l.orderID})
		case "webhook":
			_, err = l.service.RecheckPayment(l.ctx, modelStaff, p.ID)
		case "refund":
			minor := 1 + o.Refundable()/2
			_, err = l.service.Refund(l.ctx, modelStaff, order.RefundInput{IdempotencyKey: uuid.NewString(), OrderID: l.orderID, AmountMinor: &minor})
		case "retry":
			token := modelTokens[o.Version%len(modelTokens)]
			_, err = l.service.Retry(l.ctx, modelCustomer, order.RetryInput{IdempotencyKey: uuid.NewString(), OrderID: l.orderID, PaymentToken: token})
		case "capture":
			_, err = l.service.Capture(l.ctx, modelStaff, order.CaptureInput{PaymentInput: in})
		case "capture part":
			part := 1 + p.Capturable()/3
			_, err = l.service.Capture(l.ctx, modelStaff, order.CaptureInput{PaymentInput: in, AmountMinor: &part})
		case "refund a line":
			lines := []payment.RefundLine{{Position: 1, Quantity: 1}}
			_, err = l.service.Refund(l.ctx, modelStaff, order.RefundInput{IdempotencyKey: uuid.NewString(), OrderID: l.orderID, Lines: lines})
		case "void":
			_, err = l.service.Void(l.ctx, modelStaff, in)
		case "mark":
			// Staff give up, as they may at the cap of calls; what they say need not be true.
			if p.Status != payment.Processing && p.Status != payment.RequiresAction {
				return nil
			}
			tx := l.db.MustBeginTx(l.ctx, nil)
			tx.MustExecContext(l.ctx, `UPDATE orders SET revision = revision + 1 WHERE id = $1`, l.orderID)
			tx.MustExecContext(l.ctx, `UPDATE payments SET attention = 'UNKNOWN_OUTCOME' WHERE id = $1`, p.ID)
			if err := tx.Commit(); err != nil {
				return err
			}
			_, err = l.service.Resolve(l.ctx, modelStaff, order.ResolveInput{PaymentInput: in, Resolution: payment.MarkNotCaptured, Note: "seen"})
		case "provider breaks its word":
			// It takes what it has said that it would not take.
			var late []uuid.UUID
			err = l.db.SelectContext(l.ctx, &late, `UPDATE simulated.charges SET status = 'CAPTURED', captured = amount
				WHERE payment_id = $1 AND status IN ('REFUSED', 'RELEASED') RETURNING payment_id`, p.ID)
			l.late += len(late)
		case "deliver":
			_, err = l.service.Deliver(l.ctx, modelStaff, order.DeliverInput{OrderID: l.orderID})
		case "approve", "approve the first", "refuse":
			of := p.ID
			if what == "approve the first" {
				of = o.Payments[0].ID // in another tab, perhaps while a later payment waits for its end
			}
			_, err = l.provider.Complete(l.ctx, of, what != "refuse")
			var refused *payment.DefiniteError
			if errors.As(err, &refused) {
				err = nil // there is nothing to act on
			}
		case "too late to act":
			_, err = l.db.ExecContext(l.ctx, `UPDATE simulated.charges SET action_expires_at = now() - interval '1 second' WHERE payment_id = $1 AND status = 'ACTION_REQUIRED'`, p.ID)
		}
		return err
	})
}
