package gqlrequest_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/gqlrequest"
)

func post(body string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func get(query string) *http.Request {
	return httptest.NewRequest(http.MethodGet, "/graphql?"+query, nil)
}

func TestRead(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*http.Request{
		"Post":    post(`{"query":"{ a }","operationName":"A","variables":{"n":9007199254740993},"extensions":{"x":[]},"more":[{}]}`),
		"Charset": post(` {"extensions":{"x":[]},"query":"{ a }","operationName":"A","variables":{"n":9007199254740993}} `, "Content-Type", "Application/JSON; charset=UTF-8"),
		"Get":     get(`query={+a+}&operationName=A&variables={"n":9007199254740993}&extensions={"x":[]}&more=1&more=2`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			params := read(t, r)
			if params.Query != "{ a }" || params.OperationName != "A" || params.Variables["n"] != json.Number("9007199254740993") || params.Extensions["x"] == nil {
				t.Errorf("read %+v", params)
			}
		})
	}
	for name, r := range map[string]*http.Request{
		"PostNull":  post(`{"query":"{ a }","operationName":null,"variables":null,"extensions":null,"documentId":null}`),
		"GetEmpty":  get(`query={+a+}&variables=&extensions=`),
		"OtherCase": post(`{"query":"{ a }","Query":"{ b }","VARIABLES":7}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if params := read(t, r); params.Query != "{ a }" || params.OperationName != "" || params.Variables != nil || params.Extensions != nil {
				t.Errorf("read %+v", params)
			}
		})
	}
	t.Run("DocumentID", func(t *testing.T) {
		t.Parallel()
		for _, r := range []*http.Request{post(`{"documentId":"sha256:aa"}`), get("documentId=sha256:aa")} {
			if params := read(t, r); params.Extensions[gqlrequest.DocumentID] != "sha256:aa" {
				t.Errorf("read %+v", params)
			}
		}
		if params := read(t, post(`{"query":"{ a }","extensions":{"\u0000documentId":"x"}}`)); len(params.Extensions) != 0 {
			t.Errorf("read %+v", params)
		}
	})
	t.Run("PersistedQuery", func(t *testing.T) {
		t.Parallel()
		read(t, post(`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"aa"}}}`))
	})
}

func read(t *testing.T, r *http.Request) *graphql.RawParams {
	t.Helper()
	params, err := from(r)
	if err != nil {
		t.Fatal(err)
	}
	return params
}

func from(r *http.Request) (*graphql.RawParams, error) {
	if r.Method == http.MethodGet {
		return gqlrequest.Get(r)
	}
	r.Body = http.MaxBytesReader(nil, r.Body, 1<<10)
	return gqlrequest.Post(r)
}

func TestErr(t *testing.T) {
	t.Parallel()
	const ok = `{"query":"{ a }"}`
	twoTypes := post(ok)
	twoTypes.Header.Add("Content-Type", "text/plain")
	for name, c := range map[string]struct {
		request *http.Request
		status  int
		message string
	}{
		"TwoTypes":      {twoTypes, 415, "application/json"},
		"Batch":         {post("[" + ok + "]"), 400, "Batches"},
		"EmptyBatch":    {post("[]"), 400, "Batches"},
		"String":        {post(`"{ a }"`), 400, "JSON object"},
		"Null":          {post(`null`), 400, "JSON object"},
		"Empty":         {post(``), 400, "JSON"},
		"Cut":           {post(`{"query":"{ a }"`), 400, "JSON"},
		"Trailing":      {post(ok + ok), 400, "after the JSON object"},
		"TwiceQuery":    {post(`{"query":"{ a }","query":"{ b }"}`), 400, "twice"},
		"TwiceNull":     {post(`{"query":"{ a }","variables":null,"variables":{}}`), 400, "twice"},
		"NoQuery":       {post(`{}`), 400, "no query"},
		"NullQuery":     {post(`{"query":null}`), 400, "no query"},
		"QueryNumber":   {post(`{"query":1}`), 400, "query is not a string"},
		"NameList":      {post(`{"query":"{ a }","operationName":[]}`), 400, "operationName"},
		"VariablesList": {post(`{"query":"{ a }","variables":[]}`), 400, "variables"},
		"VariablesText": {post(`{"query":"{ a }","variables":"{}"}`), 400, "variables"},
		"Extensions":    {post(`{"query":"{ a }","extensions":0}`), 400, "extensions"},
		"IDAndQuery":    {post(`{"query":"{ a }","documentId":"x"}`), 400, "not both"},
		"NotUTF8":       {post("{\"query\":\"{ a(x: \\\"\xff\\\") }\"}"), 400, "UTF-8"},
		"UTF16":         {post(ok, "Content-Type", "application/json; charset=utf-16"), 415, "UTF-8"},
		"Form":          {post("query={a}", "Content-Type", "application/x-www-form-urlencoded"), 415, "application/json"},
		"Multipart":     {post(ok, "Content-Type", "multipart/form-data; boundary=x"), 415, "application/json"},
		"Text":          {post(ok, "Content-Type", "text/plain"), 415, "application/json"},
		"NoType":        {post(ok, "Content-Type", ""), 415, "application/json"},
		"Gzip":          {post(ok, "Content-Encoding", "gzip"), 415, "Content-Encoding"},
		"TooLarge":      {post(`{"query":"` + strings.Repeat(" ", 1<<10) + `"}`), 413, "larger than 1024 bytes"},
		"GetNothing":    {get(""), 400, "no query"},
		"GetTwice":      {get("query={a}&query={b}"), 400, "twice"},
		"GetEscape":     {get("query=%zz"), 400, "malformed"},
		"GetVariables":  {get("query={a}&variables=[]"), 400, "variables"},
		"GetTrailing":   {get("query={a}&variables={}{}"), 400, "variables"},
		"GetNotUTF8":    {get("query=" + url.QueryEscape("\xff")), 400, "UTF-8"},
		"Deep":          {post(`{"query":"{ a }","variables":` + strings.Repeat("[", 900) + `}`), 400, "JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			params, err := from(c.request)
			refused, ok := errors.AsType[*gqlrequest.Error](err)
			if !ok || refused.Status != c.status || !strings.Contains(refused.Fault.Message, c.message) {
				t.Fatalf("read %+v, %v; want %d and %q", params, err, c.status, c.message)
			}
			want := fault.BadUserInput
			if c.status == http.StatusRequestEntityTooLarge {
				want = fault.DocumentTooLarge
			}
			if refused.Fault.Code != want {
				t.Errorf("code %s, want %s", refused.Fault.Code, want)
			}
		})
	}
}
