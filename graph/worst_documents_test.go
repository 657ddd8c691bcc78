package graph_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/guard"
)

// worst generates documents from the schema that ask for as much as the guard admits: nested lists, back-references, aliases, fragments,
// all leaves or none, and each page as large as the cost allows.
type worst struct {
	schema *ast.Schema
	guard  *guard.Guard
	random *rand.Rand
	// arguments for fields, by "Type.field", without the size of the page.
	arguments map[string][]string
	// leaf is the chance of a field without fields of its own, object that of one with some.
	leaf, object float64
	ids          *strings.Replacer
	products     []string
	aliases      int
}

// admitted is a document that the guard admits, with the values of its variables.
type admitted struct {
	kind      string
	text      string
	variables map[string]any
	cost      guard.Cost
}

// query generates a query of the root field as often as times says, in one operation. It is false when no page is small enough.
func (w *worst) query(p auth.Principal, field *ast.FieldDefinition, times int) (admitted, bool) {
	w.generous()
	var roots []string
	for i := range times {
		roots = append(roots, fmt.Sprintf("r%d: %s", i, w.field("Query", field, 1+w.random.IntN(8))))
	}
	text := "{ " + strings.Join(roots, " ") + " }"
	if strings.Contains(text, "$n") {
		text = "query($n: Int!) " + text
	}
	return w.largest(p, field.Name, text)
}

// generous chooses how much the next document selects.
func (w *worst) generous() {
	w.leaf, w.object, w.aliases = []float64{0, 0.5, 1}[w.random.IntN(3)], []float64{0.15, 0.3, 0.6}[w.random.IntN(3)], 0
}

// largest looks for the largest page with which a document is admitted.
func (w *worst) largest(p auth.Principal, kind, text string) (admitted, bool) {
	document, errs := w.guard.Document(text)
	if errs != nil || document.CheckAccess(document.Query.Operations[0], p.Role) != nil {
		return admitted{}, false
	}
	a := admitted{kind: kind, text: text, variables: map[string]any{}}
	admits := func(n int) bool {
		a.variables["n"] = int64(n)
		var err *gqlerror.Error
		a.cost, err = document.Cost(document.Query.Operations[0], a.variables)
		return err == nil
	}
	low, high := 1, 100
	if !admits(low) {
		return a, false
	}
	for low < high {
		if middle := (low + high + 1) / 2; admits(middle) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return a, admits(low)
}

// field is a field with arguments and, when it has fields of its own, some of them.
func (w *worst) field(object string, field *ast.FieldDefinition, depth int) string {
	call, arguments := field.Name, []string{}
	if variants := w.arguments[object+"."+field.Name]; len(variants) > 0 {
		arguments = append(arguments, variants[w.random.IntN(len(variants))])
	}
	if strings.HasSuffix(field.Type.Name(), "Connection") {
		size := "first: $n"
		switch {
		case object != "Query":
			size = fmt.Sprintf("first: %d", []int{1, 10, 100}[w.random.IntN(3)])
		case field.Arguments.ForName("last") != nil && w.random.IntN(3) == 0:
			size = "last: $n"
		}
		arguments = append(arguments, size)
	}
	if arguments = slices.DeleteFunc(arguments, func(s string) bool { return s == "" }); len(arguments) > 0 {
		call += "(" + strings.Join(arguments, ", ") + ")"
	}
	if of := w.schema.Types[field.Type.Name()]; !of.IsLeafType() {
		call += " { " + w.selection(of, depth-1) + " }"
	}
	return call
}

func (w *worst) selection(of *ast.Definition, depth int) string {
	if of.IsAbstractType() {
		parts := []string{"__typename"}
		for _, possible := range w.schema.GetPossibleTypes(of) {
			if w.random.IntN(3) == 0 && depth > 0 {
				parts = append(parts, "... on "+possible.Name+" { "+w.selection(possible, depth)+" }")
			}
		}
		return strings.Join(parts, " ")
	}
	parts := []string{"__typename"}
	connection := strings.HasSuffix(of.Name, "Connection")
	for i, field := range of.Fields {
		chance := w.object
		leaf := w.schema.Types[field.Type.Name()].IsLeafType()
		switch {
		case leaf:
			chance = w.leaf
		case depth <= 0:
			continue
		case connection && field.Name != "pageInfo" || field.Name == "node":
			chance = max(chance, 0.5)
		}
		if strings.HasPrefix(field.Name, "__") || w.random.Float64() >= chance {
			continue
		}
		part := w.field(of.Name, field, depth)
		if !leaf && w.aliases < 9 && w.random.IntN(8) == 0 {
			w.aliases++
			part += fmt.Sprintf(" again%d: %s", i, w.field(of.Name, field, depth))
		}
		if w.random.IntN(12) == 0 {
			part = "... on " + of.Name + " { " + part + " }"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " ")
}
