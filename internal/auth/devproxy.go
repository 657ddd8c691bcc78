package auth

import (
	"net/http"
	"strings"
)

// proxyHeaders are those by which proxies say that they passed a request on, beside all that begin with X-Forwarded-:
// RFC 7239 (Forwarded), RFC 9110 section 7.6.3 (Via), and what common proxies and CDNs set by themselves.
var proxyHeaders = []string{"Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Original-Forwarded-For"}

// proxied gives the header by which a request shows that it came through a proxy, or "". A server on a loopback address with
// development sign-in is meant for its own machine; a proxy before it opens it to everybody who reaches the proxy.
func proxied(header http.Header) string {
	for _, name := range proxyHeaders {
		if _, has := header[name]; has {
			return name
		}
	}
	for name := range header {
		if strings.HasPrefix(name, "X-Forwarded-") {
			return name
		}
	}
	return ""
}
