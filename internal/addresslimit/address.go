package addresslimit

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Addresses determines the address that a request is counted for.
type Addresses struct{ proxies []netip.Prefix }

// NewAddresses trusts the X-Forwarded-For of the given proxies only. A proxy is an address or a network (10.0.0.0/8).
func NewAddresses(trustedProxies []string) (Addresses, error) {
	var a Addresses
	for _, s := range trustedProxies {
		network, err := ParseNetwork(s)
		if err != nil {
			return Addresses{}, err
		}
		a.proxies = append(a.proxies, network)
	}
	return a, nil
}

// ParseNetwork parses a network in CIDR notation, or an address as a network of its own.
func ParseNetwork(s string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(s); err == nil && address.Zone() == "" {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(s)
	if err != nil || network.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%q is not an address or a network such as 10.0.0.0/8", s)
	}
	return network.Masked(), nil
}

// Of returns the peer's IPv4 address, or its IPv6 network of 64 bits, which a provider assigns to one subscriber (RFC 6177).
//
// When the peer is a trusted proxy, it is the last address in X-Forwarded-For that is not a trusted proxy. Each proxy
// appends the address that it was called from; what stands before may be forged. Without trusted proxies the header is
// ignored. Behind a proxy that is not trusted, all clients count as one, so limits must allow for that.
func (a Addresses) Of(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil { // a unix socket, or a test
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		return cmp.Or(host, r.RemoteAddr)
	}
	address := plain(peer.Addr())
	if !a.trusted(address) {
		return counted(address)
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		next, err := parseHop(strings.TrimSpace(hop))
		if err != nil {
			break // stop at the last proxy that we trust
		}
		if address = next; !a.trusted(address) {
			break
		}
	}
	return counted(address)
}

// Peer returns the address that a connection is counted for: that of Of, without headers. It is "" for a trusted proxy, whose
// connections belong to many clients.
func (a Addresses) Peer(remote net.Addr) string {
	peer, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return remote.String()
	}
	if address := plain(peer.Addr()); !a.trusted(address) {
		return counted(address)
	}
	return ""
}

// Secure reports whether the client's connection is encrypted: the one to us, or the one to a trusted proxy according to its
// X-Forwarded-Proto.
func (a Addresses) Secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !a.trusted(plain(peer.Addr())) {
		return false
	}
	schemes := strings.Split(strings.Join(r.Header.Values("X-Forwarded-Proto"), ","), ",")
	return strings.EqualFold(strings.TrimSpace(schemes[len(schemes)-1]), "https")
}

// parseHop parses an address; some proxies add the port.
func parseHop(s string) (netip.Addr, error) {
	if withPort, err := netip.ParseAddrPort(s); err == nil {
		return plain(withPort.Addr()), nil
	}
	address, err := netip.ParseAddr(s)
	return plain(address), err
}

func (a Addresses) trusted(address netip.Addr) bool {
	return slices.ContainsFunc(a.proxies, func(network netip.Prefix) bool { return network.Contains(address) })
}

func plain(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }

func counted(address netip.Addr) string {
	if network, err := address.Prefix(64); err == nil && address.Is6() {
		return network.String()
	}
	return address.String()
}
