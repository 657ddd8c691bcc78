package main

import (
	"fmt"
	"go/constant"
	"go/types"

	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/plugin"
	"github.com/vektah/gqlparser/v2/ast"
)

// enums is the plugin that binds each value of an enum to a Go constant, as enum_values of gqlgen.yml would: of the constants that have
// the enum's Go type, the one whose text is the value's name. A value without one is an error, here and not when a client asks.
type enums struct{}

var _ plugin.ConfigMutator = enums{}

// Name implements plugin.Plugin.
func (enums) Name() string { return "enums" }

// MutateConfig implements plugin.ConfigMutator. It runs after gqlgen's own plugin that makes models for the enums that have none.
func (enums) MutateConfig(cfg *config.Config) error {
	binder := cfg.NewBinder()
	for _, enum := range definitions(cfg.Schema, ast.Enum) {
		model := cfg.Models[enum.Name]
		if len(model.Model) != 1 || len(model.EnumValues) > 0 {
			continue
		}
		goType, err := binder.FindTypeFromName(model.Model[0])
		if err != nil {
			return err
		}
		named, is := goType.(*types.Named)
		if !is || named.Obj().Pkg().Path() == cfg.Model.ImportPath() { // gqlgen's own models marshal themselves
			continue
		}
		if model.EnumValues, err = enumValues(enum, named); err != nil {
			return err
		}
		cfg.Models[enum.Name] = model
	}
	return nil
}

// enumValues finds the constants of a type that stand for an enum's values.
func enumValues(enum *ast.Definition, goType *types.Named) (map[string]config.EnumValue, error) {
	pkg := goType.Obj().Pkg()
	byText := map[string]string{}
	for _, name := range pkg.Scope().Names() {
		declared, is := pkg.Scope().Lookup(name).(*types.Const)
		if !is || !types.Identical(declared.Type(), goType) || declared.Val().Kind() != constant.String {
			continue
		}
		text := constant.StringVal(declared.Val())
		if other := byText[text]; other != "" {
			return nil, fmt.Errorf("%s: both %s and %s of %s are %q", enum.Name, other, name, pkg.Path(), text)
		}
		byText[text] = name
	}
	values := map[string]config.EnumValue{}
	for _, value := range enum.EnumValues {
		name, known := byText[value.Name]
		if !known {
			return nil, fmt.Errorf("%s has the value %s, but %s no constant %q of type %s", enum.Name, value.Name, pkg.Path(), value.Name, goType.Obj().Name())
		}
		values[value.Name] = config.EnumValue{Value: pkg.Path() + "." + name}
	}
	return values, nil
}
