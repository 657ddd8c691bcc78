package guard

import (
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/webhook"
	"github.com/orderwire/orderwire/schema"
)

// Every list and every text of the schema has its maximum in the tables.
func TestSizes(t *testing.T) {
	t.Parallel()
	parsed, err := gqlparser.LoadSchema(&ast.Source{Input: schema.SDL()})
	if err != nil {
		t.Fatal(err)
	}
	bounds := boundsOf(parsed)
	for _, definition := range parsed.Types {
		if definition.BuiltIn {
			continue
		}
		for _, field := range definition.Fields {
			if b, is := bounds[field]; is && !b.known && field.Name[0] != '_' {
				t.Errorf("%s.%s: %s has no entry in sizes.go", definition.Name, field.Name, field.Type)
			}
		}
	}
}

// The maxima of the tables are those of the domain.
func TestSizesAreTheDomains(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][2]int{
		"Order.lines": {lists["Order.lines"], order.MaxItems}, "Order.payments": {lists["Order.payments"], order.MaxPayments},
		"Order.refunds": {lists["Order.refunds"], order.ShownRefunds}, "Refund.lines": {lists["Refund.lines"], order.MaxItems}, "Payment.attempts": {lists["Payment.attempts"], order.ShownAttempts},
		"providerReference": {texts["providerReference"], payment.MaxReference}, "reference": {texts["reference"], payment.MaxReference}, "declineCode": {texts["declineCode"], payment.MaxCode},
		"url": {texts["url"], payment.MaxActionURL}, "clientSecret": {texts["clientSecret"], payment.MaxClientSecret},
		"problem": {texts["problem"], webhook.MaxProblem},
		"reason":  {texts["reason"], payment.MaxMessage}, "message": {texts["message"], payment.MaxMessage},
	} {
		if c[0] < c[1] {
			t.Errorf("%s: %d is counted, %d may be stored", name, c[0], c[1])
		}
	}
}
