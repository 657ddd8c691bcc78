package main

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/vektah/gqlparser/v2/ast"
)

//go:embed constants.gotpl
var constantsTemplate string

// constants is a Go file whose constants are the values of enums of the schema.
type constants struct {
	file, pkg string
	// goType is the constants' type, which the package declares.
	goType string
	// of reports whether an enum is one of them.
	of func(enum string) bool
	// valid adds a method Valid to the type.
	valid bool
}

// constantFiles are generated before gqlgen runs, which binds the schema's enums to their constants. Adding a value to one of these enums
// takes no change by hand in Go.
var constantFiles = []constants{
	{
		file: "internal/fault/codes.generated.go", pkg: "fault", goType: "Code",
		of: func(enum string) bool { return strings.HasSuffix(enum, "ErrorCode") },
	},
	{
		file: "internal/order/event_type.generated.go", pkg: "order", goType: "EventType",
		of: func(enum string) bool { return enum == "OrderEventType" }, valid: true,
	},
}

// enumConstant is a value of one or more enums.
type enumConstant struct {
	Name, Value string
	// Enums have the value, in the order of their names.
	Enums []string
	// Comment is the value's description in the first of them.
	Comment []string
}

// generate writes the file, its constants in the order of their names.
func (c constants) generate(schema *ast.Schema) error {
	var all []*enumConstant
	byValue := map[string]*enumConstant{}
	for _, enum := range definitions(schema, ast.Enum) {
		if !c.of(enum.Name) {
			continue
		}
		for _, value := range enum.EnumValues {
			known := byValue[value.Name]
			if known == nil {
				known = &enumConstant{Name: templates.ToGo(value.Name), Value: value.Name, Comment: strings.Split(strings.TrimSpace(value.Description), "\n")}
				byValue[value.Name] = known
				all = append(all, known)
			}
			known.Enums = append(known.Enums, enum.Name)
		}
	}
	slices.SortFunc(all, func(a, b *enumConstant) int { return strings.Compare(a.Name, b.Name) })
	return writeGo(c.file, constantsTemplate, map[string]any{"Package": c.pkg, "Type": c.goType, "Constants": all, "Valid": c.valid})
}
