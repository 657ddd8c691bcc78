package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// rows counts everything that a request could have changed.
func rows(t *testing.T, db *sqlx.DB) string {
	t.Helper()
	var counts string
	err := db.GetContext(t.Context(), &counts, `SELECT concat_ws(' ',
		(SELECT count(*) FROM orders), (SELECT sum(revision) FROM orders), (SELECT count(*) FROM payments),
		(SELECT count(*) FROM order_events), (SELECT count(*) FROM order_work), (SELECT count(*) FROM idempotency_keys),
		(SELECT md5(string_agg(p::text, '' ORDER BY id)) FROM products p))`)
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

// Bad input gets a clear typed error, and nothing is changed.
func TestBadInput(t *testing.T) {
	t.Parallel()
	databaseURL := postgrestest.URL(t)
	db := postgrestest.Connect(t, databaseURL).DB
	app := startApp(t, databaseURL, "PAYMENT_STEP_DELAY=1h")
	ada := signedIn(t, app.URL(), "ada", "CUSTOMER")
	staff := signedIn(t, app.URL(), "sam", "STAFF")
	var catalogue struct {
		Products struct {
			Nodes []struct {
				ID    string
				Price struct{ Currency string }
			}
		}
	}
	if err := ada.graphql(t.Context(), `{ products(first: 100) { nodes { id price { currency } } } }`, nil, &catalogue); err != nil {
		t.Fatal(err)
	}
	byCurrency := map[string]string{}
	for _, p := range catalogue.Products.Nodes {
		byCurrency[p.Price.Currency] = p.ID
	}
	archived := byCurrency["KWD"]
	if err := staff.graphql(t.Context(), `mutation ($id: ID!) { productArchive(input: {productId: $id}) { userErrors { code } } }`, map[string]any{"id": archived}, &struct{}{}); err != nil {
		t.Fatal(err)
	}
	orderID := ada.order(t, "sim_approve")

	one := func(productID string, quantity any) any {
		return map[string]any{"productId": productID, "quantity": quantity}
	}
	euro := byCurrency["EUR"]
	with := func(changes map[string]any) map[string]any {
		input := map[string]any{"idempotencyKey": "bad-input", "items": []any{one(euro, 1)}}
		maps.Copy(input, changes)
		return map[string]any{"input": input}
	}
	items := func(list ...any) map[string]any { return with(map[string]any{"items": append([]any{}, list...)}) }
	many := func(n int) []any {
		list := make([]any, n)
		for i := range list {
			list[i] = one(euro, 1)
		}
		return list
	}
	const readOrder = `query ($id: ID!) { order(id: $id) { id } }`
	const listOrders = `query ($after: String, $first: Int) { orders(first: $first, after: $after) { nodes { id } } }`
	const cancel = `mutation ($input: OrderCancelInput!) { orderCancel(input: $input) { order { id } userErrors { code field message } } }`
	const create = `mutation ($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } userErrors { code field message } } }`
	for name, tt := range map[string]struct {
		query     string
		variables map[string]any
		code      string
	}{
		"UnknownProduct":     {create, items(one("product_01h455vb4pex5vsknk084sn02q", 1)), "PRODUCT_NOT_FOUND"},
		"QuantityZero":       {create, items(one(euro, 0)), "QUANTITY_OUT_OF_RANGE"},
		"QuantityNegative":   {create, items(one(euro, -1)), "QUANTITY_OUT_OF_RANGE"},
		"QuantityBillion":    {create, items(one(euro, 1_000_000_000)), "QUANTITY_OUT_OF_RANGE"},
		"QuantityNotInt32":   {create, items(one(euro, 10_000_000_000)), "BAD_USER_INPUT"},
		"QuantityFraction":   {create, items(one(euro, 1.5)), "BAD_USER_INPUT"},
		"NoItems":            {create, items(), "ITEMS_EMPTY"},
		"TooManyItems":       {create, items(many(101)...), "TOO_MANY_ITEMS"},
		"TenThousandItems":   {create, items(many(10_000)...), "DOCUMENT_TOO_LARGE"},
		"MalformedProductID": {create, items(one("mug", 1)), "BAD_USER_INPUT"},
		"OrderIDAsProductID": {create, items(one(orderID, 1)), "BAD_USER_INPUT"},
		"MixedCurrencies":    {create, items(one(euro, 1), one(byCurrency["JPY"], 1)), "MIXED_CURRENCY"},
		"ArchivedProduct":    {create, items(one(archived, 1)), "PRODUCT_ARCHIVED"},
		"NullByte":           {create, with(map[string]any{"note": "a\x00b"}), "TEXT_INVALID"},
		"LongText":           {create, with(map[string]any{"note": strings.Repeat("x", 501)}), "TEXT_TOO_LONG"},
		"MegabyteString":     {create, with(map[string]any{"note": strings.Repeat("x", 1<<20)}), "DOCUMENT_TOO_LARGE"},
		"CardNumber":         {create, with(map[string]any{"note": "4242 4242 4242 4242"}), "CARD_NUMBER_REFUSED"},
		"Metadata":           {create, with(map[string]any{"metadata": []any{map[string]any{"key": "", "value": "x"}}}), "METADATA_INVALID"},
		"UnknownToken":       {create, with(map[string]any{"paymentMethod": map[string]any{"token": "tok_visa"}}), "PAYMENT_METHOD_INVALID"},
		"EmptyKey":           {create, with(map[string]any{"idempotencyKey": ""}), "IDEMPOTENCY_KEY_INVALID"},
		"MalformedOrderID":   {readOrder, map[string]any{"id": "order_x"}, "BAD_USER_INPUT"},
		"BadCursor":          {listOrders, map[string]any{"after": "???"}, "INVALID_CURSOR"},
		"FirstTooLarge":      {listOrders, map[string]any{"first": 101}, "BAD_USER_INPUT"},
		"FirstNegative":      {listOrders, map[string]any{"first": -1}, "BAD_USER_INPUT"},
		"CancelNotVersion":   {cancel, map[string]any{"input": map[string]any{"orderId": orderID, "expectedVersion": 9}}, "CONFLICT"},
		"CancelUnknown":      {cancel, map[string]any{"input": map[string]any{"orderId": "order_01h455vb4pex5vsknk084sn02q"}}, "ORDER_NOT_FOUND"},
		"StaffOnly":          {`mutation ($id: ID!) { orderDeliver(input: {orderId: $id}) { userErrors { code } } }`, map[string]any{"id": orderID}, "FORBIDDEN"},
	} {
		t.Run(name, func(t *testing.T) {
			before := rows(t, db)
			got := answerTo(t, ada, tt.query, tt.variables)
			if len(got.codes) != 1 || got.codes[0] != tt.code {
				t.Errorf("codes %v, want %s: %s", got.codes, tt.code, got.body)
			}
			if len(got.body) > 4096 {
				t.Errorf("the answer has %d bytes", len(got.body))
			}
			if after := rows(t, db); after != before {
				t.Errorf("it changed something: %s became %s", before, after)
			}
		})
	}
	t.Run("SubscriptionBadCursor", func(t *testing.T) {
		for _, cursor := range []string{"", "x", "AAAA"} {
			c := watchOrder(app.URL(), ada.token, orderID)
			c.variables["after"] = cursor
			err := c.run(t.Context(), func(it item) error { return fmt.Errorf("got %+v", it) })
			if err == nil || !strings.Contains(err.Error(), "INVALID_CURSOR") {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
	})
	t.Run("Anonymous", func(t *testing.T) {
		got := answerTo(t, &user{client: &client{url: app.URL()}}, create, items(one(euro, 1)))
		if len(got.codes) != 1 || got.codes[0] != "UNAUTHENTICATED" {
			t.Errorf("got %s", got.body)
		}
	})
}

type answered struct {
	codes []string
	body  string
}

// answerTo sends an operation and collects the codes of its errors and user errors.
func answerTo(t *testing.T, u *user, query string, variables map[string]any) answered {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.url+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if u.token != "" {
		request.Header.Set("Authorization", "Bearer "+u.token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var decoded struct {
		Errors []struct{ Extensions struct{ Code string } }
		Data   map[string]json.RawMessage
	}
	if err := json.Unmarshal(raw, &decoded); err != nil {
		t.Fatalf("%s: %s", response.Status, raw)
	}
	got := answered{body: string(raw)}
	for _, e := range decoded.Errors {
		got.codes = append(got.codes, e.Extensions.Code)
	}
	for _, field := range decoded.Data {
		var payload struct{ UserErrors []struct{ Code string } }
		_ = json.Unmarshal(field, &payload) // anything but a payload has none
		for _, e := range payload.UserErrors {
			got.codes = append(got.codes, e.Code)
		}
	}
	return got
}
