package accept_test

import (
	"testing"

	"github.com/orderwire/orderwire/internal/accept"
)

const (
	plain    = "application/json"
	response = "application/graphql-response+json"
	events   = "text/event-stream"
)

func TestBest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule   string
		header []string
		want   string
	}{
		{"NoHeader", nil, plain},
		{"Empty", []string{""}, plain},
		{"Blank", []string{" , "}, plain},
		{"Anything", []string{"*/*"}, plain},
		{"OneType", []string{response}, response},
		{"Case", []string{"Application/JSON"}, plain},
		{"FirstListed", []string{events + ", " + plain}, events},
		{"FirstListedInSeveralHeaders", []string{response, plain}, response},
		{"Heavier", []string{plain + ";q=0.5, " + response + ";q=0.9"}, response},
		{"HeavierThanNamed", []string{plain + ";q=0.2, text/*;q=0.9"}, events},
		{"NamedBeforeWildcard", []string{"*/*, " + events}, events},
		{"TypeBeforeAnything", []string{"*/*, text/*"}, events},
		{"Zero", []string{events + ";q=0"}, ""},
		{"ZeroDecimals", []string{events + "; Q=0.000"}, ""},
		{"ZeroExcludesFromAnything", []string{plain + ";q=0, */*"}, response},
		{"ZeroExcludesFromAnythingListedBefore", []string{"*/*, " + plain + ";q=0"}, response},
		{"ZeroExcludesFromKind", []string{"application/*;q=0, */*;q=0.1"}, events},
		{"MostSpecificWins", []string{"application/*;q=0.9, " + plain + ";q=0.1, " + events + ";q=0.5"}, response},
		{"ParametersAreMoreSpecific", []string{plain + ";q=0, " + plain + ";charset=utf-8, */*;q=0.1"}, plain},
		{"Charset", []string{plain + "; charset=utf-8"}, plain},
		{"CharsetQuoted", []string{plain + `; charset="UTF-8"`}, plain},
		{"CharsetNotServed", []string{plain + "; charset=iso-8859-1, */*;q=0.1"}, plain},
		{"OnlyACharsetNotServed", []string{plain + "; charset=iso-8859-1"}, ""},
		{"ParameterNotServed", []string{plain + ";v=2"}, ""},
		{"QuotedComma", []string{`text/plain;v="a,` + plain + `", ` + events}, events},
		{"QuotedQuote", []string{`text/plain;v="\",` + plain + `", ` + events}, events},
		{"OtherType", []string{"text/html"}, ""},
		{"OtherTypeAndAnything", []string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, plain},
		{"WeightNoNumber", []string{plain + ";q=high, " + events + ";q=0.1"}, events},
		{"WeightTooLarge", []string{plain + ";q=7, " + events + ";q=0.1"}, events},
		{"WeightNegative", []string{plain + ";q=-1, " + events + ";q=0.1"}, events},
		{"WeightNaN", []string{plain + ";q=NaN, " + events + ";q=0.1"}, events},
		{"Java", []string{"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"}, plain},
		{"Urql", []string{"application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"}, response},
		{"UrqlSubscribes", []string{"text/event-stream, multipart/mixed"}, events},
		{"Garbage", []string{`;;"`}, ""},
	} {
		if got := accept.Best(c.header, plain, response, events); got != c.want {
			t.Errorf("%s: %q chooses %q, want %q", c.rule, c.header, got, c.want)
		}
	}
}
