package order

import (
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
)

func TestRecent(t *testing.T) {
	t.Parallel()
	place := func(note string) Outcome {
		o := New(Cause{Now: time.Now()}, Policy{}, Draft{Head: Head{CustomerID: id.New[id.Customer](), Total: money.Amount{Minor: 1800, Currency: "EUR"}, Note: &note}})
		return Outcome{Order: o, Revision: Revision{Number: 1, Server: time.Now()}}
	}
	var none *Recent
	first := place("")
	if none.of(first.Order.ID) != nil {
		t.Error("a memory that is not there remembers")
	}
	r := NewRecent()
	if r.of(first.Order.ID) != nil {
		t.Error("an empty memory remembers")
	}
	r.Remember(first)
	got := r.of(first.Order.ID)
	if got == nil || got.Order.Head != first.Order.Head || got.Revision != first.Revision || len(got.Order.Events()) != 0 {
		t.Fatalf("remembered is %+v; want the order without its events", got)
	}
	first.Revision.Number = 2
	r.Remember(first)
	if got := r.of(first.Order.ID); got.Revision.Number != 2 {
		t.Errorf("revision %d is remembered, not the one committed last", got.Revision.Number)
	}
	for range 2 * recentBytes / 50_000 {
		r.Remember(place(strings.Repeat("n", 50_000)))
	}
	if size := r.outcomes.Size(); r.of(first.Order.ID) != nil || size > recentBytes {
		t.Errorf("%d bytes are remembered, and the order of long ago is: %v", size, r.of(first.Order.ID) != nil)
	}
}
