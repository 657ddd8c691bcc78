package gqlws

import (
	"encoding/json"
	"testing"

	"github.com/99designs/gqlgen/graphql"
)

// event is a result with the selection of most clients.
var event = &graphql.Response{Data: []byte(`{"orderEvents":{"kind":"EVENT","cursor":"AQEBk2x3Q3h4gIGCg4SFhoeIBA","event":` +
	`{"id":"event_01jdabcdefghjkmnpqrstvwxyz","type":"PAYMENT_CONFIRMED","version":3},"order":` +
	`{"id":"order_01jdabcdefghjkmnpqrstvwxyz","version":3,"status":"CONFIRMED"}}}`)}

// BenchmarkEncode measures the frame of an event, without the execution.
func BenchmarkEncode(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(event.Data)))
	var frame []byte
	for b.Loop() {
		var err error
		if frame, err = appendResult(frame[:0], "1", "next", event); err != nil {
			b.Fatal(err)
		}
	}
}

// TestEncodingAllocatesNothing is not parallel, because it counts the process's allocations.
func TestEncodingAllocatesNothing(t *testing.T) {
	frame := make([]byte, 0, 1024)
	for _, id := range []string{"1", "d0ff7d32-4b1c-4c3a-9d1f-0f6f8a3f3a55"} {
		if n := testing.AllocsPerRun(100, func() { frame, _ = appendResult(frame[:0], id, "next", event) }); n != 0 {
			t.Errorf("the frame of an event for %q takes %v allocations", id, n)
		}
	}
}

// TestQuoted checks that encoding/json decodes our strings and writes none that is shorter.
func TestQuoted(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "1", "a-b_C", `"`, `\`, "a b", "é", "\x00", "<&>", "\u2028", "\b\f\n\r\t\x1f\x7f"} {
		want, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		got := appendQuoted(nil, text)
		var back string
		if err := json.Unmarshal(got, &back); err != nil || back != text || len(got) > len(want) {
			t.Errorf("%q: %s, which is %q (%v); encoding/json writes %s", text, got, back, err, want)
		}
	}
}
