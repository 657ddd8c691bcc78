package graph_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
)

const archive = `mutation($id: ID!) { productArchive(input: {productId: $id}) { product { id archived } userErrors { field code message } } }`

func TestProductUpsert(t *testing.T) {
	t.Parallel()
	w := setup(t)
	input := func(change vars) vars {
		in := vars{"sku": "MUG-1", "name": "Mug", "priceMinor": "1250", "currency": "EUR"}
		for k, v := range change {
			in[k] = v
		}
		return vars{"input": in}
	}
	t.Run("OK", func(t *testing.T) {
		w := w.in(t)
		made := w.do(staff, upsert, input(vars{"image": "/img/mug.png", "description": "Holds tea."})).ok()
		made.want("productUpsert.product.price", vars{"amountMinor": "1250", "amount": "12.50", "currency": "EUR"})
		made.want("productUpsert.product.archived", false).want("productUpsert.userErrors", []any{})
		w.do(staff, archive, vars{"id": made.text("productUpsert.product.id")}).ok().want("productArchive.product.archived", true)
		again := w.do(staff, upsert, input(vars{"priceMinor": 1230, "currency": "KWD"})).ok()
		again.want("productUpsert.product.id", made.at("productUpsert.product.id"))
		again.want("productUpsert.product.price.amount", "1.230").want("productUpsert.product.archived", false)
		again.want("productUpsert.product.image", nil).want("productUpsert.product.description", "")
	})
	for name, c := range map[string]struct {
		change      vars
		field, code string
	}{
		"ErrSKU":         {vars{"sku": "-x"}, "sku", "SKU_INVALID"},
		"ErrName":        {vars{"name": ""}, "name", "NAME_INVALID"},
		"ErrNullByte":    {vars{"name": "a\x00b"}, "name", "NAME_INVALID"},
		"ErrPrice":       {vars{"priceMinor": "10000000001"}, "priceMinor", "PRICE_OUT_OF_RANGE"},
		"ErrCurrency":    {vars{"currency": "XQX"}, "currency", "CURRENCY_UNKNOWN"},
		"ErrImage":       {vars{"image": "javascript:alert(1)"}, "image", "IMAGE_INVALID"},
		"ErrDescription": {vars{"description": strings.Repeat("x", 2001)}, "description", "TEXT_TOO_LONG"},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			got := w.do(staff, upsert, input(c.change)).ok()
			got.want("productUpsert.product", nil)
			got.want("productUpsert.userErrors.0.code", c.code).want("productUpsert.userErrors.0.field", []string{"input", c.field})
		})
	}
	t.Run("ErrSeveral", func(t *testing.T) {
		w := w.in(t)
		got := w.do(staff, upsert, input(vars{"sku": "", "name": ""})).ok()
		got.want("productUpsert.userErrors.0.code", "SKU_INVALID").want("productUpsert.userErrors.1.code", "NAME_INVALID")
	})
	t.Run("ErrShape", func(t *testing.T) {
		w := w.in(t)
		w.do(staff, upsert, input(vars{"currency": "eur"})).refused("BAD_USER_INPUT")
		w.do(staff, upsert, input(vars{"priceMinor": "12.5"})).refused("BAD_USER_INPUT")
	})
	t.Run("ErrForbidden", func(t *testing.T) {
		w := w.in(t)
		w.do(ada, upsert, input(nil)).refused("FORBIDDEN")
		w.do(anonymous, upsert, input(nil)).refused("UNAUTHENTICATED")
	})
}

// What the provider that takes new payments cannot charge is refused at the product, at the order and at another payment, with the limits.
func TestAmountNotSupported(t *testing.T) {
	t.Parallel()
	w := setup(t)
	cheap, dear, yen := w.product("cheap", 250, "EUR"), w.product("dear", 40_000, "EUR"), w.product("yen", 500, "JPY")
	declined := w.order(ada, yen, "sim_decline")
	w.walk(declined)
	large, open := w.order(ada, dear, "sim_decline"), w.order(ada, cheap, "sim_decline")
	w.walk(large)
	w.walk(open)
	another := *w.provider
	another.Limits = payment.Limits{Amounts: func(currency string) (payment.Amounts, bool) {
		return payment.Amounts{Smallest: 500, Largest: 50_000, Multiple: 10}, currency == "EUR"
	}}
	w.provider = &another
	w.wire(w.api)
	const (
		euros = "The payment provider takes no payment of %s EUR: a payment is at least 5.00 EUR and at most 500.00 EUR and a multiple of 0.10 EUR."
		yens  = "The payment provider takes no payments in JPY."
	)
	refused := func(got *answer, mutation, message string, field ...string) {
		t.Helper()
		got.ok().want(mutation+".userErrors.0.code", "AMOUNT_NOT_SUPPORTED").want(mutation+".userErrors.0.message", message).
			want(mutation+".userErrors.0.field", append([]string{"input"}, field...))
	}
	t.Run("Product", func(t *testing.T) {
		w := w.in(t)
		price := func(minor int64, currency string) *answer {
			return w.do(staff, upsert, vars{"input": vars{"sku": "new", "name": "New", "priceMinor": minor, "currency": currency}})
		}
		price(10, "EUR").ok().want("productUpsert.userErrors", []any{}) // several together can be paid
		price(50_000, "EUR").ok().want("productUpsert.userErrors", []any{})
		refused(price(50_010, "EUR"), "productUpsert", fmt.Sprintf(euros, "500.10"), "priceMinor")
		refused(price(1234, "EUR"), "productUpsert", fmt.Sprintf(euros, "12.34"), "priceMinor")
		refused(price(1000, "JPY"), "productUpsert", yens, "currency")
		price(0, "JPY").ok().want("productUpsert.userErrors.0.code", "PRICE_OUT_OF_RANGE")
		price(1, "XQX").ok().want("productUpsert.userErrors.0.code", "CURRENCY_UNKNOWN").want("productUpsert.userErrors", []vars{{
			"field": []string{"input", "currency"}, "message": "A currency is an ISO 4217 code such as EUR.", "code": "CURRENCY_UNKNOWN",
		}})
	})
	t.Run("Order", func(t *testing.T) {
		w := w.in(t)
		order := func(product string, quantity int, more vars) *answer {
			in := vars{"idempotencyKey": "k", "items": []vars{{"productId": product, "quantity": quantity}}, "paymentMethod": vars{"token": "sim_approve"}}
			maps.Copy(in, more)
			return w.do(ada, create, vars{"input": in})
		}
		refused(order(cheap, 1, nil), "orderCreate", fmt.Sprintf(euros, "2.50"), "items")
		refused(order(dear, 2, nil), "orderCreate", fmt.Sprintf(euros, "800.00"), "items")
		refused(order(yen, 2, nil), "orderCreate", yens, "items")
		refused(order(cheap, 1, vars{"expectedTotal": vars{"amountMinor": 1, "currency": "EUR"}}), "orderCreate", fmt.Sprintf(euros, "2.50"), "items")
		order(cheap, 2, nil).ok().want("orderCreate.userErrors", []any{})
	})
	t.Run("Retry", func(t *testing.T) {
		w := w.in(t)
		again := func(orderID string) *answer {
			return w.do(ada, retry, vars{"input": vars{"idempotencyKey": orderID, "orderId": orderID, "paymentMethod": vars{"token": "sim_approve"}}})
		}
		refused(again(large), "paymentRetry", fmt.Sprintf(euros, "800.00"), "orderId")
		refused(again(declined), "paymentRetry", yens, "orderId")
		again(open).ok().want("paymentRetry.userErrors", []any{})
	})
}

func TestProductArchive(t *testing.T) {
	t.Parallel()
	w := setup(t)
	productID := w.product("a", 1, "JPY")
	w.do(ada, archive, vars{"id": productID}).refused("FORBIDDEN")
	w.do(anonymous, archive, vars{"id": "nonsense"}).refused("UNAUTHENTICATED")
	w.do(staff, archive, vars{"id": "nonsense"}).refused("BAD_USER_INPUT")
	missing := id.New[id.Product]().TypeID()
	w.do(staff, archive, vars{"id": missing}).ok().want("productArchive.userErrors.0.code", "PRODUCT_NOT_FOUND").
		want("productArchive.product", nil)
	w.do(staff, archive, vars{"id": productID}).ok().want("productArchive.product.archived", true)
	w.do(staff, archive, vars{"id": productID}).ok().want("productArchive.product.archived", true)
	w.do(anonymous, `query($id: ID!) { product(id: $id) { archived } }`, vars{"id": productID}).ok().want("product.archived", true)
}

func TestProducts(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const list = `query($first: Int, $after: String, $last: Int, $before: String, $filter: ProductFilter) {
		products(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
			nodes { sku } edges { cursor node { sku } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`
	for _, sku := range []string{"a", "b", "c"} {
		w.product(sku, 100, "EUR")
	}
	w.product("yen", 100, "JPY")
	t.Run("OK", func(t *testing.T) {
		w := w.in(t)
		one := w.do(anonymous, list, vars{"first": 2}).ok().want("products.nodes", []vars{{"sku": "a"}, {"sku": "b"}})
		one.want("products.pageInfo.hasNextPage", true).want("products.pageInfo.hasPreviousPage", false)
		one.want("products.pageInfo.endCursor", one.at("products.edges.1.cursor"))
		two := w.do(anonymous, list, vars{"first": 2, "after": one.at("products.pageInfo.endCursor")}).ok()
		two.want("products.nodes", []vars{{"sku": "c"}, {"sku": "yen"}}).want("products.pageInfo.hasNextPage", false)
		back := w.do(anonymous, list, vars{"last": 1, "before": two.at("products.pageInfo.startCursor")}).ok()
		back.want("products.nodes", []vars{{"sku": "b"}}).want("products.pageInfo.hasPreviousPage", true)
		w.do(anonymous, list, vars{"last": 2, "before": pagination.Cursor("products", uuid.Nil)}).ok().want("products.nodes", []any{}).want("products.pageInfo.hasNextPage", true)
		none := w.do(anonymous, list, vars{"first": 0}).ok()
		none.want("products.nodes", []any{}).want("products.pageInfo.startCursor", nil)
	})
	t.Run("OKFilter", func(t *testing.T) {
		w := w.in(t)
		w.do(anonymous, list, vars{"filter": vars{"currency": "JPY"}}).ok().want("products.nodes", []vars{{"sku": "yen"}})
		w.do(anonymous, list, vars{"filter": vars{"search": "the YEN"}}).ok().want("products.nodes", []vars{{"sku": "yen"}})
	})
	for name, c := range map[string]struct {
		variables vars
		code      string
	}{
		"ErrFirstTooLarge": {vars{"first": 101}, "BAD_USER_INPUT"},
		"ErrFirstNegative": {vars{"first": -1}, "BAD_USER_INPUT"},
		"ErrFirstAndLast":  {vars{"first": 1, "last": 1}, "BAD_USER_INPUT"},
		"ErrFirst64Bits":   {vars{"first": 1 << 40}, "BAD_USER_INPUT"},
		"ErrFirstText":     {vars{"first": "1"}, "BAD_USER_INPUT"},
		"ErrCursor":        {vars{"after": "nonsense"}, "INVALID_CURSOR"},
		"ErrNullByte":      {vars{"filter": vars{"search": "a\x00"}}, "BAD_USER_INPUT"},
	} {
		t.Run(name, func(t *testing.T) { w.in(t).do(anonymous, list, c.variables).refused(c.code) })
	}
}
