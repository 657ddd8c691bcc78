package auth

import (
	"context"
	"errors"
	"fmt"
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
	// leeway is how far the issuer's clock and ours may be apart. A token is good that much longer than its exp, the
	// connections that live on it too, so that no request passes whose socket is already closed.
	leeway = 10 * time.Second
	// maxSubjectBytes is OpenID Connect Core's bound (section 2: sub is at most 255 ASCII characters).
	maxSubjectBytes = 255
)

// algorithms are those of signatures that are accepted: asymmetric ones only. With "none" or HS256 anybody who knows the
// issuer's public key could sign (RFC 8725 section 3.1).
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// OIDCConfig says whose tokens are believed.
type OIDCConfig struct {
	// Issuer is the issuer's URL as its tokens have it in iss: https, or http on loopback. See CheckIssuer. Required.
	Issuer string
	// Audience must be in the tokens' aud. Required.
	Audience string
	// ClientID, when set, must be the token's client_id or azp, if it has one of them.
	ClientID string
	// RoleClaim is where a token says what its user may do: the name of a claim, or a path of names with dots such as
	// realm_access.roles. The claim is a text, with words separated by blanks, or a list of texts; the word STAFF, in any
	// case, makes a member of staff. Everybody else is a customer. Empty: there is no staff.
	RoleClaim string
	// AccessTokensOnly refuses tokens whose header has no typ at+jwt (RFC 9068 section 2.1). Many issuers write JWT into
	// their access tokens; with those the claims keep ID tokens out, see claims.isIDToken.
	AccessTokensOnly bool
	// HTTP asks the issuer. Nil: a client that waits 5 s, and follows no redirect.
	HTTP *http.Client
	// Logger gets what the operator should know. Required.
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
	signature := &signatureCheck{keys: o.keys}
	verified, err := oidc.NewVerifier(o.cfg.Issuer, signature, &oidc.Config{
		ClientID:             o.cfg.Audience,
		SupportedSigningAlgs: algorithms,
		SkipExpiryCheck:      true, // its leeway for nbf is five minutes; see checkTimes
	}).Verify(ctx, token)
	switch {
	case signature.unavailable != nil:
		return Principal{}, fault.Wrap(signature.unavailable, fault.Unavailable, "The token cannot be checked now: try again.")
	case err != nil:
		return Principal{}, invalidToken(err)
	}
	var c claims
	if err := verified.Claims(&c); err != nil {
		return Principal{}, invalidToken(err)
	}
	if err := o.check(verified.Subject, signature.typ, c); err != nil {
		return Principal{}, err
	}
	return Principal{
		// The configured issuer, since go-oidc lets one provider write its name in two ways.
		CustomerID: id.ForCustomer(o.cfg.Issuer, verified.Subject),
		Role:       c.role(o.cfg.RoleClaim),
		Issuer:     o.cfg.Issuer,
		Subject:    verified.Subject,
		Name:       c.displayName(),
		IssuedAt:   c.IssuedAt.UTC(),
		ExpiresAt:  c.end().UTC(),
	}, nil
}

// check looks at what go-oidc leaves to its caller.
func (o *OIDC) check(subject, typ string, c claims) error {
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	plain := (typ == "" || typ == "jwt") && !o.cfg.AccessTokensOnly
	switch {
	case typ != "at+jwt" && !plain:
		return invalidToken(fmt.Errorf("typ %s", fault.Quote(typ)))
	case typ != "at+jwt" && c.isIDToken(o.cfg.Audience == o.cfg.ClientID):
		return invalidToken(errors.New("an ID token, or nothing that tells it from one: scope, scp or client_id"))
	case subject == "" || len(subject) > maxSubjectBytes:
		return invalidToken(errors.New("no sub, or a longer one than allowed"))
	case o.cfg.ClientID != "" && c.client() != "" && c.client() != o.cfg.ClientID:
		return invalidToken(errors.New("issued to another client"))
	}
	return c.checkTimes(o.now())
}

// signatureCheck is the go-oidc KeySet of one call of Verify. go-oidc's errors do not tell a bad signature from an
// issuer that does not answer, so it remembers which it was.
type signatureCheck struct {
	keys        *issuerKeys
	typ         string
	unavailable error
}

// VerifySignature implements oidc.KeySet.
func (s *signatureCheck) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, typ, err := s.keys.verify(ctx, token)
	if err != nil && !errors.Is(err, errBadSignature) {
		s.unavailable = err
	}
	s.typ = typ
	return payload, err
}

// client is who the token was issued to: client_id (RFC 9068 section 2.2), or azp where an issuer follows OpenID Connect.
func (c claims) client() string {
	if c.ClientID != "" {
		return c.ClientID
	}
	return c.AuthorizedParty
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

// end is when the token is good no more. However long the issuer lets it live, it ends before the revocations that void
// it are forgotten.
func (c claims) end() time.Time {
	end, latest := c.Expiry.Add(leeway), c.IssuedAt.Add(MaxTTL)
	if end.After(latest) {
		return latest
	}
	return end
}

// role is RoleStaff when the claim says so, else RoleCustomer.
func (c claims) role(path string) Role {
	if path != "" && slices.ContainsFunc(c.words(path), func(word string) bool { return strings.EqualFold(word, string(RoleStaff)) }) {
		return RoleStaff
	}
	return RoleCustomer
}
