package guard

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/orderwire/orderwire/internal/fault"
)

// maxName bounds names, in bytes. They come back: as keys of the data, in paths and in messages of validation.
const maxName = 128

// parse is reached with a bounded number of tokens only, and gqlparser refuses to nest more than 1,000 deep by itself.
func parse(document scanned) (*ast.QueryDocument, *gqlerror.Error) {
	query, err := parser.ParseQuery(&ast.Source{Input: document.text})
	if err != nil {
		return nil, syntaxError(document.text, err)
	}
	for _, fragment := range query.Fragments {
		if len(fragment.VariableDefinition) > 0 { // an experiment that gqlparser takes and nothing executes
			return nil, refusal(fault.ParseFailed, "Syntax error: a fragment has no variables.", fragment.Position)
		}
	}
	if len(query.Operations) == 0 {
		return nil, refusal(fault.ValidationFailed, "The document has no operation.", nil)
	}
	document.restore(query)
	relocate(query, document.text)
	return query, nil
}

// syntaxError says which token was expected and where. The token that was found may be a secret, so only its kind is shown.
func syntaxError(text string, err error) *gqlerror.Error {
	shown := refusal(fault.ParseFailed, "Syntax error.", nil)
	var e *gqlerror.Error
	if !errors.As(err, &e) {
		return shown
	}
	const quoted = ` "`
	message, _, _ := strings.Cut(e.Message, ": ")
	if _, found, ok := strings.Cut(message, "found "); ok {
		if i := strings.Index(found, quoted); i >= 0 {
			message = message[:len(message)-len(found)+i]
		}
	} else if i := strings.Index(message, quoted); i >= 0 && strings.HasPrefix(message, "Unexpected ") {
		message = message[:i]
	}
	place := ""
	if len(e.Locations) > 0 {
		for kind, quotes := range map[string]int{" String": 1, " BlockString": 3} {
			if strings.HasSuffix(message, kind) {
				e.Locations[0] = placesOf(text).unexpected(e.Locations[0], quotes)
			}
		}
		place = fmt.Sprintf(" at line %d, column %d", e.Locations[0].Line, e.Locations[0].Column)
	}
	message = fmt.Sprintf("Syntax error%s: %s", place, message)
	shown.Message, shown.Locations, shown.Err = message, e.Locations, fault.New(fault.ParseFailed, message)
	return shown
}
