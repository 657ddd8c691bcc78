package payment_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
)

// teller is one payment whose time only moves when told, with the facts of its last change.
type teller struct {
	testing.TB
	p     payment.Payment
	terms payment.Terms
	facts []payment.Fact
}

func newTeller(t testing.TB) *teller {
	t.Helper()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	return &teller{
		TB: t, terms: payment.Terms{Now: now, StepDelay: time.Second, AuthorizationExpiry: time.Hour},
		p: payment.Payment{ID: id.New[id.Payment](), OrderID: id.New[id.Order](), Status: payment.Initializing, Amount: money.New(1000, "EUR"), NextStepAt: &now},
	}
}

func (tt *teller) does(facts []payment.Fact, err error) {
	tt.Helper()
	if err != nil {
		tt.Fatal(err)
	}
	tt.facts = facts
}

// asks moves on to the payment's next timer until a question of the operation is due.
func (tt *teller) asks(operation payment.Operation) *payment.Work {
	tt.Helper()
	for range 5 {
		if due := tt.p.DueAt(); due != nil && due.After(tt.terms.Now) {
			tt.terms.Now = *due
		}
		tt.does(tt.p.Advance(tt.terms))
		if a := tt.p.DueAttempt(tt.terms.Now); a != nil && a.Operation == operation {
			return tt.p.Call(a)
		}
	}
	tt.Fatalf("no %s is due: %+v", operation, tt.p)
	return nil
}

func (tt *teller) answers(operation payment.Operation, outcome payment.Outcome, err error) {
	tt.Helper()
	tt.settles(tt.asks(operation), outcome, err)
}

func (tt *teller) settles(work *payment.Work, outcome payment.Outcome, callErr error) {
	tt.Helper()
	facts, _, err := tt.p.Settle(tt.terms, work, payment.Result{Outcome: outcome, Code: "code"}, callErr)
	tt.does(facts, err)
}

func (tt *teller) want(kinds ...payment.FactKind) {
	tt.Helper()
	var got []payment.FactKind
	for _, f := range tt.facts {
		got = append(got, f.Kind)
	}
	if !slices.Equal(got, kinds) {
		tt.Errorf("facts %v, want %v", got, kinds)
	}
}

// TestFacts has each change return what happened, in order. The order that it pays for needs nothing else.
func TestFacts(t *testing.T) {
	t.Parallel()
	timeout := errors.New("timeout")
	t.Run("OKCharged", func(t *testing.T) {
		t.Parallel()
		tt := newTeller(t)
		tt.does(tt.p.Advance(tt.terms))
		tt.want(payment.FactProcessing)
		tt.answers(payment.OperationAuthorize, payment.Captured, nil)
		tt.want(payment.FactCharged)
		if f := tt.facts[0]; *f.PaymentID != tt.p.ID || f.Amount.Minor != 1000 || f.Automatic {
			t.Errorf("%+v", f)
		}
	})
	// Each fact has the payment as it was then, whatever happened after it in the same change.
	t.Run("OKActionRequired", func(t *testing.T) {
		t.Parallel()
		tt := newTeller(t)
		tt.answers(payment.OperationAuthorize, payment.ActionRequired, nil)
		tt.want(payment.FactActionRequired)
		tt.answers(payment.OperationAuthorize, payment.Captured, nil)
		tt.want(payment.FactProcessing, payment.FactCharged)
		if before, after := tt.facts[0].Payment(), tt.facts[1].Payment(); before.Status != payment.Processing || before.Captured != 0 ||
			after.Status != payment.Confirmed || after.Captured != 1000 || after.Attempts != nil {
			t.Errorf("as of the facts: %+v, %+v", before, after)
		}
	})
	t.Run("OKDeclined", func(t *testing.T) {
		t.Parallel()
		tt := newTeller(t)
		tt.answers(payment.OperationAuthorize, payment.Refused, nil)
		tt.want(payment.FactDeclined)
		if f := tt.facts[0]; *f.DeclineCode != "code" {
			t.Errorf("%+v", f)
		}
		// Its success comes after all.
		tt.p.RequestRecheck(tt.terms.Now)
		tt.settles(tt.p.DueRecheck(tt.terms.Now), payment.Captured, nil)
		tt.want(payment.FactRefundRequested)
		if f := tt.facts[0]; !f.Automatic || f.Amount.Minor != 1000 || *f.RefundID != tt.p.Refunds[0].ID || f.Payment().Refunds[0].Status != payment.RefundPending {
			t.Errorf("%+v", f)
		}
		// What pays for nothing is in no version without its refund.
		tt.answers(payment.OperationRefund, payment.Refused, nil)
		tt.want()
		if v := tt.p; v.Refundable() != 0 || v.RefundsIn(payment.RefundPending) != 1000 || len(v.Refunds) != 1 {
			t.Errorf("%+v", v)
		}
		if tt.answers(payment.OperationRefund, payment.Refunded, nil); tt.p.Refunded != 1000 || !tt.p.Unwound() {
			t.Errorf("%+v", tt.p)
		}
		tt.want(payment.FactRefundSucceeded)
	})
	t.Run("OKVoided", func(t *testing.T) {
		t.Parallel()
		tt := newTeller(t)
		tt.answers(payment.OperationAuthorize, payment.Held, nil)
		tt.want(payment.FactAuthorized)
		if !tt.p.CanVoid() || !tt.p.CanCapture() {
			t.Errorf("%+v", tt.p)
		}
		tt.does(tt.p.Void(tt.terms))
		tt.want()
		tt.answers(payment.OperationVoid, payment.Released, nil)
		tt.want(payment.FactVoided)
	})
	t.Run("OKExpired", func(t *testing.T) {
		t.Parallel()
		tt := newTeller(t)
		tt.answers(payment.OperationAuthorize, payment.Held, nil)
		tt.answers(payment.OperationVoid, payment.Released, nil)
		tt.want(payment.FactExpired)
	})
	t.Run("OKRefund", func(t *testing.T) {
		t.Parallel()
		tt := newTeller(t)
		tt.answers(payment.OperationAuthorize, payment.Captured, nil)
		tt.does(tt.p.RequestRefund(tt.terms, 300, nil, nil))
		tt.want(payment.FactRefundRequested)
		if _, err := tt.p.RequestRefund(tt.terms, 701, nil, nil); err == nil || tt.p.Refundable() != 700 {
			t.Errorf("%d refundable, %v", tt.p.Refundable(), err)
		}
		tt.answers(payment.OperationRefund, payment.Refused, nil)
		tt.want(payment.FactRefundFailed)
		if tt.p.Refundable() != 1000 {
			t.Errorf("%+v", tt.p)
		}
	})
	t.Run("OKUnwind", func(t *testing.T) {
		t.Parallel()
		tt := newTeller(t)
		tt.answers(payment.OperationAuthorize, payment.Captured, nil)
		tt.terms.Unwinding = true
		for range 2 { // the second time there is nothing left to do
			tt.does(tt.p.Unwind(tt.terms))
		}
		tt.want()
		if len(tt.p.Refunds) != 1 || tt.p.Unwound() {
			t.Errorf("%+v", tt.p)
		}
		tt.answers(payment.OperationRefund, payment.Refunded, nil)
		if !tt.p.Unwound() {
			t.Errorf("%+v", tt.p)
		}
	})
	t.Run("OKNeedsAttention", func(t *testing.T) {
		t.Parallel()
		tt := newTeller(t)
		tt.terms.KeyLife = 2 * time.Hour
		for tt.p.Attention == nil {
			tt.answers(payment.OperationAuthorize, "", timeout)
		}
		tt.want(payment.FactNeedsAttention)
		if f := tt.facts[0]; !f.Automatic || *f.Attention != payment.UnknownOutcome {
			t.Errorf("%+v", f)
		}
	})
}

// TestAmong: an event's payments are copies, without attempts, and as of the fact.
func TestAmong(t *testing.T) {
	t.Parallel()
	tt := newTeller(t)
	tt.does(tt.p.Advance(tt.terms))
	fact := tt.facts[0]
	other := payment.Payment{ID: id.New[id.Payment](), Attempts: tt.p.Attempts, Refunds: []payment.Refund{{ID: id.New[id.Refund](), Status: payment.RefundPending}}}
	for _, payments := range [][]payment.Payment{{tt.p}, {other, tt.p}} {
		index := len(payments) - 1
		payments[index].Status = payment.Confirmed // later
		versions := fact.Among(payments, index)
		if len(versions) != len(payments) || versions[index].Status != payment.Processing || versions[0].Attempts != nil {
			t.Errorf("%+v", versions)
		}
		if index > 0 {
			payments[0].Refunds[0].Status = payment.RefundFailed
			if versions[0].Refunds[0].Status != payment.RefundPending {
				t.Error("a version changes")
			}
		}
	}
}
