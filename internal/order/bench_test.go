package order_test

import (
	"encoding/json"
	"testing"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// BenchmarkMachine is one lookup in the state machine.
func BenchmarkMachine(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := order.Machine.Next(order.Confirmed, order.Deliver); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWalk is a plain order's life in memory: created, processing, confirmed, delivered, with its four events.
func BenchmarkWalk(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		w := newWalker(b, payment.CaptureAutomatic)
		w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
		w.next()
		if w.o.Status != order.Delivered || len(w.o.Events()) != 4 {
			b.Fatalf("%s with %d events", w.o.Status, len(w.o.Events()))
		}
	}
}

var kept *order.Order

// BenchmarkChange measures a store's work on an order in memory for a change: a copy, the answer to its authorization, the next
// timer.
func BenchmarkChange(b *testing.B) {
	w := newWalker(b, payment.CaptureAutomatic)
	work := w.call(payment.OperationAuthorize)
	b.ReportAllocs()
	for b.Loop() {
		o := w.o.Clone()
		kept = o // as the store keeps it
		if err := o.Settle(w.cause(), w.policy, work, payment.Result{Outcome: payment.Captured}, nil); err != nil || o.DueAt() == nil || o.Status != order.Confirmed {
			b.Fatal(err)
		}
	}
}

// BenchmarkStateJSON writes a version's state as it is stored.
func BenchmarkStateJSON(b *testing.B) {
	w := newWalker(b, payment.CaptureAutomatic)
	w.answer(w.call(payment.OperationAuthorize), payment.Captured, nil)
	b.ReportAllocs()
	for b.Loop() {
		encoded, err := json.Marshal(w.o.Document())
		if err != nil {
			b.Fatal(err)
		}
		if len(encoded) < 300 {
			b.Fatalf("%s", encoded)
		}
	}
}
