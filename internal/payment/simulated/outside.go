package simulated

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// Act is something that happens to a charge without a call: a merchant does it in the provider's dashboard, or a bank.
type Act string

// The acts.
const (
	// ActRefund gives an amount back. ActRefundPending does too, and the customer's bank has not taken it yet.
	ActRefund        Act = "refund"
	ActRefundPending Act = "refund_pending"
	// ActRefundSucceeds and ActRefundFails decide a refund. One that has succeeded can still fail.
	ActRefundSucceeds Act = "refund_succeeds"
	ActRefundFails    Act = "refund_fails"
	// ActCapture takes an amount of a hold and releases the rest.
	ActCapture Act = "capture"
	// ActCancel releases a hold, or a charge that waits for its customer. ActRunOut releases a hold whose time is up.
	ActCancel Act = "cancel"
	ActRunOut Act = "run_out"
	// ActConfirm and ActRefuse are the bank's decision about a TokenDelayed payment.
	ActConfirm Act = "confirm"
	ActRefuse  Act = "refuse"
	// ActWarn: a bank warns of fraud. No money moves.
	ActWarn Act = "warn"
	// ActDispute withdraws an amount, and waits for evidence. ActReview: the evidence is there.
	ActDispute Act = "dispute"
	ActReview  Act = "review"
	// ActWin and ActLose decide a dispute. A warning can only be won: it ends.
	ActWin  Act = "win"
	ActLose Act = "lose"
)

type actRule struct {
	act    Act
	effect string
	// rule reports false if the act does not fit the books.
	rule func(b *books, o Outside) (verdict, bool)
}

// acts in the order in which they are documented, with what they do.
var acts = []actRule{
	{ActRefund, "gives back `amountMinor`", (*books).refund},
	{ActRefundPending, "the same, and the customer's bank has not taken it yet", (*books).refund},
	{ActRefundSucceeds, "the bank takes a refund that is pending", (*books).decideRefund},
	{ActRefundFails, "a refund fails, also one that had succeeded", (*books).decideRefund},
	{ActCapture, "takes `amountMinor` of what is authorized and releases the rest", (*books).capture},
	{ActCancel, "releases what is authorized, or a payment that waits for its customer", (*books).release},
	{ActRunOut, "the time of an authorization is up", (*books).release},
	{ActConfirm, "the bank pays a `sim_delayed` payment", (*books).decideDebit},
	{ActRefuse, "the bank refuses it", (*books).decideDebit},
	{ActWarn, "a bank warns that the payment may be fraud", (*books).dispute},
	{ActDispute, "a customer disputes `amountMinor`, which is withdrawn; a warning becomes a dispute", (*books).dispute},
	{ActReview, "the evidence is sent, and the bank decides", (*books).decideDispute},
	{ActWin, "a dispute is won, or a warning ends", (*books).decideDispute},
	{ActLose, "a dispute is lost", (*books).decideDispute},
}

// Acts lists every act.
func Acts() []Act {
	all := make([]Act, len(acts))
	for i, a := range acts {
		all[i] = a.act
	}
	return all
}

// DescribeAct says in a few words what an act does; it is empty for an unknown one.
func DescribeAct(a Act) string {
	for _, known := range acts {
		if known.act == a {
			return known.effect
		}
	}
	return ""
}

// Outside is one act.
type Outside struct {
	PaymentID id.Payment
	Act       Act
	// Minor is the amount in minor units; 0: all that is there.
	Minor int64
	// Of is the reference of the refund or dispute; "": the newest one that the act fits.
	Of string
}

// respondWithin is the time for evidence in a dispute.
const respondWithin = 7 * 24 * time.Hour

// disputeReason is the bank's word in all disputes.
const disputeReason = "fraudulent"

// books are the charge of one payment in the ledger, with its refunds and disputes. Its methods are the rules of the acts.
type books struct {
	charge
	seen payment.SeenCharge
	// fresh makes the references of what is new.
	fresh id.Attempt
	now   time.Time
}

// Outside makes an act at a payment's charge and returns the charge afterwards. The shop learns of it by a webhook or a look-up. Latency and FailureRate spare it.
// Errors are *RejectedError and *UnavailableError.
func (p *Provider) Outside(ctx context.Context, o Outside) (*payment.SeenCharge, error) {
	i := slices.IndexFunc(acts, func(a actRule) bool { return a.act == o.Act })
	switch {
	case i < 0:
		return nil, invalid(CodeRequestInvalid, "unknown act %.40q", string(o.Act))
	case o.Minor < 0:
		return nil, invalid(CodeRequestInvalid, "the amount is negative")
	}
	b := books{fresh: id.New[id.Attempt]()}
	var events []outgoing
	var refusal error
	err := p.inTx(ctx, func(tx *sqlx.Tx) error {
		found, err := p.lockBooks(ctx, tx, o.PaymentID, &b)
		if err != nil {
			return err
		}
		if !found {
			refusal = rejection(CodeChargeNotFound)
			return nil
		}
		v, fits := acts[i].rule(&b, o)
		if !fits {
			refusal = rejection(CodeNotPossible)
			return nil
		}
		v.reference = b.Reference
		if events, err = p.apply(ctx, tx, v, id.Null[id.Attempt]{}, b.fresh, true); err != nil {
			return err
		}
		if v.voids {
			_, err = tx.ExecContext(ctx, `UPDATE simulated.payments SET voided_at = coalesce(voided_at, now()) WHERE payment_id = $1`, o.PaymentID)
		}
		if err == nil {
			_, err = p.lockBooks(ctx, tx, o.PaymentID, &b)
		}
		return err
	})
	if err != nil {
		return nil, unavailable(err)
	}
	if refusal != nil {
		return nil, refusal
	}
	p.committed(ctx, events...)
	return &b.seen, nil
}

// lockBooks locks a payment and reads the books of its charge: the one that took money or still can, or else the newest.
func (p *Provider) lockBooks(ctx context.Context, tx *sqlx.Tx, paymentID id.Payment, into *books) (found bool, err error) {
	var locked id.Payment
	err = get(ctx, tx, p.stmt.lockPayment, &locked, paymentID)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var charges []charge
	if err := list(ctx, tx, p.stmt.charges, &charges, paymentID); err != nil {
		return false, err
	}
	alive := func(c charge) bool { return c.Status != payment.Refused && c.Status != payment.Released }
	if into.charge, found = find(charges, "", alive); !found {
		return false, nil
	}
	row := struct {
		Now time.Time `db:"now"`
		seenCharge
	}{seenCharge: seenCharge{Amount: into.Amount, Captured: into.Captured, Refunded: into.Refunded}}
	err = tx.GetContext(ctx, &row, `SELECT now() AS now, `+refundsOfCharge+` AS refunds, `+disputesOfCharge+` AS disputes
		FROM simulated.charges c WHERE reference = $1`, into.Reference)
	if err != nil {
		return false, err
	}
	seen, err := row.charge(into.Status)
	if err != nil {
		return false, err
	}
	into.seen, into.now = *seen, row.Now.UTC()
	return true, nil
}

func refundReference(of id.Attempt) string  { return "sim_re_" + hex.EncodeToString(of[:]) }
func disputeReference(of id.Attempt) string { return "sim_dp_" + hex.EncodeToString(of[:]) }

// part returns the amount of an act, all that is there if it names none; false if there is not as much.
func (o Outside) part(all int64) (minor int64, ok bool) {
	if o.Minor == 0 {
		return all, all > 0
	}
	return o.Minor, o.Minor <= all
}

func (b *books) refund(o Outside) (verdict, bool) {
	minor, ok := o.part(b.left())
	if !ok || b.Disputed {
		return verdict{}, false
	}
	r := payment.SeenRefund{Reference: refundReference(b.fresh), Minor: minor, Status: payment.RefundSucceeded}
	if o.Act == ActRefundPending {
		r.Status = payment.RefundPending
	}
	return verdict{refunds: []payment.SeenRefund{r}, moves: []move{b.refundMove(r)}}, true
}

func (b *books) decideRefund(o Outside) (verdict, bool) {
	for _, r := range slices.Backward(b.seen.Refunds) {
		fails := o.Act == ActRefundFails
		if o.Of != "" && r.Reference != o.Of || r.Status != payment.RefundPending && (!fails || r.Status != payment.RefundSucceeded) {
			continue
		}
		had := r.Status
		r.Status = payment.RefundSucceeded
		if fails {
			r.Status, r.Code = payment.RefundFailed, CodeRefundReturned
		}
		m := b.refundMove(r)
		if had == payment.RefundSucceeded {
			m.kind, m.amount = entryReversal, r.Minor
		}
		return verdict{refunds: []payment.SeenRefund{r}, moves: []move{m}}, true
	}
	return verdict{}, false
}

func (b *books) capture(o Outside) (verdict, bool) {
	minor, ok := o.part(b.held())
	if !ok {
		return verdict{}, false
	}
	return verdict{moves: []move{{reference: b.Reference, kind: entryCapture, amount: minor, status: payment.Captured}}}, true
}

func (b *books) release(o Outside) (verdict, bool) {
	var m move
	switch {
	case b.Status == payment.Held && o.Act == ActRunOut:
		m = b.charge.release(CodeRanOut)
	case b.Status == payment.Held:
		m = b.charge.release("")
	case b.Status == payment.ActionRequired && !b.Expired && o.Act == ActCancel:
		m = move{reference: b.Reference, status: payment.Released}
	default:
		return verdict{}, false
	}
	return verdict{moves: []move{m}, voids: true}, true
}

func (b *books) decideDebit(o Outside) (verdict, bool) {
	if b.Status != payment.Pending {
		return verdict{}, false
	}
	m := move{reference: b.Reference, status: payment.Refused, code: CodeDebitFailed}
	if o.Act == ActConfirm {
		m = move{reference: b.Reference, kind: entryAuthorize, amount: b.Amount, status: approved(b.CaptureMethod)}
		if m.status == payment.Captured {
			m.kind = entryCapture
		}
	}
	return verdict{moves: []move{m}}, true
}

// dispute opens a dispute or a warning. A dispute takes the place of a warning that is open.
func (b *books) dispute(o Outside) (verdict, bool) {
	minor, ok := o.part(b.left())
	if !ok {
		return verdict{}, false
	}
	d := payment.SeenDispute{Reference: disputeReference(b.fresh), Minor: minor, Status: payment.DisputeWarning, Reason: disputeReason}
	m := move{reference: b.Reference, status: b.Status, event: EventDisputeOpened}
	if o.Act == ActDispute {
		i := slices.IndexFunc(b.seen.Disputes, func(d payment.SeenDispute) bool { return d.Status == payment.DisputeWarning })
		if i >= 0 {
			d.Reference, m.event = b.seen.Disputes[i].Reference, EventDisputeUpdated
		}
		by := b.now.Add(respondWithin)
		d.Status, d.RespondBy = payment.DisputeNeedsResponse, &by
		m.kind, m.amount = entryDispute, minor
	}
	return verdict{disputes: []payment.SeenDispute{d}, moves: []move{m}}, true
}

func (b *books) decideDispute(o Outside) (verdict, bool) {
	next := map[Act]payment.DisputeStatus{ActReview: payment.DisputeUnderReview, ActWin: payment.DisputeWon, ActLose: payment.DisputeLost}[o.Act]
	from := map[Act][]payment.DisputeStatus{
		ActReview: {payment.DisputeNeedsResponse},
		ActWin:    {payment.DisputeWarning, payment.DisputeNeedsResponse, payment.DisputeUnderReview},
		ActLose:   {payment.DisputeNeedsResponse, payment.DisputeUnderReview},
	}[o.Act]
	for _, d := range slices.Backward(b.seen.Disputes) {
		if o.Of != "" && d.Reference != o.Of || !slices.Contains(from, d.Status) {
			continue
		}
		m := move{reference: b.Reference, status: b.Status, event: EventDisputeClosed}
		switch {
		case o.Act == ActReview:
			m.event = EventDisputeUpdated
		case o.Act == ActWin && d.Status != payment.DisputeWarning:
			m.kind, m.amount = entryReinstatement, d.Minor
		}
		d.Status, d.RespondBy = next, nil
		return verdict{disputes: []payment.SeenDispute{d}, moves: []move{m}}, true
	}
	return verdict{}, false
}
