package httpguard

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// ParseOrigin gives the form in which browsers send an origin (RFC 6454 section 6.2): scheme and host in lower case, and
// a port unless it is the scheme's own. Origins have a scheme, a host and nothing behind: those of web sites, and those of
// apps that bring their own pages, such as capacitor://localhost. "null", which every sandboxed page and local file sends, is
// nobody's in particular and so no origin here, and neither are those of schemes that browsers give no origin of their own.
func ParseOrigin(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || u.User != nil || noOrigin[u.Scheme] ||
		u.Path != "" || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(s, "?#*") || !isHost(u.Hostname()) {
		return "", fmt.Errorf("%q is not an origin such as https://shop.example or capacitor://localhost", s)
	}
	return u.Scheme + "://" + withoutDefaultPort(u.Scheme, strings.ToLower(u.Host)), nil
}

// noOrigin are schemes with a host whose pages have the origin null (HTML standard, section "Origin"), or that have no pages.
var noOrigin = map[string]bool{
	"": true, "about": true, "blob": true, "data": true, "file": true, "ftp": true, "javascript": true, "ws": true, "wss": true,
}

func isHost(s string) bool {
	_, err := ParseHost(s)
	return err == nil
}

// ParseAllowedOrigin is ParseOrigin for the list of allowed origins, where the first label of a name may be "*":
// https://*.shop.example allows https://a.shop.example, and neither https://shop.example nor https://b.a.shop.example, as in
// certificates (RFC 6125 section 6.4.3). Two labels must follow, so that no whole top-level domain is allowed.
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

// digits reports whether the last label of a name is a number, as only in an address.
func digits(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	return strings.Trim(last, "0123456789") == ""
}

// ParseHeader gives the name of a request header in the form in which browsers ask for it, RFC 9110 section 5.1.
func ParseHeader(s string) (string, error) {
	if s == "" || strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'+-.^_`|~") != "" {
		return "", fmt.Errorf("%q is not the name of a header such as x-client-version", s)
	}
	return strings.ToLower(s), nil
}

var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

// ParseHost gives a host name in lower case, or an IP address without brackets. A port, a scheme or a wildcard is
// refused.
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

// CheckOrigin tells whether the page that sent r may talk to us: one of our own, one of an allowed origin, or no page
// at all, as programs other than browsers send no Origin. It fits gorilla/websocket's Upgrader.
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

// sameOrigin leaves the scheme open: behind a proxy that ends TLS we do not know our own. The host is ours, since the
// Host list was checked first.
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

// clientHeaders are what clients send of their own accord, beside the headers that this API reads: Apollo's and other clients'
// names and versions, and the traces that monitoring in the page adds to every request. A preflight that does not allow one of
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

// preflightAge is how many seconds a browser may remember a preflight; Chromium takes no more.
const preflightAge = "7200"

// answerPreflight adds the headers of the CORS protocol (Fetch standard, section 3.3) for allowed foreign origins and
// answers their preflights. It is true when the request is answered. Credentials are never allowed: there are no cookies.
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
