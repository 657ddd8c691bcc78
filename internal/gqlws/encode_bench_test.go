package gqlws

import (
	"testing"

	"github.com/99designs/gqlgen/graphql"
)

// BenchmarkEncode is the frame of one event as most clients select it: its execution is not counted.
func BenchmarkEncode(b *testing.B) {
	response := &graphql.Response{Data: []byte(`{"orderEvents":{"kind":"EVENT","cursor":"AQEBk2x3Q3h4gIGCg4SFhoeIBA","event":` +
		`{"id":"event_01jdabcdefghjkmnpqrstvwxyz","type":"PAYMENT_CONFIRMED","version":3},"order":` +
		`{"id":"order_01jdabcdefghjkmnpqrstvwxyz","version":3,"status":"CONFIRMED"}}}`)}
	b.ReportAllocs()
	b.SetBytes(int64(len(response.Data)))
	for b.Loop() {
		if _, err := resultFrame("1", "next", response); err != nil {
			b.Fatal(err)
		}
	}
}
