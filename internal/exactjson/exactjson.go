// Package exactjson reads JSON about identities and rights, and refuses any that two readers could understand differently.
//
// encoding/json matches a struct's members without regard to case and takes the last of several with one name, so two
// programs may read two different tokens from the same bytes (RFC 8259 section 4; RFC 7519 section 4 lets a reader refuse
// them). Here such an object is an error.
package exactjson

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	exact "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Unmarshal reads one JSON value into a pointer. Names of members match exactly, other members are ignored. Duplicate names
// at any depth, invalid UTF-8 and anything behind the value are errors.
func Unmarshal(text []byte, into any, options ...exact.Options) error {
	return exact.Unmarshal(text, into, options...)
}

// RejectUnknownMembers is an option of Unmarshal.
var RejectUnknownMembers = exact.RejectUnknownMembers(true)

// Object reads the members of one JSON object. It refuses what Unmarshal refuses and, in this object, names that differ
// only in the case of letters from each other or from one of the known names.
func Object(text []byte, known ...string) (map[string]json.RawMessage, error) {
	var members map[string]jsontext.Value
	if err := exact.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, fmt.Errorf("not an object")
	}
	byFold := make(map[string]string, len(members)+len(known))
	for _, name := range known {
		byFold[fold(name)] = name
	}
	object := make(map[string]json.RawMessage, len(members))
	for name, value := range members {
		folded := fold(name)
		if other, taken := byFold[folded]; taken && other != name {
			return nil, fmt.Errorf("a member's name differs from %q only in case", other)
		}
		byFold[folded] = name
		object[name] = json.RawMessage(value)
	}
	return object, nil
}

// String reads a JSON string, and nothing else.
func String(text []byte) (s string, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		return "", false
	}
	return s, exact.Unmarshal(text, &s) == nil
}

// fold maps letters that differ only in case to one of them, as strings.EqualFold compares.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		smallest := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			smallest = min(smallest, next)
		}
		return smallest
	}, s)
}
