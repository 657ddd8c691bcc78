package order

import (
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
)

// Each kind of fact makes an event of its own type; an unknown one is refused.
func TestReactions(t *testing.T) {
	t.Parallel()
	makes := map[EventType]payment.FactKind{}
	for _, kind := range payment.FactKinds() {
		r, known := reactions[kind]
		if !known || r.event == "" {
			t.Errorf("%s makes no event", kind)
		}
		if other, taken := makes[r.event]; taken {
			t.Errorf("%s and %s both make %s", kind, other, r.event)
		}
		makes[r.event] = kind
	}
	if len(reactions) != len(makes) {
		t.Errorf("%d kinds of fact have a reaction, %d are listed", len(reactions), len(makes))
	}
	o := New(Cause{Now: time.Now()}, Policy{}, Draft{Head: Head{CustomerID: id.New[id.Customer](), Total: money.New(1000, "EUR")}})
	if err := o.take(Cause{}, Policy{}, 0, []payment.Fact{{Kind: "MELTED"}}); err == nil || len(o.Events()) != 1 {
		t.Errorf("an unknown fact: %v, %d events", err, len(o.Events()))
	}
}
