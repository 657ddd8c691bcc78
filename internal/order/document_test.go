package order_test

import (
	"encoding/json"
	"reflect"
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
