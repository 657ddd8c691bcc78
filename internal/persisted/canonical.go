package persisted

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"
)

// maxTokens bounds a document of the manifest. Documents of clients have the guard's limit, which Resolve checks first.
const maxTokens = 100_000

// canonical returns a document's canonical text. It is independent of the layout, the comments, the order of the
// definitions, and the plain __typename fields that clients add by themselves and that reveal nothing.
func canonical(text string) (string, error) {
	query, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxTokens)
	if err != nil {
		return "", err
	}
	if len(query.Operations) == 0 {
		return "", errors.New("no operation")
	}
	return render(query), nil
}

// render changes the query that it is given.
func render(query *ast.QueryDocument) string {
	for _, operation := range query.Operations {
		operation.SelectionSet = withoutTypename(operation.SelectionSet)
	}
	for _, fragment := range query.Fragments {
		fragment.SelectionSet = withoutTypename(fragment.SelectionSet)
	}
	slices.SortStableFunc(query.Operations, func(a, b *ast.OperationDefinition) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortStableFunc(query.Fragments, func(a, b *ast.FragmentDefinition) int { return cmp.Compare(a.Name, b.Name) })
	var b strings.Builder
	formatter.NewFormatter(&b).FormatQueryDocument(query)
	return b.String()
}

func withoutTypename(set ast.SelectionSet) ast.SelectionSet {
	kept := make(ast.SelectionSet, 0, len(set))
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			if selection.Name == "__typename" && selection.Alias == selection.Name && len(selection.Directives) == 0 {
				continue
			}
			selection.SelectionSet = withoutTypename(selection.SelectionSet)
		case *ast.InlineFragment:
			selection.SelectionSet = withoutTypename(selection.SelectionSet)
		}
		kept = append(kept, selection)
	}
	if len(kept) == 0 {
		return set // a set of only __typename reveals something, and an empty set is not valid
	}
	return kept
}
