package simulated_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/pgtest"
)

// done is an act with the amount it names, 0 for none.
type done struct {
	act   simulated.Act
	minor int64
}

// What others do is in the books that a look-up shows, in process and over HTTP alike, and the journal adds up.
func TestOutside(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{TimeoutHold: 1})
	const auto, manual = payment.CaptureAutomatic, payment.CaptureManual
	for name, c := range map[string]struct {
		token   string
		capture payment.CaptureMethod
		acts    []done
		outcome payment.Outcome
		code    string
		totals  payment.Totals
		// refunds and disputes that are seen: amounts and statuses.
		refunds  []payment.SeenRefund
		disputes []payment.SeenDispute
	}{
		"refunds in parts": {
			simulated.TokenApprove, auto,
			[]done{{simulated.ActRefund, 300}, {simulated.ActRefund, 0}},
			payment.Captured, "",
			payment.Totals{Captured: 1250, Refunded: 1250},
			[]payment.SeenRefund{{Minor: 300, Status: payment.RefundSucceeded}, {Minor: 950, Status: payment.RefundSucceeded}},
			nil,
		},
		"a refund that fails late": {
			simulated.TokenApprove, auto,
			[]done{{simulated.ActRefund, 300}, {simulated.ActRefundFails, 0}},
			payment.Captured, "",
			payment.Totals{Captured: 1250},
			[]payment.SeenRefund{{Minor: 300, Status: payment.RefundFailed, Code: simulated.CodeRefundReturned}},
			nil,
		},
		"a refund that waits": {
			simulated.TokenApprove, auto,
			[]done{{simulated.ActRefundPending, 300}},
			payment.Captured, "",
			payment.Totals{Captured: 1250},
			[]payment.SeenRefund{{Minor: 300, Status: payment.RefundPending}},
			nil,
		},
		"a refund that waited": {
			simulated.TokenApprove, auto,
			[]done{{simulated.ActRefundPending, 300}, {simulated.ActRefundSucceeds, 0}},
			payment.Captured, "",
			payment.Totals{Captured: 1250, Refunded: 300},
			[]payment.SeenRefund{{Minor: 300, Status: payment.RefundSucceeded}},
			nil,
		},
		"a hold that is captured": {
			simulated.TokenApprove, manual, []done{{simulated.ActCapture, 0}}, payment.Captured, "", payment.Totals{Captured: 1250}, nil, nil,
		},
		"a hold that is captured in part": {
			simulated.TokenApprove, manual, []done{{simulated.ActCapture, 800}}, payment.Captured, "", payment.Totals{Captured: 800}, nil, nil,
		},
		"a hold that is cancelled":       {simulated.TokenApprove, manual, []done{{simulated.ActCancel, 0}}, payment.Released, "", payment.Totals{}, nil, nil},
		"a hold whose time is up":        {simulated.TokenApprove, manual, []done{{simulated.ActRunOut, 0}}, payment.Released, simulated.CodeRanOut, payment.Totals{}, nil, nil},
		"an action that is cancelled":    {simulated.TokenRequiresAction, auto, []done{{simulated.ActCancel, 0}}, payment.Released, "", payment.Totals{}, nil, nil},
		"a debit that takes days":        {simulated.TokenDelayed, auto, nil, payment.Pending, "", payment.Totals{}, nil, nil},
		"a debit that is paid":           {simulated.TokenDelayed, auto, []done{{simulated.ActConfirm, 0}}, payment.Captured, "", payment.Totals{Captured: 1250}, nil, nil},
		"a debit that is held":           {simulated.TokenDelayed, manual, []done{{simulated.ActConfirm, 0}}, payment.Held, "", payment.Totals{}, nil, nil},
		"a debit that the bank refuses":  {simulated.TokenDelayed, auto, []done{{simulated.ActRefuse, 0}}, payment.Refused, simulated.CodeDebitFailed, payment.Totals{}, nil, nil},
		"a warning":                      {simulated.TokenApprove, auto, []done{{simulated.ActWarn, 0}}, payment.Captured, "", payment.Totals{Captured: 1250}, nil, []payment.SeenDispute{{Minor: 1250, Status: payment.DisputeWarning}}},
		"a warning that ends":            {simulated.TokenApprove, auto, []done{{simulated.ActWarn, 0}, {simulated.ActWin, 0}}, payment.Captured, "", payment.Totals{Captured: 1250}, nil, []payment.SeenDispute{{Minor: 1250, Status: payment.DisputeWon}}},
		"a warning that becomes serious": {simulated.TokenApprove, auto, []done{{simulated.ActWarn, 0}, {simulated.ActDispute, 0}}, payment.Captured, "", payment.Totals{Captured: 1250}, nil, []payment.SeenDispute{{Minor: 1250, Status: payment.DisputeNeedsResponse}}},
		"a dispute that is lost":         {simulated.TokenApprove, auto, []done{{simulated.ActDispute, 400}, {simulated.ActLose, 0}}, payment.Captured, "", payment.Totals{Captured: 1250}, nil, []payment.SeenDispute{{Minor: 400, Status: payment.DisputeLost}}},
		"one won and another under review": {
			simulated.TokenApprove, auto,
			[]done{{simulated.ActDispute, 400}, {simulated.ActWin, 0}, {simulated.ActDispute, 0}, {simulated.ActReview, 0}},
			payment.Captured, "",
			payment.Totals{Captured: 1250},
			nil,
			[]payment.SeenDispute{{Minor: 400, Status: payment.DisputeWon}, {Minor: 1250, Status: payment.DisputeUnderReview}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call := newCall(c.token, c.capture)
			if _, err := b.provider.Authorize(t.Context(), call); err != nil {
				t.Fatal(err)
			}
			for i, d := range c.acts {
				at := []interface {
					Outside(ctx context.Context, o simulated.Outside) (*payment.SeenCharge, error)
				}{b.provider, b.client}[i%2]
				if _, err := at.Outside(t.Context(), simulated.Outside{PaymentID: call.PaymentID, Act: d.act, Minor: d.minor}); err != nil {
					t.Fatalf("%s: %v", d.act, err)
				}
			}
			for where, g := range map[string]payment.Gateway{"in process": b.provider, "over HTTP": b.client} {
				r, err := g.LookUp(t.Context(), call)
				if err != nil || r.Charge == nil {
					t.Fatalf("%s: %+v, %v", where, r, err)
				}
				seen := r.Charge
				if r.Outcome != c.outcome || r.Code != c.code || r.RanOut != (c.code == simulated.CodeRanOut) || seen.Totals != c.totals || seen.More {
					t.Errorf("%s: %+v, %+v, want %s %q with %+v", where, r, seen, c.outcome, c.code, c.totals)
				}
				if held := seen.Capturable == 1250; held != (c.outcome == payment.Held) {
					t.Errorf("%s: %d can be captured", where, seen.Capturable)
				}
				if !slices.EqualFunc(seen.Refunds, c.refunds, func(got, want payment.SeenRefund) bool {
					return got.Minor == want.Minor && got.Status == want.Status && got.Code == want.Code && got.RefundID.IsNil() && got.Reference != "" && !got.CreatedAt.IsZero()
				}) {
					t.Errorf("%s: the refunds are %+v", where, seen.Refunds)
				}
				if !slices.EqualFunc(seen.Disputes, c.disputes, func(got, want payment.SeenDispute) bool {
					return got.Minor == want.Minor && got.Status == want.Status && got.Reason != "" && got.Reference != "" && !got.CreatedAt.IsZero() &&
						(got.RespondBy != nil) == (got.Status == payment.DisputeNeedsResponse)
				}) {
					t.Errorf("%s: the disputes are %+v", where, seen.Disputes)
				}
			}
		})
	}
	t.Cleanup(func() { mustAuditAfter(t, b) })
}

// mustAuditAfter audits when the test's own context has ended.
func mustAuditAfter(t *testing.T, b bundle) {
	t.Helper()
	found, err := b.provider.Audit(context.WithoutCancel(t.Context()))
	if err != nil || len(found) > 0 {
		t.Errorf("audit found %+v, %v", found, err)
	}
}

// What does not fit the charge is refused, and changes nothing.
func TestOutsideErr(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	for name, c := range map[string]struct {
		token   string
		capture payment.CaptureMethod
		before  []simulated.Act
		do      simulated.Outside
		code    string
	}{
		"an unknown act":               {simulated.TokenApprove, payment.CaptureAutomatic, nil, simulated.Outside{Act: "steal"}, simulated.CodeRequestInvalid},
		"a negative amount":            {simulated.TokenApprove, payment.CaptureAutomatic, nil, simulated.Outside{Act: simulated.ActRefund, Minor: -1}, simulated.CodeRequestInvalid},
		"a refund of too much":         {simulated.TokenApprove, payment.CaptureAutomatic, nil, simulated.Outside{Act: simulated.ActRefund, Minor: 1251}, simulated.CodeNotPossible},
		"a refund of nothing":          {simulated.TokenDecline, payment.CaptureAutomatic, nil, simulated.Outside{Act: simulated.ActRefund}, simulated.CodeNotPossible},
		"a refund twice":               {simulated.TokenApprove, payment.CaptureAutomatic, []simulated.Act{simulated.ActRefund}, simulated.Outside{Act: simulated.ActRefund}, simulated.CodeNotPossible},
		"a refund in a dispute":        {simulated.TokenApprove, payment.CaptureAutomatic, []simulated.Act{simulated.ActDispute}, simulated.Outside{Act: simulated.ActRefund, Minor: 1}, simulated.CodeNotPossible},
		"a failed refund fails":        {simulated.TokenApprove, payment.CaptureAutomatic, []simulated.Act{simulated.ActRefund, simulated.ActRefundFails}, simulated.Outside{Act: simulated.ActRefundFails}, simulated.CodeNotPossible},
		"another refund":               {simulated.TokenApprove, payment.CaptureAutomatic, []simulated.Act{simulated.ActRefund}, simulated.Outside{Act: simulated.ActRefundFails, Of: "sim_re_"}, simulated.CodeNotPossible},
		"a capture of too much":        {simulated.TokenApprove, payment.CaptureManual, nil, simulated.Outside{Act: simulated.ActCapture, Minor: 1251}, simulated.CodeNotPossible},
		"a capture of what is":         {simulated.TokenApprove, payment.CaptureAutomatic, nil, simulated.Outside{Act: simulated.ActCapture}, simulated.CodeNotPossible},
		"a cancel of what is":          {simulated.TokenApprove, payment.CaptureAutomatic, nil, simulated.Outside{Act: simulated.ActCancel}, simulated.CodeNotPossible},
		"a cancel of a debit":          {simulated.TokenDelayed, payment.CaptureAutomatic, nil, simulated.Outside{Act: simulated.ActCancel}, simulated.CodeNotPossible},
		"a decision about a card":      {simulated.TokenApprove, payment.CaptureManual, nil, simulated.Outside{Act: simulated.ActConfirm}, simulated.CodeNotPossible},
		"a dispute of what is held":    {simulated.TokenApprove, payment.CaptureManual, nil, simulated.Outside{Act: simulated.ActDispute}, simulated.CodeNotPossible},
		"a dispute of what is back":    {simulated.TokenApprove, payment.CaptureAutomatic, []simulated.Act{simulated.ActRefund}, simulated.Outside{Act: simulated.ActDispute}, simulated.CodeNotPossible},
		"a decision without a dispute": {simulated.TokenApprove, payment.CaptureAutomatic, nil, simulated.Outside{Act: simulated.ActLose}, simulated.CodeNotPossible},
		"a warning that is lost":       {simulated.TokenApprove, payment.CaptureAutomatic, []simulated.Act{simulated.ActWarn}, simulated.Outside{Act: simulated.ActLose}, simulated.CodeNotPossible},
		"a lost dispute that is won":   {simulated.TokenApprove, payment.CaptureAutomatic, []simulated.Act{simulated.ActDispute, simulated.ActLose}, simulated.Outside{Act: simulated.ActWin}, simulated.CodeNotPossible},
	} {
		t.Run("Err "+name, func(t *testing.T) {
			t.Parallel()
			call := newCall(c.token, c.capture)
			if _, err := b.provider.Authorize(t.Context(), call); err != nil {
				t.Fatal(err)
			}
			for _, act := range c.before {
				if _, err := b.provider.Outside(t.Context(), simulated.Outside{PaymentID: call.PaymentID, Act: act}); err != nil {
					t.Fatal(err)
				}
			}
			before, _ := b.provider.LookUp(t.Context(), call)
			c.do.PaymentID = call.PaymentID
			for where, act := range map[string]func(context.Context, simulated.Outside) (*payment.SeenCharge, error){"in process": b.provider.Outside, "over HTTP": b.client.Outside} {
				_, err := act(t.Context(), c.do)
				if refused, ok := errors.AsType[*simulated.RejectedError](err); !ok || refused.Code != c.code {
					t.Errorf("%s: %v, want %s", where, err, c.code)
				}
			}
			after, err := b.provider.LookUp(t.Context(), call)
			if err != nil || after.Outcome != before.Outcome || after.Charge.Totals != before.Charge.Totals || len(after.Charge.Disputes) != len(before.Charge.Disputes) {
				t.Errorf("it changed from %+v to %+v, %v", before, after, err)
			}
		})
	}
	_, err := b.provider.Outside(t.Context(), simulated.Outside{PaymentID: id.New[id.Payment](), Act: simulated.ActRefund})
	if refused, ok := errors.AsType[*simulated.RejectedError](err); !ok || refused.Code != simulated.CodeChargeNotFound {
		t.Errorf("a payment that is not there: %v", err)
	}
}

// Our own calls meet what others did: a part that is captured, a hold that is gone, a dispute, a refund that is made already.
func TestCallsAfterOutside(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{TimeoutHold: 1})
	type answer struct {
		outcome  payment.Outcome
		captured int64
		ranOut   bool
		why      payment.RefusalReason
	}
	for name, c := range map[string]struct {
		token   string
		capture payment.CaptureMethod
		act     simulated.Outside
		call    payment.Operation
		want    answer
	}{
		"a capture after a part":          {simulated.TokenApprove, payment.CaptureManual, simulated.Outside{Act: simulated.ActCapture, Minor: 800}, payment.OperationCapture, answer{outcome: payment.Captured, captured: 800}},
		"a void after a part":             {simulated.TokenApprove, payment.CaptureManual, simulated.Outside{Act: simulated.ActCapture, Minor: 800}, payment.OperationVoid, answer{outcome: payment.Captured, captured: 800}},
		"a capture after a cancel":        {simulated.TokenApprove, payment.CaptureManual, simulated.Outside{Act: simulated.ActCancel}, payment.OperationCapture, answer{outcome: payment.Released}},
		"a capture after its time":        {simulated.TokenApprove, payment.CaptureManual, simulated.Outside{Act: simulated.ActRunOut}, payment.OperationCapture, answer{outcome: payment.Released, ranOut: true}},
		"a refund after a part":           {simulated.TokenApprove, payment.CaptureAutomatic, simulated.Outside{Act: simulated.ActRefund, Minor: 1}, payment.OperationRefund, answer{why: payment.AlreadyRefunded}},
		"a refund during another":         {simulated.TokenApprove, payment.CaptureAutomatic, simulated.Outside{Act: simulated.ActRefundPending, Minor: 1}, payment.OperationRefund, answer{why: payment.AlreadyRefunded}},
		"a refund during a dispute":       {simulated.TokenApprove, payment.CaptureAutomatic, simulated.Outside{Act: simulated.ActDispute, Minor: 1}, payment.OperationRefund, answer{why: payment.InDispute}},
		"a refund during a warning":       {simulated.TokenApprove, payment.CaptureAutomatic, simulated.Outside{Act: simulated.ActWarn}, payment.OperationRefund, answer{outcome: payment.Refunded}},
		"a refund of a debit":             {simulated.TokenDelayed, payment.CaptureAutomatic, simulated.Outside{Act: simulated.ActConfirm}, payment.OperationRefund, answer{outcome: payment.Pending}},
		"a void of a debit":               {simulated.TokenDelayed, payment.CaptureAutomatic, simulated.Outside{}, payment.OperationVoid, answer{outcome: payment.Pending}},
		"a capture of a debit":            {simulated.TokenDelayed, payment.CaptureManual, simulated.Outside{}, payment.OperationCapture, answer{outcome: payment.Refused}},
		"a void of a debit that was paid": {simulated.TokenDelayed, payment.CaptureAutomatic, simulated.Outside{Act: simulated.ActConfirm}, payment.OperationVoid, answer{outcome: payment.Captured, captured: 1250}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call := newCall(c.token, c.capture)
			if _, err := b.provider.Authorize(t.Context(), call); err != nil {
				t.Fatal(err)
			}
			if c.act.PaymentID = call.PaymentID; c.act.Act != "" {
				if _, err := b.provider.Outside(t.Context(), c.act); err != nil {
					t.Fatal(err)
				}
			}
			next := on(call, c.call)
			if c.call == payment.OperationRefund {
				next.RefundID = id.New[id.Refund]()
			}
			do := map[payment.Operation][]func(context.Context, payment.Call) (payment.Result, error){
				payment.OperationCapture: {b.provider.Capture, b.client.Capture}, payment.OperationVoid: {b.provider.Void, b.client.Void},
				payment.OperationRefund: {b.provider.Refund, b.client.Refund},
			}[c.call]
			// The same is answered again, and by a look-up.
			for _, ask := range append(do, b.provider.LookUp, b.client.LookUp) {
				r, err := ask(t.Context(), next)
				got := answer{outcome: r.Outcome, ranOut: r.RanOut}
				if r.Captured != nil {
					got.captured = *r.Captured
				}
				if definite, ok := errors.AsType[*payment.DefiniteError](err); ok {
					got.why = definite.Why
				} else if err != nil {
					t.Fatal(err)
				}
				if got != c.want {
					t.Errorf("%+v, want %+v", got, c.want)
				}
			}
		})
	}
}

// A void that comes while the bank decides is answered by its decision. What can be released then is released by another void.
func TestDelayedVoid(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	for act, want := range map[simulated.Act]payment.Outcome{simulated.ActConfirm: payment.Captured, simulated.ActRefuse: payment.NotFound} {
		call := newCall(simulated.TokenDelayed, payment.CaptureAutomatic)
		void := on(call, payment.OperationVoid)
		_, err := b.provider.Authorize(t.Context(), call)
		if err == nil {
			_, err = b.provider.Void(t.Context(), void)
		}
		if err == nil {
			_, err = b.provider.Outside(t.Context(), simulated.Outside{PaymentID: call.PaymentID, Act: act})
		}
		if err != nil {
			t.Fatal(err)
		}
		r, err := b.provider.LookUp(t.Context(), void)
		if err != nil || r.Outcome != want || want == payment.Captured && *r.Captured != 1250 {
			t.Errorf("after %s: %+v, %v, want %s", act, r, err, want)
		}
		again, err := b.provider.Void(t.Context(), on(call, payment.OperationVoid))
		if released := want == payment.NotFound; err != nil || released != (again.Outcome == payment.Released) {
			t.Errorf("another void after %s: %+v, %v", act, again, err)
		}
	}
}

// The refund of a debit is decided by the bank, and the look-up of our call tells.
func TestDelayedRefund(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	for act, want := range map[simulated.Act]payment.Outcome{simulated.ActRefundSucceeds: payment.Refunded, simulated.ActRefundFails: payment.Refused} {
		call := newCall(simulated.TokenDelayed, payment.CaptureAutomatic)
		refund := on(call, payment.OperationRefund)
		refund.RefundID, refund.Amount.Minor = id.New[id.Refund](), 400
		_, err := b.provider.Authorize(t.Context(), call)
		if err == nil {
			_, err = b.provider.Outside(t.Context(), simulated.Outside{PaymentID: call.PaymentID, Act: simulated.ActConfirm})
		}
		if err == nil {
			_, err = b.provider.Refund(t.Context(), refund)
		}
		var seen *payment.SeenCharge
		if err == nil {
			seen, err = b.provider.Outside(t.Context(), simulated.Outside{PaymentID: call.PaymentID, Act: act})
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(seen.Refunds) != 1 || seen.Refunds[0].RefundID != refund.RefundID {
			t.Errorf("the refund is not known as ours: %+v", seen.Refunds)
		}
		if r, err := b.provider.LookUp(t.Context(), refund); err != nil || r.Outcome != want {
			t.Errorf("after %s: %+v, %v, want %s", act, r, err, want)
		}
		if again, err := b.provider.Refund(t.Context(), refund); err != nil || again.Outcome != payment.Pending {
			t.Errorf("the key's own answer is now %+v, %v", again, err)
		}
		if got := balance(t, b.provider, call.PaymentID).Refunded; got != map[payment.Outcome]int64{payment.Refunded: 400}[want] {
			t.Errorf("after %s %d are refunded", act, got)
		}
	}
	mustAudit(t, b.provider)
}

// Each act sends its webhook, with the settings that send only what no answer tells.
func TestOutsideWebhooks(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	b := setup(t, simulated.Options{})
	p := b.another(t, to(r.URL, simulated.WebhooksOfActions, simulated.Chaos{}))
	want := []simulated.EventType{}
	for _, c := range []struct {
		token   string
		capture payment.CaptureMethod
		acts    []simulated.Act
		events  []simulated.EventType
	}{
		{
			simulated.TokenApprove, payment.CaptureAutomatic,
			[]simulated.Act{simulated.ActWarn, simulated.ActDispute, simulated.ActReview, simulated.ActWin, simulated.ActRefundPending, simulated.ActRefundSucceeds, simulated.ActRefundFails},
			[]simulated.EventType{
				simulated.EventDisputeOpened, simulated.EventDisputeUpdated, simulated.EventDisputeUpdated, simulated.EventDisputeClosed,
				simulated.EventRefundPending, simulated.EventRefunded, simulated.EventRefundFailed,
			},
		},
		{simulated.TokenApprove, payment.CaptureManual, []simulated.Act{simulated.ActCapture}, []simulated.EventType{simulated.EventCaptured}},
		{simulated.TokenApprove, payment.CaptureManual, []simulated.Act{simulated.ActRunOut}, []simulated.EventType{simulated.EventReleased}},
		{simulated.TokenDelayed, payment.CaptureAutomatic, []simulated.Act{simulated.ActRefuse}, []simulated.EventType{simulated.EventRefused}},
	} {
		call := newCall(c.token, c.capture)
		if _, err := p.Authorize(t.Context(), call); err != nil {
			t.Fatal(err)
		}
		for _, act := range c.acts {
			if _, err := p.Outside(t.Context(), simulated.Outside{PaymentID: call.PaymentID, Act: act}); err != nil {
				t.Fatalf("%s: %v", act, err)
			}
		}
		want = append(want, c.events...)
	}
	send(t, p)
	got := types(r.wait(t, len(want)))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A ledger of before keeps its refunds, as rows now.
func TestMigrateRefunds(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.New(t, pgtest.Template{}))
	up := func(name string) string {
		text, err := os.ReadFile("migrations/" + name)
		if err != nil {
			t.Fatal(err)
		}
		before, _, _ := strings.Cut(string(text), "-- +goose Down")
		return before
	}
	call := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
	refund := on(call, payment.OperationRefund)
	refund.RefundID = id.New[id.Refund]()
	for _, statement := range []string{
		"CREATE SCHEMA simulated", up("00001_ledger.sql"), up("00002_webhooks.sql"), up("00003_charges.sql"),
		"INSERT INTO simulated.payments (payment_id, order_id) VALUES ('" + call.PaymentID.String() + "', '" + call.OrderID.String() + "')",
		"INSERT INTO simulated.operations (key, operation, payment_id, refund_id, fingerprint, outcome, charge, decided_call) VALUES " +
			"('" + call.Key.String() + "', 'AUTHORIZE', '" + call.PaymentID.String() + "', NULL, sha256(''), 'CAPTURED', 'sim_ch_1', 1), " +
			"('" + refund.Key.String() + "', 'REFUND', '" + call.PaymentID.String() + "', '" + refund.RefundID.String() + "', sha256(''), 'REFUNDED', 'sim_ch_1', 1)",
		"INSERT INTO simulated.charges (reference, operation_key, payment_id, order_id, amount, currency, capture_method, method, status, captured, refunded) VALUES " +
			"('sim_ch_1', '" + call.Key.String() + "', '" + call.PaymentID.String() + "', '" + call.OrderID.String() + "', 1250, 'EUR', 'AUTOMATIC', 'sim_approve', 'CAPTURED', 1250, 300)",
		"INSERT INTO simulated.entries (charge, operation_key, kind, amount) VALUES ('sim_ch_1', '" + call.Key.String() + "', 'CAPTURE', 1250), ('sim_ch_1', '" + refund.Key.String() + "', 'REFUND', 300)",
		up("00004_outside.sql"),
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%v in %.80s", err, statement)
		}
	}
	provider, err := simulated.New(db, simulated.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Close() }) // its database ends with it
	r, err := provider.LookUp(t.Context(), call)
	if err != nil || len(r.Charge.Refunds) != 1 || r.Charge.Refunds[0].RefundID != refund.RefundID || r.Charge.Refunds[0].Minor != 300 {
		t.Errorf("%+v with %+v, %v", r, r.Charge, err)
	}
	if r, err := provider.LookUp(t.Context(), refund); err != nil || r.Outcome != payment.Refunded {
		t.Errorf("the refund is %+v, %v", r, err)
	}
	mustAudit(t, provider)
}
