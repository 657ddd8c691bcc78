package graph_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/judge"
	"github.com/orderwire/orderwire/internal/render"
)

// executions are as many random selections as are compared.
const executions = 600

// TestExecution: random selections on a shop's data have the answers that graphql-js gives on the same data: the same fields in the same
// order, with fragments, interfaces, aliases, merged selections, conditions and __typename.
func TestExecution(t *testing.T) {
	t.Parallel()
	j := judge.Open(t, "..")
	f := newFixture(t)
	f.handler = f.serve(f.settings())
	calls := f.calls()
	ask := func(text, raw string) (data string, failed string) {
		r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(fmt.Sprintf(`{"query":%s,"variables":%s}`, mustJSON(text), raw)))
		r.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		f.handler.ServeHTTP(recorder, r.WithContext(auth.NewContext(r.Context(), staff)))
		var answer struct{ Data, Errors json.RawMessage }
		if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%s: %v", recorder.Body, err)
		}
		return string(answer.Data), string(answer.Errors)
	}
	picture := judge.Draw(f.schema, calls, func(document string) (data map[string]any) {
		text, failed := ask(document, "{}")
		if err := json.Unmarshal([]byte(text), &data); err != nil || failed != "" {
			t.Fatalf("%s: %v: %s", document, err, failed)
		}
		return data
	})
	g := judge.NewGenerator(f.schema, 14)
	g.Calls = calls
	var cases []judge.Case
	answered := 0
	for len(cases) < executions {
		c := judge.Case{Text: g.Document()}
		query, err := parser.ParseQuery(&ast.Source{Input: c.Text})
		if err != nil {
			t.Fatalf("%s: %v", c.Text, err)
		}
		c.Raw = conditions(g, query.Operations[0])
		data, failed := ask(c.Text, c.Raw)
		if data != "" && failed != "" {
			t.Errorf("%s %s: %s", c.Text, c.Raw, failed)
		}
		if c.Ours = data; data != "" {
			answered++
		}
		cases = append(cases, c)
	}
	fields := sameAs(j, cases, picture, t)
	t.Logf("%d executions on %d objects: %d answered, with %d fields, the others refused by both", len(cases), len(picture.Objects), answered, fields)
	if answered < executions*4/5 || len(picture.Objects) < 20 || fields < 20*executions {
		t.Error("the generator does not try enough")
	}
}

// sameAs compares the results of cases with graphql-js's, and returns the number of fields.
func sameAs(j *judge.Judge, cases []judge.Case, picture judge.Picture, t *testing.T) (fields int) {
	t.Helper()
	for i, their := range j.Execute(cases, picture) {
		fields += strings.Count(cases[i].Ours, `":`)
		if !their.Same {
			t.Errorf("%s %s\nours:   %s\ntheirs: %s %s", cases[i].Text, cases[i].Raw, cases[i].Ours, their.Theirs, their.Message)
		}
	}
	return fields
}

// TestItems: random selections of a subscription's item have the answers that graphql-js gives on the same data, rendered and executed
// by gqlgen field by field.
func TestItems(t *testing.T) {
	j := judge.Open(t, "..")
	f := newFixture(t)
	c := f.crowd()
	item := func(document, raw string) (string, error) {
		var variables vars
		if err := json.Unmarshal([]byte(raw), &variables); err != nil {
			t.Fatal(err)
		}
		text, err := c.first(staff, document, variables)
		if err != nil {
			return "", err
		}
		var answer struct{ Data, Errors json.RawMessage }
		if err := json.Unmarshal([]byte(text), &answer); err != nil || len(answer.Errors) > 0 {
			t.Fatalf("%s: %s, %v", document, text, err)
		}
		return string(answer.Data), nil
	}
	// A snapshot, and the latest event of an order: the order as of then is as it is now, and as queries have it.
	orderID := f.order(ada, f.product("mug", 1250, "EUR"), "sim_approve")
	s := f.subscribe(staff, watchOrder, vars{"id": orderID}, "")
	s.next().ok()
	f.walk(orderID)
	before := s.next().ok().text("orderEvents.cursor")
	s.next().ok().want("orderEvents.event.__typename", "PaymentConfirmed")
	calls := map[string][]string{"Subscription.orderEvents": {
		f.names.Replace("(orderId: $whole$)"), fmt.Sprintf("(orderId: %q, after: %q)", orderID, before),
	}}
	for _, field := range f.schema.Subscription.Fields {
		if len(field.Arguments) == 0 { // the generator selects it without a call
			calls["Subscription."+field.Name] = []string{""}
		}
	}
	f.handler = f.serve(f.settings())
	picture := judge.Draw(f.schema, calls, func(document string) (data map[string]any) {
		if !strings.HasPrefix(document, "subscription") { // for the Nodes that the item leads to
			data, _ = f.do(staff, document, nil).ok().Data.(map[string]any)
			return data
		}
		text, err := item(document, "{}")
		if err := errors.Join(err, json.Unmarshal([]byte(text), &data)); err != nil {
			t.Fatal(document, err)
		}
		return data
	})
	for name, off := range map[string]bool{"Rendered": false, "Executed": true} {
		t.Run(name, func(t *testing.T) {
			render.Off.Store(off)
			defer render.Off.Store(false)
			g := judge.NewGenerator(f.schema, 15)
			g.Calls = calls
			var cases []judge.Case
			for len(cases) < executions/4 {
				c := judge.Case{Text: g.Subscription()}
				query, err := parser.ParseQuery(&ast.Source{Input: c.Text})
				if err != nil {
					t.Fatalf("%s: %v", c.Text, err)
				}
				if root, ok := query.Operations[0].SelectionSet[0].(*ast.Field); !ok || len(root.Directives) > 0 || root.Name == "__typename" {
					continue // refused by us alone: see TestDocuments of package judge
				}
				c.Raw = conditions(g, query.Operations[0])
				c.Ours, _ = item(c.Text, c.Raw) // refused by both, or not the same
				cases = append(cases, c)
			}
			fields := sameAs(j, cases, picture, t)
			t.Logf("%d items on %d objects, with %d fields", len(cases), len(picture.Objects), fields)
			if fields < 5*len(cases) {
				t.Error("the generator does not try enough")
			}
		})
	}
}

// conditions are the values of an operation's variables, which are all for @skip and @include. None is null: we refuse that before anything
// is done (TestInput), where graphql-js leaves the nearest nullable field out.
func conditions(g *judge.Generator, operation *ast.OperationDefinition) string {
	values := map[string]bool{}
	for _, v := range operation.VariableDefinitions {
		if v.DefaultValue == nil || g.IntN(2) == 0 {
			values[v.Variable] = g.IntN(2) == 0
		}
	}
	return mustJSON(values)
}

// calls are the fields with arguments, and those of Query, that executions have.
func (f *fixture) calls() map[string][]string {
	calls := map[string][]string{
		"Query.viewer": {""}, "Query.product": {"(id: $product$)", "(id: $noProduct$)"}, "Query.products": {"", "(first: 1)", "(last: 1)"},
		"Query.node":  {"(id: $whole$)", "(id: $payment$)", "(id: $refund$)", "(id: $product$)", "(id: $endpoint$)", "(id: $delivery$)", "(id: $noOrder$)"},
		"Query.nodes": {"(ids: [])", "(ids: [$orderHold$, $noPayment$, $product$, $orderHold$])"},
		"Query.order": {"(id: $whole$)", "(number: $number$)", "(id: $orderAction$)", "(id: $noOrder$)"}, "Query.payment": {"(id: $paymentDeclined$)", "(id: $noPayment$)"},
		"Query.orders":    {"", "(first: 2)", "(last: 3)", `(first: 3, filter: {status: [CANCELLED, CREATED]})`, `(filter: {externalReference: "none"})`},
		"Query.attention": {""}, "Query.auditTrail": {"(first: 3)"}, "Query.reconciliation": {""}, "Query.stats": {"(window: LAST_DAY)"},
		"Query.webhookEndpoints": {""}, "Query.webhookDeliveries": {"", "(status: FAILED)"},
		"Order.events": {"", "(first: 2)", "(first: 100)"},
	}
	for _, texts := range calls {
		for i := range texts {
			texts[i] = f.names.Replace(texts[i])
		}
	}
	return calls
}
