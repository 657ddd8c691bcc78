package graph

import (
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/internal/render"
)

// A field of the type Subscription that the table lacks is found when the handler is made, not when somebody subscribes.
func TestSubscriptionFieldsAreWhole(t *testing.T) {
	t.Parallel()
	fields := (&Resolver{}).subscriptionFields()
	schema := generated.NewExecutableSchema(generated.Config{Schema: parsedSchema()})
	newSubscriptions(subscriptions{schema: schema, fields: fields})
	delete(fields, "orderFeed")
	defer func() {
		if message, _ := recover().(string); !strings.Contains(message, "orderFeed") {
			t.Errorf("the panic is %q", message)
		}
	}()
	newSubscriptions(subscriptions{schema: schema, fields: fields})
}

// An item that is null where none may be makes the whole data null, with an error at its field (GraphQL specification, section 6.4.4).
func TestItemThatIsNull(t *testing.T) {
	render.Off.Store(true) // a renderer is given no null
	defer render.Off.Store(false)
	schema := generated.NewExecutableSchema(generated.Config{Schema: parsedSchema()})
	document := gqlparser.MustLoadQueryWithRules(parsedSchema(), `subscription { feed: orderFeed { kind } }`, rules.NewDefaultRules())
	operation := &graphql.OperationContext{Doc: document, Operation: document.Operations[0]}
	subscribed, err := generated.NewSubscribed(schema, operation)
	if err != nil {
		t.Fatal(err)
	}
	ctx := graphql.WithResponseContext(graphql.WithOperationContext(t.Context(), operation), graphql.DefaultErrorPresenter, graphql.DefaultRecover)
	data := generated.SubscriptionOrderFeed.Render(ctx, subscribed, nil)
	if errs := graphql.GetErrors(ctx); string(data) != "null" || len(errs) != 1 || errs[0].Path.String() != "feed" {
		t.Errorf("%s with %v", data, errs)
	}
}
