package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/auth/oidctest"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// behindIssuer runs a server as the public sees one, with an issuer of its own, and signs ada in. Limits on rates have
// tests of their own; here they would refuse the tested requests.
func behindIssuer(t *testing.T, env ...string) (*process, *oidctest.Issuer, *user) {
	t.Helper()
	issuer := oidctest.New(t)
	p := newProcess(t, postgrestest.URL(t), append([]string{
		"AUTH_MODE=oidc", "OIDC_ISSUER=" + issuer.URL, "OIDC_AUDIENCE=" + oidctest.Audience, "OIDC_ROLE_CLAIM=" + oidctest.RoleClaim,
		"RATE_PER_ADDRESS=0", "RATE_PER_USER=0", "RATE_COST_PER_USER=0", "RATE_ORDERS_PER_USER=0", "ATTEMPTS_PER_CUSTOMER=0", "ATTEMPTS_PER_ADDRESS=0", "PAYMENT_STEP_DELAY=1h",
	}, env...)...)
	p.start()
	t.Cleanup(p.kill)
	return p, issuer, userOf(t, p.url(), issuer.Token(t, "ada"))
}

// userOf is the user of a token.
func userOf(t *testing.T, url, token string) *user {
	t.Helper()
	u := &user{client: &client{url: url, token: token}}
	var data struct {
		Products struct{ Nodes []struct{ ID string } }
	}
	if err := u.graphql(t.Context(), `{ products(first: 1) { nodes { id } } }`, nil, &data); err != nil {
		t.Fatal(err)
	}
	u.productID = data.Products.Nodes[0].ID
	return u
}

// toolCheck is one check of a security tool or a cheat sheet.
type toolCheck struct {
	// name as docs/security.md has it.
	name                 string
	method, target, body string
	header               []string
	status               int
	code                 string
	// served is a query much like it that is answered; without it, the server could refuse everything.
	served string
}

// toolChecks are those of graphql-cop 1.15 and graphql-armor 3, with the requests that they send or are meant against, and
// those of the OWASP cheat sheet that a request can show.
func toolChecks() []toolCheck {
	times := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(format, "#", fmt.Sprint(i)))
		}
		return b.String()
	}
	nest := func(n int) string { // of 2 + 2n fields inside each other
		return "{ order(id: \"x\") { " + strings.Repeat("payment { order { ", n) + "id" + strings.Repeat(" } }", n) + " } }"
	}
	ask := func(name, query string, code, served string) toolCheck {
		return toolCheck{name: name, method: "POST", body: fmt.Sprintf(`{"query":%q}`, query), status: 200, code: code, served: served}
	}
	const typename, viewer = "query cop { __typename }", "{ viewer { id } }"
	const tooComplex, invalid = "DOCUMENT_TOO_COMPLEX", "GRAPHQL_VALIDATION_FAILED"
	return []toolCheck{
		ask("graphql-cop: alias overloading", "query cop { "+times(101, "alias#:__typename ")+"}", tooComplex, "{ "+times(15, "alias#:__typename ")+"}"),
		{"graphql-cop: array-based query batching", "POST", "", "[" + times(9, `{"query":"query cop { __typename }"},`) + `{"query":"query cop { __typename }"}]`, nil, 400, "BAD_USER_INPUT", typename},
		ask("graphql-cop: directive overloading", "query cop { __typename "+times(10, "@aa")+" }", invalid, "{ __typename "+times(1, "@skip(if: false)")+" }"),
		ask("graphql-cop: circular query by introspection", "query cop { __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }", invalid, typename),
		ask("graphql-cop: circular fragment", "query cop { __schema { ...A } } fragment A on __Schema { __typename ...B } fragment B on __Schema { ...A }", invalid, typename),
		ask("graphql-cop: field duplication", "query cop { "+times(500, "__typename ")+"}", tooComplex, "{ __typename __typename }"),
		ask("graphql-cop: field suggestions", "query cop { __schema { directive } }", invalid, typename),
		{"graphql-cop: mutation by GET", "GET", "?query=" + url.QueryEscape("mutation cop {__typename}"), "", nil, 405, "BAD_USER_INPUT", typename},
		{"graphql-cop: urlencoded query by POST", "POST", "?query=" + url.QueryEscape("query cop {__typename}"), "", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "BAD_USER_INPUT", typename},
		{"graphql-cop: urlencoded query in the body", "POST", "", "query=" + url.QueryEscape("query cop {__typename}"), []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "BAD_USER_INPUT", typename},
		ask("graphql-cop: unhandled errors", "qwerty cop { abc }", "GRAPHQL_PARSE_FAILED", typename),
		ask("graphql-cop: introspection", "query cop { __schema { types { name fields { name } } } }", invalid, typename),
		ask("graphql-armor: block field suggestions", "{ viewr { id } }", invalid, viewer),
		ask("graphql-armor: block suggestions of arguments", "{ products(frist: 1) { nodes { id } } }", invalid, "{ products(first: 1) { nodes { id } } }"),
		ask("graphql-armor: block suggestions of values", "{ orders(filter: {status: [CREATD]}) { nodes { id } } }", invalid, "{ orders(filter: {status: [CREATED]}) { nodes { id } } }"),
		{"graphql-armor: character limit", "POST", "", `{"query":"{ viewer { id } }` + strings.Repeat(" ", 64<<10) + `"}`, nil, 413, "DOCUMENT_TOO_LARGE", viewer},
		ask("graphql-armor: cost limit", "{ orders(first: 100) { nodes { events(first: 100) { nodes { id } } } } }", "COST_EXCEEDED", "{ orders(first: 100) { nodes { events(first: 10) { nodes { id } } } } }"),
		ask("graphql-armor: max aliases", "{ viewer { "+times(16, "a#: id ")+"} }", tooComplex, "{ viewer { "+times(15, "a#: id ")+"} }"),
		ask("graphql-armor: max depth", nest(6), tooComplex, "{ viewer { id } }"),
		ask("graphql-armor: max directives", "{ viewer { id "+times(51, "@skip(if: false) ")+"} }", tooComplex, "{ viewer { id @skip(if: false) } }"),
		ask("graphql-armor: max tokens", "{ viewer { "+times(1001, "id ")+"} }", "DOCUMENT_TOO_LARGE", viewer),
		ask("OWASP: batching by aliases", "mutation { "+times(2, "a#: viewerSignOut { signedOutAt } ")+"}", tooComplex, viewer),
		ask("OWASP: batching of queries", "{ "+times(6, "a#: viewer { id } ")+"}", tooComplex, "{ "+times(5, "a#: viewer { id } ")+"}"),
		ask("OWASP: amount limiting", "{ products(first: 101) { nodes { id } } }", "BAD_USER_INPUT", "{ products(first: 100) { nodes { id } } }"),
		ask("OWASP: input validation", `{ order(id: "1' OR '1'='1") { id } }`, "BAD_USER_INPUT", `{ orders(filter: {search: "1' OR '1'='1"}) { nodes { id } } }`),
	}
}

// ideWords give an IDE away, to graphql-cop and others.
var ideWords = regexp.MustCompile(`(?i)graphiql|graphql.?playground|altair|apollo.?sandbox`)

// The checks of the usual tools, against a server as the public sees it.
func TestToolChecks(t *testing.T) {
	t.Parallel()
	p, _, ada := behindIssuer(t)
	nobody := &user{client: &client{url: p.url()}}
	for _, c := range toolChecks() {
		t.Run(c.name, func(t *testing.T) {
			for who, u := range map[string]*user{"ada": ada, "nobody": nobody} {
				status, answer := u.hostile(t, c.method, c.target, []byte(c.body), c.header...)
				codes := []string{c.code}
				if u == nobody { // whom some of the fields are not for
					codes = append(codes, "UNAUTHENTICATED")
				}
				if status != c.status {
					t.Errorf("%s: status %d, want %d", who, status, c.status)
				}
				checkHostile(t, who, answer, codes)
			}
			if err := ada.graphql(t.Context(), c.served, nil, new(any)); err != nil {
				t.Errorf("an allowed request is refused: %v", err)
			}
		})
	}
	t.Run("graphql-cop: trace mode", func(t *testing.T) {
		for _, header := range [][]string{{"apollographql-trace", "1"}, {"X-Apollo-Tracing", "1"}, {"apollo-federation-include-trace", "ftv1"}} {
			if _, answer := ada.hostile(t, "POST", "", []byte(`{"query":"query cop { __typename }"}`), header...); strings.TrimSpace(string(answer)) != `{"data":{"__typename":"Query"}}` {
				t.Errorf("%v: %s", header, answer)
			}
		}
	})
	t.Run("graphql-cop: GraphQL IDE", func(t *testing.T) {
		for _, path := range []string{"/graphiql", "/playground", "/console", "/graphql", "/altair", "/voyager", "/schema.graphql"} {
			response, body := get(t, p.addr, path, p.addr)
			if ideWords.MatchString(body) || response.StatusCode == 200 {
				t.Errorf("%s: %d %.200s", path, response.StatusCode, body)
			}
		}
	})
	// It is served, as GraphQL over HTTP has it. What makes it harmless: it changes nothing, and knows nobody without a
	// header, which no foreign page can send unasked.
	t.Run("graphql-cop: query by GET", func(t *testing.T) {
		const query = "?query=%7Bviewer%7Bid%7D%7D"
		if status, answer := nobody.hostile(t, "GET", query, nil); status != 200 || !strings.Contains(string(answer), `"viewer":null`) {
			t.Errorf("without a header: %d %s", status, answer)
		}
		if status, answer := nobody.hostile(t, "GET", query, nil, "Cookie", "token="+ada.token, "X-Authorization", "Bearer "+ada.token); status != 200 || !strings.Contains(string(answer), `"viewer":null`) {
			t.Errorf("with cookies: %d %s", status, answer)
		}
		for _, origin := range []string{"https://evil.example", "null", "http://" + p.addr + ".evil.example"} {
			if status, answer := ada.hostile(t, "GET", query, nil, "Origin", origin); status != http.StatusForbidden || strings.Contains(string(answer), "customer_") {
				t.Errorf("from %s: %d %s", origin, status, answer)
			}
		}
	})
	toolChecksAreDescribed(t)
}

// toolChecksAreDescribed compares the checks with docs/security.md, both ways.
func toolChecksAreDescribed(t *testing.T) {
	document, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	var described []string
	for _, row := range regexp.MustCompile(`(?m)^\| ((?:graphql-cop|graphql-armor|OWASP): [^|]+) \|`).FindAllSubmatch(document, -1) {
		described = append(described, string(row[1]))
	}
	tested := []string{"graphql-cop: trace mode", "graphql-cop: GraphQL IDE", "graphql-cop: query by GET"}
	for _, c := range toolChecks() {
		tested = append(tested, c.name)
	}
	for _, name := range tested {
		if !slices.Contains(described, name) {
			t.Errorf("docs/security.md does not have the check %q", name)
		}
	}
	for _, name := range described {
		if !slices.Contains(tested, name) {
			t.Errorf("docs/security.md has the check %q, which nobody makes", name)
		}
	}
}
