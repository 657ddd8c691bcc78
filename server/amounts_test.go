package main

import (
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// The limits of the provider that takes new payments hold for products and orders of a whole server.
func TestAmountLimits(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t), "SIMULATED_MIN_AMOUNT=2000", "SIMULATED_MAX_AMOUNT=5000")
	staff := signedIn(t, app.URL(), "grace", "STAFF")
	type refused struct {
		UserErrors []struct{ Code, Message string }
	}
	for price, code := range map[int]string{1500: "", 5000: "", 5001: "AMOUNT_NOT_SUPPORTED"} {
		var data struct{ ProductUpsert refused }
		err := staff.graphql(t.Context(), `mutation ($p: Int64!) { productUpsert(input: {sku: "SKU", name: "Name", priceMinor: $p, currency: "EUR"}) { userErrors { code message } } }`,
			map[string]any{"p": price}, &data)
		got := data.ProductUpsert.UserErrors
		if err != nil || (code == "") != (len(got) == 0) || code != "" && got[0].Code != code {
			t.Errorf("a price of %d: %+v, %v", price, got, err)
		}
	}
	var mug struct {
		ProductUpsert struct{ Product struct{ ID string } }
	}
	if err := staff.graphql(t.Context(), `mutation { productUpsert(input: {sku: "SKU", name: "Name", priceMinor: 1500, currency: "EUR"}) { product { id } } }`, nil, &mug); err != nil {
		t.Fatal(err)
	}
	for quantity, code := range map[int]string{1: "AMOUNT_NOT_SUPPORTED", 2: "", 3: "", 4: "AMOUNT_NOT_SUPPORTED"} {
		var data struct{ OrderCreate refused }
		input := map[string]any{
			"idempotencyKey": uuid.NewString(), "items": []any{map[string]any{"productId": mug.ProductUpsert.Product.ID, "quantity": quantity}},
		}
		err := staff.graphql(t.Context(), `mutation ($input: OrderCreateInput!) { orderCreate(input: $input) { userErrors { code message } } }`, map[string]any{"input": input}, &data)
		got := data.OrderCreate.UserErrors
		if err != nil || (code == "") != (len(got) == 0) || code != "" && got[0].Code != code {
			t.Errorf("an order of %d: %+v, %v", quantity, got, err)
		}
	}
}
