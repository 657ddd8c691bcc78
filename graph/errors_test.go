package graph_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/lib/pq"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/requestid"
)

func TestErrorPresenter(t *testing.T) {
	t.Parallel()
	const secret = "relation \"orders\" of customer 7"
	for name, c := range map[string]struct {
		err    error
		code   string
		logged bool
	}{
		"Fault":        {fault.Wrap(errors.New(secret), fault.Forbidden, "No."), "FORBIDDEN", false},
		"WrappedFault": {fmt.Errorf("here: %w", fault.New(fault.InvalidCursor, "No.")), "INVALID_CURSOR", false},
		"Extensions":   {fault.New(fault.RateLimited, "Wait.").With("retryAfter", 3), "RATE_LIMITED", false},
		"UserFault":    {fault.User("ORDER_NOT_FOUND", "No."), "INTERNAL", true},
		"Unknown":      {errors.New(secret), "INTERNAL", true},
		"Panic":        {graph.Recover(t.Context(), secret), "INTERNAL", true},
		"Deadline":     {fmt.Errorf("query: %w", context.DeadlineExceeded), "UNAVAILABLE", true},
		"BadConn":      {driver.ErrBadConn, "UNAVAILABLE", true},
		"CutOff":       {fmt.Errorf("query: %w", io.EOF), "UNAVAILABLE", true},
		"Shutdown":     {&pq.Error{Code: "57P01", Message: secret}, "UNAVAILABLE", true},
		"TooMany":      {&pq.Error{Code: "53300", Message: secret}, "UNAVAILABLE", true},
		"Constraint":   {&pq.Error{Code: "23514", Message: secret}, "INTERNAL", true},
		"Parse":        {gqlgenError("GRAPHQL_PARSE_FAILED"), "GRAPHQL_PARSE_FAILED", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &logBuffer{}
			present := graph.ErrorPresenter(slog.New(requestid.LogHandler(slog.NewTextHandler(log, nil))))
			ctx := requestid.NewContext(t.Context(), "the-request")
			got := present(ctx, graphql.ErrorOnPath(ctx, c.err))
			if got.Extensions["code"] != c.code {
				t.Fatalf("code is %v, want %s", got.Extensions["code"], c.code)
			}
			if strings.Contains(got.Error(), secret) || got.Message == "" {
				t.Errorf("the client reads %q", got.Message)
			}
			if (log.String() != "") != c.logged {
				t.Errorf("logged: %q", log)
			}
			if c.code == "RATE_LIMITED" && got.Extensions["retryAfter"] != 3 {
				t.Errorf("extensions are %v", got.Extensions)
			}
			if c.code != "INTERNAL" {
				return
			}
			if got.Extensions["requestId"] != "the-request" || !strings.Contains(log.String(), "the-request") {
				t.Errorf("requestId is %v, the log has %q", got.Extensions["requestId"], log)
			}
		})
	}
}

func gqlgenError(code string) error {
	return &gqlerror.Error{Message: "Expected Name", Extensions: map[string]any{"code": code}}
}

func TestDocumentErrors(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for name, c := range map[string]struct {
		document  string
		variables vars
		code      string
	}{
		"ErrParse":         {`{ viewer {`, nil, "GRAPHQL_PARSE_FAILED"},
		"ErrField":         {`{ nobody }`, nil, "GRAPHQL_VALIDATION_FAILED"},
		"ErrOperation":     {`query A { viewer { id } } query B { viewer { id } }`, nil, "GRAPHQL_VALIDATION_FAILED"},
		"ErrNoOperation":   {`fragment F on Viewer { id }`, nil, "GRAPHQL_VALIDATION_FAILED"},
		"ErrVariable":      {`query($first: Int) { products(first: $first) { nodes { id } } }`, vars{"first": "many"}, "BAD_USER_INPUT"},
		"ErrMissing":       {`query($id: ID!) { product(id: $id) { id } }`, nil, "BAD_USER_INPUT"},
		"ErrEnumVariable":  {`query($s: [OrderStatus!]) { orders(filter: {status: $s}) { nodes { id } } }`, vars{"s": []any{nil}}, "BAD_USER_INPUT"},
		"ErrUnknownInput":  {`query($f: OrderFilter) { orders(filter: $f) { nodes { id } } }`, vars{"f": vars{"color": 1}}, "BAD_USER_INPUT"},
		"ErrLiteral":       {`{ products(first: 3000000000) { nodes { id } } }`, nil, "GRAPHQL_VALIDATION_FAILED"},
		"ErrLiteralKind":   {`{ products(first: "1") { nodes { id } } }`, nil, "GRAPHQL_VALIDATION_FAILED"},
		"ErrLiteralScalar": {`{ orders(filter: {createdAt: {from: "x"}}) { nodes { id } } }`, nil, "GRAPHQL_VALIDATION_FAILED"},
		"ErrSubscription":  {`subscription { orderFeed { cursor } }`, nil, "BAD_USER_INPUT"},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			w.do(ada, c.document, c.variables).refused(c.code)
		})
	}
	t.Run("ErrMany", func(t *testing.T) {
		w := w.in(t)
		if n := len(w.do(ada, `{ viewer { a b c d e f g h } }`, nil).Errors); n != 5 {
			t.Errorf("%d errors, want 5", n)
		}
		w.handler = w.serve(graph.Settings{Limits: guard.Limits{Errors: 2}})
		if n := len(w.do(ada, `{ a: order(id: "x") { id } b: order(id: "x") { id } c: order(id: "x") { id } d: order(id: "x") { id } }`, nil).Errors); n != 2 {
			t.Errorf("%d errors, want 2", n)
		}
	})
	t.Run("ErrTokens", func(t *testing.T) {
		w := w.in(t)
		w.handler = w.serve(graph.Settings{Limits: guard.Limits{Tokens: 6}})
		w.do(ada, `{ viewer { id name role } }`, nil).refused("DOCUMENT_TOO_LARGE")
		w.do(ada, `{ viewer { id } }`, nil).ok()
	})
	t.Run("ErrIntrospection", func(t *testing.T) {
		w := w.in(t)
		const query = `{ __schema { queryType { name } } }`
		w.do(ada, query, nil).ok().want("__schema.queryType.name", "Query")
		w.do(ada, `{ viewr { id } }`, nil).refused("GRAPHQL_VALIDATION_FAILED").mentions(true, "viewer")
		w.handler = w.serve(graph.Settings{})
		w.do(ada, query, nil).refused("GRAPHQL_VALIDATION_FAILED")
		w.do(ada, `{ __type(name: "Order") { name } }`, nil).refused("GRAPHQL_VALIDATION_FAILED")
		w.do(ada, `{ viewr { id } }`, nil).refused("GRAPHQL_VALIDATION_FAILED").mentions(false, "viewer")
	})
}

// mentions checks whether the only error's message has a text.
func (a *answer) mentions(want bool, text string) {
	a.t.Helper()
	if strings.Contains(a.Errors[0].Message, text) != want {
		a.t.Errorf("the message is %q; mentions %q: want %v", a.Errors[0].Message, text, want)
	}
}

func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_ = w.api.Close()
	got := w.do(ada, `{ orders { nodes { id } } }`, nil)
	if code := got.Errors[0].Extensions["code"]; code != "UNAVAILABLE" {
		t.Errorf("code is %v: %s", code, w.log)
	}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := func(text string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(text))
		r.Header.Set("Content-Type", "application/json")
		return r
	}
	with := func(r *http.Request, name, value string) *http.Request {
		r.Header.Set(name, value)
		return r
	}
	get := func(query string) *http.Request {
		return httptest.NewRequest(http.MethodGet, "/graphql?query="+url.QueryEscape(query), nil)
	}
	const viewer = `{"query":"{ viewer { id } }"}`
	for name, c := range map[string]struct {
		request *http.Request
		status  int
		code    string
	}{
		"OK":              {body(viewer), 200, ""},
		"OKCharset":       {with(body(viewer), "Content-Type", "application/json; charset=utf-8"), 200, ""},
		"OKCharsetQuoted": {with(body(viewer), "Content-Type", `application/json; charset="UTF-8"`), 200, ""},
		"OKGet":           {get(`{ viewer { id } }`), 200, ""},
		"OKOptions":       {httptest.NewRequest(http.MethodOptions, "/graphql", nil), 204, ""},
		"ErrGetMutation":  {get(`mutation { productArchive(input: {productId: ""}) { userErrors { code } } }`), 405, "BAD_USER_INPUT"},
		"ErrForm":         {with(body(viewer), "Content-Type", "application/x-www-form-urlencoded"), 415, "BAD_USER_INPUT"},
		"ErrMultipart":    {with(body(viewer), "Content-Type", "multipart/form-data; boundary=x"), 415, "BAD_USER_INPUT"},
		"ErrText":         {with(body(viewer), "Content-Type", "text/plain"), 415, "BAD_USER_INPUT"},
		"ErrNoType":       {with(body(viewer), "Content-Type", ""), 415, "BAD_USER_INPUT"},
		"ErrJSON":         {body(`{"query":`), 400, "BAD_USER_INPUT"},
		"ErrTwo":          {body(viewer + viewer), 400, "BAD_USER_INPUT"},
		"ErrBatch":        {body(`[` + viewer + `]`), 400, "BAD_USER_INPUT"},
		"ErrNoQuery":      {body(`{}`), 400, "BAD_USER_INPUT"},
		"ErrVariables":    {body(`{"query":"{ viewer { id } }","variables":"x"}`), 400, "BAD_USER_INPUT"},
		"ErrCharset":      {with(body(viewer), "Content-Type", "application/json; charset=utf-16"), 415, "BAD_USER_INPUT"},
		"ErrAcceptZero":   {with(get(`{ viewer { id } }`), "Accept", "application/json;q=0"), 406, "BAD_USER_INPUT"},
		"ErrAccept":       {with(body(viewer), "Accept", "text/html"), 406, "BAD_USER_INPUT"},
		"ErrMethod":       {httptest.NewRequest(http.MethodDelete, "/graphql", nil), 405, "BAD_USER_INPUT"},
		"ErrParse":        {body(`{"query":"{"}`), 200, "GRAPHQL_PARSE_FAILED"},
		"ErrParseStrict":  {with(body(`{"query":"{"}`), "Accept", "application/graphql-response+json"), 400, "GRAPHQL_PARSE_FAILED"},
		"ErrGetVariables": {httptest.NewRequest(http.MethodGet, "/graphql?query={viewer{id}}&variables=x", nil), 400, "BAD_USER_INPUT"},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			got := w.send(w.handler, ada, c.request)
			if got.Status != c.status {
				t.Errorf("status %d, want %d", got.Status, c.status)
			}
			if c.code != "" {
				got.refused(c.code)
			} else {
				got.ok()
			}
		})
	}
	t.Run("ErrTooLarge", func(t *testing.T) {
		w := w.in(t)
		limited := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(rw, r.Body, 100)
			w.handler.ServeHTTP(rw, r)
		})
		if got := w.send(limited, ada, body(`{"query":"`+strings.Repeat(" ", 200)+`"}`)).refused("DOCUMENT_TOO_LARGE"); got.Status != 413 {
			t.Errorf("status %d", got.Status)
		}
	})
	t.Run("ErrTransportPanics", func(t *testing.T) {
		w := w.in(t)
		w.handler = w.serve(graph.Settings{Transports: []graphql.Transport{panicking{}}})
		if got := w.send(w.handler, ada, body(viewer)).refused("INTERNAL"); got.Status != 500 {
			t.Errorf("status %d", got.Status)
		}
	})
}

// TestAccept: Accept decides the answer's type, and with it the status of a refusal (GraphQL over HTTP, section 6.4).
func TestAccept(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for accept, want := range map[string]string{
		"":    "application/json",
		"*/*": "application/json",
		"application/json;q=0.5, application/graphql-response+json": "application/graphql-response+json",
		"application/json;q=0, */*;q=0.1":                           "application/graphql-response+json",
		"application/graphql-response+json;q=0, application/*":      "application/json",
	} {
		refusal := http.StatusOK
		if want == "application/graphql-response+json" {
			refusal = http.StatusBadRequest
		}
		for document, status := range map[string]int{"{viewer{id}}": http.StatusOK, "{": refusal} {
			post := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(`{"query":"`+document+`"}`))
			post.Header.Set("Content-Type", "application/json")
			for _, r := range []*http.Request{post, httptest.NewRequest(http.MethodGet, "/graphql?query="+url.QueryEscape(document), nil)} {
				if accept != "" {
					r.Header.Set("Accept", accept)
				}
				answer := httptest.NewRecorder()
				w.handler.ServeHTTP(answer, r.WithContext(auth.NewContext(r.Context(), ada)))
				if got := answer.Header().Get("Content-Type"); got != want+"; charset=utf-8" || answer.Code != status {
					t.Errorf("%s %s, Accept %q: %d %s", r.Method, document, accept, answer.Code, got)
				}
			}
		}
	}
}

type panicking struct{}

func (panicking) Supports(*http.Request) bool { return true }

func (panicking) Do(http.ResponseWriter, *http.Request, graphql.GraphExecutor) { panic("boom") }
