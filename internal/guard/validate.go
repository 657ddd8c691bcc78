package guard

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/orderwire/orderwire/internal/coerce"
	"github.com/orderwire/orderwire/internal/fault"
)

// enough ends a validation that has found its number of mistakes, as graphql-js's maxErrors does: finding the thousandth
// costs as much as finding the first, with suggestions far more, and nobody reads it.
type enough struct{}

// validate applies the rules of section 5 of the GraphQL specification.
func (g *Guard) validate(query *ast.QueryDocument) (errs gqlerror.List) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(enough); !ok {
				panic(p)
			}
		}
	}()
	counted := rules.NewRules()
	for name, rule := range g.rules() {
		counted.AddRule(name, func(observers *validator.Events, _ validator.AddErrFunc) {
			rule(observers, func(options ...validator.ErrorOption) {
				e := &gqlerror.Error{Rule: name}
				for _, option := range options {
					option(e)
				}
				errs = append(errs, mistake(e))
				if len(errs) >= g.cfg.Limits.Errors {
					panic(enough{})
				}
			})
		})
	}
	_ = validator.ValidateWithRules(g.cfg.Schema, query, counted) // empty: each mistake goes where the rules above put it
	return errs
}

// rules are those of GraphQL, with graphql-js's for the lists of introspection, which multiply, and without suggestions
// where the schema is not public.
func (g *Guard) rules() map[string]validator.RuleFunc {
	all := rules.NewDefaultRules()
	all.RemoveRule(rules.ValuesOfCorrectTypeRule.Name)
	all.AddRule(rules.ValuesOfCorrectTypeRule.Name, coerce.Literals(g.cfg.Schema, g.cfg.Introspection))
	if !g.cfg.Introspection {
		for _, quiet := range []struct {
			loud, quiet validator.Rule
		}{
			{rules.FieldsOnCorrectTypeRule, rules.FieldsOnCorrectTypeRuleWithoutSuggestions},
			{rules.KnownArgumentNamesRule, rules.KnownArgumentNamesRuleWithoutSuggestions},
			{rules.KnownTypeNamesRule, rules.KnownTypeNamesRuleWithoutSuggestions},
			{rules.ScalarLeafsRule, rules.ScalarLeafsRuleWithoutSuggestions},
		} {
			all.RemoveRule(quiet.loud.Name)
			all.AddRule(quiet.quiet.Name, quiet.quiet.RuleFunc)
		}
	}
	return all.GetInner()
}

// maxMessage bounds a message, in bytes. Names are bounded already, but a message can have many.
const maxMessage = 400

// mistake gives a validation error its code.
func mistake(e *gqlerror.Error) *gqlerror.Error {
	message := e.Message
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	shown := refusal(fault.ValidationFailed, message, nil)
	shown.Rule, shown.Locations = e.Rule, e.Locations[:min(len(e.Locations), 2)]
	return shown
}
