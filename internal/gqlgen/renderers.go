package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/99designs/gqlgen/plugin"
)

//go:embed render.gotpl
var renderTemplate string

// renderers is the plugin that generates the functions.
type renderers struct {
	// objects are the names of the types that have one.
	objects []string
}

var (
	_ plugin.Plugin        = (*renderers)(nil)
	_ plugin.CodeGenerator = (*renderers)(nil)
)

// Name implements plugin.Plugin.
func (r *renderers) Name() string { return "renderers" }

// GenerateCode implements plugin.CodeGenerator.
func (r *renderers) GenerateCode(data *codegen.Data) error {
	var objects []*codegen.Object
	for _, o := range data.Objects {
		if o.Root || o.BuiltIn { // introspection is rare, and its types are gqlgen's
			continue
		}
		objects = append(objects, o)
		r.objects = append(r.objects, o.Name)
	}
	var interfaces []*codegen.Interface
	for _, i := range data.Interfaces {
		if !i.BuiltIn {
			interfaces = append(interfaces, i)
		}
	}
	slices.SortFunc(interfaces, func(a, b *codegen.Interface) int { return strings.Compare(a.Name, b.Name) })
	return writeExecutor(data, "render.generated.go", renderTemplate, template.FuncMap{"plain": plain, "value": value}, map[string]any{"Objects": objects, "Interfaces": interfaces})
}

// plain reports whether a field can be rendered: its value needs no more than the object and the arguments. A resolver may load from the
// database: its response's scope loads for all objects of a list at once, so that calling resolvers one after the other costs no
// statement more.
func plain(f *codegen.Field) bool {
	switch {
	case len(f.Args) > 0 && !f.IsResolver, f.Stream, f.IsBatch(), f.HasDirectives(), f.IsMap(), f.HasHaser, f.TypeReference.IsRoot:
		return false
	case f.IsResolver, f.IsVariable():
		return true
	}
	return f.IsMethod() && !f.VOkFunc
}

// begins matches the start of the function that gqlgen generates for a type.
var begins = regexp.MustCompile(`(?m)^func \(ec \*executionContext\) _(\w+)\(ctx context\.Context, sel ast\.SelectionSet, obj [^)]+\) graphql\.Marshaler \{\n\tfields := `)

// rawArguments matches a call of gqlgen's own coercion of arguments.
var rawArguments = regexp.MustCompile(`fc\.Args, err = ec\.(field_\w+_args)\(ctx, field\.ArgumentMap\(ec\.Variables\)\)`)

// enumValue matches where gqlgen looks up the name of an enum's value. It writes "" for a value that the schema lacks.
var enumValue = regexp.MustCompile(`graphql\.MarshalString\((marshal[^\[\]]+\[\*?v\])\)`)

// install changes what gqlgen has generated: each type's function calls the renderer first, arguments are coerced by package coerce, and enum
// values that the schema lacks are refused.
func (r *renderers) install(folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.generated.go"))
	if err != nil {
		return err
	}
	var installed []string
	for _, file := range files {
		source, err := os.ReadFile(file) //nolint:gosec // it is gqlgen's
		if err != nil {
			return err
		}
		changed := begins.ReplaceAllFunc(source, func(head []byte) []byte {
			name := string(begins.FindSubmatch(head)[1])
			if !slices.Contains(r.objects, name) {
				return head
			}
			installed = append(installed, name)
			const fields = "\tfields := "
			return fmt.Appendf(slices.Clip(head[:len(head)-len(fields)]), "\tif out, ok := ec.rendered%s(ctx, sel, obj); ok {\n\t\treturn out\n\t}\n%s", name, fields)
		})
		changed = rawArguments.ReplaceAll(changed, []byte("fc.Args, err = ec.arguments(ctx, field.Field, ec.$1)"))
		changed = enumValue.ReplaceAll(changed, []byte("enumValue(ctx, $1)"))
		if bytes.Contains(changed, []byte("graphql.MarshalString(marshal")) {
			return fmt.Errorf("%s: enumValue no longer matches gqlgen's output, so gqlgen would write the enums; adapt it to this version of gqlgen", file)
		}
		if bytes.Contains(changed, []byte("ArgumentMap")) {
			return fmt.Errorf("%s: rawArguments no longer matches gqlgen's output, so gqlgen would coerce the arguments; adapt it to this version of gqlgen", file)
		}
		if err := os.WriteFile(file, changed, 0o644); err != nil { //nolint:gosec // as gqlgen does
			return err
		}
	}
	if len(installed) != len(r.objects) {
		return fmt.Errorf("of %d renderers %d were installed: gqlgen's output has changed its form", len(r.objects), len(installed))
	}
	return nil
}

// named returns a type's name in the generated file.
func named(t types.Type) string { return templates.CurrentImports.LookupType(t) }
