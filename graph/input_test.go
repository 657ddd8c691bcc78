package graph_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/requestid"
)

// TestInput: what does not fit the schema is the client's error at the place where graphql-js has it, and nothing is done. Package
// judge compares many more values; this is what becomes of them behind a request.
func TestInput(t *testing.T) {
	t.Parallel()
	w := setup(t)
	productID := w.product("INPUT", 100, "EUR")
	const orderCreate = `mutation ($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } } }`
	input := func(more string) string {
		return fmt.Sprintf(`{"input":{"idempotencyKey":"key","items":[{"productId":%q,"quantity":1}]%s}}`, productID, more)
	}
	const resolve = `mutation ($r: PaymentResolution!) { paymentResolve(input: {paymentId: "payment_01h455vb4pex5vsknk084sn02q", resolution: $r, note: "n"}) { userErrors { code } } }`
	for name, c := range map[string]struct {
		document, variables string
		// want is path, locations and data as JSON; "" stands for none.
		path, locations, data string
	}{
		"EnumCase":         {orderCreate, input(`,"captureMethod":"manual"`), "", `[{"line":1,"column":11}]`, ""},
		"EnumSpace":        {orderCreate, input(`,"captureMethod":"MANUAL "`), "", `[{"line":1,"column":11}]`, ""},
		"EnumNumber":       {orderCreate, input(`,"captureMethod":1`), "", `[{"line":1,"column":11}]`, ""},
		"EnumObject":       {orderCreate, input(`,"captureMethod":{}`), "", `[{"line":1,"column":11}]`, ""},
		"EnumAlone":        {resolve, `{"r":"mark_captured"}`, "", `[{"line":1,"column":11}]`, ""},
		"StringNumber":     {orderCreate, input(`,"note":5`), "", `[{"line":1,"column":11}]`, ""},
		"StringObject":     {orderCreate, input(`,"note":{}`), "", `[{"line":1,"column":11}]`, ""},
		"IntFraction":      {`query ($n: Int) { products(first: $n) { nodes { id } } }`, `{"n":1.5}`, "", `[{"line":1,"column":8}]`, ""},
		"Null":             {`query ($id: ID = "x") { product(id: $id) { id } }`, `{"id":null}`, `["product"]`, `[{"line":1,"column":37}]`, `{"product":null}`},
		"NullInObject":     {`mutation ($t: String = "x") { orderCreate(input: {idempotencyKey: "k", items: [], paymentMethod: {token: $t}}) { order { id } } }`, `{"t":null}`, `["orderCreate"]`, `[{"line":1,"column":50}]`, `null`},
		"NullInList":       {`query ($id: ID = "x") { nodes(ids: [$id]) { id } }`, `{"id":null}`, `["nodes"]`, `[{"line":1,"column":36}]`, `null`},
		"NullSkips":        {`query ($s: Boolean = true) { viewer { id @skip(if: $s) } }`, `{"s":null}`, "", `[{"line":1,"column":52}]`, ""},
		"NullIncludes":     {`query ($s: Boolean = true) { ...F } fragment F on Query { viewer @include(if: $s) { id } }`, `{"s":null}`, "", `[{"line":1,"column":79}]`, ""},
		"NullSkipsChanges": {`mutation ($input: OrderCreateInput!, $s: Boolean = true) { orderCreate(input: $input) { order { id @skip(if: $s) } } }`, strings.Replace(input(""), "{", `{"s":null,`, 1), "", `[{"line":1,"column":110}]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/graphql", strings.NewReader(fmt.Sprintf(`{"query":%s,"variables":%s}`, mustJSON(c.document), c.variables)))
			r.Header.Set("Content-Type", "application/json")
			p := ada
			if name == "EnumAlone" {
				p = staff
			}
			recorder := httptest.NewRecorder()
			w.handler.ServeHTTP(recorder, r.WithContext(requestid.NewContext(auth.NewContext(r.Context(), p), "r")))
			var got struct {
				Data   json.RawMessage
				Errors []struct {
					Path, Locations json.RawMessage
					Extensions      struct{ Code string }
				}
			}
			if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil || len(got.Errors) != 1 {
				t.Fatalf("%v: %s", err, recorder.Body)
			}
			if e := got.Errors[0]; e.Extensions.Code != "BAD_USER_INPUT" || string(e.Path) != c.path || string(e.Locations) != c.locations || string(got.Data) != c.data {
				t.Errorf("got %s", recorder.Body)
			}
		})
	}
	if n := len(w.do(staff, `{ orders { nodes { id } } }`, nil).ok().at("orders.nodes").([]any)); n != 0 {
		t.Errorf("%d orders were placed", n)
	}
	if log := w.log.String(); log != "" {
		t.Errorf("logged: %s", log)
	}
	for _, document := range []string{`{ viewer { ... @defer { id } } }`, `{ viewer { ...F @defer(label: "x") } } fragment F on Viewer { id }`, `subscription { orderFeed { kind ... @defer { cursor } } }`} {
		w.do(ada, document, nil).refused("GRAPHQL_VALIDATION_FAILED").mentions(true, `Unknown directive "@defer"`)
	}
	w.do(ada, `{ __schema { directives { name } } }`, nil).ok().want("__schema.directives", []vars{
		{"name": "access"}, {"name": "deprecated"}, {"name": "include"}, {"name": "oneOf"}, {"name": "skip"}, {"name": "specifiedBy"},
	})
	w.do(ada, `query ($id: ID!) { product(id: $id) { id } }`, vars{"id": 5}).refused("BAD_USER_INPUT").mentions(true, "id")
}

func mustJSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(raw)
}
