package simulated

import (
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
)

// charge is a row of the ledger as the rules see it.
type charge struct {
	Reference string          `db:"reference"`
	Status    payment.Outcome `db:"status"`
	Code      string          `db:"code"`
	Amount    int64           `db:"amount"`
	Currency  string          `db:"currency"`
	Captured  int64           `db:"captured"`
	Refunded  int64           `db:"refunded"`
	// RefundsPending and Withdrawn are the sums of its refunds that banks have not decided, and of its disputes that hold or have taken
	// the money.
	RefundsPending int64 `db:"refunds_pending"`
	Withdrawn      int64 `db:"withdrawn"`
	// Disputed: a dispute is not decided. A warning is none.
	Disputed        bool                  `db:"disputed"`
	Method          string                `db:"method"`
	CaptureMethod   payment.CaptureMethod `db:"capture_method"`
	OperationKey    id.Attempt            `db:"operation_key"`
	ActionExpiresAt *time.Time            `db:"action_expires_at"`
	// Expired: the customer can no longer act, by the database clock.
	Expired bool `db:"expired"`
}

// held is the amount that is authorized and can still be captured.
func (c charge) held() int64 {
	if c.Status != payment.Held {
		return 0
	}
	return c.Amount - c.Captured
}

// left is the amount that can still be refunded.
func (c charge) left() int64 { return c.Captured - c.Refunded - c.RefundsPending - c.Withdrawn }

// kind of a journal entry.
type kind string

const (
	noEntry        kind = ""
	entryAuthorize kind = "AUTHORIZE"
	entryCapture   kind = "CAPTURE"
	entryVoid      kind = "VOID"
	entryRefund    kind = "REFUND"
	// entryReversal: a refund that had succeeded has failed.
	entryReversal      kind = "REVERSAL"
	entryDispute       kind = "DISPUTE"
	entryReinstatement kind = "REINSTATEMENT"
)

// move changes one charge and journals the money it moves.
type move struct {
	reference string
	kind      kind
	amount    int64
	status    payment.Outcome
	code      string
	// event is sent for it; "": the one of status and kind.
	event EventType
}

// verdict is the provider's decision about one operation. The rules below are pure: they are given all charges of the
// payment, oldest first, while the payment is locked.
type verdict struct {
	outcome   payment.Outcome
	code      string
	reference string
	moves     []move
	// captured is the amount that the charge has captured in all; nil: the answer does not say it.
	captured *int64
	// refunds and disputes are written to the charge's: new ones, and those that change.
	refunds  []payment.SeenRefund
	disputes []payment.SeenDispute
	// voids: the payment takes no further authorization.
	voids bool
}

type rule func(charges []charge, call payment.Call) verdict

func reject(code string) verdict { return verdict{outcome: rejected, code: code} }

// find gives the charge with the reference, or, without one, the oldest that suits, or else the newest of all.
func find(charges []charge, reference string, suits func(charge) bool) (charge, bool) {
	for _, c := range charges {
		if reference == "" && suits(c) || reference != "" && c.Reference == reference {
			return c, true
		}
	}
	if reference != "" || len(charges) == 0 {
		return charge{}, false
	}
	return charges[len(charges)-1], true
}

// overCapture is the most that can be captured of what is held, as Stripe has it for most merchants:
// https://docs.stripe.com/payments/overcapture.
func overCapture(held money.Amount) int64 { return held.Minor + held.Minor/100*15 }

// captureRule takes call.Amount of what is held. The rest stays held unless the call is final. What is captured already stays captured.
func captureRule(charges []charge, call payment.Call) verdict {
	c, ok := find(charges, call.Reference, func(c charge) bool { return c.Status == payment.Held })
	if !ok {
		return reject(CodeChargeNotFound)
	}
	if call.Amount.Currency != c.Currency {
		return reject(CodeAmountMismatch)
	}
	v := verdict{outcome: payment.Refused, reference: c.Reference}
	switch c.Status {
	case payment.Held:
		return c.capture(call)
	case payment.Captured:
		v.outcome, v.captured = payment.Captured, &c.Captured
	case payment.Released:
		v.outcome, v.code = payment.Released, c.Code
	case payment.Pending:
		v.code = CodeProcessing
	case payment.ActionRequired:
		v.code = CodeActionRequired
		if c.Expired {
			v.code = CodeActionExpired
		}
	case payment.Refused, payment.Refunded, payment.NotFound, payment.Prepared:
		v.code = c.Code
	}
	return v
}

// capture takes call.Amount of what the charge holds.
func (c charge) capture(call payment.Call) verdict {
	if call.Amount.Minor > overCapture(money.New(c.held(), c.Currency)) {
		return reject(CodeAmountMismatch)
	}
	status := payment.Captured
	if !call.Final && call.Amount.Minor < c.held() {
		status = payment.Held
	}
	total := c.Captured + call.Amount.Minor
	return verdict{
		outcome: payment.Captured, reference: c.Reference, captured: &total,
		moves: []move{{reference: c.Reference, kind: entryCapture, amount: call.Amount.Minor, status: status}},
	}
}

// release gives back what the charge holds. What it has captured stays captured.
func (c charge) release(code string) move {
	if c.Captured > 0 {
		return move{reference: c.Reference, kind: entryVoid, amount: c.held(), status: payment.Captured}
	}
	return move{reference: c.Reference, kind: entryVoid, amount: c.held(), status: payment.Released, code: code}
}

// voidRule releases what every charge of the payment holds, and lets no other be made. A charge that holds nothing and has taken money
// cannot be released: the answer is then Captured. One that a bank decides is Pending: nothing changes, and the look-up tells when it
// has been decided.
func voidRule(charges []charge, call payment.Call) verdict {
	v := verdict{outcome: payment.Released, voids: true}
	if c, ok := find(charges, call.Reference, func(charge) bool { return false }); ok {
		v.reference = c.Reference
	} else if call.Reference != "" {
		return reject(CodeChargeNotFound)
	}
	for _, c := range charges {
		switch c.Status {
		case payment.Pending:
			return verdict{outcome: payment.Pending, reference: c.Reference}
		case payment.Captured:
			v.outcome, v.reference, v.captured = payment.Captured, c.Reference, &c.Captured
		case payment.Held:
			if c.Captured > 0 {
				v.captured = &c.Captured
			}
			v.moves = append(v.moves, c.release(""))
		case payment.ActionRequired:
			v.moves = append(v.moves, move{reference: c.Reference, status: payment.Released})
		case payment.Refused, payment.Released, payment.Refunded, payment.NotFound, payment.Prepared:
		}
	}
	return v
}

// refundRule gives money back, never more than was taken and not yet given back. Without a reference it takes the
// oldest charge that has enough left. A bank that takes its time for the payment does so for its refunds.
func refundRule(charges []charge, call payment.Call) verdict {
	c, ok := find(charges, call.Reference, func(c charge) bool { return c.left() >= call.Amount.Minor })
	switch {
	case !ok:
		return reject(CodeChargeNotFound)
	case call.Amount.Currency != c.Currency:
		return reject(CodeAmountMismatch)
	case c.Captured == 0:
		return reject(CodeNotCaptured)
	case c.Disputed:
		return reject(CodeChargeDisputed)
	case call.Amount.Minor > c.left():
		return reject(CodeRefundExceedsCaptured)
	}
	r := payment.SeenRefund{Reference: refundReference(call.Key), RefundID: call.RefundID, Minor: call.Amount.Minor, Status: payment.RefundSucceeded}
	v := verdict{outcome: payment.Refunded, reference: c.Reference}
	if c.Method == TokenDelayed {
		v.outcome, r.Status = payment.Pending, payment.RefundPending
	}
	v.refunds, v.moves = []payment.SeenRefund{r}, []move{c.refundMove(r)}
	return v
}

// refundMove is the move of a refund that is new or was pending. Money moves once it has succeeded.
func (c charge) refundMove(r payment.SeenRefund) move {
	m := move{reference: c.Reference, status: c.Status, event: EventRefundPending}
	switch r.Status {
	case payment.RefundSucceeded:
		m.kind, m.amount, m.event = entryRefund, r.Minor, EventRefunded
	case payment.RefundFailed:
		m.event = EventRefundFailed
	case payment.RefundPending:
	}
	return m
}

// completeRule ends the customer's action, if it still can be. The verdict's outcome is the state of the charge then.
func completeRule(charges []charge, reference string, approve bool) verdict {
	c, ok := find(charges, reference, func(c charge) bool { return c.Status == payment.ActionRequired })
	if !ok {
		return reject(CodeChargeNotFound)
	}
	v := verdict{reference: c.Reference}
	v.outcome, v.code = c.now()
	if v.outcome != payment.ActionRequired {
		return v
	}
	m := move{reference: c.Reference, status: payment.Refused, code: CodeActionRefused}
	if approve {
		m = move{reference: c.Reference, kind: entryAuthorize, amount: c.Amount, status: approved(c.CaptureMethod)}
		if m.status == payment.Captured {
			m.kind = entryCapture
		}
	}
	v.outcome, v.code = m.status, m.code
	v.moves = []move{m}
	return v
}

// now is the state of the charge, with an action nobody took in time as the refusal that it is.
func (c charge) now() (payment.Outcome, string) {
	if c.Status == payment.ActionRequired && c.Expired {
		return payment.Refused, CodeActionExpired
	}
	return c.Status, c.Code
}
