// Package render writes GraphQL objects straight into the answer. gqlgen executes each field by itself: a context, a few
// closures and a value that writes itself later, some ten allocations for a field whose value is at hand, and a goroutine
// for each element of a list. For objects whose selected fields need nothing but the object, which is nearly all of what is
// asked for, internal/gqlgen generates functions that append the same text to one buffer. Whatever they cannot
// write is left to gqlgen, errors above all.
package render

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/fault"
)

// Off leaves everything to gqlgen. It is for the test that compares both.
var Off atomic.Bool

// Out is JSON text under way. As a graphql.Marshaler it is the text.
type Out []byte

var _ graphql.Marshaler = Out(nil)

// MarshalGQL implements graphql.Marshaler.
func (o Out) MarshalGQL(w io.Writer) { _, _ = w.Write(o) } // gqlgen's writers are buffers

// Write implements io.Writer.
func (o *Out) Write(p []byte) (int, error) {
	*o = append(*o, p...)
	return len(p), nil
}

// rootSize is the capacity that a root begins with. Most items of subscriptions fit.
const rootSize = 1 << 10

// Root returns the object that has the value of a field of a root type under its alias.
func Root(alias string, value graphql.Marshaler) Out {
	out := root(alias)
	value.MarshalGQL(&out)
	return append(out, '}')
}

func root(alias string) Out { return append(make(Out, 0, rootSize), '{').Key(0, alias) }

// Key begins the field number i of an object. An alias is a GraphQL name, in which nothing needs escaping.
func (o Out) Key(i int, alias string) Out {
	if i > 0 {
		o = append(o, ',')
	}
	o = append(o, '"')
	o = append(o, alias...)
	return append(o, '"', ':')
}

const hex = "0123456789ABCDEF"

// String writes a string as gqlgen does: RFC 8259 section 7, with what need not be escaped as it is.
func (o Out) String(s string) Out {
	o = append(o, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		o = append(o, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			o = append(o, '\\', c)
		case '\n':
			o = append(o, '\\', 'n')
		case '\r':
			o = append(o, '\\', 'r')
		case '\t':
			o = append(o, '\\', 't')
		default:
			o = append(o, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		}
	}
	return append(append(o, s[from:]...), '"')
}

// Marshaled writes a value that writes itself. It reports false when it is null and must not be.
func (o Out) Marshaled(v graphql.Marshaler, nonNull bool) (Out, bool) {
	if nonNull && v == graphql.Null {
		return nil, false
	}
	v.MarshalGQL(&o)
	return o, true
}

// EnumValue writes what an enum's value is called in the schema. A value that has no name there, a later version's for one, is
// fault.ErrNewer and null: "" would be none of the enum's values, and a client cannot read it.
func EnumValue(ctx context.Context, name string) graphql.Marshaler {
	if name == "" {
		graphql.AddError(ctx, fault.ErrNewer)
		return graphql.Null
	}
	return graphql.MarshalString(name)
}

// Repeated reports whether an earlier field has the same key, which a type's field and that of its interface can have. The
// first one counts, as in gqlgen.
func Repeated(fields []graphql.CollectedField, i int) bool {
	for j := range i {
		if fields[j].ObjectDefinition != fields[i].ObjectDefinition && fields[j].Alias == fields[i].Alias {
			return true
		}
	}
	return false
}
