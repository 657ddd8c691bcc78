package main

import (
	_ "embed"
	"fmt"
	"go/types"
	"text/template"

	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/plugin"
)

//go:embed payloads.gotpl
var payloadsTemplate string

// payloads is the plugin that generates, for each mutation whose payload has userErrors, the function that maps a service's error to
// that payload.
type payloads struct{}

var _ plugin.CodeGenerator = payloads{}

// Name implements plugin.Plugin.
func (payloads) Name() string { return "payloads" }

// payload is a mutation's payload that has userErrors. The types are those of Go.
type payload struct {
	Mutation                 string
	Payload, UserError, Code types.Type
	RetryAfter               bool
}

// GenerateCode implements plugin.CodeGenerator.
func (payloads) GenerateCode(data *codegen.Data) error {
	var all []payload
	for _, mutation := range data.MutationRoot.Fields {
		if mutation.Name == "__typename" {
			continue
		}
		p, refuses, err := payloadOf(data, mutation)
		if err != nil {
			return err
		}
		if refuses {
			all = append(all, p)
		}
	}
	return writeResolver(data, "payload.generated.go", payloadsTemplate, template.FuncMap{"elem": elem}, map[string]any{"Payloads": all})
}

// payloadOf describes a mutation's payload. It reports false for a mutation that the domain never refuses: its payload has no userErrors.
func payloadOf(data *codegen.Data, mutation *codegen.Field) (payload, bool, error) {
	p := payload{Mutation: mutation.Name, Payload: mutation.TypeReference.GO}
	refusals := fieldOf(data, mutation.TypeReference.Definition.Name, "userErrors")
	if refusals == nil {
		return p, false, nil
	}
	p.UserError = refusals.TypeReference.Elem().GO
	name := refusals.TypeReference.Definition.Name
	for _, f := range data.Objects.ByName(name).Fields {
		switch f.Name {
		case "field", "message":
		case "code":
			p.Code = f.TypeReference.GO
		case "retryAfter":
			p.RetryAfter = true
		default:
			return p, false, fmt.Errorf("%s.%s: a user error has no such field; add it to payloads.gotpl", name, f.Name)
		}
	}
	if p.Code == nil {
		return p, false, fmt.Errorf("%s has no code", name)
	}
	return p, true, nil
}

// fieldOf returns a field of an object type, nil when the type does not have it.
func fieldOf(data *codegen.Data, object, name string) *codegen.Field {
	for _, f := range data.Objects.ByName(object).Fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// elem is the name of the type that a pointer points to.
func elem(t types.Type) (string, error) {
	pointer, is := t.(*types.Pointer)
	if !is {
		return "", fmt.Errorf("%s is no pointer", t)
	}
	return named(pointer.Elem()), nil
}
