package main

import (
	_ "embed"
	"fmt"
	"go/types"
	"text/template"

	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/plugin"
	"github.com/vektah/gqlparser/v2/ast"
)

//go:embed subscribe.gotpl
var subscribeTemplate string

// subscriptions is the plugin that generates what opens the fields of the type Subscription and renders their items, in place of
// resolvers.
type subscriptions struct{}

// withoutResolvers is the plugin that keeps gqlgen from writing resolvers for the fields of the type Subscription. It runs before
// gqlgen's own plugin for resolvers, and subscriptions after it: between them the fields do not count as resolvers.
type withoutResolvers struct{}

var _, _ plugin.CodeGenerator = subscriptions{}, withoutResolvers{}

// Name implements plugin.Plugin.
func (subscriptions) Name() string { return "subscriptions" }

// Name implements plugin.Plugin.
func (withoutResolvers) Name() string { return "subscriptions without resolvers" }

// GenerateCode implements plugin.CodeGenerator.
func (withoutResolvers) GenerateCode(data *codegen.Data) error {
	setResolvers(data.SubscriptionRoot, false)
	return nil
}

func setResolvers(subscription *codegen.Object, resolvers bool) {
	if subscription != nil {
		for _, f := range subscription.Fields {
			f.IsResolver = resolvers
		}
	}
}

// GenerateCode implements plugin.CodeGenerator.
func (subscriptions) GenerateCode(data *codegen.Data) error {
	object := data.SubscriptionRoot
	if object == nil {
		return nil
	}
	setResolvers(object, true)
	for _, f := range object.Fields {
		if f.HasDirectives() || f.UsesSubscriptionContext() {
			return fmt.Errorf("%s.%s: directives that run are not rendered", object.Name, f.Name)
		}
	}
	funcs := template.FuncMap{"item": item, "isPointer": isPointer, "isObject": isObject}
	return writeExecutor(data, "subscribe.generated.go", subscribeTemplate, funcs, map[string]any{"Object": object})
}

// isPointer reports whether the Go type of a field is a pointer.
func isPointer(f *codegen.Field) bool {
	_, is := types.Unalias(f.TypeReference.GO).(*types.Pointer)
	return is
}

// isObject reports whether the items of a field are objects, which have renderers.
func isObject(f *codegen.Field) bool {
	return isPointer(f) && f.TypeReference.Definition.Kind == ast.Object && !f.TypeReference.IsSlice()
}

// item is the Go type that an item of the field is a pointer to.
func item(f *codegen.Field) string {
	if pointer, is := types.Unalias(f.TypeReference.GO).(*types.Pointer); is {
		return named(pointer.Elem())
	}
	return named(f.TypeReference.GO)
}
