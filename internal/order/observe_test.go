package order_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/fsm"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// paid is a walker whose order is paid.
func paid(t *testing.T) *walker {
	t.Helper()
	w := newWalker(t, payment.CaptureAutomatic)
	w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
	return w
}

// charge is one of 1000 with these refunds. Their references are their places in the list.
func charge(refunds ...payment.SeenRefund) *payment.SeenCharge {
	seen := books(1000, 0)
	for i, r := range refunds {
		if r.Reference == "" {
			r.Reference = fmt.Sprint("re_", i)
		}
		if r.Status == payment.RefundSucceeded {
			seen.Refunded += r.Minor
		}
		seen.Refunds = append(seen.Refunds, r)
	}
	return seen
}

func seenRefund(of id.Refund, minor int64, status payment.RefundStatus) payment.SeenRefund {
	return payment.SeenRefund{RefundID: of, Minor: minor, Status: status}
}

func seenDispute(minor int64, status payment.DisputeStatus) payment.SeenDispute {
	return payment.SeenDispute{Reference: "dp_1", Minor: minor, Status: status}
}

// sees looks at a captured charge.
func (w *walker) sees(charge *payment.SeenCharge) {
	w.Helper()
	w.look(payment.Result{Outcome: payment.Captured, Charge: charge}, nil)
}

func (w *walker) refund(minor int64) id.Refund {
	w.Helper()
	refundID, err := w.o.Refund(w.cause(), minor, nil, nil)
	if err != nil {
		w.Fatal(err)
	}
	return refundID
}

func (w *walker) attention() payment.Attention {
	if p := w.o.Payment(); p.Attention != nil {
		return *p.Attention
	}
	return ""
}

// eventsAfter are the types of the events after the first n.
func (w *walker) eventsAfter(n int) (types []order.EventType) {
	for _, e := range w.o.Events()[n:] {
		types = append(types, e.Type)
	}
	return types
}

// A webhook during a refund that its bank takes days for leads to a look at the charge all the same: it may tell of a dispute.
func TestRecheckDuringARefund(t *testing.T) {
	t.Parallel()
	t.Run("OKAccepted", func(t *testing.T) {
		t.Parallel()
		w := paid(t)
		r := w.refund(300)
		w.answer(w.call(payment.OperationRefund), payment.Pending, nil)
		seen := charge(seenRefund(r, 300, payment.RefundPending))
		seen.Disputes = []payment.SeenDispute{seenDispute(700, payment.DisputeNeedsResponse)}
		w.sees(seen)
		if w.o.Disputed != 700 || w.attention() != payment.Disputed {
			t.Errorf("%+v", w.o.State)
		}
		// The dispute is watched until it is decided, and so is the refund.
		for range 200 {
			work := w.next()
			if work == nil {
				continue
			}
			if work.Call.Operation == payment.OperationAuthorize {
				return
			}
			w.answer(work, payment.Pending, nil)
		}
		t.Error("nobody looks at the charge any more")
	})
	t.Run("OKNotListed", func(t *testing.T) {
		t.Parallel()
		w := paid(t)
		w.refund(300)
		key := w.call(payment.OperationRefund)
		w.answer(key, "", errTimeout)
		w.sees(charge())
		if work := w.next(); work == nil || work.Call.Key != key.Call.Key || !work.LookUpFirst {
			t.Fatalf("due is %+v, want a look-up of the refund", work)
		}
	})
}

// A refund of ours that its bank refuses is tried again by another refund at the provider. The first one's failure is not that of the
// second.
func TestRefundOfTwoTries(t *testing.T) {
	t.Parallel()
	t.Run("OKSeenAfterwards", func(t *testing.T) {
		t.Parallel()
		w := paid(t)
		w.cancel()
		r := w.o.Refunds()[0].ID
		first := w.call(payment.OperationRefund)
		w.answer(first, payment.Pending, nil)
		w.sees(charge(seenRefund(r, 1000, payment.RefundPending)))
		failed := w.call(payment.OperationRefund)
		w.answer(failed, payment.Refused, nil)
		second := w.call(payment.OperationRefund)
		if second.Call.Key == first.Call.Key {
			t.Fatal("it is tried again with the key of the refund that failed")
		}
		w.answer(second, payment.Refunded, nil)
		before := len(w.o.Events())
		w.sees(charge(seenRefund(r, 1000, payment.RefundFailed), seenRefund(r, 1000, payment.RefundSucceeded)))
		if got := w.eventsAfter(before); got != nil || w.attention() != "" || w.o.Status != order.Cancelled {
			t.Errorf("%v, attention %q, %s", got, w.attention(), w.o.Status)
		}
	})
	t.Run("OKSeenBetween", func(t *testing.T) {
		t.Parallel()
		w := paid(t)
		w.cancel()
		r := w.o.Refunds()[0].ID
		w.answer(w.call(payment.OperationRefund), payment.Pending, nil)
		w.sees(charge(seenRefund(r, 1000, payment.RefundPending)))
		w.answer(w.call(payment.OperationRefund), payment.Refused, nil)
		second := w.call(payment.OperationRefund)
		w.answer(second, "", errTimeout) // made, and the answer is lost
		w.sees(charge(seenRefund(r, 1000, payment.RefundFailed)))
		if again := w.call(payment.OperationRefund); again.Call.Key != second.Call.Key {
			t.Error("a refund that may have been made is made again with another key")
		}
	})
	t.Run("OKReversedOnce", func(t *testing.T) {
		t.Parallel()
		w := paid(t)
		r := w.refund(400)
		w.answer(w.call(payment.OperationRefund), payment.Refunded, nil)
		failed := charge(seenRefund(r, 400, payment.RefundFailed))
		w.sees(failed)
		if w.attention() != payment.RefundReversed || w.o.Refunded != 0 || w.o.Refundable() != 1000 {
			t.Fatalf("attention %q, %+v", w.attention(), w.o.State)
		}
		again := w.refund(400)
		w.answer(w.call(payment.OperationRefund), payment.Refunded, nil)
		before := len(w.o.Events())
		w.sees(charge(failed.Refunds[0], seenRefund(again, 400, payment.RefundFailed)))
		w.sees(charge(failed.Refunds[0], seenRefund(again, 400, payment.RefundFailed)))
		if got := w.eventsAfter(before); !slices.Equal(got, []order.EventType{order.RefundFailed}) || w.o.Refundable() != 1000 {
			t.Errorf("%v, %d refundable", got, w.o.Refundable())
		}
	})
}

// An earlier version made a new refund for each try. An order that it left CANCELLING, with hundreds of them, ends once the refund that was
// made at the provider is seen.
func TestCancellingOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	w := paid(t)
	w.cancel()
	p := w.o.Payment()
	pending := p.Refunds[0]
	p.Refunds = nil
	for range 300 {
		p.Refunds = append(p.Refunds, payment.Refund{ID: id.New[id.Refund](), OrderID: p.OrderID, PaymentID: p.ID, Amount: pending.Amount, Status: payment.RefundFailed})
	}
	pending.Origin = ""
	p.Refunds = append(p.Refunds, pending)
	down := payment.ProviderDown
	p.Attention = &down
	w.take(w.call(payment.OperationRefund), payment.Result{}, &payment.DefiniteError{Message: "charge_already_refunded", Why: payment.AlreadyRefunded})
	w.sees(charge(seenRefund(id.Refund{}, 1000, payment.RefundSucceeded)))
	if w.o.Status != order.Cancelled || w.attention() != "" || w.o.Refunded != 1000 || w.o.RefundPending != 0 {
		t.Errorf("%s, attention %q, refunded %d, pending %d", w.o.Status, w.attention(), w.o.Refunded, w.o.RefundPending)
	}
	w.quiet()
}

// One refund is booked once, also if a provider's list has it twice.
func TestRefundListedTwice(t *testing.T) {
	t.Parallel()
	w := paid(t)
	seen := charge(seenRefund(id.Refund{}, 300, payment.RefundSucceeded))
	seen.Refunds = append(seen.Refunds, seen.Refunds[0])
	w.sees(seen)
	if n := len(w.o.Refunds()); n != 1 || w.o.Refunded != 300 || w.attention() != "" {
		t.Errorf("%d refunds, refunded %d, attention %q", n, w.o.Refunded, w.attention())
	}
}

// What is left of a refund that staff asked for is theirs to refund, also of one from before origins were kept.
func TestOutsideRefundEndsOurs(t *testing.T) {
	t.Parallel()
	for name, origin := range map[string]payment.RefundOrigin{"OKOfStaff": payment.RefundOfStaff, "OKOfAnEarlierVersion": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := paid(t)
			w.refund(300)
			w.o.Payment().Refunds[0].Origin = origin
			w.answer(w.call(payment.OperationRefund), "", errTimeout)
			w.sees(charge(seenRefund(id.Refund{}, 800, payment.RefundSucceeded)))
			if n := len(w.o.Refunds()); n != 2 || w.o.RefundPending != 0 || w.o.Refunded != 800 || w.o.Refundable() != 200 || w.attention() != "" {
				t.Errorf("%d refunds, %+v", n, w.o.State)
			}
			w.quiet()
		})
	}
	t.Run("OKOfACancel", func(t *testing.T) {
		t.Parallel()
		w := paid(t)
		w.cancel()
		w.answer(w.call(payment.OperationRefund), "", errTimeout)
		w.sees(charge(seenRefund(id.Refund{}, 800, payment.RefundSucceeded)))
		if w.o.RefundPending != 200 {
			t.Fatalf("%+v", w.o.State)
		}
		work := w.call(payment.OperationRefund)
		if work.Call.Amount.Minor != 200 {
			t.Errorf("it refunds %d", work.Call.Amount.Minor)
		}
		w.answer(work, payment.Refunded, nil)
		if w.o.Status != order.Cancelled {
			t.Errorf("%+v", w.o.State)
		}
	})
}

// The books take no more than the database's rules allow, whatever a provider tells. The rest is for staff.
func TestBooksHaveBounds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]*payment.SeenCharge{
		"OKCapturedTooMuch": books(1500, 0),
		"OKRefundedTooMuch": charge(seenRefund(id.Refund{}, 900, payment.RefundSucceeded), seenRefund(id.Refund{}, 600, payment.RefundSucceeded)),
		"OKManyRefunds":     charge(slices.Repeat([]payment.SeenRefund{seenRefund(id.Refund{}, 1, payment.RefundSucceeded)}, 51)...),
		"OKManyDisputes":    {Totals: books(1000, 0).Totals, Disputes: manyDisputes(21)},
		"OKMore":            {Totals: books(1000, 0).Totals, More: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWalker(t, payment.CaptureManual)
			w.answer(w.call(payment.OperationAuthorize), payment.Held, nil)
			w.sees(tt)
			p := w.o.Payment()
			if p.Captured > p.Amount.Minor || p.Refunded > p.Captured || len(p.Refunds) > payment.MaxRefunds || len(p.Disputes) > payment.MaxDisputes || w.o.Refundable() < 0 {
				t.Errorf("captured %d, refunded %d, %d refunds, %d disputes", p.Captured, p.Refunded, len(p.Refunds), len(p.Disputes))
			}
			if w.attention() != payment.Mismatch {
				t.Errorf("attention %q", w.attention())
			}
			before := len(w.o.Events())
			w.sees(tt)
			if got := w.eventsAfter(before); got != nil {
				t.Errorf("looking again added %v", got)
			}
		})
	}
}

func manyDisputes(n int) (disputes []payment.SeenDispute) {
	for i := range n {
		disputes = append(disputes, payment.SeenDispute{Reference: fmt.Sprint("dp_", i), Minor: 10, Status: payment.DisputeWon})
	}
	return disputes
}

// Staff can have a refund tried again that was refused too often to be tried by itself.
func TestRefundRefusedTooOften(t *testing.T) {
	t.Parallel()
	w := paid(t)
	w.cancel()
	began, tries := w.now, 0
	for ; w.o.DueAt() != nil; tries++ {
		w.answer(w.call(payment.OperationRefund), payment.Refused, nil)
	}
	if days := w.now.Sub(began).Hours() / 24; tries != 60 || days < 7 || days > 14 || w.attention() != payment.ProviderDown || w.o.Status != order.Cancelling {
		t.Fatalf("%d tries in %.1f days, attention %q, %s", tries, days, w.attention(), w.o.Status)
	}
	w.resolve(payment.Recheck)
	look := w.next()
	if look == nil || !look.LookUpOnly || look.Call.Operation != payment.OperationAuthorize {
		t.Fatalf("due is %+v, want a look-up first", look)
	}
	w.take(look, payment.Result{Outcome: payment.Captured, Charge: charge()}, nil)
	w.answer(w.call(payment.OperationRefund), payment.Refunded, nil)
	if w.o.Status != order.Cancelled || w.attention() != "" {
		t.Errorf("%s, attention %q", w.o.Status, w.attention())
	}
}

// A refund that came back is seen once, so it is told whatever else staff have to look at.
func TestReversalIsTold(t *testing.T) {
	t.Parallel()
	w := paid(t)
	r := w.refund(400)
	w.answer(w.call(payment.OperationRefund), payment.Refunded, nil)
	seen := charge(seenRefund(r, 400, payment.RefundSucceeded))
	seen.Disputes = []payment.SeenDispute{seenDispute(600, payment.DisputeNeedsResponse)}
	w.sees(seen)
	if w.attention() != payment.Disputed {
		t.Fatalf("attention %q", w.attention())
	}
	seen = charge(seenRefund(r, 400, payment.RefundFailed))
	seen.Disputes = []payment.SeenDispute{seenDispute(600, payment.DisputeNeedsResponse)}
	w.sees(seen)
	if w.attention() != payment.RefundReversed {
		t.Errorf("attention %q", w.attention())
	}
	w.resolve(payment.MarkCaptured)
	w.sees(seen)
	if w.attention() != payment.Disputed {
		t.Errorf("the dispute waits for a response, and the attention is %q", w.attention())
	}
}

// Staff who have seen a dispute are asked again when it changes, and not at every look at the charge. What they say of it settles nothing
// that is under way.
func TestDisputeAcknowledged(t *testing.T) {
	t.Parallel()
	w := paid(t)
	r := w.refund(300)
	w.answer(w.call(payment.OperationRefund), payment.Pending, nil)
	seen := charge(seenRefund(r, 300, payment.RefundPending))
	seen.Disputes = []payment.SeenDispute{seenDispute(500, payment.DisputeWarning)}
	w.sees(seen)
	if w.attention() != payment.Disputed {
		t.Fatalf("attention %q", w.attention())
	}
	before := len(w.o.Events())
	w.resolve(payment.MarkCaptured)
	if status := w.o.RefundByID(r).Status; status != payment.RefundPending {
		t.Errorf("the refund is %s", status)
	}
	for range 3 {
		w.sees(seen)
	}
	if got := w.eventsAfter(before); got != nil || w.attention() != "" {
		t.Errorf("%v, attention %q", got, w.attention())
	}
	seen.Disputes[0].Status = payment.DisputeNeedsResponse
	w.sees(seen)
	if w.attention() != payment.Disputed || w.o.DeliveryHold() != order.HeldByDispute {
		t.Errorf("attention %q, held by %q", w.attention(), w.o.DeliveryHold())
	}
	var refused *fsm.NotAllowedError
	if err := w.o.Resolve(w.cause(), w.policy, w.o.Payment().ID, payment.MarkNotCaptured); !errors.As(err, &refused) {
		t.Errorf("marked as not captured: %v", err)
	}
}

// A charge with an open dispute is looked at again, ever more rarely.
func TestDisputeIsWatched(t *testing.T) {
	t.Parallel()
	w := paid(t)
	seen := charge()
	seen.Disputes = []payment.SeenDispute{seenDispute(500, payment.DisputeUnderReview)}
	w.sees(seen)
	began, looks := w.now, 0
	for ; w.now.Sub(began) < 60*24*time.Hour; looks++ {
		work := w.next()
		if work == nil {
			t.Fatal("nothing is due")
		}
		w.take(work, payment.Result{Outcome: payment.Captured, Charge: seen}, nil)
	}
	if looks < 20 || looks > 50 {
		t.Errorf("%d looks in 60 days", looks)
	}
	seen.Disputes[0].Status = payment.DisputeLost
	w.sees(seen)
	w.quiet()
	if w.o.DueAt() != nil || w.o.Refundable() != 500 {
		t.Errorf("due %v, %d refundable", w.o.DueAt(), w.o.Refundable())
	}
}

// An order is not delivered that an earlier version would have delivered, though its money went back.
func TestTimerOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	w := paid(t)
	due := *w.o.DeliversAt
	w.refund(1000)
	w.answer(w.call(payment.OperationRefund), payment.Refunded, nil)
	w.o.DeliversAt = &due
	w.next()
	if w.o.Status != order.Confirmed || w.o.DeliversAt != nil || w.o.DeliveryHold() != order.HeldByRefund {
		t.Errorf("%s, held by %q", w.o.Status, w.o.DeliveryHold())
	}
}

// The look-up that finds our charge shows what others have done with it meanwhile.
func TestChargeFoundDisputed(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureAutomatic)
	w.answer(w.call(payment.OperationAuthorize), "", errTimeout)
	seen := charge(seenRefund(id.Refund{}, 200, payment.RefundSucceeded))
	seen.Disputes = []payment.SeenDispute{seenDispute(800, payment.DisputeNeedsResponse)}
	w.take(w.call(payment.OperationAuthorize), payment.Result{Outcome: payment.Captured, Charge: seen}, nil)
	if w.o.Status != order.Confirmed || w.o.Refunded != 200 || w.o.Disputed != 800 || w.o.DeliversAt != nil {
		t.Errorf("%+v", w.o.State)
	}
}
