package model

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/fault"
)

// MarshalInt writes GraphQL's Int.
func MarshalInt(v int) graphql.Marshaler { return graphql.MarshalInt(v) }

// UnmarshalInt reads GraphQL's Int: a whole number of 32 bits (GraphQL specification, section 3.5.1). gqlgen's own accepts more,
// and its errors have no code. BAD_USER_INPUT for anything else.
func UnmarshalInt(v any) (int, error) {
	var text string
	switch v := v.(type) {
	case int64:
		text = strconv.FormatInt(v, 10)
	case int:
		text = strconv.Itoa(v)
	case json.Number:
		text = v.String()
	default:
		return 0, fault.New(fault.BadUserInput, fmt.Sprintf("%s is not an Int: expected a whole number", fault.Quote(fmt.Sprint(v))))
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < math.MinInt32 || n > math.MaxInt32 {
		return 0, fault.New(fault.BadUserInput, fmt.Sprintf("%s is not an Int: expected a whole number from -2^31 to 2^31-1", fault.Quote(text)))
	}
	return int(n), nil
}
