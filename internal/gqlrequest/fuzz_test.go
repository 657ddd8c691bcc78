package gqlrequest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/gqlrequest"
)

// FuzzJSON checks that a body is parsed as other JSON parsers do, or refused with a status, a code and a short message.
func FuzzJSON(f *testing.F) {
	for _, body := range []string{
		`{"query":"{ a }"}`, `{"query":"{ a }","operationName":"A","variables":{"n":9007199254740993},"extensions":{"x":[]},"more":[{}]}`,
		`{"query":null}`, `[{"query":"{ a }"}]`, `{"query":"{ a }","query":"{ b }"}`, `{"query":"{ a }","QUERY":"{ b }"}`,
		`{"documentId":"sha256:aa"}`, `{"documentId":"x","query":"{ a }"}`, `{"query":"{ a }","extensions":{"\u0000documentId":"x"}}`,
		`{"qu\u0065ry":"\ud83d\ude00 \ud800"}`,
		`{"query":"{ a }","variables":{"a":[1,-0.5e+7,true,false,null,{},[],"\u0000"],"a":"\ud83d\ude00 \ud800","b":{"c":1,"c":[2]}}}`, `{"query":"{ a }","variables":{"a":[1,]}}`,
		`{"query":"{ a }","variables":{"a":1,}}`, `{"query":"{ a }","variables":{"a"}}`, `{"query":"{ a }","variables":{"a":01}}`, `{"query":"{ a }",}`, `{"query":"{ a }"} x`, `{"query":"{ a }","variables":null}`, `{"query":"{ a }","variables":[]}`, "",
		`{"query":"{ a }","variables":` + strings.Repeat(`{"a":`, 11_000), "{\"query\":\"\xff\"}", "\ufeff{}", `{"extensions":{"persistedQuery":{"version":1}}}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		params, err := gqlrequest.JSON(body)
		if err != nil {
			checkRefused(t, err)
			return
		}
		checkRead(t, params)
		// encoding/json takes the last of equal names and of names that differ only in case. A map has exact names.
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(body, &fields); err != nil || !utf8.Valid(body) {
			t.Fatalf("%q is not JSON: %v", body, err)
		}
		var query, name string
		_ = json.Unmarshal(fields["query"], &query) // null or a missing query
		_ = json.Unmarshal(fields["operationName"], &name)
		if params.Query != query || params.OperationName != name {
			t.Fatalf("%q is read as %+v", body, params)
		}
		var variables map[string]any
		if raw := fields["variables"]; raw != nil {
			decoder := json.NewDecoder(bytes.NewReader(raw))
			decoder.UseNumber()
			if err := decoder.Decode(&variables); err != nil {
				t.Fatal(err)
			}
		}
		if !reflect.DeepEqual(params.Variables, variables) {
			t.Fatalf("variables of %q are read as %#v, not %#v", body, params.Variables, variables)
		}
	})
}

// FuzzGet does the same for the query of a URL.
func FuzzGet(f *testing.F) {
	for _, query := range []string{
		"query={+a+}", "query=%7Ba%7D&operationName=A&variables={%22n%22:1}&extensions={}", "query={a}&query={b}", "query=%zz", "query=%ff", "",
		"query={a}&variables={}{}", "query={a}&variables=null", "documentId=sha256:aa", "query={a};variables={}", "query={a}&QUERY={b}", "&&=&query={a}",
		`query={a}&extensions={"\u0000documentId":"x"}`,
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "/graphql", nil)
		r.URL.RawQuery = query
		params, err := gqlrequest.Get(r)
		if err != nil {
			checkRefused(t, err)
			return
		}
		checkRead(t, params)
		if values := r.URL.Query(); params.Query != values.Get("query") || len(values["query"]) > 1 || len(values["variables"]) > 1 {
			t.Fatalf("%q is read as %+v", query, params)
		}
	})
}

func checkRefused(t *testing.T, err error) {
	t.Helper()
	refused, ok := errors.AsType[*gqlrequest.Error](err)
	if !ok || refused.Status < 400 || refused.Status > 499 || refused.Fault.Code != fault.BadUserInput || len(refused.Fault.Message) > 200 {
		t.Fatalf("refused with %#v", err)
	}
}

// checkRead checks the properties that the rest of the server relies on.
func checkRead(t *testing.T, params *graphql.RawParams) {
	t.Helper()
	id, hasID := params.Extensions[gqlrequest.DocumentID]
	text, isText := id.(string)
	if hasID && (!isText || text == "" || params.Query != "") {
		t.Fatalf("the document's id is %#v in %+v", id, params)
	}
	if params.Query == "" && !hasID && params.Extensions["persistedQuery"] == nil {
		t.Fatalf("nothing to run in %+v", params)
	}
	if !utf8.ValidString(params.Query) || !utf8.ValidString(params.OperationName) {
		t.Fatalf("not UTF-8: %+v", params)
	}
}
