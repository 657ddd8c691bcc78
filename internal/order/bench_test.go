package order_test

import (
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
