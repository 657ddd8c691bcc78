package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
)

type response struct {
	Token     string
	ExpiresAt time.Time
	Errors    []struct {
		Message    string
		Extensions struct{ Code fault.Code }
	}
}

func decode(t *testing.T, w *httptest.ResponseRecorder) response {
	t.Helper()
	var r response
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return r
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	dev, _ := setup(t)
	token := issue(t, dev, "ada", auth.RoleCustomer)
	for name, c := range map[string]struct {
		headers []string
		status  int
		subject string
	}{
		"absent: anonymous":    {nil, 200, ""},
		"valid":                {[]string{"Bearer " + token}, 200, "ada"},
		"scheme in lower case": {[]string{"bearer " + token}, 200, "ada"},
		"ErrEmpty":             {[]string{""}, 401, ""},
		"ErrOtherScheme":       {[]string{"Basic YWRhOnB3"}, 401, ""},
		"ErrNoToken":           {[]string{"Bearer "}, 401, ""},
		"ErrTokenAlone":        {[]string{token}, 401, ""},
		"ErrTwoTokens":         {[]string{"Bearer " + token + " " + token}, 401, ""},
		"ErrTwoHeaders":        {[]string{"Bearer " + token, "Bearer " + token}, 401, ""},
		"ErrJoinedHeaders":     {[]string{"Bearer " + token + ",Bearer " + token}, 401, ""},
		"ErrNotAToken":         {[]string{"Bearer hello"}, 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reached := false
			h := auth.Middleware(dev, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				reached = true
				if p := auth.FromContext(r.Context()); p.Subject != c.subject || p.SignedIn() != (c.subject != "") {
					t.Errorf("principal %+v, want subject %q", p, c.subject)
				}
			}))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", nil)
			r.Header["Authorization"] = c.headers
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.status || reached != (c.status == 200) {
				t.Fatalf("status %d, next reached: %v", w.Code, reached)
			}
			if c.status == 401 {
				if got := w.Header().Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer ") {
					t.Errorf("WWW-Authenticate = %q", got)
				}
				if errs := decode(t, w).Errors; len(errs) != 1 || errs[0].Extensions.Code != fault.Unauthenticated || errs[0].Message == "" {
					t.Errorf("body %s", w.Body)
				}
			}
		})
	}
}

// broken is a verifier whose keys cannot be fetched.
type broken struct{ err error }

func (b broken) Verify(context.Context, string) (auth.Principal, error) {
	return auth.Principal{}, b.err
}

func TestMiddlewareErrUnavailable(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"fault": fault.Wrap(errors.New("10.1.2.3 refused"), fault.Unavailable, "the identity provider does not answer"),
		"other": errors.New("10.1.2.3 refused"),
	} {
		h := auth.Middleware(broken{err}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("let through") }))
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", nil)
		r.Header.Set("Authorization", "Bearer x")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		errs := decode(t, w).Errors
		if w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", name)
		}
		if w.Code != 503 || len(errs) != 1 || errs[0].Extensions.Code != fault.Unavailable || strings.Contains(w.Body.String(), "10.1.2.3") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestDevToken(t *testing.T) {
	t.Parallel()
	dev, c := setup(t)
	h := auth.DevTokenHandler(dev, nil)
	for name, v := range map[string]struct {
		body string
		role auth.Role
		ttl  time.Duration
	}{
		"customer": {`{"user":"ada","role":"CUSTOMER"}`, auth.RoleCustomer, time.Hour},
		"staff":    {`{"user":"ada","role":"STAFF","ttlSeconds":1}`, auth.RoleStaff, time.Second},
		"longest":  {` {"user":"ada","role":"STAFF","ttlSeconds":2592000} ` + "\n", auth.RoleStaff, 30 * 24 * time.Hour},
		"null ttl": {`{"user":"ada","role":"STAFF","ttlSeconds":null}`, auth.RoleStaff, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/dev/token", strings.NewReader(v.body))
			r.Header.Set("Content-Type", "application/json; charset=utf-8")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" {
				t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
			}
			got := decode(t, w)
			p, err := dev.Verify(t.Context(), got.Token)
			if err != nil || p.Subject != "ada" || p.Role != v.role || !p.ExpiresAt.Equal(got.ExpiresAt) {
				t.Errorf("the token says %+v, %v; the answer says %v", p, err, got.ExpiresAt)
			}
			if lifetime := got.ExpiresAt.Sub(c.Time); lifetime < v.ttl || lifetime >= v.ttl+time.Second {
				t.Errorf("lasts %v, want %v", lifetime, v.ttl)
			}
		})
	}
}

func TestDevTokenErr(t *testing.T) {
	t.Parallel()
	dev, _ := setup(t)
	h := auth.DevTokenHandler(dev, nil)
	const good, asJSON = `{"user":"ada","role":"CUSTOMER"}`, "application/json"
	for name, c := range map[string]struct {
		method, contentType, body string
		status                    int
		says                      string
	}{
		"method":             {"GET", asJSON, good, 405, "POST"},
		"form":               {"POST", "application/x-www-form-urlencoded", good, 415, "application/json"},
		"plain text":         {"POST", "text/plain", good, 415, "application/json"},
		"no content type":    {"POST", "", good, 415, "application/json"},
		"empty":              {"POST", asJSON, "", 400, "JSON object"},
		"not JSON":           {"POST", asJSON, "user=ada", 400, "JSON object"},
		"an array":           {"POST", asJSON, "[" + good + "]", 400, "JSON object"},
		"two objects":        {"POST", asJSON, good + good, 400, "JSON object"},
		"unknown field":      {"POST", asJSON, `{"user":"ada","role":"CUSTOMER","admin":true}`, 400, `unknown field "admin"`},
		"member in capitals": {"POST", asJSON, `{"user":"ada","Role":"STAFF","role":"CUSTOMER"}`, 400, "each member once"},
		"only in capitals":   {"POST", asJSON, `{"User":"ada","role":"CUSTOMER"}`, 400, `unknown field "User"`},
		"member twice":       {"POST", asJSON, `{"user":"ada","role":"CUSTOMER","role":"STAFF"}`, 400, "each member once"},
		"user is null":       {"POST", asJSON, `{"user":null,"role":"CUSTOMER"}`, 400, "user must be a string"},
		"user is a number":   {"POST", asJSON, `{"user":1,"role":"CUSTOMER"}`, 400, "user must be a string"},
		"bad user":           {"POST", asJSON, `{"user":"a b","role":"CUSTOMER"}`, 400, "user must be"},
		"no user":            {"POST", asJSON, `{"role":"CUSTOMER"}`, 400, "user must be"},
		"no role":            {"POST", asJSON, `{"user":"ada"}`, 400, "role must be"},
		"system role":        {"POST", asJSON, `{"user":"ada","role":"SYSTEM"}`, 400, "role must be"},
		"ttl zero":           {"POST", asJSON, `{"user":"ada","role":"STAFF","ttlSeconds":0}`, 400, "ttlSeconds"},
		"ttl too long":       {"POST", asJSON, `{"user":"ada","role":"STAFF","ttlSeconds":2592001}`, 400, "ttlSeconds"},
		"ttl overflows":      {"POST", asJSON, `{"user":"ada","role":"STAFF","ttlSeconds":9223372036854775807}`, 400, "ttlSeconds"},
		"ttl is a fraction":  {"POST", asJSON, `{"user":"ada","role":"STAFF","ttlSeconds":1.5}`, 400, "ttlSeconds"},
		"ttl is text":        {"POST", asJSON, `{"user":"ada","role":"STAFF","ttlSeconds":"60"}`, 400, "ttlSeconds"},
		"above 4 KB":         {"POST", asJSON, `{"user":"` + strings.Repeat("a", 5000) + `"}`, 413, "4 KB"},
		"blanks above 4 KB":  {"POST", asJSON, good + strings.Repeat(" ", 5000), 413, "4 KB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), c.method, "/dev/token", strings.NewReader(c.body))
			if c.contentType != "" {
				r.Header.Set("Content-Type", c.contentType)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			got := decode(t, w)
			if w.Code != c.status || len(got.Errors) != 1 || got.Token != "" {
				t.Fatalf("%d %s, want %d", w.Code, w.Body, c.status)
			}
			if e := got.Errors[0]; e.Extensions.Code != fault.BadUserInput || !strings.Contains(e.Message, c.says) {
				t.Errorf("%s %q does not say %q", e.Extensions.Code, e.Message, c.says)
			}
			if c.status == 405 && w.Header().Get("Allow") != "POST" {
				t.Error("no Allow header")
			}
		})
	}
}

// A request with a proxy's header is refused: it may come from anybody who reaches the proxy.
func TestDevTokenErrProxied(t *testing.T) {
	t.Parallel()
	dev, _ := setup(t)
	h := auth.DevTokenHandler(dev, nil)
	for name, status := range map[string]int{
		"Forwarded": 403, "forwarded": 403, "Via": 403, "X-Forwarded-For": 403, "x-forwarded-proto": 403, "X-Forwarded-Host": 403,
		"X-Forwarded-Anything": 403, "X-Real-IP": 403, "CF-Connecting-IP": 403, "CDN-Loop": 403, "HTTP/1.0": 403,
		"X-Forwarded": 403, "X_Forwarded_For": 403, "Client-IP": 403, "WL-Proxy-Client-IP": 403, "Proxy-Connection": 403, "Max-Forwards": 403,
		"Fastly-Client-IP": 403, "Fly-Region": 403, "X-Azure-SocketIP": 403, "X-Envoy-External-Address": 403, "X-Appengine-User-Ip": 403,
		"Tailscale-User-Login": 403, "CF-Ray": 403, "X-Amzn-Trace-Id": 403, "X-Original-URL": 403, "Ngrok-Skip-Browser-Warning": 403,
		"X-Request-Id": 200, "Origin": 200, "Traceparent": 200, "Sec-Fetch-Site": 200, "X-Requested-With": 200, "Accept-Language": 200,
		"Apollographql-Client-Name": 200, "X-Apollo-Operation-Id": 200, "Sec-Ch-Ua-Platform": 200, "Idempotency-Key": 200,
	} {
		for _, value := range []string{"127.0.0.1", ""} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/dev/token", strings.NewReader(`{"user":"ada","role":"STAFF"}`))
			r.Header.Set("Content-Type", "application/json")
			if name == "HTTP/1.0" {
				r.Proto, r.ProtoMinor = name, 0
			} else {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			got := decode(t, w)
			if w.Code != status || (got.Token != "") != (status == 200) {
				t.Errorf("%s: %q: %d %s", name, value, w.Code, w.Body)
			}
			if status == 403 && (len(got.Errors) != 1 || got.Errors[0].Extensions.Code != fault.Forbidden || !strings.Contains(got.Errors[0].Message, "came through a proxy")) {
				t.Errorf("%s: %s does not say why", name, w.Body)
			}
		}
	}
}
