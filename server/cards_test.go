package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/schema"
)

// textsOfStaff may have a card number: they name products, by numbers of any kind.
var textsOfStaff = []string{"ProductUpsertInput.sku", "ProductUpsertInput.image"}

// No text that a client sends brings a card number into the database: each text of each mutation is tried, with otherwise good input.
func TestCardsHaveNoWayIn(t *testing.T) {
	t.Parallel()
	const card = "4242424242424242"
	databaseURL := postgrestest.URL(t)
	app := startApp(t, databaseURL, "PAYMENT_STEP_DELAY=0s", "DELIVERY_DELAY=1h")
	staff := signedIn(t, app.URL(), "grace", "STAFF")
	parsed, err := gqlparser.LoadSchema(&ast.Source{Input: schema.SDL()})
	if err != nil {
		t.Fatal(err)
	}
	const placed = `mutation ($input: OrderCreateInput!) { orderCreate(input: $input) { order { id payment { id } } userErrors { message } } }`
	type order struct{ ID, Payment string }
	place := func(token, marker string) order {
		var data struct {
			OrderCreate struct {
				Order struct {
					ID      string
					Payment struct{ ID string }
				}
			}
		}
		input := map[string]any{
			"idempotencyKey": uuid.NewString(), "note": marker,
			"items": []any{map[string]any{"productId": staff.productID, "quantity": 1}}, "paymentMethod": map[string]any{"token": token},
		}
		if err := staff.graphql(t.Context(), placed, map[string]any{"input": input}, &data); err != nil {
			t.Fatal(err)
		}
		return order{data.OrderCreate.Order.ID, data.OrderCreate.Order.Payment.ID}
	}
	paid, declined := place("sim_approve", "a marker"), place("sim_decline", "")
	staff.until(t, paid.ID, "CONFIRMED")
	var endpoint struct {
		WebhookEndpointCreate struct{ Endpoint struct{ ID string } }
	}
	if err := staff.graphql(t.Context(), `mutation { webhookEndpointCreate(input: {url: "https://93.184.216.34/a", eventTypes: [REFUND_FAILED]}) { endpoint { id } } }`, nil, &endpoint); err != nil {
		t.Fatal(err)
	}
	base := map[string]map[string]any{
		"orderCreate": {
			"idempotencyKey": "k", "items": []any{map[string]any{"productId": staff.productID, "quantity": 1}},
			"paymentMethod": map[string]any{"token": "sim_approve"}, "metadata": []any{map[string]any{"key": "k", "value": "v"}},
		},
		"orderCancel":           {"orderId": declined.ID},
		"paymentRetry":          {"orderId": declined.ID, "idempotencyKey": "k", "paymentMethod": map[string]any{"token": "sim_approve"}},
		"paymentResolve":        {"paymentId": paid.Payment, "resolution": "MARK_CAPTURED", "note": "n"},
		"paymentsRecheck":       {},
		"refundCreate":          {"orderId": paid.ID, "idempotencyKey": "k", "amountMinor": "1"},
		"productUpsert":         {"sku": "S", "name": "n", "description": "d", "priceMinor": "100", "currency": "EUR"},
		"webhookEndpointCreate": {"url": "https://93.184.216.34/b", "eventTypes": []any{"REFUND_FAILED"}},
		"webhookEndpointUpdate": {"endpointId": endpoint.WebhookEndpointCreate.Endpoint.ID},
	}
	tried := 0
	try := func(mutation, inputType string, input map[string]any) {
		tried++
		query := fmt.Sprintf(`mutation ($input: %s!) { %s(input: $input) { userErrors { message } } }`, inputType, mutation)
		// Any refusal is good; the database decides.
		_ = staff.graphql(t.Context(), query, map[string]any{"input": input}, new(any))
	}
	for _, mutation := range parsed.Mutation.Fields {
		input := mutation.Arguments.ForName("input")
		if input == nil {
			continue
		}
		inputType := parsed.Types[input.Type.Name()]
		for _, field := range inputType.Fields {
			good, known := base[mutation.Name]
			with := func(value any) map[string]any {
				changed := maps.Clone(good)
				changed[field.Name] = value
				return changed
			}
			name := inputType.Name + "." + field.Name
			inner := parsed.Types[field.Type.Name()]
			switch {
			case slices.Contains(textsOfStaff, name):
			case field.Type.Name() == "String" && !known:
				t.Errorf("%s: a text that is not tried here", name)
			case field.Name == "url":
				try(mutation.Name, inputType.Name, with("https://93.184.216.34/"+card))
			case field.Type.Name() == "String":
				try(mutation.Name, inputType.Name, with(card))
			case inner.Kind == ast.InputObject && known:
				for _, text := range inner.Fields {
					object := innerOf(good[field.Name])
					if object == nil || text.Type.Name() != "String" {
						continue
					}
					object[text.Name] = card
					var value any = object
					if field.Type.Elem != nil {
						value = []any{object}
					}
					try(mutation.Name, inputType.Name, with(value))
				}
			}
		}
	}
	if tried < 15 {
		t.Errorf("%d texts were tried", tried)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, app.URL()+"/graphql", strings.NewReader(fmt.Sprintf(
		`{"query":"mutation { orderCreate(input: {idempotencyKey: \"request\", items: [{productId: \"%s\", quantity: 1}]}) { order { id } } }"}`, staff.productID)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+staff.token)
	request.Header.Set("X-Request-Id", card)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if got := response.Header.Get("X-Request-Id"); got == "" || strings.Contains(got, card) {
		t.Errorf("the request's id is %q", got)
	}

	db := postgrestest.Pool(t, databaseURL, postgres.AsLogin)
	var tables []string
	if err := db.Select(&tables, `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')`); err != nil {
		t.Fatal(err)
	}
	markers := 0
	for _, table := range tables {
		var cards, here int
		if err := db.QueryRow(`SELECT count(*) FILTER (WHERE t::text LIKE '%'||$1||'%'), count(*) FILTER (WHERE t::text LIKE '%a marker%') FROM `+table+` t`, card).Scan(&cards, &here); err != nil {
			t.Fatal(err)
		}
		markers += here
		if cards > 0 {
			t.Errorf("%d rows of %s have the card number", cards, table)
		}
	}
	if markers == 0 {
		t.Error("the text that was sent is not found at all")
	}
}

// innerOf is a copy of an input object, or of the first of a list.
func innerOf(value any) map[string]any {
	if list, ok := value.([]any); ok && len(list) > 0 {
		value = list[0]
	}
	object, _ := value.(map[string]any)
	return maps.Clone(object)
}
