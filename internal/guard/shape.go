package guard

import (
	"math"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
)

// shape has the counts of a selection set that need no schema, its fragments expanded.
type shape struct {
	// depth of the fields, and depth of those from __schema or __type on.
	depth, introspection int
	aliases, directives  int
	fields               int
	// roots are the fields at the top, fragments at the top expanded, __typename left out.
	roots int
}

// spread puts a fragment's shape where it is spread.
func (s *shape) spread(f shape) {
	s.depth, s.introspection = max(s.depth, f.depth), max(s.introspection, f.introspection)
	s.aliases, s.directives = sum(s.aliases, f.aliases), sum(s.directives, f.directives)
	s.fields, s.roots = sum(s.fields, f.fields), sum(s.roots, f.roots)
}

// below adds the shape of a field's selection under the field.
func (s *shape) below(f shape, introspection bool) {
	if introspection {
		s.introspection = max(s.introspection, f.depth+1, f.introspection+1)
	} else {
		s.depth, s.introspection = max(s.depth, f.depth+1), max(s.introspection, f.introspection)
	}
	s.aliases, s.directives = sum(s.aliases, f.aliases), sum(s.directives, f.directives)
	s.fields = sum(s.fields, f.fields)
}

// sum saturates: 30 fragments that spread the one before twice are 2^30 fields, and 70 would be none.
func sum(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}

// product saturates too. Neither factor is negative.
func product(a, b int) int {
	if a != 0 && b > math.MaxInt/a {
		return math.MaxInt
	}
	return a * b
}

// measurement walks a document once: each fragment is measured when it is first met.
type measurement struct {
	fragments map[string]*ast.FragmentDefinition
	measured  map[string]shape
	// open are the fragments that are being measured, in which none of them may be spread.
	open map[string]bool
	// cycle is a spread of an open fragment.
	cycle *ast.FragmentSpread
	// introspects is the first __schema or __type.
	introspects *ast.Field
}

func newMeasurement(query *ast.QueryDocument) *measurement {
	m := &measurement{
		fragments: make(map[string]*ast.FragmentDefinition, len(query.Fragments)),
		measured:  make(map[string]shape, len(query.Fragments)),
		open:      map[string]bool{},
	}
	for _, f := range query.Fragments {
		if m.fragments[f.Name] == nil { // the first of several, as the executor has it; validation refuses the others
			m.fragments[f.Name] = f
		}
	}
	return m
}

func (m *measurement) selectionSet(set ast.SelectionSet) shape {
	var s shape
	var names map[string]bool
	if len(set) > 1 {
		names = make(map[string]bool, len(set))
	}
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			m.field(&s, selection)
			if names[selection.Alias] && selection.Alias == selection.Name {
				s.aliases = sum(s.aliases, 1)
			}
			if names != nil {
				names[selection.Alias] = true
			}
		case *ast.InlineFragment:
			s.directives = sum(s.directives, len(selection.Directives))
			s.spread(m.selectionSet(selection.SelectionSet))
		case *ast.FragmentSpread:
			s.directives = sum(s.directives, len(selection.Directives))
			s.spread(m.fragment(selection))
		}
	}
	return s
}

func (m *measurement) field(s *shape, field *ast.Field) {
	introspection := field.Name == "__schema" || field.Name == "__type"
	if introspection && m.introspects == nil {
		m.introspects = field
	}
	s.fields = sum(s.fields, 1)
	if field.Name != "__typename" {
		s.roots = sum(s.roots, 1)
	}
	if field.Alias != field.Name {
		s.aliases = sum(s.aliases, 1)
	}
	s.directives = sum(s.directives, len(field.Directives))
	s.below(m.selectionSet(field.SelectionSet), introspection)
}

func (m *measurement) fragment(spread *ast.FragmentSpread) shape {
	name := spread.Name
	if s, ok := m.measured[name]; ok {
		return s
	}
	definition := m.fragments[name]
	if definition == nil {
		return shape{} // validation says so
	}
	if m.open[name] {
		if m.cycle == nil {
			m.cycle = spread
		}
		return shape{}
	}
	m.open[name] = true
	s := m.selectionSet(definition.SelectionSet)
	s.directives = sum(s.directives, len(definition.Directives))
	delete(m.open, name)
	m.measured[name] = s
	return s
}

// checkShape compares every operation with the limits, and every fragment, since validation walks those that are not used
// too.
func (g *Guard) checkShape(query *ast.QueryDocument) *gqlerror.Error {
	m := newMeasurement(query)
	for _, operation := range query.Operations {
		s := m.selectionSet(operation.SelectionSet)
		s.directives = sum(s.directives, len(operation.Directives))
		for _, variable := range operation.VariableDefinitions {
			s.directives = sum(s.directives, len(variable.Directives))
		}
		if err := m.refused(); err != nil {
			return err
		}
		if err := g.compare(s); err != nil {
			return err
		}
		if operation.Operation == ast.Subscription {
			if err := m.checkSubscription(operation.SelectionSet); err != nil {
				return err
			}
		}
		limit := g.cfg.Limits.RootFields
		if operation.Operation == ast.Mutation {
			limit = min(limit, g.cfg.Limits.MutationFields)
		}
		if s.roots > limit {
			return refusal(fault.DocumentTooComplex, "One "+string(operation.Operation)+" may have "+counted(limit, "root field")+".", operation.Position)
		}
	}
	for _, f := range query.Fragments {
		s := m.fragment(&ast.FragmentSpread{Name: f.Name, Position: f.Position})
		if strings.HasPrefix(f.TypeCondition, "__") { // it has its place below __schema or __type
			s.depth, s.introspection = 0, max(s.depth, s.introspection)
		}
		if err := m.refused(); err != nil {
			return err
		}
		if err := g.compare(s); err != nil {
			return err
		}
	}
	if m.introspects != nil && !g.cfg.Introspection {
		return refusal(fault.ValidationFailed, "Introspection is switched off on this server.", m.introspects.Position)
	}
	return nil
}

// checkSubscription makes sure that exactly one field is subscribed to, whatever the variables say (section 5.2.4 of the
// GraphQL specification, its draft of 2025 on): gqlparser counts names instead of response keys, and leaves directives to the
// executor, to which none at all is a defect of ours.
func (m *measurement) checkSubscription(set ast.SelectionSet) *gqlerror.Error {
	keys, seen := map[string]bool{}, map[string]bool{}
	var conditional *ast.Directive
	var collect func(ast.SelectionSet)
	collect = func(set ast.SelectionSet) {
		for _, selection := range set {
			var directives ast.DirectiveList
			switch selection := selection.(type) {
			case *ast.Field:
				keys[selection.Alias] = true
				directives = selection.Directives
			case *ast.InlineFragment:
				collect(selection.SelectionSet)
				directives = selection.Directives
			case *ast.FragmentSpread:
				if definition := m.fragments[selection.Name]; definition != nil && !seen[selection.Name] {
					seen[selection.Name] = true
					collect(definition.SelectionSet)
				}
				directives = selection.Directives
			}
			for _, name := range []string{"skip", "include"} {
				if d := directives.ForName(name); d != nil {
					conditional = d
				}
			}
		}
	}
	collect(set)
	switch {
	case conditional != nil:
		return refusal(fault.ValidationFailed, "The root field of a subscription can be neither skipped nor included.", conditional.Position)
	case len(keys) > 1:
		return refusal(fault.ValidationFailed, "A subscription selects one root field.", nil)
	default:
		return nil
	}
}

// refused is a document without a finite shape.
func (m *measurement) refused() *gqlerror.Error {
	if m.cycle == nil {
		return nil
	}
	return refusal(fault.ValidationFailed, `Fragment "`+m.cycle.Name+`" spreads itself.`, m.cycle.Position)
}

func (g *Guard) compare(s shape) *gqlerror.Error {
	limits := g.cfg.Limits
	switch {
	case s.depth > limits.Depth:
		return refusal(fault.DocumentTooComplex, "The document nests fields more than "+number(limits.Depth)+" deep.", nil)
	case s.introspection > limits.IntrospectionDepth:
		return refusal(fault.DocumentTooComplex, "The document nests introspection fields more than "+number(limits.IntrospectionDepth)+" deep.", nil)
	case s.aliases > limits.Aliases:
		return tooMany("aliases and repeated fields", limits.Aliases)
	case s.directives > limits.Directives:
		return tooMany("directives", limits.Directives)
	case s.fields > limits.Fields:
		return tooMany("fields, counted as often as their fragments are spread", limits.Fields)
	}
	return nil
}

func counted(n int, what string) string {
	if n == 1 {
		return "only one " + what
	}
	return number(n) + " " + what + "s"
}
