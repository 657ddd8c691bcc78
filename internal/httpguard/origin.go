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
// a port unless it is the scheme's own. Only http and https with a host and nothing behind are origins here.
func ParseOrigin(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil ||
		u.Path != "" || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(s, "?#*") {
		return "", fmt.Errorf("%q is not an origin such as https://shop.example", s)
	}
	return u.Scheme + "://" + withoutDefaultPort(u.Scheme, strings.ToLower(u.Host)), nil
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
	return err == nil && g.origins[parsed]
}

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
	h.Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After, WWW-Authenticate")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, GraphQL-Cost")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
