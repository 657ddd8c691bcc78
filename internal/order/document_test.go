package order_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// In JSON the refunds of all payments stand beside them, in the order they were made.
func TestDocument(t *testing.T) {
	t.Parallel()
	state := order.State{Status: order.Cancelling, Payments: []payment.Payment{{ID: id.New[id.Payment]()}, {ID: id.New[id.Payment]()}, {ID: id.New[id.Payment]()}}}
	var made []payment.Refund
	for _, i := range []int{0, 2, 0} {
		p := &state.Payments[i]
		r := payment.Refund{ID: id.New[id.Refund](), PaymentID: p.ID, Amount: money.New(int64(100+len(made)), "EUR"), Status: payment.RefundPending}
		p.Refunds = append(p.Refunds, r)
		made = append(made, r)
	}
	encoded, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Refunds []payment.Refund }
	if err := json.Unmarshal(encoded, &document); err != nil || !reflect.DeepEqual(document.Refunds, made) {
		t.Errorf("%v in %s, %v", document.Refunds, encoded, err)
	}
	var read order.State
	if err := json.Unmarshal(encoded, &read); err != nil || !reflect.DeepEqual(read, state) {
		t.Errorf("got %+v\nwant %+v, %v", read, state, err)
	}
	t.Run("OKNone", func(t *testing.T) {
		t.Parallel()
		encoded, err := json.Marshal(order.State{Payments: []payment.Payment{}})
		if want := `"payments":[],"refunds":[]}`; err != nil || string(encoded[len(encoded)-len(want):]) != want {
			t.Errorf("%s, %v", encoded, err)
		}
	})
	// An event's size does not grow with the number of refunds, and the refund that it is about is in it.
	t.Run("OKMany", func(t *testing.T) {
		t.Parallel()
		p := payment.Payment{ID: id.New[id.Payment](), Amount: money.New(1000, "EUR")}
		reason := strings.Repeat("\U0001F600", 500)
		for range payment.MaxRefunds {
			p.Refunds = append(p.Refunds, payment.Refund{
				ID: id.New[id.Refund](), PaymentID: p.ID, Amount: money.New(1, "EUR"), Status: payment.RefundSucceeded, Reason: &reason,
			})
		}
		for range payment.MaxDisputes {
			p.Disputes = append(p.Disputes, payment.Dispute{
				ID: id.New[id.Dispute](), PaymentID: p.ID, Amount: money.New(1, "EUR"), Status: payment.DisputeUnderReview,
				Reason: strings.Repeat("r", payment.MaxCode), Reference: strings.Repeat("d", payment.MaxReference),
			})
		}
		e := order.Event{
			Data:  order.EventData{RefundID: &p.Refunds[0].ID},
			Order: &order.Order{Head: &order.Head{}, State: order.State{Payments: []payment.Payment{p}}},
		}
		document := e.Document()
		if n := len(document.Refunds); n != order.StateRefunds || document.Refunds[0].ID != p.Refunds[0].ID || document.Refunds[1].ID != p.Refunds[n+11].ID {
			t.Errorf("%d refunds: %v", n, document.Refunds)
		}
		encoded, err := json.Marshal(document)
		if err != nil || len(encoded) > 64<<10 {
			t.Errorf("%d bytes, %v", len(encoded), err)
		}
		if document.Refunds[19].ID != p.Refunds[49].ID || len(e.Order.Refunds()) != payment.MaxRefunds {
			t.Error("the newest refund is not in it, or the event lost refunds")
		}
	})
	t.Run("ErrOfNoPayment", func(t *testing.T) {
		t.Parallel()
		stray := order.Document{Refunds: []payment.Refund{{ID: id.New[id.Refund](), PaymentID: id.New[id.Payment]()}}}
		if _, err := stray.State(); err == nil {
			t.Error("a refund without its payment is read")
		}
		var read order.State
		if err := read.AttachAttempts([]payment.Attempt{{ID: id.New[id.Attempt](), PaymentID: id.New[id.Payment]()}}); err == nil {
			t.Error("an attempt without its payment is read")
		}
	})
}
