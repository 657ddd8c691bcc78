package order_test

import (
	"fmt"
	"slices"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// modelProvider keeps one charge for each payment and acts once for each key, as long as it remembers the key. It is the
// other half of the model: what it took and gave back is compared with what the order believes.
type modelProvider struct {
	charges map[id.Payment]*modelCharge
	// voided payments take no authorization any more, however late it arrives.
	voided map[id.Payment]bool
	// done has the effect of each key, for ever: what a look-up sees.
	done map[id.Attempt]modelAnswer
	// forgotten keys are past the provider's key lifetime: a call with one acts again.
	forgotten map[id.Attempt]bool
	// spent has, by key, which of its variants the provider remembers an error under.
	spent map[id.Attempt]int
	// asked has the last key that each operation on a payment or refund was called with.
	asked map[string]modelCall
	// prepares: it makes a charge first and confirms it by a second call, like Stripe.
	prepares bool
}

func newModelProvider(prepares bool) *modelProvider {
	return &modelProvider{
		charges: map[id.Payment]*modelCharge{}, voided: map[id.Payment]bool{}, done: map[id.Attempt]modelAnswer{}, forgotten: map[id.Attempt]bool{},
		spent: map[id.Attempt]int{}, asked: map[string]modelCall{}, prepares: prepares,
	}
}

type modelCharge struct {
	state              payment.Outcome
	code               string
	manual             bool
	reference          string
	amount             int64
	captured, refunded int64
	// open: refused, and its customer can still pay it with another card, as at Stripe.
	open bool
	// refunds are those of all attempts, ours and those made outside; disputes those that banks have raised.
	refunds  []payment.SeenRefund
	disputes []payment.SeenDispute
}

// withdrawn is the amount that disputes hold or have lost.
func (c *modelCharge) withdrawn() (minor int64) {
	for _, d := range c.disputes {
		if d.Status != payment.DisputeWon && d.Status != payment.DisputeWarning {
			minor += d.Minor
		}
	}
	return minor
}

// left is the amount that can be refunded.
func (c *modelCharge) left() int64 {
	left := c.captured - c.withdrawn()
	for _, r := range c.refunds {
		if r.Status != payment.RefundFailed {
			left -= r.Minor
		}
	}
	return left
}

func (c *modelCharge) disputed() bool {
	return slices.ContainsFunc(c.disputes, func(d payment.SeenDispute) bool {
		return d.Status == payment.DisputeNeedsResponse || d.Status == payment.DisputeUnderReview
	})
}

// refund adds one and returns what it is now. accepted: its bank decides later.
func (c *modelCharge) refund(minor int64, of id.Refund, accepted bool) {
	r := payment.SeenRefund{Reference: fmt.Sprintf("%s, refund %d", c.reference, len(c.refunds)), RefundID: of, Minor: minor, Status: payment.RefundPending}
	c.refunds = append(c.refunds, r)
	if !accepted {
		c.decideRefund(len(c.refunds)-1, payment.RefundSucceeded)
	}
}

func (c *modelCharge) decideRefund(i int, status payment.RefundStatus) {
	switch r := &c.refunds[i]; {
	case r.Status == payment.RefundPending && status == payment.RefundSucceeded:
		c.refunded += r.Minor
		r.Status = status
	case r.Status == payment.RefundSucceeded && status == payment.RefundFailed:
		c.refunded -= r.Minor
		r.Status = status
	case r.Status == payment.RefundPending:
		r.Status = status
	}
}

// refundOf returns the charge's newest refund for one of ours.
func (c *modelCharge) refundOf(refundID id.Refund) *payment.SeenRefund {
	for i := len(c.refunds) - 1; i >= 0; i-- {
		if c.refunds[i].RefundID == refundID {
			return &c.refunds[i]
		}
	}
	return nil
}

func (c *modelCharge) seen() *payment.SeenCharge {
	seen := books(c.captured, c.refunded)
	seen.Refunds, seen.Disputes = slices.Clone(c.refunds), slices.Clone(c.disputes)
	return seen
}

type modelAnswer struct {
	payment.Result
	err error
}

// definitely reports whether nothing was done, so that another key may follow.
func (a modelAnswer) definitely() bool { return a.err != nil || a.Outcome == payment.Refused }

type modelCall struct {
	key     id.Attempt
	request string
	// part: a capture that keeps the rest. Another may follow.
	part bool
}

// mood is the provider's behaviour for a call that it decides now.
type mood struct {
	// decide is the outcome of a new charge.
	decide payment.Outcome
	// refuse makes a capture, void or refund fail for good, reject any call with an error that says so. accept leaves a refund to its
	// bank; spend keeps an error under the key.
	refuse, reject, accept, spend bool
}

// take captures an amount and releases the rest.
func (c *modelCharge) take(amount int64) {
	c.state, c.captured = payment.Captured, c.captured+amount
}

// release lets what is held go.
func (c *modelCharge) release() {
	c.state = payment.Released
	if c.captured > 0 {
		c.state = payment.Captured
	}
}

// refuse ends the try to pay.
func (c *modelCharge) refuse(code string) { c.state, c.code = payment.Refused, code }

// payable reports whether it can still take money without us. A hold cannot: staff may have ended its payment by a mark.
func (c *modelCharge) payable() bool {
	switch c.state {
	case payment.ActionRequired, payment.Pending:
		return true
	case payment.Refused:
		return c.open
	}
	return false
}

// now is the state of the charge, as an answer.
func (c *modelCharge) now() payment.Result {
	return payment.Result{Outcome: c.state, Code: c.code, Reference: c.reference, Payable: c.state == payment.Refused && c.open}
}

func refused(code string) modelAnswer {
	return modelAnswer{Result: payment.Result{Outcome: payment.Refused, Code: code}}
}

// witness reports a call that breaks the rules of keys: one key is one request, and an operation gets another key only
// after the one before has definitely done nothing.
func (m *modelProvider) witness(call payment.Call) error {
	subject := call.PaymentID.String()
	if call.Operation == payment.OperationRefund {
		subject = call.RefundID.String()
	}
	of := fmt.Sprint(call.Operation, " ", subject)
	now := modelCall{call.Key, fmt.Sprint(of, call.OrderID, call.PaymentID, call.Amount, call.Final, call.Capture, call.Method), call.Operation == payment.OperationCapture && !call.Final}
	before, again := m.asked[of]
	m.asked[of] = now
	switch {
	case !again || now == before:
		return nil
	case now.key == before.key:
		return fmt.Errorf("key %s for %s and for %s", now.key, before.request, now.request)
	case call.Operation == payment.OperationVoid && m.done[before.key].Outcome == payment.Pending: // it was told to wait
		return nil
	case before.part && m.done[before.key].Outcome == payment.Captured:
		return nil
	case !m.done[before.key].definitely() && !m.failed(call):
		return fmt.Errorf("%s with another key, though the one before may have been done (%+v)", of, m.done[before.key])
	}
	return nil
}

// failed reports whether the call is of a refund that was accepted and has failed since.
func (m *modelProvider) failed(call payment.Call) bool {
	charge := m.charges[call.PaymentID]
	if charge == nil || call.Operation != payment.OperationRefund {
		return false
	}
	r := charge.refundOf(call.RefundID)
	return r != nil && r.Status == payment.RefundFailed
}

// settled: staff have ended the operation on a payment or refund, so that another key may follow.
func (m *modelProvider) settled(operation payment.Operation, subject fmt.Stringer) {
	delete(m.asked, fmt.Sprint(operation, " ", subject))
}

// do makes an operation, once per key that it remembers.
func (m *modelProvider) do(call payment.Call, how mood) modelAnswer {
	if spent, ok := m.spent[call.Key]; ok && spent == call.FreshKeys {
		return modelAnswer{err: &payment.SpentKeyError{Message: "the error of before"}}
	}
	if known, ok := m.done[call.Key]; ok && !m.forgotten[call.Key] && known.Outcome != payment.Prepared {
		return known
	}
	if how.spend {
		m.spent[call.Key] = call.FreshKeys
		return modelAnswer{err: &payment.SpentKeyError{Message: "an error that is remembered"}}
	}
	a := m.decided(call, how)
	m.done[call.Key] = a
	delete(m.forgotten, call.Key)
	return a
}

func (m *modelProvider) decided(call payment.Call, how mood) modelAnswer {
	charge := m.charges[call.PaymentID]
	switch {
	case call.Operation == payment.OperationAuthorize:
		return m.authorize(call, how)
	case how.reject || charge == nil && call.Operation != payment.OperationVoid:
		return modelAnswer{err: &payment.DefiniteError{Message: "rejected"}}
	case call.Operation == payment.OperationCapture:
		took := charge.state == payment.Held && !how.refuse && call.Amount.Minor <= charge.amount-charge.captured
		if took {
			charge.take(call.Amount.Minor)
			if !call.Final {
				charge.state = payment.Held
			}
		}
		if took || charge.state == payment.Captured {
			return modelAnswer{Result: payment.Result{Outcome: payment.Captured, Captured: new(charge.captured)}}
		}
		return refused("not_held")
	case call.Operation == payment.OperationVoid:
		if charge != nil && charge.state == payment.Captured {
			return modelAnswer{Result: payment.Result{Outcome: payment.Captured, Captured: new(charge.captured)}}
		}
		if charge != nil && charge.state == payment.Pending { // it is not done, and the key says so from now on
			return modelAnswer{Result: payment.Result{Outcome: payment.Pending}}
		}
		if how.refuse {
			return refused("not_now")
		}
		m.voided[call.PaymentID] = true
		released := payment.Result{Outcome: payment.Released}
		if charge != nil {
			charge.release()
			released.Captured = new(charge.captured)
		}
		return modelAnswer{Result: released}
	case charge.disputed():
		return modelAnswer{err: &payment.DefiniteError{Message: "charge_disputed", Why: payment.InDispute}}
	case call.Amount.Minor > charge.left():
		return modelAnswer{err: &payment.DefiniteError{Message: "charge_already_refunded", Why: payment.AlreadyRefunded}}
	case how.refuse:
		return refused("not_now")
	}
	charge.refund(call.Amount.Minor, call.RefundID, how.accept)
	if how.accept {
		return modelAnswer{Result: payment.Result{Outcome: payment.Pending}}
	}
	return modelAnswer{Result: payment.Result{Outcome: payment.Refunded}}
}

func (m *modelProvider) authorize(call payment.Call, how mood) modelAnswer {
	if how.reject {
		return modelAnswer{err: &payment.DefiniteError{Message: "rejected"}}
	}
	if m.voided[call.PaymentID] {
		return refused("voided")
	}
	charge := m.charges[call.PaymentID]
	if charge == nil {
		charge = &modelCharge{
			manual: call.Capture == payment.CaptureManual, reference: "charge of " + call.PaymentID.String(), amount: call.Amount.Minor, open: m.prepares,
		}
		m.charges[call.PaymentID] = charge
	}
	if m.prepares && (call.Reference == "" || charge.state == "") {
		charge.state = payment.Prepared
		return modelAnswer{Result: payment.Result{Outcome: payment.Prepared, Reference: charge.reference}}
	}
	charge.state = how.decide
	switch {
	case how.decide == payment.Captured && charge.manual:
		charge.state = payment.Held
	case how.decide == payment.Captured:
		charge.take(call.Amount.Minor)
	case how.decide == payment.Refused:
		charge.code = "declined"
	}
	return modelAnswer{Result: charge.now()}
}

func (m *modelProvider) lookUp(call payment.Call) modelAnswer {
	a, ok := m.done[call.Key]
	charge := m.charges[call.PaymentID]
	switch {
	case !ok:
		return modelAnswer{Result: payment.Result{Outcome: payment.NotFound}}
	case call.Operation == payment.OperationAuthorize && charge != nil:
		seen := charge.now()
		seen.Charge = charge.seen()
		return modelAnswer{Result: seen}
	case call.Operation == payment.OperationVoid && a.Outcome == payment.Pending && charge != nil:
		switch charge.state {
		case payment.Pending, payment.Released:
			return modelAnswer{Result: payment.Result{Outcome: charge.state}}
		case payment.Captured:
			return modelAnswer{Result: payment.Result{Outcome: payment.Captured, Captured: new(charge.captured)}}
		default:
			return modelAnswer{Result: payment.Result{Outcome: payment.NotFound}}
		}
	case call.Operation == payment.OperationRefund && a.err == nil && charge != nil:
		if r := charge.refundOf(call.RefundID); r != nil {
			outcome := map[payment.RefundStatus]payment.Outcome{
				payment.RefundPending: payment.Pending, payment.RefundSucceeded: payment.Refunded, payment.RefundFailed: payment.Refused,
			}[r.Status]
			return modelAnswer{Result: payment.Result{Outcome: outcome}}
		}
	}
	return a
}

// act ends the customer's action, at the provider.
func (m *modelProvider) act(paymentID id.Payment, amount int64, approve bool) {
	switch charge := m.charges[paymentID]; {
	case charge == nil || charge.state != payment.ActionRequired:
	case !approve:
		charge.refuse("action_refused")
	case charge.manual:
		charge.state = payment.Held
	default:
		charge.take(amount)
	}
}

// payElsewhere pays a charge whose payment was declined, with another card in the tab of before. It reports whether that was possible.
func (m *modelProvider) payElsewhere(paymentID id.Payment, amount int64) bool {
	charge := m.charges[paymentID]
	if charge == nil || charge.state != payment.Refused || !charge.open || charge.manual {
		return false
	}
	charge.take(amount)
	return true
}

// mayTakeMoney returns a payment other than the given one whose charge can still take money, or nil.
func (m *modelProvider) mayTakeMoney(besides id.Payment) *id.Payment {
	for of, charge := range m.charges {
		if of != besides && charge.payable() {
			return &of
		}
	}
	return nil
}

// lapse lets the provider end a charge that nobody completes or captures for long.
func (m *modelProvider) lapse(paymentID id.Payment) {
	switch charge := m.charges[paymentID]; {
	case charge == nil:
	case charge.state == payment.ActionRequired:
		charge.refuse("action_expired")
	case charge.state == payment.Held:
		charge.release()
	}
}

// breaksItsWord takes the money of a charge that it has said it would not take. It reports whether there was one.
func (m *modelProvider) breaksItsWord(paymentID id.Payment, amount int64) bool {
	charge := m.charges[paymentID]
	if charge == nil || charge.state != payment.Refused && charge.state != payment.Released {
		return false
	}
	charge.take(amount)
	return true
}

// forget ends the lifetime of all keys.
func (m *modelProvider) forget() {
	for key := range m.done {
		m.forgotten[key] = true
	}
}
