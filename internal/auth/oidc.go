package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
)

const (
	// leeway is the accepted difference between the issuer's clock and ours. A token is valid for that long after its exp, and so
	// are its connections: otherwise a request could pass whose socket is already closed.
	leeway = 10 * time.Second
	// maxSubjectBytes is OpenID Connect Core's bound (section 2: sub is at most 255 ASCII characters).
	maxSubjectBytes = 255
)

// algorithms are those of signatures that are accepted: asymmetric ones only. With "none" or HS256 anybody who knows the
// issuer's public key could sign (RFC 8725 section 3.1).
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// OIDCConfig names the issuer and audience whose tokens are accepted.
type OIDCConfig struct {
	// Issuer is the issuer's URL as its tokens have it in iss: https, or http on loopback. See CheckIssuer. Required.
	Issuer string
	// Audience must be in the tokens' aud. Required.
	Audience string
	// ClientID, when set, must be the token's client_id and azp, as far as it has them. When it is not set, the two must be
	// the same.
	ClientID string
	// RoleClaim names the claim with the user's roles: a name, or a path of names with dots such as realm_access.roles. The claim
	// is a text, with words separated by spaces, or a list of texts; the word STAFF, in capitals, makes a member of staff.
	// Everybody else is a customer. Empty: there is no staff.
	RoleClaim string
	// AccessTokensOnly refuses tokens whose header has no typ at+jwt (RFC 9068 section 2.1). Many issuers write JWT into
	// their access tokens; with those the claims keep ID tokens out, see claims.isIDToken.
	AccessTokensOnly bool
	// HTTP asks the issuer. Nil: a client that waits 5 s, and follows no redirect.
	HTTP *http.Client
	// Logger gets messages for operators. Required.
	Logger *slog.Logger
}

// OIDC verifies the access tokens of an OpenID Connect provider: JWTs by RFC 9068, with a signature whose key is among
// those that the issuer publishes (OpenID Connect Discovery 1.0). It implements Verifier. The issuer is asked for its
// keys only, never about a token.
type OIDC struct {
	cfg  OIDCConfig
	keys *issuerKeys
	now  func() time.Time
}

// NewOIDC asks nobody yet: Run does, and else the first Verify.
func NewOIDC(cfg OIDCConfig) (*OIDC, error) {
	if err := CheckIssuer(cfg.Issuer); err != nil {
		return nil, err
	}
	if cfg.Audience == "" {
		return nil, errors.New("no audience: tokens that are meant for others would be accepted")
	}
	return &OIDC{cfg: cfg, keys: newIssuerKeys(cfg.Issuer, cfg.HTTP, cfg.Logger), now: time.Now}, nil
}

// CheckIssuer refuses an issuer that is no URL, or whose answers could be forged on their way: http to another machine.
func CheckIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(issuer, "?#") {
		return errors.New("expected the issuer's URL, such as https://login.example/realms/shop")
	}
	return checkTransport(u)
}

func checkTransport(u *url.URL) error {
	if u.Scheme == "https" || (u.Scheme == "http" && isLoopback(u.Hostname())) {
		return nil
	}
	return errors.New("expected https; http is for an issuer on this machine only")
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || (err == nil && address.Unmap().IsLoopback())
}

// Run keeps the issuer's keys up to date until ctx ends. An issuer that does not answer is logged and asked again.
func (o *OIDC) Run(ctx context.Context) error { return o.keys.run(ctx) }

// Ready reports whether tokens can be checked: nil once the issuer has given its keys. An issuer that is away later does
// no harm to the tokens it has signed.
func (o *OIDC) Ready() error { return o.keys.ready() }

// Verify implements Verifier.
func (o *OIDC) Verify(ctx context.Context, token string) (Principal, error) {
	if len(token) > maxTokenBytes || strings.Count(token, ".") != 2 {
		return Principal{}, invalidToken(errors.New("not a compact JWT, or too long"))
	}
	typ, err := headerType(token)
	if err != nil {
		return Principal{}, invalidToken(err)
	}
	payload, err := o.keys.verify(ctx, token)
	switch {
	case errors.Is(err, errBadSignature):
		return Principal{}, invalidToken(err)
	case err != nil:
		return Principal{}, fault.Wrap(err, fault.Unavailable, "The token cannot be checked now: try again.")
	}
	c, err := readClaims(payload, o.cfg.RoleClaim)
	if err != nil {
		return Principal{}, invalidToken(err)
	}
	if err := o.check(typ, c); err != nil {
		return Principal{}, err
	}
	return Principal{
		CustomerID: id.ForCustomer(c.Issuer, c.Subject),
		Role:       c.role(),
		Issuer:     c.Issuer,
		Subject:    c.Subject,
		Name:       c.displayName(),
		IssuedAt:   c.IssuedAt.UTC(),
		ExpiresAt:  c.end().UTC(),
	}, nil
}

// check checks the claims of a token whose signature is the issuer's.
func (o *OIDC) check(typ string, c claims) error {
	kind, err := kindOf(typ)
	switch {
	case err != nil:
		return invalidToken(err)
	case kind != accessToken && o.cfg.AccessTokensOnly:
		return invalidToken(errors.New("typ is not at+jwt"))
	case kind != accessToken && c.isIDToken(o.cfg.Audience == o.cfg.ClientID):
		return invalidToken(errors.New("an ID token, or nothing that tells it from one: scope, scp or client_id"))
	case c.hasAny("events"):
		return invalidToken(errors.New("a logout token or another security event (RFC 8417), which opens nothing"))
	case c.Issuer != o.cfg.Issuer:
		return invalidToken(errors.New("of another issuer"))
	case !slices.Contains(c.Audience, o.cfg.Audience):
		return invalidToken(errors.New("for another audience"))
	case c.Subject == "" || len(c.Subject) > maxSubjectBytes:
		return invalidToken(errors.New("no sub, or a longer one than allowed"))
	}
	// client_id names the client that requested the token (RFC 9068 section 2.2); azp does in OpenID Connect.
	for _, client := range c.Clients {
		if o.cfg.ClientID != "" && client != o.cfg.ClientID || client != c.Clients[0] {
			return invalidToken(errors.New("issued to another client"))
		}
	}
	return c.checkTimes(o.now())
}

// checkTimes demands iat and exp, which RFC 9068 does too, and that now lies between nbf and exp. A token from the future
// is refused: it would outlive a revocation.
func (c claims) checkTimes(now time.Time) error {
	switch {
	case c.IssuedAt.IsZero() || c.Expiry.IsZero():
		return invalidToken(errors.New("no iat or no exp"))
	case !now.Before(c.end()):
		return fault.Wrap(errors.New("expired"), fault.Unauthenticated, "the session has expired: sign in again")
	case now.Add(leeway).Before(c.NotBefore.Time) || now.Add(leeway).Before(c.IssuedAt.Time):
		return invalidToken(errors.New("not valid yet"))
	}
	return nil
}

// end returns the time at which the token becomes invalid. It is never later than the deletion of the revocations that may revoke
// the token.
func (c claims) end() time.Time {
	end, latest := c.Expiry.Add(leeway), c.IssuedAt.Add(MaxTTL)
	if end.After(latest) {
		return latest
	}
	return end
}

// role is RoleStaff when the role claim has that word, in capitals, else RoleCustomer.
func (c claims) role() Role {
	if slices.Contains(c.Roles, string(RoleStaff)) {
		return RoleStaff
	}
	return RoleCustomer
}
