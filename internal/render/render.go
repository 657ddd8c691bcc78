// Package render writes GraphQL objects straight into the answer.
//
// gqlgen executes each field by itself: a context, a few closures and a marshaler, some ten allocations for a field whose
// value is at hand, and a goroutine for each element of a list. The selected fields of nearly all objects need nothing but
// the object. For those, internal/gqlgen generates functions that append the same text to one buffer. They leave whatever
// they cannot write, errors above all, to gqlgen.
package render

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/fault"
)

// Off leaves everything to gqlgen, for the test that compares both.
var Off atomic.Bool

// Out is JSON text under construction. As a graphql.Marshaler it writes the text.
type Out []byte

var _ graphql.Marshaler = Out(nil)

// MarshalGQL implements graphql.Marshaler.
func (o Out) MarshalGQL(w io.Writer) { _, _ = w.Write(o) } // gqlgen writes to buffers, which never fail

// Write implements io.Writer.
func (o *Out) Write(p []byte) (int, error) {
	*o = append(*o, p...)
	return len(p), nil
}

// rootSize is the initial capacity of a root. Most items of subscriptions fit.
const rootSize = 1 << 10

// Root returns the object that has the value of a root field under its alias.
func Root(alias string, value graphql.Marshaler) Out {
	out := root(alias)
	value.MarshalGQL(&out)
	return append(out, '}')
}

func root(alias string) Out { return append(make(Out, 0, rootSize), '{').Key(0, alias) }

// Key begins the field number i of an object. An alias is a GraphQL name and needs no escaping.
func (o Out) Key(i int, alias string) Out {
	if i > 0 {
		o = append(o, ',')
	}
	o = append(o, '"')
	o = append(o, alias...)
	return append(o, '"', ':')
}

const hex = "0123456789ABCDEF"

// String writes a string as gqlgen does: RFC 8259 section 7, with the escapes that it requires.
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

// Marshaled writes a value with its own marshaler. It returns false when the value is null and must not be.
func (o Out) Marshaled(v graphql.Marshaler, nonNull bool) (Out, bool) {
	if nonNull && v == graphql.Null {
		return nil, false
	}
	v.MarshalGQL(&o)
	return o, true
}

// EnumValue writes the schema's name of an enum value. A value without a name, for example a later version's, is
// fault.ErrNewer and null: clients could not read "".
func EnumValue(ctx context.Context, name string) graphql.Marshaler {
	if name == "" {
		graphql.AddError(ctx, fault.ErrNewer)
		return graphql.Null
	}
	return graphql.MarshalString(name)
}

// Repeated reports whether an earlier field has the same key, as a type's field and its interface's may have. The first one
// counts, as in gqlgen.
func Repeated(fields []graphql.CollectedField, i int) bool {
	for j := range i {
		if fields[j].ObjectDefinition != fields[i].ObjectDefinition && fields[j].Alias == fields[i].Alias {
			return true
		}
	}
	return false
}
