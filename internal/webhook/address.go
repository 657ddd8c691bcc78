package webhook

import "net/netip"

// notPublic are ranges that no receiver on the internet has: what the IANA registries of special-purpose addresses
// (RFC 6890, https://www.iana.org/assignments/iana-ipv4-special-registry) do not call globally reachable, those that
// carry an IPv4 address inside, and addresses at which clouds serve metadata outside of such ranges.
var notPublic = prefixesOf(
	"0.0.0.0/8",        // this network
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // carrier-grade NAT, and Alibaba's metadata
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // Azure's host services
	"169.254.0.0/16",   // link-local, and the metadata of most clouds
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // protocol assignments, and Oracle's metadata
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarking
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, and broadcast
	"2001::/23",        // protocol assignments, Teredo among them
	"2001:db8::/32",    // documentation
	"2002::/16",        // 6to4: an IPv4 address inside
	"3fff::/20",        // documentation
)

// globalIPv6 is all of IPv6 that is given out for the internet. Loopback, unique local, link-local, multicast, NAT64 and
// IPv4-compatible addresses are outside of it.
var globalIPv6 = netip.MustParsePrefix("2000::/3")

// public tells whether an address may be that of a receiver on the internet.
func public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || a.Zone() != "" || (a.Is6() && !globalIPv6.Contains(a)) {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

func prefixesOf(texts ...string) []netip.Prefix {
	prefixes := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		prefixes[i] = netip.MustParsePrefix(text)
	}
	return prefixes
}
