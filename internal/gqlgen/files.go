package main

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/vektah/gqlparser/v2/ast"
)

// definitions returns the schema's types of a kind by name, without those of GraphQL itself.
func definitions(schema *ast.Schema, kind ast.DefinitionKind) []*ast.Definition {
	var all []*ast.Definition
	for _, definition := range schema.Types {
		if definition.Kind == kind && !definition.BuiltIn {
			all = append(all, definition)
		}
	}
	slices.SortFunc(all, func(a, b *ast.Definition) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// writeGo writes a Go file from a template, before gqlgen runs: packages that gqlgen loads are complete then.
func writeGo(path, text string, data any) error {
	parsed, err := template.New(path).Funcs(template.FuncMap{"join": strings.Join}).Parse(text)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, data); err != nil {
		return err
	}
	source, err := format.Source(out.Bytes())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, source, 0o644) //nolint:gosec // as gqlgen does
}

// writeExecutor writes a file of the package that gqlgen's executor is in, with gqlgen's template functions and funcs.
func writeExecutor(data *codegen.Data, file, text string, funcs template.FuncMap, values map[string]any) error {
	return writeGenerated(data, data.Config.Exec.Package, filepath.Join(data.Config.Exec.DirName, file), text, funcs, values)
}

// writeResolver is writeExecutor for the resolvers' package.
func writeResolver(data *codegen.Data, file, text string, funcs template.FuncMap, values map[string]any) error {
	return writeGenerated(data, data.Config.Resolver.Package, filepath.Join(data.Config.Resolver.Dir(), file), text, funcs, values)
}

func writeGenerated(data *codegen.Data, pkg, path, text string, funcs template.FuncMap, values map[string]any) error {
	return templates.Render(templates.Options{
		PackageName: pkg, Template: text, Filename: path, GeneratedHeader: true,
		Data: values, Funcs: funcs, Packages: data.Config.Packages,
	})
}
