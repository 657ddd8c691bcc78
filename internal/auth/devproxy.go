package auth

import (
	"net/http"
	"slices"
	"strings"

	"github.com/orderwire/orderwire/internal/fault"
)

// Parts of the names of headers by which proxies, CDNs and tunnels say that they passed a request on. No browser and no GraphQL client
// sends one by itself.
var (
	// proxyWords are anywhere in a name: Forwarded (RFC 7239), X-Forwarded-For, Fly-Forwarded-Port, WL-Proxy-Client-IP, X-Azure-ClientIP.
	proxyWords = []string{"forward", "proxy", "client-ip", "clientip", "socketip", "user-ip", "real-ip", "remote-ip", "originating-ip", "connecting-ip"}
	// proxyPrefixes begin a name.
	proxyPrefixes = []string{
		"cf-", "x-envoy-", "x-azure-", "x-amz-cf-", "x-amzn-", "x-appengine-", "x-vercel-", "x-arr-", "x-original-", "x-accel-", "fastly-", "fly-",
		"tailscale-", "ngrok-", "x-cloud-trace-",
	}
	// proxyHeaders are whole names: RFC 9110 section 7.6.3 (Via), RFC 8586 (CDN-Loop), and headers without a common prefix.
	proxyHeaders = []string{"via", "cdn-loop", "surrogate-capability", "x-scheme", "x-host", "x-request-start", "x-real-port"}
)

// proxied returns the sign that a request came through a proxy, or "": a header of a proxy, or HTTP/1.0, which nginx speaks by
// default and hardly any client does. A server on a loopback address with development sign-in is meant for its own machine; a proxy
// before it opens it to everybody who reaches the proxy.
func proxied(r *http.Request) string {
	if !r.ProtoAtLeast(1, 1) {
		return "it is HTTP/1.0"
	}
	for name := range r.Header {
		if ofProxy(name) {
			return "it has the header " + fault.Quote(name)
		}
	}
	return ""
}

func ofProxy(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	return slices.Contains(proxyHeaders, name) ||
		slices.ContainsFunc(proxyWords, func(word string) bool { return strings.Contains(name, word) }) ||
		slices.ContainsFunc(proxyPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
