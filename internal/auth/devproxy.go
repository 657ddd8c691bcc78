package auth

import (
	"net/http"
	"slices"
	"strings"
)

// proxyHeaders are those by which proxies say that they passed a request on, beside all that begin with X-Forwarded-:
// RFC 7239 (Forwarded), RFC 9110 section 7.6.3 (Via), and what common proxies and CDNs set by themselves.
var proxyHeaders = []string{"Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "Cdn-Loop", "X-Original-Forwarded-For"}

// proxied tells by what a request shows that it came through a proxy, or "": a header, or HTTP/1.0, which nginx speaks unless told
// otherwise, and hardly anybody else. A server on a loopback address with
// development sign-in is meant for its own machine; a proxy before it opens it to everybody who reaches the proxy.
func proxied(r *http.Request) string {
	if !r.ProtoAtLeast(1, 1) {
		return "it is HTTP/1.0"
	}
	for name := range r.Header {
		if slices.Contains(proxyHeaders, name) || strings.HasPrefix(name, "X-Forwarded-") {
			return "it has the header " + name
		}
	}
	return ""
}
