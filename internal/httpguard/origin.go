package httpguard

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// ParseOrigin returns an origin in the form that browsers send (RFC 6454 section 6.2): scheme and host in lower case, and
// the port unless it is the scheme's default. An origin has a scheme, a host and nothing else. It belongs to a web site or
// to an app with pages of its own, such as capacitor://localhost. "null" is refused, because every sandboxed page and local
// file sends it. So are schemes for which browsers send no origin.
func ParseOrigin(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || u.User != nil || noOrigin[u.Scheme] ||
		u.Path != "" || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(s, "?#*") || !isHost(u.Hostname()) {
		return "", fmt.Errorf("%q is not an origin such as https://shop.example or capacitor://localhost", s)
	}
	return u.Scheme + "://" + withoutDefaultPort(u.Scheme, strings.ToLower(u.Host)), nil
}

// noOrigin has the schemes with a host whose pages have the origin null (HTML standard, section "Origin") or that have no
// pages.
var noOrigin = map[string]bool{
	"": true, "about": true, "blob": true, "data": true, "file": true, "ftp": true, "javascript": true, "ws": true, "wss": true,
}

func isHost(s string) bool {
	_, err := ParseHost(s)
	return err == nil
}

// ParseAllowedOrigin is ParseOrigin for the list of allowed origins, in which the first label of a name may be "*".
// https://*.shop.example allows https://a.shop.example, but neither https://shop.example nor https://b.a.shop.example, as in
// certificates (RFC 6125 section 6.4.3). Two labels must follow, so that a whole top-level domain cannot be allowed.
func ParseAllowedOrigin(s string) (string, error) {
	scheme, host, isWildcard := strings.Cut(s, "://*.")
	if !isWildcard {
		return ParseOrigin(s)
	}
	origin, err := ParseOrigin(scheme + "://" + host)
	if err == nil {
		u, _ := url.Parse(origin) // it was just made
		if _, notAddress := netip.ParseAddr(u.Hostname()); notAddress != nil && strings.Contains(u.Hostname(), ".") && !digits(u.Hostname()) {
			return u.Scheme + "://*." + u.Host, nil
		}
	}
	return "", fmt.Errorf("%q is not a set of origins such as https://*.shop.example: * stands for one label, and two must follow", s)
}

// digits reports whether the last label of a name is a number, which only an address has.
func digits(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	return strings.Trim(last, "0123456789") == ""
}

// ParseHeader returns the name of a request header in the form that browsers use in a preflight, RFC 9110 section 5.1.
func ParseHeader(s string) (string, error) {
	if s == "" || strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'+-.^_`|~") != "" {
		return "", fmt.Errorf("%q is not the name of a header such as x-client-version", s)
	}
	return strings.ToLower(s), nil
}

var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

// ParseHost returns a host name in lower case, or an IP address without brackets. It refuses a port, a scheme or a wildcard.
func ParseHost(s string) (string, error) {
	host := strings.ToLower(strings.TrimPrefix(strings.TrimSuffix(s, "]"), "["))
	if address, err := netip.ParseAddr(host); err == nil {
		return address.String(), nil
	}
	if len(host) > 253 || !hostName.MatchString(host) {
		return "", fmt.Errorf("%q is not a host name such as shop.example, without scheme and port", s)
	}
	return host, nil
}

func withoutDefaultPort(scheme, hostport string) string {
	if scheme == "https" {
		return strings.TrimSuffix(hostport, ":443")
	}
	return strings.TrimSuffix(hostport, ":80")
}

// CheckOrigin reports whether the page that sent r may use the API: our own page, one of an allowed origin, or no page at
// all, since programs other than browsers send no Origin. It can be the CheckOrigin of gorilla/websocket's Upgrader.
func (g *Guard) CheckOrigin(r *http.Request) bool {
	values := r.Header.Values("Origin")
	switch len(values) {
	case 0:
		return true
	case 1:
		return sameOrigin(values[0], r.Host) || g.originListed(values[0])
	default:
		return false
	}
}

// sameOrigin ignores the scheme: behind a proxy that terminates TLS we do not know ours. The host is ours, because Host was
// checked before.
func sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return false
	}
	return strings.EqualFold(withoutDefaultPort(u.Scheme, u.Host), withoutDefaultPort(u.Scheme, host))
}

func (g *Guard) originListed(origin string) bool {
	parsed, err := ParseOrigin(origin)
	if err != nil {
		return false
	}
	scheme, host, _ := strings.Cut(parsed, "://")
	_, parent, _ := strings.Cut(host, ".")
	return g.origins[parsed] || g.origins[scheme+"://*."+parent]
}

// clientHeaders are headers that clients send beside those that this API reads: names and versions of Apollo's and other
// clients, and the trace headers that monitoring in the page adds to every request. A preflight that does not allow one of
// them fails as a whole.
var clientHeaders = []string{
	"authorization", "content-type", "idempotency-key", "last-event-id", "graphql-cost", "x-request-id",
	"apollographql-client-name", "apollographql-client-version", "apollo-require-preflight", "x-apollo-operation-name",
	"x-apollo-operation-id", "x-apollo-operation-type", "graphql-client-name", "graphql-client-version", "graphql-preflight",
	"cache-control", "x-requested-with", "traceparent", "tracestate", "baggage", "sentry-trace", "b3",
	"x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-origin", "x-datadog-sampling-priority", "newrelic",
	"elastic-apm-traceparent",
}

// exposedHeaders are the response headers that a foreign page may read.
const exposedHeaders = "X-Request-Id, Retry-After, WWW-Authenticate, Allow"

// preflightAge is the number of seconds that a browser may cache a preflight. Chromium's maximum is the same.
const preflightAge = "7200"

// answerPreflight adds the headers of the CORS protocol (Fetch standard, section 3.3) for allowed foreign origins and
// answers their preflights. It returns true when the request is answered. Credentials are never allowed: there are no
// cookies.
func (g *Guard) answerPreflight(w http.ResponseWriter, r *http.Request) bool {
	if len(g.origins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !g.originListed(origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", exposedHeaders)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", g.headers)
	h.Set("Access-Control-Max-Age", preflightAge)
	w.WriteHeader(http.StatusNoContent)
	return true
}
