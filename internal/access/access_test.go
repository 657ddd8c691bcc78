package access_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/access"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/schema"
)

const sample = `
	directive @access(by: Audience!, blankForOthers: Boolean! = false) on FIELD_DEFINITION
	enum Audience { PUBLIC CUSTOMER STAFF }
	interface Node { id: ID! }
	union Any = Shop | Order
	type Shop implements Node { id: ID! @access(by: PUBLIC) }
	type Order implements Node {
		id: ID! @access(by: CUSTOMER)
		cost: Int @access(by: STAFF)
		reference: ID @access(by: STAFF, blankForOthers: true)
		forgotten: Int
	}
	type Query {
		node: Node @access(by: PUBLIC)
		any: Any @access(by: PUBLIC)
		shop: Shop @access(by: PUBLIC)
		order: Order @access(by: CUSTOMER)
		audit: Order @access(by: STAFF)
	}`

func load(t *testing.T, sdl string) *ast.Schema {
	t.Helper()
	s, err := gqlparser.LoadSchema(&ast.Source{Input: sdl})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every field of the schema has an audience.
func TestSchema(t *testing.T) {
	t.Parallel()
	if undecided := access.New(load(t, schema.SDL())).Undecided(); len(undecided) > 0 {
		t.Errorf("these have no @access, so nobody may select them: %s", strings.Join(undecided, ", "))
	}
	if got := access.New(load(t, sample)).Undecided(); !slices.Equal(got, []string{"Order.forgotten"}) {
		t.Errorf("undecided = %q", got)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	const open, signedIn, staff = "anonymous CUSTOMER STAFF", "CUSTOMER STAFF", "STAFF"
	tests := map[string]struct{ document, admitted string }{
		"Public":            {`{ shop { id } }`, open},
		"Typename":          {`{ __typename order: __typename any { __typename } }`, open},
		"Customer":          {`{ order { id } }`, signedIn},
		"OneOfMany":         {`{ shop { id } order { id } }`, signedIn},
		"Staff":             {`{ audit { id } }`, staff},
		"Below":             {`{ shop { id } order { id cost } }`, staff},
		"Blank":             {`{ order { reference } }`, signedIn},
		"Forgotten":         {`{ order { forgotten } }`, ""},
		"Alias":             {`{ shop: order { id: cost } }`, staff},
		"Interface":         {`{ node { id } }`, open},
		"InterfaceFragment": {`{ node { id ... on Order { id } } }`, signedIn},
		"Union":             {`{ any { ... on Shop { id } ... on Order { cost } } }`, staff},
		"Fragment":          {`{ shop { id } ...a } fragment a on Query { ...b } fragment b on Query { order { ...c } } fragment c on Order { cost }`, staff},
		"FragmentTwice":     {`{ a: order { ...c } b: audit { ...c } } fragment c on Order { id }`, staff},
		"InlineFragment":    {`{ ... { ... on Query { order { id } } } }`, signedIn},
		"Introspection":     {`{ __schema { types { name } } __type(name: "Order") { fields { name } } }`, open},
		"Skipped":           {`{ shop { id } order @skip(if: true) { id } }`, signedIn},
	}
	s := load(t, sample)
	rules := access.New(s)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document, errs := gqlparser.LoadQueryWithRules(s, test.document, nil)
			if errs != nil {
				t.Fatal(errs)
			}
			verdict := rules.Operations(document)[document.Operations[0]]
			var admitted []string
			for _, role := range []auth.Role{auth.RoleAnonymous, auth.RoleCustomer, auth.RoleStaff, auth.RoleSystem, "ADMIN"} {
				refused := verdict.Check(role)
				switch {
				case refused == nil && role == auth.RoleAnonymous:
					admitted = append(admitted, "anonymous")
				case refused == nil && (role == auth.RoleSystem || role == "ADMIN"):
					if test.admitted != open {
						t.Errorf("%s is admitted", role)
					}
				case refused == nil:
					admitted = append(admitted, string(role))
				default:
					checkRefusal(t, role, refused)
				}
			}
			if got := strings.Join(admitted, " "); got != test.admitted {
				t.Errorf("admitted %q, want %q", got, test.admitted)
			}
		})
	}
}

func checkRefusal(t *testing.T, role auth.Role, refused *gqlerror.Error) {
	t.Helper()
	want := "FORBIDDEN"
	if role == auth.RoleAnonymous {
		want = "UNAUTHENTICATED"
	}
	if refused.Extensions["code"] != want || len(refused.Locations) != 1 || refused.Message == "" {
		t.Errorf("%q is refused with %v at %v: %s", role, refused.Extensions["code"], refused.Locations, refused.Message)
	}
}

// A document may have operations for different audiences.
func TestOperations(t *testing.T) {
	t.Parallel()
	s := load(t, sample)
	document, errs := gqlparser.LoadQueryWithRules(s, `query A { shop { id } } query B { audit { cost } }`, nil)
	if errs != nil {
		t.Fatal(errs)
	}
	verdicts := access.New(s).Operations(document)
	if a, b := verdicts[document.Operations[0]].Need, verdicts[document.Operations[1]].Need; a != access.NeedNothing || b != access.NeedStaff {
		t.Errorf("needs %d and %d", a, b)
	}
}
