package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/freetext"
)

// Destinations says where requests may go: https to public addresses. What a URL says is checked when staff give it, what
// its name resolves to is checked then and again at each connection, on the very address that is dialled, because a name
// may resolve to something else a moment later (DNS rebinding).
type Destinations struct {
	// Loopback also allows this machine, http included: for development only.
	Loopback bool
	// Lookup resolves a host name. Nil: the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// lookupTimeout bounds the look-up while staff wait. A name that cannot be resolved then is not refused: it is checked at
// each connection anyway.
const lookupTimeout = 2 * time.Second

// lowestPort: ports below are those of other protocols, which must not be reached through us. 443 is the exception.
const lowestPort = 1024

// Check returns what is wrong with the URL as a user error at field, or nil: URL_INVALID for what is no URL to send to,
// URL_NOT_ALLOWED for one that must not be sent to.
func (d Destinations) Check(ctx context.Context, raw string, field ...string) *fault.Error {
	invalid := func(message string) *fault.Error { return fault.User(fault.URLInvalid, message, field...) }
	refused := func(message string) *fault.Error { return fault.User(fault.URLNotAllowed, message, field...) }
	u, err := url.Parse(raw)
	switch {
	case utf8.RuneCountInString(raw) > maxURL:
		return invalid(fmt.Sprintf("A URL has at most %d characters.", maxURL))
	case err != nil, u.Opaque != "", u.Hostname() == "", strings.ContainsFunc(raw, notInURL):
		return invalid("This is not a URL such as https://shop.example/hooks.")
	case freetext.HasCardNumber(raw):
		return invalid("The URL looks like it contains a card number; card data is never accepted here.")
	case u.Scheme != "https" && u.Scheme != "http":
		return invalid("A URL begins with https://.")
	case u.User != nil:
		return refused("A URL must not have a user name or password; requests are signed instead.")
	case u.Fragment != "" || strings.HasSuffix(raw, "#"):
		return invalid("A URL to send to has no fragment (#).")
	case strings.Contains(u.Hostname(), "%"):
		return refused("An address must not have a zone.")
	}
	host := hostOf(u)
	if d.Loopback && isLoopback(host) {
		return nil
	}
	if u.Scheme != "https" {
		return refused("A URL begins with https://; http is for this machine in development only.")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return invalid("The port is not within 1 to 65535.")
		} else if n != 443 && n < lowestPort {
			return refused(fmt.Sprintf("The port is 443 or at least %d.", lowestPort))
		}
	}
	return d.checkHost(ctx, host, invalid, refused)
}

func (d Destinations) checkHost(ctx context.Context, host string, invalid, refused func(string) *fault.Error) *fault.Error {
	const notPublicMessage = "The URL leads to an address that is not a public one."
	if address, err := netip.ParseAddr(host); err == nil {
		if !public(address) {
			return refused(notPublicMessage)
		}
		return nil
	}
	labels := strings.Split(host, ".")
	last := labels[len(labels)-1]
	switch {
	// Resolvers read such as 127.1, 0x7f.1 and 2130706433 as IPv4 addresses (WHATWG URL, "ends in a number").
	case slices.Contains(labels, ""):
		return invalid("The host has an empty part between two dots.")
	case isDigits(last), strings.HasPrefix(last, "0x"):
		return invalid("The host is neither a name nor an address in its usual form.")
	case len(labels) == 1, last == "localhost", last == "local", last == "internal", strings.HasSuffix(host, ".home.arpa"):
		return refused("The host is a name of a private network.")
	}
	lookup := d.Lookup
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	addresses, err := lookup(ctx, host)
	if err != nil {
		return nil
	}
	for _, a := range addresses {
		if !public(a) {
			return refused(notPublicMessage)
		}
	}
	return nil
}

// ForbiddenAddressError says that a connection was refused because of the address that the receiver's name resolved to.
type ForbiddenAddressError struct {
	Address string
}

func (e *ForbiddenAddressError) Error() string {
	return "the address " + e.Address + " is not a public one"
}

// admit checks the address about to be dialled for a host, "ip:port".
func (d Destinations) admit(host, address string) error {
	resolved, err := netip.ParseAddrPort(address)
	if err != nil {
		return errors.Join(&ForbiddenAddressError{Address: address}, err)
	}
	ip := resolved.Addr()
	if public(ip) || (d.Loopback && isLoopback(plainHost(host)) && ip.Unmap().IsLoopback()) {
		return nil
	}
	return &ForbiddenAddressError{Address: address}
}

// hostOf is the URL's host in lower case, without the dot that may end a full name.
func hostOf(u *url.URL) string { return plainHost(u.Hostname()) }

func plainHost(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

// isLoopback tells whether a URL's host says that it is this machine. A name that only resolves to it does not.
func isLoopback(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Unmap().IsLoopback()
	}
	return host == "localhost"
}

func notInURL(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f || r == utf8.RuneError }

func isDigits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}
