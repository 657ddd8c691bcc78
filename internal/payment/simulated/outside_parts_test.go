package simulated_test

import (
	"errors"
	"testing"

	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// A charge of 12.50 of which 5.00 is captured and 7.50 still held: what others do to either part leaves the other as it is.
func TestOutsideAfterPart(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	type done struct {
		act   simulated.Act
		minor int64
	}
	type money struct{ captured, refunded, capturable, left int64 }
	for name, c := range map[string]struct {
		acts    []done
		outcome payment.Outcome
		want    money
		// refused: the last act does not fit.
		refused bool
	}{
		"a capture of all that is held": {[]done{{simulated.ActCapture, 0}}, payment.Captured, money{1250, 0, 0, 1250}, false},
		"another part":                  {[]done{{simulated.ActCapture, 300}}, payment.Captured, money{800, 0, 0, 800}, false},
		"more than is held":             {[]done{{simulated.ActCapture, 751}}, payment.Held, money{500, 0, 750, 500}, true},
		"a cancel":                      {[]done{{simulated.ActCancel, 0}}, payment.Captured, money{500, 0, 0, 500}, false},
		"a cancel twice":                {[]done{{simulated.ActCancel, 0}, {simulated.ActCancel, 0}}, payment.Captured, money{500, 0, 0, 500}, true},
		"a hold whose time is up":       {[]done{{simulated.ActRunOut, 0}}, payment.Captured, money{500, 0, 0, 500}, false},
		"a refund":                      {[]done{{simulated.ActRefund, 200}}, payment.Held, money{500, 200, 750, 300}, false},
		"a refund of what is held":      {[]done{{simulated.ActRefund, 501}}, payment.Held, money{500, 0, 750, 500}, true},
		"a refund that waits":           {[]done{{simulated.ActRefundPending, 0}}, payment.Held, money{500, 0, 750, 0}, false},
		"a refund that fails late":      {[]done{{simulated.ActRefund, 0}, {simulated.ActRefundFails, 0}}, payment.Held, money{500, 0, 750, 500}, false},
		"a refund, then a capture":      {[]done{{simulated.ActRefund, 0}, {simulated.ActCapture, 0}}, payment.Captured, money{1250, 500, 0, 750}, false},
		"a warning":                     {[]done{{simulated.ActWarn, 0}}, payment.Held, money{500, 0, 750, 500}, false},
		"a dispute":                     {[]done{{simulated.ActDispute, 0}}, payment.Held, money{500, 0, 750, 0}, false},
		"a dispute of what is held":     {[]done{{simulated.ActDispute, 501}}, payment.Held, money{500, 0, 750, 500}, true},
		"a dispute that is lost":        {[]done{{simulated.ActDispute, 400}, {simulated.ActLose, 0}}, payment.Held, money{500, 0, 750, 100}, false},
		"a dispute that is won":         {[]done{{simulated.ActDispute, 0}, {simulated.ActReview, 0}, {simulated.ActWin, 0}}, payment.Held, money{500, 0, 750, 500}, false},
		"a lost dispute, then a cancel": {[]done{{simulated.ActDispute, 0}, {simulated.ActLose, 0}, {simulated.ActCancel, 0}}, payment.Captured, money{500, 0, 0, 0}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call := newCall(simulated.TokenApprove, payment.CaptureManual)
			if _, err := b.provider.Authorize(t.Context(), call); err != nil {
				t.Fatal(err)
			}
			part := on(call, payment.OperationCapture)
			part.Amount.Minor = 500
			if r, err := b.client.Capture(t.Context(), part); err != nil || r.Outcome != payment.Captured || *r.Captured != 500 {
				t.Fatalf("the part: %+v, %v", r, err)
			}
			for i, d := range c.acts {
				_, err := b.client.Outside(t.Context(), simulated.Outside{PaymentID: call.PaymentID, Act: d.act, Minor: d.minor})
				_, refused := errors.AsType[*simulated.RejectedError](err)
				if refused != (c.refused && i == len(c.acts)-1) || err != nil && !refused {
					t.Fatalf("%s: %v", d.act, err)
				}
			}
			for where, g := range map[string]payment.Gateway{"in process": b.provider, "over HTTP": b.client} {
				r, err := g.LookUp(t.Context(), call)
				if err != nil || r.Charge == nil {
					t.Fatalf("%s: %+v, %v", where, r, err)
				}
				seen := money{r.Charge.Captured, r.Charge.Refunded, r.Charge.Capturable, c.want.left}
				if r.Outcome != c.outcome || r.Code != "" || r.RanOut || seen != c.want {
					t.Errorf("%s: %+v with %+v, want %s with %+v", where, r, seen, c.outcome, c.want)
				}
			}
			// All that is left can be given back, and no more.
			refund := on(call, payment.OperationRefund)
			refund.Amount.Minor = c.want.left + 1
			if _, err := b.provider.Refund(t.Context(), refund); err == nil {
				t.Errorf("%d are refunded", refund.Amount.Minor)
			}
			disputed := name == "a dispute"
			if refund = on(call, payment.OperationRefund); c.want.left > 0 && !disputed {
				refund.Amount.Minor = c.want.left
				if r, err := b.provider.Refund(t.Context(), refund); err != nil || r.Outcome != payment.Refunded {
					t.Errorf("a refund of %d: %+v, %v", refund.Amount.Minor, r, err)
				}
			}
			// What is still held can be captured, or is released by a void.
			void := on(call, payment.OperationVoid)
			want := payment.Released
			if c.outcome == payment.Captured {
				want = payment.Captured
			}
			if r, err := b.provider.Void(t.Context(), void); err != nil || r.Outcome != want || r.Captured == nil || *r.Captured != c.want.captured {
				t.Errorf("a void: %+v, %v", r, err)
			}
		})
	}
	t.Cleanup(func() { mustAuditAfter(t, b) })
}
