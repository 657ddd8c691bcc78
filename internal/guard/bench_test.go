package guard_test

import (
	"testing"

	"github.com/orderwire/orderwire/internal/guard"
)

// board resembles the staff board's query, with a page from a variable.
const board = `query Board($first: Int!, $after: String) { orders(first: $first, after: $after) {
	nodes { id ...Row } pageInfo { hasNextPage endCursor } } }
fragment Row on Order { number status version createdAt updatedAt total { ...Price } captured { ...Price } refunded { ...Price }
	lines { name quantity product { id sku } unitPrice { ...Price } total { ...Price } }
	payment { id status declineCode nextStepAt attention amount { ...Price } } availableActions cancelReason }
fragment Price on Money { amount currency }`

func BenchmarkKnownDocument(b *testing.B) {
	g := newGuard()
	variables := map[string]any{"first": int64(50)}
	b.ReportAllocs()
	for b.Loop() {
		document, errs := g.Document(board)
		if errs != nil {
			b.Fatal(errs)
		}
		operation, _ := document.Operation("Board")
		if _, err := document.Cost(operation, variables); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewDocument(b *testing.B) {
	g := newGuard(func(cfg *guard.Config) { cfg.CacheBytes = 0 })
	b.ReportAllocs()
	for b.Loop() {
		if _, errs := g.Document(board); errs != nil {
			b.Fatal(errs)
		}
	}
}

func BenchmarkRefusedBomb(b *testing.B) {
	g, text := newGuard(), bomb(28)
	b.ReportAllocs()
	for b.Loop() {
		if _, errs := g.Document(text); errs == nil {
			b.Fatal("accepted")
		}
	}
}
