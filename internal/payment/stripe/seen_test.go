package stripe_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/stripe"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
)

// charge looks an authorization up and gives what is seen.
func (b *bundle) charge(t *testing.T, call payment.Call) *payment.SeenCharge {
	t.Helper()
	r, err := b.LookUp(t.Context(), call)
	if err != nil || r.Charge == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	return r.Charge
}

func (b *bundle) paid(t *testing.T, method string) payment.Call {
	t.Helper()
	return b.authorize(t, authorization(method, payment.CaptureAutomatic), payment.Captured)
}

func wantTotals(t *testing.T, c *payment.SeenCharge, captured, refunded int64) {
	t.Helper()
	if c.Totals != (payment.Totals{Captured: captured, Refunded: refunded}) {
		t.Errorf("totals %+v, want %d captured, %d refunded", c.Totals, captured, refunded)
	}
}

// https://docs.stripe.com/api/refunds/object#refund_object-status, https://docs.stripe.com/refunds#failed-refunds
func TestSeenRefunds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		method   string
		move     func(f *fakestripe.Stripe, refundID string)
		want     payment.RefundStatus
		code     string
		refunded int64
	}{
		"OKSucceeded":        {fakestripe.Visa, nil, payment.RefundSucceeded, "", 400},
		"OKPending":          {fakestripe.PendingRefund, nil, payment.RefundPending, "", 0},
		"OKPendingSucceeds":  {fakestripe.PendingRefund, func(f *fakestripe.Stripe, r string) { f.SettleRefund(r, true) }, payment.RefundSucceeded, "", 400},
		"OKRequiresAction":   {fakestripe.ActionRefund, nil, payment.RefundPending, "", 0},
		"ErrPendingFails":    {fakestripe.PendingRefund, func(f *fakestripe.Stripe, r string) { f.SettleRefund(r, false) }, payment.RefundFailed, "refund_failed", 0},
		"ErrSucceededFails":  {fakestripe.Visa, func(f *fakestripe.Stripe, r string) { f.SettleRefund(r, false) }, payment.RefundFailed, "refund_failed", 0},
		"ErrActionCancelled": {fakestripe.ActionRefund, func(f *fakestripe.Stripe, r string) { f.CancelRefund(r) }, payment.RefundFailed, "refund_failed", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			at := time.Unix(1_800_000_000, 0)
			b.fake.SetClock(func() time.Time { return at })
			paid := b.paid(t, tt.method)
			ours := follow(paid, payment.OperationRefund)
			ours.Amount = money.New(400, "EUR")
			_, _ = b.Refund(t.Context(), ours)
			refund := b.fake.Refunds(paid.Reference)[0]
			if tt.move != nil {
				tt.move(b.fake, refund)
			}
			c := b.charge(t, paid)
			wantTotals(t, c, 1250, tt.refunded)
			want := []payment.SeenRefund{{Reference: refund, RefundID: ours.RefundID, Minor: 400, Status: tt.want, Code: tt.code, CreatedAt: at.UTC()}}
			if !reflect.DeepEqual(c.Refunds, want) || c.More || len(c.Disputes) != 0 {
				t.Errorf("seen %+v", c)
			}
		})
	}
}

// What is refunded in the dashboard is nobody's refund here, beside ours, oldest first.
func TestSeenRefundsOfOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	paid := b.paid(t, fakestripe.Visa)
	first := b.fake.RefundPartInDashboard(paid.Reference, 300)
	ours := follow(paid, payment.OperationRefund)
	ours.Amount = money.New(200, "EUR")
	expect(t, payment.Refunded)(b.Refund(t.Context(), ours))
	last := b.fake.RefundPartInDashboard(paid.Reference, 0)
	c := b.charge(t, paid)
	wantTotals(t, c, 1250, 1250)
	for n, want := range []payment.SeenRefund{{Reference: first, Minor: 300}, {RefundID: ours.RefundID, Minor: 200}, {Reference: last, Minor: 750}} {
		got := c.Refunds[n]
		if got.RefundID != want.RefundID || got.Minor != want.Minor || got.Status != payment.RefundSucceeded || want.Reference != "" && got.Reference != want.Reference {
			t.Errorf("%d: %+v, want %+v", n, got, want)
		}
	}
	// Both ways to be refused: nothing is left, or less than was asked for.
	if why := expectDefinite(t)(b.Refund(t.Context(), follow(paid, payment.OperationRefund))).Why; why != payment.AlreadyRefunded {
		t.Errorf("why %q", why)
	}
	b.fake.SettleRefund(last, false)
	more := follow(paid, payment.OperationRefund)
	more.Amount = money.New(751, "EUR")
	if why := expectDefinite(t)(b.Refund(t.Context(), more)).Why; why != payment.AlreadyRefunded {
		t.Errorf("why %q", why)
	}
}

// Refunds that do not come with the charge are listed, and those above the most are counted.
func TestSeenManyRefunds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	paid := b.paid(t, fakestripe.Visa)
	for n, lists := range map[int]int{10: 0, 11: 1, 100: 1} {
		for len(b.fake.Refunds(paid.Reference)) < n {
			b.fake.RefundPartInDashboard(paid.Reference, 2)
		}
		before := b.fake.Calls("list")
		if n = len(b.fake.Refunds(paid.Reference)); n > 10 {
			lists = 1
		}
		c := b.charge(t, paid)
		wantTotals(t, c, 1250, int64(2*n))
		if len(c.Refunds) != n || c.More || b.fake.Calls("list") != before+lists {
			t.Errorf("of %d seen %d, more %v, by %d lists", n, len(c.Refunds), c.More, b.fake.Calls("list")-before)
		}
	}
	newest := b.fake.RefundPartInDashboard(paid.Reference, 2)
	c := b.charge(t, paid)
	wantTotals(t, c, 1250, 202)
	if len(c.Refunds) != payment.MaxSeen || !c.More || c.Refunds[payment.MaxSeen-1].Reference != newest {
		t.Errorf("seen %d, more %v", len(c.Refunds), c.More)
	}
}

// The rest of a hold that a capture lets go is no refund, however Stripe writes it: https://docs.stripe.com/api/payment_intents/capture
func TestSeenPartialCapture(t *testing.T) {
	t.Parallel()
	b := setup(t)
	held := b.authorize(t, authorization(fakestripe.Visa, payment.CaptureManual), payment.Held)
	if c := b.charge(t, held); c.Capturable != 1250 || c.Captured != 0 {
		t.Errorf("held %+v", c)
	}
	b.fake.CaptureInDashboard(held.Reference, 700)
	c := b.charge(t, held)
	wantTotals(t, c, 700, 0)
	if c.Capturable != 0 || len(c.Refunds) != 0 {
		t.Errorf("captured %+v", c)
	}
	b.fake.RefundPartInDashboard(held.Reference, 550)
	c = b.charge(t, held)
	wantTotals(t, c, 700, 550)
	if len(c.Refunds) != 1 {
		t.Errorf("refunded %+v", c)
	}
	if alone, err := b.Charge(t.Context(), held.Reference); err != nil || alone.Totals != c.Totals {
		t.Errorf("alone it is %+v, %v", alone, err)
	}
	// More refunds than Stripe lists at once, some pending.
	b.fake.RefundPartInDashboard(held.Reference, 49)
	for range 100 {
		b.fake.RefundPartInDashboard(held.Reference, 1)
	}
	wantTotals(t, b.charge(t, held), 700, 699)
}

// https://docs.stripe.com/api/disputes/object#dispute_object-status
func TestSeenDisputes(t *testing.T) {
	t.Parallel()
	for status, tt := range map[string]struct {
		want       payment.DisputeStatus
		responds   bool
		refundable bool
	}{
		"warning_needs_response": {payment.DisputeWarning, true, true},
		"warning_under_review":   {payment.DisputeWarning, false, true},
		"warning_closed":         {payment.DisputeWon, false, true},
		"needs_response":         {payment.DisputeNeedsResponse, true, false},
		"under_review":           {payment.DisputeUnderReview, false, false},
		"won":                    {payment.DisputeWon, false, true},
		"lost":                   {payment.DisputeLost, false, false},
	} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			at := time.Unix(1_800_000_000, 0)
			b.fake.SetClock(func() time.Time { return at })
			paid := b.paid(t, fakestripe.Visa)
			reference := b.fake.Dispute(paid.Reference, 700, true)
			b.fake.MoveDispute(reference, status)
			want := payment.SeenDispute{Reference: reference, Minor: 700, Status: tt.want, Reason: "product_not_received", CreatedAt: at.UTC()}
			if tt.responds {
				by := at.Add(7 * 24 * time.Hour).UTC()
				want.RespondBy = &by
			}
			c := b.charge(t, paid)
			wantTotals(t, c, 1250, 0)
			if !reflect.DeepEqual(c.Disputes, []payment.SeenDispute{want}) || c.More {
				t.Errorf("seen %+v", c)
			}
			refund := follow(paid, payment.OperationRefund)
			if tt.refundable {
				expect(t, payment.Refunded)(b.Refund(t.Context(), refund))
				return
			}
			if why := expectDefinite(t)(b.Refund(t.Context(), refund)).Why; why != payment.InDispute {
				t.Errorf("why %q", why)
			}
		})
	}
}

// A dispute that was settled before it began is lost if the account paid for it:
// https://docs.stripe.com/changelog/basil/2025-08-27/add-preventions-to-dispute
func TestSeenPreventedDisputes(t *testing.T) {
	t.Parallel()
	for withdrawn, want := range map[bool]payment.DisputeStatus{false: payment.DisputeWon, true: payment.DisputeLost} {
		b := setup(t)
		paid := b.paid(t, fakestripe.Visa)
		b.fake.Prevent(paid.Reference, 1250, withdrawn)
		if c := b.charge(t, paid); len(c.Disputes) != 1 || c.Disputes[0].Status != want {
			t.Errorf("withdrawn %v: seen %+v", withdrawn, c)
		}
	}
}

// An amount above the captured one, as exchange rates make it, counts as the captured one.
func TestSeenDisputeAboveTheCharge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	paid := b.paid(t, fakestripe.Visa)
	b.fake.Dispute(paid.Reference, 1300, false)
	if c := b.charge(t, paid); len(c.Disputes) != 1 || c.Disputes[0].Minor != 1250 {
		t.Errorf("seen %+v", c)
	}
}

// https://docs.stripe.com/disputes/measuring#early-fraud-warnings
func TestSeenFraudWarnings(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		then func(f *fakestripe.Stripe, reference string)
		want payment.DisputeStatus
	}{
		"OK":               {func(*fakestripe.Stripe, string) {}, payment.DisputeWarning},
		"OKPartlyRefunded": {func(f *fakestripe.Stripe, r string) { f.RefundPartInDashboard(r, 10) }, payment.DisputeWarning},
		"OKRefunded":       {func(f *fakestripe.Stripe, r string) { f.RefundInDashboard(r) }, payment.DisputeWon},
		"OKDisputed":       {func(f *fakestripe.Stripe, r string) { f.Dispute(r, 1250, false) }, payment.DisputeWon},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			at := time.Unix(1_800_000_000, 0)
			b.fake.SetClock(func() time.Time { at = at.Add(time.Second); return at })
			paid := b.paid(t, fakestripe.Visa)
			reference := b.fake.Warn(paid.Reference)
			tt.then(b.fake, paid.Reference)
			d := b.charge(t, paid).Disputes
			if len(d) == 0 || d[0].Reference != reference || d[0].Status != tt.want || d[0].Minor != 1250 || d[0].Reason != "made_with_stolen_card" || d[0].RespondBy != nil {
				t.Errorf("seen %+v", d)
			}
		})
	}
}

// Stripe keeps a warning that nobody acts on for ever. Here it ends after the time in which a dispute may follow.
func TestFraudWarningEnds(t *testing.T) {
	t.Parallel()
	made := time.Unix(1_800_000_000, 0)
	now := made
	b := setup(t, func(o *stripe.Options) { o.Clock = func() time.Time { return now } })
	b.fake.Stop(made)
	paid := b.paid(t, fakestripe.Visa)
	b.fake.Warn(paid.Reference)
	for after, want := range map[time.Duration]payment.DisputeStatus{
		0: payment.DisputeWarning, 120*24*time.Hour - time.Second: payment.DisputeWarning, 120 * 24 * time.Hour: payment.DisputeWon,
	} {
		now = made.Add(after)
		if d := b.charge(t, paid).Disputes; len(d) != 1 || d[0].Status != want {
			t.Errorf("after %s: %+v", after, d)
		}
	}
}

// A status of a later version of Stripe's is shown to staff as something that cannot be read, and a restricted key hides no dispute.
func TestSeenWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		make func(f *fakestripe.Stripe, reference string)
		more bool
	}{
		"ErrDisputeStatus": {func(f *fakestripe.Stripe, r string) { f.MoveDispute(f.Dispute(r, 1250, true), "frozen") }, true},
		"ErrNotPermitted": {func(f *fakestripe.Stripe, r string) {
			f.Dispute(r, 1250, false)
			f.Deny("listDisputes")
		}, true},
		"OKNoPermissionForRadar": {func(f *fakestripe.Stripe, r string) {
			f.Warn(r)
			f.Deny("listWarnings")
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			paid := b.paid(t, fakestripe.Visa)
			tt.make(b.fake, paid.Reference)
			if c := b.charge(t, paid); c.More != tt.more || len(c.Disputes) != 0 {
				t.Errorf("seen %+v", c)
			}
		})
	}
	t.Run("ErrListFails", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		paid := b.paid(t, fakestripe.Visa)
		b.fake.Dispute(paid.Reference, 1250, false)
		for _, operation := range []string{"listDisputes", "listWarnings"} {
			b.fake.Fail(operation, fakestripe.ServerError)
			expectUndecided(t)(b.LookUp(t.Context(), paid))
		}
	})
}

// The requests of a look-up.
func TestLookUpRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	requests := func(call payment.Call) string {
		of := func() (n [4]int) {
			for i, operation := range []string{"retrieve", "list", "listDisputes", "listWarnings"} {
				n[i] = b.fake.Calls(operation)
			}
			return n
		}
		before := of()
		b.charge(t, call)
		after := of()
		return fmt.Sprint(after[0]-before[0], after[1]-before[1], after[2]-before[2], after[3]-before[3])
	}
	held := b.authorize(t, authorization(fakestripe.Visa, payment.CaptureManual), payment.Held)
	if got := requests(held); got != "1 0 0 0" {
		t.Errorf("held: %s", got)
	}
	b.fake.CaptureInDashboard(held.Reference, 1250)
	b.fake.RefundPartInDashboard(held.Reference, 200)
	if got := requests(held); got != "1 0 0 1" {
		t.Errorf("captured and refunded: %s", got)
	}
	b.fake.Dispute(held.Reference, 100, true)
	if got := requests(held); got != "1 0 1 1" {
		t.Errorf("disputed: %s", got)
	}
	debit := b.prepare(t, authorization(fakestripe.Processing, payment.CaptureAutomatic))
	_, _ = b.Authorize(t.Context(), debit)
	b.fake.Decide(debit.Reference, true)
	if got := requests(debit); got != "1 0 0 0" {
		t.Errorf("a bank debit: %s", got)
	}
}

// Whatever we and others do to a charge in any order, a look-up sees what Stripe's ledger has.
func TestSeenIsTheLedger(t *testing.T) {
	t.Parallel()
	b := setup(t)
	did := map[string]int{}
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(9, seed)) //nolint:gosec // not for secrets
		methods := []string{fakestripe.Visa, fakestripe.PendingRefund, fakestripe.ActionRefund, fakestripe.Processing}
		captures := []payment.CaptureMethod{payment.CaptureAutomatic, payment.CaptureManual}
		call := b.prepare(t, authorization(methods[random.IntN(len(methods))], captures[random.IntN(2)]))
		_, _ = b.Authorize(t.Context(), call)
		story := []string{call.Method, string(call.Capture)}
		for range 8 {
			what := b.fake.Outside(call.Reference, random)
			if random.IntN(3) == 0 {
				what = b.ours(t, call, random)
			}
			did[what]++
			story = append(story, what)
			if problem := b.differs(t, call); problem != "" {
				t.Fatalf("seed %d, %q: %s", seed, story, problem)
			}
		}
	}
	for _, what := range []string{"capture", "run out", "pay after days", "dispute", "warn", "refund succeeded → failed", "dispute under_review → lost", "ours AlreadyRefunded", "ours InDispute"} {
		if did[what] == 0 {
			t.Errorf("never happened: %s (%v)", what, did)
		}
	}
}

// ours is something that our pipeline may do.
func (b *bundle) ours(t *testing.T, call payment.Call, random *rand.Rand) string {
	t.Helper()
	var err error
	switch random.IntN(4) {
	case 0:
		_, err = b.Capture(t.Context(), follow(call, payment.OperationCapture))
	case 1:
		_, err = b.Void(t.Context(), follow(call, payment.OperationVoid))
	default:
		refund := follow(call, payment.OperationRefund)
		refund.Amount = money.New(1+random.Int64N(1250), "EUR")
		_, err = b.Refund(t.Context(), refund)
	}
	var definite *payment.DefiniteError
	switch {
	case errors.As(err, &definite) && definite.Why == payment.AlreadyRefunded:
		return "ours AlreadyRefunded"
	case errors.As(err, &definite) && definite.Why == payment.InDispute:
		return "ours InDispute"
	default:
		return "ours"
	}
}

// differs compares what is seen of a charge with the ledger.
func (b *bundle) differs(t *testing.T, call payment.Call) string {
	t.Helper()
	i := b.ledger(t, call.Reference)
	c := b.charge(t, call)
	refunds, disputes := b.fake.RefundsOf(call.Reference), b.fake.DisputesOf(call.Reference)
	var refunded, pending, capturable int64
	for n, r := range refunds {
		want := map[string]payment.RefundStatus{
			"succeeded": payment.RefundSucceeded, "pending": payment.RefundPending, "requires_action": payment.RefundPending,
			"failed": payment.RefundFailed, "canceled": payment.RefundFailed,
		}[r.Status]
		var ours id.Refund
		if text := r.Metadata["refund"]; text != "" {
			ours, _ = id.Parse[id.Refund](text)
		}
		if n >= len(c.Refunds) || c.Refunds[n].Reference != r.ID || c.Refunds[n].Status != want || c.Refunds[n].Minor != r.Amount || c.Refunds[n].RefundID != ours {
			return fmt.Sprintf("refund %+v is seen as %+v", r, c.Refunds)
		}
		switch want {
		case payment.RefundSucceeded:
			refunded += r.Amount
		case payment.RefundPending:
			pending += r.Amount
		case payment.RefundFailed:
		}
	}
	if i.Status == "requires_capture" {
		capturable = i.Amount
	}
	switch {
	case c.Captured != i.Captured, c.Refunded != refunded, refunded+pending != i.Refunded, c.Capturable != capturable:
		return fmt.Sprintf("%+v is seen as %+v", i, c)
	case len(c.Refunds) != len(refunds), len(c.Disputes) != len(disputes), c.More:
		return fmt.Sprintf("%d refunds, %d disputes are seen as %+v", len(refunds), len(disputes), c)
	}
	var withdrawn int64
	for _, d := range c.Disputes {
		//exhaustive:ignore
		switch d.Status {
		case payment.DisputeNeedsResponse, payment.DisputeUnderReview, payment.DisputeLost:
			withdrawn += d.Minor
		}
	}
	if withdrawn != i.Disputed {
		return fmt.Sprintf("disputed %d is seen as %+v", i.Disputed, c.Disputes)
	}
	return ""
}
