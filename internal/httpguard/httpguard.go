// Package httpguard checks every HTTP request first. It gives the request an id, checks its Host and Origin against
// allow-lists, sets the security headers of the response and contains panics.
//
// The Host list defends against DNS rebinding: a foreign page whose name suddenly resolves to this address would be
// same-origin with us, and only its Host reveals it. The Origin list decides which pages may use the API at all, websockets
// included, because a browser lets any page open those.
package httpguard

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/orderwire/orderwire/internal/requestid"
)

// ContentSecurityPolicy is the policy of every response: only our own files, no inline script, no inline style, no frames.
// 'self' includes websockets to our own origin.
const ContentSecurityPolicy = "default-src 'self'; img-src 'self' https:; object-src 'none'; base-uri 'none'; " +
	"form-action 'self'; frame-ancestors 'none'"

// PlaygroundContentSecurityPolicy is the policy of GraphiQL's page, whose editor needs inline styles, an embedded font and
// workers. Scripts are still our own files only.
const PlaygroundContentSecurityPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Config has the settings of a Guard.
type Config struct {
	// Addr is the server's address, host:port. Its host is an allowed Host.
	Addr string
	// AllowedHosts are further host names or addresses, without port; any port is accepted. Loopback names and addresses,
	// and the address that a connection came in on, are always allowed.
	AllowedHosts []string
	// AllowedOrigins are the origins of foreign pages that may use the API, in the form that ParseAllowedOrigin accepts. The
	// server's own origin is always allowed.
	AllowedOrigins []string
	// AllowedHeaders are request headers that those pages may send beside those that clients are known to send.
	AllowedHeaders []string
	// Secure reports whether the client's connection is encrypted. Nil: whether our own connection is.
	Secure func(*http.Request) bool
	// Logger receives the panics.
	Logger *slog.Logger
}

// Guard checks requests. It is safe for concurrent use.
type Guard struct {
	hosts   map[string]bool
	origins map[string]bool // including wildcard origins, with * as the first label
	secure  func(*http.Request) bool
	headers string // the value of Access-Control-Allow-Headers
	log     *slog.Logger
}

// New returns an error when a list has an entry that is not a valid host or origin.
func New(cfg Config) (*Guard, error) {
	g := &Guard{hosts: map[string]bool{"localhost": true}, origins: map[string]bool{}, secure: cfg.Secure, log: cfg.Logger}
	if g.secure == nil {
		g.secure = func(r *http.Request) bool { return r.TLS != nil }
	}
	if host, _, err := net.SplitHostPort(cfg.Addr); err != nil {
		return nil, fmt.Errorf("address %q: %w", cfg.Addr, err)
	} else if host != "" {
		g.hosts[strings.ToLower(host)] = true
	}
	for _, s := range cfg.AllowedHosts {
		host, err := ParseHost(s)
		if err != nil {
			return nil, err
		}
		g.hosts[host] = true
	}
	for _, s := range cfg.AllowedOrigins {
		origin, err := ParseAllowedOrigin(s)
		if err != nil {
			return nil, err
		}
		g.origins[origin] = true
	}
	headers := slices.Clone(clientHeaders)
	for _, s := range cfg.AllowedHeaders {
		header, err := ParseHeader(s)
		if err != nil {
			return nil, err
		}
		headers = append(headers, header)
	}
	g.headers = strings.Join(headers, ", ")
	return g, nil
}

// Middleware passes on only requests that pass the checks.
func (g *Guard) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requestID := requestid.Of(r)
		r = r.WithContext(requestid.NewContext(r.Context(), requestID))
		h := w.Header()
		h.Set(requestid.Header, requestID)
		h.Set("Content-Security-Policy", ContentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-Frame-Options", "DENY") // for browsers without frame-ancestors
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		if g.secure(r) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}

		tracked := &trackedWriter{ResponseWriter: w}
		defer g.contain(tracked, r)

		if !g.hostAllowed(r) {
			http.Error(tracked, "this server does not answer to that host name; ALLOWED_HOSTS can add it", http.StatusMisdirectedRequest)
			return
		}
		if !g.CheckOrigin(r) {
			http.Error(tracked, "pages of that origin may not use this server; ALLOWED_ORIGINS can add it", http.StatusForbidden)
			return
		}
		if g.answerPreflight(tracked, r) {
			return
		}
		next.ServeHTTP(tracked, r)
	})
}

func (g *Guard) hostAllowed(r *http.Request) bool {
	host := hostOnly(r.Host)
	if g.hosts[host] || strings.HasSuffix(host, ".localhost") { // RFC 6761 section 6.3: such a name never leaves the machine
		return true
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	if address.IsLoopback() || g.hosts[address.String()] {
		return true
	}
	// A server on all addresses is reached by any of them. An address is not a name, so it cannot be rebound.
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	localAddress, err := netip.ParseAddrPort(local.String())
	return err == nil && localAddress.Addr().Unmap().WithZone("") == address.Unmap()
}

// hostOnly strips the port and the brackets of an IPv6 address, and converts to lower case.
func hostOnly(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimPrefix(strings.TrimSuffix(host, "]"), "[")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
