// Package oidctest runs a real OpenID Connect provider for tests: the certified one of github.com/zitadel/oidc over
// HTTP on loopback, with discovery, published keys that rotate, and a token endpoint.
package oidctest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	// Audience is the aud claim of the issuer's tokens.
	Audience = "https://api.orderwire.example"
	// RoleClaim is the path of the claim with the user's roles, a list.
	RoleClaim = "realm_access.roles"

	clientSecret = "secret"
)

// Issuer is a running provider.
type Issuer struct {
	// URL is its name, too.
	URL string

	server *httptest.Server
	store  *store
	asked  atomic.Int64
	away   atomic.Bool
}

// New starts a provider that ends with the test.
func New(t *testing.T) *Issuer {
	t.Helper()
	i := &Issuer{store: &store{Storage: storage.NewStorage(storage.NewUserStore("http://localhost"))}}
	i.store.rotate()
	i.server = httptest.NewUnstartedServer(nil)
	i.URL = "http://" + i.server.Listener.Addr().String()
	provider, err := op.NewProvider(&op.Config{CryptoKey: [32]byte{1}}, i.store, op.StaticIssuer(i.URL), op.WithAllowInsecure())
	if err != nil {
		t.Fatal(err)
	}
	i.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/keys") {
			i.asked.Add(1)
		}
		if i.away.Load() {
			http.Error(w, "down for maintenance", http.StatusBadGateway)
			return
		}
		provider.ServeHTTP(w, r)
	})
	i.server.Start()
	t.Cleanup(i.server.Close)
	return i
}

// Asked returns the number of requests for the keys.
func (i *Issuer) Asked() int { return int(i.asked.Load()) }

// Away makes the provider answer 502 to everything, or brings it back.
func (i *Issuer) Away(away bool) { i.away.Store(away) }

// Rotate makes a new key the one that signs. Only it is published.
func (i *Issuer) Rotate() { i.store.rotate() }

// Key is the one that signs now, and its id.
func (i *Issuer) Key() (key *rsa.PrivateKey, keyID string) {
	signing := i.store.current()
	return signing.private, signing.id
}

// Token asks the token endpoint for an access token of the user, by the client credentials grant. It lasts a day,
// however busy the machine is, is for Audience, and has the roles.
func (i *Issuer) Token(t *testing.T, user string, roles ...string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"openid " + strings.Join(roles, " ")}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.URL+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(user, clientSecret)
	response, err := i.server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Token == "" {
		t.Fatalf("token endpoint: %s, %v", response.Status, err)
	}
	return answer.Token
}

// Claims are those of a token that is good, for tests to change.
func (i *Issuer) Claims(user string, now time.Time) map[string]any {
	return map[string]any{
		"iss": i.URL, "sub": user, "aud": []string{Audience}, "client_id": "shop",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
}

// Sign makes a token of any claims with the key that signs now; header is added to alg and kid.
func (i *Issuer) Sign(t *testing.T, claims map[string]any, header map[jose.HeaderKey]any) string {
	t.Helper()
	key, keyID := i.Key()
	return Sign(t, jose.RS256, jose.JSONWebKey{Key: key, KeyID: keyID}, claims, header)
}

// Sign makes a token with any algorithm and key.
func Sign(t *testing.T, algorithm jose.SignatureAlgorithm, key any, claims map[string]any, header map[jose.HeaderKey]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, &jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// store is the provider's example storage, in which anybody who has the secret is a client, and the keys rotate.
type store struct {
	*storage.Storage

	mu  sync.Mutex
	key *signingKey
	n   int
}

func (s *store) rotate() {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	s.key = &signingKey{id: fmt.Sprintf("key-%d", s.n), private: private}
}

func (s *store) current() *signingKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key
}

// CreateAccessToken implements op.Storage. The example's tokens last five minutes, which a busy machine needs for one test.
func (s *store) CreateAccessToken(ctx context.Context, request op.TokenRequest) (tokenID string, expires time.Time, err error) {
	tokenID, _, err = s.Storage.CreateAccessToken(ctx, request)
	return tokenID, time.Now().Add(24 * time.Hour), err
}

// SigningKey implements op.Storage.
func (s *store) SigningKey(context.Context) (op.SigningKey, error) { return s.current(), nil }

// SignatureAlgorithms implements op.Storage.
func (s *store) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

// KeySet implements op.Storage.
func (s *store) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{publicKey{s.current()}}, nil
}

// ClientCredentials implements op.ClientCredentialsStorage.
func (s *store) ClientCredentials(_ context.Context, user, secret string) (op.Client, error) {
	if secret != clientSecret {
		return nil, oidc.ErrInvalidClient()
	}
	return &client{Client: storage.WebClient(user, clientSecret)}, nil
}

// ClientCredentialsTokenRequest implements op.ClientCredentialsStorage.
func (s *store) ClientCredentialsTokenRequest(_ context.Context, user string, scopes []string) (op.TokenRequest, error) {
	return &oidc.JWTTokenRequest{Subject: user, Audience: []string{Audience}, Scopes: scopes}, nil
}

// GetPrivateClaimsFromScopes implements op.Storage.
func (s *store) GetPrivateClaimsFromScopes(_ context.Context, user, _ string, scopes []string) (map[string]any, error) {
	return map[string]any{"name": "The user " + user, "realm_access": map[string]any{"roles": scopes}}, nil
}

// client gets JWTs as access tokens and may use the grant of Token.
type client struct{ *storage.Client }

// AccessTokenType implements op.Client.
func (*client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

// GrantTypes implements op.Client.
func (*client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeClientCredentials}
}

// RestrictAdditionalAccessTokenScopes implements op.Client.
func (*client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

type signingKey struct {
	id      string
	private *rsa.PrivateKey
}

// SignatureAlgorithm implements op.SigningKey.
func (k *signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

// Key implements op.SigningKey.
func (k *signingKey) Key() any { return k.private }

// ID implements op.SigningKey.
func (k *signingKey) ID() string { return k.id }

type publicKey struct{ *signingKey }

// Algorithm implements op.Key.
func (publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }

// Use implements op.Key.
func (publicKey) Use() string { return "sig" }

// Key implements op.Key.
func (k publicKey) Key() any { return &k.private.PublicKey }
