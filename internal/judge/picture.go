package judge

import (
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Draw makes a picture of a server's data by asking for all of it: every call of Generator.Calls, and every Node that comes up
// anywhere. ask runs a document of one query, or of one subscription, and returns its data: that of the first item.
func Draw(schema *ast.Schema, calls map[string][]string, ask func(document string) map[string]any) Picture {
	d := drawer{schema: schema, calls: calls, picture: Picture{Roots: map[string]any{}, Objects: map[string]any{}}}
	for kind, root := range map[string]*ast.Definition{"query": schema.Query, "subscription": schema.Subscription} {
		for _, field := range root.Fields {
			for _, call := range calls[root.Name+"."+field.Name] {
				d.picture.Roots[field.Name+call] = d.keep(ask(kind + " { r: " + field.Name + call + d.below(field.Type) + " }")["r"])
			}
		}
	}
	for len(d.found) > 0 {
		id := d.found[0]
		d.found = d.found[1:]
		if d.picture.Objects[id] != nil {
			continue
		}
		var types []string
		for _, possible := range schema.PossibleTypes["Node"] {
			types = append(types, "... on "+possible.Name+" "+d.selection(possible, "___"+possible.Name))
		}
		node := ask("{ r: node(id: " + strconv.Quote(id) + ") { " + strings.Join(types, " ") + " } }")["r"]
		fields, ok := node.(map[string]any)
		if !ok {
			panic("there is no node " + id)
		}
		object := map[string]any{}
		d.picture.Objects[id] = object
		for name, value := range fields {
			object[d.name(name)] = d.keep(value)
		}
	}
	return d.picture
}

type drawer struct {
	schema  *ast.Schema
	calls   map[string][]string
	picture Picture
	// found are the ids of Nodes that came up.
	found []string
	// texts are the calls that aliases stand for.
	texts []string
}

// below returns the selection of a field's type: of a Node its id alone.
func (d *drawer) below(t *ast.Type) string {
	def := d.schema.Types[t.Name()]
	switch {
	case !def.IsCompositeType():
		return ""
	case d.isNode(def):
		return " { __typename node: id }"
	case def.Kind == ast.Object:
		return " " + d.selection(def, "")
	default:
		parts := []string{"__typename"}
		for _, possible := range d.schema.PossibleTypes[def.Name] {
			parts = append(parts, "... on "+possible.Name+" "+d.selection(possible, "___"+possible.Name))
		}
		return " { " + strings.Join(parts, " ") + " }"
	}
}

func (d *drawer) isNode(def *ast.Definition) bool {
	if def.Name == "Node" {
		return true
	}
	for _, implemented := range def.Interfaces {
		if implemented == "Node" {
			return true
		}
	}
	return false
}

// selection selects every field of an object type. The aliases conflict with no other type's and tell the calls of a field apart.
func (d *drawer) selection(def *ast.Definition, suffix string) string {
	parts := []string{"__typename"}
	for _, field := range def.Fields {
		calls, called := d.calls[def.Name+"."+field.Name]
		if !called && len(field.Arguments) == 0 {
			calls = []string{""}
		}
		for _, call := range calls {
			d.texts = append(d.texts, field.Name+call)
			parts = append(parts, "c"+strconv.Itoa(len(d.texts)-1)+suffix+": "+field.Name+call+d.below(field.Type))
		}
	}
	return "{ " + strings.Join(parts, " ") + " }"
}

// name is the call behind an alias.
func (d *drawer) name(alias string) string {
	number, isCall := strings.CutPrefix(alias, "c")
	number, _, _ = strings.Cut(number, "___")
	if n, err := strconv.Atoi(number); err == nil && isCall {
		return d.texts[n]
	}
	return alias
}

// keep puts references in the place of Nodes, and calls in the place of aliases.
func (d *drawer) keep(value any) any {
	switch value := value.(type) {
	case []any:
		for i := range value {
			value[i] = d.keep(value[i])
		}
		return value
	case map[string]any:
		if id, ok := value["node"].(string); ok {
			d.found = append(d.found, id)
			return map[string]any{"$ref": id}
		}
		kept := make(map[string]any, len(value))
		for name, inner := range value {
			kept[d.name(name)] = d.keep(inner)
		}
		return kept
	default:
		return value
	}
}
