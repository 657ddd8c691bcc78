package main

import (
	"fmt"
	"strings"

	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
)

// appenders has code that appends a value in place of calling the marshaler that gqlgen.yml names for its type. Both write the same text.
var appenders = map[string]string{
	"github.com/99designs/gqlgen/graphql.MarshalString":                     "out = out.String(string(%s))",
	"github.com/99designs/gqlgen/graphql.MarshalBoolean":                    "out = strconv.AppendBool(out, %s)",
	"github.com/orderwire/orderwire/graph/model.MarshalInt":                 "out = strconv.AppendInt(out, int64(%s), 10)",
	"github.com/orderwire/orderwire/internal/gqlscalar.MarshalInt64":        "out = gqlscalar.AppendInt64(out, %s)",
	"github.com/orderwire/orderwire/internal/gqlscalar.MarshalDecimal":      "out = out.String(%s)",
	"github.com/orderwire/orderwire/internal/gqlscalar.MarshalCurrencyCode": "out = out.String(%s)",
	"github.com/orderwire/orderwire/internal/gqlscalar.MarshalDateTime":     "out = gqlscalar.AppendDateTime(out, %s)",
}

// value returns the code that appends the field's value v to out.
func value(f *codegen.Field) string {
	var b strings.Builder
	taken := f.IsVariable() && !f.TypeReference.IsNilable() && f.TypeReference.Definition.IsCompositeType() // v is its address
	write(&b, f.TypeReference, "v", taken, 0)
	return b.String()
}

// write writes the code for a value of the type. address reports whether v is the value's address.
func write(b *strings.Builder, t *config.TypeReference, v string, address bool, depth int) {
	switch {
	case t.IsPtrToSlice(), t.IsPtrToIntf(), t.IsPtrToPtr(), t.IsOmittable, t.IsContext:
		b.WriteString("return nil, false\n")
	case t.IsSlice():
		list(b, t, v, depth)
	case t.IsNilable():
		fmt.Fprintf(b, "if %s == nil {\n%s} else {\n", v, null(t))
		single(b, t, v)
		b.WriteString("}\n")
	default:
		if t.Definition.IsCompositeType() && !address {
			v = "&" + v
		}
		single(b, t, v)
	}
}

func list(b *strings.Builder, t *config.TypeReference, v string, depth int) {
	if !t.GQL.NonNull {
		fmt.Fprintf(b, "if %s == nil {\n%s} else {\n", v, null(t))
		defer b.WriteString("}\n")
	}
	i := string(rune('j' + depth))
	fmt.Fprintf(b, "out = append(out, '[')\nfor %s := range %s {\nif %s > 0 {\nout = append(out, ',')\n}\n", i, v, i)
	write(b, t.Elem(), fmt.Sprintf("%s[%s]", v, i), false, depth+1)
	b.WriteString("}\nout = append(out, ']')\n")
}

// null returns the code for a value that is nil.
func null(t *config.TypeReference) string {
	if t.GQL.NonNull {
		return "return nil, false\n"
	}
	return "out = append(out, \"null\"...)\n"
}

// single writes the code for a value that is not nil. Of an object v is its address or an interface.
func single(b *strings.Builder, t *config.TypeReference, v string) {
	if t.Definition.IsCompositeType() {
		fmt.Fprintf(b, "var ok bool\nif out, ok = ec.render%s(ctx, run, out, field.Selections, %s); !ok {\nreturn nil, false\n}\n", t.Definition.Name, v)
		return
	}
	if t.IsMarshaler { // of a generated enum
		marshaled(b, t, v)
		return
	}
	switch { // as gqlgen's type.gotpl has it
	case t.IsTargetNilable() && !t.IsNilable():
		v = "&" + v
	case !t.IsTargetNilable() && t.IsNilable():
		v = "*" + v
	}
	switch {
	case t.HasEnumValues():
		fmt.Fprintf(b, "word, known := %s[%s]\nif !known {\nreturn nil, false\n}\n", t.EnumMarshalVar(false), v)
		v = "word"
	case t.CastType != nil:
		v = fmt.Sprintf("%s(%s)", named(t.CastType), v)
	}
	full := t.Marshaler.Pkg().Path() + "." + t.Marshaler.Name()
	if appender, known := appenders[full]; known {
		if strings.HasSuffix(full, "MarshalDateTime") && t.GQL.NonNull {
			fmt.Fprintf(b, "if (%s).IsZero() {\nreturn nil, false\n}\n", v) // it would be null
		}
		fmt.Fprintf(b, appender+"\n", v)
		return
	}
	marshaled(b, t, fmt.Sprintf("%s(%s)", templates.Call(t.Marshaler), v))
}

// marshaled writes the code that calls the value's own marshaler.
func marshaled(b *strings.Builder, t *config.TypeReference, v string) {
	fmt.Fprintf(b, "var ok bool\nif out, ok = out.Marshaled(%s, %t); !ok {\nreturn nil, false\n}\n", v, t.GQL.NonNull)
}
