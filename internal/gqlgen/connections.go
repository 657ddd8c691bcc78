package main

import (
	_ "embed"
	"fmt"
	"go/types"
	"strings"
	"text/template"

	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/plugin"
)

//go:embed connections.gotpl
var connectionsTemplate string

// connections is the plugin that generates, for each connection type of the schema, the function that makes one of a page.
// Convention: https://relay.dev/graphql/connections.htm
type connections struct{}

var _ plugin.CodeGenerator = connections{}

// Name implements plugin.Plugin.
func (connections) Name() string { return "connections" }

// connection is a connection type. The types are those of Go.
type connection struct {
	Name                   string
	Connection, Edge, Node types.Type
}

// GenerateCode implements plugin.CodeGenerator.
func (connections) GenerateCode(data *codegen.Data) error {
	var all []connection
	for _, object := range data.Objects {
		if !strings.HasSuffix(object.Name, "Connection") {
			continue
		}
		c, err := connectionOf(data, object)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	return writeResolver(data, "connection.generated.go", connectionsTemplate, template.FuncMap{"elem": elem}, map[string]any{"Connections": all})
}

// connectionOf describes a connection type, which has edges, nodes and pageInfo, and edges with a cursor and a node.
func connectionOf(data *codegen.Data, object *codegen.Object) (connection, error) {
	c := connection{Name: object.Name, Connection: object.Reference()}
	edges, nodes := fieldOf(data, object.Name, "edges"), fieldOf(data, object.Name, "nodes")
	if edges == nil || nodes == nil || len(object.Fields) != 3 {
		return c, fmt.Errorf("%s has other fields than edges, nodes and pageInfo", object.Name)
	}
	edge := edges.TypeReference.Definition.Name
	if fields := data.Objects.ByName(edge).Fields; len(fields) != 2 || fieldOf(data, edge, "cursor") == nil || fieldOf(data, edge, "node") == nil {
		return c, fmt.Errorf("%s has other fields than cursor and node", edge)
	}
	c.Edge, c.Node = edges.TypeReference.Elem().GO, nodes.TypeReference.Elem().GO
	return c, nil
}
