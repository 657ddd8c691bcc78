package coerce

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/gqlscalar"
)

// leaf coerces a JSON value that is not null to a scalar or an enum. wrong is the reason if it cannot, else "".
func leaf(def *ast.Definition, v any) (coerced any, wrong string) {
	if def.Kind == ast.Enum {
		text, ok := v.(string)
		if !ok {
			return nil, `Enum "` + def.Name + `" cannot represent non-string value.`
		}
		if def.EnumValues.ForName(text) == nil {
			return nil, `The value does not exist in "` + def.Name + `" enum.`
		}
		return text, ""
	}
	switch def.Name {
	case "Int":
		number, ok := v.(json.Number)
		if !ok {
			return nil, notInteger
		}
		return integer(number)
	case "Float":
		if number, ok := v.(json.Number); ok {
			if f, err := number.Float64(); err == nil {
				return f, ""
			}
		}
		return nil, "Float cannot represent non numeric value."
	case "String":
		if text, ok := v.(string); ok {
			return text, ""
		}
		return nil, notString
	case "Boolean":
		if b, ok := v.(bool); ok {
			return b, ""
		}
		return nil, notBoolean
	case "ID":
		return identifier(v)
	default:
		return own(def, v)
	}
}

const (
	notInteger    = "Int cannot represent non-integer value."
	notInteger32  = "Int cannot represent non 32-bit signed integer value."
	notString     = "String cannot represent a non string value."
	notBoolean    = "Boolean cannot represent a non boolean value."
	notIdentifier = "ID cannot represent a non-string and non-integer value."
)

// integer takes any JSON number that is whole and has 32 bits, however it is written: 1, 1.0 and 1e0 are the same number.
func integer(number json.Number) (any, string) {
	f, err := number.Float64()
	switch {
	case err != nil && !math.IsInf(f, 0), f != math.Trunc(f) && !math.IsInf(f, 0):
		return nil, notInteger
	case f < math.MinInt32 || f > math.MaxInt32:
		return nil, notInteger32
	default:
		return int64(f), ""
	}
}

var digits = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

// identifier takes a string or a whole number, which becomes its digits. A number that is written with digits alone keeps all
// of them, also beyond 2^53.
func identifier(v any) (any, string) {
	switch v := v.(type) {
	case string:
		return v, ""
	case json.Number:
		if digits.MatchString(v.String()) {
			return v.String(), ""
		}
		f, err := v.Float64()
		if err != nil || f != math.Trunc(f) {
			return nil, notIdentifier
		}
		if math.Abs(f) >= 1e21 { // from here on ECMAScript writes an exponent (Number::toString)
			return strconv.FormatFloat(f, 'e', -1, 64), ""
		}
		return strconv.FormatFloat(f+0, 'f', -1, 64), "" // +0: -0 is 0
	default:
		return nil, notIdentifier
	}
}

// own coerces to one of the schema's own scalars. It returns the value as the client sent it; gqlgen parses it later.
func own(def *ast.Definition, v any) (any, string) {
	check, known := gqlscalar.Check(def.Name)
	if !known {
		return nil, `The scalar "` + def.Name + `" is not for input.`
	}
	switch v.(type) {
	case string, json.Number:
		if err := check(v); err != nil {
			return nil, messageOf(err)
		}
		return v, ""
	default:
		return nil, def.Name + " cannot represent this value."
	}
}

func messageOf(err error) string {
	if f, ok := err.(*fault.Error); ok { //nolint:errorlint // gqlscalar's errors are not wrapped
		return f.Message
	}
	return err.Error()
}

// literalLeaf coerces a literal that is neither null nor a variable to a scalar or an enum.
func literalLeaf(def *ast.Definition, v *ast.Value) (coerced any, wrong string) {
	text := v.Kind == ast.StringValue || v.Kind == ast.BlockValue
	if def.Kind == ast.Enum {
		switch {
		case v.Kind != ast.EnumValue:
			return nil, `Enum "` + def.Name + `" cannot represent non-enum value.`
		case def.EnumValues.ForName(v.Raw) == nil:
			return nil, `The value does not exist in "` + def.Name + `" enum.`
		default:
			return v.Raw, ""
		}
	}
	switch def.Name {
	case "Int":
		if v.Kind != ast.IntValue {
			return nil, notInteger
		}
		return integer(json.Number(v.Raw))
	case "Float":
		if v.Kind == ast.IntValue || v.Kind == ast.FloatValue {
			return leaf(def, json.Number(v.Raw))
		}
		return nil, "Float cannot represent non numeric value."
	case "String":
		if !text {
			return nil, notString
		}
		return v.Raw, ""
	case "Boolean":
		if v.Kind != ast.BooleanValue {
			return nil, notBoolean
		}
		return v.Raw == "true", ""
	case "ID":
		if !text && v.Kind != ast.IntValue {
			return nil, notIdentifier
		}
		return v.Raw, ""
	}
	switch {
	case text:
		return own(def, v.Raw)
	case v.Kind == ast.IntValue || v.Kind == ast.FloatValue:
		return own(def, json.Number(v.Raw))
	default:
		return nil, def.Name + " cannot represent this value."
	}
}
