package addresslimit_test

import (
	"crypto/tls"
	"net/http"
	"testing"

	"github.com/orderwire/orderwire/internal/addresslimit"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	direct, err := addresslimit.NewAddresses(nil)
	if err != nil {
		t.Fatal(err)
	}
	proxied, err := addresslimit.NewAddresses([]string{"10.0.0.0/8", "192.0.2.7", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		addresses addresslimit.Addresses
		peer      string
		forwarded []string
		want      string
	}{
		"IPv4":                           {direct, "192.0.2.1:1234", nil, "192.0.2.1"},
		"IPv4 in IPv6":                   {direct, "[::ffff:192.0.2.1]:1234", nil, "192.0.2.1"},
		"IPv6: the network":              {direct, "[2001:db8:1:2:3:4:5:6]:1234", nil, "2001:db8:1:2::/64"},
		"IPv6 with a zone":               {direct, "[fe80::1%eth0]:1234", nil, "fe80::/64"},
		"not an address":                 {direct, "@", nil, "@"},
		"nobody is trusted":              {direct, "10.0.0.1:1", []string{"203.0.113.5"}, "10.0.0.1"},
		"ErrForgedByAClient":             {proxied, "203.0.113.9:1", []string{"203.0.113.5"}, "203.0.113.9"},
		"behind a proxy":                 {proxied, "10.0.0.1:1", []string{"203.0.113.5"}, "203.0.113.5"},
		"behind a proxy, IPv6":           {proxied, "10.0.0.1:1", []string{"2001:db8:1:2::9"}, "2001:db8:1:2::/64"},
		"behind one in IPv6":             {proxied, "[fd00::1]:1", []string{"203.0.113.5"}, "203.0.113.5"},
		"ErrForgedBehindAProxy":          {proxied, "10.0.0.1:1", []string{"198.51.100.1, 203.0.113.5"}, "203.0.113.5"},
		"two proxies":                    {proxied, "10.0.0.1:1", []string{"198.51.100.1, 203.0.113.5, 192.0.2.7"}, "203.0.113.5"},
		"two headers":                    {proxied, "10.0.0.1:1", []string{"198.51.100.1", "203.0.113.5", "10.9.9.9"}, "203.0.113.5"},
		"with a port":                    {proxied, "10.0.0.1:1", []string{"203.0.113.5:4711"}, "203.0.113.5"},
		"only proxies":                   {proxied, "10.0.0.1:1", []string{"10.0.0.2"}, "10.0.0.2"},
		"no header":                      {proxied, "10.0.0.1:1", nil, "10.0.0.1"},
		"ErrNoAddress":                   {proxied, "10.0.0.1:1", []string{"203.0.113.5, unknown"}, "10.0.0.1"},
		"ErrNoAddressBeforeTheLastHop":   {proxied, "10.0.0.1:1", []string{"x, 203.0.113.5"}, "203.0.113.5"},
		"ErrProxyInItsIPv6FormIsStillIt": {proxied, "[::ffff:10.0.0.1]:1", []string{"203.0.113.5"}, "203.0.113.5"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.forwarded}}
		if got := c.addresses.Of(r); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestSecure(t *testing.T) {
	t.Parallel()
	addresses, err := addresslimit.NewAddresses([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, peer string
		proto      []string
		tls, want  bool
	}{
		{"plain", "192.0.2.1:1", nil, false, false},
		{"our own TLS", "192.0.2.1:1", nil, true, true},
		{"a proxy's TLS", "10.1.2.3:1", []string{"https"}, false, true},
		{"a proxy's TLS in front of another's", "10.1.2.3:1", []string{"http, HTTPS"}, false, true},
		{"a proxy without TLS", "10.1.2.3:1", []string{"http"}, false, false},
		{"ErrSaidByAClient", "192.0.2.1:1", []string{"https"}, false, false},
		{"ErrSaidByAClientOfAProxy", "10.1.2.3:1", []string{"https", "http"}, false, false},
		{"ErrNoAddress", "@", []string{"https"}, false, false},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-Proto": c.proto}}
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if got := addresses.Secure(r); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestParseNetwork(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"10.1.2.3":          "10.1.2.3/32",
		"10.1.2.3/8":        "10.0.0.0/8",
		"::ffff:10.1.2.3":   "10.1.2.3/32",
		"2001:db8::1":       "2001:db8::1/128",
		"2001:db8::/32":     "2001:db8::/32",
		"fe80::1%eth0":      "",
		"::ffff:0.0.0.0/96": "",
		"10.0.0.0/33":       "",
		"proxy.example":     "",
		"*":                 "",
		"":                  "",
	} {
		network, err := addresslimit.ParseNetwork(s)
		if (err == nil) != (want != "") || err == nil && network.String() != want {
			t.Errorf("ParseNetwork(%q) = %s, %v; want %q", s, network, err, want)
		}
	}
}
