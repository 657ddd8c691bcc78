package main

import (
	_ "embed"
	"fmt"

	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/vektah/gqlparser/v2/ast"
)

//go:embed events.gotpl
var eventsTemplate string

// generateEvents writes a Go type for each object type that implements OrderEvent, with the function that chooses one by an event's type,
// and binds the object types to them. A value of OrderEventType and its object type have the same name, each in its own case:
// ORDER_CREATED and OrderCreated.
func generateEvents(cfg *config.Config, schema *ast.Schema) error {
	const folder, pkg = "graph/model", "github.com/orderwire/orderwire/graph/model"
	implementors := map[string]bool{}
	for _, object := range schema.PossibleTypes["OrderEvent"] {
		implementors[object.Name] = true
	}
	var names []string
	for _, value := range schema.Types["OrderEventType"].EnumValues {
		name := templates.ToGo(value.Name)
		if !implementors[name] {
			return fmt.Errorf("OrderEventType has the value %s, but no type %s implements OrderEvent", value.Name, name)
		}
		delete(implementors, name)
		names = append(names, name)
		cfg.Models.Add(name, pkg+"."+name)
	}
	for name := range implementors {
		return fmt.Errorf("%s implements OrderEvent, but OrderEventType has no value of its name", name)
	}
	return writeGo(folder+"/event.generated.go", eventsTemplate, map[string]any{"Types": names})
}
