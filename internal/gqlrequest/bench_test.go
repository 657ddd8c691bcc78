package gqlrequest_test

import (
	"testing"

	"github.com/orderwire/orderwire/internal/gqlrequest"
)

// BenchmarkJSON parses the request of an ordinary orderCreate.
func BenchmarkJSON(b *testing.B) {
	body := []byte(`{
		"query": "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } userErrors { message } } }",
		"variables": {"input": {
			"idempotencyKey": "0190d5c1-8c3c-7d61-a2a4-2b4c8d9d2f10",
			"items": [{"productId": "product_01j9d5c1zz8h0a2b3c4d5e6f70", "quantity": 2}, {"productId": "product_01j9d5c1zz8h0a2b3c4d5e6f71", "quantity": 1}],
			"note": "Leave it at the \"door\"", "metadata": [{"key": "a", "value": "b"}], "paymentToken": "sim_approve"
		}}
	}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := gqlrequest.JSON(body); err != nil {
			b.Fatal(err)
		}
	}
}
