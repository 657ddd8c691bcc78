package webhook_test

import (
	"context"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/webhook"
)

// FuzzDestinations: a URL that is accepted leads nowhere but to a public address, over https, however its host is written,
// and Go's client sends nothing but the request to it.
func FuzzDestinations(f *testing.F) {
	for _, raw := range []string{
		"https://public.example/hooks?a=b", "https://private.example/", "https://mixed.example/", "HTTPS://Public.Example.:8443/", "https://192.0.66.1/", "https://127.0.0.1/",
		"https://[::ffff:127.0.0.1]/", "https://[::1%25lo]/", "https://0x7f.1/", "https://2130706433/", "https://127.1/", "https://0177.0.0.1/", "https://localhost/", "https://a.localhost./",
		"https://169.254.169.254/latest/meta-data", "https://[64:ff9b::a00:1]/", "https://[fd00::1]/", "https://user:pass@public.example/", "https://public.example\\@127.0.0.1/",
		"https://public.example#@127.0.0.1/", "https:///etc", "gopher://public.example/", "https://public.example/\r\nX: y", "https://public.example:22/", "https://１２７.0.0.1/",
		"https://127.0.0.1.public.example/", "https://public.example:443:80/", "https://[::]:443/", "https://public.example%2f@x/", "https://ⓛocalhost/", "https://public.example/4242424242424242",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var asked []netip.Addr
		d := webhook.Destinations{Lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
			addresses, err := names(ctx, host)
			asked = addresses
			return addresses, err
		}}
		if d.Check(t.Context(), raw) != nil {
			return
		}
		u, err := url.Parse(raw)
		if err != nil || !strings.EqualFold(u.Scheme, "https") || u.User != nil || u.Host == "" || strings.ContainsAny(raw, "\r\n\x00") {
			t.Fatalf("%q is accepted: %v, %v", raw, u, err)
		}
		if address, err := netip.ParseAddr(u.Hostname()); err == nil {
			asked = []netip.Addr{address}
		}
		for _, a := range asked {
			if a = a.Unmap(); a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
				t.Fatalf("%q leads to %s", raw, a)
			}
		}
	})
}
