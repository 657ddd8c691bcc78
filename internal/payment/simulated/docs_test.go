package simulated_test

import (
	"os"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/schema"
)

func documentation(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/simulated.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// rows are those of the table between two markers, without its head.
func rows(t *testing.T, text, name string) []string {
	t.Helper()
	_, text, begun := strings.Cut(text, "<!-- "+name+":begin -->\n")
	text, _, ended := strings.Cut(text, "\n<!-- "+name+":end -->")
	lines := strings.Split(text, "\n")
	if !begun || !ended || len(lines) < 3 {
		t.Fatalf("there is no table %s", name)
	}
	return lines[2:]
}

// docs/simulated.md has every token and act with what the code says of it, and every type of event, in the code's order.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	text := documentation(t)
	tokens := rows(t, text, "tokens")
	if len(tokens) != len(simulated.Tokens()) {
		t.Errorf("%d tokens are documented, want %d", len(tokens), len(simulated.Tokens()))
	}
	for i, token := range simulated.Tokens() {
		if want := "| `" + token + "` | " + simulated.Describe(token) + " | "; i < len(tokens) && !strings.HasPrefix(tokens[i], want) {
			t.Errorf("line %d is %s, want it to begin with %s", i+1, tokens[i], want)
		}
	}
	events := rows(t, text, "events")
	if len(events) != len(simulated.EventTypes()) {
		t.Errorf("%d types of events are documented, want %d", len(events), len(simulated.EventTypes()))
	}
	for i, event := range simulated.EventTypes() {
		if want := "| `" + string(event) + "` | "; i < len(events) && !strings.HasPrefix(events[i], want) {
			t.Errorf("line %d is %s, want it to begin with %s", i+1, events[i], want)
		}
	}
	acts := rows(t, text, "acts")
	if len(acts) != len(simulated.Acts()) {
		t.Errorf("%d acts are documented, want %d", len(acts), len(simulated.Acts()))
	}
	for i, act := range simulated.Acts() {
		if want := "| `" + string(act) + "` | " + simulated.DescribeAct(act) + " |"; i < len(acts) && acts[i] != want {
			t.Errorf("line %d is %s, want %s", i+1, acts[i], want)
		}
	}
	if !strings.Contains(text, simulated.SignatureHeader+": t=") {
		t.Error("the signature's header is not documented")
	}
}

// What readers copy into the playground is valid.
func TestDocumentedOperations(t *testing.T) {
	t.Parallel()
	parsed, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: schema.SDL()})
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(documentation(t), "```graphql\n")[1:]
	if len(blocks) < 3 {
		t.Errorf("%d operations are documented", len(blocks))
	}
	for _, block := range blocks {
		operation, _, _ := strings.Cut(block, "```")
		if _, err := gqlparser.LoadQueryWithRules(parsed, operation, nil); err != nil {
			t.Errorf("%v in\n%s", err, operation)
		}
	}
}
