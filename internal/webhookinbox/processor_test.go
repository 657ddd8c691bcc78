package webhookinbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/webhookinbox"
)

func TestProcessor(t *testing.T) {
	t.Parallel()

	t.Run("OKByPaymentID", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		p := b.payment(t)
		b.put(t, payment.Notice{EventID: "e", PaymentID: p.ID})
		processor := b.processor()
		b.step(t, processor)
		b.due(t)
		b.step(t, processor)
		if r := b.row(t, "e"); r.Status != webhookinbox.Done || !r.Finished || b.rechecked(p.ID) != 1 || b.counts.Done.Load() != 1 {
			t.Errorf("%+v, rechecked %d times", r, b.rechecked(p.ID))
		}
	})
	t.Run("OKByReference", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		p := b.payment(t)
		b.charged(t, p, "ch_1")
		b.put(t, payment.Notice{EventID: "e", Reference: "ch_1"})
		b.step(t, b.processor())
		if r := b.row(t, "e"); r.Status != webhookinbox.Done || b.rechecked(p.ID) != 1 {
			t.Errorf("%+v, rechecked %d times", r, b.rechecked(p.ID))
		}
	})
	t.Run("OKBeforeOurAnswer", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		p := b.payment(t)
		b.put(t, payment.Notice{EventID: "e", Reference: "ch_1"})
		processor := b.processor()
		b.step(t, processor)
		if r := b.row(t, "e"); r.Status != webhookinbox.Pending || r.Claims != 1 || b.counts.Retried.Load() != 1 {
			t.Fatalf("%+v", r)
		}
		b.step(t, processor) // not due yet
		if r := b.row(t, "e"); r.Claims != 1 {
			t.Fatalf("%+v, it is not due", r)
		}
		b.charged(t, p, "ch_1")
		b.due(t)
		b.step(t, processor)
		if r := b.row(t, "e"); r.Status != webhookinbox.Done || b.rechecked(p.ID) != 1 {
			t.Errorf("%+v, rechecked %d times", r, b.rechecked(p.ID))
		}
	})
	t.Run("OKNotOurs", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		p := b.payment(t)
		for eventID, n := range map[string]payment.Notice{
			"nothing": {}, "other payment": {PaymentID: id.New[id.Payment]()}, "other charge": {Reference: "ch_9"},
		} {
			n.EventID = eventID
			b.put(t, n)
		}
		b.put(t, payment.Notice{EventID: "ours", PaymentID: p.ID})
		processor := b.processor()
		b.step(t, processor)
		if b.rechecked(p.ID) != 1 {
			t.Error("what is not ours keeps ours waiting")
		}
		for range webhookinbox.UnknownClaims {
			b.due(t)
			b.step(t, processor)
		}
		for eventID, claims := range map[string]int{"nothing": 1, "other payment": 1, "other charge": webhookinbox.UnknownClaims} {
			if r := b.row(t, eventID); r.Status != webhookinbox.Ignored || r.Message == "" || r.Claims != claims {
				t.Errorf("%s: %+v", eventID, r)
			}
		}
		if b.counts.Ignored.Load() != 3 || b.counts.Done.Load() != 1 {
			t.Errorf("%d ignored", b.counts.Ignored.Load())
		}
	})
	t.Run("OKAnotherProvidersWordIsNothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		p := b.payment(t)
		b.charged(t, p, "ch_1")
		if _, err := b.store.Put(t.Context(), "other", payment.Notice{EventID: "e", PaymentID: p.ID, Reference: "ch_1"}); err != nil {
			t.Fatal(err)
		}
		b.step(t, b.processor())
		if r := b.row(t, "e"); r.Status != webhookinbox.Ignored || b.rechecked(p.ID) != 0 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("ErrPoison", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bad, good := b.payment(t), b.payment(t)
		b.recheck = func(_ context.Context, paymentID id.Payment) error {
			if paymentID == bad.ID {
				return errors.New("no way\x00\xff")
			}
			return nil
		}
		processor := b.processor()
		b.put(t, payment.Notice{EventID: "bad", PaymentID: bad.ID})
		for i := range webhookinbox.MaxClaims {
			b.put(t, payment.Notice{EventID: fmt.Sprint("good ", i), PaymentID: good.ID})
			b.due(t)
			b.step(t, processor)
		}
		b.due(t)
		b.step(t, processor)
		if r := b.row(t, "bad"); r.Status != webhookinbox.Failed || r.Message != "no way?" || r.Claims != webhookinbox.MaxClaims {
			t.Errorf("%+v", r)
		}
		if b.counts.Failed.Load() != 1 || b.rechecked(good.ID) != webhookinbox.MaxClaims {
			t.Errorf("%d failed, the others worked on %d times", b.counts.Failed.Load(), b.rechecked(good.ID))
		}
	})
	t.Run("ErrDiesOfIt", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		p := b.payment(t)
		b.put(t, payment.Notice{EventID: "e", PaymentID: p.ID})
		for range webhookinbox.MaxClaims { // each claimed and never heard of again
			b.due(t)
			if claims, err := b.store.Claim(t.Context(), 1, time.Hour); err != nil || len(claims) != 1 {
				t.Fatal(claims, err)
			}
		}
		b.due(t)
		b.step(t, b.processor())
		if r := b.row(t, "e"); r.Status != webhookinbox.Failed || b.rechecked(p.ID) != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// A processor that is killed between its claim and its verdict leaves the event to another; if it was only slow, its
// verdict is too late.
func TestProcessorKilled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.payment(t)
	b.put(t, payment.Notice{EventID: "e", PaymentID: p.ID})
	slow, err := b.store.Claim(t.Context(), 1, time.Hour)
	if err != nil || len(slow) != 1 {
		t.Fatal(slow, err)
	}
	other := b.processor()
	b.step(t, other)
	if b.rechecked(p.ID) != 0 {
		t.Fatal("worked on while another holds it")
	}
	b.due(t) // the lease ends
	b.recheck = func(ctx context.Context, _ id.Payment) error {
		late := []webhookinbox.Verdict{{Claim: slow[0], Status: webhookinbox.Failed, Message: "late"}}
		if err := b.store.Finish(ctx, late); err != nil {
			t.Error(err)
		}
		return nil
	}
	b.step(t, other)
	if r := b.row(t, "e"); r.Status != webhookinbox.Done || r.Claims != 2 || b.rechecked(p.ID) != 1 {
		t.Errorf("%+v", r)
	}
}

// Killed after the payments are marked and before the verdicts are committed: the payments are marked again, no more.
func TestProcessorVerdictsLost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.payment(t)
	b.put(t, payment.Notice{EventID: "e", PaymentID: p.ID})
	broken := webhookinbox.NewProcessor(webhookinbox.ProcessorConfig{
		Store: forgetful{b.store}, Counts: b.counts, Log: b.logger(), RequestRecheck: func(context.Context, id.Payment) error { return nil },
	})
	if _, err := webhookinbox.Step(broken, t.Context()); err == nil {
		t.Fatal("no error")
	}
	if r := b.row(t, "e"); r.Status != webhookinbox.Pending || b.counts.Done.Load() != 0 {
		t.Fatalf("%+v", r)
	}
	b.due(t)
	b.step(t, b.processor())
	if r := b.row(t, "e"); r.Status != webhookinbox.Done || b.rechecked(p.ID) != 1 {
		t.Errorf("%+v", r)
	}
}

type forgetful struct{ webhookinbox.Store }

func (forgetful) Finish(context.Context, []webhookinbox.Verdict) error {
	return errors.New("connection lost")
}

// Two processors share the work: each event is worked on once.
func TestTwoProcessors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.payment(t)
	const n = 150
	for i := range n {
		b.put(t, payment.Notice{EventID: fmt.Sprint(i), PaymentID: p.ID})
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for b.step(t, b.processor()) {
				continue // until a batch is not full
			}
		})
	}
	wg.Wait()
	for b.step(t, b.processor()) {
		continue // a batch beside a full one may have been smaller
	}
	var left int
	if err := b.db.GetContext(t.Context(), &left, `SELECT count(*) FROM webhook_inbox WHERE status <> 'DONE' OR claims <> 1`); err != nil {
		t.Fatal(err)
	}
	if left != 0 || b.rechecked(p.ID) != n {
		t.Errorf("%d left, %d rechecks of %d", left, b.rechecked(p.ID), n)
	}
}

// Run works on what comes when it is told, finds what nobody told it of, and ends when asked.
func TestProcessorRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.payment(t)
	worked := make(chan struct{}, 2)
	b.recheck = func(context.Context, id.Payment) error {
		worked <- struct{}{}
		return nil
	}
	ctx, stop := context.WithCancel(t.Context())
	processor := b.processor()
	ended := make(chan error, 1)
	go func() { ended <- processor.Run(ctx) }()
	b.put(t, payment.Notice{EventID: "told", PaymentID: p.ID})
	processor.Wake()
	wait(t, worked)
	b.put(t, payment.Notice{EventID: "not told", PaymentID: p.ID})
	wait(t, worked)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if b.row(t, "told").Status != webhookinbox.Done || b.row(t, "not told").Status != webhookinbox.Done {
		t.Error("Run left without finishing what it held")
	}
}

func wait(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(eventually.Patience):
		t.Fatal("nothing happened")
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.payment(t)
	for _, eventID := range []string{"old", "new"} {
		b.put(t, payment.Notice{EventID: eventID, PaymentID: p.ID})
	}
	b.step(t, b.processor())
	b.put(t, payment.Notice{EventID: "pending", PaymentID: p.ID})
	_, err := b.db.ExecContext(t.Context(), `
		UPDATE webhook_inbox SET received_at = received_at - interval '40 days',
			finished_at = CASE event_id WHEN 'old' THEN finished_at - interval '31 days' ELSE finished_at END`)
	if err != nil {
		t.Fatal(err)
	}
	n, err := postgres.NewInbox(b.db.Worker).Prune(t.Context(), 30*24*time.Hour)
	if err != nil || n != 1 || b.rows(t) != 2 {
		t.Errorf("%d deleted, %d left: %v", n, b.rows(t), err)
	}
	if !b.put(t, payment.Notice{EventID: "old", PaymentID: p.ID}) {
		t.Error("the deleted one is known")
	}
}
