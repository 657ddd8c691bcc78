package simulated_test

import (
	"testing"

	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// BenchmarkAuthorize measures a payment at the provider, in process.
func BenchmarkAuthorize(b *testing.B) {
	s := setup(b, simulated.Options{})
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.provider.Authorize(b.Context(), newCall(simulated.TokenApprove, payment.CaptureAutomatic)); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkVoid measures an operation in a transaction.
func BenchmarkVoid(b *testing.B) {
	s := setup(b, simulated.Options{})
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			call := on(newCall(simulated.TokenApprove, payment.CaptureAutomatic), payment.OperationVoid)
			if _, err := s.provider.Void(b.Context(), call); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
