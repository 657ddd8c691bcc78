package gqlsse_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/orderwire/orderwire/internal/gqlsse"
)

func TestSupports(t *testing.T) {
	t.Parallel()
	transport := gqlsse.New(gqlsse.Config{})
	for _, tt := range []struct {
		rule, method, accept string
		want                 bool
	}{
		{"Post", "POST", "text/event-stream", true},
		{"Get", "GET", "text/event-stream", true},
		{"Put", "PUT", "text/event-stream", false},
		{"Nothing", "POST", "", false},
		{"Anything", "POST", "*/*", false},
		{"BesideAnything", "POST", "text/event-stream, */*", true},
		{"WithCharset", "POST", "text/event-stream; charset=utf-8", true},
		{"BesideMultipart", "POST", "text/event-stream, multipart/mixed", true},
		{"BeforeJSON", "POST", "text/event-stream, application/json", true},
		{"BehindJSON", "POST", "application/graphql-response+json, application/json, text/event-stream, multipart/mixed", false},
		{"AboveJSON", "POST", "application/json;q=0.5, text/event-stream;q=0.9", true},
		{"BelowJSON", "POST", "text/event-stream;q=0.5, application/json", false},
		{"Refused", "POST", "text/event-stream;q=0", false},
		{"BadWeight", "POST", "text/event-stream;q=high", false},
		{"JSONRefused", "POST", "application/json;q=0, */*;q=0.1, text/event-stream;q=0.2", true},
		{"RefusedBesideAnything", "GET", "*/*, text/event-stream;q=0", false},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{Method: tt.method, Header: http.Header{"Accept": {tt.accept}}}
			if got := transport.Supports(r); got != tt.want {
				t.Errorf("Supports = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestBadRequest(t *testing.T) {
	t.Parallel()
	get := func(name, value string) string {
		return "?" + url.Values{"query": {"{ hello }"}, name: {value}}.Encode()
	}
	for _, tt := range []struct {
		rule, method, target, body, contentType string
		status                                  int
		code                                    string
	}{
		{"NoJSON", "POST", "", `{`, "application/json", 400, "BAD_USER_INPUT"},
		{"TwoValues", "POST", "", `{"query":"{ hello }"} {}`, "application/json", 400, "BAD_USER_INPUT"},
		{"NoQuery", "POST", "", `{}`, "application/json", 400, "BAD_USER_INPUT"},
		{"VariablesAreAList", "POST", "", `{"query":"{ hello }","variables":[]}`, "application/json", 400, "BAD_USER_INPUT"},
		{"Form", "POST", "", `query={hello}`, "application/x-www-form-urlencoded", 415, "BAD_USER_INPUT"},
		{"NoContentType", "POST", "", `{"query":"{ hello }"}`, "", 415, "BAD_USER_INPUT"},
		{"TooLarge", "POST", "", `{"query":"{ hello }","x":"` + strings.Repeat("x", 70_000) + `"}`, "application/json", 413, "DOCUMENT_TOO_LARGE"},
		{"GetWithoutQuery", "GET", "", "", "", 400, "BAD_USER_INPUT"},
		{"GetWithBadVariables", "GET", get("variables", "{"), "", "", 400, "BAD_USER_INPUT"},
		{"GetWithBadExtensions", "GET", get("extensions", "[]"), "", "", 400, "BAD_USER_INPUT"},
		{"GetWithBadEscape", "GET", "?query=%zz", "", "", 400, "BAD_USER_INPUT"},
		{"GetMutation", "GET", "?query=mutation{touch}", "", "", 405, "BAD_USER_INPUT"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, gqlsse.Config{}, func(t *testing.T, s *server) {
				e := s.do(tt.method, tt.target, tt.body, "Content-Type", tt.contentType)
				if e.StatusCode != tt.status {
					t.Errorf("status %d, want %d", e.StatusCode, tt.status)
				}
				if got := e.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/json") {
					t.Errorf("Content-Type %q", got)
				}
				if tt.status == http.StatusMethodNotAllowed && e.Header.Get("Allow") != http.MethodPost {
					t.Errorf("405 with Allow %q", e.Header.Get("Allow"))
				}
				var body struct {
					Errors []struct {
						Message    string
						Extensions struct{ Code string }
					}
				}
				if err := json.NewDecoder(e.Body).Decode(&body); err != nil || len(body.Errors) != 1 ||
					body.Errors[0].Extensions.Code != tt.code || body.Errors[0].Message == "" {
					t.Errorf("body %+v, %v; want code %s", body, err, tt.code)
				}
				if n := s.Touched.Load(); n != 0 {
					t.Error("the mutation was executed")
				}
				synctest.Wait()
				if n := s.Streams(); n != 0 {
					t.Errorf("%d streams are open", n)
				}
			})
		})
	}
}
