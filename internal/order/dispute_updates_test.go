package order_test

import (
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/payment"
)

// A dispute that changes all the time makes few events, and is at last booked as it is. A step towards its end is booked at once.
func TestDisputeChangesOften(t *testing.T) {
	t.Parallel()
	w := newWalker(t, payment.CaptureAutomatic)
	w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
	dispute := payment.SeenDispute{Reference: "d", Minor: 1000, Status: payment.DisputeNeedsResponse}
	look := func() {
		seen := books(1000, 0)
		seen.Disputes = []payment.SeenDispute{dispute}
		w.look(payment.Result{Outcome: payment.Captured, Charge: seen}, nil)
	}
	look()
	before := len(w.o.Events())
	for begin := w.now; w.now.Sub(begin) < 7*24*time.Hour; w.now = w.now.Add(10 * time.Minute) {
		dispute.Minor--
		if dispute.Minor == 0 {
			dispute.Minor = 1000
		}
		look()
	}
	if n := len(w.o.Events()) - before; n < 10 || n > 40 {
		t.Errorf("%d events of a dispute that changed a thousand times", n)
	}
	for w.o.Disputed != dispute.Minor {
		work := w.next()
		if w.o.DueAt().Sub(w.now) > 24*time.Hour || work == nil || !work.LookUpOnly {
			t.Fatalf("%d are disputed, %d at the provider, and due is %+v", w.o.Disputed, dispute.Minor, work)
		}
		seen := books(1000, 0)
		seen.Disputes = []payment.SeenDispute{dispute}
		w.take(work, payment.Result{Outcome: payment.Captured, Charge: seen}, nil)
	}
	dispute.Minor++
	dispute.Status = payment.DisputeLost
	look()
	if d := w.o.Payment().Disputes[0]; d.Status != payment.DisputeLost || w.o.Disputed != dispute.Minor {
		t.Errorf("the dispute is %+v", d)
	}
}
